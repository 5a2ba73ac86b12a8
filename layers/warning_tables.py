"""Warnings in the database, in a space: messages as they came, the hazards that they are about, where these hold."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import BigInteger, ForeignKey, Identity, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base, InSpace, InSpaceById, app_may, same_space
from layers.cap import Certainty, MessageType, Scope, Severity, Status, Urgency
from layers.warning_places import Placed


class WarningMessage(InSpaceById, Base):
    """A message as it was received; never changed. original: its text; signed: it carries a signature, not verified.

    illustrative: made for the demonstration, no real warning.
    """

    __tablename__ = "warning"
    __table_args__ = (
        UniqueConstraint("space_id", "sender", "identifier", "sent"),
        Index(None, "space_id", "number", unique=True),
        {"info": app_may("SELECT", "INSERT")},
    )

    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    identifier: Mapped[str]
    sender: Mapped[str]
    sent: Mapped[datetime]
    status: Mapped[Status]
    msg_type: Mapped[MessageType]
    scope: Mapped[Scope]
    restriction: Mapped[str]
    note: Mapped[str]
    incidents: Mapped[str]
    signed: Mapped[bool]
    illustrative: Mapped[bool]
    original: Mapped[str]
    findings: Mapped[list[Any]] = mapped_column(JSONB, default=list)
    source: Mapped[str]  # the file's name or the address that it came from
    received_at: Mapped[datetime]
    received_by: Mapped[str]


class WarningReference(InSpace, Base):
    """An earlier message that a message is about, which may not have arrived."""

    __tablename__ = "warning_reference"
    __table_args__ = (
        same_space("warning_id", "warning"),
        Index(None, "space_id", "sender", "identifier", "sent"),
        {"info": app_may("SELECT", "INSERT")},
    )

    warning_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sender: Mapped[str]
    identifier: Mapped[str]
    sent: Mapped[datetime]


class WarningPart(InSpaceById, Base):
    """One hazard of a message, with its texts by language; in force in [begins_at, ends_at)."""

    __tablename__ = "warning_part"
    __table_args__ = (
        same_space("warning_id", "warning"),
        UniqueConstraint("space_id", "warning_id", "number"),
        Index(None, "space_id", "ends_at"),
        {"info": app_may("SELECT", "INSERT")},
    )

    warning_id: Mapped[UUID]
    number: Mapped[int]
    event: Mapped[str]
    categories: Mapped[list[Any]] = mapped_column(JSONB)
    urgency: Mapped[Urgency]
    severity: Mapped[Severity]
    certainty: Mapped[Certainty]
    responses: Mapped[list[Any]] = mapped_column(JSONB)
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    onset_given: Mapped[bool]
    end_given: Mapped[bool]
    awareness_level: Mapped[int | None]
    awareness_type: Mapped[str | None]
    event_codes: Mapped[list[Any]] = mapped_column(JSONB)
    parameters: Mapped[list[Any]] = mapped_column(JSONB)
    texts: Mapped[dict[str, Any]] = mapped_column(JSONB)


class WarningArea(InSpaceById, Base):
    """A place of a hazard as the message names it; place: EPSG:4326, empty where nobody knows it."""

    __tablename__ = "warning_area"
    __table_args__ = (
        same_space("part_id", "warning_part"),
        UniqueConstraint("space_id", "part_id", "number"),
        {"info": app_may("SELECT", "INSERT", "UPDATE")},
    )

    part_id: Mapped[UUID]
    number: Mapped[int]
    description: Mapped[str]
    codes: Mapped[list[Any]] = mapped_column(JSONB)
    placed: Mapped[Placed]
    place: Mapped[WKBElement | None] = mapped_column(Geometry("GEOMETRY", srid=4326, spatial_index=True))


class WarningMunicipality(InSpace, Base):
    """A municipality that a hazard touches. share: of its land, None for a point; coarse: placed by a large region."""

    __tablename__ = "warning_municipality"
    __table_args__ = (
        same_space("part_id", "warning_part"),
        Index(None, "space_id", "area_id"),
        {"info": app_may("SELECT", "INSERT", "DELETE")},
    )

    part_id: Mapped[UUID] = mapped_column(primary_key=True)
    area_id: Mapped[UUID] = mapped_column(ForeignKey("area.id"), primary_key=True)
    share: Mapped[float | None]
    coarse: Mapped[bool]
