"""Whom something concerns: the people who act for organisations that are competent where it happens."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from foundation.people import Membership, Person
from foundation.roles import Role
from foundation.spaces import OPERATIONAL_SPACE_ID
from layers.areas import Area
from layers.jurisdictions import Jurisdiction


def concerned(
    session: Session, areas: Collection[UUID], roles: Collection[Role], *, space: UUID, at: datetime
) -> set[UUID]:
    """The active people with one of these roles whose organisation is competent for one of the areas, or for what lies
    above it: a municipality's flood concerns its canton and its entity too."""
    if not areas:
        return set()
    path = select(Area.id, Area.parent_id, Area.level, Area.code).where(Area.id.in_(areas)).cte("path", recursive=True)
    over = aliased(Area)
    path = path.union(select(over.id, over.parent_id, over.level, over.code).join(path, path.c.parent_id == over.id))
    here = Membership.exercise_id.is_(None) if space == OPERATIONAL_SPACE_ID else Membership.exercise_id == space
    return set(
        session.scalars(
            select(Membership.person_id)
            .join(Person, Person.id == Membership.person_id)
            .join(Jurisdiction, Jurisdiction.organisation_id == Membership.organisation_id)
            .join(path, (path.c.level == Jurisdiction.level) & (path.c.code == Jurisdiction.code))
            .where(
                Person.deactivated_at.is_(None),
                Membership.role.in_(roles),
                Membership.since <= at,
                or_(Membership.until.is_(None), Membership.until > at),
                here,
            )
        )
    )
