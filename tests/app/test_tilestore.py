import zlib
from uuid import uuid4

import numpy as np
import pytest

from app.errors import NoSuchTile
from gis.classes import DEPTH
from gis.rise import OVER_GROUND_STEPS
from gis.tiles import EMPTY
from layers.catalogue import Kind
from layers.exposure import ExposureRun
from tests.app.builders_map import a_hazard, a_pyramid


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


def colours(data):
    """The red, green and blue of each pixel, and whether it is drawn, (256, 256, 4)."""
    begin = data.index(b"PLTE")
    entries = int.from_bytes(data[begin - 4 : begin], "big") // 3
    rgb = np.frombuffer(data[begin + 4 :], np.uint8, 3 * entries).reshape(-1, 3)
    alpha = np.frombuffer(data[data.index(b"tRNS") + 4 :], np.uint8, entries)
    rows = zlib.decompressobj().decompress(data[data.index(b"IDAT") + 4 :])
    indices = np.frombuffer(rows, np.uint8).reshape(256, 257)[:, 1:]
    return np.dstack([rgb[indices], alpha[indices]])


DEEPEST = [*bytes.fromhex(DEPTH.classes[-1].colour[1:]), 255]
TILE = "8/140/92.png"


def test_a_risen_flood_deepens_where_it_is_wet_and_stays_dry_elsewhere(client, country):
    version = country.versions["Poplava 1/100"].id
    flood = colours(client.get(f"/tiles/hazard/{version}/{TILE}").data)
    risen = colours(client.get(f"/tiles/deepened/{version}/200/{TILE}").data)
    wet = flood[..., 3] > 0
    assert wet.any()
    assert not wet.all()
    assert (risen[..., 3] > 0).tolist() == wet.tolist()
    assert (risen[wet] == DEEPEST).all()  # 2 m and more
    fallen = colours(client.get(f"/tiles/deepened/{version}/-100/{TILE}").data)
    assert 0 < (fallen[..., 3] > 0).sum() < wet.sum()


def test_a_risen_flood_spreads_where_its_run_knows_the_ground(client, country, change):
    run = country.runs["Poplava 1/100"]
    over = np.full((300, 400), -1.0, np.float32)  # dry ground, 1 m above the water
    over[:, 200:300] = 0.5
    bounds = (17.0, 44.0, 18.2, 44.9)
    digest = a_pyramid(country.store, over, bounds, OVER_GROUND_STEPS)
    assert client.get(f"/tiles/spread/{run.id}/150/{TILE}").status_code == 404
    change(lambda session: setattr(session.get(ExposureRun, run.id), "over_ground_pyramid", digest))
    low = colours(client.get(f"/tiles/spread/{run.id}/50/{TILE}").data)
    high = colours(client.get(f"/tiles/spread/{run.id}/150/{TILE}").data)
    assert {tuple(c) for c in low[low[..., 3] > 0].tolist()} == {colour_of(3)}  # 1 m of water
    assert {tuple(c) for c in high[high[..., 3] > 0].tolist()} == {colour_of(2), colour_of(4)}  # 0.5 m and 2 m
    assert (high[..., 3] > 0).sum() > (low[..., 3] > 0).sum()


def colour_of(number):
    return (*bytes.fromhex(DEPTH.classes[number].colour[1:]), 255)


def test_a_risen_tile_is_kept_under_its_rise(client, country):
    version = country.versions["Poplava 1/100"].id
    first = client.get(f"/tiles/deepened/{version}/50/{TILE}")
    assert "immutable" in first.headers["Cache-Control"]
    again = client.get(f"/tiles/deepened/{version}/50/{TILE}", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    other = client.get(f"/tiles/deepened/{version}/100/{TILE}", headers={"If-None-Match": first.headers["ETag"]})
    assert other.status_code == 200


@pytest.mark.parametrize("rise_cm", [0, 3, 505, -505, 10**12])
def test_a_rise_is_drawn_in_steps_of_five_centimetres_within_its_limits(client, country, rise_cm):
    version = country.versions["Poplava 1/100"].id
    assert client.get(f"/tiles/deepened/{version}/{rise_cm}/{TILE}").status_code == 404


def test_only_floods_with_depths_rise(client, country, change):
    def a_fire(session):
        return a_hazard(
            session, country, country.store, "Vatra", figures={}, event="Vatra", kind=Kind.FIRE_DANGER
        ).hazard_version_id

    fire = change(a_fire)
    assert client.get(f"/tiles/hazard/{fire}/{TILE}").status_code == 200
    assert client.get(f"/tiles/deepened/{fire}/50/{TILE}").status_code == 404
    assert client.get(f"/tiles/deepened/{uuid4()}/50/{TILE}").status_code == 404
    assert client.get(f"/tiles/spread/{uuid4()}/50/{TILE}").status_code == 404
