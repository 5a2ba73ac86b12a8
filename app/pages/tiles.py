"""Tiles of the map. Their addresses carry the version, so that they can be kept for ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast
from uuid import UUID

from flask import Blueprint, Response, current_app, request
from flask.typing import ResponseReturnValue

from app import guards
from app.db import current_database, without_space
from app.errors import NoSuchTile
from app.factory import current_settings
from app.tilestore import BOUNDARIES, FEATURES, Tiles, legend_of_version
from gis.classes import Legend
from layers import catalogue
from layers.catalogue import Kind, LayerVersion
from layers.errors import NoSuchLayer
from layers.exposure import ExposureRun
from layers.files import FileStore

tiles = Blueprint("tiles", __name__, url_prefix="/tiles")
FOR_EVER = "private, max-age=31536000, immutable"


def current_tiles() -> Tiles:
    """The current application's tiles."""
    if "spremnost.tiles" not in current_app.extensions:
        current_app.extensions.setdefault(
            "spremnost.tiles",
            Tiles(
                current_database().engine.url.render_as_string(hide_password=False),
                FileStore(current_settings().data_dir / "layers").path,
            ),
        )
    return cast(Tiles, current_app.extensions["spremnost.tiles"])


@tiles.get("/boundaries/<uuid:version>/<int:z>/<int:x>/<int:y>.mvt")
@guards.tiles
def boundaries(version: UUID, z: int, x: int, y: int) -> ResponseReturnValue:
    """Boundaries with id, code and name."""
    return _vector(BOUNDARIES, version, z, x, y)


@tiles.get("/features/<uuid:version>/<int:z>/<int:x>/<int:y>.mvt")
@guards.tiles
def features(version: UUID, z: int, x: int, y: int) -> ResponseReturnValue:
    """Rivers, roads, facilities with name, category and value."""
    return _vector(FEATURES, version, z, x, y)


@tiles.get("/hazard/<uuid:version>/<int:z>/<int:x>/<int:y>.png")
@guards.tiles
def hazard(version: UUID, z: int, x: int, y: int) -> ResponseReturnValue:
    """The hazard itself in the colours of its legend."""
    if _is_known(version, z, x, y):
        return Response(status=304)
    return _lasting(current_tiles().hazard(version, lambda: _source(version), z, x, y), "image/png", version, z, x, y)


@tiles.get("/deepened/<uuid:version>/<int(signed=True):rise_cm>/<int:z>/<int:x>/<int:y>.png")
@guards.tiles
def deepened(version: UUID, rise_cm: int, z: int, x: int, y: int) -> ResponseReturnValue:
    """A flood whose water has risen where it is wet, without spread: a lower bound, which the page must say."""
    return _risen(version, lambda: _depths(version), rise_cm, z, x, y)


@tiles.get("/spread/<uuid:run>/<int(signed=True):rise_cm>/<int:z>/<int:x>/<int:y>.png")
@guards.tiles
def spread(run: UUID, rise_cm: int, z: int, x: int, y: int) -> ResponseReturnValue:
    """A flood whose water has risen and spread by height above drainage, as it was counted in a run."""
    return _risen(run, lambda: _over_ground(run), rise_cm, z, x, y)


def _risen(
    id_: UUID, source: Callable[[], tuple[str, Legend]], rise_cm: int, z: int, x: int, y: int
) -> ResponseReturnValue:
    if rise_cm == 0:  # the flood itself, which has an address of its own
        raise NoSuchTile
    if _is_known(id_, z, x, y, rise_cm):
        return Response(status=304)
    data = current_tiles().hazard(id_, source, z, x, y, rise_cm=rise_cm)
    return _lasting(data, "image/png", id_, z, x, y, rise_cm)


def _depths(version_id: UUID) -> tuple[str, Legend]:
    with without_space() as session:
        version = session.get(LayerVersion, version_id)
        if version is None or version.layer.kind != Kind.FLOOD_DEPTH:
            raise NoSuchTile
    return _source(version_id)


def _over_ground(run_id: UUID) -> tuple[str, Legend]:
    with without_space() as session:
        run = session.get(ExposureRun, run_id)
        if run is None or run.over_ground_pyramid is None:
            raise NoSuchTile
        hazard = catalogue.version(session, run.hazard_version_id)
        return run.over_ground_pyramid, legend_of_version(hazard.layer.kind, hazard.facts)


def _vector(source: str, version: UUID, z: int, x: int, y: int) -> ResponseReturnValue:
    if _is_known(version, z, x, y):
        return Response(status=304)
    data = current_tiles().vector(source, version, z, x, y)
    return _lasting(data, "application/vnd.mapbox-vector-tile", version, z, x, y)


def _source(version_id: UUID) -> tuple[str, Legend]:
    with without_space() as session:
        try:
            version = catalogue.version(session, version_id)
        except NoSuchLayer as error:
            raise NoSuchTile from error
        digest = (version.facts.get("files") or {}).get("pyramid")
        if digest is None:
            raise NoSuchTile
        return str(digest), legend_of_version(version.layer.kind, version.facts)


def _tag(id_: UUID, *place: int) -> str:
    return f'"{id_.hex}-{"-".join(map(str, place))}"'


def _is_known(id_: UUID, *place: int) -> bool:
    return request.headers.get("If-None-Match") == _tag(id_, *place)


def _lasting(data: bytes, mimetype: str, id_: UUID, *place: int) -> Response:
    answer = Response(data or None, status=200 if data else 204, mimetype=mimetype)
    answer.headers["Cache-Control"] = FOR_EVER
    answer.headers["ETag"] = _tag(id_, *place)
    return answer


__all__ = ["current_tiles", "tiles"]
