"""`spremnost layers`: bring layers in, look at them, take them out of use."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from app.postgres import connected
from app.settings import Settings
from foundation.audit import Actor

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from app.db import Database

OPERATOR = Actor("operator (command line)")
KINDS = (
    "municipalities",
    "settlements",
    "population_raster",
    "population_table",
    "flood_depth",
    "flood_extent",
    "fire_danger",
    "active_fires",
    "facilities",
    "roads",
    "rivers",
    "elevation",
    "land_cover",
    "veto_areas",
)


@contextmanager
def running_database() -> Iterator[tuple[Database, Settings]]:
    """The database at its newest schema, started if it is down."""
    from app.db import Database
    from app.upgrading import bring_up_to_date

    with connected(Settings.from_environ(os.environ)) as settings:
        bring_up_to_date(settings, at=datetime.now(UTC), say=lambda text: click.echo(text, err=True))
        database = Database(settings)
        try:
            yield database, settings
        finally:
            database.close()


@click.group()
def layers() -> None:
    """Bring layers in, list them, show one, take one out of use, count anew, tidy up."""


@layers.command("import")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--name", help="Of the layer; a new file of the same name is its next version. Default: the file's name.")
@click.option("--producer", required=True, help="Who made it.")
@click.option("--licence", required=True, help="Under which terms it may be used.")
@click.option("--vintage", required=True, help="Of when it is, as the producer says it.")
@click.option("--method", required=True, type=click.Choice(["official", "model", "estimated", "illustrative"]))
@click.option("--method-note", default="", help="How it was made, in a sentence.")
@click.option("--return-period", type=float, metavar="YEARS", help="Of a flood: 100 for 1-in-100.")
@click.option("--event", help="Of a flood: the event that it shows.")
@click.option("--crosswalk", type=click.Path(path_type=Path), help="CSV with codes and names for municipalities.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="How to read it, e.g. columns.code=sifra.")
def import_(
    kind: str,
    files: tuple[Path, ...],
    name: str | None,
    producer: str,
    licence: str,
    vintage: str,
    method: str,
    method_note: str,
    return_period: float | None,
    event: str | None,
    crosswalk: Path | None,
    settings: tuple[str, ...],
) -> None:
    """Check FILES, keep what is sound as layers of a KIND and count the exposed people anew.

    A file that cannot be used is refused with a sentence that says what to do, and the others are brought in all the
    same; findings that do not stop a file are shown and kept with the layer.
    """
    from app import importing
    from gis.errors import GisError
    from gis.files import local_file
    from layers.catalogue import Kind, Method
    from layers.errors import LayersError

    if name is not None and len(files) > 1:
        raise click.UsageError("--name names one layer; give one file with it.")
    how = options(settings)
    if crosswalk is not None:
        with local_file(crosswalk).open(encoding="utf-8-sig", newline="") as rows:
            how.setdefault("crosswalk", {})["rows"] = list(csv.DictReader(rows))
    refused: list[Exception] = []
    with running_database() as (database, configuration):
        for file in files:
            try:
                incoming = importing.Incoming(
                    path=local_file(file),
                    kind=Kind(kind),
                    name=name or file.stem,
                    producer=producer,
                    licence=licence,
                    vintage=vintage,
                    method=Method(method),
                    method_note=method_note,
                    return_period_years=return_period,
                    event=event,
                    options=how,
                )
                version_id = importing.receive(
                    database, configuration.data_dir, incoming, by=OPERATOR, most_bytes=importing.OPERATOR_BYTES
                )
            except (GisError, LayersError) as error:
                refused.append(error)  # not received at all, so that there is nothing to show
                continue
            with click.progressbar(length=100, label=file.name, file=sys.stderr) as bar:

                def tell(share: float, bar: Any = bar) -> None:
                    bar.update(int(100 * share) - bar.pos)

                try:
                    importing.read_in(
                        database, configuration.data_dir, version_id, by=OPERATOR, then=_count_at_the_end, tell=tell
                    )
                except (GisError, LayersError) as error:
                    refused.append(error)
            _show(database, version_id)
        _count(database, configuration)
    if refused:
        for earlier in refused[:-1]:
            click.echo(str(earlier), err=True)
        raise refused[-1]


@layers.command("list")
@click.option("--kind", type=click.Choice(KINDS))
def list_(kind: str | None) -> None:
    """One line for each version: id, kind, name, number, state, method, vintage."""
    from layers import catalogue

    with running_database() as (database, _), database.without_space() as session:
        for v in catalogue.versions(session, kind=catalogue.Kind(kind) if kind else None):
            click.echo(f"{v.id}  {v.layer.kind}  {v.layer.name}  {v.number}  {v.state}  {v.method}  {v.vintage}")


@layers.command()
@click.argument("version", type=click.UUID)
def show(version: UUID) -> None:
    """Everything that is known of one VERSION."""
    with running_database() as (database, _):
        _show(database, version)


@layers.command()
@click.argument("version", type=click.UUID)
def remove(version: UUID) -> None:
    """Take a VERSION out of use and count anew what rested on it. Its file and what was counted with it stay."""
    from app import importing
    from foundation.spaces import OPERATIONAL_SPACE_ID

    with running_database() as (database, configuration):
        with database.transaction(OPERATIONAL_SPACE_ID) as session:
            importing.withdraw(session, version, by=OPERATOR, at=datetime.now(UTC), then=_count_at_the_end)
        _count(database, configuration)


@layers.command()
@click.option("--all", "everything", is_flag=True, help="Every hazard that is shown, counted or not.")
def count(everything: bool) -> None:
    """Count the exposed people of hazards without current numbers, or whose numbers an older edition counted."""
    with running_database() as (database, configuration):
        _count(database, configuration, everything=everything)


@layers.command()
@click.option("--hours", default=24.0, show_default=True, help="Younger files may belong to work under way.")
def sweep(hours: float) -> None:
    """Remove files that a crash left behind and that no layer names."""
    from app import importing

    with running_database() as (database, configuration):
        removed = importing.sweep(database, configuration.data_dir, older_than_s=hours * 3600)
    click.echo(f"{removed} removed.", err=True)


def _count_at_the_end(session: Session, hazard_ids: Sequence[UUID]) -> None:
    """Once for each hazard, when all files are there."""


def _count(database: Database, configuration: Settings, *, everything: bool = False) -> None:
    from app import importing
    from layers import exposure

    with database.without_space() as session:
        hazards = exposure.outdated(session, everything=everything)
    for number, hazard in enumerate(hazards, 1):
        click.echo(f"Counting exposed people, hazard {number} of {len(hazards)}", err=True)
        importing.count_exposure(database, configuration.data_dir, hazard, anew=everything)


def options(settings: tuple[str, ...]) -> dict[str, Any]:
    """KEY=VALUE, dots in the key making dictionaries in dictionaries."""
    found: dict[str, Any] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key:
            raise click.UsageError(f"--set {setting}: write it as KEY=VALUE.")
        *path, last = key.split(".")
        inner = found
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return found


def _show(database: Any, version_id: UUID) -> None:
    from layers import catalogue
    from layers.findings import as_text

    with database.without_space() as session:
        v = catalogue.version(session, version_id)
        period = f", 1 in {v.layer.return_period_years:g} years" if v.layer.return_period_years else ""
        event = f", {v.layer.event}" if v.layer.event else ""
        for line in (
            f"{v.layer.name} ({v.layer.kind}{period}{event}), version {v.number}: {v.state}",
            f"  id         {v.id}",
            f"  producer   {v.producer}; licence {v.licence}; vintage {v.vintage}",
            f"  method     {v.method}{': ' + v.method_note if v.method_note else ''}",
            f"  file       {v.file_name}, {v.file_bytes} bytes, SHA-256 {v.file_hash}",
            f"  received   {v.received_at.isoformat(timespec='seconds')} by {v.received_by}",
            f"  reference  {v.crs or '–'}; resolution {v.resolution or '–'}",
            *([f"  refused    {as_text(v.refusal)}"] if v.refusal else []),
            *(f"  finding    {as_text(f)}" for f in v.findings),
        ):
            click.echo(line)
