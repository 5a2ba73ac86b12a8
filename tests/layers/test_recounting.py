"""All areas at once, read in another way: the stored numbers at the run's own reading, by hand at others."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from geoalchemy2.shape import from_shape
from shapely import Point

from layers.areas import Level
from layers.catalogue import Kind
from layers.errors import NoDepths, RiseOutOfRange
from layers.exposure import ExposureFigure
from layers.features import Feature
from layers.recounting import MOST_RECOUNTS, KeptRuns, Number, Reading, Spread, added
from layers.runs import Family, Hazard, runs_of
from tests.layers.builders_exposure import DEPTH, WEST, a_world

FLOOD = Hazard(Family.FLOOD, years=100.0)


@pytest.fixture
def world(session, store, operator, noon, tmp_path):
    return a_world(session, store, operator, noon, tmp_path)


@pytest.fixture
def kept(store):
    return KeptRuns(store.path)


def the_run(world, hazard=FLOOD):
    (run,) = runs_of(world.session, hazard)
    return run


def test_a_recount_at_the_runs_own_reading_is_every_stored_number_bit_by_bit(world, kept):
    settlements = world.layer(Kind.SETTLEMENTS, "settlements")
    for code, x in (("S1", 15.03), ("S2", 15.17)):
        world.boundary(settlements, world.area(Level.SETTLEMENT, code, world.west), Point(x, 44.8))
    world.count(world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH))
    run = the_run(world)
    found = kept.recount(run, Reading(), settlements=True)
    figures = world.session.query(ExposureFigure).filter_by(run_id=run.id).all()
    assert len(figures) == 7
    assert found.numbers == {
        f.area_id: Number(f.population, f.exposed, None if f.by_class is None else tuple(f.by_class), f.not_modelled)
        for f in figures
    }
    assert found.spread == Spread.NOT_NEEDED
    assert len(kept.recount(run, Reading()).numbers) == 5  # without settlements


def test_what_is_not_modelled_is_none_in_a_recount_too(world, kept):
    extent = world.layer(Kind.FLOOD_EXTENT, "event", event="May 2014", footprint=WEST)
    world.session.add(Feature(version_id=extent.id, number=1, properties={}, place=from_shape(WEST, srid=4326)))
    world.session.flush()
    world.count(extent)
    run = the_run(world, Hazard(Family.FLOOD, event="May 2014"))
    found = kept.recount(run, Reading())
    assert found.numbers[world.west] == Number(40.0, 40.0, None, 0.0)
    assert found.numbers[world.east] == Number(8.0, None, None, 8.0)
    assert found.numbers[world.country] == Number(48.0, 40.0, None, 8.0)
    assert np.isnan(found.exposed[0])
    with pytest.raises(NoDepths):
        kept.recount(run, Reading(rise_m=0.5))


@pytest.mark.parametrize(
    ("reading", "west", "east", "classes"),
    [
        (Reading(threshold=0.2), 30.0, 2.0, (10.0, 1.0, 10.0, 1.0)),
        (Reading(threshold=1.0, edges=(1.0, 2.0)), 10.0, 1.0, (10.0, 1.0)),
        (Reading(rise_m=0.1), 30.0, 2.0, (20.0, 1.0, 10.0, 1.0)),
        (Reading(rise_m=0.5), 30.0, 2.0, (0.0, 20.0, 1.0, 11.0)),  # 0.7, 0.8, 1, 2 and 3.5 m
        (Reading(rise_m=-1.0), 10.0, 1.0, (0.0, 10.0, 0.0, 1.0)),  # 0.5 and 2 m are left
    ],
)
def test_a_recount_by_hand(world, kept, reading, west, east, classes):
    world.count(world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH))
    found = kept.recount(the_run(world), reading)
    assert found.numbers[world.west].exposed == west
    assert found.numbers[world.east].exposed == east
    assert found.numbers[world.country].exposed == west + east
    assert found.numbers[world.country].by_class == classes


def test_a_rise_out_of_range_is_refused(world, kept):
    world.count(world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH))
    with pytest.raises(RiseOutOfRange, match=r"from -5 to 5 m, not 7\.0:"):
        kept.recount(the_run(world), Reading(rise_m=7.0))


def test_many_threads_get_the_same_and_the_files_are_opened_once(world, store):
    world.count(world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH))
    run = the_run(world)
    opened = []

    def path(digest):
        opened.append(digest)
        return store.path(digest)

    kept = KeptRuns(path)
    rises = [r / 100 for r in range(-50, 50, 10)] * 8
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda r: kept.recount(run, Reading(rise_m=r)).numbers[world.country], rises))
    alone = KeptRuns(store.path)
    assert found == [alone.recount(run, Reading(rise_m=r)).numbers[world.country] for r in rises]
    assert len(opened) == len(set(opened)) == 2


def test_no_more_recounts_are_kept_than_there_is_room_for(world, kept):
    world.count(world.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH))
    run = the_run(world)
    for millimetres in range(2 * MOST_RECOUNTS):
        kept.recount(run, Reading(rise_m=millimetres / 1000))
    assert len(kept._recounts) == MOST_RECOUNTS
    again = kept.recount(run, Reading(rise_m=(2 * MOST_RECOUNTS - 1) / 1000))
    assert again is kept.recount(run, Reading(rise_m=(2 * MOST_RECOUNTS - 1) / 1000))


def test_sums_count_what_is_modelled_and_say_what_is_not():
    one, other = Number(10.0, None, None, 10.0), Number(5.0, 2.0, (1.0, 1.0), 1.0)
    assert added(None, one) == one
    assert added(one, other) == Number(15.0, 2.0, (1.0, 1.0), 11.0)
    assert added(other, other) == Number(10.0, 4.0, (2.0, 2.0), 2.0)
