"""The serving role's database, the owner's, and an exercise beside the operational space."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import Engine, NullPool, create_engine
from sqlalchemy.orm import Session

from app.db import Database
from app.postgres import Embedded
from app.settings import Settings, libpq_url
from foundation.audit import Actor
from foundation.spaces import Space, SpaceState


@pytest.fixture
def noon() -> datetime:
    return datetime(2026, 5, 14, 12, 0, tzinfo=UTC)


@pytest.fixture
def db(database: Settings) -> Iterator[Database]:
    """What the web and the jobs use: the role that owns nothing."""
    opened = Database(database, pool_size=5, max_overflow=10)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def refusing(postgres: Embedded, empty_settings: Settings, template: str) -> Iterator[Database]:
    """One database for all tests whose transactions fail, or only read: each finds it as it was."""
    with psycopg.connect(libpq_url(postgres.urls("postgres").admin_database_url), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE refusing TEMPLATE {template} STRATEGY file_copy")
    opened = Database(replace(empty_settings, database_url=postgres.urls("refusing").database_url))
    yield opened
    opened.close()


@pytest.fixture
def undone(db: Database) -> Callable[[UUID], AbstractContextManager[Session]]:
    """A transaction of a space that fails at its end."""

    @contextmanager
    def transaction(space: UUID) -> Iterator[Session]:
        with suppress(ZeroDivisionError), db.transaction(space) as session:
            yield session
            raise ZeroDivisionError

    return transaction


@pytest.fixture
def owner(database: Settings) -> Engine:
    """The role that migrates; it is a superuser here, so it sees what is really there."""
    return create_engine(database.admin_database_url, poolclass=NullPool)


@pytest.fixture
def an_exercise(noon: datetime) -> Callable[..., Space]:
    def build(slug: str | None = None) -> Space:
        return Space(slug=slug or f"ex-{uuid4().hex[:8]}", name="Sava 2026", state=SpaceState.OPEN, created_at=noon)

    return build


@pytest.fixture
def exercise(db: Database, an_exercise: Callable[..., Space]) -> UUID:
    """The id of an exercise's space."""
    with db.without_space() as session:
        space = an_exercise()
        session.add(space)
    return space.id


@pytest.fixture
def duty_officer() -> Actor:
    return Actor("Amra Hodžić")
