"""Proposing, declaring, lifting and dismissing incidents: the use cases of the pages, of gauges and of warnings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

import shapely
from geoalchemy2.shape import from_shape
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from foundation.audit import Actor, Subject, record
from foundation.errors import N_, Word
from layers.areas import Area, Level
from layers.cap_shapes import MOST_CROSSING_POINTS
from layers.field_errors import ChangedMeanwhile, Empty, NotAMunicipality
from layers.incident_errors import DecisionNumbered, NoIncidentArea, UnusableShape
from layers.incidents import (
    BY_DECISION,
    Incident,
    IncidentArea,
    IncidentKind,
    IncidentState,
    IncidentStep,
    Origin,
    lock,
    lock_incident,
    municipalities,
    not_in_future,
    short_text,
    steps,
)
from layers.warning_places import municipalities_touched

MOST_TITLE: Final = 200
MOST_POINTS: Final = 10_000


@dataclass(frozen=True)
class IncidentFacts:
    """What is said of an incident; municipalities and place: at least one of them. place: polygons in degrees."""

    kind: IncidentKind
    title: str
    municipalities: frozenset[UUID] = frozenset()
    place: shapely.Geometry | None = None


def propose(
    session: Session,
    space: UUID,
    facts: IncidentFacts,
    *,
    by: Actor,
    at: datetime,
    now: datetime | None = None,
    origin: Origin = Origin.PERSON,
    reason: str = "",
    illustrative: bool = False,
) -> Incident:
    """Ask the headquarters to look at something, as of the hour at.

    Where only a shape is drawn, the municipalities that it touches are meant. now: the space's clock, where it is
    later. Raises Empty, TooLong, NoIncidentArea, NotAMunicipality, UnusableShape, FromTheFuture.
    """
    now = now or at
    not_in_future(at, now)
    lock(session, space)
    highest = session.scalar(select(func.max(Incident.number)).where(Incident.space_id == space))
    new = Incident(
        id=uuid4(),
        space_id=space,
        number=(highest or 0) + 1,
        revision=0,
        state=IncidentState.PROPOSED,
        origin=origin,
        illustrative=illustrative,
        created_at=now,
    )
    _fill(session, new, facts)
    _add_step(
        session, new, 1, IncidentState.PROPOSED, at=at, decided_by="", decision=None, reason=reason, by=by, now=now
    )
    return new


def declare(
    session: Session,
    space: UUID,
    incident_id: UUID,
    *,
    decided_by: str,
    decision: str | None,
    at: datetime,
    by: Actor,
    now: datetime | None = None,
) -> Incident:
    """A headquarters has declared what was proposed. decided_by: the name and office of who decided; decision: its
    number, None while it was only said; at: its hour.

    Raises NoIncident, WrongIncidentStep, Empty, TooEarly, FromTheFuture.
    """
    return _decide(session, space, incident_id, IncidentState.DECLARED, decided_by, decision, at=at, by=by, now=now)


def lift(
    session: Session,
    space: UUID,
    incident_id: UUID,
    *,
    decided_by: str,
    decision: str | None,
    at: datetime,
    by: Actor,
    now: datetime | None = None,
) -> Incident:
    """A headquarters has lifted what it had declared. Raises what declare() does."""
    return _decide(session, space, incident_id, IncidentState.LIFTED, decided_by, decision, at=at, by=by, now=now)


def dismiss(session: Session, space: UUID, incident_id: UUID, *, reason: str, at: datetime, by: Actor) -> Incident:
    """Nothing comes of a proposal. Raises NoIncident, WrongIncidentStep, Empty."""
    if not reason.strip():
        raise Empty(field=Word(N_("reason")))
    return _step(session, space, incident_id, IncidentState.DISMISSED, "", None, reason, at=at, by=by, now=None)


def add_decision(
    session: Session, space: UUID, incident_id: UUID, *, decision: str, by: Actor, at: datetime
) -> Incident:
    """The number of a decision that had only been said. Raises NoIncident, Empty, DecisionNumbered."""
    found = lock_incident(session, space, incident_id)
    written = " ".join(decision.split())
    if not written:
        raise Empty(field=Word(N_("number of the decision")))
    taken = steps(session, space, incident_id)
    last = taken[-1]
    if found.state not in BY_DECISION or any(s.state is found.state and s.decision for s in taken):
        raise DecisionNumbered(incident=found.title)
    _add_step(
        session,
        found,
        last.number + 1,
        found.state,
        at=last.at,
        decided_by=last.decided_by,
        decision=written,
        reason="",
        by=by,
        now=at,
    )
    return found


def amend(
    session: Session, space: UUID, incident_id: UUID, facts: IncidentFacts, *, seen: int, by: Actor, at: datetime
) -> Incident:
    """Say something else of an open incident. seen: the revision that was looked at.

    Raises NoIncident, ChangedMeanwhile, WrongIncidentStep and what propose() does.
    """
    found = lock_incident(session, space, incident_id)
    if found.revision != seen:
        raise ChangedMeanwhile(what=found.title)
    found.insist_open()
    was = _told(session, found)
    _fill(session, found, facts)
    _audit(session, found, "incident.amended", {"was": was, "is": _told(session, found)}, by=by, at=at)
    return found


def _decide(
    session: Session,
    space: UUID,
    incident_id: UUID,
    state: IncidentState,
    decided_by: str,
    decision: str | None,
    *,
    at: datetime,
    by: Actor,
    now: datetime | None,
) -> Incident:
    if not decided_by.strip():
        raise Empty(field=Word(N_("who decided")))
    written = " ".join((decision or "").split()) or None
    return _step(session, space, incident_id, state, decided_by.strip(), written, "", at=at, by=by, now=now)


def _step(
    session: Session,
    space: UUID,
    incident_id: UUID,
    state: IncidentState,
    decided_by: str,
    decision: str | None,
    reason: str,
    *,
    at: datetime,
    by: Actor,
    now: datetime | None,
) -> Incident:
    found = lock_incident(session, space, incident_id)
    last = steps(session, space, incident_id)[-1]
    found.become(state, at=at, last_at=last.at, now=now or at)
    _add_step(
        session,
        found,
        last.number + 1,
        state,
        at=at,
        decided_by=decided_by,
        decision=decision,
        reason=reason.strip(),
        by=by,
        now=now or at,
    )
    return found


def _add_step(
    session: Session,
    one: Incident,
    number: int,
    state: IncidentState,
    *,
    at: datetime,
    decided_by: str,
    decision: str | None,
    reason: str,
    by: Actor,
    now: datetime,
) -> None:
    session.add(
        IncidentStep(
            space_id=one.space_id,
            incident_id=one.id,
            number=number,
            state=state,
            at=at,
            decided_by=decided_by,
            decision=decision,
            reason=reason,
            recorded_at=now,
            recorded_by=by.label,
            person_id=by.person_id,
        )
    )
    session.flush()
    decided = {"at": at.isoformat(), "decided_by": decided_by, "decision": decision, "reason": reason}
    facts = {"number": one.number, **decided, **_told(session, one)}
    _audit(session, one, f"incident.{state.value}", facts, by=by, at=now)


def _fill(session: Session, one: Incident, facts: IncidentFacts) -> None:
    one.title, one.kind = short_text(facts.title, N_("title"), MOST_TITLE), facts.kind
    place = None if facts.place is None else polygons(facts.place)
    municipalities = set(facts.municipalities)
    if not municipalities and place is not None:
        municipalities = municipalities_touched(session, place)
    if not municipalities:
        raise NoIncidentArea
    known = {a.id: a for a in session.scalars(select(Area).where(Area.id.in_(municipalities)))}
    for area_id in municipalities:
        if area_id not in known or known[area_id].level != Level.MUNICIPALITY:
            raise NotAMunicipality(area=known[area_id].name if area_id in known else area_id)
    one.place = None if place is None else from_shape(place, srid=4326)
    one.revision += 1
    session.add(one)
    session.flush()
    before = {row.area_id: row for row in _areas_of(session, one)}
    for gone in before.keys() - municipalities:
        session.delete(before[gone])
    session.add_all(
        IncidentArea(space_id=one.space_id, incident_id=one.id, area_id=area) for area in municipalities - before.keys()
    )
    session.flush()


def _areas_of(session: Session, one: Incident) -> Sequence[IncidentArea]:
    return session.scalars(
        select(IncidentArea).where(IncidentArea.space_id == one.space_id, IncidentArea.incident_id == one.id)
    ).all()


def polygons(shape: shapely.Geometry) -> shapely.MultiPolygon:
    """The polygons of what was drawn, valid. Raises UnusableShape."""
    corners = shapely.get_num_coordinates(shape)
    if corners > MOST_POINTS or (corners > MOST_CROSSING_POINTS and not shape.is_valid):
        raise UnusableShape
    sound = shapely.make_valid(shape)
    parts = [g for g in shapely.get_parts(sound).tolist() if g.geom_type in ("Polygon", "MultiPolygon") and g.area > 0]
    whole = shapely.union_all(parts) if parts else None
    if whole is None:
        raise UnusableShape
    left, bottom, right, top = whole.bounds
    if not (left >= -180 and right <= 180 and bottom >= -90 and top <= 90):
        raise UnusableShape
    return shapely.MultiPolygon(shapely.get_parts(whole).tolist())


def _told(session: Session, one: Incident) -> dict[str, Any]:
    areas = municipalities(session, one.space_id, [one.id]).get(one.id, [])
    return {
        "title": one.title,
        "kind": one.kind.value,
        "municipalities": [a.code for a in areas],
        "state": one.state.value,
    }


def _audit(session: Session, one: Incident, action: str, facts: dict[str, Any], *, by: Actor, at: datetime) -> None:
    record(session, space=one.space_id, at=at, by=by, action=action, subject=Subject("incident", one.id), facts=facts)
