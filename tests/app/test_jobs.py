"""Jobs in the real queue, done by workers in processes of their own."""

import os
import signal
import subprocess
import sys
import time

import psycopg
import pytest
from procrastinate.exceptions import TaskNotFound

from app.db import Database
from app.jobs import enqueue, queue
from app.settings import libpq_url

# A worker with one more task, whose patience is short enough for a test. The task leaves a row when it has begun and,
# unless it is the first to do so, one when it has ended.
WORKER = """
import os, time
import psycopg
from app import jobs
from app.settings import Settings, libpq_url

settings = Settings.from_environ(os.environ)
jobs.HEARTBEAT_S, jobs.STALLED_AFTER_S, jobs.SWEEP_S = 0.3, 1.5, 0.3
jobs.EVERY_MINUTE, jobs.MINUTE_S = tuple(os.environ["EVERY_MINUTE"].split()), 0.5

@jobs.queue.task(name="tests.slow_at_first")
def slow_at_first(number):
    with psycopg.connect(libpq_url(settings.database_url), autocommit=True) as connection:
        begun = connection.execute("SELECT count(*) FROM seen").fetchone()[0]
        connection.execute("INSERT INTO seen VALUES ('begun', %s)", [number])
        if begun < int(os.environ["VICTIMS"]):
            time.sleep(60)
        connection.execute("INSERT INTO seen VALUES ('done', %s)", [number])

@jobs.queue.task(name="tests.tick", queueing_lock="tests.tick")
def tick():
    slow_at_first(60)

jobs.work(settings)
"""


@queue.task(name="tests.slow_at_first")
def slow_at_first(number: int) -> None:
    """Known here by name only; the worker's own is above."""


@pytest.fixture
def seen(database):
    with psycopg.connect(libpq_url(database.admin_database_url), autocommit=True) as connection:
        connection.execute("CREATE TABLE seen (what text, number int)")
        connection.execute("GRANT SELECT, INSERT ON seen TO spremnost_app")
        yield lambda: connection.execute("SELECT what, number FROM seen").fetchall()


@pytest.fixture
def start_worker(database):
    workers = []

    def start(victims=0, every_minute=""):
        environ = os.environ | database.as_environ() | {"VICTIMS": str(victims), "EVERY_MINUTE": every_minute}
        workers.append(subprocess.Popen([sys.executable, "-c", WORKER], env=environ))
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()
        worker.wait()


@pytest.fixture
def db(database):
    opened = Database(database)
    yield opened
    opened.close()


def statuses(database):
    with psycopg.connect(libpq_url(database.admin_database_url)) as connection:
        rows = connection.execute("SELECT status::text, attempts FROM procrastinate.procrastinate_jobs ORDER BY id")
        return rows.fetchall()


def wait_until(condition, seconds=180):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_job_exists_if_and_only_if_its_transaction_is_committed(database, db):
    with db.without_space() as session:
        enqueue(session, "tests.slow_at_first", number=1)
        session.rollback()
    assert statuses(database) == []
    with db.without_space() as session:
        enqueue(session, "tests.slow_at_first", number=2)
        assert statuses(database) == []
    assert statuses(database) == [("todo", 0)]


def test_a_job_that_nobody_can_do_is_not_queued(db):
    with pytest.raises(TaskNotFound), db.without_space() as session:
        enqueue(session, "tests.unknown")


def test_what_is_due_each_minute_is_done_again_and_again(seen, start_worker):
    worker = start_worker(every_minute="tests.tick")
    wait_until(lambda: seen()[:4] == [("begun", 60), ("done", 60)] * 2)
    assert worker.poll() is None


@pytest.mark.slow
def test_a_job_whose_worker_was_killed_is_done_by_the_next(database, db, seen, start_worker):
    victim = start_worker(victims=1)
    with db.without_space() as session:
        enqueue(session, "tests.slow_at_first", number=7)
    wait_until(lambda: seen() == [("begun", 7)])
    victim.kill()
    victim.wait()
    assert statuses(database) == [("doing", 0)]
    start_worker(victims=1)
    wait_until(lambda: seen() == [("begun", 7), ("begun", 7), ("done", 7)])
    wait_until(lambda: statuses(database) == [])


@pytest.mark.slow
def test_a_job_whose_worker_lives_is_left_alone(database, db, seen, start_worker):
    start_worker(victims=1)
    with db.without_space() as session:
        enqueue(session, "tests.slow_at_first", number=7)
    wait_until(lambda: seen() == [("begun", 7)])
    start_worker(victims=1)
    time.sleep(4)  # longer than a silent worker is given
    assert seen() == [("begun", 7)]
    assert statuses(database) == [("doing", 0)]


@pytest.mark.slow
def test_a_job_that_has_cost_three_workers_has_failed(database, db, seen, start_worker):
    with db.without_space() as session:
        enqueue(session, "tests.slow_at_first", number=7)
    for times in (1, 2, 3):
        victim = start_worker(victims=3)
        wait_until(lambda: seen() == [("begun", 7)] * times)  # noqa: B023
        victim.kill()
        victim.wait()
    start_worker(victims=3)
    wait_until(lambda: statuses(database) == [("failed", 3)])


@pytest.mark.slow
def test_a_worker_that_is_asked_to_stop_leaves_nothing_begun(database, db, seen, start_worker):
    worker = start_worker()
    with db.without_space() as session:
        enqueue(session, "tests.slow_at_first", number=7)
    wait_until(lambda: ("done", 7) in seen())
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=15) == 0
    assert statuses(database) == []
