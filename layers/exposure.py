"""Stored exposure: people of each area exposed to each hazard, with what the numbers rest on.

plan() -> compute() -> keep(): the first and last in a transaction, the long middle outside of one. Municipalities and
settlements are counted cell by cell; every level above is the sum of its municipalities, so that numbers add up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import numpy as np
import shapely
from geoalchemy2.shape import to_shape
from numpy.typing import NDArray
from pyproj import CRS
from sqlalchemy import ForeignKey, Index, select, update
from sqlalchemy.dialects.postgresql import ARRAY, DOUBLE_PRECISION, JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from foundation.database import Base, Id, app_may
from gis.annual import expected_annual_exposed
from gis.exposure import ExposureIndex
from gis.hazard import PolygonHazard, RasterHazard
from gis.kept import index_of_files
from gis.polygons import Polygons
from gis.population import Unit
from gis.raster import RasterFile
from gis.values import Chunk, gathered
from layers.answering import CountedAreas, Facility, KeptFiles, facilities_at_hazard, keep_files, water_of
from layers.areas import Area, Boundary, Level
from layers.catalogue import KIND_WORDS, RANK, Kind, Layer, LayerVersion, State, shown, version
from layers.errors import NothingToCount
from layers.features import Feature
from layers.files import FileStore
from layers.people import PeopleFigure, Sex

METHOD: Final = "people × coverage fraction × flooded share of the cell; settlements given as points: nearest cell"

CARRYING_CELLS: Final = 10
"""So many of the cells that carry most of a number are kept with it."""

FEW_CELLS: Final = 10
OFF_ESTIMATE: Final = 0.1
JUMP: Final = 5.0
JUMP_PEOPLE: Final = 500.0


@dataclass(frozen=True)
class Measure:
    """From which value of a hazard people count as exposed, and the classes; in the hazard's own unit."""

    threshold: float
    edges: tuple[float, ...]
    unit: str


MEASURES: Final = {
    Kind.FLOOD_DEPTH: Measure(0.3, (0.3, 0.5, 1.0, 2.0), "m"),
    Kind.FLOOD_EXTENT: Measure(0.0, (), ""),
    Kind.FIRE_DANGER: Measure(38.0, (5.2, 11.2, 21.3, 38.0, 50.0), "FWI"),
}
HAZARDS: Final = tuple(MEASURES)
COUNTED_WITH: Final = {
    Kind.POPULATION_RASTER,
    Kind.MUNICIPALITIES,
    Kind.SETTLEMENTS,
    Kind.FACILITIES,
    Kind.POPULATION_TABLE,
    Kind.ELEVATION,
}
TREE: Final = (Level.COUNTRY, Level.ENTITY, Level.CANTON, Level.MUNICIPALITY)


class ExposureRun(Base):
    """One hazard held against one population and one set of boundaries. Never changed; superseded by a newer run."""

    __tablename__ = "exposure_run"
    __table_args__ = (
        Index(None, "hazard_version_id", "computed_at"),
        {"info": app_may("SELECT", "INSERT", "UPDATE")},
    )

    id: Mapped[Id]
    hazard_version_id: Mapped[UUID] = mapped_column(ForeignKey("layer_version.id"))
    population_version_id: Mapped[UUID] = mapped_column(ForeignKey("layer_version.id"))
    boundary_version_id: Mapped[UUID] = mapped_column(ForeignKey("layer_version.id"))
    settlement_version_id: Mapped[UUID | None] = mapped_column(ForeignKey("layer_version.id"))
    elevation_version_id: Mapped[UUID | None] = mapped_column(ForeignKey("layer_version.id"))
    threshold: Mapped[float]
    edges: Mapped[list[float]] = mapped_column(ARRAY(DOUBLE_PRECISION))
    method: Mapped[str]
    # What is kept for later questions (layers.answering); runs of older editions have no index and answer none.
    gathered_file: Mapped[str]
    over_ground_file: Mapped[str | None]
    over_ground_pyramid: Mapped[str | None]
    index_file: Mapped[str | None]
    facilities_file: Mapped[str | None]
    computed_at: Mapped[datetime]
    superseded_at: Mapped[datetime | None]


class ExposureFigure(Base):
    """People of one area in a run, unrounded.

    exposed and by_class are empty where nothing of the area is modelled (by_class also where the hazard has no values).
    covered: the hazard's footprint covers the area wholly. facilities: {category: [exposed, all]}. marks: words that
    ask for a second look. cells: those that carry most of the number, with x, y, people, share, exposed.
    """

    __tablename__ = "exposure_figure"
    __table_args__ = (
        Index(None, "area_id"),
        {"info": app_may("SELECT", "INSERT")},
    )

    run_id: Mapped[UUID] = mapped_column(ForeignKey("exposure_run.id"), primary_key=True)
    area_id: Mapped[UUID] = mapped_column(ForeignKey("area.id"), primary_key=True)
    population: Mapped[float]
    exposed: Mapped[float | None]
    not_modelled: Mapped[float]
    by_class: Mapped[list[float] | None] = mapped_column(ARRAY(DOUBLE_PRECISION))
    covered: Mapped[bool]
    facilities: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    marks: Mapped[list[Any]] = mapped_column(JSONB, default=list)
    cells: Mapped[list[Any]] = mapped_column(JSONB, default=list)


@dataclass(frozen=True)
class Zone:
    """An area that is counted cell by cell."""

    area_id: UUID
    place: shapely.Geometry
    official_people: float | None = None


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
    elevation_id: UUID | None
    population_id: UUID
    population_file: str
    population_unit: Unit
    boundaries_id: UUID
    settlements_id: UUID | None
    zones: Sequence[Zone]
    municipality: Mapping[UUID, tuple[UUID, ...]]  # -> the areas above it
    facilities: Sequence[Facility]
    facilities_id: UUID | None


@dataclass
class Counted:
    """What was counted of one area."""

    population: float = 0.0
    exposed: float | None = None
    not_modelled: float = 0.0
    by_class: list[float] | None = None
    covered: bool = True
    facilities: dict[str, list[int]] = field(default_factory=dict)
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
        for category, (exposed, everything) in part.facilities.items():
            mine = self.facilities.setdefault(category, [0, 0])
            mine[0] += exposed
            mine[1] += everything


@dataclass(frozen=True)
class Counting:
    """What compute() found: people by area, and the files that it kept for later questions."""

    areas: Mapping[UUID, Counted]
    files: KeptFiles


def countable(session: Session) -> bool:
    """Whether there are people and boundaries to count by."""
    return bool(shown(session, Kind.POPULATION_RASTER)) and bool(shown(session, Kind.MUNICIPALITIES))


def plan(session: Session, hazard_version_id: UUID) -> Plan:
    """What to count for a hazard now: the best ready population and boundaries. Raises NothingToCount, NoSuchLayer."""
    hazard = version(session, hazard_version_id)
    population = _best(session, Kind.POPULATION_RASTER)
    boundaries = _best(session, Kind.MUNICIPALITIES)
    settlements = shown(session, Kind.SETTLEMENTS)
    settlement_version = settlements[0].id if settlements else None
    places = _places(session, boundaries.id, Level.MUNICIPALITY)
    tree = select(Area.id, Area.parent_id).where(Area.level.in_(TREE))
    parents: dict[UUID, UUID | None] = {area: parent for area, parent in session.execute(tree)}  # noqa: C416  rows are no pairs to mypy
    official = _official_people(session)
    zones = [Zone(area, place, official.get(area)) for area, place in places.items()]
    if settlement_version is not None:
        zones += _settlement_zones(session, settlement_version, places)
    kind = hazard.layer.kind
    facilities_id, facilities = _facilities(session)
    elevation = _elevation(session) if kind == Kind.FLOOD_DEPTH else None
    return Plan(
        hazard_id=hazard.id,
        hazard_kind=kind,
        hazard_file=hazard.facts["files"]["cog"] if kind != Kind.FLOOD_EXTENT else None,
        hazard_polygons=_polygons(session, hazard.id) if kind == Kind.FLOOD_EXTENT else None,
        footprint=to_shape(hazard.footprint) if hazard.footprint is not None else None,
        footprint_given=bool(hazard.options.get("footprint")),
        terrain_file=elevation.facts["files"]["terrain"] if elevation else None,
        elevation_id=elevation.id if elevation else None,
        population_id=population.id,
        population_file=population.facts["files"]["cog"],
        population_unit=population.options.get("unit", "persons"),
        boundaries_id=boundaries.id,
        settlements_id=settlement_version,
        zones=zones,
        municipality={area: tuple(_above(area, parents)) for area in places},
        facilities=facilities,
        facilities_id=facilities_id,
    )


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
    facilities = _facilities_at_risk(plan, values_at, measure.threshold)
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
    if plan.facilities_id is not None:
        at_facilities = facilities_at_hazard(
            plan.facilities_id, plan.facilities, values_at, modelled_at, zones, flood[1] if flood else None
        )
    areas = CountedAreas(tuple(z.area_id for z in plan.zones), len(plan.municipality), plan.municipality)
    return Counting(counted, keep_files(store, index, areas, chunk, at_facilities, flood))


def keep(session: Session, plan: Plan, counting: Counting, *, at: datetime) -> ExposureRun:
    """Store what was counted; older runs of the hazard stay readable but are no longer current."""
    measure = MEASURES[plan.hazard_kind]
    session.execute(
        update(ExposureRun)
        .where(ExposureRun.hazard_version_id == plan.hazard_id, ExposureRun.superseded_at.is_(None))
        .values(superseded_at=at)
    )
    run = ExposureRun(
        id=uuid4(),
        hazard_version_id=plan.hazard_id,
        population_version_id=plan.population_id,
        boundary_version_id=plan.boundaries_id,
        settlement_version_id=plan.settlements_id,
        elevation_version_id=plan.elevation_id,
        threshold=measure.threshold,
        edges=list(measure.edges),
        method=METHOD,
        **asdict(counting.files),
        computed_at=at,
    )
    session.add(run)
    session.flush()
    session.add_all(
        ExposureFigure(
            run_id=run.id,
            area_id=area,
            population=one.population,
            exposed=one.exposed,
            not_modelled=one.not_modelled,
            by_class=one.by_class,
            covered=one.covered,
            facilities=one.facilities,
            marks=one.marks,
            cells=one.cells,
        )
        for area, one in counting.areas.items()
    )
    session.flush()
    return run


def held_files(session: Session) -> set[str]:
    """The hashes of the files that runs name."""
    rows = session.execute(select(*(getattr(ExposureRun, f.name) for f in fields(KeptFiles))))
    return {file for row in rows for file in row if file}


def hazards_to_recount(session: Session, replaced: Kind) -> Sequence[UUID]:
    """The hazards whose stored exposure is out of date when a layer of that kind was replaced."""
    if replaced not in COUNTED_WITH:
        return []
    return [v.id for kind in HAZARDS for v in shown(session, kind)]


def uncounted(session: Session) -> Sequence[UUID]:
    """The hazards that are shown and have no current run that answers questions."""
    current = ExposureRun.superseded_at.is_(None), ExposureRun.index_file.is_not(None)
    counted = set(session.scalars(select(ExposureRun.hazard_version_id).where(*current)))
    return [v.id for kind in HAZARDS for v in shown(session, kind) if v.id not in counted]


@dataclass(frozen=True)
class Default:
    """The figure that is shown for an area and a return period when nobody chose another."""

    figure: ExposureFigure
    run: ExposureRun
    hazard: LayerVersion


def defaults(
    session: Session, kinds: Iterable[Kind], level: Level = Level.MUNICIPALITY
) -> dict[tuple[UUID, float], Default]:
    """Per municipality and return period the highest-ranked hazard whose footprint covers it wholly.

    Never mixed inside one municipality; a municipality that no hazard covers wholly has none: it is not modelled.
    """
    rows = session.execute(
        select(ExposureFigure, ExposureRun, LayerVersion)
        .join(ExposureRun, ExposureRun.id == ExposureFigure.run_id)
        .join(LayerVersion, LayerVersion.id == ExposureRun.hazard_version_id)
        .join(Layer, Layer.id == LayerVersion.layer_id)
        .join(Area, Area.id == ExposureFigure.area_id)
        .where(
            ExposureRun.superseded_at.is_(None),
            LayerVersion.state == State.READY,
            Layer.kind.in_(list(kinds)),
            Area.level == Level.MUNICIPALITY,
            ExposureFigure.covered,
            ExposureFigure.exposed.is_not(None),
        )
    ).all()
    best: dict[tuple[UUID, float], Default] = {}
    for figure, run, hazard in sorted(rows, key=lambda r: (RANK[r[2].method], -r[1].computed_at.timestamp())):
        years = hazard.layer.return_period_years
        if years is not None:
            best.setdefault((figure.area_id, years), Default(figure, run, hazard))
    return best


def shaky(session: Session, kinds: Iterable[Kind]) -> dict[tuple[UUID, float], str]:
    """Defaults that do not fit the next more frequent one, by area and return period.

    "not_growing": fewer people are exposed; "jump": more than JUMP times as many, and JUMP_PEOPLE more.
    """
    by_area: dict[UUID, list[tuple[float, float]]] = defaultdict(list)
    for (area, years), default in sorted(defaults(session, kinds).items(), key=lambda item: item[0][1]):
        by_area[area].append((years, default.figure.exposed or 0.0))
    marks: dict[tuple[UUID, float], str] = {}
    for area, periods in by_area.items():
        for (_, fewer), (years, more) in pairwise(periods):
            if more < fewer * (1 - 1e-9):
                marks[area, years] = "not_growing"
            elif more > JUMP * fewer and more - fewer > JUMP_PEOPLE:
                marks[area, years] = "jump"
    return marks


def annual(session: Session, kinds: Iterable[Kind]) -> dict[UUID, float]:
    """Expected annual exposed people per municipality, from its defaults. Areas without a default have none."""
    by_area: dict[UUID, dict[float, float]] = defaultdict(dict)
    for (area, years), default in defaults(session, kinds).items():
        if default.figure.exposed is not None:
            by_area[area][years] = default.figure.exposed
    return {
        area: float(expected_annual_exposed(list(people), np.array([list(people.values())]))[0])
        for area, people in by_area.items()
    }


def _elevation(session: Session) -> LayerVersion | None:
    """The best elevation layer whose terrain is kept."""
    return next((v for v in shown(session, Kind.ELEVATION) if "terrain" in v.facts["files"]), None)


def _best(session: Session, kind: Kind) -> LayerVersion:
    found = shown(session, kind)
    if not found:
        raise NothingToCount(kind=KIND_WORDS[kind])
    return found[0]


def _places(session: Session, version_id: UUID, level: Level) -> dict[UUID, shapely.Geometry]:
    rows = session.execute(
        select(Boundary.area_id, Boundary.place)
        .join(Area, Area.id == Boundary.area_id)
        .where(Boundary.version_id == version_id, Area.level == level)
        .order_by(Area.code)
    )
    return {area: to_shape(place) for area, place in rows}


def _above(area: UUID, parents: Mapping[UUID, UUID | None]) -> Iterable[UUID]:
    parent = parents.get(area)
    while parent is not None:
        yield parent
        parent = parents.get(parent)


def _official_people(session: Session) -> dict[UUID, float]:
    """All people of each area in the newest and best population table."""
    tables = shown(session, Kind.POPULATION_TABLE)
    if not tables:
        return {}
    rows = session.execute(
        select(PeopleFigure.area_id, PeopleFigure.people).where(
            PeopleFigure.version_id == tables[0].id,
            PeopleFigure.sex == Sex.ALL,
            PeopleFigure.age_from.is_(None),
            PeopleFigure.age_to.is_(None),
        )
    )
    return {area: people for area, people in rows}  # noqa: C416  rows are no pairs to mypy


def _settlement_zones(
    session: Session, version_id: UUID, municipalities: Mapping[UUID, shapely.Geometry]
) -> list[Zone]:
    """Polygons as they are; points get the part of their municipality that is nearest to them."""
    rows = session.execute(
        select(Boundary.area_id, Boundary.place, Area.parent_id)
        .join(Area, Area.id == Boundary.area_id)
        .where(Boundary.version_id == version_id, Area.level.in_([Level.SETTLEMENT, Level.LOCAL_COMMUNITY]))
        .order_by(Area.code)
    )
    zones: list[Zone] = []
    points: dict[UUID, list[tuple[UUID, shapely.Point]]] = defaultdict(list)
    for area, place, parent in rows:
        shape = to_shape(place)
        if shape.geom_type != "Point":
            zones.append(Zone(area, shape))
        elif parent is not None and parent in municipalities:
            points[parent].append((area, shape))
    for municipality, inside in points.items():
        whole = municipalities[municipality]
        cells = shapely.get_parts(
            shapely.voronoi_polygons(shapely.multipoints([p for _, p in inside]), extend_to=whole, ordered=True)
        )
        if len(cells) != len(inside):  # two points in one place share a cell that nobody could divide
            continue
        for (area, _), cell in zip(inside, cells, strict=True):
            part = shapely.intersection(cell, whole)
            pieces = [g for g in shapely.get_parts(part) if g.geom_type in ("Polygon", "MultiPolygon")]
            if pieces:
                zones.append(Zone(area, shapely.union_all(pieces)))
    return zones


def _polygons(session: Session, version_id: UUID) -> NDArray[np.object_]:
    rows = session.scalars(select(Feature.place).where(Feature.version_id == version_id).order_by(Feature.number))
    return np.array([to_shape(p) for p in rows], dtype=object)


def _facilities(session: Session) -> tuple[UUID | None, list[Facility]]:
    """(the version of the best layer of facilities, what is in it)."""
    found = shown(session, Kind.FACILITIES)
    if not found:
        return None, []
    rows = session.execute(
        select(Feature.number, Feature.category, Feature.place)
        .where(Feature.version_id == found[0].id)
        .order_by(Feature.number)
    )
    centres = [(number, category or "", to_shape(place).centroid) for number, category, place in rows]
    return found[0].id, [Facility(number, category, c.x, c.y) for number, category, c in centres]


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


def _facilities_at_risk(plan: Plan, values: NDArray[np.float64], threshold: float) -> dict[UUID, dict[str, list[int]]]:
    """{area: {category: [exposed, all]}} for the areas counted cell by cell."""
    counts: dict[UUID, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    if not plan.facilities:
        return {}
    points = shapely.points([f.longitude for f in plan.facilities], [f.latitude for f in plan.facilities])
    tree = shapely.STRtree([z.place for z in plan.zones])
    for point, zone in zip(*tree.query(points, predicate="intersects"), strict=True):
        count = counts[plan.zones[zone].area_id][plan.facilities[point].category]
        count[0] += bool(values[point] >= threshold)
        count[1] += 1
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
    if zone.official_people and abs(one.population / zone.official_people - 1) > OFF_ESTIMATE:
        marks.append("off_estimate")
    return marks
