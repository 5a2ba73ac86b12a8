"""What follows from several return periods, by hand on a grid of four by four cells."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import Point

from layers import annual, catalogue
from layers.annual import AnnualFigure, AnnualRun
from layers.areas import Level
from layers.catalogue import Kind, Method
from layers.exposure import ExposureRun
from layers.findings import as_text
from tests.layers.builders_exposure import DEPTH, PEOPLE, WEST, a_world

DEEP = np.where(DEPTH > 2, DEPTH, -1).astype(np.float32)  # only the one cell in the south-east
HALF = np.where(DEPTH > 0, DEPTH / 2, -1).astype(np.float32)


@pytest.fixture
def world(session, store, operator, noon, tmp_path):
    return a_world(session, store, operator, noon, tmp_path)


def flood(world, years, depth, **more):
    return world.layer(Kind.FLOOD_DEPTH, f"rp{years:g}", years=years, values=depth, **more)


def refreshed(world, hours=0):
    annual.refresh(world.session, at=world.noon + timedelta(hours=hours))
    return annual.figures(world.session, [world.west, world.east, world.canton, world.entity, world.country])


def said(version, code):
    return [as_text(f) for f in version.findings if f["code"] == code]


def test_expected_annual_people_are_the_area_under_the_curve(world):
    for years, depth in ((10.0, HALF), (100.0, DEPTH)):
        world.count(flood(world, years, depth))
    # Zapad: 10 people 1 in 10 (0.75 m), 20 people 1 in 100: (0.1 - 0.01) * 15 + 0.01 * 20
    found = refreshed(world)
    assert found[world.west].people == pytest.approx(1.55)
    # Istok: 1 person (1.5 m) and 2: (0.1 - 0.01) * 1.5 + 0.01 * 2
    assert found[world.east].people == pytest.approx(0.155)


def test_every_level_above_has_the_sum_of_its_municipalities_and_says_who_is_not_in_it(world):
    world.count(flood(world, 100.0, DEPTH, footprint=WEST.buffer(0.01)))
    found = refreshed(world)
    assert found[world.canton].people == pytest.approx(0.2)
    assert (found[world.canton].without, found[world.country].without) == (0, 1)
    assert found[world.country].people == pytest.approx(0.2)
    assert world.east not in found


def test_a_settlement_rests_on_the_same_countings_as_its_municipality(world):
    settlements = world.layer(Kind.SETTLEMENTS, "settlements")
    places = {}
    for code, x in (("S1", 15.05), ("S2", 15.15)):
        places[code] = world.area(Level.SETTLEMENT, code, world.west)
        world.boundary(settlements, places[code], Point(x, 44.8))
    for years, depth in ((10.0, HALF), (100.0, DEPTH)):
        world.count(flood(world, years, depth))
    west = refreshed(world)[world.west]
    found = annual.figures(world.session, list(places.values()))
    # S1 has the cell that only the rarer flood reaches, S2 the one that both reach.
    assert found[places["S1"]].people == pytest.approx((0.1 - 0.01) * 5 + 0.01 * 10)
    assert found[places["S2"]].people == pytest.approx(1.0)
    assert sum(f.people for f in found.values()) == pytest.approx(west.people)
    assert [p["run"] for p in found[places["S1"]].periods] == [p["run"] for p in west.periods]


def test_an_earlier_result_stays_and_names_the_countings_that_it_rests_on(world):
    hazard = flood(world, 100.0, DEPTH)
    world.count(hazard)
    before = refreshed(world)[world.west]
    world.population = world.layer(Kind.POPULATION_RASTER, "more", method=Method.OFFICIAL, values=PEOPLE * 2)
    world.count(hazard)
    after = refreshed(world, hours=1)[world.west]
    assert (before.people, after.people) == (pytest.approx(0.2), pytest.approx(0.4))
    runs = world.session.query(AnnualRun).order_by(AnnualRun.computed_at).all()
    assert [r.superseded_at for r in runs] == [world.noon + timedelta(hours=1), None]
    assert world.session.get(AnnualFigure, (runs[0].id, world.west)).people == pytest.approx(0.2)
    assert before.periods[0]["run"] != after.periods[0]["run"]


def test_nothing_is_stored_anew_where_nothing_changed(world):
    world.count(flood(world, 100.0, DEPTH))
    refreshed(world)
    refreshed(world, hours=1)
    assert world.session.query(AnnualRun).count() == 1


def test_when_its_flood_is_withdrawn_a_number_is_no_longer_current(world):
    hazard = flood(world, 100.0, DEPTH)
    world.count(hazard)
    refreshed(world)
    catalogue.withdraw(world.session, hazard.id, by=world.operator, at=world.noon)
    assert refreshed(world, hours=1) == {}


def test_exposure_that_falls_with_the_return_period_is_marked_and_kept_with_the_layer(world):
    floods = {years: flood(world, years, depth) for years, depth in ((10.0, DEPTH), (100.0, DEEP))}
    for hazard in floods.values():
        world.count(hazard)
    found = refreshed(world)
    runs = {p["years"]: p["run"] for p in found[world.west].periods}
    assert {str(run): mark for (area, run), mark in current_marks(world).items() if area == world.west} == {
        runs[100.0]: "not_growing"
    }
    assert said(floods[100.0], "exposure_not_growing") == [
        "In 2 municipalities fewer people are exposed than by the next more frequent flood (people, return period in "
        "years): I (I): 2 (10) → 1 (100), Z (Z): 20 (10) → 0 (100)."
    ]
    assert floods[10.0].findings == []


def current_marks(world):
    return annual.marks(world.session, {run.id for run in world.session.query(ExposureRun)})


def test_exposure_that_leaps_from_one_return_period_to_the_next_is_marked(world):
    world.population = world.layer(Kind.POPULATION_RASTER, "more people", method=Method.OFFICIAL, values=PEOPLE * 100)
    floods = {years: flood(world, years, depth) for years, depth in ((10.0, DEEP), (100.0, DEPTH))}
    for hazard in floods.values():
        world.count(hazard)
    refreshed(world)
    # Zapad from 0 to 2,000 people; Istok from 100 to 200.
    assert {area: mark for (area, _), mark in current_marks(world).items()} == {world.west: "jump"}
    (told,) = said(floods[100.0], "exposure_jumps")
    assert "In 1 municipalities" in told
    assert "Z (Z): 0 (10) → 2000 (100)" in told


def test_a_finding_goes_when_its_reason_does(world):
    frequent, rare = flood(world, 10.0, DEPTH), flood(world, 100.0, DEEP)
    rare.findings = [{"code": "partial_coverage", "text": "x", "parameters": {}}]
    world.count(frequent)
    world.count(rare)
    refreshed(world)
    assert [f["code"] for f in rare.findings] == ["partial_coverage", "exposure_not_growing"]
    catalogue.withdraw(world.session, frequent.id, by=world.operator, at=world.noon)
    refreshed(world, hours=1)
    assert [f["code"] for f in rare.findings] == ["partial_coverage"]


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=6), st.floats(1, 50))
def test_more_people_in_every_period_are_never_fewer_a_year(people, years):
    def expected(counts):
        periods = [(years * 2**i, None, float(p)) for i, p in enumerate(counts)]
        return annual._Annual.of(periods).people

    assert expected([p + 1 for p in people]) > expected(people)
    assert 0 <= expected(people) <= max(people) / years + 1e-6
