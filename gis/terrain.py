"""Terrain: where water flows, and how high the ground stands above the stream that it drains to.

Heights above the nearest drainage are computed once, when an elevation layer is imported. With them, a flood depth
layer says for every populated cell how far the water stands below or above its ground, also where it is dry.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from gis.arrays import load, save
from gis.errors import GridMismatch, RotatedGrid
from gis.grid import Grid
from gis.hazard import RasterHazard
from gis.population import Population, cell_areas_km2
from gis.raster import RasterFile, strips
from gis.source import Source

TERRAIN = "terrain 1"
STREAM_KM2 = 10.0
"""Upstream area from which a stream is taken to begin."""

MOST_CELLS = 18_000_000
"""Finer elevations are averaged first: filling them would take more memory than the sandbox has."""

BANK_M, LOWEST_M = 5.0, 1.0
"""Water higher than a bank above what its ground drains to tells nothing of that stream: elevation and flood differ."""

FARTHEST_M = 20.0
"""A rise beyond this is no flood of that layer any more: the cell is not reached."""

NODATA = -9999.0

Float32 = NDArray[np.float32]


@numba.njit(cache=True, nogil=True)
def _accumulated(order, downstream, area):  # type: ignore[no-untyped-def]
    """Upstream area of each cell, its own included; order: from down- to upstream; pits flow into themselves."""
    for i in range(len(order) - 1, -1, -1):
        cell = order[i]
        below = downstream[cell]
        if below != cell:
            area[below] += area[cell]
    return area


@numba.njit(cache=True, nogil=True)
def _drained(order, downstream, stream):  # type: ignore[no-untyped-def]
    """The number of the stream cell that each cell drains to, -1 where none; stream: its own number or -1."""
    drain = stream.copy()
    for cell in order:
        if drain[cell] < 0 and downstream[cell] != cell:
            drain[cell] = drain[downstream[cell]]
    return drain


@dataclass(frozen=True)
class Terrain:
    """What is kept of an elevation layer.

    hand_m: (ny, nx) float32; drain: (ny, nx) int32, the number of the stream cell that the cell drains to, -1 where
    none; downstream: (streams,) int32, the next stream cell, itself at an outlet; stream_m: (streams,) float32, their
    elevation. Stream cells are numbered from down- to upstream. coarser: so many cells of the file make one, each way.
    """

    grid: Grid
    hand_m: Float32
    drain: NDArray[np.int32]
    downstream: NDArray[np.int32]
    stream_m: Float32
    stream_km2: float
    coarser: int = 1

    @property
    def streams(self) -> int:
        """How many stream cells there are."""
        return len(self.downstream)

    def save(self, path: Path) -> None:
        """Keep it in one file."""
        g = self.grid
        arrays: dict[str, NDArray[Any]] = {
            "hand_m": self.hand_m,
            "drain": self.drain,
            "downstream": self.downstream,
            "stream_m": self.stream_m,
        }
        about = {
            "crs": g.crs.to_wkt(),
            "place": [g.left, g.top, g.cell_width, g.cell_height],
            "shape": g.shape,
            "stream_km2": self.stream_km2,
            "coarser": self.coarser,
        }
        save(path, TERRAIN, arrays, about)

    @classmethod
    def load(cls, path: Path | str) -> Terrain:
        """What save() kept, memory-mapped. Raises FormatTooOld, OSError."""
        arrays, about = load(path, TERRAIN)
        grid = Grid(CRS.from_wkt(about["crs"]), *about["place"], *about["shape"])
        return cls(grid, stream_km2=about["stream_km2"], coarser=about["coarser"], **arrays)


def of_elevation(raster: RasterFile, *, stream_km2: float = STREAM_KM2, most_cells: int = MOST_CELLS) -> Terrain:
    """The terrain of an elevation raster in metres, NaN outside. Raises RotatedGrid, Damaged.

    A raster of more than most_cells is averaged over k x k cells first (what does not fill a block at its right and
    lower edge is left out).
    """
    if raster.placement.rotated:
        raise RotatedGrid(file=raster.name)
    fine = raster.grid
    k = max(1, int(np.ceil(np.sqrt(fine.ny * fine.nx / most_cells))))
    ny, nx = max(1, fine.ny // k), max(1, fine.nx // k)
    elevation = np.empty((ny, nx), np.float32)
    for first, end in strips(ny, max(1, 4 * 2**20 // (fine.nx * k))):
        block = raster.read(first * k, 0, (end - first) * k, nx * k).reshape(end - first, k, nx, k)
        known = ~np.isnan(block)
        count = known.sum(axis=(1, 3))
        total = np.where(known, block, 0).sum(axis=(1, 3), dtype=np.float64)
        elevation[first:end] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    grid = Grid(fine.crs, fine.left, fine.top, fine.cell_width * k, fine.cell_height * k, ny, nx)
    return terrain(elevation, grid, stream_km2=stream_km2, coarser=k)


def terrain(
    elevation_m: NDArray[np.floating], grid: Grid, *, stream_km2: float = STREAM_KM2, coarser: int = 1
) -> Terrain:
    """The terrain of an array of elevations, (ny, nx), NaN outside.

    Depressions are filled and each cell drains to one of its eight neighbours (Wang and Liu 2006,
    doi:10.1080/13658810500433453, by pyflwdir); water leaves at the edge of what is known. A stream begins where the
    upstream area, on the ellipsoid, reaches stream_km2. Raises GridMismatch.
    """
    filled, downstream, order = flow_directions(elevation_m, grid)
    area = np.broadcast_to(cell_areas_km2(grid, 0, grid.ny), grid.shape).ravel().copy()
    upstream = _accumulated(order, downstream, area)
    cells = order[upstream[order] >= stream_km2]  # still from down- to upstream
    number = np.full(filled.size, -1, np.int32)
    number[cells] = np.arange(len(cells), dtype=np.int32)
    drain = _drained(order, downstream, number)
    stream_m = filled.ravel()[cells]
    return Terrain(
        grid,
        hand(filled, drain.reshape(grid.shape), stream_m),
        drain.reshape(grid.shape),
        number[downstream[cells]],
        stream_m,
        stream_km2,
        coarser,
    )


def flow_directions(
    elevation_m: NDArray[np.floating], grid: Grid
) -> tuple[Float32, NDArray[np.int64], NDArray[np.int64]]:
    """(filled, downstream, order): elevations without depressions, (ny, nx) float32, NaN outside; for each cell,
    row by row, the cell that it drains to, itself at an outlet and where nothing is known; all known cells from down-
    to upstream.

    Raises GridMismatch.
    """
    import pyflwdir  # takes seconds; most who import this module only read what is kept

    if elevation_m.shape != grid.shape:
        raise GridMismatch(found=elevation_m.shape, expected=grid.shape)
    known = ~np.isnan(elevation_m)
    given = np.where(known, elevation_m, NODATA).astype(np.float32)
    if not known.any():
        cells = np.arange(given.size)
        return np.full(grid.shape, np.nan, np.float32), cells, cells[:0]
    filled, d8 = pyflwdir.dem.fill_depressions(given, nodata=NODATA)
    directions = pyflwdir.from_array(d8, ftype="d8", check_ftype=False)
    order = np.asarray(directions.idxs_seq).astype(np.int64)
    downstream = np.arange(given.size)
    downstream[order] = np.asarray(directions.idxs_ds)[order]
    return np.where(known, filled, np.nan).astype(np.float32), downstream, order


def hand(filled_m: NDArray[np.floating], drain: NDArray[np.int32], stream_m: NDArray[np.floating]) -> Float32:
    """Height above nearest drainage, in metres, (ny, nx) float32; NaN where no stream is reached.

    filled_m: elevations without depressions, (ny, nx); drain: the stream cell that each cell drains to, (ny, nx), -1
    where none; stream_m: elevation of the stream cells. On filled elevations no height is negative; on the floor of a
    filled depression it is that of the spill point. Raises GridMismatch if the two do not share a grid.
    Source: Nobre et al. 2011, doi:10.1016/j.jhydrol.2011.03.051.
    """
    if filled_m.shape != drain.shape:
        raise GridMismatch(found=drain.shape, expected=filled_m.shape)
    if not len(stream_m):
        return np.full(filled_m.shape, np.nan, np.float32)
    above = filled_m - stream_m[np.maximum(drain, 0)]
    return np.where(drain >= 0, above, np.nan).astype(np.float32)


def flood_levels_m(depth_m: NDArray[np.floating], terrain: Terrain) -> NDArray[np.float64]:
    """Water level of a flood above each stream cell, (streams,) metres; NaN where the flood does not lead.

    depth_m: on the terrain's grid, NaN or 0 where dry. Where cells that drain to a stream cell are wet, its level is
    the mean depth + HAND of the lowest of them, those within LOWEST_M of the lowest one; where even that one stands
    higher than BANK_M, it is the water of another stream that the elevations lead here, and tells nothing. Other
    stream cells take the level of the reach above them (the higher of two), the depth in the stream being carried on;
    what is still without, a tributary that the flood does not model, takes the water's surface below it as level, so
    that the level falls by as much as its bed rises (backwater).
    """
    if depth_m.shape != terrain.grid.shape:
        raise GridMismatch(found=depth_m.shape, expected=terrain.grid.shape)
    wet = (depth_m > 0) & (terrain.drain >= 0) & (terrain.hand_m <= BANK_M + LOWEST_M)
    lowest = np.full(terrain.streams, np.inf, np.float32)
    np.minimum.at(lowest, terrain.drain[wet], terrain.hand_m[wet])
    lowest[lowest > BANK_M] = -np.inf
    wet[wet] = terrain.hand_m[wet] <= lowest[terrain.drain[wet]] + LOWEST_M
    at = terrain.drain[wet]
    count = np.bincount(at, minlength=terrain.streams)
    total = np.bincount(at, (depth_m[wet] + terrain.hand_m[wet]).astype(np.float64), minlength=terrain.streams)
    level = np.full(terrain.streams, np.nan)
    np.divide(total, count, out=level, where=count > 0)
    spread: NDArray[np.float64] = _carried(level, terrain.downstream, terrain.stream_m)
    return spread


@numba.njit(cache=True, nogil=True)
def _carried(level, downstream, stream_m):  # type: ignore[no-untyped-def]
    measured = ~np.isnan(level)
    for cell in range(len(level) - 1, -1, -1):  # numbered from down- to upstream: each after all above it
        below = downstream[cell]
        if below == cell or measured[below] or np.isnan(level[cell]):
            continue
        if np.isnan(level[below]) or level[cell] > level[below]:
            level[below] = level[cell]
    for cell in range(len(level)):
        below = downstream[cell]
        if np.isnan(level[cell]) and below != cell:
            level[cell] = level[below] - (stream_m[cell] - stream_m[below])
    return level


def water_over_ground_m(
    depth_m: NDArray[np.floating], hand_m: NDArray[np.floating], level_m: NDArray[np.floating]
) -> Float32:
    """Where the water stands relative to the ground, metres, float32: its depth where wet, negative where dry.

    level_m: of the flood above the drainage that the cell drains to. A dry cell that lies lower than the level is
    behind a dike, or the layer knows better: it counts as just dry, 0. NaN where the level is unknown or more than
    FARTHEST_M below the ground.
    """
    below = np.minimum(level_m - hand_m, 0.0)
    over = np.where(depth_m > 0, depth_m, np.where(below >= -FARTHEST_M, below, np.nan))
    return np.asarray(over, np.float32)


def rise_needed_m(over_ground_m: NDArray[np.floating], threshold_m: float) -> Float32:
    """How far the water must rise until it stands threshold_m over the ground, metres; 0 where it does, NaN unknown.

    over_ground_m: water_over_ground_m().
    """
    return np.asarray(np.maximum(threshold_m - over_ground_m, 0), np.float32)


def depth_on(terrain: Terrain, hazard: Source) -> NDArray[np.float64]:
    """Mean depth of the wet part of each cell of the terrain, NaN where less than half of it is wet.

    hazard: a flood depth layer in any CRS. Raises NoOverlap, UndeclaredNodata, Damaged.
    """
    row, column = np.nonzero(terrain.drain >= 0)
    depth = np.full(terrain.grid.shape, np.nan)
    if not len(row):
        return depth
    row_start = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=terrain.grid.ny))])
    cells = Population(terrain.grid, row_start, column.astype(np.int32), np.ones(len(row)))
    for chunk in RasterHazard(hazard, cells).chunks():
        cell_start, value, share = chunk.by_cell()
        cell = np.repeat(np.arange(chunk.cells), np.diff(cell_start))
        wet = value > 0
        wet_share = np.bincount(cell[wet], share[wet], minlength=chunk.cells)
        mean = np.bincount(cell[wet], share[wet] * value[wet], minlength=chunk.cells) / np.maximum(wet_share, 1e-9)
        part = slice(chunk.first, chunk.first + chunk.cells)
        depth[row[part], column[part]] = np.where(wet_share >= 0.5, mean, np.nan)
    return depth
