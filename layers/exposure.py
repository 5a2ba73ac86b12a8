"""Stored exposure: people of each area exposed to each hazard, with what the numbers rest on.

plan() -> counting.compute() -> keep(): the first and last in a transaction, the long middle outside of one.
Municipalities and settlements are counted cell by cell; every level above is the sum of its municipalities, so that
numbers add up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

import numpy as np
import shapely
from geoalchemy2.shape import to_shape
from numpy.typing import NDArray
from sqlalchemy import ForeignKey, Index, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY, DOUBLE_PRECISION, JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.types import Uuid

from foundation.database import Base, Id, app_may
from gis import polygons
from layers import people
from layers.answering import Facility, KeptFiles
from layers.areas import Area, Boundary, Level
from layers.catalogue import KIND_WORDS, Kind, Layer, LayerVersion, State, precedence, shown, version
from layers.counting import Counting, Inputs, Plan, Zone
from layers.errors import NothingToCount
from layers.features import Feature
from layers.measures import HAZARDS, MEASURES, METHOD

COUNTED_WITH: Final = {
    Kind.POPULATION_RASTER,
    Kind.MUNICIPALITIES,
    Kind.SETTLEMENTS,
    Kind.FACILITIES,
    Kind.POPULATION_TABLE,
    Kind.ELEVATION,
}
TREE: Final = (Level.COUNTRY, Level.ENTITY, Level.CANTON, Level.MUNICIPALITY)
LOCK: Final = 5_010  # a number of PostgreSQL's advisory locks that nobody else takes


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
    local_community_version_id: Mapped[UUID | None] = mapped_column(ForeignKey("layer_version.id"))
    facilities_version_id: Mapped[UUID | None] = mapped_column(ForeignKey("layer_version.id"))
    estimate_version_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), default=list)
    ages_version_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), default=list)
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

    @property
    def inputs(self) -> Inputs:
        """What it rests on besides the hazard."""
        return Inputs(
            population=self.population_version_id,
            boundaries=self.boundary_version_id,
            settlements=self.settlement_version_id,
            local_communities=self.local_community_version_id,
            facilities=self.facilities_version_id,
            estimates=tuple(self.estimate_version_ids),
            ages=tuple(self.ages_version_ids),
            elevation=self.elevation_version_id,
        )


class ExposureFigure(Base):
    """People of one area in a run, unrounded.

    exposed and by_class are empty where nothing of the area is modelled (by_class also where the hazard has no values).
    covered: the hazard's footprint covers the area wholly. facilities: {category: [exposed, all, not modelled]}.
    ages: as counting.Ages.data() has them, estimated; empty where they are not known. marks: words that ask for a
    second look. cells: those that carry most of the number, with x, y, people, share, exposed.
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
    ages: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    marks: Mapped[list[Any]] = mapped_column(JSONB, default=list)
    cells: Mapped[list[Any]] = mapped_column(JSONB, default=list)


def inputs(session: Session, hazard: Kind) -> Inputs | None:
    """What a counting of such a hazard would rest on now; None where there are no people or no boundaries yet."""
    populations, boundaries = shown(session, Kind.POPULATION_RASTER), shown(session, Kind.MUNICIPALITIES)
    if not populations or not boundaries:
        return None
    below = {level: _best_below(session, level) for level in (Level.SETTLEMENT, Level.LOCAL_COMMUNITY)}
    facilities = shown(session, Kind.FACILITIES)
    elevation = _elevation(session) if hazard == Kind.FLOOD_DEPTH else None
    return Inputs(
        population=populations[0].id,
        boundaries=boundaries[0].id,
        settlements=below[Level.SETTLEMENT],
        local_communities=below[Level.LOCAL_COMMUNITY],
        facilities=facilities[0].id if facilities else None,
        estimates=tuple(sorted({e.table.id for e in people.estimates(session).values()})),
        ages=tuple(sorted({s.table_id for s in people.shares(session).values()})),
        elevation=elevation.id if elevation else None,
    )


def outdated(session: Session, *, everything: bool = False) -> list[UUID]:
    """The hazards that are shown and have no counting that rests on what is in use now and answers questions.

    everything: those that have one, too. None where there are no people or boundaries to count by.
    """
    current = session.scalars(
        select(ExposureRun).where(ExposureRun.superseded_at.is_(None), ExposureRun.index_file.is_not(None))
    )
    rests_on = {run.hazard_version_id: run.inputs for run in current}
    found = []
    for kind in HAZARDS:
        now = inputs(session, kind)
        if now is not None:
            found += [v.id for v in shown(session, kind) if everything or rests_on.get(v.id) != now]
    return sorted(found)


def plan(session: Session, hazard_version_id: UUID) -> Plan:
    """What to count for a hazard now: the best ready population and boundaries. Raises NothingToCount, NoSuchLayer."""
    hazard = version(session, hazard_version_id)
    kind = hazard.layer.kind
    rests_on = inputs(session, kind)
    if rests_on is None:
        lacking = next(k for k in (Kind.POPULATION_RASTER, Kind.MUNICIPALITIES) if not shown(session, k))
        raise NothingToCount(kind=KIND_WORDS[lacking])
    population = version(session, rests_on.population)
    places = _places(session, rests_on.boundaries)
    tree = select(Area.id, Area.parent_id).where(Area.level.in_(TREE))
    parents: dict[UUID, UUID | None] = {area: parent for area, parent in session.execute(tree)}  # noqa: C416  rows are no pairs to mypy
    zones = dict(places)
    for below in (rests_on.settlements, rests_on.local_communities):
        zones |= _settlement_zones(session, below, rests_on.boundaries, places) if below else {}
    estimates, shares = people.estimates(session), people.shares(session)
    covers = _also_covered(session, rests_on.boundaries)
    terrain = version(session, rests_on.elevation).facts["files"]["terrain"] if rests_on.elevation else None
    return Plan(
        hazard_id=hazard.id,
        hazard_kind=kind,
        hazard_file=hazard.facts["files"]["cog"] if kind != Kind.FLOOD_EXTENT else None,
        hazard_polygons=_polygons(session, hazard.id) if kind == Kind.FLOOD_EXTENT else None,
        footprint=to_shape(hazard.footprint) if hazard.footprint is not None else None,
        footprint_given=bool(hazard.options.get("footprint")),
        terrain_file=terrain,
        population_file=population.facts["files"]["cog"],
        population_unit=population.options.get("unit", "persons"),
        inputs=rests_on,
        zones=[
            Zone(area, place, people.estimate_of((area, *covers.get(area, ())), estimates), shares.get(area))
            for area, place in zones.items()
        ],
        municipality={area: tuple(_above(area, parents)) for area in places},
        facilities=_facilities(session, rests_on.facilities) if rests_on.facilities else [],
    )


def keep(session: Session, plan: Plan, counting: Counting, *, at: datetime) -> ExposureRun | None:
    """Store what was counted; older runs of the hazard stay readable but are no longer current.

    None, and nothing is stored, where meanwhile the hazard was withdrawn or what the plan rests on was replaced.
    """
    lock_results(session)
    hazard = version(session, plan.hazard_id)
    session.refresh(hazard)
    if hazard.state != State.READY or inputs(session, plan.hazard_kind) != plan.inputs:
        return None
    measure = MEASURES[plan.hazard_kind]
    session.execute(
        update(ExposureRun)
        .where(ExposureRun.hazard_version_id == plan.hazard_id, ExposureRun.superseded_at.is_(None))
        .values(superseded_at=at)
    )
    run = ExposureRun(
        id=uuid4(),
        hazard_version_id=plan.hazard_id,
        population_version_id=plan.inputs.population,
        boundary_version_id=plan.inputs.boundaries,
        settlement_version_id=plan.inputs.settlements,
        local_community_version_id=plan.inputs.local_communities,
        facilities_version_id=plan.inputs.facilities,
        estimate_version_ids=list(plan.inputs.estimates),
        ages_version_ids=list(plan.inputs.ages),
        elevation_version_id=plan.inputs.elevation,
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
            ages=one.ages.data() if one.ages else None,
            marks=one.marks,
            cells=one.cells,
        )
        for area, one in counting.areas.items()
    )
    session.flush()
    return run


def lock_results(session: Session) -> None:
    """Keep others from keeping results until this transaction ends: what follows from several of them misses none."""
    session.execute(select(func.pg_advisory_xact_lock(LOCK)))


def held_files(session: Session) -> set[str]:
    """The hashes of the files that runs name."""
    rows = session.execute(select(*(getattr(ExposureRun, f.name) for f in fields(KeptFiles))))
    return {file for row in rows for file in row if file}


@dataclass(frozen=True)
class Default:
    """The figure that is shown for an area and a return period when nobody chose another."""

    figure: ExposureFigure
    run: ExposureRun
    hazard: LayerVersion


def defaults(session: Session, kinds: Iterable[Kind]) -> dict[tuple[UUID, float], Default]:
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
    newest = {v.id for kind in kinds for v in shown(session, kind)}
    for figure, run, hazard in sorted(rows, key=lambda r: precedence(r[2])):
        if hazard.id not in newest:
            continue
        years = hazard.layer.return_period_years
        if years is not None:
            best.setdefault((figure.area_id, years), Default(figure, run, hazard))
    return best


def _elevation(session: Session) -> LayerVersion | None:
    """The best elevation of which the heights above the rivers are kept."""
    return next((v for v in shown(session, Kind.ELEVATION) if "terrain" in v.facts["files"]), None)


def _best_below(session: Session, level: Level) -> UUID | None:
    """The best version that has areas of a level below the municipalities."""
    for found in shown(session, Kind.SETTLEMENTS):
        areas = select(Boundary.id).join(Area, Area.id == Boundary.area_id).limit(1)
        if session.scalar(areas.where(Boundary.version_id == found.id, Area.level == level)):
            return found.id
    return None


def _places(session: Session, version_id: UUID) -> dict[UUID, shapely.Geometry]:
    """The municipalities' boundaries, by code."""
    rows = session.execute(
        select(Boundary.area_id, Boundary.place)
        .join(Area, Area.id == Boundary.area_id)
        .where(Boundary.version_id == version_id, Area.level == Level.MUNICIPALITY)
        .order_by(Area.code)
    )
    return {area: to_shape(place) for area, place in rows}


def _above(area: UUID, parents: Mapping[UUID, UUID | None]) -> Iterable[UUID]:
    parent = parents.get(area)
    while parent is not None:
        yield parent
        parent = parents.get(parent)


def _also_covered(session: Session, boundaries: UUID) -> dict[UUID, list[UUID]]:
    """The municipalities without an outline of their own, by the one whose outline covers them."""
    rows = session.execute(
        select(Boundary.area_id, Boundary.also_covers).where(
            Boundary.version_id == boundaries, Boundary.also_covers != []
        )
    )
    return {whole: list(parts) for whole, parts in rows}


def _settlement_zones(
    session: Session, version_id: UUID, boundaries: UUID, municipalities: Mapping[UUID, shapely.Geometry]
) -> dict[UUID, shapely.Geometry]:
    """Polygons as they are; points get the part of their municipality that is nearest to them.

    A municipality without a boundary of its own is sought in the one that covers it.
    """
    host = {part: whole for whole, parts in _also_covered(session, boundaries).items() for part in parts}
    rows = session.execute(
        select(Boundary.area_id, Boundary.place, Area.parent_id)
        .join(Area, Area.id == Boundary.area_id)
        .where(Boundary.version_id == version_id, Area.level.in_([Level.SETTLEMENT, Level.LOCAL_COMMUNITY]))
        .order_by(Area.code)
    )
    zones: dict[UUID, shapely.Geometry] = {}
    points: dict[UUID, dict[UUID, shapely.Point]] = defaultdict(dict)
    for area, place, parent in rows:
        shape = to_shape(place)
        if shape.geom_type != "Point":
            zones[area] = shape
        elif parent is not None and (whole := host.get(parent, parent)) in municipalities:
            points[whole][area] = shape
    for municipality, inside in points.items():
        zones |= nearest_parts(municipalities[municipality], inside)
    return zones


def nearest_parts(whole: shapely.Geometry, points: Mapping[UUID, shapely.Point]) -> dict[UUID, shapely.Geometry]:
    """For each point (degrees) the part of the whole that is nearer to it than to any other.

    Several points in one place share a part that nobody could divide: they get none, and nobody else gets it.
    """
    by_place: dict[tuple[float, float], list[UUID]] = defaultdict(list)
    for area, point in points.items():
        by_place[point.x, point.y].append(area)
    # A degree east is shorter than a degree north: without the factor, the nearest would not be.
    factor = np.array([np.cos(np.radians(whole.centroid.y)), 1.0])
    places = shapely.multipoints(np.array(list(by_place)) * factor)
    around = shapely.transform(whole, lambda xy: xy * factor)
    cells = shapely.get_parts(shapely.voronoi_polygons(places, extend_to=around, ordered=True))
    found = {}
    for areas, cell in zip(by_place.values(), cells, strict=True):
        part = polygons.areas(shapely.intersection(shapely.transform(cell, lambda xy: xy / factor), whole))
        if len(areas) == 1 and not part.is_empty:
            found[areas[0]] = part
    return found


def _polygons(session: Session, version_id: UUID) -> NDArray[np.object_]:
    rows = session.scalars(select(Feature.place).where(Feature.version_id == version_id).order_by(Feature.number))
    return np.array([to_shape(p) for p in rows], dtype=object)


def _facilities(session: Session, version_id: UUID) -> list[Facility]:
    rows = session.execute(
        select(Feature.number, Feature.category, Feature.place)
        .where(Feature.version_id == version_id)
        .order_by(Feature.number)
    )
    centres = [(number, category or "", to_shape(place).centroid) for number, category, place in rows]
    return [Facility(number, category, c.x, c.y) for number, category, c in centres]
