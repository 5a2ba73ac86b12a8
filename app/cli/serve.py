"""The commands that run until they are stopped."""

import os

import click

from app import logs
from app.postgres import connected
from app.settings import Settings


def _settings() -> Settings:
    settings = Settings.from_environ(os.environ)
    logs.configure(settings.log_level)
    return settings


@click.command()
def serve() -> None:
    """Run everything: the database unless one is given, its migrations, the web server and the worker.

    Ctrl-C stops all that was started here. What dies in between is started again.
    """
    from app import serving

    serving.serve(_settings(), say=click.echo)


@click.command()
@click.option("--socket", type=int, hidden=True, help="An open socket to serve on, from `serve`.")
def web(socket: int | None) -> None:
    """Run the web server alone, on SPREMNOST_HOST and SPREMNOST_PORT."""
    from app.web import Web

    with connected(_settings()) as settings:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        Web(settings, bind=f"{host}:{settings.port}" if socket is None else f"fd://{socket}").run()


@click.command()
def worker() -> None:
    """Run the worker alone: it does the jobs that wait in the database."""
    from app.jobs import work

    with connected(_settings()) as settings:
        work(settings)
