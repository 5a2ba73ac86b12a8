"""Readings of gauges, in a space: added, corrected by a further revision, never changed.

Of each station and moment the highest revision counts; one without a level says that there was no reading after all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    Integer,
    Select,
    Text,
    UniqueConstraint,
    Uuid,
    bindparam,
    column,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from foundation.database import Base, InSpaceById, app_may

MOST_AT_ONCE: Final = 5000
NEIGHBOURS_WITHIN: Final = timedelta(hours=24)
FASTEST_CM_PER_HOUR: Final = Decimal(100)
SMALL_STEP_CM: Final = Decimal(50)
"""A step of so much is believed however short the time."""
METRES_BELOW_CM: Final = Decimal(25)
_LOCK_CLASS: Final = 5_005


class ReadingSource(StrEnum):
    FORM = "form"
    CSV = "csv"
    API = "api"
    ILLUSTRATIVE = "illustrative"  # made for the demonstration: nobody read it


class Reading(InSpaceById, Base):
    """One revision of what a gauge showed at a moment, in centimetres above its zero.

    doubtful: it did not follow from its neighbours and was kept all the same. reason: of a correction.
    """

    __tablename__ = "reading"
    __table_args__ = (
        # Also the way to the newest reading: read backwards.
        UniqueConstraint("space_id", "station_id", "observed_at", "revision"),
        CheckConstraint("level_cm IS NOT NULL OR revision > 1", name="level"),
        CheckConstraint("revision >= 1", name="revision"),
        CheckConstraint("(revision > 1) = (reason IS NOT NULL)", name="reason"),
        {"info": app_may("SELECT", "INSERT")},
    )

    station_id: Mapped[UUID] = mapped_column(ForeignKey("station.id"))
    observed_at: Mapped[datetime]
    revision: Mapped[int]
    level_cm: Mapped[Decimal | None]
    source: Mapped[ReadingSource]
    doubtful: Mapped[bool]
    reason: Mapped[str | None]
    file: Mapped[str | None]  # the name of the file that it came in
    recorded_at: Mapped[datetime]  # the space's clock
    recorded_by: Mapped[str]
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))

    @property
    def cm(self) -> Decimal:
        """The level of a reading that counts."""
        if self.level_cm is None:
            raise ValueError("the reading was taken back")
        return self.level_cm


@dataclass(frozen=True)
class Measured:
    """A level to be entered: centimetres above the gauge's zero at an aware moment."""

    station_id: UUID
    observed_at: datetime
    level_cm: Decimal


@dataclass(frozen=True)
class Doubt:
    """A level that does not follow from its neighbour, or has none. metres: it looks like metres."""

    measured: Measured
    beside_cm: Decimal | None
    beside_at: datetime | None
    metres: bool


def of_station(
    session: Session,
    space: UUID,
    station_id: UUID,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = MOST_AT_ONCE,
) -> list[Reading]:
    """What counts of a gauge's readings in [since, until], newest first, at most so many."""
    return list(session.scalars(_counting(space, station_id, since, until).limit(min(limit, MOST_AT_ONCE))))


def _counting(space: UUID, station_id: UUID, since: datetime | None, until: datetime | None) -> Select[Reading]:
    newest = (
        select(Reading)
        .where(Reading.space_id == space, Reading.station_id == station_id)
        .ext(distinct_on(Reading.observed_at))
        .order_by(Reading.observed_at.desc(), Reading.revision.desc())
    )
    if since is not None:
        newest = newest.where(Reading.observed_at >= since)
    if until is not None:
        newest = newest.where(Reading.observed_at <= until)
    counting = aliased(Reading, newest.subquery())
    return select(counting).where(counting.level_cm.is_not(None)).order_by(counting.observed_at.desc())


def revisions(session: Session, space: UUID, station_id: UUID, observed_at: datetime) -> Sequence[Reading]:
    """Everything that was said of one moment, newest first."""
    return session.scalars(
        select(Reading)
        .where(Reading.space_id == space, Reading.station_id == station_id, Reading.observed_at == observed_at)
        .order_by(Reading.revision.desc())
        .limit(MOST_AT_ONCE)
    ).all()


def known(session: Session, space: UUID, measured: Sequence[Measured]) -> dict[tuple[UUID, datetime], Reading]:
    """The newest revision of each of these stations and moments, also one that was taken back."""
    found: dict[tuple[UUID, datetime], Reading] = {}
    asked = func.unnest(
        bindparam("stations", type_=ARRAY(Uuid())), bindparam("moments", type_=ARRAY(DateTime(timezone=True)))
    ).table_valued(column("station_id", Uuid()), column("observed_at", DateTime(timezone=True)))
    asked = asked.render_derived(name="asked")
    last = aliased(
        Reading,
        select(Reading)
        .where(
            Reading.space_id == space,
            Reading.station_id == asked.c.station_id,
            Reading.observed_at == asked.c.observed_at,
        )
        .order_by(Reading.revision.desc())
        .limit(1)
        .lateral("last"),
    )
    query = select(last).select_from(asked).join(last, literal(True))
    for first in range(0, len(measured), MOST_AT_ONCE):
        part = measured[first : first + MOST_AT_ONCE]
        asked_for = {"stations": [m.station_id for m in part], "moments": [m.observed_at for m in part]}
        for reading in session.scalars(query, asked_for):
            found[reading.station_id, reading.observed_at] = reading
    return found


def newest(session: Session, space: UUID, station_ids: Iterable[UUID]) -> dict[UUID, Reading]:
    """The newest reading of each gauge that counts."""
    asked = func.unnest(bindparam("stations", sorted(station_ids), type_=ARRAY(Uuid()))).table_valued(
        column("station_id", Uuid())
    )
    asked = asked.render_derived(name="asked")
    revised = (
        select(Reading)
        .where(Reading.space_id == space, Reading.station_id == asked.c.station_id)
        .ext(distinct_on(Reading.observed_at))
        .order_by(Reading.observed_at.desc(), Reading.revision.desc())
        .correlate(asked)
        .subquery()
    )
    last = aliased(
        Reading,
        select(revised)
        .where(revised.c.level_cm.is_not(None))
        .order_by(revised.c.observed_at.desc())
        .limit(1)
        .lateral("last"),
    )
    query = select(last).select_from(asked).join(last, literal(True))
    return {reading.station_id: reading for reading in session.scalars(query)}


def _around(
    session: Session, space: UUID, windows: Mapping[UUID, tuple[datetime, datetime]]
) -> dict[UUID, list[Reading]]:
    """What counts of each gauge's readings within its own window."""
    moment = DateTime(timezone=True)
    asked = func.unnest(
        bindparam("stations", list(windows), type_=ARRAY(Uuid())),
        bindparam("since", [since for since, _ in windows.values()], type_=ARRAY(moment)),
        bindparam("until", [until for _, until in windows.values()], type_=ARRAY(moment)),
    ).table_valued(column("station_id", Uuid()), column("since", moment), column("until", moment))
    asked = asked.render_derived(name="asked")
    revised = (
        select(Reading)
        .join(asked, Reading.station_id == asked.c.station_id)
        .where(Reading.space_id == space, Reading.observed_at.between(asked.c.since, asked.c.until))
        .ext(distinct_on(Reading.station_id, Reading.observed_at))
        .order_by(Reading.station_id, Reading.observed_at, Reading.revision.desc())
    )
    counting = aliased(Reading, revised.subquery())
    found: dict[UUID, list[Reading]] = {station: [] for station in windows}
    for reading in session.scalars(select(counting).where(counting.level_cm.is_not(None))):
        found[reading.station_id].append(reading)
    return found


def lock(session: Session, space: UUID, station_ids: Iterable[UUID]) -> None:
    """Let nobody else enter readings of these gauges in this space until the transaction ends."""
    # In one order, so that two who enter many gauges wait for each other and never both.
    asked = func.unnest(
        bindparam("keys", sorted(f"{space} {station}" for station in set(station_ids)), type_=ARRAY(Text()))
    ).column_valued("key")
    keys = select(asked).order_by(asked).subquery()
    session.execute(select(func.pg_advisory_xact_lock(literal(_LOCK_CLASS, Integer), func.hashtext(keys.c[0]))))


def doubts(session: Session, space: UUID, measured: Iterable[Measured]) -> list[Doubt]:
    """What does not follow from its neighbours within a day, in the file or in the database; by station and moment.

    More than SMALL_STEP_CM and faster than FASTEST_CM_PER_HOUR from the last level that was believed: a sensor that
    was washed away does not become right by repeating itself. Without a neighbour: what is written like metres.
    """
    by_station: dict[UUID, dict[datetime, Measured]] = defaultdict(dict)
    for one in sorted(measured, key=lambda m: (m.station_id, m.observed_at)):
        by_station[one.station_id][one.observed_at] = one
    near = {
        station: (min(new) - NEIGHBOURS_WITHIN, max(new) + NEIGHBOURS_WITHIN) for station, new in by_station.items()
    }
    known_around = _around(session, space, near)
    found = []
    for station_id, new in by_station.items():
        around = {
            r.observed_at: r.cm
            for r in known_around[station_id]
            if r.observed_at not in new and not (r.doubtful and r.source is ReadingSource.API)
        }
        before: tuple[datetime, Decimal] | None = None
        times = sorted(around.keys() | new.keys())
        for i, at in enumerate(times):
            if at in around:
                before = at, around[at]
                continue
            following = times[i + 1] if i + 1 < len(times) and times[i + 1] in around else None
            after = None if following is None else (following, around[following])
            doubt = _doubt(new[at], before, after)
            if doubt is None:
                before = at, new[at].level_cm
            else:
                found.append(doubt)
    return found


def _doubt(
    one: Measured, before: tuple[datetime, Decimal] | None, after: tuple[datetime, Decimal] | None
) -> Doubt | None:
    near = [n for n in (before, after) if n is not None and abs(n[0] - one.observed_at) <= NEIGHBOURS_WITHIN]
    for at, cm in near:
        hours = Decimal(abs(at - one.observed_at).total_seconds()) / 3600
        if abs(one.level_cm - cm) > max(SMALL_STEP_CM, FASTEST_CM_PER_HOUR * hours):
            return Doubt(one, cm, at, metres=_metres(one.level_cm, cm))
    return None if near or not _written_like_metres(one.level_cm) else Doubt(one, None, None, metres=True)


def _written_like_metres(cm: Decimal) -> bool:
    exponent = cm.as_tuple().exponent
    return abs(cm) < METRES_BELOW_CM and (cm % 1 != 0 or (isinstance(exponent, int) and exponent <= -2))


def _metres(cm: Decimal, beside: Decimal) -> bool:
    return abs(cm) < METRES_BELOW_CM and abs(cm * 100 - beside) < abs(cm - beside) / 5
