"""Whose people are told apart by which table."""

import pytest
from shapely import Point

from layers import people
from layers.areas import Level
from layers.catalogue import Kind, Method
from layers.people import AgeGroup, PeopleFigure, Sex
from tests.layers.builders_exposure import DEPTH, a_world

W, M, ALL = Sex.FEMALE, Sex.MALE, Sex.ALL


@pytest.fixture
def world(session, store, operator, noon, tmp_path):
    return a_world(session, store, operator, noon, tmp_path)


def a_table(world, name, figures, *, vintage="2013", method=Method.OFFICIAL, area=None):
    table = world.layer(Kind.POPULATION_TABLE, name, method=method)
    table.vintage = vintage
    for sex, first, last, count in figures:
        world.session.add(
            PeopleFigure(
                version_id=table.id,
                area_id=area or world.west,
                sex=sex,
                age_from=first,
                age_to=last,
                people=count,
            )
        )
    world.session.flush()
    return table


BY_BOTH = [(W, 0, 64, 50), (W, 65, None, 20), (M, 0, 64, 20), (M, 65, None, 10), (ALL, None, None, 100)]


def shares(world):
    return {(g.sex, g.age_from, g.age_to): g.people for g in people.shares(world.session)[world.west].groups}


def test_shares_are_by_sex_and_age_where_the_table_has_both(world):
    a_table(world, "both", BY_BOTH)
    assert shares(world) == {(W, 0, 64): 0.5, (W, 65, None): 0.2, (M, 0, 64): 0.2, (M, 65, None): 0.1}


def test_shares_are_by_age_or_by_sex_where_it_has_only_one_of_them(world):
    a_table(world, "ages", [(ALL, 0, 17, 1), (ALL, 18, None, 3), (W, None, None, 2)])
    assert shares(world) == {(ALL, 0, 17): 0.25, (ALL, 18, None): 0.75}
    a_table(world, "sexes", [(W, None, None, 3), (M, None, None, 1), (ALL, None, None, 4)], vintage="2020")
    assert shares(world) == {(W, None, None): 0.75, (M, None, None): 0.25}


@pytest.mark.parametrize(
    "bands",
    [
        [(ALL, 0, 17, 1), (ALL, 20, None, 3)],  # a gap
        [(ALL, 0, 17, 1), (ALL, 15, None, 3)],  # counted twice
        [(ALL, 0, 17, 1), (ALL, 18, 64, 3)],  # the old are missing
        [(W, 0, None, 3)],  # the men are missing
        [(ALL, None, None, 4)],
        [(ALL, 0, None, 0)],
    ],
)
def test_parts_that_leave_somebody_out_or_count_somebody_twice_are_not_used(world, bands):
    a_table(world, "table", bands)
    assert people.shares(world.session) == {}


def test_the_newest_real_table_says_it_and_an_illustrative_one_only_where_no_other_does(world):
    old = a_table(world, "old", BY_BOTH, vintage="census 1991")
    new = a_table(world, "new", [(ALL, 0, 17, 1), (ALL, 18, None, 3)], vintage="census 2013")
    drawn = a_table(world, "drawn", BY_BOTH, vintage="2026", method=Method.ILLUSTRATIVE)
    assert [t.id for t in people.tables(world.session)] == [new.id, old.id, drawn.id]
    assert people.shares(world.session)[world.west].table_id == new.id
    assert people.estimates(world.session)[world.west].table.id == old.id  # the newer one has no sum of all


def test_exposed_people_have_the_ages_of_their_municipality_and_keep_the_table(world):
    table = a_table(world, "both", BY_BOTH)
    counted = world.count(world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH))
    assert counted[world.west].ages.groups == [
        AgeGroup(W, 0, 64, pytest.approx(10.0)),
        AgeGroup(W, 65, None, pytest.approx(4.0)),
        AgeGroup(M, 0, 64, pytest.approx(4.0)),
        AgeGroup(M, 65, None, pytest.approx(2.0)),
    ]
    assert counted[world.west].ages.tables == {table.id}
    assert counted[world.east].ages is None


def test_what_lies_above_has_the_sum_of_the_ages_that_are_known(world):
    a_table(world, "west", BY_BOTH)
    a_table(world, "east", [(W, 0, 64, 1), (W, 65, None, 0), (M, 0, 64, 1), (M, 65, None, 0)], area=world.east)
    counted = world.count(world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH))
    total = {(g.sex, g.age_from): g.people for g in counted[world.country].ages.groups}
    assert total == {(W, 0): 11.0, (W, 65): 4.0, (M, 0): 5.0, (M, 65): 2.0}
    assert sum(total.values()) == counted[world.country].exposed
    assert len(counted[world.country].ages.tables) == 2


def test_a_settlement_has_ages_only_where_a_table_tells_of_it(world):
    settlements = world.layer(Kind.SETTLEMENTS, "settlements")
    places = [world.area(Level.SETTLEMENT, code, world.west) for code in ("S1", "S2")]
    for place, x in zip(places, (15.05, 15.15), strict=True):
        world.boundary(settlements, place, Point(x, 44.8))
    a_table(world, "municipalities", BY_BOTH)
    a_table(world, "settlements of Zapad", [(ALL, 0, 17, 1), (ALL, 18, None, 1)], area=places[0])
    counted = world.count(world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH))
    assert [g.people for g in counted[places[0]].ages.groups] == [pytest.approx(5.0), pytest.approx(5.0)]
    assert counted[places[1]].ages is None
