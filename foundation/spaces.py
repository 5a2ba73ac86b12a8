"""Spaces: the one operational space, and the exercises' twins of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from foundation.database import Base, Id, app_may
from foundation.errors import NoSuchSpace

# Fixed, so that every installation and every restored backup agrees on which space is the real one.
OPERATIONAL_SPACE_ID: Final = UUID("00000000-0000-4000-8000-000000000001")


class SpaceKind(StrEnum):
    OPERATIONAL = "operational"
    EXERCISE = "exercise"


class SpaceState(StrEnum):
    PREPARING = "preparing"
    OPEN = "open"
    CLOSED = "closed"


class Space(Base):
    """A world in which people act. Nothing that can be acted on is outside one, or in two."""

    __tablename__ = "space"
    __table_args__ = (
        CheckConstraint(f"(kind = 'operational') = (id = '{OPERATIONAL_SPACE_ID}')", name="one_operational"),
        CheckConstraint("kind <> 'operational' OR clock_offset = interval '0'", name="operational_clock_is_real"),
        CheckConstraint("slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'", name="slug"),
        # Never DELETE: an exercise is closed, its audit remains.
        {"info": app_may("SELECT", "INSERT", "UPDATE")},
    )

    id: Mapped[Id]
    kind: Mapped[SpaceKind] = mapped_column(default=SpaceKind.EXERCISE)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    state: Mapped[SpaceState] = mapped_column(default=SpaceState.PREPARING)
    clock_offset: Mapped[timedelta] = mapped_column(default=timedelta(), server_default=text("interval '0'"))
    created_at: Mapped[datetime]

    @property
    def is_operational(self) -> bool:
        return self.kind is SpaceKind.OPERATIONAL

    def time(self, now: datetime) -> datetime:
        """What this space's clock shows at the real time `now`: the same in the operational space."""
        return now + self.clock_offset


def operational_space(session: Session) -> Space:
    """The one operational space; the first migration made it."""
    return session.get_one(Space, OPERATIONAL_SPACE_ID)


def space_by_slug(session: Session, slug: str) -> Space:
    """The space that a URL's path names. Raises NoSuchSpace."""
    space = session.scalars(select(Space).where(Space.slug == slug)).one_or_none()
    if space is None:
        raise NoSuchSpace(slug=slug)
    return space
