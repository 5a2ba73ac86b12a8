"""Who can sign in after the first start: the made people of the demonstration, or one administrator."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app import demo_people, passwords
from app.db import Database
from app.errors import WrongEmail
from app.settings import Settings, is_mail_address
from foundation.accounts import Account, RecoveryCode, end_all_sessions
from foundation.audit import Actor, Subject, record
from foundation.people import Membership, Organisation, OrganisationKind, Person, person_by_email, roles_of
from foundation.roles import Role
from foundation.spaces import OPERATIONAL_SPACE_ID

EMAIL: Final = "administrator@localhost"
ORGANISATION: Final = "Spremnost"


def see_to_people(database: Database, settings: Settings, say: Callable[[str], None]) -> None:
    """Make who is needed to begin with, and say how to sign in; a second call makes nobody anew."""
    now = datetime.now(UTC)
    if settings.demo:
        password = demo_people.kept_password(settings.data_dir)
        with database.transaction(OPERATIONAL_SPACE_ID) as session:
            demo_people.make(session, password, at=now)
        say(f"Sign in with the password {password} as one of these, or with one click on the sign-in page:")
        for person in demo_people.PEOPLE:
            say(f"  {person.email:<34} {person.what}")
        return
    made = make_first_administrator(database, at=now)
    if made is not None:
        say(f"Sign in as {EMAIL} with the password {made} and change it. It is shown this once.")


def make_first_administrator(database: Database, *, at: datetime) -> str | None:
    """An administrator with a password that is known to nobody but who reads this; None where there is one already."""
    with database.transaction(OPERATIONAL_SPACE_ID) as session:
        if session.scalar(select(Membership.id).where(Membership.role == Role.ADMINISTRATOR).limit(1)):
            return None
        return _let_in(session, EMAIL, at=at, by=Actor("first start"))


def make_administrator(database: Database, email: str, *, at: datetime) -> str:
    """Make somebody an administrator, or let one in again who is locked out; gives the new password.

    Raises WrongEmail.
    """
    if not is_mail_address(email):
        raise WrongEmail
    with database.transaction(OPERATIONAL_SPACE_ID) as session:
        return _let_in(session, email, at=at, by=Actor("operator (command line)"))


def _let_in(session: Session, email: str, *, at: datetime, by: Actor) -> str:
    password = secrets.token_urlsafe(15)
    person = person_by_email(session, email)
    if person is None:
        person = Person(name="Administrator", email=email, created_at=at)
        session.add(person)
        session.flush()
    if Role.ADMINISTRATOR not in roles_of(session, person.id, at=at):
        organisation = session.scalars(select(Organisation).where(Organisation.name == ORGANISATION)).one_or_none()
        if organisation is None:
            organisation = Organisation(name=ORGANISATION, kind=OrganisationKind.OTHER, created_at=at)
            session.add(organisation)
            session.flush()
        session.add(
            Membership(
                person_id=person.id,
                organisation_id=organisation.id,
                role=Role.ADMINISTRATOR,
                exercise_id=None,
                since=at,
            )
        )
    session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person.id))
    session.merge(
        Account(
            person_id=person.id,
            password_hash=passwords.hashed(password),
            password_set_at=at,
            totp_secret=None,
            totp_since=None,
            totp_last_step=None,
        )
    )
    end_all_sessions(session, person.id, at=at)
    record(
        session,
        space=OPERATIONAL_SPACE_ID,
        at=at,
        by=by,
        action="person.made_administrator",
        subject=Subject("person", person.id),
        facts={"role": Role.ADMINISTRATOR.value},
    )
    session.flush()
    return password
