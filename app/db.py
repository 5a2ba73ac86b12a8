"""Where transactions begin and end. `with transaction(space) as session:` and nothing else commits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol
from uuid import UUID

from flask import Flask, current_app
from sqlalchemy import URL, Engine, create_engine, make_url, text
from sqlalchemy.orm import Session

_EXTENSION: Final = "spremnost.database"

# Procrastinate names its own functions without a schema; ours come first.
SEARCH_PATH: Final = "public,procrastinate"


class HasDatabaseUrl(Protocol):
    @property
    def database_url(self) -> str: ...


class Database:
    """The serving role's connections, and the transactions on them."""

    def __init__(self, settings: HasDatabaseUrl, *, pool_size: int = 10, max_overflow: int = 20) -> None:
        self.engine: Engine = create_engine(
            driver_url(settings.database_url),
            pool_size=pool_size,
            max_overflow=max_overflow,
            pool_pre_ping=True,  # the embedded server may have been restarted under us
            connect_args={"options": f"-csearch_path={SEARCH_PATH} -ctimezone=UTC"},
        )

    @contextmanager
    def transaction(self, space_id: UUID) -> Iterator[Session]:
        """A session in which this space's rows, and no other's, exist. Commits at the end; an error rolls back."""
        with self._begin(str(space_id)) as session:
            yield session

    @contextmanager
    def without_space(self) -> Iterator[Session]:
        """A session for what the spaces share: people, figures, layers. No row of any space exists in it."""
        with self._begin("") as session:
            yield session

    @contextmanager
    def _begin(self, space: str) -> Iterator[Session]:
        # What a page shows after the commit was read before it, hence expire_on_commit.
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            session.execute(text("SELECT set_config('app.space', :space, true)"), {"space": space})
            yield session

    def close(self) -> None:
        """Close the idle connections; the process ends or forks."""
        self.engine.dispose()


def driver_url(url: str) -> URL:
    """The URL for our driver, psycopg 3, whichever of the usual spellings it came in."""
    scheme, separator, rest = url.partition("://")
    if scheme in ("postgres", "postgresql"):
        scheme = "postgresql+psycopg"
    return make_url(f"{scheme}{separator}{rest}")


def init_app(app: Flask, database: Database) -> None:
    """Let the pages of this application use that database."""
    app.extensions[_EXTENSION] = database


def current_database() -> Database:
    """The current application's database."""
    database: Database = current_app.extensions[_EXTENSION]
    return database


@contextmanager
def transaction(space_id: UUID) -> Iterator[Session]:
    """`Database.transaction` of the current application."""
    with current_database().transaction(space_id) as session:
        yield session


@contextmanager
def without_space() -> Iterator[Session]:
    """`Database.without_space` of the current application."""
    with current_database().without_space() as session:
        yield session
