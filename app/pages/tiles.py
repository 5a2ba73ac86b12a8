"""Tiles of the map. Their addresses carry the version, so that they can be kept for ever."""

from __future__ import annotations

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
from layers.errors import NoSuchLayer
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


def _tag(version: UUID, z: int, x: int, y: int) -> str:
    return f'"{version.hex}-{z}-{x}-{y}"'


def _is_known(version: UUID, z: int, x: int, y: int) -> bool:
    return request.headers.get("If-None-Match") == _tag(version, z, x, y)


def _lasting(data: bytes, mimetype: str, version: UUID, z: int, x: int, y: int) -> Response:
    answer = Response(data or None, status=200 if data else 204, mimetype=mimetype)
    answer.headers["Cache-Control"] = FOR_EVER
    answer.headers["ETag"] = _tag(version, z, x, y)
    return answer


__all__ = ["current_tiles", "tiles"]
