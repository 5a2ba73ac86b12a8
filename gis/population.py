"""Where people are counted: the populated cells of a population raster, on its own grid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from gis.errors import NegativePeople, NoPeople, RotatedGrid, UndeclaredNodata
from gis.grid import Grid
from gis.raster import MAX_PIXELS, RasterFile, strips

Unit = Literal["persons", "persons/km2"]
STRIP_CELLS = 4 * 2**20


@dataclass(frozen=True)
class Population:
    """The populated cells of a grid, row by row.

    row_start: (ny + 1,) int64; column: (n,) int32, rising within a row; people: (n,) float64, > 0 persons.
    The cells of row r are row_start[r]:row_start[r + 1].
    """

    grid: Grid
    row_start: NDArray[np.int64]
    column: NDArray[np.int32]
    people: NDArray[np.float64]

    @cached_property
    def total(self) -> float:
        """All people of the raster."""
        return float(self.people.sum())

    @property
    def row(self) -> NDArray[np.int32]:
        """The row of each populated cell, (n,)."""
        return np.repeat(np.arange(self.grid.ny, dtype=np.int32), np.diff(self.row_start))


def read_population(path: Path | str, unit: Unit = "persons", *, max_pixels: int = MAX_PIXELS) -> Population:
    """The populated cells of a GeoTIFF; a density becomes people by the true area of each cell.

    Raises NegativePeople, UndeclaredNodata, RotatedGrid, NoPeople and what RasterFile raises.
    """
    with RasterFile(path, max_pixels=max_pixels) as raster:
        if raster.placement.rotated:
            raise RotatedGrid(file=raster.name)
        grid = raster.grid
        return _populated(grid, _people_by_strip(raster, grid, unit), raster.name)


def population_from_array(people: NDArray[np.floating], grid: Grid) -> Population:
    """The populated cells of an array of persons, (ny, nx); NaN and 0 are empty."""
    return _populated(grid, iter([(0, np.asarray(people))]), "array")


def _people_by_strip(raster: RasterFile, grid: Grid, unit: Unit) -> Iterator[tuple[int, NDArray[np.floating]]]:
    rows = max(raster.block_rows, STRIP_CELLS // grid.nx // raster.block_rows * raster.block_rows)
    if rows * grid.nx > 16 * STRIP_CELLS:
        rows = max(1, STRIP_CELLS // grid.nx)
    for first, end in strips(grid.ny, rows):
        values = raster.read(first, 0, end - first, grid.nx)
        fill = raster.fill(values)
        if fill.any():
            raise UndeclaredNodata(file=raster.name, cells=int(fill.sum()), value=f"{values[fill][0]:g}")
        if unit == "persons/km2":
            values = values * cell_areas_km2(grid, first, end)
        yield first, values


def _populated(grid: Grid, people_by_strip: Iterator[tuple[int, NDArray[np.floating]]], name: str) -> Population:
    counts = np.zeros(grid.ny + 1, dtype=np.int64)
    columns: list[NDArray[np.int32]] = []
    people: list[NDArray[np.float64]] = []
    negative = 0
    first_negative: tuple[int, int, float] | None = None
    for first, values in people_by_strip:
        below = values < 0
        if below.any():
            negative += int(below.sum())
            row, column = np.argwhere(below)[0]
            first_negative = first_negative or (first + int(row), int(column), float(values[row, column]))
            continue
        flat = np.flatnonzero(values > 0)
        rows, found = np.divmod(flat, grid.nx)
        counts[first + 1 : first + 1 + values.shape[0]] = np.bincount(rows, minlength=values.shape[0])
        columns.append(found.astype(np.int32))
        people.append(values.ravel()[flat].astype(np.float64))
    if first_negative:
        row, column, value = first_negative
        raise NegativePeople(file=name, cells=negative, row=row + 1, column=column + 1, value=f"{value:g}")
    if not sum(map(len, columns)):
        raise NoPeople(file=name)
    return Population(grid, np.cumsum(counts), np.concatenate(columns), np.concatenate(people))


def cell_areas_km2(grid: Grid, first: int, end: int) -> NDArray[np.float64]:
    """True (ellipsoidal) area of the cells of rows first..end-1, km², broadcastable to (end - first, nx).

    Geographic grids: exactly, through the cylindrical equal-area projection of the grid's own ellipsoid (Snyder 1987,
    USGS Professional Paper 1395, p. 81). Projected grids: planar area times the true area of a planar square metre,
    found through the same projection; it is smooth and therefore taken at nodes at most 2 km apart and interpolated.
    """
    if grid.crs.is_geographic:
        to_metres = _to_equal_area(grid.crs, 0.0)
        edges = grid.top - np.arange(first, end + 1) * grid.cell_height
        # Half a degree is enough to know the width of a degree everywhere: the projection is cylindrical.
        x, _ = to_metres.transform([0.0, 0.5 * grid.cell_width], [0.0, 0.0])
        _, y = to_metres.transform(np.zeros_like(edges), np.clip(edges, -90, 90))
        return np.asarray(-np.diff(y) * 2 * (x[1] - x[0]) / 1e6)[:, None]
    return grid.cell_width * grid.cell_height / 1e6 * _true_area_of_a_unit(grid, first, end)


def _to_equal_area(crs: CRS, longitude: float) -> Transformer:
    """From longitude and latitude to metres on the cylindrical equal-area projection of the CRS's ellipsoid."""
    geodetic = crs.geodetic_crs or crs
    ellipsoid = geodetic.ellipsoid
    size = "+ellps=WGS84"
    if ellipsoid is not None:
        size = f"+a={ellipsoid.semi_major_metre!r} +b={ellipsoid.semi_minor_metre!r}"
    equal_area = CRS.from_proj4(f"+proj=cea {size} +lon_0={longitude!r} +units=m")
    return Transformer.from_crs(geodetic, equal_area, always_xy=True)


def _true_area_of_a_unit(grid: Grid, first: int, end: int) -> NDArray[np.float64]:
    """Square metres in a square unit at the centres of rows first..end-1, (end - first, nx); nodes are the grid's."""
    metres = grid.crs.axis_info[0].unit_conversion_factor
    step = int(np.clip(2000 / (max(grid.cell_width, grid.cell_height) * metres), 1, 16))
    nodes_y = np.arange(first // step, -(-end // step) + 1) * step
    nodes_x = np.arange(-(-grid.nx // step) + 1) * step
    x, y = np.meshgrid(grid.left + nodes_x * grid.cell_width, grid.top - nodes_y * grid.cell_height)
    half = 500 / metres  # of a side: large against rounding, small against the Earth
    around_x = np.stack([x - half, x + half, x + half, x - half])
    around_y = np.stack([y - half, y - half, y + half, y + half])
    to_geodetic = Transformer.from_crs(grid.crs, grid.crs.geodetic_crs, always_xy=True)
    longitude, latitude = (np.asarray(a) for a in to_geodetic.transform(around_x, around_y))
    middle, _ = to_geodetic.transform(*_middle(grid))
    x, y = (np.asarray(a) for a in _to_equal_area(grid.crs, middle).transform(longitude, latitude))
    area = ((x[2] - x[0]) * (y[3] - y[1]) - (x[3] - x[1]) * (y[2] - y[0])) / 2 / (2 * half) ** 2
    rows = (np.arange(first, end) + 0.5 - nodes_y[0]) / step
    columns = (np.arange(grid.nx) + 0.5) / step
    i, j = rows.astype(int), columns.astype(int)
    u, v = (rows - i)[:, None], (columns - j)[None, :]
    upper = area[i][:, j] * (1 - v) + area[i][:, j + 1] * v
    lower = area[i + 1][:, j] * (1 - v) + area[i + 1][:, j + 1] * v
    return np.asarray(upper * (1 - u) + lower * u)


def _middle(grid: Grid) -> tuple[float, float]:
    left, bottom, right, top = grid.bounds
    return (left + right) / 2, (bottom + top) / 2
