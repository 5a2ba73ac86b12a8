"""How a file becomes a layer: begun, read in the sandbox, finished. The caller holds the transactions.

begin()  -> what the sandbox needs to know                      (transaction)
read()   -> the untrusted file checked and turned into files and rows we made ourselves, in a folder   (no transaction)
finish() -> the folder's files held, its rows in the database, the version ready                       (transaction)
refuse() -> the version refused, with the sentence                                                      (transaction)

A crash at any point leaves the version received or checking, and the same steps are done again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import shapely
from geoalchemy2.shape import from_shape
from sqlalchemy.orm import Session

from foundation.audit import Actor
from foundation.errors import N_
from layers import catalogue, rasters, tables, vectors
from layers.catalogue import Kind, LayerVersion, State
from layers.errors import ReaderDied
from layers.files import FileStore
from layers.findings import told
from layers.sandbox import Limits, plain_files, run

LIMITS = Limits(memory_bytes=2 * 2**30, cpu_seconds=3600)

Context = dict[str, Any]
Result = Mapping[str, Any]


@dataclass(frozen=True)
class Reader:
    """How the files of a kind are read.

    prepare: "module:function", called in the sandbox with path, kind, options, context, folder; its answer is
    {"crs", "resolution", "findings", "facts", "footprint" (WKT or None), "files": {name in facts: file in the folder}}.
    context: what it must know of the database. load: puts what the folder holds into the database.
    """

    prepare: str
    context: Callable[[Session, LayerVersion], Context]
    load: Callable[[Session, LayerVersion, Path, Result], None]


_VECTOR = Reader("layers.vectors:prepare", vectors.context, vectors.load)
_RASTER = Reader("layers.rasters:prepare", rasters.context, rasters.load)
READERS: dict[Kind, Reader] = {
    Kind.MUNICIPALITIES: _VECTOR,
    Kind.SETTLEMENTS: _VECTOR,
    Kind.FLOOD_EXTENT: _VECTOR,
    Kind.ACTIVE_FIRES: _VECTOR,
    Kind.FACILITIES: _VECTOR,
    Kind.ROADS: _VECTOR,
    Kind.RIVERS: _VECTOR,
    Kind.VETO_AREAS: _VECTOR,
    Kind.POPULATION_TABLE: Reader("layers.tables:prepare", tables.context, tables.load),
    Kind.POPULATION_RASTER: _RASTER,
    Kind.FLOOD_DEPTH: _RASTER,
    Kind.FIRE_DANGER: _RASTER,
    Kind.ELEVATION: _RASTER,
    Kind.LAND_COVER: _RASTER,
}


def begin(session: Session, version_id: UUID) -> Context:
    """Take the version up; gives what read() needs. Raises NoSuchLayer, WrongState."""
    version = catalogue.version(session, version_id)
    version.become(State.CHECKING)
    session.flush()
    kind = version.layer.kind
    return {
        "kind": kind.value,
        "file_name": version.file_name,
        "file_hash": version.file_hash,
        "options": version.options,
        "context": READERS[kind].context(session, version),
    }


def read(task: Context, store: FileStore, folder: Path, watch: Callable[[float], None]) -> Result:
    """Read the file in the sandbox; what it made lies in the folder, plain files that the answer names.

    Raises GisError, LayersError and watch's own.
    """
    path = store.path(task["file_hash"])
    crosswalk = str((task["options"].get("crosswalk") or {}).get("hash", ""))
    answer: Result = run(
        READERS[Kind(task["kind"])].prepare,
        {
            "path": str(path),
            "name": task["file_name"],
            "kind": task["kind"],
            "options": task["options"],
            "context": task["context"],
            "folder": str(folder),
        },
        files=[task["file_name"]],
        limits=LIMITS,
        reads=[path, *([store.path(crosswalk)] if crosswalk else [])],
        writes=[folder],
        watch=watch,
    )
    if not set(answer["files"].values()) <= plain_files(folder):
        raise ReaderDied(files=task["file_name"], reason=N_("it named files that it did not make"))
    return answer


def finish(
    session: Session, version_id: UUID, folder: Path, result: Result, store: FileStore, *, by: Actor, at: datetime
) -> None:
    """Hold what was made and make the version ready."""
    version = catalogue.version(session, version_id)
    version.facts = {**result["facts"], "files": {n: store.put(folder / f) for n, f in result["files"].items()}}
    version.findings = list(result["findings"])
    version.crs, version.resolution = result["crs"], result["resolution"]
    if result["footprint"]:
        version.footprint = from_shape(shapely.from_wkt(result["footprint"]), srid=4326)
    READERS[version.layer.kind].load(session, version, folder, result)
    catalogue.ready(session, version, by=by, at=at)


def refuse(session: Session, version_id: UUID, error: Exception, *, by: Actor, at: datetime) -> None:
    """Say why the file cannot be used; nothing of it is kept but the file itself."""
    catalogue.refuse(session, catalogue.version(session, version_id), told(error), by=by, at=at)
