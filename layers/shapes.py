"""Shapes as the map draws them, simplified beforehand for each band of zooms; EPSG:3857, runs in the sandbox."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from layers.sources import WGS84, moved

WEB: Final = CRS.from_epsg(3857)
BANDS: Final = ((0, 6), (7, 8), (9, 10), (11, 12), (13, 24))  # first and last zoom; the last band is exact
DEEPEST: Final = BANDS[-1][1]
POINTS_APART_PX: Final = 4
Row = dict[str, Any]


def pixel_m(zoom: int) -> float:
    """The width of a pixel in web-mercator metres; vector tiles are drawn with 512 pixels."""
    return float(40_075_016.685_578_49 / 512 / 2**zoom)


def web(geometry: NDArray[np.object_]) -> NDArray[np.object_]:
    """Degrees to web mercator; what lies beyond its edge stops there."""
    inside = shapely.transform(geometry, lambda xy: np.column_stack([xy[:, 0], np.clip(xy[:, 1], -85.06, 85.06)]))
    return moved("", np.asarray(inside), WGS84, WEB)


def coverages(geometry: NDArray[np.object_]) -> list[NDArray[np.object_]]:
    """For each band the polygons simplified together, so that neighbours go on sharing their edges; none is dropped."""
    exact = web(geometry)
    return [
        exact if last == DEEPEST else np.asarray(shapely.coverage_simplify(exact, pixel_m(last))) for _, last in BANDS
    ]


def coverage_rows(items: Sequence[str], bands: Iterable[NDArray[np.object_]]) -> Iterator[Row]:
    """Rows of polygons that were simplified together."""
    for (first, last), shapes in zip(BANDS, bands, strict=True):
        for item, shape in zip(items, shapes, strict=True):
            yield row(item, first, last, shape)


def rows(items: Sequence[str], geometry: NDArray[np.object_]) -> Iterator[Row]:
    """Rows of lines and polygons each for itself; what is below a pixel is left out, what stays the same comes once."""
    exact = web(geometry)
    left, bottom, right, top = shapely.bounds(exact).T
    size = np.maximum(right - left, top - bottom)
    vertices = shapely.get_num_coordinates(exact)
    kept = exact
    begins = np.full(len(exact), BANDS[-1][0])
    ends = np.full(len(exact), BANDS[-1][1])
    for first, last in reversed(BANDS[:-1]):
        here = size >= pixel_m(last)
        simpler = shapely.simplify(exact, pixel_m(last) / 2)
        fewer = shapely.get_num_coordinates(simpler)
        for i in np.flatnonzero(here).tolist():
            if fewer[i] == vertices[i]:
                begins[i] = first
                continue
            yield row(items[i], int(begins[i]), int(ends[i]), kept[i])
            kept[i], vertices[i], begins[i], ends[i] = simpler[i], fewer[i], first, last
    for item, first, last, shape in zip(items, begins, ends, kept, strict=True):
        yield row(item, int(first), int(last), shape)


def point_rows(items: Sequence[str], geometry: NDArray[np.object_], order: NDArray[np.int64]) -> Iterator[Row]:
    """Rows of points: each from the zoom on at which no point before it, in that order, is drawn on the same spot."""
    exact = web(geometry)
    x, y = shapely.get_x(exact), shapely.get_y(exact)
    begins = np.full(len(exact), -1)
    for zoom in range(BANDS[-1][0] + 1):
        spot = pixel_m(zoom) * POINTS_APART_PX
        cells = np.column_stack([np.floor(x / spot), np.floor(y / spot)]).astype(np.int64)
        taken = {(a, b) for a, b in cells[begins >= 0].tolist()}
        for i in order[begins[order] < 0].tolist():
            cell = (int(cells[i, 0]), int(cells[i, 1]))
            if cell not in taken or zoom == BANDS[-1][0]:
                taken.add(cell)
                begins[i] = zoom
    for item, first, shape in zip(items, begins, exact, strict=True):
        yield row(item, int(first), DEEPEST, shape)


def row(item: str, first: int, last: int, shape: Any) -> Row:
    return {"item": item, "min_zoom": first, "max_zoom": last, "place": ewkb(shape, 3857)}


def ewkb(geometry: Any, srid: int) -> str:
    """As COPY takes it."""
    return str(shapely.to_wkb(shapely.set_srid(geometry, srid), hex=True, include_srid=True))
