"""The outbox: what a space tells the outside, in an order that a reader can follow without missing anything."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, Integer, func, insert, literal, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from foundation.database import Base, Facts, InSpace, app_may

MOST_AT_ONCE: Final = 1000
_LOCK_CLASS: Final = 5_001  # the first half of the advisory lock's number; the second is the space's hash


class OutboxMessage(InSpace, Base):
    __tablename__ = "outbox_message"
    __table_args__ = ({"info": app_may("SELECT", "INSERT")},)

    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False, sort_order=-1)
    topic: Mapped[str]
    payload: Mapped[Facts]
    created_at: Mapped[datetime]


def append(session: Session, *, space: UUID, topic: str, payload: Mapping[str, Any], at: datetime) -> int:
    """Add one message and return its sequence number: 1, 2, 3 … within the space.

    Appending waits for whoever appended before in this space to commit or roll back, so numbers become
    visible in order and none is skipped: a reader that remembers the last number misses nothing. Append late in a
    transaction; the others wait until it ends.
    """
    key = func.hashtext(str(space))
    session.execute(select(func.pg_advisory_xact_lock(literal(_LOCK_CLASS, Integer), key)))
    # A second statement, because only it sees what was committed while the first one waited.
    following = (
        select(func.coalesce(func.max(OutboxMessage.sequence), 0) + 1)
        .where(OutboxMessage.space_id == space)
        .scalar_subquery()
    )
    return session.execute(
        insert(OutboxMessage)
        .values(space_id=space, sequence=following, topic=topic, payload=dict(payload), created_at=at)
        .returning(OutboxMessage.sequence)
    ).scalar_one()


def read_after(session: Session, last_sequence: int, *, space: UUID, limit: int = 100) -> list[OutboxMessage]:
    """The messages after `last_sequence` (0: from the beginning), in order, at most 1,000."""
    if not 1 <= limit <= MOST_AT_ONCE:
        raise ValueError(f"limit must be from 1 to {MOST_AT_ONCE}, not {limit}")
    return list(
        session.scalars(
            select(OutboxMessage)
            .where(OutboxMessage.space_id == space, OutboxMessage.sequence > last_sequence)
            .order_by(OutboxMessage.sequence)
            .limit(limit)
        )
    )
