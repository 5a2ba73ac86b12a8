"""Imports of layers and the counting that follows: the same steps for the command, the upload and the demo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.db import Database
from foundation.audit import Actor
from foundation.spaces import OPERATIONAL_SPACE_ID, Space, SpaceState
from gis.errors import GisError
from layers import annual, catalogue, exposure, gauge_exposure, ingest, warning_store
from layers.catalogue import Kind, LayerVersion, Method, State
from layers.counting import compute
from layers.errors import Cancelled, LayersError
from layers.files import FileStore
from layers.measures import HAZARDS

UPLOAD_BYTES = 2 * 2**30
OPERATOR_BYTES = 2**40
COUNTED = {*HAZARDS, *exposure.COUNTED_WITH}


def file_store(data_dir: Path) -> FileStore:
    """Where the files of layers lie."""
    return FileStore(data_dir / "layers")


def kept_indexes(data_dir: Path) -> Path:
    """Where exposure indexes are kept; they can be removed at any time."""
    return data_dir / "cache" / "exposure"


@dataclass(frozen=True)
class Incoming:
    """A file that somebody brings, with what they say of it."""

    path: Path
    kind: Kind
    name: str
    producer: str
    licence: str
    vintage: str
    method: Method
    method_note: str = ""
    return_period_years: float | None = None
    event: str | None = None
    options: dict[str, Any] | None = None


def receive(database: Database, data_dir: Path, incoming: Incoming, *, by: Actor, most_bytes: int) -> UUID:
    """Hold the file and note it in the catalogue; gives the version's id. Raises LayersError."""
    store = file_store(data_dir)
    with incoming.path.open("rb") as content:
        digest, size = store.hold(content, most_bytes=most_bytes)
    with database.transaction(OPERATIONAL_SPACE_ID) as session:
        return catalogue.receive(
            session,
            kind=incoming.kind,
            name=incoming.name,
            return_period_years=incoming.return_period_years,
            event=incoming.event,
            producer=incoming.producer,
            licence=incoming.licence,
            vintage=incoming.vintage,
            method=incoming.method,
            method_note=incoming.method_note,
            file_name=incoming.path.name,
            file_hash=digest,
            file_bytes=size,
            options=incoming.options or {},
            by=by,
            at=datetime.now(UTC),
        ).id


def read_in(
    database: Database,
    data_dir: Path,
    version_id: UUID,
    *,
    by: Actor,
    then: Callable[[Session, Sequence[UUID]], None],
    tell: Callable[[float], None] = lambda share: None,
) -> None:
    """Check the file of a received version and make it ready.

    then: called in the same transaction with the hazards whose exposure must be counted. tell: how much is done. A file
    that cannot be used leaves the version refused, with the sentence, and raises it (GisError, LayersError). A version
    withdrawn meanwhile raises Cancelled. A crash leaves it checking, and the same call does it again.
    """
    store = file_store(data_dir)
    with database.transaction(OPERATIONAL_SPACE_ID) as session:
        task = ingest.begin(session, version_id)

    def watch(share: float) -> None:
        with database.without_space() as session:
            version = catalogue.version(session, version_id)
            if version.state == State.WITHDRAWN:
                raise Cancelled(layer=version.layer.name)
            session.execute(update(LayerVersion).where(LayerVersion.id == version_id).values(progress=share))
        tell(share)

    try:
        with store.part() as folder:
            folder.mkdir()
            result = ingest.read(task, store, folder, watch)
            watch(1.0)
            with database.transaction(OPERATIONAL_SPACE_ID) as session:
                ingest.finish(session, version_id, folder, result, store, by=by, at=datetime.now(UTC))
                kind = catalogue.version(session, version_id).layer.kind
                if kind in COUNTED:
                    then(session, exposure.outdated(session))
        if kind is Kind.MUNICIPALITIES:
            place_warnings_anew(database, by=by)
    except Cancelled:
        raise
    except (GisError, LayersError) as error:
        with database.transaction(OPERATIONAL_SPACE_ID) as session:
            ingest.refuse(session, version_id, error, by=by, at=datetime.now(UTC))
        raise


def withdraw(
    session: Session,
    version_id: UUID,
    *,
    by: Actor,
    at: datetime,
    then: Callable[[Session, Sequence[UUID]], None],
) -> None:
    """Take a version out of use; then: called with the hazards whose exposure must be counted anew for that."""
    catalogue.withdraw(session, version_id, by=by, at=at)
    session.flush()
    annual.refresh(session, at=at)
    then(session, exposure.outdated(session))


def count_exposure(database: Database, data_dir: Path, hazard_id: UUID, *, anew: bool = False) -> None:
    """Count and store the exposure of a hazard, unless that was done or cannot be: others' imports will ask for it.

    anew: even if its numbers rest on what is in use.
    """
    while True:  # until nothing that it rests on was replaced while it was counted
        with database.without_space() as session:
            if hazard_id not in exposure.outdated(session, everything=anew):
                return
            plan = exposure.plan(session, hazard_id)
        counted = compute(plan, file_store(data_dir), kept_indexes(data_dir))
        with database.transaction(OPERATIONAL_SPACE_ID) as session:
            if exposure.keep(session, plan, counted, at=datetime.now(UTC)) is not None:
                annual.refresh(session, at=datetime.now(UTC))
                break
    count_rises(database, data_dir)


def count_rises(database: Database, data_dir: Path) -> None:
    """Count and store the people under the rises that gauges' thresholds are tied to; those already counted stay."""
    with database.without_space() as session:
        tasks = gauge_exposure.rises_to_count(session)
    counts = gauge_exposure.count_rises(tasks, file_store(data_dir))
    with database.without_space() as session:
        gauge_exposure.keep_rises(session, tasks, counts, at=datetime.now(UTC))


def place_warnings_anew(database: Database, *, by: Actor) -> None:
    """Say of the warnings in force, in every space, which municipalities they touch within the new boundaries."""
    with database.without_space() as session:
        spaces = session.scalars(select(Space).where(Space.state != SpaceState.CLOSED)).all()
    for space in spaces:
        with database.transaction(space.id) as session:
            warning_store.relocate(session, space.id, by=by, at=space.time(datetime.now(UTC)))


def sweep(database: Database, data_dir: Path, *, older_than_s: float) -> int:
    """Remove files that no version names, left by a crash. Gives how many."""
    with database.without_space() as session:
        known = catalogue.held_files(session) | exposure.held_files(session)
    return file_store(data_dir).sweep(known, older_than_s=older_than_s, now_s=datetime.now(UTC).timestamp())
