import os
import signal
import subprocess
import sys
import threading

import psycopg
import pytest

from app.errors import DatabaseUnavailable
from app.postgres import LONGEST_SOCKET_FOLDER, Embedded
from app.settings import libpq_url


@pytest.fixture
def embedded(data_dir):
    cluster = Embedded(data_dir / "postgres", durable=False)
    yield cluster
    cluster.stop()


def ask(url, question):
    with psycopg.connect(libpq_url(url)) as connection:
        return connection.execute(question).fetchone()[0]


def test_two_roles_may_enter_by_the_socket_and_only_one_is_powerful(postgres):
    urls = postgres.urls()
    powers = "SELECT (rolsuper, rolbypassrls, rolcreatedb, rolcreaterole) FROM pg_roles WHERE rolname = current_user"
    assert ask(urls.database_url, powers) == ("f", "f", "f", "f")
    assert ask(urls.admin_database_url, powers)[0] == "t"
    assert ask(urls.database_url, "SHOW listen_addresses") == ""


def test_the_server_does_not_run_as_root(postgres):
    process = postgres.data / "postmaster.pid"
    number = process.read_text().split()[0]
    assert os.stat(f"/proc/{number}").st_uid == postgres.user.pw_uid != 0


def test_folders_are_closed_to_everybody_else(postgres):
    for folder in (postgres.folder, postgres.data, postgres.sockets):
        assert folder.stat().st_mode & 0o077 == 0


def test_starting_twice_uses_the_server_that_runs(embedded):
    embedded.ensure_running()
    pid = (embedded.data / "postmaster.pid").read_text()
    embedded.ensure_running()
    assert (embedded.data / "postmaster.pid").read_text() == pid


@pytest.mark.slow
def test_many_may_start_at_the_same_time(embedded):
    failures = []

    def start():
        try:
            Embedded(embedded.wanted_folder, durable=False).ensure_running()
        except DatabaseUnavailable as error:
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert embedded.is_running()


@pytest.mark.slow
def test_an_interrupted_initdb_is_begun_anew(embedded):
    embedded.ensure_running()
    embedded.stop()
    embedded.data.rename(embedded.folder / "data.unfinished")
    (embedded.folder / "data.unfinished/PG_VERSION").unlink()
    assert ask(embedded.ensure_running().admin_database_url, "SELECT 1") == 1


def test_after_kill_9_of_the_server_the_next_start_has_what_was_committed(embedded):
    url = embedded.ensure_running().admin_database_url
    with psycopg.connect(libpq_url(url), autocommit=True) as open_session:
        open_session.execute("CREATE TABLE kept AS SELECT 7 AS number")
        os.kill(int((embedded.data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        assert ask(embedded.ensure_running().admin_database_url, "SELECT number FROM kept") == 7
        with pytest.raises(psycopg.OperationalError):
            open_session.execute("SELECT 1")


@pytest.mark.slow
def test_a_stale_pid_file_that_names_a_living_process_does_not_matter(embedded):
    embedded.ensure_running()
    pid_file = (embedded.data / "postmaster.pid").read_text()
    embedded.stop()
    # After a reboot another program may have the number; it may even be one of the same user's.
    with subprocess.Popen(["sleep", "60"], user=embedded.user.pw_uid if os.geteuid() == 0 else None) as stranger:
        number, rest = pid_file.split("\n", 1)
        stale = embedded.data / "postmaster.pid"
        stale.write_text(f"{stranger.pid}\n{rest}")
        os.chown(stale, embedded.user.pw_uid, embedded.user.pw_gid)
        assert number != str(stranger.pid)
        assert ask(embedded.ensure_running().admin_database_url, "SELECT 1") == 1
        stranger.kill()


def test_the_last_user_to_leave_stops_it(embedded):
    with embedded.in_use():
        with Embedded(embedded.wanted_folder).in_use():
            pass
        assert embedded.is_running()
    assert not embedded.is_running()


def test_a_user_that_was_killed_has_left(embedded):
    code = (
        "import sys, time; from pathlib import Path; from app.postgres import Embedded\n"
        "with Embedded(Path(sys.argv[1]), durable=False).in_use(): print('in use', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(embedded.wanted_folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as user:
        assert user.stdout.readline() == "in use\n"
        with embedded.in_use():
            user.kill()
            user.wait()
    assert not embedded.is_running()


@pytest.mark.slow
def test_it_stays_for_as_long_as_someone_asked_for_it(embedded):
    embedded.keep(True)
    with embedded.in_use():
        pass
    assert embedded.is_running()
    embedded.keep(False)
    with embedded.in_use():
        pass
    assert not embedded.is_running()


@pytest.mark.slow
def test_a_path_too_long_for_a_socket_gets_a_short_one_elsewhere(data_dir):
    deep = data_dir / ("đubrovnik" * 9)
    cluster = Embedded(deep / "postgres", durable=False)
    assert len(bytes(cluster.sockets)) <= LONGEST_SOCKET_FOLDER
    try:
        assert ask(cluster.ensure_running().database_url, "SELECT 1") == 1
    finally:
        cluster.stop()
        cluster.sockets.rmdir()


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the database to another user")
def test_where_the_system_user_cannot_pass_roots_data_goes_elsewhere(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    cluster = Embedded(closed / "postgres")
    assert cluster.folder.parent == type(closed)("/var/lib/spremnost")
    assert cluster.folder == Embedded(closed / "postgres").folder != Embedded(closed / "other").folder


def test_data_of_a_postgresql_that_is_gone_is_refused_in_one_sentence(embedded):
    embedded.ensure_running()
    embedded.stop()
    (embedded.data / "PG_VERSION").write_text("9\n")
    with pytest.raises(DatabaseUnavailable, match=r"was made by PostgreSQL 9, which is not installed.*-9-postgis-3\.$"):
        embedded.ensure_running()
    (embedded.data / "postmaster.pid").unlink(missing_ok=True)


def test_what_postgresql_says_is_passed_on(embedded):
    embedded.ensure_running()
    embedded.stop()
    with (embedded.data / "postgresql.conf").open("a") as lines:
        lines.write("max_connections = lots\n")
    with pytest.raises(DatabaseUnavailable, match=r"invalid value for parameter|contains errors"):
        embedded.ensure_running()
