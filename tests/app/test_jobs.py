"""Jobs in the real queue, done by workers in processes of their own."""

import os
import signal
import subprocess
import sys
import threading
import time

import psycopg
import pytest
from procrastinate.exceptions import TaskNotFound

from app.db import Database
from app.jobs import PUT_BACK, enqueue, queue
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


# --- a job about one thing -------------------------------------------------------------------------------------------

FETCH = "SELECT id FROM procrastinate.procrastinate_fetch_job_v2(NULL, %s)"


def queue_once(session, about="flood"):
    return enqueue(session, "tests.slow_at_first", once=about, number=1)


@pytest.fixture
def fetch(database):
    """A worker takes the next job; gives its number, or None where there is none that it may take."""
    with psycopg.connect(libpq_url(database.database_url), autocommit=True) as connection:
        connection.execute("SET search_path = public, procrastinate")
        worker = connection.execute("INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id").fetchone()[0]
        yield lambda: connection.execute(FETCH, [worker]).fetchone()[0]


def test_of_many_jobs_about_one_thing_only_one_waits(database, db):
    numbers = set()
    for _ in range(5):
        with db.without_space() as session:
            numbers |= {queue_once(session), queue_once(session)}
    with db.without_space() as session:
        assert queue_once(session, "another flood") not in numbers
    assert len(numbers) == 1
    assert statuses(database) == [("todo", 0), ("todo", 0)]


def test_a_job_that_has_begun_may_have_missed_the_change_and_another_one_waits_until_it_has_ended(database, db, fetch):
    with db.without_space() as session:
        first = queue_once(session)
    assert fetch() == first
    with db.without_space() as session:
        second = queue_once(session)
    assert second != first
    assert fetch() is None
    with psycopg.connect(libpq_url(database.admin_database_url), autocommit=True) as connection:
        connection.execute("SET search_path = public, procrastinate")
        connection.execute("DELETE FROM procrastinate_jobs WHERE id = %s", [first])
    assert fetch() == second


def test_a_job_that_waits_does_not_begin_before_the_change_that_it_is_also_for_is_committed(db, fetch):
    with db.without_space() as session:
        first = queue_once(session)
    with db.without_space() as session:
        assert queue_once(session) == first
        assert fetch() is None
    assert fetch() == first


def test_two_changes_at_the_same_moment_queue_one_job(database, db):
    numbers = []

    def other():
        with db.without_space() as session:
            numbers.append(queue_once(session))

    with db.without_space() as session:
        numbers.append(queue_once(session))
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(timeout=0.5)
        assert thread.is_alive()  # it waits for what this transaction does
    thread.join(timeout=30)
    assert numbers[0] == numbers[1]
    assert statuses(database) == [("todo", 0)]


def test_a_change_that_is_taken_back_leaves_no_job_and_the_other_change_queues_its_own(database, db):
    numbers = []

    def other():
        with db.without_space() as session:
            numbers.append(queue_once(session))

    with db.without_space() as session:
        queue_once(session)
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(timeout=0.5)
        session.rollback()
    thread.join(timeout=30)
    assert len(numbers) == 1
    assert statuses(database) == [("todo", 0)]


def test_a_job_of_a_worker_that_has_gone_is_put_back_though_another_one_about_the_same_waits(database, db, fetch):
    with db.without_space() as session:
        queue_once(session)
    fetch()
    with db.without_space() as session:
        queue_once(session)
    with psycopg.connect(libpq_url(database.admin_database_url), autocommit=True) as connection:
        connection.execute("SET search_path = public, procrastinate")
        connection.execute("DELETE FROM procrastinate_workers")
        connection.execute(PUT_BACK, {"most": 3, "silence": 20.0})
    assert statuses(database) == [("todo", 1), ("todo", 0)]


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
