"""A real `spremnost serve` with its own database, its processes killed one by one."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest

from app.settings import CHECKOUT

pytestmark = pytest.mark.slow


class Server:
    """A `spremnost serve` on a free port, its output in a file."""

    def __init__(self, data_dir: Path, command: list[str], **environ: str) -> None:
        self.data_dir = data_dir
        self.output = data_dir / "output.txt"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                env={**os.environ, "SPREMNOST_PORT": "0", "SPREMNOST_DATA_DIR": str(data_dir), **environ},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def said(self) -> str:
        return self.output.read_text()

    def wait_until(self, condition, seconds=240):
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)
        return found

    def wait_until_ready(self):
        address = self.wait_until(lambda: re.search(r"running at http://[\d.]+:(\d+)", self.said()))
        self.port = int(address[1])

    def get(self, path):
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path, headers={"Cookie": "language=en"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()

    def children(self, command):
        return [pid for pid in processes_of(self.data_dir) if command in command_line(pid)]

    def stop(self, number=signal.SIGINT):
        self.process.send_signal(number)
        return self.process.wait(timeout=30)


def command_line(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def processes_of(data_dir):
    """Every process that knows the folder from its environment or works in it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"SPREMNOST_DATA_DIR={data_dir}\0".encode() in (process / "environ").read_bytes() + b"\0" or (
                process / "cwd"
            ).readlink().is_relative_to(data_dir):
                found.append(int(process.name))
        except OSError:
            continue
    return found


@pytest.fixture
def serve(data_dir):
    servers = []

    def start(*command, **environ):
        servers.append(Server(data_dir, [*command] or [sys.executable, "-m", "app.cli", "serve"], **environ))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.stop()
    for pid in processes_of(data_dir):
        os.kill(pid, signal.SIGKILL)


def test_one_command_brings_everything_up_and_ctrl_c_takes_everything_down(serve, data_dir):
    server = serve()
    server.wait_until_ready()
    assert server.get("/health/live") == (200, '{"status":"live"}\n')
    assert json.loads(server.get("/health/ready")[1]) == {"status": "ready", "missing": []}
    assert "Ready." in server.get("/status")[1]
    assert server.stop() == 0
    assert processes_of(data_dir) == []
    assert "Traceback" not in server.said()


def test_the_second_start_has_the_same_database(serve, data_dir):
    server = serve()
    server.wait_until_ready()
    server.stop(signal.SIGTERM)
    made = next(data_dir.rglob("PG_VERSION")).stat()
    serve().wait_until_ready()
    assert next(data_dir.rglob("PG_VERSION")).stat().st_ino == made.st_ino


def test_what_is_killed_while_it_serves_comes_back(serve):
    server = serve()
    server.wait_until_ready()
    for command in ("app.cli web", "app.cli worker", "postgres -D"):
        victims = server.children(command)
        assert victims
        os.kill(min(victims), signal.SIGKILL)
        server.wait_until(lambda: min(victims) not in server.children(command))  # noqa: B023
        server.wait_until(lambda: server.children(command))  # noqa: B023
        server.wait_until(lambda: server.get("/health/ready")[0] == 200)
    assert server.stop() == 0


def test_after_kill_9_of_the_supervisor_nothing_serves_and_the_next_start_works(serve, data_dir):
    server = serve()
    server.wait_until_ready()
    server.process.kill()
    server.process.wait()
    deadline = time.monotonic() + 60
    while server.children("app.cli") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert server.children("app.cli") == []

    again = serve(SPREMNOST_PORT=str(server.port))
    again.wait_until_ready()
    assert again.port == server.port
    assert again.stop() == 0
    assert processes_of(data_dir) == []


def test_after_kill_9_of_everything_the_next_start_works(serve, data_dir):
    server = serve()
    server.wait_until_ready()
    for pid in processes_of(data_dir):
        os.kill(pid, signal.SIGKILL)
    server.process.wait()
    serve().wait_until_ready()


def test_a_first_start_that_is_killed_at_any_moment_heals(serve):
    for delay in (0.6, 1.0, 1.4, 1.8):
        server = serve()
        time.sleep(delay)
        server.process.kill()
        server.process.wait()
    serve().wait_until_ready()


def test_a_port_in_use_is_said_in_one_sentence(serve):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = serve(SPREMNOST_PORT=str(port))
        assert server.process.wait(timeout=30) == 1
    assert re.fullmatch(rf"Port {port} on 127\.0\.0\.1 cannot be used: .*\n", server.said())


def test_with_urls_of_another_database_nothing_embedded_is_started(serve, data_dir, database):
    server = serve(
        SPREMNOST_DATABASE_URL=database.database_url, SPREMNOST_ADMIN_DATABASE_URL=database.admin_database_url
    )
    server.wait_until_ready()
    assert not (data_dir / "postgres").exists()
    assert server.stop() == 0


def test_a_given_database_that_cannot_be_reached_is_said_in_one_sentence(serve):
    url = "postgresql://spremnost:hunter2@127.0.0.1:1/spremnost"
    server = serve(SPREMNOST_DATABASE_URL=url, SPREMNOST_ADMIN_DATABASE_URL=url)
    assert server.process.wait(timeout=60) == 1
    assert re.fullmatch(r"The database cannot be reached: .*\n", server.said())
    assert "hunter2" not in server.said()


def test_a_wrong_setting_stops_the_start_with_exit_code_2(serve):
    server = serve(SPREMNOST_DEMO="maybe")
    assert server.process.wait(timeout=30) == 2
    assert server.said() == "SPREMNOST_DEMO is 'maybe', but must be on or off.\n"


@pytest.mark.parametrize(("host", "demo"), [("127.0.0.1", "on"), ("0.0.0.0", "off")])  # noqa: S104
def test_script_server_turns_the_demo_on_only_where_nobody_else_can_see_it(serve, host, demo):
    server = serve(str(CHECKOUT / "script/server"), SPREMNOST_HOST=host)
    server.wait_until_ready()
    assert (server.data_dir / "demo-password").exists() == (demo == "on")
    assert server.stop() == 0


def test_a_checkout_that_is_ready_is_found_so_at_once():
    done = subprocess.run([CHECKOUT / "script/bootstrap", "run"], capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""
