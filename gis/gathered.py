"""People and hazards kept as vectors over the populated cells, so that no raster is read to count or to look up."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from gis.arrays import load, save
from gis.exposure import ExposureIndex
from gis.grid import Grid
from gis.population import Population
from gis.values import Chunk

POPULATION, HAZARD, INDEX = "population 1", "hazard 1", "index 1"
"""Kind and edition; renewed when the meaning of the arrays changes."""


def save_population(population: Population, path: Path) -> None:
    """Keep the populated cells."""
    save(path, POPULATION, _arrays(population), _about(population.grid))


def load_population(path: Path | str) -> Population:
    """The populated cells kept by save_population, memory-mapped. Raises FormatTooOld, OSError."""
    return _population(*load(path, POPULATION))


def save_index(index: ExposureIndex, path: Path, zones: Mapping[str, Any]) -> None:
    """Keep the people of zones with the populated cells; zones: what is to be known of them (JSON)."""
    arrays = _arrays(index.population) | {
        "zone_start": index.zone_start,
        "entry_cell": index.entry_cell,
        "entry_people": index.entry_people,
    }
    save(path, INDEX, arrays, _about(index.population.grid) | {"zones": dict(zones)})


def load_index(path: Path | str) -> tuple[ExposureIndex, dict[str, Any]]:
    """(the index kept by save_index, memory-mapped; what is to be known of its zones). Raises FormatTooOld, OSError."""
    arrays, about = load(path, INDEX)
    population = _population(arrays, about)
    index = ExposureIndex(population, arrays["zone_start"], arrays["entry_cell"], arrays["entry_people"])
    return index, about["zones"]


def _arrays(population: Population) -> dict[str, NDArray[Any]]:
    return {"row_start": population.row_start, "column": population.column, "people": population.people}


def _about(grid: Grid) -> dict[str, Any]:
    place = [grid.left, grid.top, grid.cell_width, grid.cell_height]
    return {"crs": grid.crs.to_wkt(), "place": place, "shape": grid.shape}


def _population(arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any]) -> Population:
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
