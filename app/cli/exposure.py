"""`spremnost exposure`: exposed people from files. Imports nothing heavy: the files are read in the sandbox."""

from __future__ import annotations

import math
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import click

from gis.errors import FileNotUsable, SameName, WrongEdges, WrongThreshold
from layers.sandbox import Limits, plain_files, run

LIMITS = Limits(memory_bytes=3 * 2**30, cpu_seconds=6 * 3600)


@click.command()
@click.option("--zones", required=True, metavar="FILE[:layer]", help="Polygons whose people are counted.")
@click.option("--population", required=True, metavar="FILE", help="GeoTIFF of people; its grid is kept.")
@click.option(
    "--hazard", "hazards", required=True, multiple=True, metavar="FILE", help="GeoTIFF or polygons; may be repeated."
)
@click.option("--threshold", default="0.3", show_default=True, help="A cell of a raster hazard counts from here (≥).")
@click.option("--edges", metavar="0.3,0.5,1,2", help="Also count people by class: from each edge up to the next.")
@click.option("--zone-field", metavar="NAME", help="Field that names the zones; otherwise they are numbered from 1.")
@click.option(
    "--population-unit",
    type=click.Choice(["persons", "persons/km2"]),
    default="persons",
    show_default=True,
    help="What a cell of the population says.",
)
@click.option("--format", type=click.Choice(["csv", "json", "gpkg"]), default="csv", show_default=True)
@click.option("--output", metavar="FILE", help="Otherwise standard output.")
def exposure(
    zones: str,
    population: str,
    hazards: tuple[str, ...],
    threshold: str,
    edges: str | None,
    zone_field: str | None,
    population_unit: str,
    format: str,
    output: str | None,
) -> None:
    """Count the people of each zone who are exposed to each hazard.

    One row per zone and hazard, in the order of the files, and a row TOTAL after each hazard. Empty means: nothing of
    the zone is modelled by that hazard. No database and no server are needed.
    """
    edge_names = [e.strip() for e in edges.split(",")] if edges is not None else []
    rising = [_number(e) for e in edge_names]
    if not all(math.isfinite(e) for e in rising) or any(b <= a for a, b in pairwise(rising)):
        raise WrongEdges(edges=edges)
    if not math.isfinite(_number(threshold)):
        raise WrongThreshold(threshold=threshold)
    stems = [Path(h).stem for h in hazards]
    for stem in stems:
        if stems.count(stem) > 1:
            raise SameName(name=stem)
    if output is None and format == "gpkg" and sys.stdout.isatty():
        raise FileNotUsable(file="The terminal", reason="a GeoPackage is not text; name a file with --output.")
    if output is not None and not os.path.isdir(Path(output).parent):
        raise FileNotUsable(file=output, reason="its folder does not exist.")
    zone_file, layer = _file_and_layer(zones)
    if output is not None and any(_same_file(output, given) for given in (zone_file, population, *hazards)):
        raise click.UsageError(f"{output} is one of the files to be read: name another one with --output.")
    with tempfile.TemporaryDirectory(prefix="spremnost-") as folder:
        result = Path(folder) / "made" / f"result.{format}"
        result.parent.mkdir()
        kept_indexes = _kept_indexes()
        with _progress() as watch:
            run(
                "gis.file_mode:write_exposure",
                {
                    "zones": zone_file,
                    "layer": layer,
                    "population": population,
                    "hazards": list(hazards),
                    "threshold": _number(threshold),
                    "edge_names": edge_names,
                    "zone_field": zone_field,
                    "unit": population_unit,
                    "kept_indexes": kept_indexes,
                    "format": format,
                    "output": str(result),
                },
                files=[Path(f).name for f in (zone_file, population, *hazards)],
                limits=LIMITS,
                reads=[path for f in (zone_file, population, *hazards) for path in _with_what_lies_beside(f)],
                writes=[result.parent],
                shared=[kept_indexes] if kept_indexes else [],
                watch=watch,
            )
        plain_files(result.parent)
        if output is None:
            _show(result)
        else:
            _put(result, Path(output))


@contextmanager
def _progress() -> Iterator[Callable[[float], None] | None]:
    """How far it is, on standard error where somebody looks on; elsewhere only errors and remarks belong there."""
    if not sys.stderr.isatty():
        yield None
        return

    def show(share: float) -> None:
        click.echo("\r\x1b[K" + (f"Counting: {share:.0%}" if share < 1 else ""), nl=False, err=True)

    try:
        yield show
    finally:
        show(1)


def _same_file(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):
        return False


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _file_and_layer(zones: str) -> tuple[str, str | None]:
    """FILE[:layer]; a colon in the name of a file that exists is not a layer."""
    file, colon, layer = zones.rpartition(":")
    if colon and layer and not os.path.exists(zones) and os.path.isfile(file):
        return file, layer
    return zones, None


def _with_what_lies_beside(file: str) -> list[Path]:
    """The file and those that belong to it, such as a Shapefile's .dbf or a raster's .aux.xml."""
    path = Path(file)
    try:
        beside = [p for p in path.resolve().parent.iterdir() if p.name.startswith(f"{path.resolve().stem}.")]
    except (OSError, ValueError):
        beside = []
    return [path, *beside]


def _kept_indexes() -> str | None:
    """Where indexes are kept; None where there is no home, or it cannot be written to."""
    caches = os.environ.get("XDG_CACHE_HOME", "")
    if not caches.startswith("/"):
        caches = os.path.join(os.path.expanduser("~"), ".cache")
    if not caches.startswith("/"):
        return None
    folder = os.path.join(caches, "spremnost", "exposure")
    try:
        os.makedirs(folder, exist_ok=True)  # the sandbox may make nothing above it
    except OSError:
        return None
    return folder


def _show(result: Path) -> None:
    try:
        with result.open("rb") as content:
            shutil.copyfileobj(content, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # who reads has enough; click ends quietly
        raise
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python tries once more at its end
        raise FileNotUsable(file="Standard output", reason=f"{error.strerror}.") from error


def _put(result: Path, output: Path) -> None:
    """Beside the wanted file first, then renamed: a failed copy leaves what was there. Devices are written to."""
    try:
        if output.exists() and not output.is_file():
            with output.open("wb") as device, result.open("rb") as content:
                shutil.copyfileobj(content, device)
            return
        output = output.resolve()  # the file that a link means, not the link
        handle, name = tempfile.mkstemp(prefix=".spremnost-", dir=output.parent)
        try:
            with os.fdopen(handle, "wb") as part, result.open("rb") as content:
                shutil.copyfileobj(content, part)
            os.chmod(name, _mode(output))
            os.replace(name, output)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise FileNotUsable(file=output, reason=f"{error.strerror}.") from error


def _mode(output: Path) -> int:
    """The permissions of the file to be replaced, or those that a new file gets."""
    if output.exists():
        return stat.S_IMODE(output.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
