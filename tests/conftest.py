"""A PostGIS of the tests' own: one cluster per test process, one migrated template, one database per test."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings as hypothesis_settings

from app.postgres import Embedded
from app.settings import Settings, libpq_url

NUMBERS = count(1)

# Where nobody looks on, the same examples every time; everywhere else, new ones.
hypothesis_settings.register_profile("steady", derandomize=True)
if os.environ.get("CI"):
    hypothesis_settings.load_profile("steady")


MEMORY = Path("/dev/shm")  # noqa: S108 - where there is one, databases are made five times as fast
ENOUGH_MEMORY_BYTES = 4 * 2**30


@contextmanager
def passable_folder(within: Path | None = None) -> Iterator[Path]:
    """An empty folder that, unlike pytest's own, the database's system user can pass where root runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix="spremnost-test-", dir=within))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data folder for one test, in which an embedded database can live."""
    with passable_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[Embedded]:
    """A running cluster that forgets everything at the end."""
    roomy = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ENOUGH_MEMORY_BYTES
    with passable_folder(MEMORY if roomy else None) as folder:
        cluster = Embedded(folder / "postgres", durable=False)
        with cluster.in_use():
            yield cluster


@pytest.fixture(scope="session")
def empty_settings(postgres: Embedded, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings for the tests, without a database of their own yet."""
    return Settings(data_dir=tmp_path_factory.mktemp("data"), secret_key="only for tests " * 3)


@pytest.fixture(scope="session")
def template(postgres: Embedded, empty_settings: Settings) -> str:
    """The name of a database that is migrated to the newest version and that nobody is connected to."""
    from app.migrate import upgrade

    _as_owner(postgres, "CREATE DATABASE migrated")
    upgrade(_at(empty_settings, postgres, "migrated"))
    return "migrated"


@pytest.fixture
def empty_database(postgres: Embedded, empty_settings: Settings) -> Iterator[Settings]:
    """Settings with a new database without any tables."""
    yield from _new_database(postgres, empty_settings, "template1")


@pytest.fixture
def database(postgres: Embedded, empty_settings: Settings, template: str) -> Iterator[Settings]:
    """Settings with a new, migrated database."""
    yield from _new_database(postgres, empty_settings, template)


def _new_database(postgres: Embedded, settings: Settings, template: str) -> Iterator[Settings]:
    name = f"test_{next(NUMBERS)}"
    _as_owner(postgres, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    yield _at(settings, postgres, name)
    _as_owner(postgres, f"DROP DATABASE {name} WITH (FORCE)")


def _at(settings: Settings, postgres: Embedded, name: str) -> Settings:
    urls = postgres.urls(name)
    return replace(settings, database_url=urls.database_url, admin_database_url=urls.admin_database_url)


def _as_owner(postgres: Embedded, statement: str) -> None:
    with psycopg.connect(libpq_url(postgres.urls("postgres").admin_database_url), autocommit=True) as connection:
        connection.execute(statement)
