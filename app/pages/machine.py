"""What needs attention on the machine: disk, backups, jobs, e-mails, versions."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import rasterio
from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select

from app import joblist
from app.db import transaction, without_space
from app.factory import current_settings
from app.guards import needs
from app.importing import file_store, kept_indexes
from app.migrate import head
from app.rights import Right
from app.status import look, sandbox
from foundation.mails import Mail, MailState
from foundation.spaces import Space

machine = Blueprint("machine", __name__, url_prefix="/admin/machine")

LITTLE: Final = 0.10  # of the disk
LITTLE_BYTES: Final = 2 * 10**9
LIBRARIES: Final = ("Flask", "SQLAlchemy", "psycopg", "numpy", "rasterio", "shapely", "procrastinate", "gunicorn")
MOST_BACKUPS: Final = 20


@dataclass(frozen=True)
class Disk:
    """Bytes on the data folder's disk, and what our own folders take."""

    free: int
    total: int
    layers: int
    cache: int
    backups: int

    @property
    def is_low(self) -> bool:
        """Whether a person should make room."""
        return self.free < LITTLE_BYTES or self.free < LITTLE * self.total


@machine.get("")
@needs(Right.ADMINISTER)
def show() -> ResponseReturnValue:
    """Everything at one sight, what needs attention first."""
    settings, now = current_settings(), datetime.now(UTC)
    status = look(settings, now)
    with without_space() as session:
        jobs = joblist.overview(session)
        spaces = session.scalars(select(Space.id)).all()
    waiting = failed = 0
    for space in spaces:
        with transaction(space) as session:
            for state, number in session.execute(select(Mail.state, func.count()).group_by(Mail.state)):
                waiting += number if state in (MailState.WAITING, MailState.SENDING) else 0
                failed += number if state is MailState.FAILED else 0
    folder = settings.data_dir / "backups"
    backups = sorted(folder.glob("*.spremnost"), key=lambda path: path.stat().st_mtime, reverse=True)[:MOST_BACKUPS]
    return render_template(
        "admin/machine.html",
        status=status,
        sandbox=sandbox(),
        disk=disk(settings.data_dir),
        data_dir=settings.data_dir,
        backups=[
            (path.name, path.stat().st_size, datetime.fromtimestamp(path.stat().st_mtime, UTC)) for path in backups
        ],
        jobs_waiting=sum(job.state in (joblist.WAITING, joblist.RUNNING) for job in jobs),
        jobs_failed=sum(job.state == joblist.FAILED for job in jobs),
        mails_waiting=waiting,
        mails_failed=failed,
        sends_mail=bool(settings.smtp_url),
        demo=settings.demo,
        schema=head(),
        program=version("spremnost"),
        gdal=rasterio.__gdal_version__,
        libraries=[(name, version(name)) for name in LIBRARIES],
        now=now,
    )


def disk(data_dir: Path) -> Disk:
    """How full it is."""
    data_dir.mkdir(parents=True, exist_ok=True)
    usage = shutil.disk_usage(data_dir)
    return Disk(
        free=usage.free,
        total=usage.total,
        layers=_size(file_store(data_dir).root),
        cache=_size(kept_indexes(data_dir)),
        backups=_size(data_dir / "backups"),
    )


def _size(folder: Path) -> int:
    size = 0
    for path in folder.rglob("*"):
        try:
            size += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:  # gone meanwhile
            continue
    return size
