"""The state of gauges at a moment: what was read last, how old it is, whether it rises, which threshold it has passed.

A reading that is too old says nothing of now: such a state is STALE, and has a last reading but no current level, no
trend and no passed threshold, so that nothing old can be shown as current.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import Interval, and_, literal, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased

from foundation.folding import alphabetical
from layers.areas import municipalities_of
from layers.gauge_exposure import Exposed, exposed
from layers.gauges import MOST_AT_ONCE, Station, StationThreshold, thresholds
from layers.readings import Reading

TREND_HOURS: Final = 3.0


class Condition(StrEnum):
    """How much is known of a gauge now."""

    NO_READING = "no_reading"
    STALE = "stale"
    CURRENT = "current"


@dataclass(frozen=True)
class Trend:
    """The change of the level over the last hours that were really measured; cm, positive where it rises."""

    change_cm: Decimal
    hours: float

    @property
    def cm_per_hour(self) -> float:
        return float(self.change_cm) / self.hours


@dataclass(frozen=True)
class GaugeState:
    """A gauge at a moment. level_cm, trend, passed, following and their people only where the state is CURRENT.

    last, age: what was read last, however old. passed: the highest threshold at or below the level. following: the next
    one, to_following_cm away. exposed_*: people of the municipality under what the threshold is tied to.
    """

    station: Station
    thresholds: list[StationThreshold]
    condition: Condition
    last: Reading | None = None
    age: timedelta | None = None
    level_cm: Decimal | None = None
    trend: Trend | None = None
    passed: StationThreshold | None = None
    following: StationThreshold | None = None
    to_following_cm: Decimal | None = None
    exposed_passed: Exposed | None = None
    exposed_following: Exposed | None = None


def states(
    session: Session,
    space: UUID,
    now: datetime,
    *,
    area_id: UUID | None = None,
    station_ids: Sequence[UUID] | None = None,
    trend_hours: float = TREND_HOURS,
    limit: int = MOST_AT_ONCE,
) -> list[GaugeState]:
    """The states of the gauges of an area and all below it (or of those stations, or of all), by river, then name."""
    last = aliased(Reading, _newest_until(space, literal(now), "latest"))
    hours, twice = (literal(timedelta(hours=trend_hours * times), Interval()) for times in (1, 2))
    before = aliased(
        Reading,
        _newest_until(space, last.observed_at - hours, "before", since=last.observed_at - twice, beside=last),
    )
    query = (
        select(Station, last, before)
        .select_from(Station)
        .outerjoin(last, literal(True))
        .outerjoin(before, literal(True))
        .where(Station.closed_at.is_(None))
        .order_by(alphabetical(Station.river), alphabetical(Station.name), Station.code)
        .limit(min(limit, MOST_AT_ONCE))
    )
    if area_id is not None:
        query = query.where(Station.municipality_id.in_(municipalities_of(session, area_id)))
    if station_ids is not None:
        query = query.where(Station.id.in_(station_ids))
    rows = session.execute(query).all()
    limits = thresholds(session, [one.id for one, _, _ in rows])
    tied = exposed(session, [(one, t) for one, _, _ in rows for t in limits.get(one.id, [])])
    return [_state(one, limits.get(one.id, []), read, earlier, now, tied) for one, read, earlier in rows]


def state(session: Session, space: UUID, now: datetime, station_id: UUID) -> GaugeState | None:
    """The state of one gauge that is still read."""
    found = states(session, space, now, station_ids=[station_id])
    return found[0] if found else None


def _newest_until(space: UUID, until, name: str, *, since=None, beside=None):  # type: ignore[no-untyped-def]
    """The newest reading of the station beside it that counts; found by reading one index backwards."""
    when = Reading.observed_at <= until
    revised = (
        select(Reading)
        .where(Reading.space_id == space, Reading.station_id == Station.id)
        .where(when if since is None else and_(when, Reading.observed_at >= since))
        .ext(distinct_on(Reading.observed_at))
        .order_by(Reading.observed_at.desc(), Reading.revision.desc())
        .correlate(Station, *([] if beside is None else [beside]))
        .subquery()
    )
    return (
        select(revised)
        .where(revised.c.level_cm.is_not(None))
        .order_by(revised.c.observed_at.desc())
        .limit(1)
        .lateral(name)
    )


def _state(
    station: Station,
    limits: list[StationThreshold],
    last: Reading | None,
    before: Reading | None,
    now: datetime,
    tied: dict[UUID, Exposed],
) -> GaugeState:
    if last is None:
        return GaugeState(station, limits, Condition.NO_READING)
    age = now - last.observed_at
    if age > station.stale_after:
        return GaugeState(station, limits, Condition.STALE, last, age)
    passed = next((t for t in reversed(limits) if t.cm <= last.cm), None)
    following = next((t for t in limits if t.cm > last.cm), None)
    return GaugeState(
        station,
        limits,
        Condition.CURRENT,
        last,
        age,
        level_cm=last.cm,
        trend=None
        if before is None
        else Trend(last.cm - before.cm, (last.observed_at - before.observed_at).total_seconds() / 3600),
        passed=passed,
        following=following,
        to_following_cm=None if following is None else following.cm - last.cm,
        exposed_passed=None if passed is None else tied[passed.id],
        exposed_following=None if following is None else tied[following.id],
    )
