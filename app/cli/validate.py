"""`spremnost validate`: our numbers against a published result and other tools, written as a document."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import click


@click.command()
@click.option(
    "--data",
    default="../shared/data",
    show_default=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of real files (admin/, osm/, flood/, pairs/).",
)
@click.option("--output", default="docs/validation.md", show_default=True, type=click.Path(path_type=Path))
def validate(data: Path, output: Path) -> None:
    """Compare our numbers with a published result, exactextract and rasterstats, and write what comes out."""
    missing = [tool for tool in ("exactextract", "rasterstats") if importlib.util.find_spec(tool) is None]
    if missing:
        raise click.UsageError(f"{' and '.join(missing)} missing: pip install 'spremnost[bench]'.")
    from gis.validation import report

    click.echo("Comparing with InaSAFE, exactextract and rasterstats; this takes about a minute.", err=True)
    output.write_text(report(data), encoding="utf-8")
    click.echo(f"{output} written.", err=True)
