"""People and their roles, as administrators look after them. Every change is in the audit; nothing that was is lost."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from app.errors import (
    EmailTaken,
    ExerciseMissing,
    LastAdministrator,
    NameMissing,
    OrganisationMissing,
    PersonErased,
    RoleHeld,
    RoleMissing,
    WrongEmail,
)
from app.settings import is_mail_address
from foundation import accounts
from foundation.accounts import Account
from foundation.audit import Actor, Subject, record
from foundation.people import Locale, Membership, Organisation, Person, normal_email, person_by_email
from foundation.roles import EXERCISE_ROLES, Role
from foundation.spaces import OPERATIONAL_SPACE_ID

MOST_NAME = 200


def make(session: Session, name: str, email: str, locale: Locale, *, by: Actor, at: datetime) -> Person:
    """A new person without roles. Raises NameMissing, WrongEmail, EmailTaken."""
    person = Person(name=good_name(name), email=good_email(session, email), locale=locale, created_at=at)
    session.add(person)
    session.flush()
    _note(session, "person.made", person, by=by, at=at)
    return person


def good_name(name: str) -> str:
    """The name with single blanks. Raises NameMissing."""
    name = " ".join(name.split())[:MOST_NAME]
    if not name:
        raise NameMissing
    return name


def good_email(session: Session, email: str, *, person_id: UUID | None = None) -> str:
    """The address, where nobody else active has it. Raises WrongEmail, EmailTaken."""
    email = normal_email(email)
    if not is_mail_address(email):
        raise WrongEmail
    other = person_by_email(session, email)
    if other is not None and other.id != person_id:
        raise EmailTaken(email=email)
    return email


def give_roles(
    session: Session,
    person: Person,
    organisation_id: UUID | None,
    roles: Collection[Role],
    *,
    exercise_id: UUID | None,
    by: Actor,
    at: datetime,
) -> None:
    """Let a person play these parts in an organisation from now on. Raises WrongInput."""
    if organisation_id is None or session.get(Organisation, organisation_id) is None:
        raise OrganisationMissing
    if not roles:
        raise RoleMissing
    for role in sorted(roles):
        if role in EXERCISE_ROLES and exercise_id is None:
            raise ExerciseMissing
        where = exercise_id if role in EXERCISE_ROLES else None
        held = select(Membership.id).where(
            Membership.person_id == person.id,
            Membership.organisation_id == organisation_id,
            Membership.role == role,
            Membership.exercise_id.is_not_distinct_from(where),
            or_(Membership.until.is_(None), Membership.until > at),
        )
        if session.execute(held.limit(1)).first() is not None:
            raise RoleHeld
        session.add(
            Membership(person_id=person.id, organisation_id=organisation_id, role=role, exercise_id=where, since=at)
        )
        session.flush()
        facts = {"role": role.value, "organisation": str(organisation_id)}
        _note(session, "person.role_given", person, by=by, at=at, facts=facts)


def end_role(session: Session, membership: Membership, *, by: Actor, at: datetime) -> None:
    """End one role; that there was one stays. Raises LastAdministrator."""
    if membership.until is not None and membership.until <= at:
        return
    if membership.role is Role.ADMINISTRATOR:
        insist_on_another_administrator(session, membership.person_id, at=at, but=membership.id)
    membership.until = at
    session.flush()
    facts = {"role": membership.role.value, "organisation": str(membership.organisation_id)}
    person = session.get_one(Person, membership.person_id)
    _note(session, "person.role_ended", person, by=by, at=at, facts=facts)


def deactivate(session: Session, person: Person, *, by: Actor, at: datetime) -> None:
    """Close a person's access everywhere and at once. Raises LastAdministrator."""
    if not person.is_active:
        return
    insist_on_another_administrator(session, person.id, at=at)
    person.deactivate(at=at)
    accounts.end_all_sessions(session, person.id, at=at)
    accounts.revoke_all_tokens(session, person.id, at=at)
    accounts.drop_links(session, person.id)
    session.flush()
    _note(session, "person.deactivated", person, by=by, at=at)


def reactivate(session: Session, person: Person, *, by: Actor, at: datetime) -> None:
    """Let a person in again, with their password and their roles. Raises EmailTaken, PersonErased."""
    if person.is_active:
        return
    if person.is_erased:
        raise PersonErased
    if person.email is not None:
        good_email(session, person.email, person_id=person.id)
    person.deactivated_at = None
    session.flush()
    _note(session, "person.reactivated", person, by=by, at=at)


def sign_out_everywhere(session: Session, person: Person, *, by: Actor, at: datetime) -> None:
    """End all of a person's sessions."""
    number = accounts.end_all_sessions(session, person.id, at=at)
    _note(session, "person.signed_out_everywhere", person, by=by, at=at, facts={"sessions": number})


def insist_on_another_administrator(
    session: Session, person_id: UUID, *, at: datetime, but: UUID | None = None
) -> None:
    """Refuse what would leave nobody to look after the installation. Raises LastAdministrator."""
    # Two administrators who end each other's role at once must not both succeed.
    session.execute(select(func.pg_advisory_xact_lock(5_002, 1)))
    lasts = or_(Membership.until.is_(None), Membership.until > at)
    in_force = (Membership.role == Role.ADMINISTRATOR, Membership.since <= at, lasts)
    mine = session.scalars(select(Membership.id).where(Membership.person_id == person_id, *in_force)).all()
    if not mine or (but is not None and set(mine) - {but}):
        return
    others = (
        select(Membership.id)
        .join(Person, Person.id == Membership.person_id)
        .join(Account, Account.person_id == Person.id)
        .where(
            Membership.person_id != person_id,
            *in_force,
            Person.deactivated_at.is_(None),
            Account.password_hash.is_not(None),
        )
        .limit(1)
    )
    if session.execute(others).first() is None:
        raise LastAdministrator


def _note(
    session: Session,
    action: str,
    person: Person,
    *,
    by: Actor,
    at: datetime,
    facts: Mapping[str, Any] | None = None,
) -> None:
    record(
        session,
        space=OPERATIONAL_SPACE_ID,
        at=at,
        by=by,
        action=action,
        subject=Subject("person", person.id),
        facts=facts,
    )
