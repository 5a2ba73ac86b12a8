"""Tile pyramids: a raster on the web-mercator tile grid as one-byte indices, made once at import.

The tile at the largest zoom, whose pixels are not larger than the raster's cells, takes the cell that holds each
pixel's centre; each smaller zoom is made of the four tiles below by the rule. Indices are steps finer than the legend's
classes (gis.classes.Steps).

A file holds each tile as the deflated rows of a palette PNG: what depends on the colours is another chunk, so a tile in
any colours is four pieces of bytes put one after the other, nothing is compressed when it is asked for, and a map of
narrow floods takes a fiftieth of the bytes that it draws. Tiles with nothing in them are not stored at all.

    b"SPRPYR1\\n", uint32 length of a JSON, the JSON, per zoom the tiles' (uint64 offset, uint32 length), the tiles
"""

from __future__ import annotations

import json
import mmap
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from gis.classes import Steps
from gis.errors import FormatTooOld, TileOutside
from gis.palettes import Palette, chunk
from gis.raster import RasterFile

SIZE = 256
MAGIC = b"SPRPYR1\n"
HALF_WORLD_M = 20037508.342789244
LARGEST_ZOOM = 20
BLOCK = np.dtype([("offset", "<u8"), ("length", "<u4")])


def _begin(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0))


BEGIN = _begin(SIZE, SIZE)
END = chunk(b"IEND", b"")

Values = NDArray[np.floating]
Pixels = NDArray[Any]
"""Indices, or values where they are still to be averaged."""

Meaning = Callable[[Values, int, int], Values]
"""(cells, first row, first column) -> what is drawn of them: a density for people."""


class Rule(StrEnum):
    """How four pixels become one at the next smaller zoom."""

    MAXIMUM = "maximum"  # what is narrow stays visible, larger than it is
    AVERAGE = "average"
    NEAREST = "nearest"  # codes cannot be averaged


def png(indices: NDArray[np.uint8], palette: Palette) -> bytes:
    """A palette PNG of (ny, nx) indices."""
    ny, nx = indices.shape
    return _begin(nx, ny) + palette.chunks + _image_data(indices, level=6) + END


def _png(image_data: bytes, palette: Palette) -> bytes:
    return BEGIN + palette.chunks + image_data + END


def _image_data(indices: NDArray[np.uint8], level: int) -> bytes:
    ny, nx = indices.shape
    rows = np.zeros((ny, nx + 1), np.uint8)  # each row begins with the number of its filter, 0
    rows[:, 1:] = indices
    return chunk(b"IDAT", zlib.compress(rows.tobytes(), level))


EMPTY = _png(_image_data(np.zeros((SIZE, SIZE), np.uint8), level=9), Palette(np.zeros((1, 4), np.uint8)))
"""A tile with nothing in it."""


@dataclass(frozen=True)
class Span:
    """The tiles of a zoom that a raster touches: nx columns from x, ny rows from y."""

    zoom: int
    x: int
    y: int
    nx: int
    ny: int

    def position(self, x: int, y: int) -> int | None:
        """The place of tile x, y in the directory, None outside."""
        if self.x <= x < self.x + self.nx and self.y <= y < self.y + self.ny:
            return (y - self.y) * self.nx + x - self.x
        return None


class Pyramid:
    """An open pyramid; may be used by many threads and by processes that were forked after opening.

    zooms: (smallest, largest); bounds: left, bottom, right, top in degrees; steps; rule.
    """

    def __init__(self, path: Path, data: mmap.mmap) -> None:
        if data[: len(MAGIC)] != MAGIC:
            raise FormatTooOld(file=path.name)
        start = len(MAGIC) + 4
        (length,) = struct.unpack("<I", data[len(MAGIC) : start])
        about = json.loads(data[start : start + length])
        self._data = data
        self.rule = Rule(about["rule"])
        self.steps = Steps(tuple(about["edges"]), about["exact"])
        self.bounds: tuple[float, float, float, float] = tuple(about["bounds"])
        self._spans = {span[0]: Span(*span) for span in about["spans"]}
        self.zooms = min(self._spans), max(self._spans)
        self._directory: dict[int, NDArray[np.void]] = {}
        at = start + length
        for zoom, span in self._spans.items():
            self._directory[zoom] = np.frombuffer(data, BLOCK, span.nx * span.ny, at)
            at += span.nx * span.ny * BLOCK.itemsize

    @classmethod
    def open(cls, path: Path | str) -> Pyramid:
        """The pyramid in that file. Raises FormatTooOld where it is none, or OSError."""
        path = Path(path)
        with path.open("rb") as file:
            try:
                data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except ValueError as error:  # an empty file
                raise FormatTooOld(file=path.name) from error
        return cls(path, data)

    def _stored(self, z: int, x: int, y: int) -> bytes | None:
        if not (self.zooms[0] <= z <= self.zooms[1] and 0 <= x < 1 << z and 0 <= y < 1 << z):
            raise TileOutside(z=z, x=x, y=y)
        position = self._spans[z].position(x, y)
        if position is None:
            return None
        offset, length = self._directory[z][position].item()
        return self._data[offset : offset + length] if length else None

    def tile(self, z: int, x: int, y: int) -> NDArray[np.uint8] | None:
        """The indices of a tile, (256, 256); None where nothing is in it.

        Raises TileOutside beyond the zooms, or where there is no such tile on Earth.
        """
        stored = self._stored(z, x, y)
        if stored is None:
            return None
        rows = np.frombuffer(zlib.decompress(stored[8:-4]), np.uint8).reshape(SIZE, SIZE + 1)
        return rows[:, 1:]

    def png(self, z: int, x: int, y: int, palette: Palette) -> bytes:
        """The tile as a PNG in those colours; EMPTY where nothing is in it. Raises TileOutside."""
        stored = self._stored(z, x, y)
        return EMPTY if stored is None else _png(stored, palette)


def build(
    raster: RasterFile, target: Path, *, steps: Steps, rule: Rule, meaning: Meaning | None = None
) -> tuple[int, int]:
    """Write the pyramid of a raster in any CRS; gives its zooms. About 1 s for each million cells with something."""
    builder = _Builder(raster, steps, rule, meaning or (lambda values, row, column: values))
    with target.open("wb") as file:
        builder.write(file)
    return builder.spans[0].zoom, builder.spans[-1].zoom


class _Builder:
    def __init__(self, raster: RasterFile, steps: Steps, rule: Rule, meaning: Meaning) -> None:
        self.raster, self.steps, self.rule, self.meaning = raster, steps, rule, meaning
        p, (ny, nx) = raster.placement, raster.shape
        self._determinant = p.a * p.e - p.b * p.d
        mercator = CRS.from_epsg(3857)
        rows, columns = _outline(ny, nx)
        x, y = p.a * columns + p.b * rows + p.c, p.d * columns + p.e * rows + p.f
        to_degrees = Transformer.from_crs(raster.crs, 4326, always_xy=True)
        longitude, latitude = to_degrees.transform(x, y)
        self.bounds = (
            float(np.min(longitude)),
            float(np.min(latitude)),
            float(np.max(longitude)),
            float(np.max(latitude)),
        )
        to_mercator = Transformer.from_crs(4326, mercator, always_xy=True)
        x, y = to_mercator.transform(longitude, np.clip(latitude, -85.05, 85.05))
        self._box = float(np.min(x)), float(np.min(y)), float(np.max(x)), float(np.max(y))
        self._to_raster = Transformer.from_crs(mercator, raster.crs, always_xy=True)
        # In mercator's own metres, so that nothing depends on where on Earth it is.
        cell = min((self._box[2] - self._box[0]) / nx, (self._box[3] - self._box[1]) / ny)
        finest = int(np.ceil(np.log2(2 * HALF_WORLD_M / SIZE / cell) - 1e-6))
        self.spans = [self._span(zoom) for zoom in range(min(max(finest, 0), LARGEST_ZOOM) + 1)]
        self._stored: dict[bytes, tuple[int, int]] = {}

    def _span(self, zoom: int) -> Span:
        side = 2 * HALF_WORLD_M / (1 << zoom)
        left, bottom, right, top = self._box
        most = (1 << zoom) - 1
        x, last_x = (min(max(int((v + HALF_WORLD_M) // side), 0), most) for v in (left, right))
        y, last_y = (min(max(int((HALF_WORLD_M - v) // side), 0), most) for v in (top, bottom))
        return Span(zoom, x, y, last_x - x + 1, last_y - y + 1)

    def write(self, file: BinaryIO) -> None:
        about = json.dumps(
            {
                "rule": self.rule,
                "edges": self.steps.edges,
                "exact": self.steps.exact,
                "bounds": self.bounds,
                "spans": [[s.zoom, s.x, s.y, s.nx, s.ny] for s in self.spans],
            }
        ).encode()
        self._directory = [np.zeros(s.nx * s.ny, BLOCK) for s in self.spans]
        head = MAGIC + struct.pack("<I", len(about)) + about
        file.write(head)
        file.write(bytes(sum(d.nbytes for d in self._directory)))
        self._file = file
        self._tile(0, 0, 0)
        file.seek(len(head))
        for blocks in self._directory:
            file.write(blocks.tobytes())

    def _tile(self, z: int, x: int, y: int) -> Pixels | None:
        """Write a tile after all below it; gives its pixels, None where there is nothing."""
        position = self.spans[z].position(x, y)
        if position is None:
            return None
        if z == len(self.spans) - 1:
            pixels = self._sampled(z, x, y)
        else:
            below = [[self._tile(z + 1, 2 * x + i, 2 * y + j) for i in (0, 1)] for j in (0, 1)]
            pixels = self._smaller(below)
        if pixels is None:
            return None
        indices = pixels if pixels.dtype == np.uint8 else self.steps.index(pixels)
        if indices.any():
            self._store(z, position, indices)
        elif pixels.dtype == np.uint8:
            return None
        return pixels

    def _store(self, z: int, position: int, indices: NDArray[np.uint8]) -> None:
        data = _image_data(indices, level=6)
        if data not in self._stored:
            place = self._file.tell(), len(data)
            self._file.write(data)
            if len(data) > 1000:  # only tiles of few colours occur twice; not all must be remembered
                self._directory[z][position] = place
                return
            self._stored[data] = place
        self._directory[z][position] = self._stored[data]

    def _smaller(self, below: list[list[Pixels | None]]) -> Pixels | None:
        known = [t for row in below for t in row if t is not None]
        if not known:
            return None
        four = np.zeros((2 * SIZE, 2 * SIZE), known[0].dtype)
        for j in (0, 1):
            for i in (0, 1):
                tile = below[j][i]
                if tile is not None:
                    four[j * SIZE : (j + 1) * SIZE, i * SIZE : (i + 1) * SIZE] = tile
                elif four.dtype != np.uint8:
                    four[j * SIZE : (j + 1) * SIZE, i * SIZE : (i + 1) * SIZE] = np.nan
        if self.rule == Rule.NEAREST:
            return four[::2, ::2]
        quarters = four.reshape(SIZE, 2, SIZE, 2)
        if self.rule == Rule.MAXIMUM:
            return np.asarray(quarters.max(axis=(1, 3)))
        counted = ~np.isnan(quarters)
        count = counted.sum(axis=(1, 3))
        total = np.where(counted, quarters, 0).sum(axis=(1, 3))
        return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(four.dtype))

    def _sampled(self, z: int, x: int, y: int) -> Pixels | None:
        """The cells that hold the centres of a tile's pixels, None where nothing is."""
        rows, columns = self._cells(z, x, y)
        ny, nx = self.raster.shape
        inside = (rows >= 0) & (rows < ny) & (columns >= 0) & (columns < nx)
        if not inside.any():
            return None
        r, c = rows[inside].astype(np.int64), columns[inside].astype(np.int64)
        row, column = int(r.min()), int(c.min())
        cells = self.raster.read(row, column, int(r.max()) - row + 1, int(c.max()) - column + 1)
        window: Pixels = self.meaning(cells, row, column)
        if self.rule != Rule.AVERAGE:
            window = self.steps.index(window)
            if not window.any():
                return None
        elif np.isnan(window).all():
            return None
        pixels = np.full((SIZE, SIZE), 0 if window.dtype == np.uint8 else np.nan, window.dtype)
        pixels[inside] = window[r - row, c - column]
        return pixels

    def _cells(self, z: int, x: int, y: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Row and column in the raster, (256, 256) each, of the pixels' centres.

        Exactly along the axes of a geographic CRS; otherwise exactly at every eighth pixel and interpolated, which
        is off by at most a thousandth of a pixel where pixels are below 2 km, and else at every pixel.
        """
        side = 2 * HALF_WORLD_M / (1 << z)
        left, top, pixel = x * side - HALF_WORLD_M, HALF_WORLD_M - y * side, side / SIZE
        centres = np.arange(SIZE) + 0.5
        p = self.raster.placement
        separable = self.raster.crs.is_geographic and not p.rotated and _greenwich(self.raster.crs)
        if separable:
            longitude, _ = self._to_raster.transform(left + centres * pixel, np.zeros(SIZE))
            _, latitude = self._to_raster.transform(np.full(SIZE, left + side / 2), top - centres * pixel)
            rows = np.broadcast_to(((np.asarray(latitude) - p.f) / p.e)[:, None], (SIZE, SIZE))
            columns = np.broadcast_to(((np.asarray(longitude) - p.c) / p.a)[None, :], (SIZE, SIZE))
            return np.floor(rows), np.floor(columns)
        step = 8 if pixel < 2000 else 1
        nodes = np.arange(0, SIZE + 1, step) if step > 1 else centres
        node_x, node_y = np.meshgrid(left + nodes * pixel, top - nodes * pixel)
        to_x, to_y = self._to_raster.transform(node_x, node_y)
        to_x = np.where(np.isfinite(to_x), to_x, np.nan) - p.c
        to_y = np.where(np.isfinite(to_y), to_y, np.nan) - p.f
        columns = (p.e * to_x - p.b * to_y) / self._determinant
        rows = (p.a * to_y - p.d * to_x) / self._determinant
        if step > 1:
            rows, columns = _between(rows, centres / step), _between(columns, centres / step)
        return np.floor(rows), np.floor(columns)


def _greenwich(crs: CRS) -> bool:
    """True where longitudes and latitudes are web mercator's own, so that each depends on one coordinate only."""
    geodetic = crs.geodetic_crs
    return bool(geodetic is not None and geodetic.to_epsg() == 4326)


def _between(nodes: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    i = at.astype(int)
    u = at - i
    rows = nodes[i] * (1 - u)[:, None] + nodes[i + 1] * u[:, None]
    return np.asarray(rows[:, i] * (1 - u)[None, :] + rows[:, i + 1] * u[None, :])


def _outline(ny: int, nx: int, points: int = 65) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rows and columns of points along a raster's outline, from the upper left corner round."""
    t = np.linspace(0, 1, points)
    zeros, ones = np.zeros(points), np.ones(points)
    rows = np.concatenate([zeros, t, ones, t[::-1]]) * ny
    columns = np.concatenate([t, ones, t[::-1], zeros]) * nx
    return rows, columns


def outline_degrees(raster: RasterFile) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Longitudes and latitudes of points along a raster's outline."""
    p = raster.placement
    rows, columns = _outline(*raster.shape)
    x, y = p.a * columns + p.b * rows + p.c, p.d * columns + p.e * rows + p.f
    longitude, latitude = Transformer.from_crs(raster.crs, 4326, always_xy=True).transform(x, y)
    return np.asarray(longitude), np.asarray(latitude)
