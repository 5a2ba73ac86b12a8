"""What the worker does with layers: reading files in, counting exposed people."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import structlog
from procrastinate import JobContext
from sqlalchemy.orm import Session

from app import demo, importing
from app.db import Database
from app.jobs import enqueue, queue
from foundation.audit import Actor
from gis.errors import GisError
from layers import exposure
from layers.errors import LayersError

READ_IN = "layer.read_in"
COUNT_EXPOSURE = "exposure.count"
COUNT_RISES = "gauges.count_rises"
WORKER = Actor("worker")

log = structlog.get_logger(__name__)


def read_in_later(session: Session, version_id: UUID) -> int:
    """Queue the reading of a received version when the session's transaction commits; gives the job's number."""
    return enqueue(session, READ_IN, version_id=str(version_id))


def count_later(session: Session, hazard_ids: Sequence[UUID]) -> None:
    """Queue the counting of exposed people for each hazard, once, when the session's transaction commits."""
    for hazard_id in hazard_ids:
        enqueue(session, COUNT_EXPOSURE, once=f"{COUNT_EXPOSURE} {hazard_id}", hazard_id=str(hazard_id))


def count_outdated_later(database: Database) -> None:
    """Queue the counting of every hazard whose numbers do not rest on what is in use."""
    with database.without_space() as session:
        count_later(session, exposure.outdated(session))


@queue.task(name=READ_IN, pass_context=True)
def read_in(context: JobContext, version_id: str) -> None:
    """Check a received file; why it cannot be used is kept with its version and no failure of the job."""
    database, settings = context.additional_context["database"], context.additional_context["settings"]
    try:
        importing.read_in(database, settings.data_dir, UUID(version_id), by=WORKER, then=count_later)
    except (GisError, LayersError) as error:
        log.info("layer not usable", version=version_id, reason=str(error))


@queue.task(name=COUNT_EXPOSURE, pass_context=True)
def count_exposure(context: JobContext, hazard_id: str) -> None:
    """Count and store the exposure of a hazard."""
    database, settings = context.additional_context["database"], context.additional_context["settings"]
    importing.count_exposure(database, settings.data_dir, UUID(hazard_id))


@queue.task(name=COUNT_RISES, pass_context=True)
def count_rises(context: JobContext) -> None:
    """Count the people under the rises that gauges' thresholds are tied to; queued when a threshold was changed."""
    database, settings = context.additional_context["database"], context.additional_context["settings"]
    importing.count_rises(database, settings.data_dir)


@queue.task(name=demo.DEMO, pass_context=True)
def make_demo(context: JobContext) -> None:
    """Fill an empty database with the made country."""
    database, settings = context.additional_context["database"], context.additional_context["settings"]
    demo.make(database, settings.data_dir, tell=lambda sentence: log.info("demonstration", doing=sentence))
