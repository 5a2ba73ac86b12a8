"""Compile what numba compiles, once after installing: `python -m gis.warmup`. Later starts load numba's cache."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS
from shapely import box

from gis.exposure import ExposureIndex, ThresholdTable
from gis.grid import Grid
from gis.hazard import RasterHazard
from gis.population import population_from_array
from gis.rise import Water, over_ground
from gis.source import ArraySource
from gis.terrain import terrain
from gis.values import gathered


def warm_up() -> None:
    """Run every kernel on every kind of array that it meets: both precisions, whole arrays and windows of them."""
    grid = Grid(CRS.from_epsg(4326), 15.0, 46.0, 0.1, 0.1, 4, 4)
    people = np.zeros((4, 4))
    people[1:3, 1:3] = 1.0
    zones = np.array([box(15.0, 45.65, 15.35, 46.0)], dtype=object)
    halves = Grid(grid.crs, 15.0, 46.0, 0.05, 0.05, 8, 8)
    metres = Grid(CRS.from_epsg(32633), 480_000.0, 5_120_000.0, 5_000.0, 5_000.0, 16, 16)
    for populated in (people, people + 1):  # windows are parts of the array, then the whole of it
        population = population_from_array(populated, grid)
        index = ExposureIndex.build(population, zones)
        for dtype in (np.float32, np.float64):
            for other in (grid, halves, metres):
                for source in (ArraySource, _Copies):
                    hazard = gathered(RasterHazard(source(np.ones(other.shape, dtype), other), population).chunks())
                    index.score([hazard], [0.5])
                    index.score_kept(hazard, [0.5])
                    ThresholdTable.build(index, hazard).score([0.5])
    slope = np.add.outer(np.arange(16.0), np.arange(16.0))
    heights = terrain(slope, metres, stream_km2=100.0)
    flood = ArraySource(np.ones(metres.shape, np.float32), metres)
    population = population_from_array(np.ones(metres.shape), metres)
    over_ground(gathered(RasterHazard(flood, population).chunks()), population, Water.of(flood, heights))


class _Copies(ArraySource):
    """Windows as a file gives them: each an array of its own."""

    def read(self, row: int, column: int, rows: int, columns: int) -> NDArray[Any]:
        return super().read(row, column, rows, columns).copy()


if __name__ == "__main__":
    warm_up()
