"""What works, for operators and for the checks of a container."""

import os
from datetime import UTC, datetime

import click

from app import logs
from app.postgres import with_urls
from app.settings import Settings
from app.status import look


@click.command()
def status() -> None:
    """Say whether database, schema and worker are there; exit code 1 if one is missing."""
    settings = Settings.from_environ(os.environ)
    logs.configure(settings.log_level)
    missing = look(with_urls(settings), datetime.now(UTC)).missing
    click.echo(f"Not ready: {', '.join(missing)}." if missing else "Ready.")
    raise SystemExit(1 if missing else 0)
