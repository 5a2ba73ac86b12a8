"""A part of a tile pyramid as one picture, for paper and for files that carry their map inside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gis.palettes import Palette
from gis.tiles import HALF_WORLD_M, SIZE, Pyramid

MOST_PIXELS: Final = 4096
"""So wide and high a picture may be; beyond, a smaller zoom is taken."""

EDGE_OPACITY: Final = 220
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Mosaic:
    """indices: (ny, nx) uint8 of the pyramid's steps; box: left, bottom, right, top of its pixels in EPSG:3857."""

    indices: NDArray[np.uint8]
    box: Box


def mosaic(pyramid: Pyramid, box: Box, pixel_m: float) -> Mosaic | None:
    """What the pyramid shows in the box (EPSG:3857) in pixels of at most so many metres; None where nothing is there.

    Where the pyramid has none that small, in its smallest.
    """
    smallest, largest = pyramid.zooms
    left, bottom, right, top = box
    wanted = int(np.ceil(np.log2(2 * HALF_WORLD_M / SIZE / pixel_m)))
    widest = int(np.floor(np.log2(2 * HALF_WORLD_M / SIZE / max(right - left, top - bottom) * MOST_PIXELS)))
    zoom = max(smallest, min(wanted, widest, largest))
    pixel = 2 * HALF_WORLD_M / SIZE / 2**zoom
    first_x, last_x = _pixels(left + HALF_WORLD_M, right + HALF_WORLD_M, pixel)
    first_y, last_y = _pixels(HALF_WORLD_M - top, HALF_WORLD_M - bottom, pixel)
    indices = np.zeros((last_y - first_y, last_x - first_x), np.uint8)
    most = (1 << zoom) - 1
    for y in range(max(first_y // SIZE, 0), min((last_y - 1) // SIZE, most) + 1):
        for x in range(max(first_x // SIZE, 0), min((last_x - 1) // SIZE, most) + 1):
            tile = pyramid.tile(zoom, x, y)
            if tile is None:
                continue
            rows, columns = y * SIZE - first_y, x * SIZE - first_x
            into_rows = slice(max(rows, 0), min(rows + SIZE, indices.shape[0]))
            into_columns = slice(max(columns, 0), min(columns + SIZE, indices.shape[1]))
            indices[into_rows, into_columns] = tile[
                into_rows.start - rows : into_rows.stop - rows,
                into_columns.start - columns : into_columns.stop - columns,
            ]
    if not indices.any():
        return None
    found = (
        first_x * pixel - HALF_WORLD_M,
        HALF_WORLD_M - last_y * pixel,
        last_x * pixel - HALF_WORLD_M,
        HALF_WORLD_M - first_y * pixel,
    )
    return Mosaic(indices, found)


def cased(indices: NDArray[np.uint8], palette: Palette) -> tuple[NDArray[np.uint8], Palette]:
    """The picture with a light edge of a pixel around what is drawn, so that it is seen on dark ground, too."""
    colourless = palette.rgba[:, 3] == 0
    nothing = colourless[indices]
    edge = nothing & ndimage.binary_dilation(~nothing, np.ones((3, 3), bool))
    free = len(palette.rgba)
    if free > np.iinfo(np.uint8).max:
        return indices, palette
    light = np.array([[255, 255, 255, EDGE_OPACITY]], np.uint8)
    return np.where(edge, np.uint8(free), indices), Palette(np.vstack([palette.rgba, light]))


def _pixels(start: float, end: float, pixel: float) -> tuple[int, int]:
    """The first pixel that a stretch touches and the one after the last."""
    first = int(np.floor(start / pixel))
    return first, max(first + 1, int(np.ceil(end / pixel)))
