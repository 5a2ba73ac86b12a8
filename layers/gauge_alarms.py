"""What follows when a gauge passes a threshold: an alarm, a message to whoever follows, a *proposed* incident.

Nothing is declared by itself. A threshold is left only when the water has stood some centimetres below it for HOLD: a
river that wobbles around it neither rings twice nor is called low while it is high.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ForeignKey, Index, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from foundation import outbox
from foundation.audit import Actor, Subject, record
from foundation.database import Base, InSpaceById, app_may, same_space
from foundation.errors import N_
from layers.declaring import IncidentFacts, propose
from layers.diary import note_by_program
from layers.gauges import LEVEL_NAMES, RANK, DefenceLevel, Station, StationThreshold, thresholds
from layers.incident_marks import incidents_of_station, link
from layers.incidents import Incident, IncidentKind, Origin
from layers.readings import Reading, ReadingSource, of_station

HOLD: Final = timedelta(hours=3)
MOST_AT_ONCE: Final = 1000
MOST_OPEN: Final = 10_000  # five of each of the gauges that there may be
PASSED: Final = "gauge.threshold_passed"
LEFT: Final = "gauge.threshold_left"


class GaugeAlarm(InSpaceById, Base):
    """A threshold that was passed, until it was left. value_cm: of the threshold when it was passed.

    low_since: since when the water has stood below the threshold by more than the gauge's margin. corrected: it was
    never passed, a reading was wrong.
    """

    __tablename__ = "gauge_alarm"
    __table_args__ = (
        same_space("reading_id", "reading"),
        same_space("incident_id", "incident"),
        Index(
            "uq_gauge_alarm_open",
            "space_id",
            "station_id",
            "level",
            unique=True,
            postgresql_where=text("left_at IS NULL"),
        ),
        Index(None, "space_id", "station_id", "passed_at"),
        {"info": app_may("SELECT", "INSERT", "UPDATE")},
    )

    station_id: Mapped[UUID] = mapped_column(ForeignKey("station.id"))
    level: Mapped[DefenceLevel]
    threshold_id: Mapped[UUID] = mapped_column(ForeignKey("station_threshold.id"))
    value_cm: Mapped[Decimal]
    reading_id: Mapped[UUID]
    passed_at: Mapped[datetime]
    peak_cm: Mapped[Decimal]
    peak_at: Mapped[datetime]
    low_since: Mapped[datetime | None]
    left_at: Mapped[datetime | None]
    corrected: Mapped[bool]
    incident_id: Mapped[UUID | None]

    @property
    def is_open(self) -> bool:
        return self.left_at is None

    def see(self, reading: Reading, threshold_cm: Decimal, margin_cm: Decimal) -> None:
        """Take a later reading into account; leaves the threshold when the water has been low for HOLD.

        A doubtful reading may raise the peak, but the water is not called low because of it.
        """
        if reading.cm > self.peak_cm:
            self.peak_cm, self.peak_at = reading.cm, reading.observed_at
        if reading.cm >= threshold_cm or reading.cm > threshold_cm - margin_cm:
            self.low_since = None
        elif not reading.doubtful:
            self.low_since = self.low_since or reading.observed_at
            if reading.observed_at - self.low_since >= HOLD:
                self.left_at = reading.observed_at


@dataclass
class Followed:
    """What readings did to the alarms of a gauge: those that are new, and those that were left."""

    passed: list[GaugeAlarm] = field(default_factory=list)
    left: list[GaugeAlarm] = field(default_factory=list)


def follow(
    space: UUID,
    station: Station,
    limits: Sequence[StationThreshold],
    alarms: Sequence[GaugeAlarm],
    readings: Sequence[Reading],
) -> Followed:
    """Take readings, in the order of their moments, through the open alarms of a gauge; needs no database."""
    opened = {alarm.level: alarm for alarm in alarms}
    followed = Followed()
    by_level = {limit.level: limit for limit in limits}
    for reading in readings:
        for level, alarm in list(opened.items()):
            limit = by_level.get(level)
            if limit is None:  # it was withdrawn
                alarm.left_at = reading.observed_at
            else:
                alarm.see(reading, limit.cm, station.margin_cm)
            if not alarm.is_open:
                followed.left.append(opened.pop(level))
        for limit in limits:
            if limit.cm <= reading.cm and limit.level not in opened:
                opened[limit.level] = _alarm(space, station, limit, reading)
                followed.passed.append(opened[limit.level])
    return followed


def _alarm(space: UUID, station: Station, limit: StationThreshold, reading: Reading) -> GaugeAlarm:
    return GaugeAlarm(
        space_id=space,
        station_id=station.id,
        level=limit.level,
        threshold_id=limit.id,
        value_cm=limit.cm,
        reading_id=reading.id,
        passed_at=reading.observed_at,
        peak_cm=reading.cm,
        peak_at=reading.observed_at,
        low_since=None,
        left_at=None,
        corrected=False,
        incident_id=None,
    )


def watch(
    session: Session,
    space: UUID,
    stations: Mapping[UUID, Station],
    readings: Sequence[Reading],
    *,
    by: Actor,
    at: datetime,
) -> None:
    """Follow readings that are later than all known before; what is too old to say anything of now rings nothing."""
    fresh: dict[UUID, list[Reading]] = defaultdict(list)
    for reading in sorted(readings, key=lambda r: (r.station_id, r.observed_at)):
        if at - reading.observed_at <= stations[reading.station_id].stale_after:
            fresh[reading.station_id].append(reading)
    limits = thresholds(session, list(fresh))
    alarms: dict[UUID, list[GaugeAlarm]] = defaultdict(list)
    for alarm in open_alarms(session, space, list(fresh)):
        alarms[alarm.station_id].append(alarm)
    for station_id, new in fresh.items():
        followed = follow(space, stations[station_id], limits.get(station_id, []), alarms[station_id], new)
        session.add_all(followed.passed)
        session.flush()
        if followed.passed:
            _passed(session, space, stations[station_id], followed.passed, new[-1], by=by, at=at)
        # What was passed and left within these readings has been told as passed, with its end.
        gone = [alarm for alarm in followed.left if alarm not in followed.passed]
        if gone:
            _left(session, space, stations[station_id], gone, new[-1], by=by, at=at)


def watch_correction(session: Session, space: UUID, station: Station, *, by: Actor, at: datetime) -> None:
    """After a reading was corrected: end what was never passed, and follow what the newest reading says now."""
    alarms = open_alarms(session, space, [station.id])
    mistaken = []
    for alarm in alarms:
        since = of_station(session, space, station.id, since=alarm.passed_at, until=at)
        if not any(reading.cm >= alarm.value_cm for reading in since):
            alarm.left_at, alarm.corrected = at, True
            mistaken.append(alarm)
    session.flush()
    newest = of_station(session, space, station.id, until=at, limit=1)
    if mistaken:
        _left(session, space, station, mistaken, newest[0] if newest else None, by=by, at=at)
    if newest:
        watch(session, space, {station.id: station}, newest, by=by, at=at)


def open_alarms(session: Session, space: UUID, station_ids: Collection[UUID] | None = None) -> list[GaugeAlarm]:
    """The thresholds that are passed now, of some gauges that are read or of all, by gauge in the order of the plan."""
    query = (
        select(GaugeAlarm)
        .join(Station, Station.id == GaugeAlarm.station_id)
        .where(GaugeAlarm.space_id == space, GaugeAlarm.left_at.is_(None), Station.closed_at.is_(None))
    )
    if station_ids is not None:
        query = query.where(GaugeAlarm.station_id.in_(station_ids))
    alarms = session.scalars(query.limit(MOST_OPEN))
    return sorted(alarms, key=lambda alarm: (str(alarm.station_id), RANK[alarm.level]))


def alarms_between(
    session: Session, space: UUID, station_ids: Sequence[UUID], since: datetime, until: datetime
) -> Sequence[GaugeAlarm]:
    """The thresholds that were passed in [since, until], or before and not left by then; oldest first."""
    return session.scalars(
        select(GaugeAlarm)
        .where(
            GaugeAlarm.space_id == space,
            GaugeAlarm.station_id.in_(station_ids),
            ~GaugeAlarm.corrected,
            GaugeAlarm.passed_at <= until,
            (GaugeAlarm.left_at.is_(None)) | (GaugeAlarm.left_at >= since),
        )
        .order_by(GaugeAlarm.passed_at, GaugeAlarm.value_cm)
        .limit(MOST_AT_ONCE)
    ).all()


# --- telling ---------------------------------------------------------------------------------------------------------


def _passed(
    session: Session,
    space: UUID,
    station: Station,
    passed: Sequence[GaugeAlarm],
    newest: Reading,
    *,
    by: Actor,
    at: datetime,
) -> None:
    """One message and one diary entry for the highest of the thresholds; one open incident for all of a gauge's."""
    highest = max(passed, key=lambda alarm: RANK[alarm.level])
    reading = session.get_one(Reading, (space, highest.reading_id))
    illustrative = reading.source is ReadingSource.ILLUSTRATIVE
    one = _incident(session, space, station, reading, illustrative, by=by, at=at)
    for alarm in passed:
        alarm.incident_id = one.id
    session.flush()
    note_by_program(
        session,
        space,
        station.municipality_id,
        N_("Gauge {station}: {level_cm} cm, the threshold of {value_cm} cm was passed ({state})."),
        {
            "station": station.title,
            "level_cm": float(reading.cm),
            "value_cm": float(highest.value_cm),
            "state": LEVEL_NAMES[highest.level],
        },
        happened_at=reading.observed_at,
        by=by,
        at=at,
        incident_id=one.id,
    )
    facts = _facts(station, highest, reading) | {
        "levels": [alarm.level.value for alarm in passed],
        "incident_id": str(one.id),
        "still": highest.is_open,
        "doubtful": reading.doubtful,
        "illustrative": illustrative,
        "newest_cm": str(newest.cm),
    }
    _tell(session, space, station, PASSED, facts, by=by, at=at)


def _left(
    session: Session,
    space: UUID,
    station: Station,
    left: Sequence[GaugeAlarm],
    newest: Reading | None,
    *,
    by: Actor,
    at: datetime,
) -> None:
    lowest = min(left, key=lambda alarm: RANK[alarm.level])
    corrected = lowest.corrected
    told = (
        N_("Gauge {station}: a reading was corrected; the threshold of {value_cm} cm was not passed ({state}).")
        if corrected
        else N_("Gauge {station}: the water stands below the threshold of {value_cm} cm again ({state}).")
    )
    note_by_program(
        session,
        space,
        station.municipality_id,
        told,
        {"station": station.title, "value_cm": float(lowest.value_cm), "state": LEVEL_NAMES[lowest.level]},
        happened_at=at if corrected or newest is None else newest.observed_at,
        by=by,
        at=at,
        incident_id=lowest.incident_id,
    )
    facts = _facts(station, lowest, newest) | {
        "levels": [alarm.level.value for alarm in left],
        "incident_id": lowest.incident_id and str(lowest.incident_id),
        "corrected": corrected,
        "illustrative": newest is not None and newest.source is ReadingSource.ILLUSTRATIVE,
    }
    _tell(session, space, station, LEFT, facts, by=by, at=at)


def _facts(station: Station, alarm: GaugeAlarm, reading: Reading | None) -> dict[str, Any]:
    return {
        "station_id": str(station.id),
        "station": station.title,
        "municipality_id": str(station.municipality_id),
        "alarm_id": str(alarm.id),
        "level": alarm.level.value,
        "value_cm": str(alarm.value_cm),
        "level_cm": None if reading is None else str(reading.cm),
        "observed_at": None if reading is None else reading.observed_at.isoformat(),
    }


def _tell(
    session: Session, space: UUID, station: Station, topic: str, facts: dict[str, Any], *, by: Actor, at: datetime
) -> None:
    record(session, space=space, at=at, by=by, action=topic, subject=Subject("station", station.id), facts=facts)
    outbox.append(session, space=space, topic=topic, payload=facts, at=at)


def _incident(
    session: Session, space: UUID, station: Station, reading: Reading, illustrative: bool, *, by: Actor, at: datetime
) -> Incident:
    """The open incident that is about the gauge; without one, a proposal."""
    for one in incidents_of_station(session, space, station.id):
        if one.is_open:
            return one
    facts = IncidentFacts(
        IncidentKind.FLOOD,
        f"{station.title}: {reading.cm.normalize():f} cm",
        municipalities=frozenset([station.municipality_id]),
    )
    new = propose(
        session,
        space,
        facts,
        by=by,
        at=min(reading.observed_at, at),
        now=at,
        origin=Origin.GAUGE,
        illustrative=illustrative,
    )
    link(session, space, new.id, station_id=station.id, by=by, at=at)
    return new
