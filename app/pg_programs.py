"""PostgreSQL's own programs for a database: the oldest installed ones that its server can be served with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app.errors import ProgramMissing
from app.settings import Settings, libpq_url

PROGRAMS: Final = Path("/usr/lib/postgresql")


@dataclass(frozen=True)
class Address:
    """A database as libpq's programs are told of it; the password goes by the environment, which others cannot read."""

    conninfo: str
    environ: Mapping[str, str]


def address(settings: Settings) -> Address:
    """The database, as the role that owns it."""
    parts = conninfo_to_dict(libpq_url(settings.admin_database_url))
    environ = os.environ | {"PGPASSWORD": str(parts.pop("password", "")), "PGCONNECT_TIMEOUT": "10"}
    return Address(make_conninfo("", **{name: str(value) for name, value in parts.items()}), environ)


def program(name: str, at_least: int) -> Path:
    """Where the program lies, of that major version of PostgreSQL or of the next newer one that is installed.

    Raises ProgramMissing.
    """
    there = {int(path.parents[1].name): path for path in PROGRAMS.glob(f"[0-9]*/bin/{name}")}
    fitting = [version for version in there if version >= at_least]
    if not fitting:
        raise ProgramMissing(program=name, version=at_least)
    return there[min(fitting)]


def server_major(connection: psycopg.Connection) -> int:
    """The major version of the server."""
    return connection.info.server_version // 10_000
