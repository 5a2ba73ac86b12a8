"""Commands for the database."""

import os
import shutil
import signal
import subprocess
from datetime import UTC, datetime

import click

from app.errors import NotEmbedded, PostgresMissing
from app.pg_programs import address
from app.postgres import Embedded, connected, embedded_of
from app.settings import Settings


@click.group()
def database() -> None:
    """Start, stop, look at and migrate the database."""


def _embedded() -> Embedded:
    settings = Settings.from_environ(os.environ)
    if settings.database_url:
        raise NotEmbedded
    return embedded_of(settings)


@database.command()
def start() -> None:
    """Start the embedded database and keep it running until `stop`."""
    embedded = _embedded()
    embedded.keep(True)
    embedded.ensure_running()
    click.echo(f"The database runs in {embedded.folder}")


@database.command()
def stop() -> None:
    """Stop the embedded database, whoever uses it."""
    embedded = _embedded()
    embedded.keep(False)
    embedded.stop()


@database.command()
def status() -> None:
    """Say whether the embedded database runs; exit code 1 if it does not."""
    embedded = _embedded()
    running = embedded.is_running()
    click.echo(f"The database in {embedded.folder} {'runs' if running else 'does not run'}")
    raise SystemExit(0 if running else 1)


@database.command()
@click.option("--no-backup", is_flag=True, help="Of a database that you have backed up by other means.")
def migrate(no_backup: bool) -> None:
    """Bring the database to the newest schema; one in use is backed up before.

    A new one gets an administrator, whose password is printed this once.
    """
    from app.upgrading import bring_up_to_date

    with connected(Settings.from_environ(os.environ)) as settings:
        click.echo("Migrating the database", err=True)
        bring_up_to_date(
            settings, at=datetime.now(UTC), say=lambda text: click.echo(text, err=True), keep=not no_backup
        )
        _see_to_people(settings)


def _see_to_people(settings: Settings) -> None:
    from app.db import Database
    from app.first_run import see_to_people

    opened = Database(settings, pool_size=1)
    try:
        see_to_people(opened, settings, click.echo)
    finally:
        opened.close()


@database.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(arguments: tuple[str, ...]) -> None:
    """Open psql as the role that owns the database."""
    program = shutil.which("psql")
    if program is None:
        raise PostgresMissing
    with connected(Settings.from_environ(os.environ)) as settings:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C belongs to psql
        where = address(settings)
        done = subprocess.run([program, "--dbname", where.conninfo, *arguments], env=where.environ)
    raise SystemExit(done.returncode)
