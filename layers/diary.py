"""The duty diary of a headquarters: numbered entries that stay as they were written, corrections as further entries.

Whose diary it is says the area that the headquarters is competent for; an entry may belong to an incident.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    UniqueConstraint,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from foundation.audit import Actor, Subject, record
from foundation.database import Base, InSpaceById, app_may, same_space
from foundation.errors import N_, Word
from layers.areas import Area
from layers.errors import NoSuchArea
from layers.incident_errors import NoSuchEntry, SamePerson, TooMany
from layers.incidents import incident, not_in_future, short_text

MOST_AT_ONCE: Final = 500
MOST_POINTS: Final = 50
_LOCK_CLASS: Final = 5_004


class EntryKind(StrEnum):
    NOTE = "note"
    CALL = "call"
    MESSAGE = "message"
    DECISION = "decision"
    ORDER = "order"
    HAND_OVER = "hand_over"  # of the shift
    CORRECTION = "correction"
    SYSTEM = "system"  # what the program noted by itself: a threshold passed


WRITTEN: Final = (EntryKind.NOTE, EntryKind.CALL, EntryKind.MESSAGE, EntryKind.DECISION, EntryKind.ORDER)


class DiaryEntry(InSpaceById, Base):
    """One entry. number: 1, 2, 3 … within the diary; sequence: the order of all diaries. happened_at: as it is said.

    text and parameters: a sentence to translate where the program wrote it, otherwise what somebody wrote.
    """

    __tablename__ = "diary_entry"
    __table_args__ = (
        same_space("incident_id", "incident"),
        same_space("corrects_id", "diary_entry"),
        UniqueConstraint("space_id", "area_id", "number"),
        Index(None, "space_id", "incident_id", "sequence"),
        Index(None, "space_id", "sequence", unique=True),
        CheckConstraint("(kind = 'correction') = (corrects_id IS NOT NULL)", name="correction"),
        CheckConstraint("(kind = 'hand_over') = (from_person IS NOT NULL)", name="from_person"),
        CheckConstraint("(kind = 'hand_over') = (to_person IS NOT NULL)", name="to_person"),
        {"info": app_may("SELECT", "INSERT")},
    )

    sequence: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    area_id: Mapped[UUID] = mapped_column(ForeignKey("area.id"))
    number: Mapped[int]
    kind: Mapped[EntryKind]
    happened_at: Mapped[datetime]
    text: Mapped[str]
    parameters: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    incident_id: Mapped[UUID | None]
    corrects_id: Mapped[UUID | None]
    from_person: Mapped[str | None]
    to_person: Mapped[str | None]
    open_points: Mapped[list[Any]] = mapped_column(JSONB, default=list)
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str]
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))


def write(
    session: Session,
    space: UUID,
    area_id: UUID,
    text: str,
    *,
    happened_at: datetime,
    by: Actor,
    at: datetime,
    kind: EntryKind = EntryKind.NOTE,
    incident_id: UUID | None = None,
) -> DiaryEntry:
    """Write an entry into the diary of the headquarters of an area. at: the space's clock.

    Raises Empty, TooLong, NoSuchArea, NoIncident, FromTheFuture.
    """
    if kind not in WRITTEN:
        raise ValueError(f"{kind} entries have a function of their own")
    written = short_text(text, N_("text"))
    return _add(session, space, area_id, kind, written, happened_at, by=by, at=at, incident_id=incident_id)


def correct(session: Session, space: UUID, entry_id: UUID, text: str, *, by: Actor, at: datetime) -> DiaryEntry:
    """A further entry that says what another should have said; that one stays. Raises NoSuchEntry, Empty, TooLong."""
    wrong = entry(session, space, entry_id)
    written = short_text(text, N_("text"))
    return _add(
        session,
        space,
        wrong.area_id,
        EntryKind.CORRECTION,
        written,
        wrong.happened_at,
        by=by,
        at=at,
        incident_id=wrong.incident_id,
        corrects_id=wrong.id,
    )


def hand_over(
    session: Session,
    space: UUID,
    area_id: UUID,
    *,
    from_person: str,
    to_person: str,
    open_points: Sequence[str],
    by: Actor,
    at: datetime,
    text: str = "",
    incident_id: UUID | None = None,
) -> DiaryEntry:
    """One shift hands over to the next, with what is still to be done.

    Raises Empty, TooLong, SamePerson, TooMany, NoSuchArea, NoIncident.
    """
    giving, taking = (
        short_text(from_person, N_("who hands over"), 200),
        short_text(to_person, N_("who takes over"), 200),
    )
    if giving.casefold() == taking.casefold():
        raise SamePerson(person=giving)
    if len(open_points) > MOST_POINTS:
        raise TooMany(what=Word(N_("open points")), most=MOST_POINTS)
    points = [short_text(point, N_("open point"), 1000) for point in open_points if point.strip()]
    return _add(
        session,
        space,
        area_id,
        EntryKind.HAND_OVER,
        text.strip(),
        at,
        by=by,
        at=at,
        incident_id=incident_id,
        from_person=giving,
        to_person=taking,
        open_points=points,
    )


def note_by_program(
    session: Session,
    space: UUID,
    area_id: UUID,
    text: str,
    parameters: dict[str, Any],
    *,
    happened_at: datetime,
    by: Actor,
    at: datetime,
    incident_id: UUID | None,
) -> DiaryEntry:
    """An entry that the program makes: a sentence to translate, with its parameters as JSON."""
    return _add(
        session,
        space,
        area_id,
        EntryKind.SYSTEM,
        text,
        happened_at,
        by=by,
        at=at,
        incident_id=incident_id,
        parameters=parameters,
    )


def entry(session: Session, space: UUID, entry_id: UUID) -> DiaryEntry:
    """That entry. Raises NoSuchEntry."""
    found = session.get(DiaryEntry, (space, entry_id))
    if found is None:
        raise NoSuchEntry
    return found


def entries(
    session: Session,
    space: UUID,
    *,
    area_id: UUID | None = None,
    incident_id: UUID | None = None,
    before: int | None = None,
    limit: int = 100,
) -> Sequence[DiaryEntry]:
    """The entries of a diary or of an incident (in all diaries), newest first; the next page is before= a sequence."""
    query = (
        select(DiaryEntry)
        .where(DiaryEntry.space_id == space)
        .order_by(DiaryEntry.sequence.desc())
        .limit(min(limit, MOST_AT_ONCE))
    )
    if area_id is not None:
        query = query.where(DiaryEntry.area_id == area_id)
    if incident_id is not None:
        query = query.where(DiaryEntry.incident_id == incident_id)
    if before is not None:
        query = query.where(DiaryEntry.sequence < before)
    return session.scalars(query).all()


def open_points(session: Session, space: UUID, area_id: UUID) -> list[str]:
    """What the last shift of a headquarters left open."""
    last = session.scalars(
        select(DiaryEntry)
        .where(DiaryEntry.space_id == space, DiaryEntry.area_id == area_id, DiaryEntry.kind == EntryKind.HAND_OVER)
        .order_by(DiaryEntry.number.desc())
        .limit(1)
    ).one_or_none()
    return [] if last is None else [str(point) for point in last.open_points]


def _add(
    session: Session,
    space: UUID,
    area_id: UUID,
    kind: EntryKind,
    text: str,
    happened_at: datetime,
    *,
    by: Actor,
    at: datetime,
    incident_id: UUID | None = None,
    **more: Any,
) -> DiaryEntry:
    if session.get(Area, area_id) is None:
        raise NoSuchArea(id=area_id)
    if incident_id is not None:
        incident(session, space, incident_id)
    not_in_future(happened_at, at)
    key = func.hashtext(f"{space} {area_id}")
    session.execute(select(func.pg_advisory_xact_lock(literal(_LOCK_CLASS, Integer), key)))
    last = session.scalar(
        select(func.max(DiaryEntry.number)).where(DiaryEntry.space_id == space, DiaryEntry.area_id == area_id)
    )
    new = DiaryEntry(
        space_id=space,
        area_id=area_id,
        number=(last or 0) + 1,
        kind=kind,
        text=text,
        happened_at=happened_at,
        incident_id=incident_id,
        recorded_at=at,
        recorded_by=by.label,
        person_id=by.person_id,
        **more,
    )
    session.add(new)
    session.flush()
    facts = {"number": new.number, "kind": kind.value, "incident": incident_id and str(incident_id)}
    record(
        session, space=space, at=at, by=by, action="diary.written", subject=Subject("diary_entry", new.id), facts=facts
    )
    return new
