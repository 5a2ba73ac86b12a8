"""Work that is done later, by the worker: a queue in the database itself.

A job is put in the queue inside the caller's transaction, so that it exists if and only if the work it belongs to was
committed. A job may run twice, when its worker was killed, and must then give the same result.
"""

import asyncio
from contextlib import suppress
from importlib import import_module
from typing import Any
from uuid import UUID

import structlog
from procrastinate import App, PsycopgConnector, SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app import notifying
from app.db import Database
from app.settings import Settings, libpq_url
from app.status import log_sandbox

# Jobs are queued on connections that the caller brings along, so that this connector is never opened.
queue = App(connector=SyncPsycopgConnector())

CONCURRENT_JOBS = 2
HEARTBEAT_S = 5.0
STALLED_AFTER_S = 20.0
SWEEP_S = 5.0
# procrastinate's own periodic tasks would be queued by `queue`, whose connector is never opened.
EVERY_MINUTE = ("mail.sweep",)
MINUTE_S = 60.0
# A job that takes its worker down each time must not do so for ever.
MOST_ATTEMPTS = 3

# A job about the same may wait already: the one that is put back waits without the name. One statement: another
# worker's sweep skips the rows that this one holds, so that no job is put back twice.
PUT_BACK = """
UPDATE procrastinate_jobs AS job
SET attempts = attempts + 1,
    scheduled_at = now(),
    queueing_lock = NULL,
    status = CASE WHEN attempts + 1 >= %(most)s THEN 'failed' ELSE 'todo' END::procrastinate_job_status
WHERE id IN (
    SELECT stalled.id FROM procrastinate_jobs AS stalled
    LEFT JOIN procrastinate_workers AS worker ON worker.id = stalled.worker_id
    WHERE stalled.status = 'doing'
      AND (worker.id IS NULL OR worker.last_heartbeat < now() - make_interval(secs => %(silence)s))
    FOR UPDATE OF stalled SKIP LOCKED
)
RETURNING id, task_name, status
"""

WAITING = (
    "SELECT id FROM procrastinate.procrastinate_jobs WHERE queueing_lock = :once AND status::text = 'todo' FOR UPDATE"
)

log = structlog.get_logger(__name__)


def enqueue(session: Session, task: str, /, *, once: str | None = None, **arguments: Any) -> int:
    """Puts a job in the queue when the session's transaction commits; gives the job's number.

    once: what the job is about; one that waits already is enough, and those that run do so one after the other.
    """
    if once is None:
        return _defer(session, task, arguments)
    # Locked until the commit, or the job that waits could begin without seeing what it is queued for.
    waiting = session.scalar(text(WAITING), {"once": once})
    if waiting is not None:
        return int(waiting)
    try:
        with session.begin_nested():
            return _defer(session, task, arguments, queueing_lock=once, lock=once)
    except AlreadyEnqueued:  # somebody else did at this moment
        return enqueue(session, task, once=once, **arguments)


def _defer(session: Session, task: str, arguments: dict[str, Any], **how: str) -> int:
    connection = session.connection().connection.driver_connection
    return queue.configure_task(task, allow_unknown=False, connection=connection, **how).defer(**arguments)


def work(settings: Settings) -> None:
    """Does jobs until SIGTERM or SIGINT, then finishes those that it has begun."""
    asyncio.run(_work(settings))


async def _work(settings: Settings) -> None:
    # Jobs, and who is told of what; they know this module.
    for module in ("app.layer_jobs", "app.mail_jobs", "app.cleaning", "app.field_notices"):
        import_module(module)
    log_sandbox()
    database = Database(settings, pool_size=CONCURRENT_JOBS + 1)
    import_module("app.layer_jobs").count_outdated_later(database)
    connector = PsycopgConnector(
        conninfo=libpq_url(settings.database_url),
        kwargs={"options": "-csearch_path=public,procrastinate -ctimezone=UTC"},
        min_size=1,
        max_size=CONCURRENT_JOBS + 3,
    )
    # A copy: jobs queue further jobs on their own transactions' connections, for which `queue` itself stays as it is.
    app = queue.with_connector(connector)
    # The clock's jobs are put in the queue by the worker itself, on its own connections.
    for periodic in app.periodic_registry.periodic_tasks.values():
        periodic.task.blueprint = app
    async with app.open_async():
        write_mails = import_module("app.notice_mails").post

        def post(session: Session, space: UUID, announcement: notifying.Announcement) -> None:
            write_mails(session, settings, space, announcement)

        loops = [
            asyncio.create_task(_keep_sweeping(app)),
            asyncio.create_task(_keep_queueing(database)),
            asyncio.create_task(notifying.keep_reading(database, post)),
        ]
        try:
            await app.run_worker_async(
                concurrency=CONCURRENT_JOBS,
                delete_jobs="successful",
                update_heartbeat_interval=HEARTBEAT_S,
                stalled_worker_timeout=STALLED_AFTER_S,
                additional_context={"database": database, "settings": settings},
            )
        finally:
            for loop in loops:
                loop.cancel()
            database.close()


async def _keep_sweeping(app: App) -> None:
    while True:
        try:
            await put_back_stalled_jobs(app)
        except ConnectorException as error:
            log.warning("stalled jobs not looked for", reason=str(error))
        await asyncio.sleep(SWEEP_S)


async def _keep_queueing(database: Database) -> None:
    while True:
        for task in EVERY_MINUTE:
            try:
                await asyncio.to_thread(_queue_once, database, task)
            except (ConnectorException, SQLAlchemyError) as error:
                log.warning("not queued", task=task, reason=str(error))
        await asyncio.sleep(MINUTE_S)


def _queue_once(database: Database, task: str) -> None:
    with suppress(AlreadyEnqueued), database.without_space() as session:
        enqueue(session, task)


async def put_back_stalled_jobs(app: App) -> None:
    """Puts jobs whose worker has gone silent back into the queue; after too many attempts they have failed."""
    jobs = await app.connector.execute_query_all_async(PUT_BACK, most=MOST_ATTEMPTS, silence=STALLED_AFTER_S)
    for job in jobs:
        log.warning("worker of a job has gone", job=job["id"], task=job["task_name"], status=job["status"])
