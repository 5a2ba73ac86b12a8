"""A database with the reference layers' tables, and who acts in it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from app.db import Database
from app.settings import Settings
from foundation.audit import Actor
from foundation.spaces import OPERATIONAL_SPACE_ID
from layers.files import FileStore


@pytest.fixture
def noon() -> datetime:
    return datetime(2026, 5, 14, 12, 0, tzinfo=UTC)


@pytest.fixture
def operator() -> Actor:
    return Actor("operator")


@pytest.fixture
def db(database: Settings) -> Iterator[Database]:
    opened = Database(database, pool_size=5)
    yield opened
    opened.close()


@pytest.fixture
def session(db):
    with db.transaction(OPERATIONAL_SPACE_ID) as session:
        yield session


@pytest.fixture
def store(tmp_path) -> FileStore:
    return FileStore(tmp_path / "files")
