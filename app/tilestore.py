"""Tiles, fast: vector tiles straight from PostGIS, hazard tiles straight from a pyramid in memory.

A version never changes, so its tiles never do: a browser keeps them for a year, and is told "unchanged" without a
look at the database.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.pq import ExecStatus
from psycopg_pool import ConnectionPool

from app.errors import DatabaseUnavailable, NoSuchTile
from app.settings import libpq_url
from foundation.recent import Recent
from gis.classes import DEPTH, FWI, Legend
from gis.errors import TileOutside
from gis.palettes import Palette
from gis.rise import HIGHEST_RISE_M, LOWEST_RISE_M, risen_palette
from gis.tiles import EMPTY, Pyramid
from layers.catalogue import Kind

DEEPEST: Final = 22
CONNECTIONS: Final = 8
OPEN_PYRAMIDS: Final = 64
KEPT_TILES: Final = 4096
KEPT_PALETTES: Final = 512
RISE_STEP_CM: Final = 5
"""A rise is drawn in steps of so much: a pyramid's own steps are not finer."""

# One statement for each source, planned once on each connection: $1 version, $2 zoom, $3 column, $4 row. && uses the
# index on the shape; a tile in which nothing lies is empty. The margin keeps lines at a tile's edge from being seen.
_TILE: Final = """
WITH tile AS (SELECT ST_TileEnvelope($2, $3, $4) AS box)
SELECT ST_AsMVT(row, '{layer}', 4096, 'place') FROM (
    SELECT {columns}, ST_AsMVTGeom(shape.place, tile.box, 4096, 64, true) AS place
    FROM tile, shape {joins}
    WHERE shape.version_id = $1 AND shape.min_zoom <= $2 AND shape.max_zoom >= $2
      AND shape.place && ST_Expand(tile.box, (ST_XMax(tile.box) - ST_XMin(tile.box)) / 64)
) AS row WHERE row.place IS NOT NULL
"""
BOUNDARIES: Final = "boundaries"
FEATURES: Final = "features"
QUERIES: Final = {
    BOUNDARIES: _TILE.format(
        layer=BOUNDARIES,
        columns="area.id::text AS id, area.code, area.name",
        joins="JOIN boundary ON boundary.id = shape.item_id JOIN area ON area.id = boundary.area_id",
    ),
    FEATURES: _TILE.format(
        layer=FEATURES,
        columns="feature.name, feature.category, feature.value,"
        " extract(epoch FROM feature.observed_at)::bigint AS observed_s",
        joins="JOIN feature ON feature.id = shape.item_id",
    ),
}
TYPES: Final = (2950, 23, 23, 23)  # uuid and integers, by PostgreSQL's own numbers
BINARY: Final = 1
KNOWN: Final = "SELECT 1 FROM layer_version WHERE id = %s"


class Tiles:
    """The tiles of one application."""

    def __init__(self, database_url: str, file: Callable[[str], Path]) -> None:
        self._url = libpq_url(database_url)
        self._file = file
        self._pool: ConnectionPool | None = None
        self._lock = threading.Lock()
        self._pyramids: Recent[Any, Any] = Recent(OPEN_PYRAMIDS)
        self._palettes: Recent[tuple[UUID, int], Palette] = Recent(KEPT_PALETTES)
        self._pngs: Recent[Any, bytes] = Recent(KEPT_TILES)
        self._known: set[UUID] = set()

    def vector(self, source: str, version: UUID, z: int, x: int, y: int) -> bytes:
        """A vector tile of BOUNDARIES or FEATURES, empty where nothing lies. Raises NoSuchTile, DatabaseUnavailable."""
        if not (0 <= z <= DEEPEST and 0 <= x < 1 << z and 0 <= y < 1 << z):
            raise NoSuchTile
        asked = [value.encode() for value in (version.hex, str(z), str(x), str(y))]
        for attempt in (1, 2):
            try:
                with self._connections().connection(timeout=5) as connection:
                    tile = _execute(connection, source, asked)
                    if not tile and version not in self._known:
                        if connection.execute(KNOWN, [version]).fetchone() is None:
                            raise NoSuchTile
                        self._known.add(version)
                    return tile
            except psycopg.OperationalError as error:
                # The server may have been started again since; the pool has dropped the dead connection by now.
                if attempt == 2:
                    raise DatabaseUnavailable(reason=type(error).__name__) from error
                self._connections().check()
        raise AssertionError

    def hazard(
        self, id_: UUID, source: Callable[[], tuple[str, Legend]], z: int, x: int, y: int, *, rise_cm: int = 0
    ) -> bytes:
        """A tile of a raster as PNG; rise_cm: of a flood's, as if its water had risen (gis.rise).

        id_: of the version whose raster it is, or of the run that the water over the ground belongs to. source: gives
        the pyramid's file and the legend, asked once. Raises NoSuchTile, also for a rise that is not drawn.
        """
        if rise_cm % RISE_STEP_CM or not LOWEST_RISE_M <= rise_cm / 100 <= HIGHEST_RISE_M:
            raise NoSuchTile

        def open_() -> tuple[Pyramid, Legend]:
            digest, legend = source()
            return Pyramid.open(self._file(digest)), legend

        # A source of its own for a rise: not every raster has one.
        pyramid, legend = self._pyramids.get((id_, rise_cm != 0), open_)

        def colour() -> Palette:
            if rise_cm == 0:
                return Palette.of(legend, pyramid.steps)
            return risen_palette(legend, pyramid.steps, rise_cm / 100)

        palette = self._palettes.get((id_, rise_cm), colour)

        def draw() -> bytes:
            try:
                drawn: bytes = pyramid.png(z, x, y, palette)
            except TileOutside as error:
                raise NoSuchTile from error
            return drawn

        return self._pngs.get((id_, rise_cm, z, x, y), draw)

    def zooms(self, digest: str) -> tuple[int, int]:
        """The smallest and largest zoom of a pyramid."""
        return self.pyramid(digest).zooms

    def pyramid(self, digest: str) -> Pyramid:
        """The pyramid in that file."""
        found: Pyramid = self._pyramids.get(digest, lambda: Pyramid.open(self._file(digest)))
        return found

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            if self._pool is not None:
                self._pool.close()
                self._pool = None

    def _connections(self) -> ConnectionPool:
        with self._lock:
            if self._pool is None:  # not before a process was forked
                self._pool = ConnectionPool(
                    self._url,
                    min_size=1,
                    max_size=CONNECTIONS,
                    open=True,
                    name="tiles",
                    configure=_prepare,
                    kwargs={"autocommit": True, "options": "-csearch_path=public -cjit=off"},
                )
            return self._pool


def _prepare(connection: psycopg.Connection) -> None:
    for name, query in QUERIES.items():
        prepared = connection.pgconn.prepare(name.encode(), query.encode(), TYPES)
        if prepared.status != ExecStatus.COMMAND_OK:
            raise psycopg.OperationalError(prepared.get_error_message())


def _execute(connection: psycopg.Connection, name: str, values: list[bytes]) -> bytes:
    """The one value that a prepared query gives: libpq itself, which takes half as long as a cursor."""
    answer = connection.pgconn.exec_prepared(name.encode(), values, result_format=BINARY)
    if answer.status != ExecStatus.TUPLES_OK:
        raise psycopg.OperationalError(answer.get_error_message())
    return answer.get_value(0, 0) or b""


def legend_of_version(kind: Kind, facts: dict[str, Any]) -> Legend:
    """The legend of a raster layer: its own where one came with it."""
    own = facts.get("legend")
    if own:
        return Legend.from_data(own)
    return FWI if kind == Kind.FIRE_DANGER else DEPTH


__all__ = ["BOUNDARIES", "EMPTY", "FEATURES", "Tiles", "legend_of_version"]
