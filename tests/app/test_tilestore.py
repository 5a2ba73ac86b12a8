import zlib
from uuid import uuid4

import numpy as np
import pytest

from app.errors import NoSuchTile
from gis.tiles import EMPTY


def test_a_boundary_tile_carries_names_and_ids(client, country):
    version = country.versions["Općine"].id
    answer = client.get(f"/tiles/boundaries/{version}/7/70/46.mvt")
    assert answer.status_code == 200
    assert answer.mimetype == "application/vnd.mapbox-vector-tile"
    assert "Žepče".encode() in answer.data
    assert str(country.id("10502")).encode() in answer.data
    assert "immutable" in answer.headers["Cache-Control"]


def test_a_tile_is_not_sent_twice(client, country):
    for path in (
        f"/tiles/boundaries/{country.versions['Općine'].id}/7/70/46.mvt",
        f"/tiles/hazard/{country.versions['Poplava 1/100'].id}/8/140/92.png",
    ):
        first = client.get(path)
        again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")


def test_where_nothing_lies_the_tile_is_empty(client, country):
    version = country.versions["Općine"].id
    assert client.get(f"/tiles/boundaries/{version}/7/10/10.mvt").status_code == 204
    assert client.get(f"/tiles/hazard/{country.versions['Poplava 1/100'].id}/5/1/1.png").data == EMPTY


def test_a_hazard_tile_is_a_palette_picture_of_the_hazard(client, country):
    answer = client.get(f"/tiles/hazard/{country.versions['Poplava 1/100'].id}/8/140/92.png")
    assert answer.mimetype == "image/png"
    assert answer.data[:8] == b"\x89PNG\r\n\x1a\n"
    start = answer.data.index(b"IDAT") + 4
    rows = np.frombuffer(zlib.decompressobj().decompress(answer.data[start:]), np.uint8).reshape(256, 257)
    assert rows[:, 1:].any()


@pytest.mark.parametrize(
    "path",
    [
        "/tiles/boundaries/{unknown}/7/70/46.mvt",
        "/tiles/hazard/{unknown}/7/70/46.png",
        "/tiles/features/{unknown}/7/70/46.mvt",
        "/tiles/hazard/{boundaries}/7/70/46.png",
        "/tiles/boundaries/{boundaries}/7/128/0.mvt",
        "/tiles/boundaries/{boundaries}/7/0/128.mvt",
        "/tiles/boundaries/{boundaries}/99/0/0.mvt",
        "/tiles/boundaries/{boundaries}/-1/0/0.mvt",
        "/tiles/hazard/{hazard}/7/128/0.png",
        "/tiles/hazard/{hazard}/40/0/0.png",
        "/tiles/hazard/../../etc/passwd/0/0/0.png",
        "/tiles/hazard/..%2f..%2fetc%2fpasswd/0/0/0.png",
        "/tiles/hazard/{hazard}/7/99999999999999999999999999/0.png",
    ],
)
def test_what_is_no_tile_is_not_found(client, country, path):
    ids = {
        "unknown": uuid4(),
        "boundaries": country.versions["Općine"].id,
        "hazard": country.versions["Poplava 1/100"].id,
    }
    assert client.get(path.format(**ids)).status_code == 404


def test_tiles_survive_a_lost_connection(client, country):
    path = f"/tiles/boundaries/{country.versions['Općine'].id}/7/70/46.mvt"
    assert client.get(path).status_code == 200
    tiles = client.application.extensions["spremnost.tiles"]
    with tiles._pool.connection() as connection:
        connection.close()
    assert client.get(path).status_code == 200


def test_no_tile_has_negative_numbers(country):
    from app.tilestore import BOUNDARIES, Tiles

    with pytest.raises(NoSuchTile):
        Tiles(country.settings.database_url, lambda digest: country.store.path(digest)).vector(
            BOUNDARIES, country.versions["Općine"].id, 3, -1, 0
        )
