"""File mode as a single call with plain arguments: reads files, writes one file with the table."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pyogrio.raw
import shapely

from gis.population import Unit
from gis.table import TOTAL, Table, exposure_table

Format = Literal["csv", "json", "gpkg"]


def write_exposure(
    *,
    zones: str,
    layer: str | None,
    population: str,
    hazards: list[str],
    threshold: float,
    edge_names: list[str],
    zone_field: str | None,
    unit: Unit,
    kept_indexes: str | None,
    format: Format,
    output: str,
    tell: Callable[[float], None] = lambda share: None,
) -> None:
    """Write the table of exposed people to `output`; remarks go to standard error, a sentence a line.

    tell: is told the share of the work that is done, 0 to 1.

    Raises GisError, of gis.table.exposure_table.
    """
    table = exposure_table(
        zones=Path(zones),
        layer=layer,
        population=Path(population),
        hazards=[Path(h) for h in hazards],
        threshold=threshold,
        edges=[float(e) for e in edge_names],
        edge_names=edge_names,
        zone_field=zone_field,
        unit=unit,
        kept_indexes=Path(kept_indexes) if kept_indexes else None,
        tell=tell,
        note=lambda sentence: print(sentence, file=sys.stderr, flush=True),
    )
    {"csv": _write_csv, "json": _write_json, "gpkg": _write_gpkg}[format](table, Path(output))


def _write_csv(table: Table, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table.columns)
        writer.writerows(record.values() for record in table.records())


def _write_json(table: Table, path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        json.dump(table.records(), file, ensure_ascii=False, indent=1)
        file.write("\n")


def _write_gpkg(table: Table, path: Path) -> None:
    """One feature a row, with the zone's geometry as it came; the rows of sums have none."""
    records = table.records()
    shapes = shapely.to_wkb(table.zones.geometry)
    position = 0
    geometry = np.empty(len(records), dtype=object)
    for i, record in enumerate(records):
        if record["zone"] == TOTAL:
            position = 0
        else:
            geometry[i] = shapes[position]
            position += 1
    text = 2
    fields = [
        np.array([r[c] for r in records], dtype=object)
        if i < text
        else np.array([np.nan if r[c] is None else r[c] for r in records], dtype=np.float64)
        for i, c in enumerate(table.columns)
    ]
    pyogrio.raw.write(
        path,
        geometry,
        fields,
        list(table.columns),
        layer="exposure",
        driver="GPKG",
        geometry_type="Unknown",
        crs=table.zones.crs.to_wkt(),
    )
