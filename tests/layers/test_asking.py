"""Questions about a place: answers counted by hand on the world of four by four cells."""

import json
from dataclasses import replace
from uuid import uuid4

import numpy as np
import pytest
import shapely
from geoalchemy2.shape import from_shape
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Point, box

from gis.terrain import terrain
from layers import exposure
from layers.areas import Boundary, Level
from layers.asking import ask
from layers.catalogue import Kind, Method
from layers.cells import cells
from layers.comparing import everywhere
from layers.errors import (
    CountedByOlderEdition,
    CountedInAnother,
    NoBoundary,
    NoDepths,
    NoRise,
    NoSuchArea,
    NothingCounted,
    PlaceNotUnderstood,
    PlaceOutside,
    RiseOutOfRange,
    ThresholdOutOfRange,
    WrongClasses,
    WrongPage,
)
from layers.exposure import ExposureFigure, ExposureRun
from layers.features import Feature
from layers.people import PeopleFigure, Sex
from layers.questions import Question
from layers.recounting import KeptRuns, Reading, Spread
from layers.runs import Family, Hazard
from tests.builders import a_grid
from tests.layers.builders_exposure import DEPTH, EAST, PLACE, WEST, a_world

FLOOD = Hazard(Family.FLOOD, years=100.0)
GROUND = np.array([[5, 5, 5, 5], [4, 4, 4, 4], [3, 3, 3, 3], [2, 2, 2, 2]], dtype=np.float32)


@pytest.fixture
def world(session, store, operator, noon, tmp_path):
    return a_world(session, store, operator, noon, tmp_path)


@pytest.fixture
def kept(store):
    return KeptRuns(store.path)


@pytest.fixture
def flooded(world):
    """The world with a flood in a hundred years, counted."""
    world.flood = world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH)
    world.count(world.flood)
    return world


def geojson(geometry):
    return json.loads(shapely.to_geojson(geometry))


def a_question(where, hazard=FLOOD, **reading):
    if isinstance(where, shapely.Geometry):
        return Question(hazard, Reading(**reading), geometry=geojson(where))
    return Question(hazard, Reading(**reading), area_id=where)


def stored(world, area):
    run = world.session.query(ExposureRun).filter(ExposureRun.superseded_at.is_(None)).one()
    return world.session.get(ExposureFigure, (run.id, area))


def an_elevation(world, values=GROUND, **place):
    elevation = world.layer(Kind.ELEVATION, "elevation")
    with world.store.part() as part:
        grid = a_grid(values.shape, **({"left": 15.0, "bottom": 44.6, "cell": 0.1} | place))
        terrain(values, grid, stream_km2=0.0).save(part)
        elevation.facts = {"files": {"terrain": world.store.put(part)}}
    world.session.flush()
    return elevation


# --- areas -----------------------------------------------------------------------------------------------------------


def test_the_answer_for_an_area_of_any_level_is_the_stored_number_bit_by_bit(world, kept):
    settlements = world.layer(Kind.SETTLEMENTS, "settlements")
    places = [world.area(Level.SETTLEMENT, code, world.west) for code in ("S1", "S2")]
    for place, x in zip(places, (15.03, 15.17), strict=True):
        world.boundary(settlements, place, Point(x, 44.8))
    world.count(world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH))
    for area in (world.west, world.east, world.canton, world.entity, world.country, *places):
        figure, answer = stored(world, area), ask(world.session, kept, a_question(area))
        assert (answer.people, answer.exposed, answer.not_modelled) == (
            figure.population,
            figure.exposed,
            figure.not_modelled,
        )
        assert list(answer.by_class) == figure.by_class
        assert (answer.rise_m, answer.spread, answer.unit) == (0.0, Spread.NOT_NEEDED, "m")
        assert answer.edges == (0.3, 0.5, 1.0, 2.0)


def test_an_answer_says_what_it_rests_on(flooded, kept):
    answer = ask(flooded.session, kept, a_question(flooded.west))
    assert [source.layer for source in answer.sources] == ["rp100", "people", "municipalities"]
    assert (answer.threshold, answer.share, answer.carrying_cells) == (0.3, 0.5, 2)
    assert answer.marks == ("few_cells",)
    assert not answer.illustrative
    assert not answer.estimated
    assert answer.facilities is None
    assert [(round(c.x, 2), round(c.y, 2), c.people, c.share, c.exposed) for c in answer.cells] == [
        (15.05, 44.95, 10.0, 1.0, 10.0),
        (15.15, 44.95, 10.0, 1.0, 10.0),
    ]
    data = json.loads(json.dumps(answer.data()))
    assert data["exposed"] == 20.0
    assert data["runs"][0]["run"] == str(answer.runs[0].id)


def test_illustrative_people_make_an_illustrative_answer(world, kept):
    world.layer(Kind.POPULATION_RASTER, "people", method=Method.ILLUSTRATIVE, values=np.ones((4, 4), np.float32))
    world.population.become("withdrawn")
    world.session.flush()
    world.count(world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH, method=Method.ESTIMATED))
    answer = ask(world.session, kept, a_question(world.west))
    assert answer.illustrative
    assert answer.estimated


def test_each_municipality_is_counted_by_the_best_layer_that_covers_it_wholly(flooded, kept):
    official = flooded.layer(
        Kind.FLOOD_DEPTH, "official", years=100.0, values=DEPTH * 2, method=Method.OFFICIAL, footprint=WEST.buffer(0.01)
    )
    flooded.count(official)
    answer = ask(flooded.session, kept, a_question(flooded.country))
    # West by the official layer (0.6, 3 and 0.4 m: 30 people), east by the model (2 people).
    assert answer.exposed == 32.0
    assert {part.area_id: part.run.hazard.layer for part in answer.parts} == {
        flooded.west: "official",
        flooded.east: "rp100",
    }
    assert [s.layer for s in answer.sources if s.kind == Kind.FLOOD_DEPTH] == ["official", "rp100"]
    drawn_ = ask(flooded.session, kept, a_question(box(15.05, 44.6, 15.4, 45.0)))
    assert drawn_.exposed == pytest.approx(5 + 10 + 10 + 2)


def test_what_nothing_models_is_none_and_never_zero(world, kept):
    event = world.layer(Kind.FLOOD_EXTENT, "event", event="May 2014", footprint=WEST)
    world.session.add(Feature(version_id=event.id, number=1, properties={}, place=from_shape(WEST, srid=4326)))
    world.session.flush()
    world.count(event)
    of_event = Hazard(Family.FLOOD, event="May 2014")
    east = ask(world.session, kept, a_question(world.east, of_event))
    assert (east.people, east.exposed, east.by_class, east.not_modelled, east.share) == (8.0, None, None, 8.0, None)
    assert east.cells == ()
    assert east.marks == ("partly_covered",)
    country = ask(world.session, kept, a_question(world.country, of_event))
    assert (country.exposed, country.not_modelled, country.share) == (40.0, 8.0, 1.0)
    assert (country.by_class, country.unclassed) == (None, 40.0)  # an extent has no depths
    across = ask(world.session, kept, a_question(box(15.15, 44.9, 15.25, 45.0), of_event))
    assert (across.people, across.exposed, across.not_modelled) == pytest.approx((5.5, 5.0, 0.5))


def test_a_layer_that_was_chosen_itself_counts_where_it_covers_in_part(world, kept):
    half = box(15.0, 44.6, 15.1, 45.0)
    event = world.layer(Kind.FLOOD_EXTENT, "event", event="May 2014", footprint=half)
    world.session.add(Feature(version_id=event.id, number=1, properties={}, place=from_shape(half, srid=4326)))
    world.session.flush()
    world.count(event)
    best = ask(world.session, kept, a_question(world.west, Hazard(Family.FLOOD, event="May 2014")))
    assert (best.exposed, best.not_modelled) == (None, 40.0)
    chosen = ask(world.session, kept, a_question(world.west, Hazard(version_id=event.id)))
    assert (chosen.exposed, chosen.not_modelled) == pytest.approx((20.0, 20.0))
    run = world.session.query(ExposureRun).one()
    assert ask(world.session, kept, a_question(world.west, Hazard(run_id=run.id))).exposed == chosen.exposed


def test_an_old_run_still_answers(flooded, kept):
    before = flooded.session.query(ExposureRun).one().id
    flooded.layer(Kind.POPULATION_RASTER, "newer", method=Method.OFFICIAL, values=np.ones((4, 4), np.float32))
    flooded.count(flooded.flood)
    assert ask(flooded.session, kept, a_question(flooded.west, Hazard(run_id=before))).people == 40.0
    assert ask(flooded.session, kept, a_question(flooded.west)).people == 8.0


def test_fire_is_asked_about_by_its_layers_name(world, kept):
    world.count(world.layer(Kind.FIRE_DANGER, "dry August", values=np.full((4, 4), 40.0, np.float32)))
    fire = Hazard(Family.FIRE, event="dry August")
    answer = ask(world.session, kept, a_question(world.west, fire))
    assert (answer.exposed, answer.threshold, answer.unit) == (40.0, 38.0, "FWI")
    assert answer.by_class == (0.0, 0.0, 0.0, 40.0, 0.0)
    assert ask(world.session, kept, a_question(world.west, fire, threshold=50.0)).exposed == 0.0
    with pytest.raises(NoRise):
        ask(world.session, kept, a_question(world.west, fire, rise_m=0.5))


def test_an_area_whose_land_lies_in_anothers_boundary_says_in_whose(flooded, kept):
    stanari = flooded.area(Level.MUNICIPALITY, "Stanari", flooded.entity)
    flooded.session.query(Boundary).filter_by(area_id=flooded.west).delete()
    flooded.boundary(flooded.boundaries, flooded.west, WEST, also_covers=[stanari])
    with pytest.raises(CountedInAnother, match=r"Stanari .* counted in Z"):
        ask(flooded.session, kept, a_question(stanari))
    with pytest.raises(NoBoundary):
        ask(flooded.session, kept, a_question(flooded.area(Level.MUNICIPALITY, "Nowhere")))
    with pytest.raises(NoSuchArea):
        ask(flooded.session, kept, a_question(uuid4()))


# --- drawn places ----------------------------------------------------------------------------------------------------


def test_the_answer_for_a_municipalitys_own_outline_is_the_stored_number_bit_by_bit(flooded, kept):
    for area, outline in ((flooded.west, WEST), (flooded.east, EAST)):
        answer, figure = ask(flooded.session, kept, a_question(outline)), stored(flooded, area)
        assert (answer.people, answer.exposed, list(answer.by_class)) == (
            figure.population,
            figure.exposed,
            figure.by_class,
        )
        assert [(part.area_id, part.whole) for part in answer.parts] == [(area, True)]
        assert answer.findings == ()


def test_land_that_two_municipalities_claim_is_counted_once(world, kept):
    claimed = world.area(Level.MUNICIPALITY, "X", world.entity)
    world.boundary(world.boundaries, claimed, box(15.15, 44.6, 15.25, 45.0))  # in west and in east
    world.count(world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH))
    for area, outline in ((world.west, WEST), (claimed, box(15.15, 44.6, 15.25, 45.0))):
        answer, figure = ask(world.session, kept, a_question(outline)), stored(world, area)
        assert (answer.people, answer.exposed) == (figure.population, figure.exposed)
    across = ask(world.session, kept, a_question(box(15.12, 44.6, 15.3, 45.0)))
    assert across.people == pytest.approx(8 * 2 + 2 * 1 + 2)
    assert across.findings == ()


def test_a_cell_cut_by_the_outline_counts_in_part(flooded, kept):
    # Half of the first cell (0.3 m) and a quarter of the one below it (dry).
    answer = ask(flooded.session, kept, a_question(box(15.05, 44.85, 15.1, 45.0)))
    assert answer.people == pytest.approx(5.0 + 2.5)
    assert answer.exposed == pytest.approx(5.0)
    assert [(part.area_id, part.whole) for part in answer.parts] == [(flooded.west, False)]


def test_a_circle_and_the_surroundings_of_a_line_are_places_too(flooded, kept):
    point = Question(FLOOD, geometry=geojson(Point(15.15, 44.95)), buffer_m=1000.0)
    answer = ask(flooded.session, kept, point)
    assert answer.people == pytest.approx(10.0 * answer.place.area_km2 / 87.7, rel=0.01)  # 7.89 km by 11.11 km
    assert answer.exposed == pytest.approx(answer.people)


SEEDS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=2, max_size=9, unique=True)


def test_the_parts_of_any_partition_add_up_to_the_whole(flooded, kept):
    country = box(15.0, 44.6, 15.4, 45.0)
    wholes = {rise: ask(flooded.session, kept, a_question(flooded.country, rise_m=rise)) for rise in (0.0, 0.4)}

    @given(SEEDS, st.sampled_from(sorted(wholes)))
    @settings(max_examples=40, deadline=None)
    def add_up(points, rise):
        seeds = shapely.multipoints([(15.0 + x / 100, 44.6 + y / 100) for x, y in points])
        parts = shapely.get_parts(shapely.voronoi_polygons(seeds, extend_to=country))
        parts = [part for part in shapely.intersection(parts, country) if part.area > 1e-6]
        answers = [ask(flooded.session, kept, a_question(part, rise_m=rise)) for part in parts]
        whole = wholes[rise]
        assert sum(a.people for a in answers) == pytest.approx(whole.people, rel=1e-9)
        assert sum(a.exposed for a in answers) == pytest.approx(whole.exposed, rel=1e-9)
        sums = np.sum([a.by_class for a in answers], axis=0)
        assert sums == pytest.approx(np.array(whole.by_class), rel=1e-9, abs=1e-9)

    add_up()


def test_what_lies_outside_the_country_is_left_out_and_told(flooded, kept):
    answer = ask(flooded.session, kept, a_question(box(14.8, 44.6, 15.2, 45.0)))
    assert (answer.people, answer.exposed) == (40.0, 20.0)
    (told,) = answer.findings
    assert told["code"] == "outside_country"
    assert told["parameters"]["km2"] == pytest.approx(answer.place.area_km2 / 2, abs=0.1)
    with pytest.raises(PlaceOutside):
        ask(flooded.session, kept, a_question(box(10.0, 44.6, 10.2, 45.0)))


def test_an_outline_that_crosses_itself_is_repaired_and_told(flooded, kept):
    bow = {"type": "Polygon", "coordinates": [[[15, 44.6], [15.2, 45], [15.2, 44.6], [15, 45], [15, 44.6]]]}
    answer = ask(flooded.session, kept, Question(FLOOD, geometry=bow))
    assert [f["code"] for f in answer.findings] == ["invalid_repaired"]
    assert 0 < answer.people < 40


def test_people_may_be_counted_in_metres(session, store, operator, noon, tmp_path, kept, monkeypatch):
    from tests.layers import builders_exposure

    place = {"left": 500_000.0, "bottom": 4_940_000.0, "cell": 8_000.0, "crs": "EPSG:32633"}
    monkeypatch.setattr(builders_exposure, "PLACE", place)
    world = a_world(session, store, operator, noon, tmp_path)
    world.count(world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH))
    for area, outline in ((world.west, WEST), (world.east, EAST)):
        answer, figure = ask(session, kept, a_question(outline)), stored(world, area)
        assert answer.people == pytest.approx(figure.population, rel=1e-4)
        assert answer.exposed == pytest.approx(figure.exposed, rel=1e-4)
        first = next(iter(cells(session, kept, a_question(area)).cells))
        assert 15.0 < first.x < 15.4
        assert 44.5 < first.y < 45.0


# --- thresholds and rises --------------------------------------------------------------------------------------------


def test_any_threshold_and_any_classes_are_answered(flooded, kept):
    answer = ask(flooded.session, kept, a_question(flooded.west, threshold=0.2, edges=(0.1, 0.25, 1.0)))
    assert answer.exposed == 30.0
    assert (answer.edges, answer.by_class) == ((0.1, 0.25, 1.0), (10.0, 10.0, 10.0))


@pytest.mark.parametrize(
    ("reading", "error"),
    [
        ({"threshold": 0.0}, ThresholdOutOfRange),
        ({"threshold": -1.0}, ThresholdOutOfRange),
        ({"threshold": 31.0}, ThresholdOutOfRange),
        ({"edges": (0.5, 0.3)}, WrongClasses),
        ({"edges": (0.5, 0.5)}, WrongClasses),
        ({"edges": (0.0, 0.5)}, WrongClasses),
        ({"edges": tuple(np.arange(1, 14) / 10)}, WrongClasses),
        ({"rise_m": 5.1}, RiseOutOfRange),
        ({"rise_m": -5.1}, RiseOutOfRange),
    ],
)
def test_what_cannot_be_read_like_that_is_refused_with_a_sentence(flooded, kept, reading, error):
    with pytest.raises(error) as told:
        ask(flooded.session, kept, a_question(flooded.west, **reading))
    assert "{" not in str(told.value)


def test_without_elevation_a_rise_is_a_lower_bound_and_says_so(flooded, kept):
    answers = {r: ask(flooded.session, kept, a_question(flooded.west, rise_m=r)) for r in (0.0, 0.1, 2.0, -0.5)}
    assert [a.exposed for a in answers.values()] == [20.0, 30.0, 30.0, 10.0]  # what is dry stays dry
    assert [a.spread for a in answers.values()] == [
        Spread.NOT_NEEDED,
        Spread.LOWER_BOUND,
        Spread.LOWER_BOUND,
        Spread.NOT_NEEDED,
    ]
    assert answers[2.0].spread_sentence.startswith("LOWER BOUND, WITHOUT SPREAD")
    assert answers[2.0].by_class == (0.0, 0.0, 0.0, 30.0)


def test_with_elevation_a_rise_spreads_by_height_above_drainage(world, kept):
    # Streams everywhere: each cell is its own drainage. The dry cell of ten people in the west, at 4 m, drains to the
    # cell to its south-east, at 3 m, to which the 0.2 m of the cell above it are carried: the water stands 0.8 m below.
    an_elevation(world)
    world.count(world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH))
    answers = {r: ask(world.session, kept, a_question(world.west, rise_m=r)) for r in (0.0, 0.1, 1.05, 1.1, 5.0)}
    assert [a.exposed for a in answers.values()] == [20.0, 30.0, 30.0, 40.0, 40.0]
    assert answers[1.1].by_class == (10.0, 0.0, 20.0, 10.0)  # 0.3 m; 1.3 and 1.4 m; 2.6 m
    assert answers[1.1].spread == Spread.BY_HEIGHT
    assert answers[1.1].ground_unknown == 0.0
    assert [s.layer for s in answers[1.1].sources] == ["rp100", "people", "municipalities", "elevation"]
    assert [s.layer for s in answers[0.0].sources] == ["rp100", "people", "municipalities"]
    assert answers[0.0].exposed == stored(world, world.west).exposed


DITCH = np.array([[5, 9, 9, 9], [4, 9, 9, 9], [3, 9, 9, 9], [2, 9, 9, 9]], dtype=np.float32)
"""The water of the first cell, 0.3 m, runs down the western column, where the layer shows dry ground."""


def test_low_ground_that_the_layer_shows_dry_is_counted_and_told_apart(world, schools, kept):
    an_elevation(world, DITCH)
    flood = world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH)
    world.count(flood)
    before, after = (ask(world.session, kept, a_question(world.west, rise_m=r)) for r in (0.25, 0.3))
    assert (before.exposed, before.low_and_dry) == (30.0, 0.0)
    assert (after.exposed, after.low_and_dry) == (40.0, 10.0)
    assert {f.name or f.category: (f.value, f.low_and_dry) for f in after.at_risk} == {
        "Prva": (pytest.approx(0.6), False),
        "hospital": (pytest.approx(1.8), False),
        "Druga": (pytest.approx(0.3), True),
    }
    assert ask(world.session, kept, a_question(world.west)).low_and_dry == 0.0
    assert ask(world.session, kept, a_question(box(15.0, 44.85, 15.1, 44.9), rise_m=0.3)).low_and_dry == pytest.approx(
        5
    )
    found = everywhere(world.session, kept, FLOOD, Reading(rise_m=0.3))
    assert found.low_and_dry[world.west] == found.low_and_dry[world.canton] == 10.0
    assert found.low_and_dry[world.country] == 10.0 + found.low_and_dry[world.east]


def test_where_the_ground_is_not_known_a_rise_is_partly_a_lower_bound(world, kept):
    an_elevation(world, GROUND[:, :1])  # of the western column only
    world.count(world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH))
    west = ask(world.session, kept, a_question(world.west, rise_m=1.0))
    assert west.spread == Spread.BY_HEIGHT  # the only dry cell with people lies in that column
    east = ask(world.session, kept, a_question(world.east, rise_m=1.0))
    assert (east.spread, east.ground_unknown, east.exposed) == (Spread.PARTLY, 6.0, 2.0)
    assert ask(world.session, kept, a_question(box(15.3, 44.6, 15.4, 44.7), rise_m=1.0)).spread == Spread.BY_HEIGHT
    country = ask(world.session, kept, a_question(world.country, rise_m=1.0))
    assert (country.spread, country.ground_unknown) == (Spread.PARTLY, 6.0)


def test_a_rise_is_asked_of_layers_with_depths_only(world, kept):
    extent = world.layer(Kind.FLOOD_EXTENT, "rp100", years=100.0, method=Method.OFFICIAL, footprint=box(14, 44, 16, 46))
    world.session.add(Feature(version_id=extent.id, number=1, properties={}, place=from_shape(WEST, srid=4326)))
    world.session.flush()
    world.count(extent)
    for hazard in (FLOOD, Hazard(version_id=extent.id)):
        for reading in ({"rise_m": 0.5}, {"threshold": 0.5}):
            with pytest.raises(NoDepths, match="rp100"):
                ask(world.session, kept, a_question(world.west, hazard, **reading))
    world.count(world.layer(Kind.FLOOD_DEPTH, "depths", years=100.0, values=DEPTH))
    assert ask(world.session, kept, a_question(world.west)).exposed == 40.0  # the official extent
    answer = ask(world.session, kept, a_question(world.west, threshold=0.3))
    assert (answer.exposed, answer.runs[0].hazard.layer) == (20.0, "depths")


def test_a_hazard_that_nobody_counted_is_refused(world, kept):
    for hazard in (FLOOD, Hazard(Family.FLOOD, event="never"), Hazard(version_id=uuid4()), Hazard(run_id=uuid4())):
        with pytest.raises(NothingCounted):
            ask(world.session, kept, a_question(world.west, hazard))


def test_a_run_of_an_older_edition_says_what_to_do(flooded, kept):
    flooded.session.query(ExposureRun).one().index_file = None
    flooded.session.flush()
    with pytest.raises(CountedByOlderEdition, match="spremnost layers count"):
        ask(flooded.session, kept, a_question(flooded.west))
    assert exposure.outdated(flooded.session) == [flooded.flood.id]


# --- facilities ------------------------------------------------------------------------------------------------------


@pytest.fixture
def schools(world):
    layer = world.layer(Kind.FACILITIES, "facilities")
    for number, (name, category, x, y) in enumerate(
        [
            ("Prva", "school", 15.05, 44.95),  # 0.3 m
            ("Druga", "school", 15.05, 44.85),  # dry, with elevation 0.8 m above the water
            (None, "hospital", 15.15, 44.95),  # 1.5 m
            ("Istok", "school", 15.35, 44.65),  # 3 m, in the east
        ],
        1,
    ):
        world.session.add(
            Feature(
                version_id=layer.id,
                number=number,
                name=name,
                category=category,
                properties={},
                place=from_shape(Point(x, y), srid=4326),
            )
        )
    world.session.flush()
    return layer


def in_short(answer):
    return {f.category: [f.exposed, f.all, f.not_modelled] for f in answer.facilities}


def test_facilities_at_risk_are_counted_by_category_and_named(world, schools, kept):
    world.count(world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH))
    answer = ask(world.session, kept, a_question(world.west))
    assert {f.category: [f.exposed, f.all, f.not_modelled] for f in answer.facilities} == stored(
        world, world.west
    ).facilities
    assert [(f.category, f.name, f.value) for f in answer.at_risk] == [
        ("hospital", None, 1.5),
        ("school", "Prva", pytest.approx(0.3)),
    ]
    assert "facilities" in [source.layer for source in answer.sources]
    country = ask(world.session, kept, a_question(world.country))
    assert {f.category: [f.exposed, f.all, f.not_modelled] for f in country.facilities} == stored(
        world, world.country
    ).facilities
    half = ask(world.session, kept, a_question(box(15.0, 44.9, 15.08, 45.0)))
    assert [vars(f) for f in half.facilities] == [{"category": "school", "exposed": 1, "all": 1, "not_modelled": 0}]


def test_facilities_follow_threshold_and_rise(world, schools, kept):
    an_elevation(world)
    world.count(world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH))

    def reached(**reading):
        answer = ask(world.session, kept, a_question(world.west, **reading))
        return sorted(f.name or f.category for f in answer.at_risk)

    assert reached(threshold=1.0) == ["hospital"]
    assert reached(rise_m=1.05) == ["Prva", "hospital"]
    assert reached(rise_m=1.1) == ["Druga", "Prva", "hospital"]
    assert reached(rise_m=-0.1) == ["hospital"]


def test_facilities_where_nothing_is_modelled_are_not_counted_as_safe(world, schools, kept):
    event = world.layer(Kind.FLOOD_EXTENT, "event", event="May 2014", footprint=WEST)
    world.session.add(Feature(version_id=event.id, number=1, properties={}, place=from_shape(WEST, srid=4326)))
    world.session.flush()
    world.count(event)
    answer = ask(world.session, kept, a_question(world.country, Hazard(Family.FLOOD, event="May 2014")))
    assert [vars(f) for f in answer.facilities] == [
        {"category": "hospital", "exposed": 1, "all": 1, "not_modelled": 0},
        {"category": "school", "exposed": 2, "all": 3, "not_modelled": 1},
    ]
    assert all(f.value is None for f in answer.at_risk)


# --- households ------------------------------------------------------------------------------------------------------


def a_census(world, households, **people):
    table = world.layer(Kind.POPULATION_TABLE, "census")
    table.facts = {"files": {}, "households": 1.0}
    for area, number in people.items():
        figure = PeopleFigure(
            version_id=table.id, area_id=getattr(world, area), sex=Sex.ALL, people=number, households=households[area]
        )
        world.session.add(figure)
    world.session.flush()
    return table


def test_households_are_as_many_as_the_municipality_has_to_so_many_people(flooded, kept):
    a_census(flooded, {"west": 20.0, "east": 5.0}, west=60.0, east=10.0)  # 3 and 2 people to a household
    west = ask(flooded.session, kept, a_question(flooded.west))
    assert (west.households.all, west.households.exposed) == pytest.approx((40 / 3, 20 / 3))
    assert west.households.table.layer == "census"
    assert west.no_households is None
    country = ask(flooded.session, kept, a_question(flooded.country))
    assert (country.households.all, country.households.exposed) == pytest.approx((40 / 3 + 4, 20 / 3 + 1))
    across = ask(flooded.session, kept, a_question(box(15.1, 44.9, 15.3, 45.0)))
    assert (across.households.all, across.households.exposed) == pytest.approx((10 / 3 + 0.5, 10 / 3 + 0.5))
    json.dumps(across.data())


def test_households_that_nobody_knows_are_none_with_the_reason(flooded, kept):
    nothing = ask(flooded.session, kept, a_question(flooded.west))
    assert (nothing.households, nothing.no_households["code"]) == (None, "no_households")
    a_census(flooded, {"west": 20.0}, west=60.0)
    assert ask(flooded.session, kept, a_question(flooded.west)).households is not None
    country = ask(flooded.session, kept, a_question(flooded.country))
    assert country.households is None
    assert country.no_households["parameters"] == {"table": "census", "names": "I"}


def test_a_settlement_without_households_of_its_own_takes_its_municipalitys(world, kept):
    settlements = world.layer(Kind.SETTLEMENTS, "settlements")
    world.village = world.area(Level.SETTLEMENT, "S1", world.west)
    world.boundary(settlements, world.village, box(15.0, 44.9, 15.1, 45.0))
    a_census(world, {"west": 20.0}, west=60.0)
    world.count(world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH))
    answer = ask(world.session, kept, a_question(world.village))
    assert (answer.households.all, answer.households.exposed) == pytest.approx((10 / 3, 10 / 3))


# --- cells -----------------------------------------------------------------------------------------------------------


def test_a_number_opens_down_to_its_cells(flooded, kept):
    page = cells(flooded.session, kept, a_question(flooded.country))
    assert page.total == 4
    assert sum(cell.exposed for cell in page.cells) == 22.0
    assert [cell.exposed for cell in page.cells] == [10.0, 10.0, 1.0, 1.0]
    collection = page.geojson()
    square = shapely.from_geojson(json.dumps(collection["features"][0]["geometry"]))
    assert square.equals_exact(box(15.0, 44.9, 15.1, 45.0), 1e-9, normalize=True)
    assert shapely.is_ccw(square.exterior)
    assert collection["features"][0]["properties"] == {"people": 10.0, "share": 1.0, "exposed": 10.0}


def test_cells_come_in_pages_that_miss_none(flooded, kept):
    whole = cells(flooded.session, kept, a_question(flooded.country)).cells
    question = a_question(flooded.country)
    pages = [cells(flooded.session, kept, question, after=after, limit=2) for after in (0, 2, 4)]
    paged = [cell for page in pages for cell in page.cells]
    assert [(c.x, c.y) for c in paged] == [(c.x, c.y) for c in whole]
    for wrong in ({"after": -1}, {"limit": 0}, {"limit": 2001}):
        with pytest.raises(WrongPage):
            cells(flooded.session, kept, a_question(flooded.country), **wrong)


def test_what_two_municipalities_share_of_a_cell_is_one_cell(world, kept):
    world.boundary(world.boundaries, world.area(Level.MUNICIPALITY, "Z2", world.canton), box(15.0, 44.9, 15.05, 45.0))
    world.session.query(Boundary).filter_by(area_id=world.west).delete()
    world.boundary(world.boundaries, world.west, WEST.difference(box(15.0, 44.9, 15.05, 45.0)))
    world.count(world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH))
    answer = ask(world.session, kept, a_question(world.canton))
    assert answer.exposed == pytest.approx(20.0)
    assert [cell.exposed for cell in answer.cells] == pytest.approx([10.0, 10.0])


# --- as JSON ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "question",
    [
        Question(FLOOD, area_id=uuid4()),
        Question(Hazard(version_id=uuid4()), Reading(0.5, (0.5, 1.0), 0.25), geometry=geojson(WEST)),
        Question(Hazard(run_id=uuid4()), Reading(rise_m=-1.0), geometry=geojson(Point(15, 44)), buffer_m=500.0),
        Question(Hazard(Family.FIRE, event="dry August"), Reading(threshold=50.0), area_id=uuid4()),
    ],
)
def test_a_question_is_the_same_after_a_journey_as_json(question):
    assert Question.from_data(json.loads(json.dumps(question.data()))) == question


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"hazard": {}}, NothingCounted),
        ({"hazard": "flood"}, NothingCounted),
        ({"hazard": {"family": "earthquake"}}, NothingCounted),
        ({"hazard": {"family": "flood", "years": "often"}}, NothingCounted),
        ({"hazard": {"version": "1"}}, NothingCounted),
        ({"hazard": {"family": "flood", "run": str(uuid4())}}, NothingCounted),
        ({"where": None}, PlaceNotUnderstood),
        ({"where": {}}, PlaceNotUnderstood),
        ({"where": {"area": "Maglaj"}}, PlaceNotUnderstood),
        ({"where": {"area": 7}}, PlaceNotUnderstood),
        ({"where": {"area": str(uuid4()), "geometry": {}}}, PlaceNotUnderstood),
        ({"where": {"geometry": {}, "buffer_m": "wide"}}, PlaceNotUnderstood),
        ({"threshold": "deep"}, ThresholdOutOfRange),
        ({"threshold": float("nan")}, ThresholdOutOfRange),
        ({"threshold": True}, ThresholdOutOfRange),
        ({"edges": 0.5}, WrongClasses),
        ({"edges": [0.5, None]}, WrongClasses),
        ({"rise_m": None}, RiseOutOfRange),
        ({"rise_m": float("inf")}, RiseOutOfRange),
    ],
)
def test_a_question_that_is_none_is_refused_with_a_sentence(change, error):
    sound = Question(FLOOD, area_id=uuid4()).data()
    with pytest.raises(error) as told:
        Question.from_data(sound | change)
    assert "{" not in str(told.value)


def test_a_rise_is_read_to_the_millimetre():
    question = Question.from_data(Question(FLOOD, area_id=uuid4()).data() | {"rise_m": 0.1 + 0.2})
    assert question.reading == replace(question.reading, rise_m=0.3)
    assert PLACE["cell"] == 0.1
