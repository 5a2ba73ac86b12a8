"""Who asks: found once for each request, from the browser's cookie or a program's token."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Final
from uuid import UUID

from flask import Flask, g, request
from sqlalchemy.orm import Session
from structlog.contextvars import get_contextvars

from app.db import without_space
from app.rights import Right, rights_of, rights_of_scopes
from app.spaces import current_space
from foundation import accounts
from foundation.accounts import Account, hash_of
from foundation.audit import Actor
from foundation.people import Person, Seat, roles_of, seats
from foundation.roles import Role
from foundation.settings import code_roles

COOKIE: Final = "spremnost"
SECURE_COOKIE: Final = "__Host-spremnost"
"""Over HTTPS; a browser takes it from this host alone, for all of it, and only encrypted."""
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
SEEN_EVERY: Final = timedelta(minutes=1)
TILES_TRUST_S: Final = 30.0
"""So long a tile may still be had after signing out: a map asks for hundreds at once."""
MOST_TRUSTED: Final = 5000


@dataclass(frozen=True)
class Identity:
    """A person who is signed in, and in whose name they act in this space.

    seats: the organisations between which they can switch. scopes: what a token is limited to; None in a browser.
    """

    person_id: UUID
    name: str
    email: str | None
    locale: str
    session_id: UUID | None
    acting: Seat | None
    seats: tuple[Seat, ...] = ()
    scopes: frozenset[str] | None = None
    rights: frozenset[Right] = field(default=frozenset())
    needs_code: bool = False  # a role asks for a second factor, and there is none yet

    def may(self, *rights: Right) -> bool:
        """Whether they have one of these rights."""
        return not self.rights.isdisjoint(rights)

    @property
    def organisation_id(self) -> UUID | None:
        """In whose name they act."""
        return self.acting.organisation_id if self.acting else None

    @property
    def actor(self) -> Actor:
        """For the audit. It keeps the part that was played and no name, which a person may have erased."""
        roles = ",".join(sorted(self.acting.roles)) if self.acting else ""
        return Actor(roles or "person", self.person_id, self.organisation_id, get_contextvars().get("request_id"))


def init_app(app: Flask) -> None:
    """Give every template the person who looks at it."""
    app.context_processor(lambda: {"me": me(), "Right": Right, "Role": Role, "space": current_space()})


def cookie_name() -> str:
    """The name of the session's cookie in this request."""
    return SECURE_COOKIE if request.is_secure else COOKIE


def me() -> Identity | None:
    """Who asks; None for somebody who is not signed in."""
    if "identity" not in g:
        g.identity = _found()
    found: Identity | None = g.identity
    return found


def forget() -> None:
    """Somebody has just signed in or out: look again."""
    g.pop("identity", None)


def _found() -> Identity | None:
    kind, _separator, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return _program(token.strip())
    secret = request.cookies.get(cookie_name())
    return _browser(secret) if secret else None


def _browser(secret: str) -> Identity | None:
    now = datetime.now(UTC)
    with without_space() as session:
        found = accounts.open_session(session, secret, at=now)
        if found is None or found[0].waits_for_code:
            return None
        opened, person = found
        if now - opened.seen_at > SEEN_EVERY:
            opened.seen_at = now
        where = seats(session, person.id, current_space().id, at=now)
        acting = next((s for s in where if s.organisation_id == opened.acting_organisation_id), None)
        return _identity(
            person,
            where,
            acting or (where[0] if where else None),
            session_id=opened.id,
            needs_code=_needs_code(session, person.id, at=now),
        )


def _program(secret: str) -> Identity | None:
    now = datetime.now(UTC)
    with without_space() as session:
        found = accounts.open_token(session, secret, at=now)
        if found is None:
            return None
        token, person = found
        if token.used_at is None or now - token.used_at > SEEN_EVERY:
            token.used_at = now
        where = seats(session, person.id, current_space().id, at=now)
        acting = next((s for s in where if s.organisation_id == token.organisation_id), None)
        return _identity(person, where, acting, scopes=frozenset(token.scopes))


def _identity(
    person: Person,
    where: list[Seat],
    acting: Seat | None,
    *,
    session_id: UUID | None = None,
    scopes: frozenset[str] | None = None,
    needs_code: bool = False,
) -> Identity:
    rights = rights_of(acting.roles, operational=current_space().is_operational) if acting else frozenset()
    if scopes is not None:
        rights &= rights_of_scopes(scopes, only_looks=request.method in SAFE_METHODS)
    return Identity(
        person_id=person.id,
        name=person.name,
        email=person.email,
        locale=str(person.locale),
        session_id=session_id,
        acting=acting,
        seats=tuple(where),
        scopes=scopes,
        rights=rights,
        needs_code=needs_code,
    )


def _needs_code(session: Session, person_id: UUID, *, at: datetime) -> bool:
    roles = code_roles(session)
    if not roles or roles.isdisjoint(roles_of(session, person_id, at=at)):
        return False
    account = session.get(Account, person_id)
    return account is None or account.totp_since is None


class _Trust:
    """Sessions that were found open a moment ago; only tiles are given on its word."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._lock = Lock()

    def has(self, key: str) -> bool:
        return self._until.get(key, 0.0) > time.monotonic()

    def add(self, key: str) -> None:
        with self._lock:
            if len(self._until) >= MOST_TRUSTED:
                self._until.clear()
            self._until[key] = time.monotonic() + TILES_TRUST_S


_trust = _Trust()


def may_see_tiles() -> bool:
    """Whether whoever asks is signed in; a yes holds for half a minute."""
    key = hash_of(request.cookies.get(cookie_name()) or request.headers.get("Authorization", ""))
    if _trust.has(key):
        return True
    who = me()
    if who is None or who.needs_code:
        return False
    _trust.add(key)
    return True
