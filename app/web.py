"""The web server: gunicorn with threads, the application made anew in each of its processes."""

from collections.abc import Callable
from ssl import SSLContext, TLSVersion
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger as GunicornLogger

from app.factory import create_app
from app.lan import certificates
from app.metrics import forget_process
from app.processes import die_with_parent
from app.settings import Settings


class Logger(GunicornLogger):  # type: ignore[misc]  # gunicorn brings no types
    """Leaves gunicorn's messages to the handlers of this process."""

    def setup(self, cfg: Any) -> None:
        """Adds no handler of its own."""
        self.error_log.propagate = True
        self.error_log.handlers.clear()


class Web(BaseApplication):  # type: ignore[misc]
    """Serves the application on an address, or on a socket that is open already."""

    def __init__(self, settings: Settings, bind: str, *, tls: bool = False) -> None:
        self.settings = settings
        self.tls = certificates(settings.data_dir) if tls else None
        self.bind = bind
        super().__init__()

    def load_config(self) -> None:
        """Settings for many open streams: one thread each, few processes."""
        for name, value in {
            "bind": self.bind,
            "worker_class": "gthread",
            "workers": 2,
            "threads": 300,
            "keepalive": 5,
            "graceful_timeout": 5,
            "logger_class": Logger,
            # Heartbeats between gunicorn's processes go through a file that must not wait for a disk.
            "worker_tmp_dir": "/dev/shm",  # noqa: S108
            "control_socket_disable": True,
            "child_exit": lambda server, worker: forget_process(worker.pid),
            "post_fork": lambda server, worker: die_with_parent(server.pid),
        }.items():
            self.cfg.set(name, value)
        if self.tls is not None:
            self.cfg.set("certfile", str(self.tls.server))
            self.cfg.set("keyfile", str(self.tls.server_key))
            self.cfg.set("ssl_context", _at_least_tls_1_2)
        elif self.settings.lan:
            self.cfg.set("workers", 1)  # it only shows the way to the encrypted address
            self.cfg.set("threads", 20)

    def load(self) -> Flask:
        """The application, once in each process."""
        return create_app(self.settings)


def _at_least_tls_1_2(_config: Any, usual: Callable[[], SSLContext]) -> SSLContext:
    context = usual()
    context.minimum_version = TLSVersion.TLSv1_2
    return context
