"""The table of exposed people from files: zones, a population raster and hazards, with no database and no server."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gis.coverage import coverage_of_cells
from gis.errors import (
    EmptyField,
    NoOverlap,
    NoSuchField,
    OneLayerNeeded,
    ReservedName,
    RotatedGrid,
    SameName,
    WhichLayer,
)
from gis.exposure import ExposureIndex, Scores
from gis.hazard import PolygonHazard, RasterHazard
from gis.kept import first_call, index_of_files
from gis.polygons import Polygons, read_polygons
from gis.population import Unit
from gis.raster import RasterFile, is_tiff
from gis.systems import datum_unknown
from gis.values import Chunk

TOTAL = "TOTAL"
INDEX_SHARE = 0.4
"""About so much of the work is done when the people are read and the zones are laid over them."""

Note = Callable[[str], None]


@dataclass(frozen=True)
class Row:
    """People of one zone and hazard; None where nothing is modelled (classes: also where the hazard has no values)."""

    zone: str
    hazard: str
    population: float
    exposed: float | None
    not_modelled: float
    classes: tuple[float | None, ...]


@dataclass(frozen=True)
class Table:
    """Rows by hazard, then zone in file order, then TOTAL. class_names: as typed; zones: in their own CRS."""

    class_names: tuple[str, ...]
    rows: tuple[Row, ...]
    zones: Polygons

    @property
    def columns(self) -> tuple[str, ...]:
        return ("zone", "hazard", "population", "exposed", "not_modelled", *(f"exposed_{n}" for n in self.class_names))

    def records(self) -> list[dict[str, str | float | None]]:
        """One dictionary a row, keys as in columns."""
        return [
            dict(
                zip(
                    self.columns,
                    (r.zone, r.hazard, r.population, r.exposed, r.not_modelled, *r.classes),
                    strict=True,
                )
            )
            for r in self.rows
        ]


def exposure_table(
    *,
    zones: Path,
    layer: str | None,
    population: Path,
    hazards: Sequence[Path],
    threshold: float,
    edges: Sequence[float],
    edge_names: Sequence[str],
    zone_field: str | None,
    unit: Unit,
    kept_indexes: Path | None,
    note: Note,
    tell: Callable[[float], None] = lambda share: None,
) -> Table:
    """People of each zone exposed to each hazard at or above the threshold and by class [edge, next edge).

    note: is told, as sentences, what the reader of the numbers should know (repairs, people counted twice).
    tell: is told the share of the work that is done, 0 to 1.
    Raises GisError with a sentence for whatever in the files cannot be used.
    """
    stems = [h.stem for h in hazards]
    for stem in stems:
        if stems.count(stem) > 1:
            raise SameName(name=stem)
    # Before the files fill the memory: OpenBLAS, loaded by numba's first call, never ends asking where it is refused.
    ThreadPoolExecutor(1).submit(first_call)
    given = read_polygons(zones, layer)
    names = _names(given, zone_field)
    _tell_repairs(given, note)
    with RasterFile(population) as raster:
        if raster.placement.rotated:
            raise RotatedGrid(file=raster.name)
        grid = raster.grid
    moved = _moved(given, grid.crs, note)
    if not shapely.area(shapely.intersection(moved.geometry, shapely.box(*grid.bounds))).any():
        raise NoOverlap(file=given.file)
    index = index_of_files(population, unit, moved.geometry, kept_indexes)
    _tell_doubles(index, moved.geometry, note)

    tell(INDEX_SHARE)
    counted: list[int] = []
    all_cells = len(index.population.people) * len(hazards)

    def told(hazard: RasterHazard | PolygonHazard) -> Iterator[Chunk]:
        for chunk in hazard.chunks():
            yield chunk
            counted.append(chunk.cells)
            tell(INDEX_SHARE + (1 - INDEX_SHARE) * sum(counted) / all_cells)

    def score(path: Path) -> tuple[Scores, bool]:
        if is_tiff(path):
            with RasterFile(path) as raster:
                _tell_datum(raster.name, raster.crs, grid.crs, raster.centre, note)
                return index.score(told(RasterHazard(raster, index.population)), [threshold, *edges]), True
        try:
            polygons = read_polygons(path)
        except WhichLayer as error:  # which only zones can name
            raise OneLayerNeeded(**error.parameters) from error
        _tell_repairs(polygons, note)
        hazard = PolygonHazard(_moved(polygons, grid.crs, note), index.population)
        return index.score(told(hazard), [threshold]), False

    with ThreadPoolExecutor(min(len(hazards), os.cpu_count() or 1)) as pool:
        scores = list(pool.map(score, hazards))
    class_names = tuple(f"{a}_{b}" for a, b in pairwise([*edge_names, "inf"]))
    rows: list[Row] = []
    for stem, (result, has_values) in zip(stems, scores, strict=True):
        rows += _rows(stem, names, result, len(edges), has_values)
    return Table(class_names, tuple(rows), given)


def _names(zones: Polygons, field: str | None) -> list[str]:
    if field is None:
        return [str(i + 1) for i in range(len(zones.geometry))]
    if field not in zones.fields:
        raise NoSuchField(file=zones.file, field=field, fields=", ".join(zones.fields) or "no fields")
    names: list[str] = []
    for i, value in enumerate(zones.fields[field]):
        if value is None or value != value or str(value).strip() in ("", "NaT"):
            raise EmptyField(file=zones.file, feature=i + 1, field=field)
        if str(value) == TOTAL:
            raise ReservedName(file=zones.file, feature=i + 1, name=TOTAL)
        names.append(str(value))
    return names


def _tell_repairs(polygons: Polygons, note: Note) -> None:
    if polygons.repaired:
        first = ", ".join(str(i) for i in polygons.repaired[:10])
        more = ", …" if len(polygons.repaired) > 10 else ""
        note(f"{polygons.file}: {len(polygons.repaired)} invalid geometries were repaired (features {first}{more}).")


def _moved(polygons: Polygons, crs: CRS, note: Note) -> Polygons:
    left, bottom, right, top = shapely.total_bounds(polygons.geometry)
    _tell_datum(polygons.file, polygons.crs, crs, ((left + right) / 2, (bottom + top) / 2), note)
    return polygons.to_crs(crs)


def _tell_datum(file: str, crs: CRS, people: CRS, place: tuple[float, float], note: Note) -> None:
    if datum_unknown(crs, people, *place):
        note(f"{file}: how its datum lies to the population's is not known; places may be some hundred metres off.")


def _tell_doubles(index: ExposureIndex, zones: NDArray[np.object_], note: Note) -> None:
    """Where zones overlap, say how many people the sum of the rows counts more than once."""
    parts = zones[~shapely.is_empty(zones)]
    if shapely.coverage_is_valid(parts):
        return
    population = index.population
    _, cell, share = coverage_of_cells(
        np.array([shapely.union_all(parts)], dtype=object), population.grid, population.row_start, population.column
    )
    once = float((population.people[cell] * share).sum())
    doubled = float(index.people.sum()) - once
    if doubled >= 0.05:  # below, it would be told as 0.0
        note(f"Zones overlap: {doubled:.1f} people count twice (or more often) in the row {TOTAL}.")


def _rows(hazard: str, zones: Sequence[str], scores: Scores, classes: int, has_values: bool) -> list[Row]:
    exposed = scores.exposed[:, 0]
    reached = np.column_stack([scores.exposed[:, 1:], np.zeros(len(exposed))])
    by_class = reached[:, :-1] - reached[:, 1:] if has_values else np.full((len(exposed), classes), np.nan)
    rows = [
        Row(zone, hazard, float(p), _number(e), float(n), tuple(_number(c) for c in by_class[i]))
        for i, (zone, p, e, n) in enumerate(zip(zones, scores.population, exposed, scores.not_modelled, strict=True))
    ]
    return [*rows, _total(hazard, rows, classes)]


def _total(hazard: str, rows: Sequence[Row], classes: int) -> Row:
    modelled = [r for r in rows if r.exposed is not None]
    nothing = not any(r.population > 0 for r in modelled) and any(r.population > 0 for r in rows)

    def total(values: Sequence[float | None]) -> float | None:
        known = [v for v in values if v is not None]
        return None if nothing or not known else sum(known)

    return Row(
        TOTAL,
        hazard,
        sum(r.population for r in rows),
        total([r.exposed for r in modelled]),
        sum(r.not_modelled for r in rows),
        tuple(total([r.classes[i] for r in modelled]) for i in range(classes)),
    )


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
