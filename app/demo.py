"""The demonstration country: made files, brought in like anybody's."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app import importing
from app.db import Database
from app.errors import DatabaseNotEmpty
from app.jobs import enqueue
from foundation.audit import Actor
from foundation.spaces import OPERATIONAL_SPACE_ID
from layers import exposure
from layers.catalogue import Layer, LayerVersion, State
from layers.demo import field
from layers.demo.country import make_files

DEMO = "demo.make"
MAKER = Actor("demonstration")


def ask_for(database: Database) -> bool:
    """Queue the making of the demonstration where there is no layer yet; gives whether it was."""
    with database.transaction(OPERATIONAL_SPACE_ID) as session:
        waiting = session.scalar(
            text(
                "SELECT EXISTS (SELECT FROM procrastinate.procrastinate_jobs WHERE task_name = :task"
                " AND status::text IN ('todo', 'doing'))"
            ),
            {"task": DEMO},
        )
        if waiting or not _is_empty(session):
            return False
        import_module("app.layer_jobs")  # where the job is told what to do: it must be known to be queued
        enqueue(session, DEMO)
        return True


def make(database: Database, data_dir: Path, tell: Callable[[str], None] = lambda sentence: None) -> None:
    """Make the country's files, bring them in and count. After a crash it goes on with what is missing.

    Raises DatabaseNotEmpty where somebody else's layers are.
    """
    with database.without_space() as session:
        if session.scalar(select(LayerVersion.id).where(LayerVersion.received_by != MAKER.label).limit(1)):
            raise DatabaseNotEmpty
        done = set(
            session.execute(
                select(Layer.kind, Layer.name).join(LayerVersion).where(LayerVersion.state == State.READY)
            ).all()
        )
    with tempfile.TemporaryDirectory(prefix="spremnost-demo-") as folder:
        tell("Making the country")
        files = make_files(Path(folder))
        for number, file in enumerate(files, 1):
            if (file.kind, file.name) in done:
                continue
            tell(f"Bringing in {number} of {len(files)}: {file.name}")
            incoming = importing.Incoming(
                path=file.path,
                kind=file.kind,
                name=file.name,
                producer=file.producer,
                licence=file.licence,
                vintage=file.vintage,
                method=file.method,
                method_note=file.method_note,
                return_period_years=file.return_period_years,
                event=file.event,
                options=dict(file.options),
            )
            version_id = importing.receive(database, data_dir, incoming, by=MAKER, most_bytes=importing.OPERATOR_BYTES)
            importing.read_in(database, data_dir, version_id, by=MAKER, then=_count_at_the_end)
    with database.without_space() as session:
        hazards = exposure.outdated(session)
    for number, hazard in enumerate(hazards, 1):
        tell(f"Counting exposed people, hazard {number} of {len(hazards)}")
        importing.count_exposure(database, data_dir, hazard)
    tell("Adding gauges, a warning and an incident")
    with database.transaction(OPERATIONAL_SPACE_ID) as session:
        field.make(session, OPERATIONAL_SPACE_ID, by=MAKER, at=datetime.now(UTC))


def _count_at_the_end(session: Session, hazard_ids: Sequence[UUID]) -> None:
    """Once for each hazard, when all that it is held against is there."""


def _is_empty(session: Session) -> bool:
    return session.scalar(select(Layer.id).limit(1)) is None
