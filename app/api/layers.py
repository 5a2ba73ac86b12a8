"""The catalogue: what there is, and what it rests on."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from app.api.blueprint import Listed, Page, api, part_of
from app.db import without_space
from app.guards import needs
from app.languages import localised
from app.rights import Right
from layers import catalogue
from layers.catalogue import Kind, LayerVersion


class LayersAsked(Page):
    """Which layers."""

    kind: Kind | None = Field(None, description="Only of that kind.")


class Version(BaseModel):
    """One version of a layer."""

    id: UUID
    layer: str
    kind: Kind
    number: int
    state: str
    return_period_years: float | None
    event: str | None
    producer: str
    licence: str
    vintage: str
    method: str
    crs: str | None
    resolution: str | None
    sha256: str
    received_at: datetime
    ready_at: datetime | None
    findings: list[str]


class Versions(Listed[Version]):
    """A part of the versions."""


@api.get("/layers")
@needs(Right.SEE)
@api.input(LayersAsked, location="query", arg_name="asked")
@api.output(Versions)
@api.doc(summary="Versions of layers")
def layers(asked: LayersAsked) -> Any:
    """The newest versions first within each layer."""
    with without_space() as session:
        found = list(catalogue.versions(session, kind=asked.kind))
        shown, following = part_of(sorted(found, key=_key), asked, _key)
        return Versions(items=[_version(v) for v in shown], next=following)


@api.get("/layers/<uuid:version_id>")
@needs(Right.SEE)
@api.output(Version)
@api.doc(summary="One version", responses={404: "There is no such version."})
def layer(version_id: UUID) -> Any:
    """One version of a layer."""
    with without_space() as session:
        return _version(catalogue.version(session, version_id))


def _key(version: LayerVersion) -> str:
    return f"{version.layer.kind}/{version.layer.name}/{10_000 - version.number:05d}"


def _version(version: LayerVersion) -> Version:
    return Version(
        id=version.id,
        layer=version.layer.name,
        kind=version.layer.kind,
        number=version.number,
        state=str(version.state),
        return_period_years=version.layer.return_period_years,
        event=version.layer.event,
        producer=version.producer,
        licence=version.licence,
        vintage=version.vintage,
        method=str(version.method),
        crs=version.crs,
        resolution=version.resolution,
        sha256=version.file_hash,
        received_at=version.received_at,
        ready_at=version.ready_at,
        findings=[localised(finding) for finding in version.findings],
    )
