"""What a Prometheus server asks for: what was answered and how fast, what waits, what has failed, what is full.

The web server's processes write their counts into files of one folder, from which whichever of them is asked adds them
up. What stands in the database is looked up when it is asked for.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import REGISTRY, Collector
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from app.db import Database
from app.processes import METRICS_FOLDER
from app.settings import Settings
from app.status import look
from foundation.mails import Mail, MailState
from foundation.spaces import Space

REQUESTS: Final = Counter("spremnost_requests", "Requests that were answered.", ["endpoint", "method", "status"])
DURATION: Final = Histogram(
    "spremnost_request_seconds",
    "How long the answer took to begin.",
    ["endpoint"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
JOB_STATES: Final = ("todo", "doing", "failed")


def note(endpoint: str | None, method: str, status: int, seconds: float) -> None:
    """Count one answer. Addresses that lead nowhere and invented methods share one name each."""
    where = endpoint or "none"
    REQUESTS.labels(where, method if method in METHODS else "other", str(status)).inc()
    DURATION.labels(where).observe(seconds)


def forget_process(number: int) -> None:
    """A web server's process has ended."""
    if METRICS_FOLDER in os.environ:
        multiprocess.mark_process_dead(number)  # type: ignore[no-untyped-call]


def text_of(settings: Settings, database: Database, now: datetime) -> bytes:
    """Everything, in Prometheus's own text."""
    counted = REGISTRY
    if METRICS_FOLDER in os.environ:
        counted = CollectorRegistry()
        multiprocess.MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    now_ = CollectorRegistry()
    now_.register(_Now(settings, database, now))
    return generate_latest(counted) + generate_latest(now_)


class _Now(Collector):
    """What is so at this moment."""

    def __init__(self, settings: Settings, database: Database, now: datetime) -> None:
        self._settings, self._database, self._now = settings, database, now

    def collect(self) -> Iterator[Metric]:
        """The measures; those of a database that cannot be reached are missing, never 0."""
        status = look(self._settings, self._now)
        reached = "database" not in status.missing
        yield _gauge("database_up", "Whether the database answers.", reached)
        yield _gauge("schema_newest", "Whether the database has the newest schema.", reached and status.migrated)
        if status.worker_seen_at is not None:
            silent = (self._now - status.worker_seen_at).total_seconds()
            yield _gauge("worker_silent_seconds", "Since the worker's last sign of life.", silent)
        if reached and status.migrated:
            try:
                yield from self._waiting()
            except SQLAlchemyError:
                yield _gauge("database_up", "Whether the database answers.", False)
        yield from disk(self._settings.data_dir)

    def _waiting(self) -> Iterator[Metric]:
        jobs = GaugeMetricFamily("spremnost_jobs", "Jobs by state.", labels=["state"])
        mails = GaugeMetricFamily("spremnost_mails", "E-mails by state, in all spaces.", labels=["state"])
        counts: dict[MailState, int] = dict.fromkeys(MailState, 0)
        with self._database.without_space() as session:
            query = "SELECT status::text, count(*) FROM procrastinate.procrastinate_jobs GROUP BY 1"
            by_state: dict[str, Any] = {row[0]: row[1] for row in session.execute(text(query))}
            spaces = session.scalars(select(Space.id)).all()
        for state in JOB_STATES:
            jobs.add_metric([state], by_state.get(state, 0))
        for space in spaces:
            with self._database.transaction(space) as session:
                for state, number in session.execute(select(Mail.state, func.count()).group_by(Mail.state)):
                    counts[state] += number
        for state, number in counts.items():
            mails.add_metric([state.value], number)
        yield jobs
        yield mails


def disk(data_dir: Path) -> Iterator[Metric]:
    """Room on the disk that holds the data folder."""
    try:
        usage = shutil.disk_usage(data_dir)
    except OSError:
        return
    yield _gauge("disk_free_bytes", "Free on the data folder's disk.", usage.free)
    yield _gauge("disk_total_bytes", "Size of the data folder's disk.", usage.total)


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(f"spremnost_{name}", what, value=float(value))
