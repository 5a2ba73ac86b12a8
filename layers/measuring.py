"""Entering and correcting readings: one way for the form, files and machines, in every space.

What is entered is held against the thresholds at once (layers.gauge_alarms).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from foundation.audit import Actor, Subject, record
from layers.field_errors import (
    AlreadyCorrected,
    ImplausibleReading,
    LevelOutOfRange,
    LikeMetres,
    MetresTaken,
    NoReason,
    NoSuchReading,
    NoSuchStation,
    ReadingConflict,
    ReadingFromTheFuture,
    StationClosed,
    said,
)
from layers.gauge_alarms import watch, watch_correction
from layers.gauges import HIGHEST_CM, LOWEST_CM, Station, in_range
from layers.readings import Doubt, Measured, Reading, ReadingSource, doubts, known, lock, newest

CLOCKS_DIFFER: Final = timedelta(minutes=5)
"""So far may the clock of whoever reads be ahead of ours."""


@dataclass(frozen=True)
class Kept:
    """What became of readings. duplicates: those that said what was known already."""

    new: list[Reading]
    duplicates: int
    doubtful: int


def enter(
    session: Session,
    space: UUID,
    measured: Sequence[Measured],
    *,
    source: ReadingSource,
    by: Actor,
    at: datetime,
    confirmed: bool = False,
    file: str | None = None,
) -> Kept:
    """Add readings; all or none. The same reading a second time changes nothing.

    confirmed: keep what does not follow from its neighbours, marked as doubtful; a machine cannot be asked, so its
    readings come confirmed. at: the space's clock. Raises NoSuchStation, StationClosed, LevelOutOfRange,
    ReadingFromTheFuture, ReadingConflict, ImplausibleReading (MetresTaken, LikeMetres).
    """
    stations = stations_of(session, measured)
    for one in measured:
        refuse_impossible(one, stations[one.station_id], at)
    lock(session, space, stations)
    new, duplicates = _sorted_out(session, space, measured, stations)
    odd = doubts(session, space, new)
    if odd and not confirmed:
        raise refusal(odd[0], stations[odd[0].measured.station_id])
    doubtful = {(d.measured.station_id, d.measured.observed_at) for d in odd}
    added = [
        Reading(
            space_id=space,
            station_id=one.station_id,
            observed_at=one.observed_at,
            revision=1,
            level_cm=one.level_cm,
            source=source,
            doubtful=(one.station_id, one.observed_at) in doubtful,
            file=file,
            recorded_at=at,
            recorded_by=by.label,
            person_id=by.person_id,
        )
        for one in new
    ]
    before = newest(session, space, stations)
    session.add_all(added)
    session.flush()
    if added:
        _audit_entered(session, space, added, source=source, file=file, duplicates=duplicates, by=by, at=at)
    later = [r for r in added if r.station_id not in before or r.observed_at > before[r.station_id].observed_at]
    watch(session, space, stations, later, by=by, at=at)
    return Kept(added, duplicates, len(doubtful))


def correct(
    session: Session,
    space: UUID,
    reading_id: UUID,
    level_cm: Decimal | None,
    *,
    reason: str,
    by: Actor,
    at: datetime,
) -> Reading:
    """Say what the gauge really showed at that moment; None: it was not read then. What was said before stays readable.

    Raises NoSuchReading, NoReason, LevelOutOfRange, AlreadyCorrected.
    """
    old = session.get(Reading, (space, reading_id))
    if old is None:
        raise NoSuchReading
    if not reason.strip():
        raise NoReason
    station = session.get_one(Station, old.station_id)
    if level_cm is not None:
        refuse_impossible(Measured(old.station_id, old.observed_at, level_cm), station, at)
    lock(session, space, [old.station_id])
    said_last = known(session, space, [Measured(old.station_id, old.observed_at, Decimal())])
    if said_last[old.station_id, old.observed_at].id != old.id:
        raise AlreadyCorrected
    corrected = Reading(
        space_id=space,
        station_id=old.station_id,
        observed_at=old.observed_at,
        revision=old.revision + 1,
        level_cm=level_cm,
        source=ReadingSource.FORM,
        doubtful=False,
        reason=reason.strip(),
        recorded_at=at,
        recorded_by=by.label,
        person_id=by.person_id,
    )
    session.add(corrected)
    session.flush()
    facts = {
        "observed_at": old.observed_at.isoformat(),
        "was": None if old.level_cm is None else str(old.level_cm),
        "is": None if level_cm is None else str(level_cm),
        "reason": corrected.reason,
    }
    subject = Subject("station", old.station_id)
    record(session, space=space, at=at, by=by, action="reading.corrected", subject=subject, facts=facts)
    watch_correction(session, space, station, by=by, at=at)
    return corrected


def stations_of(session: Session, measured: Collection[Measured]) -> dict[UUID, Station]:
    """The stations that the readings name. Raises NoSuchStation, StationClosed."""
    wanted = {one.station_id for one in measured}
    found = {s.id: s for s in session.scalars(select(Station).where(Station.id.in_(wanted)))}
    for missing in wanted - found.keys():
        raise NoSuchStation(station=missing)
    for station in found.values():
        if station.closed_at is not None:
            raise StationClosed(station=station.title, at=said(station.closed_at))
    return found


def refuse_impossible(one: Measured, station: Station, now: datetime) -> None:
    """Raises LevelOutOfRange, ReadingFromTheFuture."""
    if not in_range(one.level_cm):
        raise LevelOutOfRange(
            station=station.title, at=said(one.observed_at), value=one.level_cm, lowest=LOWEST_CM, highest=HIGHEST_CM
        )
    if one.observed_at > now + CLOCKS_DIFFER:
        raise ReadingFromTheFuture(station=station.title, at=said(one.observed_at))


def refusal(doubt: Doubt, station: Station) -> ImplausibleReading:
    """The sentence for a level that does not follow from its neighbour."""
    at, value = said(doubt.measured.observed_at), doubt.measured.level_cm
    as_cm = f"{value * 100:.0f}"
    if doubt.beside_at is None:
        return LikeMetres(station=station.title, at=at, value=value, as_cm=as_cm)
    before_at = said(doubt.beside_at)
    if doubt.metres:
        return MetresTaken(
            station=station.title, at=at, value=value, before=doubt.beside_cm, before_at=before_at, as_cm=as_cm
        )
    return ImplausibleReading(station=station.title, at=at, value=value, before=doubt.beside_cm, before_at=before_at)


def conflict(one: Measured, before: Reading, station: Station) -> ReadingConflict:
    """The sentence for a moment at which another level is known."""
    return ReadingConflict(
        station=station.title,
        at=said(one.observed_at),
        known="–" if before.level_cm is None else before.level_cm,
        by=before.recorded_by,
        given=one.level_cm,
    )


def _sorted_out(
    session: Session, space: UUID, measured: Sequence[Measured], stations: dict[UUID, Station]
) -> tuple[list[Measured], int]:
    """(what is new, how many said what was known). Raises ReadingConflict."""
    before = known(session, space, measured)
    new: dict[tuple[UUID, datetime], Measured] = {}
    duplicates = 0
    for one in measured:
        key = one.station_id, one.observed_at
        level = before[key].level_cm if key in before else new[key].level_cm if key in new else None
        if key not in before and key not in new:
            new[key] = one
        elif level == one.level_cm:
            duplicates += 1
        elif key in before:
            raise conflict(one, before[key], stations[one.station_id])
        else:
            raise ReadingConflict(
                station=stations[one.station_id].title,
                at=said(one.observed_at),
                known=level,
                by="–",
                given=one.level_cm,
            )
    return list(new.values()), duplicates


def _audit_entered(
    session: Session,
    space: UUID,
    added: Sequence[Reading],
    *,
    source: ReadingSource,
    file: str | None,
    duplicates: int,
    by: Actor,
    at: datetime,
) -> None:
    """One entry for each station: a file of a month's hours is one act."""
    by_station: dict[UUID, list[Reading]] = {}
    for reading in added:
        by_station.setdefault(reading.station_id, []).append(reading)
    for station_id, readings in by_station.items():
        latest = max(readings, key=lambda r: r.observed_at)
        facts = {
            "source": source.value,
            "file": file,
            "readings": len(readings),
            "from": min(r.observed_at for r in readings).isoformat(),
            "to": latest.observed_at.isoformat(),
            "newest_cm": str(latest.level_cm),
            "doubtful": sum(r.doubtful for r in readings),
            "duplicates": duplicates,
        }
        subject = Subject("station", station_id)
        record(session, space=space, at=at, by=by, action="reading.entered", subject=subject, facts=facts)
