"""A database with the reference layers' tables, and who acts in it."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import count
from pathlib import Path

import pytest

from app.db import Database
from app.settings import Settings
from foundation.audit import Actor
from foundation.spaces import OPERATIONAL_SPACE_ID
from layers import catalogue, tables, vectors
from layers.catalogue import Kind, LayerVersion, Method, State
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


@pytest.fixture
def bring(session, store, operator, noon, tmp_path) -> Callable[..., LayerVersion]:
    """Import a file of vectors or a table, all in this process: what the sandbox would say passes through JSON."""
    numbers = count(1)

    def go(content: bytes | Path, kind: Kind, options=None, *, name="file", method=Method.OFFICIAL, context=None):
        number = next(numbers)
        if isinstance(content, Path):
            content, name = content.read_bytes(), content.name
        digest, size = store.hold(BytesIO(content), most_bytes=2**30)
        version = catalogue.receive(
            session,
            kind=kind,
            name=f"{kind} {number}",
            return_period_years=None,
            event="May 2014" if kind is Kind.FLOOD_EXTENT else None,
            producer="producer",
            licence="open",
            vintage=str(2000 + number),
            method=method,
            method_note="",
            file_name=name,
            file_hash=digest,
            file_bytes=size,
            options=options or {},
            by=operator,
            at=noon + timedelta(hours=number),
        )
        version.become(State.CHECKING)
        reader = tables if kind is Kind.POPULATION_TABLE else vectors
        known = context if context is not None else reader.context(session, version)
        folder = tmp_path / f"read-{number}"
        folder.mkdir()
        result = json.loads(
            json.dumps(
                reader.prepare(
                    path=str(store.path(digest)),
                    name=name,
                    kind=kind.value,
                    options=json.loads(json.dumps(options or {})),
                    context=json.loads(json.dumps(known)),
                    folder=str(folder),
                )
            )
        )
        version.findings, version.facts, version.crs = result["findings"], result["facts"], result["crs"]
        reader.load(session, version, folder, result)
        catalogue.ready(session, version, by=operator, at=noon)
        return version

    return go
