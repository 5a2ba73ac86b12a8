import numpy as np
import pytest
import shapely
from numpy.testing import assert_allclose, assert_array_equal
from shapely import MultiPolygon, Polygon, affinity, box

from gis.coverage import coverage_fraction, coverage_of_cells
from tests.builders import UTM, a_flat_array, a_grid
from tests.gis import oracle


def a_star(points, centre, rng):
    """A ragged polygon without crossings."""
    angle = np.sort(rng.uniform(0, 2 * np.pi, points))
    radius = rng.uniform(0.3, 3, points)
    return Polygon(np.column_stack([centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle)]))


def a_ring(outer, inner):
    return Polygon(outer.exterior, [inner.exterior])


def test_cells_cut_by_the_polygon_edge_count_in_part():
    coverage = coverage_fraction(box(0.5, 0.5, 2.5, 2.5), a_grid(shape=(3, 3)))
    assert_allclose(coverage, [[0.25, 0.5, 0.25], [0.5, 1, 0.5], [0.25, 0.5, 0.25]])


def test_a_diagonal_halves_the_cells_it_passes():
    coverage = coverage_fraction(Polygon([(0, 0), (3, 0), (3, 3)]), a_grid(shape=(3, 3)))
    assert_allclose(coverage, [[0, 0, 0.5], [0, 0.5, 1], [0.5, 1, 1]])


def test_a_hole_is_not_covered_however_the_rings_are_wound():
    ring = a_ring(box(0, 0, 3, 3), box(1, 1, 2, 2.5))
    wanted = [[1, 0.5, 1], [1, 0, 1], [1, 1, 1]]
    assert_allclose(coverage_fraction(ring, a_grid()), wanted)
    assert_allclose(coverage_fraction(shapely.reverse(ring), a_grid()), wanted)
    mixed = Polygon(ring.exterior, [list(reversed(hole.coords)) for hole in ring.interiors])
    assert_allclose(coverage_fraction(mixed, a_grid()), wanted)


def test_parts_and_an_island_in_a_lake_add_up():
    lake = a_ring(box(0, 0, 3, 3), box(0.5, 0.5, 2.5, 2.5))
    coverage = coverage_fraction(MultiPolygon([lake, box(1, 1, 2, 2)]), a_grid())
    assert_allclose(coverage, [[0.75, 0.5, 0.75], [0.5, 1, 0.5], [0.75, 0.5, 0.75]])


def test_what_lies_outside_the_grid_covers_nothing():
    grid = a_grid(shape=(2, 2))
    assert_allclose(coverage_fraction(box(-5, -5, 7, 7), grid), 1)
    assert_allclose(coverage_fraction(box(-5, -5, 0.5, 7), grid), [[0.5, 0], [0.5, 0]])
    for elsewhere in (box(-5, 0, -1, 2), box(3, 0, 4, 2), box(0, 3, 2, 4), box(0, -2, 2, -1), box(2, 0, 3, 2)):
        assert_array_equal(coverage_fraction(elsewhere, grid), 0)


def test_an_empty_polygon_covers_nothing_and_no_polygon_is_no_problem():
    assert_array_equal(coverage_fraction(Polygon(), a_grid()), 0)
    assert_array_equal(coverage_fraction(MultiPolygon(), a_grid()), 0)
    start, cell, share = coverage_of_cells(
        np.array([], dtype=object), a_grid(), np.zeros(4, np.int64), np.zeros(0, np.int32)
    )
    assert (start.tolist(), len(cell), len(share)) == ([0], 0, 0)


def test_a_cell_that_is_covered_whole_is_covered_by_exactly_1():
    third = affinity.scale(box(0.1, 0.1, 30.2, 30.3), 1 / 3, 1 / 3, origin=(0, 0))
    coverage = coverage_fraction(third, a_grid(shape=(10, 10)))
    assert_array_equal(coverage[1:-1, 1:-1], 1)


@pytest.mark.parametrize("seed", range(12))
def test_ragged_polygons_agree_with_shapely(seed):
    rng = np.random.default_rng(seed)
    grid = a_grid(shape=(7, 9), left=-1.3, bottom=0.7, cell=0.61)
    star = a_star(int(rng.integers(3, 90)), rng.uniform(0, 4, 2), rng)
    holed = shapely.difference(star, shapely.make_valid(a_star(12, star.centroid.coords[0], rng)))
    for polygon in (star, holed):
        assert_allclose(coverage_fraction(polygon, grid), oracle.shares(polygon, grid), rtol=1e-9, atol=1e-12)


def test_a_row_cut_thousands_of_times_agrees_with_shapely():
    teeth = np.arange(6000)
    comb = Polygon([*zip(teeth / 2000, np.where(teeth % 2, 0.2, 2.9), strict=True), (3, 0), (0, 0)])
    assert_allclose(coverage_fraction(comb, a_grid()), oracle.shares(comb, a_grid()), rtol=1e-9)


def test_metres_far_from_the_origin_lose_no_precision():
    grid = a_grid(shape=(4, 4), left=500_000, bottom=4_900_000, cell=90, crs=UTM)
    polygon = affinity.translate(Polygon([(10, 5), (340, 33), (301, 355), (1, 217)]), 500_000, 4_900_000)
    assert_allclose(coverage_fraction(polygon, grid), oracle.shares(polygon, grid), rtol=1e-9, atol=1e-12)


def test_neighbours_share_a_cell_without_gap_or_overlap():
    border = [(1.5, -1), (1.2, 0.4), (1.9, 1.1), (1.3, 1.7), (1.55, 4)]
    west, east = Polygon([(-1, -1), *border, (-1, 4)]), Polygon([*border, (4, 4), (4, -1)])
    both = coverage_fraction(west, a_grid()) + coverage_fraction(east, a_grid())
    assert_allclose(both, 1, rtol=1e-14)


def test_only_the_chosen_cells_are_told_in_rising_order():
    row_start, column = np.array([0, 2, 2, 3]), np.array([0, 2, 1], dtype=np.int32)  # (0, 0), (0, 2), (2, 1)
    polygons = a_flat_array([box(0, 0, 3, 3), box(1, 0, 3, 2.5), box(1, 1, 2, 2)])
    start, cell, share = coverage_of_cells(polygons, a_grid(), row_start, column)
    assert start.tolist() == [0, 3, 5, 5]
    assert cell.tolist() == [0, 1, 2, 1, 2]
    assert_allclose(share, [1, 1, 1, 0.5, 1])
