"""Where an organisation is competent: a municipality, a canton, an entity, Brčko District or the whole country."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from foundation.database import Base, app_may
from layers.areas import Area, Level


class Jurisdiction(Base):
    """An organisation's area, by its official code, so that it can be told before boundaries are brought in.

    An organisation without one, such as a company, is competent nowhere.
    """

    __tablename__ = "jurisdiction"
    __table_args__ = ({"info": app_may("SELECT", "INSERT", "UPDATE", "DELETE")},)

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), primary_key=True)
    level: Mapped[Level]
    code: Mapped[str]


def area_of(session: Session, organisation_id: UUID) -> Area | None:
    """The area that an organisation is competent for, if it is known yet."""
    return session.scalars(
        select(Area)
        .join(Jurisdiction, (Jurisdiction.level == Area.level) & (Jurisdiction.code == Area.code))
        .where(Jurisdiction.organisation_id == organisation_id)
    ).one_or_none()


def within(session: Session, organisation_id: UUID) -> set[UUID]:
    """The ids of all areas inside an organisation's jurisdiction, its own included."""
    own = (
        select(Area.id)
        .join(Jurisdiction, (Jurisdiction.level == Area.level) & (Jurisdiction.code == Area.code))
        .where(Jurisdiction.organisation_id == organisation_id)
        .cte("inside", recursive=True)
    )
    below = aliased(Area)
    return set(session.scalars(select(own.union_all(select(below.id).where(below.parent_id == own.c.id)).c.id)))


def is_competent(session: Session, organisation_id: UUID, area_id: UUID) -> bool:
    """Whether an area lies inside an organisation's jurisdiction."""
    own = area_of(session, organisation_id)
    seen = session.get(Area, area_id)
    while own is not None and seen is not None:
        if seen.id == own.id:
            return True
        seen = session.get(Area, seen.parent_id) if seen.parent_id else None
    return False
