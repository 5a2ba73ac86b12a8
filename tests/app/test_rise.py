"""A flood after its water has risen: the same numbers on map, table and in files, and what they leave out."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.db import Database
from app.factory import create_app
from foundation.audit import Actor
from foundation.spaces import OPERATIONAL_SPACE_ID
from layers.catalogue import Kind
from layers.files import FileStore
from tests.app.builders_map import close
from tests.app.builders_people import signed_in
from tests.layers.builders_exposure import DEPTH, a_world


@pytest.fixture
def world(database, tmp_path):
    """Two municipalities and a flood without elevation, counted; and somebody who looks."""
    settings = replace(database, data_dir=tmp_path)
    opened = Database(settings, pool_size=1)
    with opened.transaction(OPERATIONAL_SPACE_ID) as session:
        made = a_world(
            session, FileStore(tmp_path / "layers"), Actor("operator"), datetime(2026, 5, 14, 12, tzinfo=UTC), tmp_path
        )
        made.count(made.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH))
        made.count(made.layer(Kind.FLOOD_DEPTH, "rp20", years=20.0, values=DEPTH))
    opened.close()
    app = create_app(settings)
    made.client = signed_in(app.test_client(), settings)
    made.client.set_cookie("language", "en")
    yield made
    close(app)


def exposed(world, query):
    found = world.client.get(f"/op/map/exposure.json?hazard=flood-100{query}").json
    return found, [found["values"][str(area)][0] for area in (world.west, world.east)]


@pytest.mark.parametrize(
    ("rise", "west", "east"),
    [("0", 20, 2), ("50", 30, 2), ("-100", 10, 1), ("49", 30, 2), ("nonsense", 20, 2), ("99999", 30, 2)],
)
def test_the_map_counts_anew_after_a_rise(world, rise, west, east):
    found, numbers = exposed(world, f"&rise={rise}")
    assert numbers == [west, east]
    assert found["can_rise"] is True


def test_without_elevation_the_number_reads_lower_bound_wherever_it_stands(world):
    found, _ = exposed(world, "&rise=50")
    assert found["spread"].startswith("LOWER BOUND, WITHOUT SPREAD")
    for path in ("/op/map", "/op/table", f"/op/areas/{world.west}"):
        page = world.client.get(f"{path}?hazard=flood-100&rise=50&area=Z").text
        assert "LOWER BOUND, WITHOUT SPREAD" in page, path
        assert "water +0.5 m" in page, path
        assert ">30<" in "".join(page.split()), path


def test_a_file_says_for_which_rise_it_is(world):
    answer = world.client.get("/op/files/table.csv?hazard=flood-100&rise=50")
    text = answer.text
    assert answer.status_code == 200, text
    assert "water +0.5 m" in text
    assert "water +" not in world.client.get("/op/files/table.csv?hazard=flood-100").text


def test_without_a_rise_nothing_is_said_of_one(world):
    found, _ = exposed(world, "")
    assert (found["spread"], found["rise_cm"]) == ("", 0)
    assert "LOWER BOUND" not in world.client.get("/op/table?hazard=flood-100").text
