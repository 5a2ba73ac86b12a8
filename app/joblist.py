"""The jobs that wait, run or have failed, with what they are about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from layers.catalogue import LayerVersion, State

READ_IN: Final = "layer.read_in"
WAITING: Final = "todo"
RUNNING: Final = "doing"
FAILED: Final = "failed"
MOST: Final = 200

# The subject is the version of a layer: read in, or a hazard whose exposure is counted. What has succeeded is not kept.
_JOBS: Final = """
SELECT job.id, job.task_name, job.status::text, job.attempts,
       coalesce(job.args->>'version_id', job.args->>'hazard_id') AS subject,
       (SELECT max(event.at) FROM procrastinate.procrastinate_events AS event WHERE event.job_id = job.id) AS since
FROM procrastinate.procrastinate_jobs AS job
WHERE job.status::text IN ('todo', 'doing', 'failed')
ORDER BY array_position(ARRAY['doing', 'todo', 'failed'], job.status::text), job.id
LIMIT :most
"""


@dataclass(frozen=True)
class Job:
    """One job. progress: the share that is done, where it is known."""

    id: int
    task: str
    state: str
    attempts: int
    since: datetime | None
    version: LayerVersion | None
    progress: float | None

    @property
    def can_be_cancelled(self) -> bool:
        """Reading a file can be stopped by withdrawing the layer's version; counting is short."""
        return (
            self.task == READ_IN
            and self.state in (WAITING, RUNNING)
            and self.version is not None
            and self.version.state in (State.RECEIVED, State.CHECKING)
        )


def overview(session: Session) -> list[Job]:
    """The jobs, running ones first."""
    rows = session.execute(text(_JOBS), {"most": MOST}).all()
    ids = [UUID(row.subject) for row in rows if row.subject]
    versions = {v.id: v for v in session.scalars(select(LayerVersion).where(LayerVersion.id.in_(ids)))}
    found = []
    for row in rows:
        version = versions.get(UUID(row.subject)) if row.subject else None
        progress = version.progress if version and row.task_name == READ_IN and row.status == RUNNING else None
        found.append(Job(row.id, row.task_name, row.status, row.attempts, row.since, version, progress))
    return found
