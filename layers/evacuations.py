"""Evacuations of an incident: by settlement, local community or municipality, or a place by name; added, never changed.

Of each place the last step counts. A place and what it lies in are not entered side by side: people would count twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, UniqueConstraint, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from foundation.audit import Actor, Subject, record
from foundation.database import Base, InSpaceById, app_may, same_space
from foundation.errors import N_, Word
from foundation.folding import folded
from layers.areas import Area, Level, above
from layers.errors import NoSuchArea
from layers.field_errors import said
from layers.incident_errors import (
    EvacuatedTwice,
    FallingNumber,
    TooEarly,
    WrongEvacuationStep,
    WrongNumberOfPeople,
    WrongPlaceOfEvacuation,
)
from layers.incidents import Incident, lock_incident, municipalities, not_in_future, short_text

MOST_AT_ONCE: Final = 2000
MOST_PEOPLE: Final = 5_000_000


class EvacuationState(StrEnum):
    ORDERED = "ordered"
    UNDER_WAY = "under_way"
    DONE = "done"
    CALLED_OFF = "called_off"


STEPS: Final[dict[EvacuationState | None, set[EvacuationState]]] = {
    None: {EvacuationState.ORDERED, EvacuationState.UNDER_WAY},  # people also leave before anybody orders it
    EvacuationState.ORDERED: {EvacuationState.ORDERED, EvacuationState.UNDER_WAY, EvacuationState.DONE}
    | {EvacuationState.CALLED_OFF},
    EvacuationState.UNDER_WAY: {EvacuationState.UNDER_WAY, EvacuationState.DONE, EvacuationState.CALLED_OFF},
    EvacuationState.DONE: {EvacuationState.DONE, EvacuationState.ORDERED},
    EvacuationState.CALLED_OFF: {EvacuationState.ORDERED},
}
STATE_NAMES: Final = {
    None: Word(N_("not ordered")),
    EvacuationState.ORDERED: Word(N_("ordered")),
    EvacuationState.UNDER_WAY: Word(N_("under way")),
    EvacuationState.DONE: Word(N_("done")),
    EvacuationState.CALLED_OFF: Word(N_("called off")),
}
PLACES: Final = (Level.SETTLEMENT, Level.LOCAL_COMMUNITY, Level.MUNICIPALITY)


class EvacuationStep(InSpaceById, Base):
    """One step of the evacuation of one place; the newest counts. place_key: of the area, or of the name.

    people_to_move: as planned; people_moved: so far, both as reported by the source, empty where nobody has said.
    """

    __tablename__ = "evacuation_step"
    __table_args__ = (
        same_space("incident_id", "incident"),
        UniqueConstraint("space_id", "incident_id", "place_key", "number"),
        Index(None, "space_id", "sequence", unique=True),
        CheckConstraint("people_to_move >= 0", name="people_to_move"),
        CheckConstraint("people_moved >= 0", name="people_moved"),
        {"info": app_may("SELECT", "INSERT")},
    )

    sequence: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    incident_id: Mapped[UUID]
    place_key: Mapped[str]
    area_id: Mapped[UUID | None] = mapped_column(ForeignKey("area.id"))
    place: Mapped[str]  # its name, as it was then
    number: Mapped[int]
    state: Mapped[EvacuationState]
    at: Mapped[datetime]
    people_to_move: Mapped[int | None]
    people_moved: Mapped[int | None]
    source: Mapped[str]
    note: Mapped[str]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str]
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))


@dataclass(frozen=True)
class Sums:
    """Of one state: places, and people as far as they are known; unknown: places whose number nobody has said."""

    places: int = 0
    to_move: int = 0
    to_move_unknown: int = 0
    moved: int = 0
    moved_unknown: int = 0


@dataclass(frozen=True)
class Evacuation:
    """The evacuations of an incident now. moved, to_move: of all places, without those called off.

    may_count_twice: settlements and local communities of one municipality, whose people may be the same.
    """

    places: list[EvacuationStep]
    by_state: dict[EvacuationState, Sums]
    whole: Sums
    may_count_twice: bool


def step(
    session: Session,
    space: UUID,
    incident_id: UUID,
    state: EvacuationState,
    *,
    area_id: UUID | None = None,
    place: str = "",
    people_to_move: int | None = None,
    people_moved: int | None = None,
    source: str,
    note: str = "",
    at: datetime,
    by: Actor,
    now: datetime | None = None,
) -> EvacuationStep:
    """The next step of the evacuation of a place: an area, or a name where there is none. at: its hour.

    A number that is left open stays as it was. Raises NoIncident, WrongIncidentStep, WrongPlaceOfEvacuation,
    NoSuchArea, EvacuatedTwice, WrongEvacuationStep, WrongNumberOfPeople, FallingNumber, TooEarly, FromTheFuture, Empty.
    """
    now = now or at
    one = lock_incident(session, space, incident_id)
    one.insist_open()
    not_in_future(at, now)
    key, name = _place(session, one, area_id, place)
    current = places(session, space, incident_id)
    before = next((row for row in current if row.place_key == key), None)
    _check(name, state, before, at, (people_to_move, people_moved), note)
    if before is None and area_id is not None:
        _refuse_twice(session, name, area_id, current)
    new = EvacuationStep(
        space_id=space,
        incident_id=incident_id,
        place_key=key,
        area_id=area_id,
        place=name,
        number=1 if before is None else before.number + 1,
        state=state,
        at=at,
        people_to_move=people_to_move if people_to_move is not None or before is None else before.people_to_move,
        people_moved=people_moved if people_moved is not None or before is None else before.people_moved,
        source=short_text(source, N_("source"), 200),
        note=note.strip(),
        recorded_at=now,
        recorded_by=by.label,
        person_id=by.person_id,
    )
    session.add(new)
    session.flush()
    facts = {
        "place": name,
        "state": state.value,
        "at": at.isoformat(),
        "people_to_move": new.people_to_move,
        "people_moved": new.people_moved,
        "source": new.source,
    }
    subject = Subject("incident", incident_id)
    record(session, space=space, at=now, by=by, action="evacuation.stepped", subject=subject, facts=facts)
    return new


def places(session: Session, space: UUID, incident_id: UUID, *, until: datetime | None = None) -> list[EvacuationStep]:
    """The last step of each place (up to that moment), by name."""
    newest = (
        select(EvacuationStep)
        .where(EvacuationStep.space_id == space, EvacuationStep.incident_id == incident_id)
        .ext(distinct_on(EvacuationStep.place_key))
        .order_by(EvacuationStep.place_key, EvacuationStep.number.desc())
    )
    if until is not None:
        newest = newest.where(EvacuationStep.at <= until)
    last = aliased(EvacuationStep, newest.subquery())
    return list(session.scalars(select(last).order_by(last.place, last.place_key).limit(MOST_AT_ONCE)))


def history(
    session: Session, space: UUID, incident_id: UUID, *, before: int | None = None, limit: int = 200
) -> Sequence[EvacuationStep]:
    """Every step of every place, the newest first; the next page is before= a sequence."""
    query = (
        select(EvacuationStep)
        .where(EvacuationStep.space_id == space, EvacuationStep.incident_id == incident_id)
        .order_by(EvacuationStep.sequence.desc())
        .limit(min(limit, MOST_AT_ONCE))
    )
    if before is not None:
        query = query.where(EvacuationStep.sequence < before)
    return session.scalars(query).all()


def evacuation(session: Session, space: UUID, incident_id: UUID, *, until: datetime | None = None) -> Evacuation:
    """How far the evacuations of an incident are, with sums."""
    rows = places(session, space, incident_id, until=until)
    by_state = {state: _sums([row for row in rows if row.state is state]) for state in EvacuationState}
    counting = [row for row in rows if row.state is not EvacuationState.CALLED_OFF]
    return Evacuation(rows, by_state, _sums(counting), _mixed(session, counting))


def _sums(rows: Sequence[EvacuationStep]) -> Sums:
    return Sums(
        places=len(rows),
        to_move=sum(row.people_to_move or 0 for row in rows),
        to_move_unknown=sum(row.people_to_move is None for row in rows),
        moved=sum(row.people_moved or 0 for row in rows),
        moved_unknown=sum(row.people_moved is None for row in rows),
    )


def _mixed(session: Session, rows: Sequence[EvacuationStep]) -> bool:
    """Settlements beside local communities of one municipality, or places by name beside either."""
    areas = session.scalars(select(Area).where(Area.id.in_([row.area_id for row in rows if row.area_id]))).all()
    levels: dict[UUID | None, set[Level]] = {}
    for area in areas:
        if area.level != Level.MUNICIPALITY:
            levels.setdefault(area.parent_id, set()).add(area.level)
    named = any(row.area_id is None for row in rows)
    return any(len(of_one) > 1 for of_one in levels.values()) or (named and bool(areas))


def _place(session: Session, one: Incident, area_id: UUID | None, place: str) -> tuple[str, str]:
    """(key, name) of a place in the municipalities of the incident."""
    name = place.replace("\0", "").strip()[:200]
    if area_id is None:
        if not folded(name):
            raise WrongPlaceOfEvacuation
        return f"name:{folded(name)}", name
    area = session.get(Area, area_id)
    if area is None:
        raise NoSuchArea(id=area_id)
    own = {a.id for a in municipalities(session, one.space_id, [one.id]).get(one.id, [])}
    if area.level not in PLACES or not own & {area.id, *(over.id for over in above(session, area))}:
        raise WrongPlaceOfEvacuation
    return str(area_id), area.name


def _check(
    place: str,
    state: EvacuationState,
    before: EvacuationStep | None,
    at: datetime,
    people: tuple[int | None, int | None],
    note: str,
) -> None:
    was = before.state if before else None
    if state not in STEPS[was]:
        raise WrongEvacuationStep(place=place, state=STATE_NAMES[was], wanted=STATE_NAMES[state])
    if before is not None and at < before.at:
        raise TooEarly(at=said(at), before=said(before.at))
    to_move, moved = people
    for field, value in ((N_("people to move"), to_move), (N_("people moved"), moved)):
        if value is not None and not 0 <= value <= MOST_PEOPLE:
            raise WrongNumberOfPeople(field=Word(field), value=value)
    # A second evacuation of the same place begins at nothing again.
    if before is not None and was is not EvacuationState.DONE and was is not EvacuationState.CALLED_OFF:
        earlier = before.people_moved
        if moved is not None and earlier is not None and moved < earlier and not note.strip():
            raise FallingNumber(field=Word(N_("people moved")), value=moved, before=earlier)


def _refuse_twice(session: Session, name: str, area_id: UUID, current: Sequence[EvacuationStep]) -> None:
    counting = {row.area_id: row for row in current if row.area_id and row.state is not EvacuationState.CALLED_OFF}
    over = {area.id for area in above(session, session.get_one(Area, area_id))}
    for other_id, row in counting.items():
        if other_id in over:
            raise EvacuatedTwice(place=name, other=row.place)
        if area_id in {area.id for area in above(session, session.get_one(Area, other_id))}:
            raise EvacuatedTwice(place=row.place, other=name)
