"""Settlements known only as points share their municipality, everybody with the nearest one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Point, box, union_all

from layers.areas import Level
from layers.catalogue import Kind
from layers.exposure import nearest_parts
from tests.layers.builders_exposure import DEPTH, EAST, WEST, a_world

PLACE = box(17.0, 44.0, 18.0, 45.0)


@pytest.fixture
def world(session, store, operator, noon, tmp_path):
    return a_world(session, store, operator, noon, tmp_path)


def settle(world, version, level, code, parent, place):
    area = world.area(level, code, parent)
    world.boundary(version, area, place)
    return area


coordinates = st.integers(0, 1000).map(lambda n: n / 1000)
points = st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=12, unique=True)


@given(points)
@settings(max_examples=60)
def test_the_parts_are_the_whole_without_gap_or_overlap(places):
    given_points = {i: Point(17 + x, 44 + y) for i, (x, y) in enumerate(places)}
    parts = nearest_parts(PLACE, given_points)
    assert sum(part.area for part in parts.values()) == pytest.approx(PLACE.area, rel=1e-9)
    assert union_all(list(parts.values())).area == pytest.approx(PLACE.area, rel=1e-9)


@given(points, coordinates, coordinates)
@settings(max_examples=60)
def test_everybody_counts_with_the_nearest_one_in_metres(places, x, y):
    given_points = {i: Point(17 + a, 44 + b) for i, (a, b) in enumerate(places)}
    parts = nearest_parts(PLACE, given_points)
    east = np.cos(np.radians(44.5))
    distance = {i: np.hypot((p.x - 17 - x) * east, p.y - 44 - y) for i, p in given_points.items()}
    here = [i for i, part in parts.items() if part.buffer(1e-9).intersects(Point(17 + x, 44 + y))]
    assert min(distance.values()) == pytest.approx(min(distance[i] for i in here), abs=1e-6)


def test_points_in_one_place_get_nobody_and_give_nobody_to_their_neighbours():
    parts = nearest_parts(PLACE, {"a": Point(17.25, 44.5), "b": Point(17.75, 44.5), "c": Point(17.75, 44.5)})
    assert set(parts) == {"a"}
    assert parts["a"].area == pytest.approx(0.5)


def test_settlements_and_local_communities_are_counted_beside_each_other_and_each_adds_up(world):
    settlements = world.layer(Kind.SETTLEMENTS, "settlements")
    communities = world.layer(Kind.SETTLEMENTS, "mjesne zajednice")
    below = {
        level: [settle(world, version, level, f"{level}{i}", world.west, place) for i, place in enumerate(places)]
        for level, version, places in (
            (Level.SETTLEMENT, settlements, [Point(15.05, 44.95), Point(15.13, 44.7), Point(15.19, 44.61)]),
            (Level.LOCAL_COMMUNITY, communities, [box(15.0, 44.6, 15.1, 45.0), box(15.1, 44.6, 15.2, 45.0)]),
        )
    }
    counted = world.count(world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH))
    west = counted[world.west]
    for areas in below.values():
        assert sum(counted[a].population for a in areas) == pytest.approx(west.population, rel=1e-12)
        assert sum(counted[a].exposed for a in areas) == pytest.approx(west.exposed, rel=1e-12)
        for i, people in enumerate(west.by_class):
            assert sum(counted[a].by_class[i] for a in areas) == pytest.approx(people, rel=1e-12)


def test_settlements_of_a_municipality_without_an_outline_share_the_one_that_covers_it(world):
    stanari = world.area(Level.MUNICIPALITY, "20680", world.entity)
    newer = world.layer(Kind.MUNICIPALITIES, "older map", method=world.boundaries.method)
    world.boundary(newer, world.west, WEST, also_covers=[stanari])
    world.boundary(newer, world.east, EAST)
    world.boundaries.state = "withdrawn"
    settlements = world.layer(Kind.SETTLEMENTS, "settlements")
    there = settle(world, settlements, Level.SETTLEMENT, "S1", stanari, Point(15.05, 44.8))
    beside = settle(world, settlements, Level.SETTLEMENT, "S2", world.west, Point(15.15, 44.8))
    counted = world.count(world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH))
    assert [counted[there].exposed, counted[beside].exposed] == [pytest.approx(10.0), pytest.approx(10.0)]
    assert stanari not in counted
