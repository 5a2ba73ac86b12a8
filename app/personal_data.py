"""What is kept about a person: handed out to them as a whole, and taken away when they want that.

Everything that belongs to a person points to them by a key, so that both find it in every table there is, also in those
that come later. Erasing takes name, address, account and whatever was written to them; what they did stays, with
nobody's name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any, Final
from uuid import UUID
from zipfile import ZIP_DEFLATED, ZipFile

from geoalchemy2 import Geometry
from sqlalchemy import Column, Table, delete, or_, select, update
from sqlalchemy.orm import Session

from app.db import Database
from app.errors import NoSuchPage
from app.members import insist_on_another_administrator
from app.migrations.schema import metadata
from foundation.accounts import (
    Account,
    ApiToken,
    ExternalIdentity,
    OneTimeLink,
    RecoveryCode,
    SignInAttempt,
    SignInSession,
    hash_of,
)
from foundation.answered import KeptAnswer
from foundation.audit import Actor, Subject, record
from foundation.drafts import Draft
from foundation.mails import Mail
from foundation.notices import Notice
from foundation.people import Locale, Membership, Person
from foundation.spaces import OPERATIONAL_SPACE_ID, Space

SECRET: Final = frozenset({"password_hash", "totp_secret", "totp_last_step", "token_hash", "code_hash", "link"})
MOST_ROWS: Final = 50_000
"""Of one table in one space; somebody with more gets the newest by an administrator."""

_OF_A_PERSON: Final = (Account, RecoveryCode, SignInSession, OneTimeLink, ApiToken, ExternalIdentity)
_IN_SPACES: Final = (Mail, Notice, Draft, KeptAnswer)


def export(database: Database, person_id: UUID, *, at: datetime) -> bytes:
    """All that is kept about a person, as a ZIP with one JSON file; it holds no secrets. The audit notes it."""
    with database.transaction(OPERATIONAL_SPACE_ID) as session:
        person = session.get(Person, person_id)
        if person is None:
            raise NoSuchPage
        spaces = session.scalars(select(Space)).all()
        shared = {table.name: _rows(session, table, person_id) for table in _tables() if "space_id" not in table.c}
        record(
            session,
            space=OPERATIONAL_SPACE_ID,
            at=at,
            by=Actor("person", person_id),
            action="person.exported",
            subject=Subject("person", person_id),
        )
    inside: dict[str, dict[str, Any]] = {}
    for space in spaces:
        with database.transaction(space.id) as session:
            inside[space.slug] = {
                table.name: _rows(session, table, person_id) for table in _tables() if "space_id" in table.c
            }
    told = {
        "made_at": at,
        "person": {
            "id": person.id,
            "name": person.name,
            "email": person.email,
            "language": person.locale,
            "since": person.created_at,
        },
        "shared": {name: rows for name, rows in shared.items() if rows},
        "spaces": {slug: {name: rows for name, rows in tables.items() if rows} for slug, tables in inside.items()},
    }
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        archive.writestr("spremnost.json", json.dumps(told, default=_plain, ensure_ascii=False, indent=1))
    return packed.getvalue()


def erase(database: Database, person_id: UUID, *, by: Actor, at: datetime) -> None:
    """Take a person's name, address, account and letters away, in every space; a second time changes nothing.

    Raises LastAdministrator, NoSuchPage.
    """
    with database.transaction(OPERATIONAL_SPACE_ID) as session:
        person = session.get(Person, person_id, with_for_update=True)
        if person is None:
            raise NoSuchPage
        if person.is_erased:
            return
        insist_on_another_administrator(session, person_id, at=at)
        email = person.email
        for table in _OF_A_PERSON:
            session.execute(delete(table).where(table.person_id == person_id))
        if email is not None:
            hashes = [hash_of(email), hash_of(f"reset {email}")]
            session.execute(delete(SignInAttempt).where(SignInAttempt.account_hash.in_(hashes)))
        session.execute(
            update(Membership)
            .where(Membership.person_id == person_id, or_(Membership.until.is_(None), Membership.until > at))
            .values(until=at)
        )
        person.name, person.email, person.locale = "", None, Locale.BOSNIAN
        person.deactivate(at=at)
        session.flush()
        record(
            session,
            space=OPERATIONAL_SPACE_ID,
            at=at,
            by=by,
            action="person.erased",
            subject=Subject("person", person_id),
        )
        spaces = session.scalars(select(Space.id)).all()
        _erase_letters(session, person_id, email)
    for space_id in spaces:
        with database.transaction(space_id) as session:
            _erase_letters(session, person_id, email)


def _erase_letters(session: Session, person_id: UUID, email: str | None) -> None:
    for table in _IN_SPACES:
        session.execute(delete(table).where(table.person_id == person_id))
    if email is not None:
        session.execute(delete(Mail).where(Mail.recipient == email))


def _tables() -> Iterator[Table]:
    """Every table with a key to a person."""
    for table in metadata.sorted_tables:
        if table.name != "person" and _keys(table):
            yield table


def _keys(table: Table) -> list[Column[Any]]:
    return [
        column for column in table.columns if any(key.target_fullname == "person.id" for key in column.foreign_keys)
    ]


def _rows(session: Session, table: Table, person_id: UUID) -> list[dict[str, Any]]:
    shown = [c for c in table.columns if c.name not in SECRET and not isinstance(c.type, Geometry)]
    of_person = or_(*(column == person_id for column in _keys(table)))
    return [dict(row._mapping) for row in session.execute(select(*shown).where(of_person).limit(MOST_ROWS))]


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else str(value)
