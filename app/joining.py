"""How people come in and get back in: invitations, and links to choose a password."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from app import members, passwords, second_factor
from app.errors import LinkGone, PasswordsDiffer, TooManyTries
from app.mail_jobs import write_mail
from app.settings import Settings
from app.signing_in import MOST_FROM_AN_ADDRESS, WINDOW, note, note_failure
from foundation import accounts
from foundation.accounts import Account, LinkKind, OneTimeLink
from foundation.audit import Actor, Subject, record
from foundation.errors import N_
from foundation.people import Locale, Person, normal_email, person_by_email
from foundation.roles import Role
from foundation.spaces import OPERATIONAL_SPACE_ID

LASTS: Final = {LinkKind.INVITATION: timedelta(hours=72), LinkKind.RESET: timedelta(hours=1)}
MOST_RESETS: Final = 3

INVITED: Final = N_("Your access to Spremnost")
INVITATION: Final = N_(
    "Good day, {name}.\n\nYou have been given access to Spremnost. Choose a password here:\n\n{link}\n\n"
    "The link is good once and for 72 hours. Whoever has it can choose your password: do not pass it on."
)
FORGOTTEN: Final = N_("A new password for Spremnost")
RESET: Final = N_(
    "Good day, {name}.\n\nA new password was asked for. Choose it here:\n\n{link}\n\n"
    "The link is good once and for one hour. "
    "If you have not asked for it, you need do nothing: your password stays."
)
CHANGED: Final = N_("Your account in Spremnost was changed")
CHANGES: Final = {
    "person.password_chosen": N_(
        "Good day, {name}.\n\nThe password of your account was changed. "
        "If that was not you, tell your administrator at once."
    ),
    "person.email_changed": N_(
        "Good day, {name}.\n\nThe e-mail address of your account was changed. "
        "If that was not you, tell your administrator at once."
    ),
    "person.code_on": N_(
        "Good day, {name}.\n\nSigning in to your account now asks for a code of your phone. "
        "If that was not you, tell your administrator at once."
    ),
    "person.code_off": N_(
        "Good day, {name}.\n\nSigning in to your account no longer asks for a code of your phone. "
        "If that was not you, tell your administrator at once."
    ),
}


@dataclass(frozen=True)
class Invitation:
    """What an administrator fills in."""

    name: str
    email: str
    organisation_id: UUID | None
    roles: Collection[Role]
    exercise_id: UUID | None
    locale: Locale


def invite(session: Session, settings: Settings, wanted: Invitation, *, by: Actor, at: datetime) -> tuple[Person, str]:
    """Make a person with roles and a link by which they come in; it goes out by e-mail as well.

    Call in the operational space. Raises WrongInput.
    """
    person = members.make(session, wanted.name, wanted.email, wanted.locale, by=by, at=at)
    members.give_roles(
        session, person, wanted.organisation_id, wanted.roles, exercise_id=wanted.exercise_id, by=by, at=at
    )
    return person, send_link(session, settings, person, LinkKind.INVITATION, by=by, at=at)


def send_link(session: Session, settings: Settings, person: Person, kind: LinkKind, *, by: Actor, at: datetime) -> str:
    """A new link for a person, by e-mail and to be shown once; older ones are no good any more."""
    lasts = LASTS[kind]
    link = f"{settings.public_url}/join/{accounts.make_link(session, person.id, kind, at=at, lasts=lasts)}"
    if person.email:
        invitation = kind is LinkKind.INVITATION
        write_mail(
            session,
            settings,
            space=OPERATIONAL_SPACE_ID,
            to=person.email,
            locale=person.locale,
            template=f"account.{kind.value}",
            subject=INVITED if invitation else FORGOTTEN,
            body=INVITATION if invitation else RESET,
            at=at,
            person_id=person.id,
            link=link,
            good_until=at + lasts,
            name=person.name,
        )
    record(
        session,
        space=OPERATIONAL_SPACE_ID,
        at=at,
        by=by,
        action=f"person.{kind.value}_sent",
        subject=Subject("person", person.id),
    )
    return link


def opened(session: Session, secret: str, *, at: datetime) -> tuple[OneTimeLink, Person]:
    """What a link is for. Raises LinkGone."""
    found = accounts.open_link(session, secret, at=at)
    if found is None:
        raise LinkGone
    return found


def choose(session: Session, settings: Settings, secret: str, password: str, again: str, *, at: datetime) -> Person:
    """Choose a password by a link, which is used up; all sessions end.

    Raises LinkGone, WeakPassword, PasswordsDiffer.
    """
    link, person = opened(session, secret, at=at)
    set_password(session, settings, person, password, again, at=at)
    link.used_at = at
    accounts.end_all_sessions(session, person.id, at=at)
    return person


def set_password(
    session: Session, settings: Settings, person: Person, password: str, again: str, *, at: datetime
) -> None:
    """Give a person another password. Raises WeakPassword, PasswordsDiffer."""
    passwords.insist_on_a_good_one(password, name=person.name, email=person.email)
    if password != again:
        raise PasswordsDiffer
    account = session.get(Account, person.id)
    if account is None:
        account = Account(person_id=person.id)
        session.add(account)
    first = account.password_hash is None
    account.password_hash, account.password_set_at = passwords.hashed(password), at
    session.flush()
    note(session, person.id, "person.password_chosen", at=at)
    if not first:
        tell(session, settings, person, "person.password_chosen", at=at)


def ask_for_reset(session: Session, settings: Settings, email: str, *, address: str, at: datetime) -> None:
    """Send a link where there is such a person; whoever asks learns nothing of that. Raises TooManyTries."""
    since = at - WINDOW
    if accounts.failures(session, since=since, address=address) >= MOST_FROM_AN_ADDRESS:
        raise TooManyTries(minutes=int(WINDOW.total_seconds() // 60))
    counted = f"reset {normal_email(email)}"
    asked = accounts.failures(session, since=since, account_hash=accounts.hash_of(counted))
    note_failure(session, counted, address=address, at=at)
    person = person_by_email(session, email)
    if person is not None and asked < MOST_RESETS:
        send_link(session, settings, person, LinkKind.RESET, by=Actor("person", person.id), at=at)


def tell(
    session: Session, settings: Settings, person: Person, action: str, *, at: datetime, email: str | None = None
) -> None:
    """Let a person know by e-mail that their account was changed."""
    to = email or person.email
    if to:
        write_mail(
            session,
            settings,
            space=OPERATIONAL_SPACE_ID,
            to=to,
            locale=person.locale,
            template=action,
            subject=CHANGED,
            body=CHANGES[action],
            at=at,
            person_id=person.id,
            name=person.name,
        )


def code_off(session: Session, settings: Settings, person: Person, *, by: Actor, at: datetime) -> None:
    """Turn a person's second factor off, who lost their phone; their sessions end."""
    account = session.get(Account, person.id)
    if account is None or account.totp_since is None:
        return
    second_factor.turn_off(session, account)
    accounts.end_all_sessions(session, person.id, at=at)
    record(
        session,
        space=OPERATIONAL_SPACE_ID,
        at=at,
        by=by,
        action="person.code_off",
        subject=Subject("person", person.id),
    )
    tell(session, settings, person, "person.code_off", at=at)
