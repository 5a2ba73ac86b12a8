"""Incidents of a space: proposed by a person, a gauge or a warning; declared and lifted by a decision; or dismissed.

Nothing is declared by itself: whoever proposes only asks the headquarters to look. The steps are added and never
changed; the state of an incident is that of its last step.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    UniqueConstraint,
    exists,
    func,
    literal,
    select,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from foundation.database import Base, InSpace, InSpaceById, app_may, same_space
from foundation.errors import N_, Word
from layers.areas import Area, municipalities_of
from layers.field_errors import Empty, said
from layers.incident_errors import (
    FromTheFuture,
    NoIncident,
    TooEarly,
    TooLong,
    WrongIncidentStep,
)

MOST_AT_ONCE: Final = 500
MOST_TITLE: Final = 200
MOST_TEXT: Final = 10_000
CLOCKS_DIFFER: Final = timedelta(minutes=5)
_LOCK_CLASS: Final = 5_003


class IncidentKind(StrEnum):
    FLOOD = "flood"
    TORRENT = "torrent"
    WILDFIRE = "wildfire"
    LANDSLIDE = "landslide"
    DAM = "dam"
    STORM = "storm"
    SNOW = "snow"
    EARTHQUAKE = "earthquake"
    INDUSTRIAL = "industrial"
    OTHER = "other"


class IncidentState(StrEnum):
    PROPOSED = "proposed"
    DECLARED = "declared"
    LIFTED = "lifted"
    DISMISSED = "dismissed"


STEPS: Final[dict[IncidentState, set[IncidentState]]] = {
    IncidentState.PROPOSED: {IncidentState.DECLARED, IncidentState.DISMISSED},
    IncidentState.DECLARED: {IncidentState.LIFTED},
    IncidentState.LIFTED: set(),
    IncidentState.DISMISSED: set(),
}
OPEN: Final = (IncidentState.PROPOSED, IncidentState.DECLARED)
BY_DECISION: Final = (IncidentState.DECLARED, IncidentState.LIFTED)
STATE_NAMES: Final = {
    IncidentState.PROPOSED: Word(N_("proposed")),
    IncidentState.DECLARED: Word(N_("declared")),
    IncidentState.LIFTED: Word(N_("lifted")),
    IncidentState.DISMISSED: Word(N_("dismissed")),
}


class Origin(StrEnum):
    """Who or what proposed an incident."""

    PERSON = "person"
    GAUGE = "gauge"
    WARNING = "warning"


class Incident(InSpaceById, Base):
    """What a headquarters deals with. number: 1, 2, 3 … within the space; place: EPSG:4326 polygons, where drawn.

    state: of the last step, kept beside it for looking up. illustrative: made for the demonstration.
    """

    __tablename__ = "incident"
    __table_args__ = (
        UniqueConstraint("space_id", "number"),
        Index(None, "space_id", "state"),
        {"info": app_may("SELECT", "INSERT", "UPDATE")},
    )

    number: Mapped[int]
    revision: Mapped[int]
    kind: Mapped[IncidentKind]
    title: Mapped[str]
    state: Mapped[IncidentState]
    origin: Mapped[Origin]
    illustrative: Mapped[bool]
    place: Mapped[WKBElement | None] = mapped_column(Geometry("MULTIPOLYGON", srid=4326, spatial_index=True))
    created_at: Mapped[datetime]

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    def become(self, state: IncidentState, *, at: datetime, last_at: datetime, now: datetime) -> None:
        """Take the next step, as of the hour of its decision. Raises WrongIncidentStep, TooEarly, FromTheFuture."""
        if state not in STEPS[self.state]:
            raise WrongIncidentStep(incident=self.title, state=STATE_NAMES[self.state], wanted=STATE_NAMES[state])
        if at < last_at:
            raise TooEarly(at=said(at), before=said(last_at))
        not_in_future(at, now)
        self.state = state

    def insist_open(self) -> None:
        """Raises WrongIncidentStep where nothing more is entered."""
        if not self.is_open:
            raise WrongIncidentStep(
                incident=self.title, state=STATE_NAMES[self.state], wanted=STATE_NAMES[IncidentState.DECLARED]
            )


class IncidentStep(InSpaceById, Base):
    """One step of an incident: who decided, by which decision, at what hour; never changed.

    A decision by word of mouth has no number yet; it follows as a further step of the same state.
    """

    __tablename__ = "incident_step"
    __table_args__ = (
        same_space("incident_id", "incident"),
        UniqueConstraint("space_id", "incident_id", "number"),
        CheckConstraint("state NOT IN ('declared', 'lifted') OR decided_by <> ''", name="decided"),
        CheckConstraint("state <> 'dismissed' OR reason <> ''", name="reason"),
        {"info": app_may("SELECT", "INSERT")},
    )

    incident_id: Mapped[UUID]
    number: Mapped[int]
    state: Mapped[IncidentState]
    at: Mapped[datetime]  # the hour of the decision
    decided_by: Mapped[str]
    decision: Mapped[str | None]  # its number
    reason: Mapped[str]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str]
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))


class IncidentArea(InSpace, Base):
    """A municipality of an incident."""

    __tablename__ = "incident_area"
    __table_args__ = (
        same_space("incident_id", "incident"),
        Index(None, "space_id", "area_id"),
        {"info": app_may("SELECT", "INSERT", "DELETE")},
    )

    incident_id: Mapped[UUID] = mapped_column(primary_key=True)
    area_id: Mapped[UUID] = mapped_column(ForeignKey("area.id"), primary_key=True)


# --- looking at incidents --------------------------------------------------------------------------------------------


def incident(session: Session, space: UUID, incident_id: UUID) -> Incident:
    """That incident. Raises NoIncident."""
    found = session.get(Incident, (space, incident_id))
    if found is None:
        raise NoIncident
    return found


def steps(session: Session, space: UUID, incident_id: UUID) -> Sequence[IncidentStep]:
    """The steps of an incident, from the first."""
    return session.scalars(
        select(IncidentStep)
        .where(IncidentStep.space_id == space, IncidentStep.incident_id == incident_id)
        .order_by(IncidentStep.number)
        .limit(MOST_AT_ONCE)
    ).all()


def municipalities(session: Session, space: UUID, incident_ids: Collection[UUID]) -> dict[UUID, list[Area]]:
    """The municipalities of each incident, by code."""
    found: dict[UUID, list[Area]] = {}
    rows = session.execute(
        select(IncidentArea.incident_id, Area)
        .join(Area, Area.id == IncidentArea.area_id)
        .where(IncidentArea.space_id == space, IncidentArea.incident_id.in_(incident_ids))
        .order_by(Area.code)
    )
    for incident_id, area in rows:
        found.setdefault(incident_id, []).append(area)
    return found


def incidents(
    session: Session,
    space: UUID,
    area_id: UUID | None = None,
    *,
    states: Collection[IncidentState] = tuple(IncidentState),
    before: int | None = None,
    limit: int = MOST_AT_ONCE,
) -> Sequence[Incident]:
    """The incidents of an area and all below it (or of the space), newest first; the next page is before= a number."""
    query = (
        select(Incident)
        .where(Incident.space_id == space, Incident.state.in_(states))
        .order_by(Incident.number.desc())
        .limit(min(limit, MOST_AT_ONCE))
    )
    if area_id is not None:
        query = query.where(touches(space, municipalities_of(session, area_id)))
    if before is not None:
        query = query.where(Incident.number < before)
    return session.scalars(query).all()


def touches(space: UUID, municipality_ids: Collection[UUID]) -> ColumnElement[bool]:
    """An incident is of one of these municipalities."""
    return exists(
        select(IncidentArea.area_id).where(
            IncidentArea.space_id == space,
            IncidentArea.incident_id == Incident.id,
            IncidentArea.area_id.in_(municipality_ids),
        )
    )


# --- for what hangs on an incident -----------------------------------------------------------------------------------


def lock(session: Session, space: UUID) -> None:
    """Let nobody else take the next number in this space until the transaction ends."""
    key = func.hashtext(str(space))
    session.execute(select(func.pg_advisory_xact_lock(literal(_LOCK_CLASS, Integer), key)))


def not_in_future(at: datetime, now: datetime) -> None:
    """Raises FromTheFuture."""
    if at > now + CLOCKS_DIFFER:
        raise FromTheFuture(at=said(at))


def short_text(text: str, field: str, most: int = MOST_TEXT) -> str:
    """The text without blanks around it. Raises Empty, TooLong."""
    written = text.replace("\0", "").strip()
    if not written:
        raise Empty(field=Word(field))
    if len(written) > most:
        raise TooLong(field=Word(field), count=len(written), most=most)
    return written


def lock_incident(session: Session, space: UUID, incident_id: UUID) -> Incident:
    """That incident; let nobody else change it until the transaction ends. Raises NoIncident."""
    found = session.get(Incident, (space, incident_id), with_for_update=True, populate_existing=True)
    if found is None:
        raise NoIncident
    return found
