"""What must hold for any people, zones and hazards."""

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from pyproj import CRS

from gis.coverage import coverage_fraction
from gis.exposure import ExposureIndex, ThresholdTable
from gis.grid import Grid
from gis.hazard import PolygonHazard, RasterHazard
from gis.polygons import Polygons
from gis.population import population_from_array
from gis.source import ArraySource
from gis.values import gathered

GRID = Grid(CRS.from_epsg(4326), 15.0, 46.0, 0.25, 0.25, 6, 8)
COUNTRY = shapely.box(14.8, 44.3, 17.3, 46.2)

people = hnp.arrays(np.float64, GRID.shape, elements=st.floats(0, 1e6, allow_subnormal=False)).filter(np.any)
depths = hnp.arrays(
    np.float32, (11, 9), elements=st.floats(0, 10, width=32, allow_subnormal=False) | st.just(float("nan"))
)
thresholds = st.lists(st.floats(0, 10, width=32), min_size=1, max_size=5, unique=True).map(sorted)
# Hundredths of a degree: points a rounding apart have no Voronoi cells.
seeds = st.lists(st.tuples(st.integers(1490, 1720), st.integers(4440, 4610)), min_size=2, max_size=12, unique=True).map(
    lambda points: [(x / 100, y / 100) for x, y in points]
)


def a_partition(points):
    """The country cut into one zone per point."""
    cells = shapely.voronoi_polygons(shapely.multipoints(points), extend_to=COUNTRY)
    zones = shapely.intersection(shapely.get_parts(cells), COUNTRY)
    return zones[shapely.area(zones) > 0]


def a_hazard(population, depth, left=14.93, top=46.11, size=0.21, **options):
    grid = Grid(GRID.crs, left, top, size, size, *depth.shape)
    return RasterHazard(ArraySource(depth, grid), population, **options)


@given(people, seeds)
@settings(max_examples=60, deadline=None)
def test_people_of_a_partition_and_outside_are_all_people_of_the_raster(people, points):
    population = population_from_array(people, GRID)
    index = ExposureIndex.build(population, a_partition(points))
    outside = (people * (1 - coverage_fraction(COUNTRY, GRID))).sum()
    assert_allclose(index.people.sum() + outside, people.sum(), rtol=1e-9, atol=1e-6)


@given(people, seeds, depths, thresholds)
@settings(max_examples=60, deadline=None)
def test_exposed_people_add_up_over_disjoint_zones(people, points, depth, thresholds):
    population = population_from_array(people, GRID)
    parts = ExposureIndex.build(population, a_partition(points)).score(a_hazard(population, depth).chunks(), thresholds)
    whole = ExposureIndex.build(population, np.array([COUNTRY], dtype=object)).score(
        a_hazard(population, depth).chunks(), thresholds
    )
    assert_allclose(np.nansum(parts.exposed, axis=0), np.nan_to_num(whole.exposed[0]), rtol=1e-9, atol=1e-6)
    assert_allclose(parts.not_modelled.sum(), whole.not_modelled[0], rtol=1e-9, atol=1e-6)


@given(people, depths, thresholds)
@settings(max_examples=60, deadline=None)
def test_fewer_people_are_exposed_to_a_higher_threshold_and_never_more_than_are_modelled(people, depth, thresholds):
    population = population_from_array(people, GRID)
    index = ExposureIndex.build(population, np.array([COUNTRY], dtype=object))
    scores = index.score(a_hazard(population, depth).chunks(), thresholds)
    if np.isnan(scores.exposed).any():
        assert_allclose(scores.not_modelled, scores.population)
        return
    assert (np.diff(scores.exposed[0]) <= 1e-6).all()
    assert scores.exposed[0, 0] <= (scores.population - scores.not_modelled)[0] * (1 + 1e-9) + 1e-6


@given(people, seeds, depths, thresholds, st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_the_result_does_not_depend_on_how_much_is_read_at_once(people, points, depth, thresholds, window_cells):
    population = population_from_array(people, GRID)
    index = ExposureIndex.build(population, a_partition(points))
    whole = index.score(a_hazard(population, depth).chunks(), thresholds)
    strips = index.score(a_hazard(population, depth, window_cells=window_cells).chunks(), thresholds)
    assert_array_equal(strips.exposed, whole.exposed)
    assert_array_equal(strips.not_modelled, whole.not_modelled)


@given(people, depths, thresholds, st.integers(1, 400))
@settings(max_examples=30, deadline=None)
def test_a_warped_hazard_does_not_depend_on_how_much_is_read_at_once(people, depth, thresholds, window_cells):
    population = population_from_array(people, GRID)
    index = ExposureIndex.build(population, np.array([COUNTRY], dtype=object))
    grid = Grid(CRS.from_epsg(32633), 495_000.0, 5_098_000.0, 17_000.0, 16_000.0, *depth.shape)
    whole, strips = (
        index.score(RasterHazard(ArraySource(depth, grid), population, window_cells=cells).chunks(), thresholds)
        for cells in (2**22, window_cells)
    )
    assert_array_equal(strips.exposed, whole.exposed)
    assert_array_equal(strips.not_modelled, whole.not_modelled)


@given(people, seeds, depths, thresholds)
@settings(max_examples=60, deadline=None)
def test_a_kept_hazard_answers_any_threshold_as_the_hazard_itself_does(people, points, depth, thresholds):
    population = population_from_array(people, GRID)
    index = ExposureIndex.build(population, a_partition(points))
    kept = gathered(a_hazard(population, depth, window_cells=20).chunks())
    table = ThresholdTable.build(index, kept).score(thresholds)
    direct = index.score(a_hazard(population, depth).chunks(), thresholds)
    assert_allclose(table.exposed, direct.exposed, rtol=1e-9, atol=1e-6)
    assert_array_equal(table.not_modelled, direct.not_modelled)


@given(people, seeds, seeds)
@settings(max_examples=60, deadline=None)
def test_people_under_hazard_polygons_are_counted_once_however_the_polygons_are_cut(people, points, cuts):
    population = population_from_array(people, GRID)
    index = ExposureIndex.build(population, a_partition(points))
    flooded = shapely.Point(16, 45).buffer(0.7)
    pieces = shapely.intersection(a_partition(cuts), flooded)
    pieces = pieces[shapely.area(pieces) > 0]
    overlapping = np.array([*pieces, *pieces, flooded], dtype=object)
    once, often = (
        index.score(PolygonHazard(Polygons("flood", GRID.crs, shape, {}), population).chunks(), [0.0])
        for shape in (np.array([flooded], dtype=object), overlapping)
    )
    assert_allclose(np.nan_to_num(often.exposed), np.nan_to_num(once.exposed), rtol=1e-6, atol=1e-3)


@given(people, depths, st.sampled_from([2, 3, 5]))
@settings(max_examples=40, deadline=None)
def test_a_hazard_cut_into_finer_cells_of_the_same_values_exposes_the_same_people(people, depth, parts):
    population = population_from_array(people, GRID)
    index = ExposureIndex.build(population, np.array([COUNTRY], dtype=object))
    coarse = index.score(a_hazard(population, depth).chunks(), [0.5])
    finer = depth.repeat(parts, axis=0).repeat(parts, axis=1)
    fine = index.score(a_hazard(population, finer, size=0.21 / parts).chunks(), [0.5])
    assert_allclose(fine.exposed, coarse.exposed, rtol=1e-9, atol=1e-6)
    assert_allclose(fine.not_modelled, coarse.not_modelled, rtol=1e-9, atol=1e-6)
