"""The audit: who did what to what, and when. Rows are added and read, nothing else; PostgreSQL sees to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from foundation.database import Base, Facts, InSpaceById, app_may

MOST_AT_ONCE: Final = 500


@dataclass(frozen=True)
class Actor:
    """Whoever acts: a person in the name of an organisation, or a program that has only a label.

    The label is kept as it was at the time; the request ties the entry to the server's log.
    """

    label: str
    person_id: UUID | None = None
    organisation_id: UUID | None = None
    request_id: str | None = None


@dataclass(frozen=True)
class Subject:
    """What was acted on: `Subject("loan", loan.id)`."""

    kind: str
    id: UUID | str


class AuditEntry(InSpaceById, Base):
    __tablename__ = "audit_entry"
    __table_args__ = (
        Index(None, "space_id", "number", unique=True),
        Index(None, "space_id", "subject_kind", "subject_id", "number"),
        {"info": app_may("SELECT", "INSERT")},
    )

    # Newest first needs an order that two entries of one moment do not share.
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    at: Mapped[datetime]  # the space's clock
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())  # the real one
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    actor: Mapped[str]
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"))
    action: Mapped[str]
    subject_kind: Mapped[str]
    subject_id: Mapped[str]
    facts: Mapped[Facts]
    request_id: Mapped[str | None]


def record(
    session: Session,
    *,
    space: UUID,
    at: datetime,
    by: Actor,
    action: str,
    subject: Subject,
    facts: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Add one entry and flush it, so that a refusal comes here and not at the end of the transaction."""
    entry = AuditEntry(
        space_id=space,
        at=at,
        person_id=by.person_id,
        actor=by.label,
        organisation_id=by.organisation_id,
        action=action,
        subject_kind=subject.kind,
        subject_id=str(subject.id),
        facts=dict(facts or {}),
        request_id=by.request_id,
    )
    session.add(entry)
    session.flush()
    return entry


def entries(
    session: Session,
    *,
    space: UUID,
    subject: Subject | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[AuditEntry]:
    """A space's entries, newest first, at most 500; the next page is `before=` the last one's number."""
    if not 1 <= limit <= MOST_AT_ONCE:
        raise ValueError(f"limit must be from 1 to {MOST_AT_ONCE}, not {limit}")
    query = select(AuditEntry).where(AuditEntry.space_id == space).order_by(AuditEntry.number.desc()).limit(limit)
    if subject is not None:
        query = query.where(AuditEntry.subject_kind == subject.kind, AuditEntry.subject_id == str(subject.id))
    if before is not None:
        query = query.where(AuditEntry.number < before)
    return list(session.scalars(query))


@dataclass(frozen=True)
class Wanted:
    """Which entries somebody looks for; None means all. people, subject_id: of these; since, until: [since, until)."""

    people: frozenset[UUID] | None = None
    organisation_id: UUID | None = None
    action: str | None = None
    subject_kind: str | None = None
    subject_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def search(
    session: Session, wanted: Wanted, *, space: UUID, before: int | None = None, limit: int = 100
) -> list[AuditEntry]:
    """The entries that are looked for, newest first, at most 500; the next page is `before=` the last one's number."""
    if not 1 <= limit <= MOST_AT_ONCE:
        raise ValueError(f"limit must be from 1 to {MOST_AT_ONCE}, not {limit}")
    query = select(AuditEntry).where(AuditEntry.space_id == space).order_by(AuditEntry.number.desc()).limit(limit)
    if wanted.people is not None:
        names = [str(person) for person in wanted.people]
        about = (AuditEntry.subject_kind == "person") & AuditEntry.subject_id.in_(names)
        query = query.where(AuditEntry.person_id.in_(wanted.people) | about)
    for column, value in (
        (AuditEntry.organisation_id, wanted.organisation_id),
        (AuditEntry.action, wanted.action),
        (AuditEntry.subject_kind, wanted.subject_kind),
        (AuditEntry.subject_id, wanted.subject_id),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.since is not None:
        query = query.where(AuditEntry.recorded_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(AuditEntry.recorded_at < wanted.until)
    if before is not None:
        query = query.where(AuditEntry.number < before)
    return list(session.scalars(query))


def actions(session: Session, *, space: UUID) -> list[str]:
    """What has happened in a space so far, each once."""
    query = select(AuditEntry.action).where(AuditEntry.space_id == space).distinct().order_by(AuditEntry.action)
    return list(session.scalars(query.limit(MOST_AT_ONCE)))
