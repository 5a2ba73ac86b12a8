"""A flood that stands higher or lower than its layer shows it.

With heights above drainage the water spreads: dry ground is reached when the water has risen by what it lacks there.
Without them only what is wet deepens, which is a lower bound: nobody on dry ground is counted.

The water is taken to rise by the same height along the whole drainage; dikes, the time that it needs and what it does
to the flow are not in it: it ranks places, it forecasts nothing. Hence the limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from gis.classes import Legend, Steps
from gis.grid import NEGLIGIBLE, Float
from gis.palettes import Palette
from gis.population import Population
from gis.raster import RasterFile
from gis.source import Source
from gis.systems import same_crs
from gis.terrain import Terrain, depth_on, flood_levels_m, water_over_ground_m
from gis.tiles import Rule, build
from gis.values import Chunk

LOWEST_RISE_M, HIGHEST_RISE_M = -5.0, 5.0
"""Beyond these it is another flood: a layer of another return period says more."""

NOT_REACHED = -np.inf
"""Dry ground that the water of the layer does not come near, however far it rises within the limits."""

# From the ground of the highest rise to the deepest water; 5 cm where a rise in steps of 5 cm may change the class.
OVER_GROUND_STEPS = Steps(
    tuple(
        round(float(v), 6)
        for v in (*np.arange(-100, 100) * 0.05, *np.arange(20) * 0.25 + 5.0, *np.arange(21) * 1.0 + 10.0)
    )
)


@dataclass(frozen=True)
class Water:
    """How high a flood stands above the drainage, ready to be held against the ground of any place.

    level_m: (streams,) of the terrain, NaN where the flood does not lead (gis.terrain.flood_levels_m).
    """

    terrain: Terrain
    level_m: NDArray[np.float64]

    @classmethod
    def of(cls, hazard: Source, terrain: Terrain) -> Water:
        """The water of a flood depth layer in any CRS. Raises NoOverlap, UndeclaredNodata, Damaged."""
        return cls(terrain, flood_levels_m(depth_on(terrain, hazard), terrain))

    def over_ground_m(self, depth_m: NDArray[np.floating], x: Float, y: Float, crs: CRS) -> NDArray[np.float32]:
        """Where the water stands relative to the ground at places of a CRS, of the shape of depth_m; metres, float32.

        Its depth where wet (depth_m > 0), at most 0 where dry; NOT_REACHED where the flood does not lead or stands too
        far below, NaN where elevation or drainage is not known.
        """
        at = self._cells_at(x, y, crs)
        known = at >= 0
        drain = np.where(known, self.terrain.drain.ravel()[np.maximum(at, 0)], -1)
        hand_m = np.where(known, self.terrain.hand_m.ravel()[np.maximum(at, 0)], np.nan)
        level_m = np.full(at.shape, np.nan)
        if self.terrain.streams:
            level_m = np.where(drain >= 0, self.level_m[np.maximum(drain, 0)], np.nan)
        over = water_over_ground_m(depth_m, hand_m, level_m)
        over[np.isnan(over) & ~np.isnan(hand_m)] = NOT_REACHED
        return over

    def _cells_at(self, x: Float, y: Float, crs: CRS) -> NDArray[np.int64]:
        grid = self.terrain.grid
        if not same_crs(crs, grid.crs):
            x, y = Transformer.from_crs(crs, grid.crs, always_xy=True).transform(x, y)
        column = np.floor((np.asarray(x) - grid.left) / grid.cell_width)
        row = np.floor((grid.top - np.asarray(y)) / grid.cell_height)
        inside = (row >= 0) & (row < grid.ny) & (column >= 0) & (column < grid.nx)
        return np.where(inside, row * grid.nx + column, -1).astype(np.int64)


def over_ground(hazard: Chunk, population: Population, water: Water) -> Chunk:
    """A gathered flood with the dry part of each cell: a rise r reaches the threshold t where it has t - r or more.

    Wet parts keep depth and share, so that a rise of 0 counts what the hazard counts; the dry part has what
    Water.over_ground_m says at the cell's centre, and none where elevation is not known or nothing is modelled.
    """
    x, y = centres(population)
    dry = water.over_ground_m(np.full(len(x), np.nan), x, y, population.grid.crs).astype(hazard.value.dtype)
    stored = hazard.stored_dtype if hazard.stored_dtype.kind == "f" else hazard.value.dtype
    limit = np.ones(hazard.cells) if hazard.inside is None else hazard.inside
    if hazard.cell is None or hazard.share is None:
        value = np.where(hazard.value > 0, hazard.value, np.where(limit > 0, dry, np.nan))
        return Chunk(hazard.first, hazard.cells, value.astype(hazard.value.dtype), stored, inside=hazard.inside)
    wet = hazard.value > 0
    rest = limit - np.bincount(hazard.cell[wet] - hazard.first, hazard.share[wet], minlength=hazard.cells)
    partly = np.flatnonzero((rest > NEGLIGIBLE) & ~np.isnan(dry))
    cell = np.concatenate([hazard.cell[wet], (hazard.first + partly).astype(np.int32)])
    order = np.argsort(cell, kind="stable")  # the wet parts of a cell stay first, and in their order
    return Chunk(
        hazard.first,
        hazard.cells,
        np.concatenate([hazard.value[wet], dry[partly]])[order],
        stored,
        cell[order],
        np.concatenate([hazard.share[wet], rest[partly]])[order],
        hazard.inside,
    )


def without_ground(over_ground: Chunk) -> Float:
    """Share of each cell that is modelled and dry, but whose height above the water is not known, (cells,)."""
    limit = np.ones(over_ground.cells) if over_ground.inside is None else over_ground.inside
    if over_ground.cell is None or over_ground.share is None:
        return np.where(np.isnan(over_ground.value), limit, 0.0)
    known = np.bincount(over_ground.cell - over_ground.first, over_ground.share, minlength=over_ground.cells)
    rest = limit - known
    return np.where(rest > NEGLIGIBLE, rest, 0.0)


def centres(population: Population) -> tuple[Float, Float]:
    """x and y of the centres of the populated cells."""
    grid = population.grid
    x = grid.left + (population.column + 0.5) * grid.cell_width
    y = grid.top - (population.row + 0.5) * grid.cell_height
    return np.asarray(x, np.float64), np.asarray(y, np.float64)


def risen_thresholds(thresholds: Sequence[float], rise_m: float, hazard: Chunk, *, spread: bool) -> list[float]:
    """The thresholds at which a kept flood counts as if it had risen by rise_m (or fallen, below 0).

    spread: the hazard is over_ground(); otherwise it is the gathered depth, of which only what is wet deepens.
    """
    if rise_m == 0:
        return list(thresholds)
    risen = [threshold - rise_m for threshold in thresholds]
    if spread:
        return risen
    return [max(threshold, least_depth(hazard)) for threshold in risen]


def least_depth(hazard: Chunk) -> float:
    """The least that a kept flood's cells can hold above 0: what is wet has it."""
    return 1.0 if hazard.stored_dtype.kind in "iu" else float(np.finfo(hazard.stored_dtype).tiny)


def risen_palette(legend: Legend, steps: Steps, rise_m: float) -> Palette:
    """The legend's colours for a pyramid of depths, or of water over ground, as if the water had risen by rise_m.

    A step takes the class of its lower edge; what is dry then is transparent.
    """
    edges = tuple(round(edge + rise_m, 6) for edge in steps.edges)
    palette = Palette.of(legend, Steps(edges))
    palette.rgba[1:][np.array(edges) <= 0] = 0
    return palette


def build_over_ground(raster: RasterFile, water: Water, target: Path) -> tuple[int, int]:
    """Write the pyramid of where a flood's water stands relative to the ground, for risen_palette; gives its zooms."""
    p = raster.placement

    def over(depth_m: NDArray[np.floating], first_row: int, first_column: int) -> NDArray[np.floating]:
        rows = (np.arange(depth_m.shape[0]) + first_row + 0.5)[:, None]
        columns = (np.arange(depth_m.shape[1]) + first_column + 0.5)[None, :]
        x, y = np.broadcast_arrays(p.a * columns + p.b * rows + p.c, p.d * columns + p.e * rows + p.f)
        return water.over_ground_m(depth_m, x, y, raster.crs)

    return build(raster, target, steps=OVER_GROUND_STEPS, rule=Rule.MAXIMUM, meaning=over)
