"""How people are known at the door: passwords, second factors, sessions, links and tokens.

Nothing here can be used as it is stored: passwords are hashed with Argon2, everything that a browser or a program shows
(sessions, links, tokens, recovery codes) is kept as its SHA-256 only.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, delete, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.types import Text

from foundation.database import Base, Id, app_may
from foundation.people import Person

SECRET_BYTES: Final = 32
IDLE: Final = timedelta(hours=12)  # a duty officer's shift
LONGEST: Final = timedelta(days=7)


class Account(Base):
    """How a person signs in; without a password they cannot."""

    __tablename__ = "account"
    __table_args__ = ({"info": app_may("SELECT", "INSERT", "UPDATE", "DELETE")},)

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    password_hash: Mapped[str | None]
    password_set_at: Mapped[datetime | None]
    totp_secret: Mapped[str | None]  # encrypted with the installation's key
    totp_since: Mapped[datetime | None]  # the person has shown a code: from then on it is asked for
    totp_last_step: Mapped[int | None]  # a code is good once


class RecoveryCode(Base):
    """A code for somebody whose second factor is lost; good once."""

    __tablename__ = "recovery_code"
    __table_args__ = (Index(None, "person_id"), {"info": app_may("SELECT", "INSERT", "UPDATE", "DELETE")})

    id: Mapped[Id]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    code_hash: Mapped[str]
    used_at: Mapped[datetime | None]


class SignInSession(Base):
    """One browser in which a person is signed in. Every change of rights makes a new one."""

    __tablename__ = "sign_in_session"
    __table_args__ = (
        UniqueConstraint("token_hash"),
        Index(None, "person_id", "ended_at"),
        {"info": app_may("SELECT", "INSERT", "UPDATE", "DELETE")},
    )

    id: Mapped[Id]
    token_hash: Mapped[str]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    waits_for_code: Mapped[bool] = mapped_column(default=False)  # the password was right, the second factor is to come
    acting_organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"))
    began_at: Mapped[datetime]
    confirmed_at: Mapped[datetime]  # the last time the person proved who they are
    seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    address: Mapped[str]
    browser: Mapped[str]


class LinkKind(StrEnum):
    INVITATION = "invitation"
    RESET = "reset"


class OneTimeLink(Base):
    """What a person got by e-mail to choose a password: good once, for a time."""

    __tablename__ = "one_time_link"
    __table_args__ = (
        UniqueConstraint("token_hash"),
        Index(None, "person_id"),
        {"info": app_may("SELECT", "INSERT", "UPDATE", "DELETE")},
    )

    id: Mapped[Id]
    kind: Mapped[LinkKind]
    token_hash: Mapped[str]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class ApiToken(Base):
    """What a person gives to a program that acts for them, in one organisation's name and within some scopes."""

    __tablename__ = "api_token"
    __table_args__ = (
        UniqueConstraint("token_hash"),
        Index(None, "person_id"),
        {"info": app_may("SELECT", "INSERT", "UPDATE", "DELETE")},
    )

    id: Mapped[Id]
    token_hash: Mapped[str]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"))
    name: Mapped[str]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class ExternalIdentity(Base):
    """A person as another server knows them (OpenID Connect)."""

    __tablename__ = "external_identity"
    __table_args__ = ({"info": app_may("SELECT", "INSERT", "DELETE")},)

    issuer: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    linked_at: Mapped[datetime]


class SignInAttempt(Base):
    """A try to sign in that failed; counted to slow guessing down."""

    __tablename__ = "sign_in_attempt"
    __table_args__ = (
        Index(None, "account_hash", "at"),
        Index(None, "address", "at"),
        {"info": app_may("SELECT", "INSERT", "DELETE")},
    )

    id: Mapped[Id]
    at: Mapped[datetime]
    account_hash: Mapped[str]  # of the address as typed, whether there is such an account or not
    address: Mapped[str]


def new_secret() -> str:
    """A secret that nobody can guess, for a cookie, a link or a token."""
    return secrets.token_urlsafe(SECRET_BYTES)


def hash_of(secret: str) -> str:
    """How a secret of ours is kept: it is random, so that a plain hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def begin_session(
    session: Session, person_id: UUID, *, at: datetime, address: str, browser: str, waits_for_code: bool = False
) -> str:
    """Sign a person in; gives the secret for the browser's cookie."""
    secret = new_secret()
    session.add(
        SignInSession(
            token_hash=hash_of(secret),
            person_id=person_id,
            waits_for_code=waits_for_code,
            began_at=at,
            confirmed_at=at,
            seen_at=at,
            address=address[:100],
            browser=browser[:300],
        )
    )
    session.flush()
    return secret


def open_session(session: Session, secret: str, *, at: datetime) -> tuple[SignInSession, Person] | None:
    """The session of that secret and its person, while both may act."""
    row = session.execute(
        select(SignInSession, Person)
        .join(Person, Person.id == SignInSession.person_id)
        .where(
            SignInSession.token_hash == hash_of(secret),
            SignInSession.ended_at.is_(None),
            SignInSession.seen_at > at - IDLE,
            SignInSession.began_at > at - LONGEST,
            Person.deactivated_at.is_(None),
        )
    ).one_or_none()
    return None if row is None else (row[0], row[1])


def end_session(session: Session, session_id: UUID, *, at: datetime) -> None:
    """Sign one browser out."""
    session.execute(
        update(SignInSession)
        .where(SignInSession.id == session_id, SignInSession.ended_at.is_(None))
        .values(ended_at=at)
    )


def end_all_sessions(session: Session, person_id: UUID, *, at: datetime, but: UUID | None = None) -> int:
    """Sign a person out everywhere, or everywhere but in one browser; gives in how many."""
    query = update(SignInSession).where(SignInSession.person_id == person_id, SignInSession.ended_at.is_(None))
    if but is not None:
        query = query.where(SignInSession.id != but)
    return len(session.execute(query.values(ended_at=at).returning(SignInSession.id)).all())


def open_token(session: Session, secret: str, *, at: datetime) -> tuple[ApiToken, Person] | None:
    """The token of that secret and its person, while both may act."""
    row = session.execute(
        select(ApiToken, Person)
        .join(Person, Person.id == ApiToken.person_id)
        .where(
            ApiToken.token_hash == hash_of(secret),
            ApiToken.revoked_at.is_(None),
            ApiToken.expires_at > at,
            Person.deactivated_at.is_(None),
        )
    ).one_or_none()
    return None if row is None else (row[0], row[1])


def failures(session: Session, *, since: datetime, account_hash: str | None = None, address: str | None = None) -> int:
    """How many tries for that account, or from that address, have failed since then."""
    query = select(func.count()).select_from(SignInAttempt).where(SignInAttempt.at > since)
    if account_hash is not None:
        query = query.where(SignInAttempt.account_hash == account_hash)
    if address is not None:
        query = query.where(SignInAttempt.address == address)
    return session.execute(query).scalar_one()


def make_link(session: Session, person_id: UUID, kind: LinkKind, *, at: datetime, lasts: timedelta) -> str:
    """A one-time link's secret; older ones of that person are no good any more."""
    drop_links(session, person_id)
    secret = new_secret()
    session.add(
        OneTimeLink(kind=kind, token_hash=hash_of(secret), person_id=person_id, made_at=at, expires_at=at + lasts)
    )
    session.flush()
    return secret


def open_link(session: Session, secret: str, *, at: datetime) -> tuple[OneTimeLink, Person] | None:
    """The link of that secret and its person, while it is good. It is locked until the transaction ends."""
    row = session.execute(
        select(OneTimeLink, Person)
        .join(Person, Person.id == OneTimeLink.person_id)
        .where(
            OneTimeLink.token_hash == hash_of(secret),
            OneTimeLink.used_at.is_(None),
            OneTimeLink.expires_at > at,
            Person.deactivated_at.is_(None),
        )
        .with_for_update(of=OneTimeLink)
    ).one_or_none()
    return None if row is None else (row[0], row[1])


def revoke_all_tokens(session: Session, person_id: UUID, *, at: datetime) -> None:
    """No program may act for that person any more."""
    session.execute(
        update(ApiToken).where(ApiToken.person_id == person_id, ApiToken.revoked_at.is_(None)).values(revoked_at=at)
    )


def drop_links(session: Session, person_id: UUID) -> None:
    """No link of that person is good any more."""
    session.execute(delete(OneTimeLink).where(OneTimeLink.person_id == person_id, OneTimeLink.used_at.is_(None)))


def open_sessions(session: Session, person_id: UUID, *, at: datetime) -> list[SignInSession]:
    """Where a person is signed in, the latest first, at most 100."""
    return list(
        session.scalars(
            select(SignInSession)
            .where(
                SignInSession.person_id == person_id,
                SignInSession.ended_at.is_(None),
                SignInSession.waits_for_code.is_(False),
                SignInSession.seen_at > at - IDLE,
                SignInSession.began_at > at - LONGEST,
            )
            .order_by(SignInSession.seen_at.desc())
            .limit(100)
        )
    )
