"""The commands that run until they are stopped."""

import os
from dataclasses import replace

import click

from app import logs
from app.postgres import connected
from app.settings import Settings


def _settings() -> Settings:
    settings = Settings.from_environ(os.environ)
    logs.configure(settings.log_level)
    return settings


@click.command()
@click.option("--lan", is_flag=True, help="For a local network: HTTPS with a certificate made here.")
def serve(lan: bool) -> None:
    """Run everything: the database unless one is given, its migrations, the web server and the worker.

    Ctrl-C stops all that was started here. What dies in between is started again.
    """
    from app import serving

    settings = _settings()
    if lan:
        everywhere = "0.0.0.0"  # noqa: S104 (it is what was asked for)
        settings = replace(settings, lan=True, host=os.environ.get("SPREMNOST_HOST") or everywhere)
    serving.serve(settings, say=click.echo)


@click.command()
@click.option("--socket", type=int, hidden=True, help="An open socket to serve on, from `serve`.")
@click.option("--tls", is_flag=True, hidden=True, help="Encrypted, with the local network's certificate.")
def web(socket: int | None, tls: bool) -> None:
    """Run the web server alone, on SPREMNOST_HOST and SPREMNOST_PORT."""
    from app.processes import shared_folder

    with shared_folder(), connected(_settings()) as settings:
        from app.web import Web

        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        Web(settings, bind=f"{host}:{settings.port}" if socket is None else f"fd://{socket}", tls=tls).run()


@click.command()
def worker() -> None:
    """Run the worker alone: it does the jobs that wait in the database."""
    from app.jobs import work

    with connected(_settings()) as settings:
        work(settings)
