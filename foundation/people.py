"""Who people are and whom they belong to. Shared by all spaces; what they may do is decided elsewhere."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Index, and_, exists, func, or_, select, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, Session, mapped_column, validates

from foundation.database import Base, Id, app_may
from foundation.folding import alphabetical
from foundation.roles import EXERCISE_ROLES, Role
from foundation.spaces import OPERATIONAL_SPACE_ID, Space, SpaceKind


class Locale(StrEnum):
    BOSNIAN = "bs"
    CROATIAN = "hr"
    SERBIAN_LATIN = "sr_Latn_BA"
    SERBIAN_CYRILLIC = "sr_Cyrl_BA"
    ENGLISH = "en"


class OrganisationKind(StrEnum):
    MUNICIPALITY = "municipality"
    CIVIL_PROTECTION = "civil_protection"  # headquarters and administrations above the municipality
    FIRE_BRIGADE = "fire_brigade"
    MOUNTAIN_RESCUE = "mountain_rescue"
    RED_CROSS = "red_cross"
    COMPANY = "company"
    DONOR = "donor"
    OTHER = "other"


class Organisation(Base):
    """A body in whose name people act and to which things belong."""

    __tablename__ = "organisation"
    __table_args__ = ({"info": app_may("SELECT", "INSERT", "UPDATE")},)

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[OrganisationKind]
    created_at: Mapped[datetime]
    deactivated_at: Mapped[datetime | None]  # nobody acts in its name any more; what it did stays


class Person(Base):
    """A person, never deleted: past acts keep their name. One who left is deactivated."""

    __tablename__ = "person"
    __table_args__ = (
        # Someone who left must not keep their successor, or themselves returning, from the address.
        Index(
            "uq_person_email_active",
            text("lower(email)"),
            unique=True,
            postgresql_where=text("deactivated_at IS NULL"),
        ),
        {"info": app_may("SELECT", "INSERT", "UPDATE")},
    )

    id: Mapped[Id]
    name: Mapped[str]
    email: Mapped[str | None]
    locale: Mapped[Locale] = mapped_column(default=Locale.BOSNIAN)
    created_at: Mapped[datetime]
    deactivated_at: Mapped[datetime | None]

    @property
    def is_active(self) -> bool:
        return self.deactivated_at is None

    @property
    def is_erased(self) -> bool:
        """Whether the person's name was taken away; what they did stays."""
        return self.name == ""

    def deactivate(self, *, at: datetime) -> None:
        """Close the person's access; a second time changes nothing."""
        self.deactivated_at = self.deactivated_at or at

    @validates("email")
    def _normalise(self, _key: str, email: str | None) -> str | None:
        return None if email is None else normal_email(email)


class Membership(Base):
    """A person belongs to an organisation, in one role, in the period [since, until); several roles are several rows.

    exercise_id: the space that a role of an exercise is for; every other role is of the operational world.
    """

    __tablename__ = "membership"
    __table_args__ = (
        CheckConstraint("until > since", name="period"),
        CheckConstraint(
            f"(role IN ({', '.join(repr(role.value) for role in sorted(EXERCISE_ROLES))})) = (exercise_id IS NOT NULL)",
            name="exercise_roles_in_exercises",
        ),
        ExcludeConstraint(
            ("person_id", "="),
            ("organisation_id", "="),
            (text("(role::text)"), "="),
            (text(f"coalesce(exercise_id, '{OPERATIONAL_SPACE_ID}'::uuid)"), "="),
            (text("tstzrange(since, until)"), "&&"),
            name="ex_membership_once_at_a_time",
            using="gist",
        ),
        {"info": app_may("SELECT", "INSERT", "UPDATE")},
    )

    id: Mapped[Id]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    role: Mapped[Role] = mapped_column(default=Role.VIEWER)
    exercise_id: Mapped[UUID | None] = mapped_column(ForeignKey("space.id"))
    since: Mapped[datetime]
    until: Mapped[datetime | None]


def normal_email(email: str) -> str:
    """The address as it is kept and compared: no blanks around it, one case, one form of č."""
    return unicodedata.normalize("NFKC", email).strip().lower()


def person_by_email(session: Session, email: str) -> Person | None:
    """The active person with that address, in whatever case it is typed."""
    return session.scalars(
        select(Person).where(func.lower(Person.email) == normal_email(email), Person.deactivated_at.is_(None))
    ).one_or_none()


def organisations_of(session: Session, person_id: UUID, *, at: datetime) -> list[Organisation]:
    """The organisations that a person belongs to at that moment, by name."""
    return list(
        session.scalars(
            select(Organisation)
            .where(
                Organisation.id.in_(
                    select(Membership.organisation_id).where(Membership.person_id == person_id, _in_force(at))
                )
            )
            .order_by(alphabetical(Organisation.name))
        )
    )


@dataclass(frozen=True)
class Seat:
    """An organisation in whose name a person may act in a space, and the roles that they have there."""

    organisation_id: UUID
    name: str
    kind: OrganisationKind
    roles: frozenset[Role]


def seats(session: Session, person_id: UUID, space: UUID, *, at: datetime) -> list[Seat]:
    """Where a person may act in that space, by the organisation's name.

    In the operational space these are the roles of the real world; in an exercise its own roles, and those of a trainer
    or an administrator, who may enter every exercise.
    """
    here: ColumnElement[bool]
    if space == OPERATIONAL_SPACE_ID:
        here = Membership.exercise_id.is_(None)
    else:
        here = or_(Membership.exercise_id == space, Membership.role.in_([Role.TRAINER, Role.ADMINISTRATOR]))
    rows = session.execute(
        select(Organisation.id, Organisation.name, Organisation.kind, Membership.role)
        .join(Membership, Membership.organisation_id == Organisation.id)
        .where(Membership.person_id == person_id, _in_force(at), here, Organisation.deactivated_at.is_(None))
        .order_by(alphabetical(Organisation.name), Organisation.id)
    )
    return [
        Seat(organisation, name, kind, frozenset(row.role for row in group))
        for (organisation, name, kind), group in groupby(rows, key=lambda row: (row.id, row.name, row.kind))
    ]


def roles_of(session: Session, person_id: UUID, *, at: datetime) -> frozenset[Role]:
    """All the parts that a person plays at that moment, wherever."""
    return frozenset(
        session.scalars(select(Membership.role).where(Membership.person_id == person_id, _in_force(at)).distinct())
    )


def exercises_of(session: Session, person_id: UUID, *, at: datetime) -> list[Space]:
    """The exercises that a person may enter, newest first, at most 200."""
    mine = select(Membership.exercise_id).where(Membership.person_id == person_id, _in_force(at))
    enters_all = exists().where(
        Membership.person_id == person_id, Membership.role.in_([Role.TRAINER, Role.ADMINISTRATOR]), _in_force(at)
    )
    return list(
        session.scalars(
            select(Space)
            .where(Space.kind == SpaceKind.EXERCISE, or_(Space.id.in_(mine), enters_all))
            .order_by(Space.created_at.desc())
            .limit(200)
        )
    )


def _in_force(at: datetime) -> ColumnElement[bool]:
    return and_(Membership.since <= at, or_(Membership.until.is_(None), Membership.until > at))
