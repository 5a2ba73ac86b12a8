"""How a benchmark comes through the door: as the first administrator."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select

from app.db import Database
from app.first_run import EMAIL, make_first_administrator
from app.identity import COOKIE
from foundation import accounts
from foundation.people import Person


def cookie(database: Database) -> str:
    """The Cookie header's value of a new session."""
    now = datetime.now(UTC)
    make_first_administrator(database, at=now)
    with database.without_space() as session:
        person = session.scalars(select(Person).where(Person.email == EMAIL)).one()
        return f"{COOKIE}={accounts.begin_session(session, person.id, at=now, address='', browser='benchmark')}"
