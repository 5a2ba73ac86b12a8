"""Stored exposure, counted by hand on a grid of four by four cells of a tenth of a degree."""

import numpy as np
import pytest
from geoalchemy2.shape import from_shape
from shapely import Point, box

from gis.exposure import ExposureIndex
from gis.gathered import load_hazard, load_index
from gis.population import read_population
from gis.rise import OVER_GROUND_STEPS
from gis.terrain import terrain
from gis.tiles import Pyramid
from layers import exposure
from layers.answering import CountedAreas, FacilitiesAtHazard
from layers.areas import Level
from layers.catalogue import Kind, Method
from layers.exposure import ExposureFigure
from layers.features import Feature
from layers.people import PeopleFigure, Sex
from tests.builders import a_grid
from tests.layers.builders_exposure import DEPTH, EAST, WEST, a_world


@pytest.fixture
def world(session, store, operator, noon, tmp_path):
    return a_world(session, store, operator, noon, tmp_path)


def test_people_are_counted_by_municipality_and_by_class(world):
    counted = world.count(world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH))
    west, east = counted[world.west], counted[world.east]
    assert (west.population, west.exposed, west.not_modelled) == (40.0, 20.0, 0.0)
    assert west.by_class == [10.0, 0.0, 10.0, 0.0]
    assert (east.population, east.exposed) == (8.0, 2.0)
    assert east.by_class == [0.0, 1.0, 0.0, 1.0]


def test_every_level_above_is_the_sum_of_its_municipalities(world):
    counted = world.count(world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH))
    assert counted[world.canton].exposed == 20.0
    assert counted[world.entity].exposed == counted[world.country].exposed == 22.0
    assert counted[world.country].by_class == [10.0, 1.0, 10.0, 1.0]
    assert counted[world.country].population == 48.0


def test_what_no_hazard_models_is_empty_and_never_zero(world):
    hazard = world.layer(Kind.FLOOD_EXTENT, "event", event="May 2014", footprint=WEST)
    world.session.add(Feature(version_id=hazard.id, number=1, properties={}, place=from_shape(WEST, srid=4326)))
    world.session.flush()
    counted = world.count(hazard)
    assert counted[world.west].exposed == 40.0
    assert counted[world.east].exposed is None
    assert counted[world.east].not_modelled == 8.0
    assert counted[world.country].exposed == 40.0
    assert counted[world.country].not_modelled == 8.0
    assert not counted[world.country].covered


def test_settlements_given_as_points_share_their_municipality_between_them(world):
    settlements = world.layer(Kind.SETTLEMENTS, "settlements")
    places = {}
    for code, x in (("S1", 15.05), ("S2", 15.15)):
        places[code] = world.area(Level.SETTLEMENT, code, world.west)
        world.boundary(settlements, places[code], Point(x, 44.8))
    counted = world.count(world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH))
    assert counted[places["S1"]].exposed == pytest.approx(10.0)
    assert counted[places["S2"]].exposed == pytest.approx(10.0)
    assert sum(counted[p].population for p in places.values()) == pytest.approx(counted[world.west].population)


def test_facilities_are_counted_where_they_stand(world):
    facilities = world.layer(Kind.FACILITIES, "facilities")
    for number, (x, y) in enumerate([(15.05, 44.95), (15.05, 44.65), (15.35, 44.65)], 1):
        place = from_shape(Point(x, y), srid=4326)
        world.session.add(
            Feature(version_id=facilities.id, number=number, category="hospital", properties={}, place=place)
        )
    world.session.flush()
    counted = world.count(world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH))
    assert counted[world.west].facilities == {"hospital": [1, 2, 0]}
    assert counted[world.country].facilities == {"hospital": [2, 3, 0]}


def test_a_facility_where_nothing_is_modelled_is_not_taken_for_a_safe_one(world):
    facilities = world.layer(Kind.FACILITIES, "facilities")
    place = from_shape(Point(15.35, 44.65), srid=4326)
    world.session.add(Feature(version_id=facilities.id, number=1, category="hospital", properties={}, place=place))
    hazard = world.layer(Kind.FLOOD_EXTENT, "event", event="May 2014", footprint=WEST)
    world.session.add(Feature(version_id=hazard.id, number=1, properties={}, place=from_shape(WEST, srid=4326)))
    world.session.flush()
    assert world.count(hazard)[world.east].facilities == {"hospital": [0, 1, 1]}


def test_the_cells_that_carry_a_number_add_up_to_it(world):
    counted = world.count(world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH))
    cells = counted[world.east].cells
    assert sum(c["exposed"] for c in cells) == counted[world.east].exposed
    assert {(round(c["x"], 2), round(c["y"], 2)) for c in cells} == {(15.25, 44.95), (15.35, 44.65)}


def test_numbers_that_ask_for_a_second_look_are_marked(world):
    table = world.layer(Kind.POPULATION_TABLE, "census")
    world.session.add(PeopleFigure(version_id=table.id, area_id=world.west, sex=Sex.ALL, people=80.0))
    world.session.flush()
    counted = world.count(world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH))
    assert counted[world.west].marks == ["few_cells", "off_estimate"]
    assert counted[world.east].marks == ["few_cells"]


def test_an_outline_that_also_covers_another_municipality_is_held_against_both(world):
    part = world.area(Level.MUNICIPALITY, "P", world.entity)
    newer = world.layer(Kind.MUNICIPALITIES, "municipalities")
    world.boundary(newer, world.west, WEST, also_covers=[part])
    world.boundary(newer, world.east, EAST)
    table = world.layer(Kind.POPULATION_TABLE, "census")
    for area, people in ((world.west, 25.0), (part, 15.0)):  # together the 40 of the grid
        world.session.add(PeopleFigure(version_id=table.id, area_id=area, sex=Sex.ALL, people=people))
    world.session.flush()
    counted = world.count(world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH))
    assert counted[world.west].marks == ["few_cells"]


def test_counting_again_leaves_the_old_result_readable(world):
    hazard = world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH)
    world.count(hazard)
    world.count(hazard)
    runs = world.session.query(exposure.ExposureRun).order_by(exposure.ExposureRun.superseded_at.nulls_last()).all()
    assert [r.superseded_at is None for r in runs] == [False, True]
    assert all(world.session.get(ExposureFigure, (r.id, world.west)).exposed == 20.0 for r in runs)


def test_the_default_is_the_best_ranked_hazard_that_covers_the_municipality_wholly(world):
    model = world.layer(Kind.FLOOD_DEPTH, "model", years=100.0, values=DEPTH)
    official = world.layer(
        Kind.FLOOD_DEPTH, "official", years=100.0, values=DEPTH * 2, method=Method.OFFICIAL, footprint=WEST.buffer(0.01)
    )
    for hazard in (model, official):
        world.count(hazard)
    found = exposure.defaults(world.session, [Kind.FLOOD_DEPTH])
    assert found[world.west, 100.0].hazard.id == official.id
    assert found[world.east, 100.0].hazard.id == model.id


def test_the_values_at_the_populated_cells_are_kept_and_answer_any_other_threshold(world):
    world.count(world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH))
    run = world.session.query(exposure.ExposureRun).one()
    kept = load_hazard(world.store.path(run.gathered_file))
    population = read_population(world.store.path(world.population.facts["files"]["cog"]))
    west = ExposureIndex.build(population, np.array([WEST], dtype=object))
    assert west.score([kept], [0.2, 1.6]).exposed.tolist() == [[30.0, 0.0]]
    assert exposure.held_files(world.session) == {run.gathered_file, run.index_file}


def test_with_elevation_the_water_over_the_ground_is_kept_too(world, tmp_path):
    elevation = world.layer(Kind.ELEVATION, "elevation")
    ground = np.array([[5, 5, 5, 5], [4, 4, 4, 4], [3, 3, 3, 3], [2, 2, 2, 2]], dtype=np.float32)
    with world.store.part() as part:
        terrain(ground, a_grid((4, 4), left=15.0, bottom=44.6, cell=0.1), stream_km2=0.0).save(part)
        elevation.facts = {"files": {"terrain": world.store.put(part)}}
    world.session.flush()
    world.count(world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH))
    run = world.session.query(exposure.ExposureRun).one()
    over_ground = load_hazard(world.store.path(run.over_ground_file))
    assert over_ground.cells == 12
    assert over_ground.value[0] == pytest.approx(0.3)
    assert over_ground.value[1] == pytest.approx(1.5)
    assert Pyramid.open(world.store.path(run.over_ground_pyramid)).steps == OVER_GROUND_STEPS
    files = {run.gathered_file, run.over_ground_file, run.over_ground_pyramid, run.index_file}
    assert exposure.held_files(world.session) == files


def test_who_lives_where_is_kept_with_the_tree_as_it_was(world):
    world.count(world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH))
    run = world.session.query(exposure.ExposureRun).one()
    index, zones = load_index(world.store.path(run.index_file))
    areas = CountedAreas.from_data(zones)
    assert areas.areas == (world.east, world.west)  # by code
    assert areas.municipalities == 2
    assert areas.above[world.west] == (world.canton, world.entity, world.country)
    assert index.people.tolist() == [8.0, 40.0]


def test_the_hazard_is_kept_at_each_facility(world):
    facilities = world.layer(Kind.FACILITIES, "facilities")
    for number, (x, y) in enumerate([(15.15, 44.95), (15.05, 44.65), (15.35, 44.65), (16.0, 44.65)], 7):
        place = from_shape(Point(x, y), srid=4326)
        world.session.add(
            Feature(version_id=facilities.id, number=number, category="school", properties={}, place=place)
        )
    world.session.flush()
    world.count(world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH))
    run = world.session.query(exposure.ExposureRun).one()
    kept = FacilitiesAtHazard.load(world.store.path(run.facilities_file))
    assert kept.version_id == facilities.id
    assert kept.number.tolist() == [7, 8, 9, 10]
    np.testing.assert_array_equal(kept.value, [1.5, np.nan, 3.0, np.nan])
    assert kept.modelled.tolist() == [True, True, True, False]
    assert kept.of_zones([0]).tolist() == [2]  # Istok
    assert kept.of_zones([1, 0]).tolist() == [0, 1, 2]


def test_only_what_lies_in_a_given_footprint_is_modelled(world):
    hazard = world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH, footprint=box(15.0, 44.6, 15.1, 45.0))
    hazard.options = {"footprint": "given"}
    counted = world.count(hazard)
    assert (counted[world.west].exposed, counted[world.west].not_modelled) == (10.0, 20.0)
    assert counted[world.east].exposed is None
    assert counted[world.east].not_modelled == 8.0
