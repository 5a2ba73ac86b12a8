"""What a headquarters tells the one above it of the last 24 hours, as plain data: how it looks is decided elsewhere.

Levels, fires, warnings, incidents with their figures and evacuations, and the diary, of an area and all below it. What
nobody knows is left open and never 0; what several sources say stands side by side.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased

from layers import evacuations, incident_figures
from layers.areas import Area, Boundary, municipalities_of
from layers.catalogue import Kind, LayerVersion, shown
from layers.diary import DiaryEntry
from layers.errors import NoSuchArea
from layers.evacuations import Evacuation
from layers.exposure import TREE
from layers.features import Feature
from layers.gauge_alarms import GaugeAlarm, alarms_between
from layers.gauge_states import GaugeState, states
from layers.incident_figures import FigureKind, IncidentFigure, Reported
from layers.incidents import OPEN, Incident, IncidentState, IncidentStep, municipalities, touches
from layers.readings import Reading
from layers.warnings import WarnedOf, during

HOURS: Final = 24
MOST_ENTRIES: Final = 500
MOST_INCIDENTS: Final = 1000


@dataclass(frozen=True)
class GaugeReport:
    """A gauge: its state at the end, the highest level within the hours, the thresholds that were passed."""

    state: GaugeState
    highest_cm: Decimal | None
    highest_at: datetime | None
    alarms: list[GaugeAlarm]


@dataclass(frozen=True)
class FireReport:
    """Fire points that one layer has within the hours, each of a satellite's pixels; layers are never added up.

    by_municipality: {id: count}, of the municipalities in which there was any. newest: of all points of the layer, so
    that a layer that nobody has renewed is not taken for a quiet day.
    """

    layer: LayerVersion
    count: int
    by_municipality: dict[UUID, int]
    newest: datetime | None


@dataclass(frozen=True)
class IncidentReport:
    """An incident as it stood at the end. steps: all until then; new_figures: what was reported within the hours."""

    incident: Incident
    state: IncidentState
    steps: list[IncidentStep]
    municipalities: list[Area]
    figures: dict[FigureKind, Reported]
    new_figures: list[IncidentFigure]
    evacuation: Evacuation


@dataclass(frozen=True)
class Situation:
    """The report of the hours [since, until] for an area and all below it.

    fires: empty where no layer of fire points is loaded, which is not the same as no fire.
    """

    area: Area
    since: datetime
    until: datetime
    municipalities: list[Area]
    gauges: list[GaugeReport] = field(default_factory=list)
    fires: list[FireReport] = field(default_factory=list)
    warnings: list[WarnedOf] = field(default_factory=list)
    incidents: list[IncidentReport] = field(default_factory=list)
    diary: list[DiaryEntry] = field(default_factory=list)


def situation(session: Session, space: UUID, area_id: UUID, until: datetime, *, hours: int = HOURS) -> Situation:
    """The report for an area at any level. until: by the space's clock. Raises NoSuchArea."""
    area = session.get(Area, area_id)
    if area is None:
        raise NoSuchArea(id=area_id)
    since = until - timedelta(hours=hours)
    ids = municipalities_of(session, area_id)
    below = list(session.scalars(select(Area).where(Area.id.in_(ids)).order_by(Area.code)))
    return Situation(
        area,
        since,
        until,
        below,
        gauges=_gauges(session, space, area_id, since, until),
        fires=_fires(session, ids, since, until),
        warnings=during(session, space, since, until, area_id),
        incidents=_incidents(session, space, ids, since, until),
        diary=_diary(session, space, area, ids, since, until),
    )


def _gauges(session: Session, space: UUID, area_id: UUID, since: datetime, until: datetime) -> list[GaugeReport]:
    now = states(session, space, until, area_id=area_id)
    ids = [state.station.id for state in now]
    highest = _highest(session, space, ids, since, until)
    alarms: dict[UUID, list[GaugeAlarm]] = defaultdict(list)
    for alarm in alarms_between(session, space, ids, since, until):
        alarms[alarm.station_id].append(alarm)
    found = []
    for state in now:
        peak = highest.get(state.station.id)
        level, at = (peak.level_cm, peak.observed_at) if peak else (None, None)
        found.append(GaugeReport(state, level, at, alarms[state.station.id]))
    return found


def _highest(
    session: Session, space: UUID, station_ids: Collection[UUID], since: datetime, until: datetime
) -> dict[UUID, Reading]:
    """The highest level of each gauge within the hours, the first where it stood so high more than once."""
    newest = (
        select(Reading)
        .where(
            Reading.space_id == space,
            Reading.station_id.in_(station_ids),
            Reading.observed_at >= since,
            Reading.observed_at <= until,
        )
        .ext(distinct_on(Reading.station_id, Reading.observed_at))
        .order_by(Reading.station_id, Reading.observed_at, Reading.revision.desc())
    )
    counting = aliased(Reading, newest.subquery())
    rows = session.scalars(
        select(counting)
        .where(counting.level_cm.is_not(None))
        .ext(distinct_on(counting.station_id))
        .order_by(counting.station_id, counting.level_cm.desc(), counting.observed_at)
    )
    return {row.station_id: row for row in rows}


def _fires(session: Session, ids: Collection[UUID], since: datetime, until: datetime) -> list[FireReport]:
    boundaries = shown(session, Kind.MUNICIPALITIES)
    found = []
    for layer in shown(session, Kind.ACTIVE_FIRES):
        by_municipality: dict[UUID, int] = {}
        if boundaries:
            rows = session.execute(
                select(Boundary.area_id, func.count(Feature.id))
                .join(Feature, func.ST_Intersects(Boundary.place, Feature.place))
                .where(
                    Boundary.version_id == boundaries[0].id,
                    Boundary.area_id.in_(ids),
                    Feature.version_id == layer.id,
                    Feature.observed_at >= since,
                    Feature.observed_at <= until,
                )
                .group_by(Boundary.area_id)
            )
            by_municipality = {area: count for area, count in rows}  # noqa: C416  rows are no pairs to mypy
        newest = session.scalar(select(func.max(Feature.observed_at)).where(Feature.version_id == layer.id))
        found.append(FireReport(layer, sum(by_municipality.values()), by_municipality, newest))
    return found


def _incidents(
    session: Session, space: UUID, ids: Collection[UUID], since: datetime, until: datetime
) -> list[IncidentReport]:
    """What was open at the end, or of which something was decided or reported within the hours."""
    decided = select(IncidentStep.id).where(
        IncidentStep.space_id == space, IncidentStep.incident_id == Incident.id, IncidentStep.at >= since
    )
    reported = select(IncidentFigure.id).where(
        IncidentFigure.space_id == space,
        IncidentFigure.incident_id == Incident.id,
        IncidentFigure.as_of >= since,
        IncidentFigure.as_of <= until,
    )
    all_here = session.scalars(
        select(Incident)
        .where(
            Incident.space_id == space,
            touches(space, ids),
            Incident.state.in_(OPEN) | exists(decided) | exists(reported),
        )
        .order_by(Incident.number)
        .limit(MOST_INCIDENTS)
    ).all()
    here = [one.id for one in all_here]
    steps = _by_incident(session, IncidentStep, space, here, IncidentStep.at <= until, IncidentStep.number)
    figures = _by_incident(
        session,
        IncidentFigure,
        space,
        here,
        (IncidentFigure.as_of >= since) & (IncidentFigure.as_of <= until),
        IncidentFigure.sequence,
    )
    places = municipalities(session, space, here)
    found = []
    for one in all_here:
        taken = steps.get(one.id, [])
        if not taken:
            continue
        state = taken[-1].state
        if not (state in OPEN or taken[-1].at >= since or figures.get(one.id)):
            continue
        found.append(
            IncidentReport(
                one,
                state,
                taken,
                places.get(one.id, []),
                incident_figures.latest(session, space, one.id, until=until),
                figures.get(one.id, []),
                evacuations.evacuation(session, space, one.id, until=until),
            )
        )
    return found


def _by_incident(
    session: Session, model: Any, space: UUID, ids: Sequence[UUID], within: Any, order: Any
) -> dict[UUID, list[Any]]:
    rows: dict[UUID, list[Any]] = defaultdict(list)
    query = select(model).where(model.space_id == space, model.incident_id.in_(ids), within).order_by(order)
    for row in session.scalars(query):
        rows[row.incident_id].append(row)
    return rows


def _diary(
    session: Session, space: UUID, area: Area, ids: Collection[UUID], since: datetime, until: datetime
) -> list[DiaryEntry]:
    """The entries of the area's own diary and of those below, in the order in which it happened."""
    tree = select(Area.id, Area.parent_id).where(Area.level.in_(TREE))
    parents: dict[UUID, UUID | None] = {one: parent for one, parent in session.execute(tree)}  # noqa: C416  rows are no pairs to mypy
    whose = {area.id}
    for one in ids:
        way: list[UUID] = []
        at: UUID | None = one
        while at is not None and at != area.id:
            way.append(at)
            at = parents.get(at)
        whose |= {*way} if at == area.id else {one}  # a city lies over its municipalities and is above none
    return list(
        session.scalars(
            select(DiaryEntry)
            .where(
                DiaryEntry.space_id == space,
                DiaryEntry.area_id.in_(whose),
                DiaryEntry.happened_at >= since,
                DiaryEntry.happened_at <= until,
            )
            .order_by(DiaryEntry.happened_at, DiaryEntry.sequence)
            .limit(MOST_ENTRIES)
        )
    )
