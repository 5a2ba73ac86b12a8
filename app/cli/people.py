"""`spremnost people`: what has to be done before, or when, nobody can sign in."""

import os
from datetime import UTC, datetime

import click

from app.postgres import connected
from app.settings import Settings


@click.group()
def people() -> None:
    """Let somebody in who administers."""


@people.command("add-administrator")
@click.argument("email")
def add_administrator(email: str) -> None:
    """Make EMAIL an administrator with a new password, which is printed this once.

    Somebody who is known already keeps their roles, is signed out everywhere and loses their second factor.
    """
    from app.db import Database
    from app.first_run import make_administrator

    with connected(Settings.from_environ(os.environ)) as settings:
        database = Database(settings, pool_size=1)
        try:
            password = make_administrator(database, email, at=datetime.now(UTC))
        finally:
            database.close()
    click.echo(f"Sign in as {email} with the password {password} and change it. It is shown this once.")
