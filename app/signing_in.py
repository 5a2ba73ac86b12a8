"""Signing in and out: what happens to the account, the session and the audit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.orm import Session

from app import passwords
from app.errors import TooManyTries, WrongCredentials
from foundation import accounts
from foundation.accounts import Account, SignInAttempt, SignInSession
from foundation.audit import Actor, Subject, record
from foundation.people import Person, normal_email, person_by_email
from foundation.spaces import OPERATIONAL_SPACE_ID

WINDOW: Final = timedelta(minutes=15)
MOST_FOR_AN_ACCOUNT: Final = 10
MOST_FROM_AN_ADDRESS: Final = 50
ATTEMPTS_KEPT: Final = timedelta(days=1)


def slow_down(session: Session, email: str, *, address: str, at: datetime) -> None:
    """Refuse where too many tries have failed. Raises TooManyTries."""
    since = at - WINDOW
    account_hash = accounts.hash_of(normal_email(email))
    if (
        accounts.failures(session, since=since, account_hash=account_hash) >= MOST_FOR_AN_ACCOUNT
        or accounts.failures(session, since=since, address=address) >= MOST_FROM_AN_ADDRESS
    ):
        raise TooManyTries(minutes=int(WINDOW.total_seconds() // 60))


def note_failure(session: Session, email: str, *, address: str, at: datetime) -> None:
    """Count a try that failed, in a transaction that stays."""
    session.execute(delete(SignInAttempt).where(SignInAttempt.at < at - ATTEMPTS_KEPT))
    session.add(SignInAttempt(at=at, account_hash=accounts.hash_of(normal_email(email)), address=address[:100]))
    session.flush()


def known(session: Session, email: str, password: str, *, at: datetime) -> tuple[Person, Account]:
    """The person with that address and password. Raises WrongCredentials."""
    person = person_by_email(session, email)
    account = session.get(Account, person.id) if person is not None else None
    if not passwords.is_right(password, account.password_hash if account else None) or not person or not account:
        raise WrongCredentials
    if account.password_hash and passwords.is_outdated(account.password_hash):
        account.password_hash = passwords.hashed(password)
    return person, account


def sign_in(session: Session, person: Person, *, at: datetime, address: str, browser: str, waits_for_code: bool) -> str:
    """Begin a session; gives the secret for the cookie. Call in the operational space, where the audit is."""
    secret = accounts.begin_session(
        session, person.id, at=at, address=address, browser=browser, waits_for_code=waits_for_code
    )
    if not waits_for_code:
        note(session, person.id, "person.signed_in", at=at)
    return secret


def sign_out(session: Session, person_id: UUID, session_id: UUID, *, at: datetime) -> None:
    """End one browser's session."""
    accounts.end_session(session, session_id, at=at)
    note(session, person_id, "person.signed_out", at=at)


def act_for(session: Session, session_id: UUID, organisation_id: UUID) -> None:
    """Act in another organisation's name from now on."""
    session.get_one(SignInSession, session_id).acting_organisation_id = organisation_id


def note(
    session: Session, person_id: UUID, action: str, *, at: datetime, facts: Mapping[str, Any] | None = None
) -> None:
    """An audit entry about a person's own account."""
    record(
        session,
        space=OPERATIONAL_SPACE_ID,
        at=at,
        by=Actor("person", person_id),
        action=action,
        subject=Subject("person", person_id),
        facts=facts,
    )
