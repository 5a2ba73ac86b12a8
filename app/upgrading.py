"""Brings a database to the newest schema; one in use is backed up before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

import psycopg

from app import backup
from app.migrate import head, upgrade
from app.restore import is_filled
from app.settings import Settings, libpq_url

KEPT: Final = 5
BEFORE: Final = "before-migration-"


def bring_up_to_date(settings: Settings, *, at: datetime, say: Callable[[str], None], keep: bool = True) -> Path | None:
    """Migrate; gives the backup that was made of a database in use. Layer files stay out of it: migrations change none.

    Raises what making a backup and what the migration raise; after a failed backup nothing is migrated.
    """
    made = back_up_before(settings, at=at, say=say) if keep else None
    upgrade(settings)
    return made


def back_up_before(settings: Settings, *, at: datetime, say: Callable[[str], None]) -> Path | None:
    """A backup of a database that is in use and not of the newest schema, in the data folder; the last five stay."""
    with psycopg.connect(libpq_url(settings.admin_database_url), autocommit=True) as connection:
        revision = backup.revision(connection)
        if revision in (None, head()) or not is_filled(connection):
            return None
    folder = settings.data_dir / "backups"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = folder / f"{BEFORE}{revision}-to-{head()}-{at:%Y%m%dT%H%M%SZ}.spremnost"
    say(f"Backing up the database to {target} before its schema changes")
    backup.make(settings, target, at=at, with_files=False)
    for old in sorted(folder.glob(f"{BEFORE}*.spremnost"), key=lambda path: path.stat().st_mtime)[:-KEPT]:
        old.unlink(missing_ok=True)
    return target
