"""Commands for the database."""

import os
import shutil
import signal
import subprocess

import click
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app.errors import NotEmbedded, PostgresMissing
from app.postgres import Embedded, connected, embedded_of
from app.settings import Settings, libpq_url


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
def migrate() -> None:
    """Bring the database to the newest schema."""
    from app.migrate import upgrade

    with connected(Settings.from_environ(os.environ)) as settings:
        click.echo("Migrating the database", err=True)
        upgrade(settings)


@database.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(arguments: tuple[str, ...]) -> None:
    """Open psql as the role that owns the database."""
    program = shutil.which("psql")
    if program is None:
        raise PostgresMissing
    with connected(Settings.from_environ(os.environ)) as settings:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C belongs to psql
        # A password goes by the environment: everybody can read a list of processes.
        address = conninfo_to_dict(libpq_url(settings.admin_database_url))
        environ = os.environ | {"PGPASSWORD": str(address.pop("password", ""))}
        conninfo = make_conninfo("", **{name: str(value) for name, value in address.items()})
        done = subprocess.run([program, "--dbname", conninfo, *arguments], env=environ)
    raise SystemExit(done.returncode)
