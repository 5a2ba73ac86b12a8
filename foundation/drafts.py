"""What somebody has typed and not sent yet: kept as they type, so that a lost link or session loses nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ForeignKey, delete, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from foundation.database import Base, InSpace, app_may

MOST_BYTES: Final = 64_000


class Draft(InSpace, Base):
    """One person's unsent entries in one form."""

    __tablename__ = "draft"
    __table_args__ = ({"info": app_may("SELECT", "INSERT", "UPDATE", "DELETE")},)

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True, sort_order=-1)
    form: Mapped[str] = mapped_column(primary_key=True, sort_order=-1)
    entries: Mapped[dict[str, Any]] = mapped_column(JSONB)
    saved_at: Mapped[datetime]


def save(session: Session, *, space: UUID, person: UUID, form: str, entries: dict[str, Any], at: datetime) -> None:
    """Keep the entries instead of those kept before."""
    values = {"entries": entries, "saved_at": at}
    session.execute(
        insert(Draft)
        .values(space_id=space, person_id=person, form=form, **values)
        .on_conflict_do_update(index_elements=["space_id", "person_id", "form"], set_=values)
    )


def draft(session: Session, *, space: UUID, person: UUID, form: str) -> Draft | None:
    """What was kept of a form."""
    return session.scalars(
        select(Draft).where(Draft.space_id == space, Draft.person_id == person, Draft.form == form)
    ).one_or_none()


def drop(session: Session, *, space: UUID, person: UUID, form: str) -> None:
    """The form was sent, or its entries are not wanted any more."""
    session.execute(delete(Draft).where(Draft.space_id == space, Draft.person_id == person, Draft.form == form))
