"""Notices: what somebody should know in a space, until they have read it.

They are made from the space's outbox by whoever reads it, in order and each message once: the place up to which a
reader has come is kept in the same transaction as what it made of the messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from foundation.database import Base, Facts, InSpace, InSpaceById, app_may

MOST_AT_ONCE: Final = 200


class Notice(InSpaceById, Base):
    """One thing that one person should know. text is a sentence to translate, path leads to it within the space."""

    __tablename__ = "notice"
    __table_args__ = (
        Index(None, "space_id", "person_id", "number"),
        {"info": app_may("SELECT", "INSERT", "UPDATE", "DELETE")},
    )

    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True))  # two notices may be of one moment
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    text: Mapped[str]
    parameters: Mapped[Facts]
    path: Mapped[str]
    urgent: Mapped[bool]
    created_at: Mapped[datetime]  # the space's clock
    read_at: Mapped[datetime | None]


class OutboxReader(InSpace, Base):
    """Up to which message a reader has come in a space."""

    __tablename__ = "outbox_reader"
    __table_args__ = ({"info": app_may("SELECT", "INSERT", "UPDATE")},)

    reader: Mapped[str] = mapped_column(primary_key=True, sort_order=-1)
    sequence: Mapped[int] = mapped_column(BigInteger)


def notify(
    session: Session,
    *,
    space: UUID,
    people: Iterable[UUID],
    text: str,
    parameters: Mapping[str, Any],
    path: str,
    urgent: bool,
    at: datetime,
) -> list[Notice]:
    """Tell each of these people, once each."""
    made = [
        Notice(
            space_id=space,
            person_id=person,
            text=text,
            parameters=dict(parameters),
            path=path,
            urgent=urgent,
            created_at=at,
        )
        for person in sorted(set(people))
    ]
    session.add_all(made)
    session.flush()
    return made


def unread(session: Session, *, space: UUID, person: UUID) -> int:
    """How many notices a person has not read."""
    return session.execute(
        select(func.count())
        .select_from(Notice)
        .where(Notice.space_id == space, Notice.person_id == person, Notice.read_at.is_(None))
    ).scalar_one()


def notices(
    session: Session, *, space: UUID, person: UUID, only_unread: bool = False, limit: int = 50
) -> Sequence[Notice]:
    """A person's notices, the newest first, at most 200."""
    if not 1 <= limit <= MOST_AT_ONCE:
        raise ValueError(f"limit must be from 1 to {MOST_AT_ONCE}, not {limit}")
    query = (
        select(Notice)
        .where(Notice.space_id == space, Notice.person_id == person)
        .order_by(Notice.number.desc())
        .limit(limit)
    )
    if only_unread:
        query = query.where(Notice.read_at.is_(None))
    return session.scalars(query).all()


def mark_read(session: Session, *, space: UUID, person: UUID, at: datetime, notice: UUID | None = None) -> int:
    """A person has read that notice, or all of theirs; gives how many that changed."""
    query = update(Notice).where(Notice.space_id == space, Notice.person_id == person, Notice.read_at.is_(None))
    if notice is not None:
        query = query.where(Notice.id == notice)
    return len(session.execute(query.values(read_at=at).returning(Notice.id)).all())


def read_up_to(session: Session, reader: str, *, space: UUID) -> int:
    """The last message that a reader has dealt with; 0 at the beginning. Another process that reads waits."""
    session.execute(insert(OutboxReader).values(space_id=space, reader=reader, sequence=0).on_conflict_do_nothing())
    return session.execute(
        select(OutboxReader.sequence)
        .where(OutboxReader.space_id == space, OutboxReader.reader == reader)
        .with_for_update()
    ).scalar_one()


def has_read(session: Session, reader: str, *, space: UUID, sequence: int) -> None:
    """Keep that a reader has dealt with everything up to that message."""
    session.execute(
        update(OutboxReader)
        .where(OutboxReader.space_id == space, OutboxReader.reader == reader)
        .values(sequence=sequence)
    )
