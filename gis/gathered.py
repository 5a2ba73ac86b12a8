"""People and hazards kept as vectors over the populated cells, so that no raster is read to count or to look up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from gis.arrays import load, save
from gis.grid import Grid
from gis.hazard import RasterHazard
from gis.polygons import Polygons
from gis.population import Population
from gis.raster import RasterFile
from gis.values import Chunk, gathered

POPULATION, HAZARD = "population 1", "hazard 1"
"""Kind and edition; renewed when the meaning of the arrays changes."""


def save_population(population: Population, path: Path) -> None:
    """Keep the populated cells."""
    grid = population.grid
    about = {
        "crs": grid.crs.to_wkt(),
        "place": [grid.left, grid.top, grid.cell_width, grid.cell_height],
        "shape": grid.shape,
    }
    arrays: dict[str, NDArray[Any]] = {
        "row_start": population.row_start,
        "column": population.column,
        "people": population.people,
    }
    save(path, POPULATION, arrays, about)


def load_population(path: Path | str) -> Population:
    """The populated cells kept by save_population, memory-mapped. Raises FormatTooOld, OSError."""
    arrays, about = load(path, POPULATION)
    grid = Grid(CRS.from_wkt(about["crs"]), *about["place"], *about["shape"])
    return Population(grid, arrays["row_start"], arrays["column"], arrays["people"])


def save_hazard(chunk: Chunk, path: Path) -> None:
    """Keep a hazard's values at all populated cells: gathered() chunks."""
    parts = {"value": chunk.value, "cell": chunk.cell, "share": chunk.share, "inside": chunk.inside}
    arrays = {name: array for name, array in parts.items() if array is not None}
    save(path, HAZARD, arrays, {"first": chunk.first, "cells": chunk.cells, "stored_dtype": chunk.stored_dtype.str})


def load_hazard(path: Path | str) -> Chunk:
    """The values kept by save_hazard, memory-mapped. Raises FormatTooOld, OSError."""
    arrays, about = load(path, HAZARD)
    return Chunk(
        about["first"],
        about["cells"],
        arrays["value"],
        np.dtype(about["stored_dtype"]),
        arrays.get("cell"),
        arrays.get("share"),
        arrays.get("inside"),
    )


def gather(population: Path | str, hazard: Path | str, target: Path, footprint: Polygons | None = None) -> Chunk:
    """Hold a hazard's COG against kept people and keep its values at their cells; to be done again for other people.

    population: kept by save_population; hazard: a GeoTIFF in any CRS; footprint: in the population's CRS, replaces the
    hazard's extent as what is modelled. Raises NoOverlap and what RasterFile raises.
    """
    people = load_population(population)
    with RasterFile(hazard) as raster:
        chunk = gathered(RasterHazard(raster, people, footprint).chunks())
    save_hazard(chunk, target)
    return chunk
