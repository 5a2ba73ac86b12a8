"""Counting: a plan of who lives where and of one hazard becomes people exposed, by area; knows no session."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, Self
from uuid import UUID

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gis.exposure import ExposureIndex
from gis.hazard import PolygonHazard, RasterHazard
from gis.kept import index_of_files
from gis.polygons import Polygons
from gis.population import Unit
from gis.raster import RasterFile
from gis.values import Chunk, gathered
from layers.answering import CountedAreas, Facility, KeptFiles, facilities_at_hazard, keep_files, water_of
from layers.catalogue import Kind
from layers.files import FileStore
from layers.measures import CARRYING_CELLS, FEW_CELLS, MEASURES, OFF_ESTIMATE
from layers.people import AgeGroup, Sex, Shares


@dataclass(frozen=True)
class Zone:
    """An area that is counted cell by cell. estimate: all its people by the newest table; shares: of them by age."""

    area_id: UUID
    place: shapely.Geometry
    estimate: float | None = None
    shares: Shares | None = None


@dataclass(frozen=True)
class Inputs:
    """The versions that a counting rests on, besides the hazard's own."""

    population: UUID
    boundaries: UUID
    settlements: UUID | None = None
    local_communities: UUID | None = None
    facilities: UUID | None = None
    estimates: tuple[UUID, ...] = ()
    ages: tuple[UUID, ...] = ()
    elevation: UUID | None = None


@dataclass(frozen=True)
class Plan:
    """All that compute() needs; nothing in it is tied to a session."""

    hazard_id: UUID
    hazard_kind: Kind
    hazard_file: str | None
    hazard_polygons: NDArray[np.object_] | None
    footprint: shapely.Geometry | None
    footprint_given: bool  # less than a raster's extent was modelled
    terrain_file: str | None
    population_file: str
    population_unit: Unit
    inputs: Inputs
    zones: Sequence[Zone]
    municipality: Mapping[UUID, tuple[UUID, ...]]  # -> the areas above it
    facilities: Sequence[Facility]


class Ages(NamedTuple):
    """Exposed people by age and sex, with the tables that their shares are from."""

    groups: list[AgeGroup]
    tables: frozenset[UUID]

    def data(self) -> dict[str, Any]:
        """As JSON knows it."""
        return {"tables": sorted(map(str, self.tables)), "groups": [list(group) for group in self.groups]}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """What data() gave."""
        groups = [AgeGroup(Sex(sex), *rest) for sex, *rest in data["groups"]]
        return cls(groups, frozenset(map(UUID, data["tables"])))


@dataclass
class Counted:
    """What was counted of one area.

    facilities: {category: [exposed, all, not modelled]}. ages: the exposed people as if they were of the ages of all
    people of the area; of a sum, those of the parts whose ages are known. None where they are not.
    """

    population: float = 0.0
    exposed: float | None = None
    not_modelled: float = 0.0
    by_class: list[float] | None = None
    covered: bool = True
    facilities: dict[str, list[int]] = field(default_factory=dict)
    ages: Ages | None = None
    marks: list[str] = field(default_factory=list)
    cells: list[dict[str, float]] = field(default_factory=list)

    def add(self, part: Counted) -> None:
        """Make a sum of it: what is modelled of the parts counts, what is not is said."""
        self.population += part.population
        self.not_modelled += part.not_modelled
        self.covered &= part.covered
        if part.exposed is not None:
            self.exposed = (self.exposed or 0.0) + part.exposed
        if part.by_class is not None:
            self.by_class = [
                a + b for a, b in zip(self.by_class or [0.0] * len(part.by_class), part.by_class, strict=True)
            ]
        self.ages = added_ages(a for a in (self.ages, part.ages) if a is not None)
        self.facilities = added_facilities([self.facilities, part.facilities])


def added_ages(parts: Iterable[Ages]) -> Ages | None:
    """The sum of people by age and sex; None of nothing."""
    sums: dict[AgeGroup, float] = defaultdict(float)
    tables: set[UUID] = set()
    for part in parts:
        tables |= part.tables
        for group in part.groups:
            sums[group._replace(people=0.0)] += group.people
    groups = [group._replace(people=people) for group, people in sums.items()]
    return Ages(groups, frozenset(tables)) if groups else None


def added_facilities(parts: Iterable[Mapping[str, Sequence[int]]]) -> dict[str, list[int]]:
    """The sum of counts of facilities by category."""
    sums: dict[str, list[int]] = {}
    for part in parts:
        for category, counts in part.items():
            mine = sums.get(category, [0] * len(counts))
            sums[category] = [a + b for a, b in zip(mine, counts, strict=True)]
    return sums


@dataclass(frozen=True)
class Counting:
    """What compute() found: people by area, and the files that it kept for later questions."""

    areas: Mapping[UUID, Counted]
    files: KeptFiles


def compute(plan: Plan, store: FileStore, kept_indexes: Path) -> Counting:
    """People of every area exposed to the hazard. Raises GisError where a kept file cannot be used.

    What later questions need is kept in files: any other threshold, rise of the water or area needs no raster then.
    """
    measure = MEASURES[plan.hazard_kind]
    population_file = store.path(plan.population_file)
    with RasterFile(population_file) as raster:
        crs = raster.grid.crs
    places = Polygons("", CRS.from_epsg(4326), np.array([z.place for z in plan.zones], dtype=object), {}).to_crs(crs)
    index = index_of_files(population_file, plan.population_unit, places.geometry, kept_indexes)
    chunk, values_at, modelled_at = _hazard(plan, index, store)
    scores = index.score([chunk], [measure.threshold, *measure.edges])
    share = chunk.flooded_share(chunk.comparable([measure.threshold]))[:, 0]
    facilities = _facilities_at_risk(plan, values_at, modelled_at, measure.threshold)
    counted: dict[UUID, Counted] = {}
    for i, zone in enumerate(plan.zones):
        exposed = scores.exposed[i]
        nothing = bool(np.isnan(exposed[0]))
        cells, carrying = _carrying_cells(index, i, share)
        one = Counted(
            population=float(scores.population[i]),
            exposed=None if nothing else float(exposed[0]),
            not_modelled=float(scores.not_modelled[i]),
            by_class=None if nothing or not measure.edges else [float(a - b) for a, b in pairwise([*exposed[1:], 0.0])],
            covered=plan.footprint is None or bool(plan.footprint.covers(zone.place)),
            facilities=facilities.get(zone.area_id, {}),
            ages=None if nothing else _by_age(zone, float(exposed[0])),
            cells=[] if nothing else cells,
        )
        one.marks = _marks(one, zone, carrying)
        counted[zone.area_id] = one
    for municipality, higher in plan.municipality.items():
        for area in higher:
            counted.setdefault(area, Counted()).add(counted[municipality])
    flood = None
    if plan.terrain_file is not None:
        hazard_file = store.path(str(plan.hazard_file))
        flood = hazard_file, water_of(hazard_file, store.path(plan.terrain_file))
    zones = np.array([z.place for z in plan.zones], dtype=object)
    at_facilities = None
    if plan.inputs.facilities is not None:
        at_facilities = facilities_at_hazard(
            plan.inputs.facilities, plan.facilities, values_at, modelled_at, zones, flood[1] if flood else None
        )
    areas = CountedAreas(tuple(z.area_id for z in plan.zones), len(plan.municipality), plan.municipality)
    return Counting(counted, keep_files(store, index, areas, chunk, at_facilities, flood))


def _by_age(zone: Zone, exposed: float) -> Ages | None:
    if zone.shares is None:
        return None
    groups = [group._replace(people=group.people * exposed) for group in zone.shares.groups]
    return Ages(groups, frozenset({zone.shares.table_id}))


def _hazard(plan: Plan, index: ExposureIndex, store: FileStore) -> tuple[Chunk, NDArray[np.float64], NDArray[np.bool_]]:
    """(the hazard at the populated cells, its values at the facilities, whether they lie in what is modelled).

    A value is NaN where it is dry or not modelled.
    """
    lon = np.array([f.longitude for f in plan.facilities], dtype=float)
    lat = np.array([f.latitude for f in plan.facilities], dtype=float)
    people = index.population
    footprint = None
    if plan.footprint is not None and (plan.footprint_given or plan.hazard_polygons is not None):
        modelled = np.array([plan.footprint], dtype=object)
        footprint = Polygons("", CRS.from_epsg(4326), modelled, {}).to_crs(people.grid.crs)
    if plan.hazard_polygons is not None:
        polygons = Polygons("", CRS.from_epsg(4326), plan.hazard_polygons, {})
        hazard = PolygonHazard(polygons.to_crs(people.grid.crs), people, footprint)
        extent = plan.footprint or shapely.box(*shapely.total_bounds(plan.hazard_polygons))
        within = shapely.contains_xy(shapely.union_all(plan.hazard_polygons), lon, lat)
        return gathered(hazard.chunks()), np.where(within, np.inf, np.nan), shapely.contains_xy(extent, lon, lat)
    with RasterFile(store.path(str(plan.hazard_file))) as raster:
        chunk = gathered(RasterHazard(raster, people, footprint).chunks())
        inside = raster.holds(lon, lat)
        if footprint is not None:
            inside &= shapely.contains_xy(plan.footprint, lon, lat)
        return chunk, np.where(inside, raster.values_at(lon, lat), np.nan), inside


def _facilities_at_risk(
    plan: Plan, values: NDArray[np.float64], modelled: NDArray[np.bool_], threshold: float
) -> dict[UUID, dict[str, list[int]]]:
    """{area: {category: [exposed, all, not modelled]}} for the areas counted cell by cell."""
    counts: dict[UUID, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0, 0]))
    if not plan.facilities:
        return {}
    points = shapely.points([f.longitude for f in plan.facilities], [f.latitude for f in plan.facilities])
    tree = shapely.STRtree([z.place for z in plan.zones])
    for point, zone in zip(*tree.query(points, predicate="intersects"), strict=True):
        count = counts[plan.zones[zone].area_id][plan.facilities[point].category]
        count[0] += bool(values[point] >= threshold)
        count[1] += 1
        count[2] += not modelled[point]
    return {area: dict(by_category) for area, by_category in counts.items()}


def _carrying_cells(index: ExposureIndex, zone: int, share: NDArray[np.float64]) -> tuple[list[dict[str, float]], int]:
    """(the cells that carry most of the zone's number, how many carry any of it)."""
    part = slice(index.zone_start[zone], index.zone_start[zone + 1])
    cell, people = index.entry_cell[part], index.entry_people[part]
    exposed = people * share[cell]
    grid, population = index.population.grid, index.population
    found = []
    for i in np.argsort(-exposed, kind="stable")[:CARRYING_CELLS]:
        if exposed[i] <= 0:
            break
        row = int(np.searchsorted(population.row_start, cell[i], side="right")) - 1
        found.append(
            {
                "x": grid.left + (int(population.column[cell[i]]) + 0.5) * grid.cell_width,
                "y": grid.top - (row + 0.5) * grid.cell_height,
                "people": float(people[i]),
                "share": float(share[cell[i]]),
                "exposed": float(exposed[i]),
            }
        )
    return found, int((exposed > 0).sum())


def _marks(one: Counted, zone: Zone, carrying: int) -> list[str]:
    """What asks for a second look at a number."""
    marks = []
    if one.exposed is not None and one.exposed > 0 and carrying < FEW_CELLS:
        marks.append("few_cells")
    if one.not_modelled > 0 or not one.covered:
        marks.append("partly_covered")
    if zone.estimate and abs(one.population / zone.estimate - 1) > OFF_ESTIMATE:
        marks.append("off_estimate")
    return marks
