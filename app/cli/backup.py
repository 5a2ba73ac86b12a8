"""`spremnost backup` and `spremnost restore`."""

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from app.postgres import connected
from app.settings import Settings


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup(file: Path) -> None:
    """Write database, files and secret key into one FILE, which must not exist yet.

    Whoever has the file has everything, secrets included: keep it like the machine itself. The server may run.
    """
    from app import backup as backups
    from app.restore import check

    with connected(Settings.from_environ(os.environ)) as settings:
        made = backups.make(settings, file, at=datetime.now(UTC))
    check(file)
    size_mb = file.stat().st_size / 1e6
    click.echo(f"Backed up revision {made.revision}: {made.rows} rows, {made.files} files, {size_mb:.1f} MB in {file}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--replace", is_flag=True, help="Take the place of a database that is in use; it is backed up before.")
def restore(file: Path, replace: bool) -> None:
    """Put a backup FILE in the place of an empty database.

    Everything is checked before anything is touched. Restore only backups of your own: they hold commands for the
    database.
    """
    from app.restore import restore as put_back

    with connected(Settings.from_environ(os.environ)) as settings:
        held, to_do = put_back(
            settings, file, replace=replace, at=datetime.now(UTC), say=lambda text: click.echo(text, err=True)
        )
    click.echo(f"Restored the state of {held.made_at}: {held.rows} rows, {held.files} files")
    for sentence in to_do:
        click.echo(sentence, err=True)
