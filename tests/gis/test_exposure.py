from dataclasses import replace

import numpy as np
import pytest
import rasterio
import shapely
from numpy.testing import assert_allclose, assert_array_equal
from pyproj import CRS, Transformer
from rasterio.enums import Resampling
from rasterio.transform import Affine
from rasterio.vrt import WarpedVRT
from shapely import Polygon, box

from gis.errors import NoOverlap, UndeclaredNodata
from gis.exposure import ExposureIndex, ThresholdTable
from gis.grid import Grid
from gis.hazard import PolygonHazard, RasterHazard
from gis.population import population_from_array
from gis.raster import RasterFile
from gis.source import ArraySource
from gis.values import gathered
from tests.builders import UTM, a_flat_array, a_grid, a_raster, some_polygons
from tests.gis import oracle

NAN = float("nan")
ALL = box(0, 0, 3, 3)
PEOPLE = np.array([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]])


def an_index(*zones, people=PEOPLE, grid=None):
    return ExposureIndex.build(population_from_array(people, grid or a_grid()), a_flat_array(zones))


def of_array(index, values, grid=None, **options):
    return RasterHazard(ArraySource(np.asarray(values), grid or a_grid()), index.population, **options)


def scored(index, hazard, *thresholds):
    return index.score(hazard.chunks(), thresholds or (0.5,))


def scored_file(index, path, *thresholds, **options):
    with RasterFile(path) as raster:
        return index.score(RasterHazard(raster, index.population, **options).chunks(), thresholds or (0.5,))


def bitwise_equal(one, other):
    for a, b in zip(vars(one).values(), vars(other).values(), strict=True):
        assert_array_equal(a, b)


# The rule


def test_people_times_coverage_times_flooded_share_by_hand():
    index = an_index(ALL, box(0, 0, 1.5, 3), box(1, 1, 2, 2))
    scores = scored(index, of_array(index, [[0, 1, 0], [2, 0, 0], [0, 0, 3.0]]), 1, 2, 2.5)
    assert_allclose(scores.population, [45, 1 + 4 + 7 + (2 + 5 + 8) / 2, 5])
    assert_allclose(scores.exposed, [[2 + 4 + 9, 4 + 9, 9], [2 / 2 + 4, 4, 0], [0, 0, 0]])
    assert_allclose(scores.not_modelled, 0)


def test_the_threshold_comes_before_the_share():
    """Four hazard cells in a population cell: 3 of 4 are at 1 or deeper, though their mean is 0.9."""
    index = an_index(ALL, people=np.full((1, 1), 100.0), grid=a_grid(shape=(1, 1), cell=3))
    scores = scored(index, of_array(index, [[1, 0], [1, 1.6]], a_grid(shape=(2, 2), cell=1.5)), 1)
    assert_allclose(scores.exposed, [[75]])


def test_zone_and_flood_are_taken_as_independent_within_a_cell():
    index = an_index(box(0, 0, 1, 2), people=np.full((1, 1), 100.0), grid=a_grid(shape=(1, 1), cell=2))
    scores = scored(index, of_array(index, [[0, 1.0], [0, 1]], a_grid(shape=(2, 2))))
    assert_allclose(scores.exposed, [[100 * 0.5 * 0.5]])


def test_what_has_no_data_within_the_bounds_is_dry():
    index = an_index(ALL)
    scores = scored(index, of_array(index, [[NAN, 1, NAN], [NAN] * 3, [NAN] * 3]))
    assert_allclose(scores.exposed, [[2]])
    assert_allclose(scores.not_modelled, [0])


def test_people_outside_the_hazards_extent_are_not_modelled():
    index = an_index(box(0, 0, 3, 3), box(0, 0, 1, 3), box(2, 0, 3, 3), box(0.5, 0, 1.5, 3))
    hazard = of_array(index, np.ones((3, 1)), a_grid(shape=(3, 1), left=2))  # the third column only
    scores = scored(index, hazard)
    assert_allclose(scores.exposed, [[18], [NAN], [18], [NAN]])
    assert_allclose(scores.not_modelled, [27, 12, 0, 13.5])


def test_the_extents_edge_through_a_cell_leaves_a_part_not_modelled():
    index = an_index(ALL)
    hazard = of_array(index, np.ones((6, 4)), a_grid(shape=(6, 4), cell=0.75, left=-0.6, bottom=-1.2))
    extent = box(-0.6, -1.2, 2.4, 3.3)
    scores = scored(index, hazard)
    assert_allclose(scores.not_modelled, [oracle.not_modelled(ALL, PEOPLE, a_grid(), extent)])
    assert_allclose(scores.exposed[:, 0] + scores.not_modelled, [45])


def test_a_sliver_by_rounding_does_not_make_a_zone_modelled():
    """The zone reaches over the hazard's edge by what two files' last digits differ."""
    index = an_index(box(0, 0, 1 + 1e-11, 3))
    scores = scored(index, of_array(index, np.ones((3, 2)), a_grid(shape=(3, 2), left=1)))
    assert np.isnan(scores.exposed).all()
    assert_allclose(scores.not_modelled, [12])


def test_a_zone_without_people_has_nobody_exposed_even_where_nothing_is_modelled():
    people = PEOPLE * [[0, 1, 1]]
    index = an_index(box(0, 0, 1, 3), box(10, 10, 11, 11), people=people)
    scores = scored(index, of_array(index, np.ones((3, 1)), a_grid(shape=(3, 1), left=2)))
    assert_array_equal(scores.exposed, [[0], [0]])
    assert_array_equal(scores.not_modelled, [0, 0])


def test_no_number_is_shown_where_nothing_is_modelled_at_any_threshold():
    index = an_index(box(0, 0, 1, 3))
    scores = scored(index, of_array(index, np.ones((3, 1)), a_grid(shape=(3, 1), left=2)), 0.1, 0.5, 7)
    assert np.isnan(scores.exposed).all()


def test_classes_are_differences_that_add_up_and_are_never_negative():
    rng = np.random.default_rng(5)
    people = rng.exponential(30, (20, 20))
    grid = a_grid(shape=(20, 20), cell=0.15)
    index = an_index(ALL, box(0.1, 0.1, 1.33, 2.2), people=people, grid=grid)
    depth = rng.exponential(0.8, (41, 37)).astype(np.float32)
    edges = np.linspace(0, 5, 41)
    exposed = scored(index, of_array(index, depth, a_grid(shape=(41, 37), cell=0.083)), *edges).exposed
    assert (np.diff(exposed, axis=1) <= 0).all()
    assert_allclose(-np.diff(exposed, axis=1).sum(axis=1), exposed[:, 0] - exposed[:, -1])


# Thresholds in the hazard's own precision


@pytest.mark.parametrize(
    ("dtype", "values", "threshold", "reached"),
    [
        ("float32", [0.7, 0.69999, 0.70001], 0.7, [1, 0, 1]),
        ("float32", [0.3, 0.1, 0.2], 0.3, [1, 0, 0]),
        ("float64", [0.7, np.nextafter(0.7, 0), 0.7000001], 0.7, [1, 0, 1]),
        ("float64", [0.3, float(np.float32(0.3)), 0.2999], 0.3, [1, 1, 0]),
        ("uint8", [0, 1, 2], 0.3, [0, 1, 1]),
        ("uint8", [0, 1, 2], 1, [0, 1, 1]),
        ("uint8", [0, 1, 2], 1.0000001, [0, 0, 1]),
        ("int16", [0, 1, 2], 0.3, [0, 1, 1]),
        ("int16", [-3, -2, -1], -2.5, [0, 1, 1]),
        ("int32", [16_777_216, 16_777_217, 16_777_218], 16_777_217, [0, 1, 1]),
        ("uint16", [0, 65_534, 3], 65_533.5, [0, 1, 0]),
        ("float32", [1, 2, 3], 1e300, [0, 0, 0]),
        ("float32", [1, 2, 3], -1e300, [1, 1, 1]),
    ],
)
@pytest.mark.parametrize("finer", [1, 2])
def test_a_cell_at_the_threshold_counts(tmp_path, dtype, values, threshold, reached, finer):
    people = np.array([[1.0, 10, 100]])
    index = an_index(ALL, people=people, grid=a_grid(shape=(1, 3)))
    cells = np.repeat(np.repeat(np.array([values], dtype=dtype), finer, axis=0), finer, axis=1)
    path = a_raster(tmp_path / "hazard.tif", cells, cell=1 / finer)
    assert_allclose(scored_file(index, path, threshold).exposed, [[people[0] @ reached]])


@pytest.mark.parametrize("steps", [7, 29, 35, 57, 58, 70, 115])
def test_a_scaled_cell_at_the_threshold_counts(tmp_path, steps):
    index = an_index(ALL, people=np.array([[1.0, 10, 100]]), grid=a_grid(shape=(1, 3)))
    stored = np.array([[steps - 1, steps, steps + 1]], dtype=np.int16)
    path = a_raster(tmp_path / "hazard.tif", stored, scale=0.01)
    assert_allclose(scored_file(index, path, steps / 100).exposed, [[110]])
    path = a_raster(tmp_path / "hazard.tif", stored, scale=0.01, offset=-2)
    assert_allclose(scored_file(index, path, steps / 100 - 2).exposed, [[110]])


# Any pair of grids


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("shape", "left", "bottom", "cell"),
    [
        ((3, 3), 0, 0, 1),  # the same
        ((5, 5), -1, -1, 1),  # the same cells, larger
        ((2, 1), 1, 1, 1),  # the same cells, smaller
        ((6, 6), 0, 0, 0.5),  # finer, nested
        ((2, 2), -0.5, -0.5, 2),  # coarser, offset
        ((1, 1), -4, -4, 9),  # one cell over everything
        ((4, 5), 0.3, 0.4, 1),  # offset
        ((11, 9), 0.11, -0.23, 0.29),  # neither nested nor aligned
        ((3, 4), -0.77, 0.9, 0.73),
    ],
)
def test_every_pair_of_grids_agrees_with_shapely(shape, left, bottom, cell, seed):
    rng = np.random.default_rng(seed)
    people = rng.integers(0, 9, (3, 3)).astype(float)
    people[rng.integers(0, 3), rng.integers(0, 3)] = 5
    depth = np.where(rng.random(shape) < 0.2, NAN, rng.random(shape) * 2)
    zones = [ALL, Polygon([(0.2, 0.1), (2.7, 0.6), (1.4, 2.8)])]
    index = an_index(*zones, people=people)
    hazard_grid = a_grid(shape, left=left, bottom=bottom, cell=cell)
    scores = scored(index, of_array(index, depth, hazard_grid), 0.5, 1.2)
    for z, zone in enumerate(zones):
        lost = oracle.not_modelled(zone, people, a_grid(), box(*hazard_grid.bounds))
        assert_allclose(scores.not_modelled[z], lost, rtol=1e-9, atol=1e-12)
        if lost > scores.population[z] - 1e-9:
            assert scores.population[z] == 0 or np.isnan(scores.exposed[z]).all()
            continue
        wanted = [oracle.exposed(zone, people, a_grid(), depth, hazard_grid, t) for t in (0.5, 1.2)]
        assert_allclose(scores.exposed[z], wanted, rtol=1e-9, atol=1e-12)


def test_cells_of_different_width_and_height_agree_with_shapely():
    index = an_index(ALL)
    hazard_grid = replace(a_grid(shape=(5, 13), left=0.07, bottom=0.2), cell_width=0.23, cell_height=0.51)
    depth = np.arange(65.0).reshape(5, 13) % 7
    wanted = oracle.exposed(ALL, PEOPLE, a_grid(), depth, hazard_grid, 4)
    assert_allclose(scored(index, of_array(index, depth, hazard_grid), 4).exposed, [[wanted]])


def test_origins_that_differ_by_rounding_only_are_the_same_grid():
    index = an_index(ALL)
    exact = scored(index, of_array(index, np.eye(3)))
    off = replace(a_grid(), left=1e-9, top=3 - 1e-9)
    bitwise_equal(exact, scored(index, of_array(index, np.eye(3), off)))


def test_a_raster_stored_south_up_or_right_to_left_is_read_turned(tmp_path):
    index = an_index(box(5, 0, 8, 3), grid=a_grid(left=5))
    depth = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0]], dtype=np.float32)
    north_up = scored_file(index, a_raster(tmp_path / "north.tif", depth, left=5))
    south_up = a_raster(tmp_path / "south.tif", depth[::-1], transform=Affine(1, 0, 5, 0, 1, 0))
    mirrored = a_raster(tmp_path / "west.tif", depth[:, ::-1], transform=Affine(-1, 0, 8, 0, -1, 3))
    assert_allclose(north_up.exposed, [[1 + 4 + 5]])
    bitwise_equal(scored_file(index, south_up), north_up)
    bitwise_equal(scored_file(index, mirrored), north_up)


@pytest.mark.parametrize("window_cells", [1, 3, 17, 100, 4096])
@pytest.mark.parametrize(
    ("cell", "crs"), [(0.1, "EPSG:4326"), (0.0371, "EPSG:4326"), (0.31, "EPSG:4326"), (4_000.0, UTM)]
)
def test_the_result_does_not_depend_on_windows_or_blocks_in_a_single_bit(tmp_path, window_cells, cell, crs):
    rng = np.random.default_rng(11)
    people = rng.exponential(20, (19, 23)) * (rng.random((19, 23)) < 0.6)
    grid = a_grid((19, 23), left=15, bottom=44, cell=0.1)
    zones = [box(15, 44, 17.3, 45.9), Polygon([(15.13, 44.2), (17.1, 44.5), (16, 45.7)])]
    index = an_index(*zones, people=people, grid=grid)
    values = rng.exponential(1, (60, 60)).astype(np.float32)
    place = {"left": 15.03, "bottom": 44.05} if crs == "EPSG:4326" else {"left": 510_000, "bottom": 4_880_000}
    strips = a_raster(tmp_path / "strips.tif", values, cell=cell, crs=crs, **place)
    tiles = a_raster(
        tmp_path / "tiles.tif", values, cell=cell, crs=crs, **place, tiled=True, blockxsize=16, blockysize=16
    )
    cog = a_raster(tmp_path / "cog.tif", values, cell=cell, crs=crs, **place, driver="COG")
    whole = scored_file(index, strips, 0.5, 1)
    assert np.nansum(whole.exposed) > 0
    for path in (strips, tiles, cog):
        bitwise_equal(scored_file(index, path, 0.5, 1, window_cells=window_cells), whole)


# Another CRS


def on_nested_grid(path, grid, parts_y, parts_x):
    """The hazard by GDAL's nearest neighbour, on the population's cells cut into parts_y x parts_x, NaN outside."""
    fine = Affine(grid.cell_width / parts_x, 0, grid.left, 0, -grid.cell_height / parts_y, grid.top)
    with (
        rasterio.open(path) as source,
        WarpedVRT(
            source,
            crs=grid.crs.to_wkt(),
            transform=fine,
            width=grid.nx * parts_x,
            height=grid.ny * parts_y,
            resampling=Resampling.nearest,
            tolerance=1e-6,  # in cells; 0 is refused
            nodata=NAN,
        ) as warped,
    ):
        return warped.read(1)


def test_another_crs_agrees_with_gdals_nearest_neighbour(tmp_path):
    rng = np.random.default_rng(3)
    grid = a_grid((8, 10), left=16, bottom=44, cell=0.05)
    people = rng.exponential(20, grid.shape)
    zone = box(*grid.bounds)
    index = an_index(zone, people=people, grid=grid)
    values = rng.exponential(1, (70, 60)).astype(np.float32)
    path = a_raster(tmp_path / "utm.tif", values, crs=UTM, left=585_000, bottom=4_878_000, cell=500)
    # 0.05 degrees at 44 north are 5556 m x 4014 m, 11.1 x 8.03 hazard cells: so many parts of half of one at most.
    blocks = on_nested_grid(path, grid, 23, 17).reshape(8, 23, 10, 17)
    scores = scored_file(index, path, 0.5, 1.5)
    for t, threshold in enumerate((0.5, 1.5)):
        share = (blocks >= threshold).mean(axis=(1, 3))
        assert_allclose(scores.exposed[0, t], (people * share).sum(), rtol=1e-9)
    assert_allclose(scores.not_modelled[0], (people * np.isnan(blocks).mean(axis=(1, 3))).sum(), rtol=1e-9)
    assert 0 < scores.not_modelled[0] < scores.population[0]


def by_looking_up_every_centre(grid, hazard_crs, transform, values, parts):
    """The hazard's value at the centre of each part of each cell, (ny * parts, nx * parts), NaN outside."""
    row, column = ((np.arange(n * p) + 0.5) / p for n, p in zip(grid.shape, parts, strict=True))
    x, y = np.meshgrid(grid.left + column * grid.cell_width, grid.top - row * grid.cell_height)
    hazard_column, hazard_row = ~transform @ Transformer.from_crs(grid.crs, hazard_crs, always_xy=True).transform(x, y)
    ny, nx = values.shape
    inside = (hazard_row >= 0) & (hazard_row < ny) & (hazard_column >= 0) & (hazard_column < nx)
    found = np.full(x.shape, NAN)
    found[inside] = values[hazard_row[inside].astype(int), hazard_column[inside].astype(int)]
    return found


@pytest.mark.parametrize(
    ("grid", "hazard_crs", "corner", "cell", "parts"),
    [
        # 500 m of Web Mercator are 358 m here: two parts of 179 m, less than half of 400 m.
        (a_grid((70, 90), left=1.8e6, bottom=5.5e6, cell=500, crs="EPSG:3857"), 3035, (4.80e6, 2.40e6), 400, (2, 2)),
        # At 15.74° E another shift of MGI 1901 begins: neighbouring centres leap. 139 m x 100 m, in parts below 30 m.
        (a_grid((40, 64), left=15.7, bottom=44, cell=0.00125, crs="EPSG:4326"), 3908, (6.317e6, 4.885e6), 60, (5, 4)),
        # Meshes of 16 cells end beyond the pole, where no place is. 112 km x 19 km at most, in parts below 30 km.
        (a_grid((10, 30), left=-30, bottom=-90, cell=1, crs="EPSG:4326"), 3031, (-1e6, 1e6), 60_000, (4, 1)),
    ],
)  # fmt: skip
def test_every_part_takes_the_very_cell_that_holds_its_centre(grid, hazard_crs, corner, cell, parts):
    rng = np.random.default_rng(5)
    people = rng.exponential(20, grid.shape)
    index = an_index(box(*grid.bounds), people=people, grid=grid)
    values = rng.integers(0, 10, (200, 220)).astype(np.float32)
    hazard_grid = Grid(CRS.from_epsg(hazard_crs), *corner, cell, cell, *values.shape)
    scores = scored(index, of_array(index, values, hazard_grid), 2, 5, 9)
    transform = Affine(cell, 0, corner[0], 0, -cell, corner[1])
    blocks = by_looking_up_every_centre(grid, hazard_crs, transform, values, parts)
    shares = blocks.reshape(grid.ny, parts[0], grid.nx, parts[1])
    assert np.isfinite(shares).mean() > 0.2
    for t, threshold in enumerate((2, 5, 9)):
        wanted = (people * (shares >= threshold).mean(axis=(1, 3))).sum()
        assert scores.exposed[0, t] == pytest.approx(wanted, rel=1e-12)
    assert scores.not_modelled[0] == pytest.approx((people * np.isnan(shares).mean(axis=(1, 3))).sum(), abs=1e-6)


def test_another_crs_takes_the_cell_that_holds_the_centre_of_each_part(tmp_path):
    """One population cell of 90 m over hazard cells of 100 m in another zone of UTM: 2 x 2 parts, each looked up."""
    grid = a_grid((1, 1), left=500_000, bottom=4_900_000, cell=90, crs="EPSG:32634")
    index = an_index(box(*grid.bounds), people=np.array([[1000.0]]), grid=grid)
    to_hazard = Transformer.from_crs(32634, 32633, always_xy=True)
    x, y = to_hazard.transform(500_045, 4_900_045)
    left, bottom = np.floor(x / 100) * 100 - 200, np.floor(y / 100) * 100 - 200
    values = (np.indices((5, 5)).sum(axis=0) % 3).astype(np.float32)
    path = a_raster(tmp_path / "hazard.tif", values, crs=UTM, left=left, bottom=bottom, cell=100)
    wet = 0
    for part_x in (22.5, 67.5):
        for part_y in (22.5, 67.5):
            hx, hy = to_hazard.transform(500_000 + part_x, 4_900_000 + part_y)
            wet += values[4 - int((hy - bottom) // 100), int((hx - left) // 100)] >= 1
    assert_allclose(scored_file(index, path, 1).exposed, [[250 * wet]])


def test_values_are_never_averaged_on_the_way_to_another_crs(tmp_path):
    """A chequerboard of 0 and 2: half is at 2, and just as much is at 1."""
    grid = a_grid((4, 4), left=16, bottom=44, cell=0.1)
    index = an_index(box(*grid.bounds), people=np.ones((4, 4)), grid=grid)
    board = (np.indices((300, 300)).sum(axis=0) % 2 * 2).astype(np.float32)
    path = a_raster(tmp_path / "board.tif", board, crs=UTM, left=570_000, bottom=4_860_000, cell=300)
    scores = scored_file(index, path, 0.001, 1, 2, 2.001)
    assert_array_equal(scores.exposed[0, :3], scores.exposed[0, 0])
    assert_allclose(scores.exposed[0], [8, 8, 8, 0], rtol=3e-3)


def test_a_rotated_hazard_lies_where_its_transform_says(tmp_path):
    """Turned by 30 degrees; the share of each population cell by shapely, within what the parts can resolve."""
    grid = a_grid((6, 6), left=500_000, bottom=4_900_000, cell=100, crs=UTM)
    people = np.arange(1.0, 37).reshape(6, 6)
    index = an_index(box(*grid.bounds), people=people, grid=grid)
    turned = Affine.translation(500_100, 4_900_300) @ Affine.rotation(30) @ Affine.scale(20, -20)
    path = a_raster(tmp_path / "turned.tif", np.ones((10, 12), np.float32), transform=turned, crs=UTM)
    extent = Polygon([turned @ corner for corner in [(0, 0), (12, 0), (12, 10), (0, 10)]])
    wanted = sum(people[r][c] * oracle.share(oracle.cell_box(grid, r, c), extent) for r in range(6) for c in range(6))
    scores = scored_file(index, path)
    assert_allclose(scores.exposed, [[wanted]], rtol=0.02)
    assert_allclose(scores.not_modelled, people.sum() - scores.exposed[:, 0])


def test_the_same_crs_in_another_dialect_is_not_warped(tmp_path):
    """ESRI writes the same degrees under other names; an offset grid then still counts by exact area."""
    esri = (
        'GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137.0,298.257223563]],'
        'PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]'
    )
    index = an_index(ALL)
    path = a_raster(tmp_path / "esri.tif", np.ones((3, 3), np.float32), crs=esri, left=0.13, bottom=0.29)
    extent = box(0.13, 0.29, 3.13, 3.29)
    assert_allclose(scored_file(index, path).not_modelled, [oracle.not_modelled(ALL, PEOPLE, a_grid(), extent)])


# Where a hazard is modelled


def test_a_hazard_that_lies_elsewhere_is_refused(tmp_path):
    index = an_index(ALL)
    with pytest.raises(NoOverlap):
        of_array(index, np.ones((3, 3)), a_grid(left=3))
    with pytest.raises(NoOverlap):
        PolygonHazard(some_polygons(box(3, 0, 4, 1)), index.population)
    with pytest.raises(NoOverlap, match=r"utm\.tif lies nowhere"):
        scored_file(index, a_raster(tmp_path / "utm.tif", np.ones((3, 3)), crs=UTM, left=5e5, bottom=5e6, cell=100))
    beside = a_grid((9, 9), left=4.01 * 111_319.49, bottom=0, cell=9_000, crs="EPSG:3857")  # by 1 of 3 cells
    with pytest.raises(NoOverlap):
        of_array(index, np.ones((9, 9)), beside)


def test_polygons_cover_exactly_and_are_counted_once_where_they_overlap():
    index = an_index(ALL)
    flood = [box(0, 0, 1.5, 1.5), box(1, 1, 3, 3), box(1, 1, 2, 2), box(0, 0, 3, 0.25)]
    wanted = sum(
        PEOPLE[r][c] * oracle.share(oracle.cell_box(a_grid(), r, c), shapely.union_all(flood))
        for r in range(3)
        for c in range(3)
    )
    for threshold in (-5, 0.3, 1e300):
        assert_allclose(
            scored(index, PolygonHazard(some_polygons(*flood), index.population), threshold).exposed, wanted
        )


def test_the_box_around_all_polygons_is_what_they_say_something_about():
    index = an_index(ALL, box(2.25, 0, 3, 3))
    hazard = PolygonHazard(some_polygons(box(0, 0, 0.5, 0.5), box(1, 1, 2.25, 2.25)), index.population)
    scores = scored(index, hazard)
    assert_allclose(scores.not_modelled[0], oracle.not_modelled(ALL, PEOPLE, a_grid(), box(0, 0, 2.25, 2.25)))
    assert scores.exposed[0, 0] > 0


def test_a_footprint_replaces_the_extent_of_a_raster():
    index = an_index(ALL, box(0, 0, 1, 3))
    footprint = some_polygons(box(1, 0, 2.5, 3))
    scores = scored(index, of_array(index, np.ones((3, 3)), footprint=footprint))
    assert_allclose(scores.exposed, [[2 + 5 + 8 + (3 + 6 + 9) / 2], [NAN]])
    assert_allclose(scores.not_modelled, [1 + 4 + 7 + (3 + 6 + 9) / 2, 12])
    larger = scored(
        index,
        of_array(index, np.ones((3, 1)), a_grid(shape=(3, 1), left=2), footprint=some_polygons(box(-9, -9, 9, 9))),
    )
    assert_allclose(larger.exposed, [[18], [0]])
    assert_allclose(larger.not_modelled, [0, 0])


def test_a_footprint_replaces_the_box_around_polygons():
    index = an_index(ALL)
    flood, footprint = some_polygons(box(0, 0, 3, 1)), some_polygons(box(0, 0, 1.5, 3))
    scores = scored(index, PolygonHazard(flood, index.population, footprint))
    assert_allclose(scores.exposed, [[7 + 8 / 2]])
    assert_allclose(scores.not_modelled, [(2 + 5 + 8) / 2 + 3 + 6 + 9])


def test_polygons_beside_the_footprint_in_the_same_cell_do_not_count():
    index = an_index(ALL)
    hazard = PolygonHazard(some_polygons(box(0, 0, 0.5, 3)), index.population, some_polygons(box(0.5, 0, 3, 3)))
    assert_allclose(scored(index, hazard).exposed, [[0]])


# A kept hazard


def a_hazard_with(index, kind):
    rng = np.random.default_rng(2)
    depth = np.where(rng.random((13, 11)) < 0.3, NAN, rng.integers(0, 9, (13, 11)) / 4).astype(np.float32)
    footprint = some_polygons(Polygon([(0.3, 0.2), (2.8, 0.1), (2.2, 2.9)]))
    if kind == "one to one":
        return of_array(index, depth[:3, :3])
    if kind == "finer":
        return of_array(index, depth, a_grid((13, 11), left=0.2, bottom=-0.1, cell=0.21), window_cells=7)
    if kind == "finer in a footprint":
        hazard_grid = a_grid((13, 11), left=0.2, bottom=-0.1, cell=0.21)
        return of_array(index, depth, hazard_grid, footprint=footprint, window_cells=7)
    if kind == "one to one in a footprint":
        return of_array(index, depth[:3, :3], footprint=footprint)
    if kind == "another crs":
        return of_array(index, depth, a_grid((13, 11), left=0.2, bottom=0.1, cell=0.2, crs="EPSG:4258"))
    return PolygonHazard(some_polygons(box(0.1, 0.1, 1.7, 2.2)), index.population, footprint)


@pytest.mark.parametrize(
    "kind",
    ["one to one", "finer", "finer in a footprint", "one to one in a footprint", "another crs", "polygons"],
)
def test_a_kept_hazard_answers_every_threshold_as_the_hazard_itself_does(kind):
    index = an_index(ALL, Polygon([(0.2, 0.1), (2.7, 0.6), (1.4, 2.8)]), box(0, 2.9, 0.1, 3), box(5, 5, 6, 6))
    hazard = a_hazard_with(index, kind)
    thresholds = [-1, 0, 0.1, 0.25, 0.3, 0.75, 1, 2, 2.1, 50]
    direct = index.score(hazard.chunks(), thresholds)
    kept = gathered(hazard.chunks())
    bitwise_equal(index.score([kept], thresholds), direct)
    table = ThresholdTable.build(index, kept).score(thresholds)
    for name, values in vars(direct).items():
        assert_allclose(getattr(table, name), values, rtol=1e-12, atol=1e-12, err_msg=name)


def test_several_hazards_at_once_are_scored_as_one_by_one():
    index = an_index(ALL, box(0.5, 0.5, 2, 2))
    hazards = [a_hazard_with(index, kind) for kind in ("one to one", "finer", "polygons")]
    together = index.score_all([h.chunks() for h in hazards], [0.3, 1])
    for hazard, scores in zip(hazards, together, strict=True):
        bitwise_equal(scores, index.score(hazard.chunks(), [0.3, 1]))


# Nodata that nobody declared


@pytest.mark.parametrize(
    ("dtype", "fill"),
    [
        ("float32", np.finfo(np.float32).max),
        ("float32", 1e20),
        ("float32", np.inf),
        ("float32", 9999),
        ("float64", 99999),
        ("int16", 32767),
        ("uint16", 65535),
        ("int32", 2147483647),
        ("int16", 9999),
    ],
)
def test_a_fill_value_that_would_be_counted_is_refused(tmp_path, dtype, fill):
    index = an_index(ALL)
    values = np.array([[0, 1, 2], [1, fill, 0], [0, 0, 0]], dtype=dtype)
    with pytest.raises(UndeclaredNodata, match="declare it with gdal_edit"):
        scored_file(index, a_raster(tmp_path / "hazard.tif", values))
    if np.isfinite(fill):
        declared = a_raster(tmp_path / "declared.tif", values, nodata=float(values[1, 1]))
        assert_allclose(scored_file(index, declared).exposed, [[2 + 3 + 4]])


def test_255_beside_other_values_looks_like_nodata_but_not_in_a_mask(tmp_path):
    index = an_index(ALL)
    depths = np.array([[0, 1, 2], [1, 255, 0], [0, 0, 0]], dtype=np.uint8)
    with pytest.raises(UndeclaredNodata, match="1 cells of 255"):
        scored_file(index, a_raster(tmp_path / "depths.tif", depths), window_cells=1)
    mask = np.where(depths > 0, 255, 0).astype(np.uint8)
    assert_allclose(scored_file(index, a_raster(tmp_path / "mask.tif", mask)).exposed, [[2 + 3 + 4 + 5]])
    declared = a_raster(tmp_path / "declared.tif", depths, nodata=255)
    assert_allclose(scored_file(index, declared).exposed, [[2 + 3 + 4]])


def test_a_fill_value_where_nobody_lives_does_no_harm(tmp_path):
    index = an_index(ALL, people=PEOPLE * (1 - np.eye(3)))
    path = a_raster(tmp_path / "hazard.tif", np.eye(3, dtype=np.float32) * 9999)
    assert_allclose(scored_file(index, path).exposed, [[0]])


@pytest.mark.parametrize("how", ["nodata", "nan", "mask", "alpha"])
def test_cells_without_data_are_dry_however_the_file_says_so(tmp_path, how):
    index = an_index(ALL)
    values = np.full((3, 3), 7, dtype=np.float32)
    there = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=np.uint8)
    path = tmp_path / "hazard.tif"
    if how == "nodata":
        a_raster(path, np.where(there, values, -3.4e38).astype(np.float32), nodata=-3.4e38)
    elif how == "nan":
        a_raster(path, np.where(there, values, np.float32(NAN)))
    elif how == "mask":
        a_raster(path, values, mask=there * 255)
    else:
        a_raster(path, np.stack([values, there * np.float32(255)]), photometric="MINISBLACK", alpha="YES")
    assert_allclose(scored_file(index, path).exposed, [[40]])
    assert_allclose(scored_file(index, path).not_modelled, [0])
