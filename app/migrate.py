"""Brings a database to the newest schema, and says whether it is there.

Works as the owning role. The serving role gets exactly what the models say that it may do (`app_may`).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final, Protocol, cast

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from procrastinate.schema import SchemaManager
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.sql import quoted_name

from app.db import driver_url
from app.errors import DatabaseUnavailable
from app.migrations.schema import metadata
from foundation.errors import N_

EXTENSIONS: Final = ("postgis", "btree_gist")
SCRIPTS = Path(__file__).with_name("migrations")
_LOCK: Final = 7_736_696  # SPREMNO on a telephone's keys, the last digit dropped


class MigrationSettings(Protocol):
    @property
    def database_url(self) -> str: ...
    @property
    def admin_database_url(self) -> str: ...


class MigrationError(DatabaseUnavailable):
    """The database cannot be brought to the newest schema."""

    text = N_("The database cannot be brought up to date.")


class NoServingRole(MigrationError):
    """The database URL names no role, or one that is not there."""

    text = N_("The database has no role {role}: create it, or name another one in SPREMNOST_DATABASE_URL.")


class ServingRoleTooStrong(MigrationError):
    """The policies would not bind the role."""

    text = N_(
        "The role {role} in SPREMNOST_DATABASE_URL sees past row-level security: "
        "it must be no superuser, without BYPASSRLS and no member of the owning role."
    )


class NewerSchema(MigrationError):
    """The database belongs to a newer program."""

    text = N_("The database is at revision {revision}, which this version of the program does not know.")


def upgrade(settings: MigrationSettings, revision: str = "head") -> None:
    """Bring the database to `revision`; everything or nothing. A second call, or a second process, finds it done."""
    role = driver_url(settings.database_url).username or ""
    engine = create_engine(driver_url(settings.admin_database_url), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL search_path = public"))
        connection.execute(text("SELECT pg_advisory_xact_lock(CAST(:key AS bigint))"), {"key": _LOCK})
        _insist_on_a_bound_role(connection, role)
        _create_extensions(connection)
        if _revision(connection) != _scripts().get_current_head():
            _refuse_a_newer_schema(connection)
            command.upgrade(_config(connection), revision)
        _apply_procrastinate(connection)
        _grant(connection, role)


def create_extensions(settings: MigrationSettings) -> None:
    """Give a database what a restored dump takes for given, and nothing else."""
    engine = create_engine(driver_url(settings.admin_database_url), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(CAST(:key AS bigint))"), {"key": _LOCK})
        _insist_on_a_bound_role(connection, driver_url(settings.database_url).username or "")
        _create_extensions(connection)


def current_is_head(connection: Connection) -> bool:
    """Whether the database has the newest schema; the serving role may ask."""
    return _revision(connection) == _scripts().get_current_head()


def head() -> str:
    """The newest revision that this program knows."""
    return _scripts().get_current_head() or ""


def knows(revision: str | None) -> bool:
    """Whether a schema of that revision, or none, can be brought to the newest one."""
    return revision is None or revision in {script.revision for script in _scripts().walk_revisions()}


def draft(settings: MigrationSettings, message: str) -> Path:
    """Write the next numbered migration from what the models have and the database has not."""
    scripts = _scripts()
    number = f"{len(list(scripts.walk_revisions())) + 1:04d}"
    engine = create_engine(driver_url(settings.admin_database_url), poolclass=NullPool)
    with engine.connect() as connection:
        script = command.revision(_config(connection), message, autogenerate=True, rev_id=number)
    return Path(cast(Script, script).path)  # one was asked for, so it is not a list of them


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.set_main_option("path_separator", "os")
    if connection is not None:
        config.attributes["connection"] = connection
    return config


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _refuse_a_newer_schema(connection: Connection) -> None:
    current = _revision(connection)
    if not knows(current):
        raise NewerSchema(revision=current)


def _insist_on_a_bound_role(connection: Connection, role: str) -> None:
    found = connection.execute(
        text(
            "SELECT rolsuper OR rolbypassrls OR pg_has_role(oid, current_user::regrole, 'MEMBER') "
            "FROM pg_roles WHERE rolname = :role"
        ),
        {"role": role},
    ).scalar_one_or_none()
    if found is None:
        raise NoServingRole(role=role or "?")
    if found:
        raise ServingRoleTooStrong(role=role)


def _create_extensions(connection: Connection) -> None:
    present = set(connection.scalars(text("SELECT extname FROM pg_extension")))
    for extension in EXTENSIONS:
        if extension not in present:
            connection.execute(text(f"CREATE EXTENSION {extension} WITH SCHEMA public"))


def _apply_procrastinate(connection: Connection) -> None:
    """Create Procrastinate's tables in their own schema, or run those of its scripts that are new."""
    scripts = sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))
    connection.execute(text("SET LOCAL search_path = procrastinate, public"))
    if connection.scalar(text("SELECT to_regclass('procrastinate.applied_script')")) is None:
        connection.execute(text("CREATE SCHEMA IF NOT EXISTS procrastinate"))
        connection.execute(text("CREATE TABLE procrastinate.applied_script (name text PRIMARY KEY)"))
        _run(connection, SchemaManager.get_schema())
        new = scripts
    else:
        applied = set(connection.scalars(text("SELECT name FROM procrastinate.applied_script")))
        new = [script for script in scripts if script.name not in applied]
        for script in new:
            _run(connection, script.read_text(encoding="utf-8"))
    if new:
        connection.execute(
            text("INSERT INTO procrastinate.applied_script (name) VALUES (:name)"),
            [{"name": script.name} for script in new],
        )
    connection.execute(text("SET LOCAL search_path = public"))


def _run(connection: Connection, script: str) -> None:
    # Past SQLAlchemy, which would take a script's % and : for its own.
    cursor = connection.connection.cursor()
    cursor.execute(script)
    cursor.close()


def _grant(connection: Connection, role: str) -> None:
    """Give the serving role what the models say and take from it what they do not."""
    quote = connection.dialect.identifier_preparer.quote
    to = quote(quoted_name(role, quote=True))
    wanted = {table.name: set(table.info.get("app_may", ())) for table in metadata.tables.values()}
    wanted["alembic_version"] = {"SELECT"}
    existing = set(connection.scalars(text("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace")))
    had: dict[str, set[str]] = {}
    for table, privilege in connection.execute(
        text(
            "SELECT relname, privilege_type FROM pg_class, aclexplode(relacl) "
            "WHERE relnamespace = 'public'::regnamespace AND grantee = CAST(:role AS regrole)"
        ),
        {"role": to},
    ):
        had.setdefault(table, set()).add(privilege)
    for table in wanted.keys() & existing:
        for verb, privileges, preposition in (
            ("REVOKE", had.get(table, set()) - wanted[table], "FROM"),
            ("GRANT", wanted[table] - had.get(table, set()), "TO"),
        ):
            if privileges:
                connection.execute(text(f"{verb} {', '.join(sorted(privileges))} ON {quote(table)} {preposition} {to}"))
    for statement in (
        "GRANT USAGE ON SCHEMA public, procrastinate TO {to}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA procrastinate TO {to}",
        "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA procrastinate TO {to}",
    ):
        connection.execute(text(statement.format(to=to)))
