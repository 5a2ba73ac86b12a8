"""All municipalities at once under the layers that answer for them, and two ways of looking at them side by side."""

import numpy as np
import pytest
from geoalchemy2.shape import from_shape
from shapely import box

from layers.catalogue import Kind, Method
from layers.comparing import compare, everywhere
from layers.exposure import ExposureFigure
from layers.features import Feature
from layers.recounting import KeptRuns, Number, Reading, Spread
from layers.runs import Family, Hazard, runs_of
from tests.layers.builders_exposure import DEPTH, PEOPLE, WEST, a_world
from tests.layers.test_asking import an_elevation

FLOOD = Hazard(Family.FLOOD, years=100.0)
SMALL = Hazard(Family.FLOOD, years=10.0)
EVENT = Hazard(Family.FLOOD, event="May 2014")


@pytest.fixture
def world(session, store, operator, noon, tmp_path):
    made = a_world(session, store, operator, noon, tmp_path)
    made.flood = made.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH)
    made.count(made.flood)
    return made


@pytest.fixture
def kept(store):
    return KeptRuns(store.path)


def an_event(world):
    """A flooded west of which nobody knows how deep it was, and an east that nobody looked at."""
    event = world.layer(Kind.FLOOD_EXTENT, "event", event="May 2014", footprint=WEST)
    world.session.add(Feature(version_id=event.id, number=1, properties={}, place=from_shape(WEST, srid=4326)))
    world.session.flush()
    world.count(event)


def test_without_a_rise_every_area_has_its_stored_number(world, kept):
    found = everywhere(world.session, kept, FLOOD)
    (run,) = runs_of(world.session, FLOOD)
    for figure in world.session.query(ExposureFigure).filter_by(run_id=run.id):
        number = found.numbers[figure.area_id]
        assert number == (figure.population, figure.exposed, tuple(figure.by_class), figure.not_modelled)
    assert found.municipalities == (world.east, world.west)  # by code
    assert found.by_run == {world.east: run, world.west: run}
    assert found.spread == Spread.NOT_NEEDED
    assert [s.layer for s in found.sources] == ["rp100", "people", "municipalities"]


def test_each_municipality_is_read_by_the_layer_that_answers_for_it(world, kept):
    world.count(
        world.layer(
            Kind.FLOOD_DEPTH,
            "official",
            years=100.0,
            values=DEPTH * 2,
            method=Method.OFFICIAL,
            footprint=WEST.buffer(0.01),
        )
    )
    found = everywhere(world.session, kept, FLOOD, Reading(rise_m=0.2))
    # West: 0.6, 3 and 0.4 m and what is dry, by the official layer; east: 0.5 and 3 m by the model.
    assert (found.numbers[world.west].exposed, found.numbers[world.east].exposed) == (30.0, 2.0)
    assert found.numbers[world.country].exposed == 32.0
    assert found.numbers[world.country].by_class == (0.0, 21.0, 0.0, 11.0)
    assert {area: run.hazard.layer for area, run in found.by_run.items()} == {
        world.west: "official",
        world.east: "rp100",
    }
    assert found.spread == Spread.LOWER_BOUND


def test_what_nothing_models_is_none_everywhere_and_its_people_are_said(world, kept):
    an_event(world)
    found = everywhere(world.session, kept, EVENT)
    assert found.numbers[world.east] == Number(8.0, None, None, 8.0)
    assert found.numbers[world.country] == Number(48.0, 40.0, None, 8.0)
    assert found.by_run[world.east] is None


def test_with_elevation_the_water_spreads_everywhere(world, kept):
    elevation = an_elevation(world)
    world.count(world.flood)
    found = everywhere(world.session, kept, FLOOD, Reading(rise_m=1.1))
    assert (found.spread, found.ground_unknown) == (Spread.BY_HEIGHT, 0.0)
    assert found.numbers[world.west].exposed == 40.0
    assert elevation.id in {source.version_id for source in found.sources}
    assert elevation.id not in {source.version_id for source in everywhere(world.session, kept, FLOOD).sources}


def test_two_return_periods_side_by_side(world, kept):
    shallow = np.where(DEPTH > 0.4, DEPTH - 0.4, -1).astype(np.float32)  # 1.1 m and 0.1 m; 2.6 m
    world.count(world.layer(Kind.FLOOD_DEPTH, "rp10", years=10.0, values=shallow))
    found = compare(world.session, kept, (SMALL, Reading()), (FLOOD, Reading()))
    rows = {row.area_id: (row.exposed_a, row.exposed_b, row.change) for row in found.rows}
    assert rows == {world.west: (10.0, 20.0, 10.0), world.east: (1.0, 2.0, 1.0)}
    for area, total in ((world.canton, (10.0, 20.0, 10.0)), (world.country, (11.0, 22.0, 11.0))):
        of_area = found.totals[area]
        assert (of_area.exposed_a, of_area.exposed_b, of_area.change) == total
    whole = found.total()
    assert (whole.rows, whole.both, whole.change, whole.only_a, whole.only_b) == (2, 2, 11.0, 0.0, 0.0)
    assert found.same_people
    assert found.same_boundaries


def test_a_rise_is_set_beside_the_flood_itself(world, kept):
    found = compare(world.session, kept, (FLOOD, Reading()), (FLOOD, Reading(rise_m=0.5)))
    assert found.totals[world.country].change == 10.0
    assert found.b.spread == Spread.LOWER_BOUND


def test_what_one_side_does_not_model_has_no_change_and_still_adds_up(world, kept):
    an_event(world)
    found = compare(world.session, kept, (FLOOD, Reading()), (EVENT, Reading()))
    rows = {row.area_id: row for row in found.rows}
    assert (rows[world.east].exposed_a, rows[world.east].exposed_b, rows[world.east].change) == (2.0, None, None)
    total = found.totals[world.country]
    assert (total.exposed_a, total.exposed_b, total.change, total.both) == (22.0, 40.0, 20.0, 1)
    assert total.exposed_b - total.exposed_a == total.change + total.only_b - total.only_a
    of_entity = found.totals[world.entity]
    assert of_entity.only_a == 2.0


def test_where_neither_side_models_anything_there_is_no_total_and_no_zero(world, kept):
    an_event(world)
    found = compare(world.session, kept, (EVENT, Reading()), (EVENT, Reading()))
    east = [row for row in found.rows if row.area_id == world.east]
    total = found.total(east)
    assert (total.exposed_a, total.exposed_b, total.change) == (None, None, None)


def test_other_people_on_the_two_sides_are_told(world, kept):
    (before,) = runs_of(world.session, FLOOD)
    world.layer(Kind.POPULATION_RASTER, "newer", method=Method.OFFICIAL, values=PEOPLE * 2)
    world.count(world.flood)
    found = compare(world.session, kept, (Hazard(run_id=before.id), Reading()), (FLOOD, Reading()))
    assert not found.same_people
    assert found.same_boundaries
    assert found.totals[world.country].change == 22.0
    assert found.rows[0].population_a * 2 == found.rows[0].population_b


def test_a_layer_that_covers_in_part_counts_where_it_was_chosen_itself(world, kept):
    half = world.layer(Kind.FLOOD_DEPTH, "half", years=100.0, values=DEPTH, footprint=box(15.0, 44.6, 15.1, 45.0))
    half.options = {"footprint": "given"}
    world.count(half)
    found = everywhere(world.session, kept, Hazard(version_id=half.id))
    assert found.numbers[world.west][:2] == (40.0, 10.0)
    assert found.numbers[world.west].not_modelled == 20.0
    assert everywhere(world.session, kept, FLOOD).numbers[world.west].exposed == 20.0
