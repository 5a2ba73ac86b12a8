"""Answers that are kept under a caller's key, so that a request that is sent twice is done once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Integer, delete, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from foundation.database import Base, InSpace, app_may
from foundation.errors import KeyUsedForSomethingElse

KEPT: Final = timedelta(days=7)
_LOCK_CLASS: Final = 5_002


class KeptAnswer(InSpace, Base):
    """What was answered to a person's request with that key."""

    __tablename__ = "kept_answer"
    __table_args__ = (Index(None, "at"), {"info": app_may("SELECT", "INSERT", "DELETE")})

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True, sort_order=-1)
    key: Mapped[str] = mapped_column(primary_key=True, sort_order=-1)
    request_hash: Mapped[str]  # of method, address and body
    status: Mapped[int]
    body: Mapped[dict[str, Any] | list[Any] | None] = mapped_column(JSONB)
    at: Mapped[datetime]


def kept_answer(session: Session, *, space: UUID, person: UUID, key: str, request_hash: str) -> KeptAnswer | None:
    """What was answered to this request before. The same key at the same time waits here until the first is done.

    Raises KeyUsedForSomethingElse where the key came with another request.
    """
    lock = func.hashtext(f"{space}/{person}/{key}")
    session.execute(select(func.pg_advisory_xact_lock(literal(_LOCK_CLASS, Integer), lock)))
    found = session.get(KeptAnswer, (space, person, key))
    if found is not None and found.request_hash != request_hash:
        raise KeyUsedForSomethingElse(key=key)
    return found


def keep_answer(
    session: Session, *, space: UUID, person: UUID, key: str, request_hash: str, status: int, body: Any, at: datetime
) -> None:
    """Keep an answer in the transaction of what it answers."""
    session.add(
        KeptAnswer(
            space_id=space, person_id=person, key=key, request_hash=request_hash, status=status, body=body, at=at
        )
    )
    session.flush()


def forget_answers(session: Session, *, before: datetime) -> int:
    """Remove the old ones of the transaction's space; gives how many."""
    return len(session.execute(delete(KeptAnswer).where(KeptAnswer.at < before).returning(KeptAnswer.key)).all())
