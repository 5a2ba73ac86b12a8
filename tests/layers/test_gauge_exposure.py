"""People under the flood that a threshold stands for, counted by hand on the grid of test_exposure."""

import numpy as np
import pytest
from geoalchemy2.shape import from_shape

from gis.terrain import terrain
from layers import catalogue, exposure, gauge_exposure, gauges
from layers.catalogue import Kind, Method
from layers.features import Feature
from layers.gauge_exposure import Known, count_rises, keep_rises, rises_to_count
from layers.gauge_states import state
from layers.gauges import DefenceLevel
from tests.builders import a_grid
from tests.layers.builders_exposure import DEPTH, EAST, WEST
from tests.layers.builders_field import DUTY, NOON, OP, a_limit, enter, some_facts
from tests.layers.test_exposure import world  # noqa: F401  a fixture

REGULAR = DefenceLevel.REGULAR


@pytest.fixture
def zapad(world):  # noqa: F811
    """A gauge of the western municipality, where 40 people live."""
    return gauges.add_station(world.session, some_facts(world.west, lon=15.9, lat=44.8), by=DUTY, at=NOON)


def flood(world, name, depth=DEPTH, **more):  # noqa: F811
    made = world.layer(Kind.FLOOD_DEPTH, name, years=100.0, values=depth, **more)
    world.count(made)
    return made


def outline(world, where):  # noqa: F811
    """A flooded area without depths, modelled there and nowhere else."""
    made = world.layer(Kind.FLOOD_EXTENT, f"outline {where.bounds}", years=100.0, footprint=where)
    world.session.add(Feature(version_id=made.id, number=1, properties={}, place=from_shape(where, srid=4326)))
    world.session.flush()
    world.count(made)
    return made


def tie(world, station, *, seen=0, **how):  # noqa: F811
    limits = {REGULAR: a_limit(300, **how)}
    gauges.set_thresholds(world.session, station.id, limits, seen={REGULAR: seen}, by=DUTY, at=NOON)
    enter(world.session, station, 310)
    return known(world, station)


def known(world, station):  # noqa: F811
    return state(world.session, OP, NOON, station.id).exposed_passed


def test_a_threshold_that_is_tied_to_nothing_gives_no_number(world, zapad):  # noqa: F811
    found = tie(world, zapad)
    assert (found.known, found.people) == (Known.NOT_TIED, None)


def test_a_return_period_gives_the_people_of_the_best_layer_that_covers_the_municipality(world, zapad):  # noqa: F811
    flood(world, "model")
    official = flood(world, "official", DEPTH * 2, method=Method.OFFICIAL, footprint=WEST.buffer(0.01))
    found = tie(world, zapad, return_period_years=100.0)
    default = exposure.defaults(world.session, [Kind.FLOOD_DEPTH])[world.west, 100.0]
    assert found.hazard.id == official.id == default.hazard.id
    assert found.people == default.figure.exposed == 30.0  # three cells of ten people reach 0.3 m when twice as deep
    assert (found.known, found.population, found.covered) == (Known.COUNTED, 40.0, True)


def test_a_version_gives_its_own_people_whatever_ranks_higher(world, zapad):  # noqa: F811
    model = flood(world, "model")
    flood(world, "official", DEPTH * 2, method=Method.OFFICIAL)
    found = tie(world, zapad, hazard_version_id=model.id)
    assert (found.known, found.people, found.hazard.id) == (Known.COUNTED, 20.0, model.id)


def test_what_no_layer_models_is_not_modelled_and_never_nobody(world, zapad):  # noqa: F811
    assert tie(world, zapad, return_period_years=100.0).known is Known.NOT_MODELLED
    east_only = outline(world, EAST)
    found = known(world, zapad)
    assert (found.known, found.people) == (Known.NOT_MODELLED, None)
    found = tie(world, zapad, seen=1, hazard_version_id=east_only.id)
    assert (found.known, found.people, found.population) == (Known.NOT_MODELLED, None, 40.0)


def test_a_layer_that_was_withdrawn_gives_no_number_any_more(world, zapad):  # noqa: F811
    model = flood(world, "model")
    tie(world, zapad, hazard_version_id=model.id)
    catalogue.withdraw(world.session, model.id, by=DUTY, at=NOON)
    assert (known(world, zapad).known, known(world, zapad).people) == (Known.WITHDRAWN, None)


def test_a_layer_that_is_yet_to_be_counted_says_so(world, zapad):  # noqa: F811
    waiting = world.layer(Kind.FLOOD_DEPTH, "waiting", years=100.0, values=DEPTH)
    assert tie(world, zapad, hazard_version_id=waiting.id).known is Known.NOT_COUNTED


def test_a_rise_without_elevation_deepens_wet_cells_only_and_is_a_lower_bound(world, zapad):  # noqa: F811
    model = flood(world, "model")
    assert tie(world, zapad, hazard_version_id=model.id, rise_m=0.2).known is Known.NOT_COUNTED
    tasks = rises_to_count(world.session)
    keep_rises(world.session, tasks, count_rises(tasks, world.store), at=NOON)
    found = known(world, zapad)
    # 0.3, 1.5 and the cell of 0.2 m reach 0.3 m; the dry one stays dry.
    assert (found.known, found.people, found.lower_bound) == (Known.COUNTED, 30.0, True)
    assert rises_to_count(world.session) == []


def test_a_rise_with_elevation_reaches_what_lies_low(world, zapad):  # noqa: F811
    elevation = world.layer(Kind.ELEVATION, "elevation")
    ground = np.array([[5, 5, 5, 5], [4, 4, 4, 4], [3, 3, 3, 3], [2, 2, 2, 2]], dtype=np.float32)
    with world.store.part() as part:
        terrain(ground, a_grid((4, 4), left=15.0, bottom=44.6, cell=0.1), stream_km2=0.0).save(part)
        elevation.facts = {"files": {"terrain": world.store.put(part)}}
    world.session.flush()
    model = flood(world, "model")
    tie(world, zapad, hazard_version_id=model.id, rise_m=0.2)
    tasks = rises_to_count(world.session)
    assert [task.over_ground_file is not None for task in tasks] == [True]
    keep_rises(world.session, tasks, count_rises(tasks, world.store), at=NOON)
    found = known(world, zapad)
    assert found.known is Known.COUNTED
    assert not found.lower_bound
    assert found.people >= 30.0


def test_a_rise_is_counted_anew_when_the_layer_was(world, zapad):  # noqa: F811
    model = flood(world, "model")
    tie(world, zapad, hazard_version_id=model.id, rise_m=0.2)
    tasks = rises_to_count(world.session)
    keep_rises(world.session, tasks, count_rises(tasks, world.store), at=NOON)
    world.count(model)
    assert known(world, zapad).known is Known.NOT_COUNTED
    assert len(rises_to_count(world.session)) == 1


def test_an_outline_without_depth_cannot_rise(world, zapad):  # noqa: F811
    outline(world, WEST)
    assert tie(world, zapad, return_period_years=100.0).people == 40.0
    assert tie(world, zapad, seen=1, return_period_years=100.0, rise_m=0.5).known is Known.NOT_MODELLED
    assert gauge_exposure.rises_to_count(world.session) == []
