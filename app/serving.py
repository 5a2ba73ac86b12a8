"""`spremnost serve`: database, web server and worker together, and everything stopped together.

A child that dies is started again after 1, 2, 4, 8 s; one that dies five times without having lived a minute in
between takes everything down with exit code 1. Children never outlive this process.
"""

import io
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from http.client import HTTPConnection, HTTPException

import segno
import structlog

from app import lan
from app.db import Database
from app.demo import ask_for
from app.errors import CannotServe, PortTaken
from app.first_run import see_to_people
from app.postgres import connected, embedded_of
from app.processes import die_with_parent
from app.settings import Settings
from app.upgrading import bring_up_to_date

DELAYS_S = (1.0, 2.0, 4.0, 8.0)
LIVED_WELL_S = 60.0
LOOK_EVERY_S = 0.5
STOP_WITHIN_S = 15.0
RENEW_EVERY_S = 30.0

log = structlog.get_logger(__name__)


def serve(settings: Settings, say: Callable[[str], None]) -> None:
    """Serves until SIGINT, SIGTERM or SIGHUP; says where once everything is ready.

    Raises PortTaken, CannotServe and what the database and its migrations raise.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as open_:
        listener = open_.enter_context(_listen(settings.host, settings.port, "SPREMNOST_PORT"))
        secure, hosts = None, [settings.host]
        if settings.lan:
            secure = open_.enter_context(_listen(settings.host, settings.lan_port, "SPREMNOST_LAN_PORT"))
            settings = replace(settings, lan_port=secure.getsockname()[1])
            hosts = _certify(settings)
            settings = replace(settings, url=settings.url or _address(hosts[0], settings.lan_port, "https"))
        running = open_.enter_context(connected(settings))
        if not settings.database_url:
            say(f"The database is in {embedded_of(settings).folder}")
        bring_up_to_date(running, at=datetime.now(UTC), say=say)
        _see_to_people(running, say)
        if settings.demo:
            _ask_for_demo(running, say)
        host, port = listener.getsockname()[:2]
        environ = os.environ | replace(running, port=port).as_environ()
        children = [
            Child("web server", ["web", "--socket", str(listener.fileno())], environ, (listener.fileno(),)),
            Child("worker", ["worker"], environ),
        ]
        if secure is not None:
            arguments = ["web", "--tls", "--socket", str(secure.fileno())]
            children.append(Child("encrypted web server", arguments, environ, (secure.fileno(),)))

        def ready() -> None:
            if secure is None:
                say(f"Spremnost is running at {_address(host, port)}")
            else:
                _say_where(settings, hosts, port, say)

        def renew() -> None:
            nonlocal hosts
            if secure is not None and (found := _certify(settings)) != hosts:
                hosts = found
                say("The addresses of this machine have changed; its certificate follows.")
                _say_where(settings, hosts, port, say)
                children[-1].ask_to_stop()  # started again, it reads the new certificate

        try:
            _watch(children, settings, stop, ready, renew, host, port)
        finally:
            stop.clear()
            _stop(children, at_once=stop)


def _see_to_people(settings: Settings, say: Callable[[str], None]) -> None:
    database = Database(settings, pool_size=1)
    see_to_people(database, settings, say)
    database.close()


def _ask_for_demo(settings: Settings, say: Callable[[str], None]) -> None:
    database = Database(settings, pool_size=1)
    if ask_for(database):
        say("The demonstration country is being made; it is there in about two minutes.")
    database.close()


class Child:
    """One of our own commands, run as a child and started again when it dies."""

    def __init__(self, name: str, arguments: list[str], environ: Mapping[str, str], pass_fds: tuple[int, ...] = ()):
        self.name = name
        self.command = [sys.executable, "-m", "app.cli", *arguments]
        self.environ = environ
        self.pass_fds = pass_fds
        self.process: subprocess.Popen[bytes] | None = None
        self.deaths = 0
        self.started_at = 0.0
        self.start_again_at = 0.0

    def see_to_it(self) -> None:
        """Starts it when it is due, and notices its death.

        Raises CannotServe when it dies again and again.
        """
        now = time.monotonic()
        if self.process is None:
            if now >= self.start_again_at:
                self._start(now)
            return
        code = self.process.poll()
        if code is None:
            return
        self.kill()  # what it has left behind
        self.process = None
        self.deaths = 1 if now - self.started_at >= LIVED_WELL_S else self.deaths + 1
        if self.deaths > len(DELAYS_S):
            raise CannotServe(name=self.name, code=code)
        delay_s = DELAYS_S[self.deaths - 1]
        self.start_again_at = now + delay_s
        log.error("a child has died and is started again", child=self.name, code=code, in_seconds=delay_s)

    def _start(self, now: float) -> None:
        self.started_at = now
        self.process = subprocess.Popen(
            self.command,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            pass_fds=self.pass_fds,
            # Ctrl-C reaches every process of the terminal's group; only this one is to answer it.
            start_new_session=True,
            preexec_fn=partial(die_with_parent, os.getpid()),
        )

    def ask_to_stop(self) -> None:
        """Lets it finish what it has begun."""
        if self.process is not None:
            self.process.terminate()

    def kill(self) -> None:
        """Ends it and what it has started, now."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self.process is not None and self.process.poll() is None


def _watch(
    children: list[Child],
    settings: Settings,
    stop: threading.Event,
    ready: Callable[[], None],
    renew: Callable[[], None],
    host: str,
    port: int,
) -> None:
    announced = False
    renewed_at = time.monotonic()
    while not stop.is_set():
        if not settings.database_url:
            _revive_database(settings)
        for child in children:
            child.see_to_it()
        if not announced and _is_ready(host, port):
            ready()
            announced = True
        if time.monotonic() - renewed_at > RENEW_EVERY_S:
            renewed_at = time.monotonic()
            renew()
        stop.wait(LOOK_EVERY_S)


def _listen(host: str, port: int, variable: str) -> socket.socket:
    """Opens the port here, so that it stays open while the web server is started again."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise PortTaken(host=host, port=port, reason=error.strerror, variable=variable) from error


def _certify(settings: Settings) -> list[str]:
    """Sees to a certificate for every way to reach this machine; gives those, the best for others first."""
    hosts = [str(one) for one in lan.addresses() if not one.is_link_local or one.version == 4] + lan.names()
    lan.ensure(settings.data_dir, hosts=hosts, at=datetime.now(UTC))
    return hosts


def _say_where(settings: Settings, hosts: list[str], port: int, say: Callable[[str], None]) -> None:
    to_trust = f"{_address(hosts[0], port)}/trust"
    drawn = io.StringIO()
    segno.make(to_trust, error="m", micro=False).terminal(out=drawn, compact=True)
    say(drawn.getvalue())
    say(f"Phones begin at {to_trust}; how they come to trust this server stands there.")
    say(f"Fingerprint (SHA-256) to compare: {lan.fingerprint(lan.certificates(settings.data_dir))}")
    for host in hosts[1:]:
        say(f"Also at {_address(host, settings.lan_port, 'https')}")
    say(f"Spremnost is running at {_address(hosts[0], settings.lan_port, 'https')}")


def _revive_database(settings: Settings) -> None:
    database = embedded_of(settings)
    if not database.is_alive():
        log.error("the database has died and is started again")
        database.ensure_running()


def _address(host: str, port: int, scheme: str = "http") -> str:
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _is_ready(host: str, port: int) -> bool:
    # Not urllib: it would ask a proxy that the environment names.
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
    connection = HTTPConnection(everywhere.get(host, host), port, timeout=5)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _stop(children: list[Child], at_once: threading.Event) -> None:
    for child in children:
        child.ask_to_stop()
    deadline = time.monotonic() + STOP_WITHIN_S
    while any(child.is_alive() for child in children) and time.monotonic() < deadline and not at_once.is_set():
        at_once.wait(0.05)
    for child in children:
        child.kill()
