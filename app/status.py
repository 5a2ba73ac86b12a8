"""What works right now: the database, its schema, the worker."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from app.migrate import current_is_head
from app.settings import Settings
from foundation.errors import N_
from layers.confinement import Protection
from layers.sandbox import protections

# Three heartbeats may be missed before the worker counts as gone.
WORKER_MAY_BE_SILENT = timedelta(seconds=30)

# What the process that reads untrusted files is kept from, as far as this machine's kernel does.
PROTECTIONS = {
    Protection.FILES: N_("it opens no other files"),
    Protection.NETWORK: N_("it reaches no network"),
    Protection.PROGRAMS: N_("it starts no programs"),
    Protection.PRIVILEGES: N_("it has no privileges"),
    Protection.USER: N_("it runs as a user that owns nothing"),
}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Status:
    """What was found; `missing` names the parts without which work cannot go on."""

    postgresql: str = ""
    postgis: str = ""
    migrated: bool = False
    worker_seen_at: datetime | None = None
    missing: tuple[str, ...] = ("database",)


def look(settings: Settings, now: datetime) -> Status:
    """The status at `now`. It takes a connection of its own: a full pool must not look like a dead database."""
    engine = create_engine(
        settings.database_url,
        poolclass=NullPool,
        connect_args={"connect_timeout": 3, "options": "-cstatement_timeout=3000 -csearch_path=public"},
    )
    try:
        with engine.connect() as connection:
            migrated = current_is_head(connection)
            postgresql = connection.scalars(text("SHOW server_version")).one()
            postgis = connection.scalars(text("SELECT extversion FROM pg_extension WHERE extname = 'postgis'")).first()
            seen_at = None
            if connection.scalar(text("SELECT to_regclass('procrastinate.procrastinate_workers')")) is not None:
                heartbeats = text("SELECT max(last_heartbeat) FROM procrastinate.procrastinate_workers")
                seen_at = connection.scalars(heartbeats).one()
    except SQLAlchemyError as error:
        log.warning("database not reachable", reason=str(error).splitlines()[0])
        return Status()
    parts = {
        "migrations": migrated,
        "worker": seen_at is not None and now - seen_at <= WORKER_MAY_BE_SILENT,
    }
    return Status(
        postgresql=postgresql.split()[0],
        postgis=postgis or "",
        migrated=migrated,
        worker_seen_at=seen_at,
        missing=tuple(part for part, works in parts.items() if not works),
    )


def sandbox() -> tuple[list[str], list[str]]:
    """What holds and what does not hold of the process that reads untrusted files, as texts to translate."""
    there = protections()
    return [t for p, t in PROTECTIONS.items() if p in there], [t for p, t in PROTECTIONS.items() if p not in there]


def log_sandbox() -> None:
    """Say once in the log how untrusted files are read; a warning where something that matters is missing."""
    there = protections()
    needed = {Protection.FILES, Protection.NETWORK, Protection.PRIVILEGES}
    tell = log.info if needed <= there else log.warning
    tell(
        "untrusted files are read in a sandbox",
        protections=sorted(there),
        missing=sorted(set(Protection) - there),
    )
