"""Exposure indexes kept on disk under the hash of what they were built from, and memory-mapped when used again."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gis.coverage import coverage_fraction
from gis.exposure import ExposureIndex
from gis.grid import Grid
from gis.population import Population, Unit, read_population
from gis.raster import RasterFile

FORMAT = "2"
"""Part of the hash; renewed when the meaning or the computing of the arrays changes."""

MAX_KEPT_BYTES = 4 * 2**30
UNIT_CELL = Grid(CRS.from_epsg(4326), 0.0, 1.0, 1.0, 1.0, 1, 1)
ARRAYS = ("row_start", "column", "people", "zone_start", "entry_cell", "entry_people")


def index_of_files(population: Path, unit: Unit, zones: NDArray[np.object_], folder: Path | None) -> ExposureIndex:
    """The index of zones (valid polygons in the population's CRS), taken from the folder or built and kept there.

    folder: None keeps nothing; one that cannot be written to is passed over. Raises what read_population raises.
    """
    key = None if folder is None else _key(population, unit, zones)
    kept = None if folder is None or key is None else _load(folder / key)
    if kept is not None:
        return kept
    with ThreadPoolExecutor(1) as reader:
        reading = reader.submit(read_population, population, unit)
        first_call()  # meanwhile, GDAL reads
        index = ExposureIndex.build(reading.result(), zones)
    if folder is not None and key is not None:
        _keep(index, folder, key)
    return index


def first_call() -> None:
    """What numba's first call in a process takes long to load."""
    coverage_fraction(shapely.box(0, 0, 1, 1), UNIT_CELL)


def _key(population: Path, unit: Unit, zones: NDArray[np.object_]) -> str:
    with RasterFile(population) as raster:
        # Files beside it (.tfw, .aux.xml, .msk) can change where the cells lie and what they mean.
        digest = hashlib.sha256(f"{FORMAT} {unit} {raster.meaning} ".encode())
        files = [raster.path, *(raster.path.with_name(raster.path.name + s) for s in (".aux.xml", ".msk"))]
    for file in files:
        if file.is_file():
            digest.update(f"{file.suffix} {file.stat().st_size} ".encode())
            with file.open("rb") as content:
                while part := content.read(2**20):
                    digest.update(part)
    for wkb in shapely.to_wkb(zones):
        digest.update(wkb)
    return digest.hexdigest()


def _load(path: Path) -> ExposureIndex | None:
    """The kept index; None where there is none. A damaged one is removed, so that a new one can take its place."""
    try:
        about = json.loads((path / "about.json").read_text())
        # Mapped copy-on-write, as plain arrays: numba would compile everything again for read-only ones.
        arrays = {name: np.asarray(np.load(path / f"{name}.npy", mmap_mode="c", allow_pickle=False)) for name in ARRAYS}
        grid = Grid(CRS.from_wkt(about["crs"]), *about["place"], *about["shape"])
        population = Population(grid, arrays["row_start"], arrays["column"], arrays["people"])
        index = ExposureIndex(population, arrays["zone_start"], arrays["entry_cell"], arrays["entry_people"])
        if {name: _told(array) for name, array in arrays.items()} != about["arrays"]:
            raise ValueError("arrays are missing or cut short")
    except Exception:  # whatever is or is not in those files, the index can be built again
        shutil.rmtree(path, ignore_errors=True)
        return None
    with suppress(OSError):  # others' indexes may be used, too
        os.utime(path)
    return index


def _told(array: NDArray[Any]) -> list[Any]:
    return [str(array.dtype), *array.shape]


def _keep(index: ExposureIndex, folder: Path, key: str) -> None:
    """Write into a folder of another name and rename it: a half-written index is never found."""
    population, grid = index.population, index.population.grid
    arrays: tuple[NDArray[Any], ...] = (
        population.row_start,
        population.column,
        population.people,
        index.zone_start,
        index.entry_cell,
        index.entry_people,
    )
    part: Path | None = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix="part-", dir=folder))
        for name, array in zip(ARRAYS, arrays, strict=True):
            np.save(part / f"{name}.npy", array)
        place = grid.left, grid.top, grid.cell_width, grid.cell_height
        told = {name: _told(array) for name, array in zip(ARRAYS, arrays, strict=True)}
        about = {"crs": grid.crs.to_wkt(), "place": place, "shape": grid.shape, "arrays": told}
        (part / "about.json").write_text(json.dumps(about))
        _make_room(folder)
        part.rename(folder / key)
    except OSError:  # no room, no right, or another process kept the same meanwhile: the result does not need it
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)


def _make_room(folder: Path) -> None:
    """Remove the indexes used longest ago until what is kept is below MAX_KEPT_BYTES."""
    indexes = sorted((p for p in folder.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime, reverse=True)
    total = 0
    for path in indexes:
        total += sum(f.stat().st_size for f in path.iterdir())
        if total > MAX_KEPT_BYTES:
            shutil.rmtree(path, ignore_errors=True)
