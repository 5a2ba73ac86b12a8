"""What works, for operators and for the checks of a container."""

import os
from datetime import UTC, datetime

import click

from app import logs
from app.postgres import with_urls
from app.settings import Settings
from app.status import look, sandbox


@click.command()
def status() -> None:
    """Say whether database, schema and worker are there, and how files are read; exit code 1 if one is missing."""
    settings = Settings.from_environ(os.environ)
    logs.configure(settings.log_level)
    missing = look(with_urls(settings), datetime.now(UTC)).missing
    click.echo(f"Not ready: {', '.join(missing)}." if missing else "Ready.")
    holds, missing_protections = sandbox()
    click.echo(f"The process that reads received files: {', '.join(holds) or 'nothing keeps it apart'}.")
    if missing_protections:
        click.echo(f"Not so on this machine: {', '.join(missing_protections)}.")
    raise SystemExit(1 if missing else 0)
