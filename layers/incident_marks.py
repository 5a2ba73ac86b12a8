"""What hangs on an incident: sketches on the map, and the warnings, gauges and saved questions that it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import shapely
from geoalchemy2 import Geometry, WKBElement
from geoalchemy2.shape import from_shape
from sqlalchemy import CheckConstraint, ForeignKey, Index, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from foundation.audit import Actor, Subject, record
from foundation.database import Base, InSpaceById, app_may, same_space
from foundation.errors import N_, Word
from layers import country
from layers.cap_shapes import MOST_CROSSING_POINTS
from layers.gauges import NEAR_DEGREES, station
from layers.incident_errors import AlreadyLinked, NoSuchLink, NoSuchSketch, TooMany, UnusableShape
from layers.incidents import Incident, incident, short_text
from layers.saved_asks import saved_ask
from layers.warnings import message

MOST_SKETCHES: Final = 500
MOST_POINTS: Final = 2000
DRAWN: Final = ("Point", "LineString", "Polygon")


class Sketch(InSpaceById, Base):
    """A point, line or polygon that somebody drew, with a label; EPSG:4326. One that was taken away stays readable."""

    __tablename__ = "incident_sketch"
    __table_args__ = (
        same_space("incident_id", "incident"),
        Index(None, "space_id", "incident_id"),
        {"info": app_may("SELECT", "INSERT", "UPDATE")},
    )

    incident_id: Mapped[UUID]
    label: Mapped[str]
    drawn_at: Mapped[datetime]
    drawn_by: Mapped[str]
    removed_at: Mapped[datetime | None]
    removed_by: Mapped[str | None]
    place: Mapped[WKBElement] = mapped_column(Geometry("GEOMETRY", srid=4326, spatial_index=True))


class IncidentLink(InSpaceById, Base):
    """A warning, a gauge or a saved question that an incident is about."""

    __tablename__ = "incident_link"
    __table_args__ = (
        same_space("incident_id", "incident"),
        same_space("warning_id", "warning"),
        same_space("saved_ask_id", "saved_ask"),
        CheckConstraint("num_nonnulls(warning_id, station_id, saved_ask_id) = 1", name="one_target"),
        Index(
            "uq_incident_link_target",
            "space_id",
            "incident_id",
            "warning_id",
            "station_id",
            "saved_ask_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        Index(None, "space_id", "station_id"),
        {"info": app_may("SELECT", "INSERT", "DELETE")},
    )

    incident_id: Mapped[UUID]
    warning_id: Mapped[UUID | None]
    station_id: Mapped[UUID | None] = mapped_column(ForeignKey("station.id"))
    saved_ask_id: Mapped[UUID | None]
    linked_at: Mapped[datetime]
    linked_by: Mapped[str]


def sketch(
    session: Session,
    space: UUID,
    incident_id: UUID,
    shape: shapely.Geometry,
    label: str,
    *,
    by: Actor,
    at: datetime,
) -> Sketch:
    """Keep what was drawn on an open incident's map; shape: a point, line or polygon in degrees.

    Raises NoIncident, WrongIncidentStep, UnusableShape, TooMany, Empty, TooLong.
    """
    one = incident(session, space, incident_id)
    one.insist_open()
    written = short_text(label, N_("label"), 200)
    if len(sketches(session, space, incident_id)) >= MOST_SKETCHES:
        raise TooMany(what=Word(N_("sketches")), most=MOST_SKETCHES)
    new = Sketch(
        space_id=space,
        incident_id=incident_id,
        label=written,
        drawn_at=at,
        drawn_by=by.label,
        place=from_shape(_sound(shape), srid=4326),
    )
    session.add(new)
    session.flush()
    _audit(session, one, "sketch.drawn", {"sketch": str(new.id), "label": written}, by=by, at=at)
    return new


def remove_sketch(session: Session, space: UUID, sketch_id: UUID, *, by: Actor, at: datetime) -> Sketch:
    """Take a sketch off the map; a second time changes nothing. Raises NoSuchSketch."""
    found = session.get(Sketch, (space, sketch_id), with_for_update=True)
    if found is None:
        raise NoSuchSketch
    if found.removed_at is None:
        found.removed_at, found.removed_by = at, by.label
        session.flush()
        one = incident(session, space, found.incident_id)
        _audit(session, one, "sketch.removed", {"sketch": str(found.id), "label": found.label}, by=by, at=at)
    return found


def sketches(session: Session, space: UUID, incident_id: UUID) -> Sequence[Sketch]:
    """What is on an incident's map, in the order in which it was drawn."""
    return session.scalars(
        select(Sketch)
        .where(Sketch.space_id == space, Sketch.incident_id == incident_id, Sketch.removed_at.is_(None))
        .order_by(Sketch.drawn_at, Sketch.id)
        .limit(MOST_SKETCHES)
    ).all()


def link(
    session: Session,
    space: UUID,
    incident_id: UUID,
    *,
    warning_id: UUID | None = None,
    station_id: UUID | None = None,
    saved_ask_id: UUID | None = None,
    by: Actor,
    at: datetime,
) -> IncidentLink:
    """An incident is about a warning, a gauge or a saved question: one of them.

    Raises NoIncident, NoSuchWarning, NoSuchStation, NoSuchSavedAsk, AlreadyLinked.
    """
    one = incident(session, space, incident_id)
    if warning_id is not None:
        message(session, space, warning_id)
    if station_id is not None:
        station(session, station_id)
    if saved_ask_id is not None:
        saved_ask(session, saved_ask_id, space=space)
    new = IncidentLink(
        space_id=space,
        incident_id=incident_id,
        warning_id=warning_id,
        station_id=station_id,
        saved_ask_id=saved_ask_id,
        linked_at=at,
        linked_by=by.label,
    )
    try:
        with session.begin_nested():
            session.add(new)
    except IntegrityError as error:
        if "uq_incident_link_target" in str(error.orig):
            raise AlreadyLinked from error
        raise
    _audit(session, one, "incident.linked", _target(new), by=by, at=at)
    return new


def unlink(session: Session, space: UUID, link_id: UUID, *, by: Actor, at: datetime) -> None:
    """Take a link back; the audit keeps that it was there. Raises NoSuchLink."""
    found = session.get(IncidentLink, (space, link_id))
    if found is None:
        raise NoSuchLink
    one = incident(session, space, found.incident_id)
    session.delete(found)
    session.flush()
    _audit(session, one, "incident.unlinked", _target(found), by=by, at=at)


def _target(one: IncidentLink) -> dict[str, str]:
    targets = {"warning": one.warning_id, "station": one.station_id, "saved_ask": one.saved_ask_id}
    return {kind: str(target) for kind, target in targets.items() if target is not None}


def links(session: Session, space: UUID, incident_id: UUID) -> Sequence[IncidentLink]:
    """What an incident is about, in the order in which it was said."""
    return session.scalars(
        select(IncidentLink)
        .where(IncidentLink.space_id == space, IncidentLink.incident_id == incident_id)
        .order_by(IncidentLink.linked_at, IncidentLink.id)
        .limit(MOST_SKETCHES)
    ).all()


def incidents_of_station(session: Session, space: UUID, station_id: UUID) -> Sequence[Incident]:
    """The incidents that are about a gauge, the newest first."""
    return session.scalars(
        select(Incident)
        .join(IncidentLink, (IncidentLink.space_id == space) & (IncidentLink.incident_id == Incident.id))
        .where(Incident.space_id == space, IncidentLink.station_id == station_id)
        .order_by(Incident.number.desc())
        .limit(MOST_SKETCHES)
    ).all()


def _sound(shape: shapely.Geometry) -> shapely.Geometry:
    left, bottom, right, top = country.BOUNDS
    near = shapely.box(left - NEAR_DEGREES, bottom - NEAR_DEGREES, right + NEAR_DEGREES, top + NEAR_DEGREES)
    if shape.geom_type not in DRAWN or shape.is_empty or shapely.get_num_coordinates(shape) > MOST_POINTS:
        raise UnusableShape
    if not shape.is_valid:
        if shapely.get_num_coordinates(shape) > MOST_CROSSING_POINTS:
            raise UnusableShape
        shape = shapely.make_valid(shape)
    if not near.contains(shape):
        raise UnusableShape
    return shape


def _audit(
    session: Session, one: Incident, action: str, facts: Mapping[str, object], *, by: Actor, at: datetime
) -> None:
    record(session, space=one.space_id, at=at, by=by, action=action, subject=Subject("incident", one.id), facts=facts)
