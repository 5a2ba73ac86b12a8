"""A flood that rises: on the valley of test_terrain, reckoned by hand, and what must hold for any flood."""

import zlib

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from pyproj import CRS, Transformer

from gis.classes import DEPTH, DEPTH_STEPS, Steps
from gis.exposure import ExposureIndex
from gis.gathered import load_hazard, load_index, save_hazard, save_index
from gis.grid import Grid
from gis.hazard import RasterHazard
from gis.population import population_from_array
from gis.raster import RasterFile
from gis.rise import (
    LOWEST_RISE_M,
    NOT_REACHED,
    OVER_GROUND_STEPS,
    Water,
    build_over_ground,
    centres,
    over_ground,
    risen_palette,
    risen_thresholds,
    without_ground,
)
from gis.source import ArraySource
from gis.terrain import of_elevation, rise_needed_m, terrain
from gis.tiles import Pyramid, Rule, build
from gis.values import Chunk, gathered
from tests.builders import a_raster
from tests.gis.test_terrain import COLUMN, GRID, RHINE, RIVER, ROW, a_valley, rhine

FLOOD = np.where(RIVER, 2.5, np.nan).astype(np.float32)
EVERYBODY = np.array([shapely.box(GRID.bounds[0], GRID.bounds[1], GRID.bounds[2], GRID.bounds[3])], dtype=object)


def held(depth, population, grid=GRID):
    """(the gathered flood, the same with the ground of the valley)."""
    source = ArraySource(np.asarray(depth, np.float32), grid)
    chunk = gathered(RasterHazard(source, population).chunks())
    return chunk, over_ground(chunk, population, Water.of(source, a_valley()))


def test_people_on_the_banks_are_reached_when_the_water_rises_to_them(tmp_path):
    people = population_from_array(np.ones(GRID.shape), GRID)
    _, over = held(FLOOD, people)
    save_hazard(over, tmp_path / "kept")
    kept = load_hazard(tmp_path / "kept")
    rise = rise_needed_m(kept.value, 0.3).reshape(GRID.shape)
    assert_allclose(rise[4], [6.8, 3.8, 0.8, 0.0, 0.8, 3.8, 6.8], atol=1e-5)
    # A rise of 1 m reaches the six cells of the river and, of the neighbours at HAND 3, those in rows 1 to 6. In row 0
    # water arrives in row 2 only (HAND 4: 1.8 m), as it does from the river's own cells in rows 0 and 1 (HAND 2 and 1:
    # dry below the level, 0.3 m); in row 7 it runs along the edge (HAND 2: 0.3 m).
    assert_allclose(rise[0, 2:5], [1.8, 0.3, 1.8], atol=1e-5)
    assert_allclose(rise[7, 2:5], [0.3, 0.0, 0.3], atol=1e-5)
    index = ExposureIndex.build(people, EVERYBODY)
    reached = [index.score_kept(kept, risen_thresholds([0.3], r, kept, spread=True)).exposed[0, 0] for r in (0.0, 1.0)]
    assert reached == [6.0, 6.0 + 2 + 2 * 6 + 2]


def test_without_elevation_only_what_is_wet_deepens():
    people = population_from_array(np.ones(GRID.shape), GRID)
    depth = np.where(RIVER, 0.1, np.nan)
    depth[7, 3] = 0.0  # modelled as dry, not as wet
    chunk, _ = held(depth, people)
    index = ExposureIndex.build(people, EVERYBODY)
    counted = [
        index.score_kept(chunk, risen_thresholds([0.3], r, chunk, spread=False)).exposed[0, 0]
        for r in (0.0, 0.1, 0.2, 0.5, 5.0)
    ]
    assert counted == [0.0, 0.0, 5.0, 5.0, 5.0]


def test_water_that_falls_leaves_what_is_deep_enough():
    people = population_from_array(np.ones(GRID.shape), GRID)
    deeper_southwards = np.where(RIVER, np.arange(8)[:, None] * 0.5, np.nan)
    for spread, chunk in zip((False, True), held(deeper_southwards, people), strict=True):
        index = ExposureIndex.build(people, EVERYBODY)
        # The river is 1, 1.5, 2, 2.5, 3 and 3.5 m deep in rows 2 to 7; after a fall of 2 m, 0.5, 1 and 1.5 m are left.
        at = risen_thresholds([0.3, 1.0], -2.0, chunk, spread=spread)
        assert index.score_kept(chunk, at).exposed[0].tolist() == [3.0, 2.0]


def test_the_ground_may_have_another_grid_and_another_reference_system_than_the_people():
    metres = Grid(GRID.crs, GRID.left, GRID.top, 500.0, 500.0, 16, 14)
    people = population_from_array(np.ones(metres.shape), metres)
    depth = np.repeat(np.repeat(FLOOD, 2, 0), 2, 1)
    _, over = held(depth, people, metres)
    over = over.value.reshape(metres.shape)
    assert_allclose(over[8, ::2], [-6.5, -3.5, -0.5, 2.5, -0.5, -3.5, -6.5], atol=1e-5)
    assert_allclose(over[9], over[8], atol=1e-5)
    # The middle of the same cells in degrees.
    x, y = centres(people)
    lon, lat = Transformer.from_crs(GRID.crs, 4326, always_xy=True).transform(x, y)
    water = Water.of(ArraySource(FLOOD, GRID), a_valley())
    again = water.over_ground_m(np.full(len(lon), np.nan), np.array(lon), np.array(lat), CRS.from_epsg(4326))
    dry = np.isnan(depth).ravel()
    assert_array_equal(again[dry], over.ravel()[dry])


def test_what_the_flood_does_not_model_is_unknown():
    people = population_from_array(np.ones(GRID.shape), GRID)
    south = Grid(GRID.crs, GRID.left, GRID.top - 4000.0, 1000.0, 1000.0, 4, 7)
    _, over = held(FLOOD[4:], people, south)
    assert_array_equal(np.isnan(over.value.reshape(GRID.shape)).all(axis=1), ROW[:, 0] < 4)
    assert_array_equal(without_ground(over), np.zeros(56))


def test_ground_that_the_water_never_reaches_is_told_from_ground_whose_height_nobody_knows():
    people = population_from_array(np.ones(GRID.shape), GRID)
    source = ArraySource(FLOOD, GRID)
    chunk = gathered(RasterHazard(source, people).chunks())
    steep = terrain(100.0 - ROW + 30.0 * np.abs(COLUMN - 3), GRID, stream_km2=8.0)
    part = np.array(steep.hand_m)
    part[:, 6] = np.nan
    water = Water(steep, Water.of(source, steep).level_m)
    assert np.isneginf(over_ground(chunk, people, water).value.reshape(GRID.shape)[4, [0, 1, 2, 4, 5, 6]]).all()
    blind = Water(type(steep)(GRID, part, steep.drain, steep.downstream, steep.stream_m, 8.0), water.level_m)
    over = over_ground(chunk, people, blind)
    assert_array_equal(without_ground(over).reshape(GRID.shape), np.where(COLUMN == 6, 1.0, 0.0))
    assert NOT_REACHED < LOWEST_RISE_M


def test_the_dry_part_of_a_cell_floods_when_the_water_reaches_its_middle():
    # Eight people in one cell over four of the flood, of which one, on the river in row 4, is 1 m deep. The middle of
    # the cell lies on the river in row 5, below the level that is carried down to it: just dry, reached by 0.3 m.
    coarse = Grid(GRID.crs, GRID.left, GRID.top, 2000.0, 2000.0, 4, 4)
    people = np.zeros((4, 4))
    people[2, 1] = 8.0
    population = population_from_array(people, coarse)
    chunk, over = held(np.where((ROW == 4) & (COLUMN == 3), 1.0, np.nan), population)
    index = ExposureIndex.build(population, EVERYBODY)
    assert index.score_kept(chunk, [0.3]).exposed[0, 0] == 2.0
    for rise, expected in ((0.0, 2.0), (0.25, 2.0), (0.3, 8.0), (-0.5, 2.0), (-0.8, 0.0)):
        at = risen_thresholds([0.3], rise, over, spread=True)
        assert index.score_kept(over, at).exposed[0, 0] == expected
    assert_array_equal(without_ground(over), [0.0])


PEOPLE_GRID = Grid(CRS.from_epsg(4326), 15.0, 46.0, 0.25, 0.25, 6, 8)
some_people = hnp.arrays(np.float64, PEOPLE_GRID.shape, elements=st.floats(0, 1e6, allow_subnormal=False)).filter(
    np.any
)
depths = hnp.arrays(np.float32, (11, 9), elements=st.floats(0, 10, width=32, allow_subnormal=False) | st.just(np.nan))
grounds = hnp.arrays(np.float64, (9, 9), elements=st.floats(0, 30))
rises = st.floats(-5, 5)
any_dtype = st.sampled_from([np.float32, np.float64, np.int16])


def any_flood(people, depth, ground, dtype):
    population = population_from_array(people, PEOPLE_GRID)
    grid = Grid(PEOPLE_GRID.crs, 14.93, 46.11, 0.21, 0.21, *depth.shape)
    if dtype == np.int16:
        depth = np.floor(depth)
    source = ArraySource(depth.astype(np.float64 if dtype == np.float64 else np.float32), grid)
    chunk = gathered(RasterHazard(source, population).chunks())
    chunk = Chunk(0, chunk.cells, chunk.value, np.dtype(dtype), chunk.cell, chunk.share, chunk.inside)
    slope = terrain(ground, Grid(grid.crs, 14.9, 46.1, 0.25, 0.25, 9, 9), stream_km2=300.0)
    zone = np.array([shapely.box(14.8, 44.3, 17.3, 46.2)], dtype=object)
    return ExposureIndex.build(population, zone), chunk, over_ground(chunk, population, Water.of(source, slope))


@given(some_people, depths, grounds, st.floats(0.01, 10), any_dtype)
@settings(max_examples=60, deadline=None)
def test_a_rise_of_nothing_is_the_flood_itself_bit_by_bit(people, depth, ground, threshold, dtype):
    index, chunk, over = any_flood(people, depth, ground, dtype)
    direct = index.score([chunk], [threshold])
    for spread, kept in ((False, chunk), (True, over)):
        again = index.score_kept(kept, risen_thresholds([threshold], 0.0, kept, spread=spread))
        assert_array_equal(again.exposed, direct.exposed)
        assert_array_equal(again.not_modelled, direct.not_modelled)


@given(some_people, depths, grounds, st.floats(0.01, 10), st.lists(rises, min_size=2, max_size=5), any_dtype)
@settings(max_examples=60, deadline=None)
def test_higher_water_never_reaches_fewer_people_nor_more_than_are_modelled(
    people, depth, ground, threshold, some_rises, dtype
):
    index, chunk, over = any_flood(people, depth, ground, dtype)
    for spread, kept in ((False, chunk), (True, over)):
        scores = [
            index.score_kept(kept, risen_thresholds([threshold], r, kept, spread=spread)) for r in sorted(some_rises)
        ]
        exposed = np.array([s.exposed[0, 0] for s in scores])
        if np.isnan(exposed).any():
            assert np.isnan(exposed).all()
            continue
        assert (np.diff(exposed) >= 0).all()
        assert exposed[-1] <= (scores[0].population - scores[0].not_modelled)[0] * (1 + 1e-9) + 1e-6


@given(some_people, depths, grounds, st.floats(0.01, 10), rises, any_dtype)
@settings(max_examples=60, deadline=None)
def test_deepening_alone_is_a_lower_bound_of_spreading(people, depth, ground, threshold, rise, dtype):
    index, chunk, over = any_flood(people, depth, ground, dtype)
    deepened = index.score_kept(chunk, risen_thresholds([threshold], rise, chunk, spread=False)).exposed[0, 0]
    spread = index.score_kept(over, risen_thresholds([threshold], rise, over, spread=True)).exposed[0, 0]
    assert np.isnan(deepened) == np.isnan(spread)
    assert np.isnan(spread) or spread >= deepened


@given(some_people, depths, st.lists(st.floats(0, 10), min_size=1, max_size=3), st.integers(1, 50))
@settings(max_examples=40, deadline=None)
def test_a_part_of_the_zones_has_the_same_numbers_bit_by_bit(people, depth, thresholds, cells):
    population = population_from_array(people, PEOPLE_GRID)
    zones = np.array([shapely.box(14.9, 44.4, 16.1, 45.3), shapely.box(16, 45, 17.2, 46.1), shapely.box(0, 0, 1, 1)])
    index = ExposureIndex.build(population, zones)
    grid = Grid(PEOPLE_GRID.crs, 14.93, 46.11, 0.21, 0.21, *depth.shape)
    chunk = gathered(RasterHazard(ArraySource(depth, grid), population).chunks())
    whole = index.score([chunk], thresholds)
    assert_array_equal(index.score(chunk.cut(cells), thresholds).exposed, whole.exposed)
    for chosen in (range(1, 3), [2, 0], [1]):
        part = index.only(chosen).score_kept(chunk, thresholds)
        assert_array_equal(part.exposed, whole.exposed[list(chosen)])
        assert_array_equal(part.population, whole.population[list(chosen)])
        assert_array_equal(part.not_modelled, whole.not_modelled[list(chosen)])


def test_an_index_is_kept_with_what_is_known_of_its_zones(tmp_path):
    population = population_from_array(np.ones(GRID.shape), GRID)
    index = ExposureIndex.build(population, EVERYBODY)
    save_index(index, tmp_path / "index", {"areas": ["a"]})
    again, zones = load_index(tmp_path / "index")
    assert zones == {"areas": ["a"]}
    assert again.population.grid == GRID
    assert_array_equal(again.people, [56.0])


def drawn(data: bytes) -> np.ndarray:
    """The colours of a palette PNG, (256, 256, 4)."""
    palette = np.frombuffer(data[data.index(b"PLTE") + 4 :], np.uint8, 768)
    length = int.from_bytes(data[data.index(b"PLTE") - 4 : data.index(b"PLTE")], "big")
    rgb = palette[:length].reshape(-1, 3)
    alpha = np.frombuffer(data[data.index(b"tRNS") + 4 :], np.uint8, length // 3)
    rows = np.frombuffer(zlib.decompressobj().decompress(data[data.index(b"IDAT") + 4 :]), np.uint8)
    indices = rows.reshape(256, 257)[:, 1:]
    return np.dstack([rgb[indices], alpha[indices]])


# Four columns over the whole of the web-mercator world: dry, 5 cm, 0.4 m and 1.9 m of water.
COLUMNS = np.array([[-9999, 0.05, 0.4, 1.9]] * 4, dtype=np.float32)
WORLD = 20037508.342789244
CLASSES = [tuple(bytes.fromhex(c.colour[1:])) for c in DEPTH.classes]


def a_world(path, values):
    return a_raster(path, values, crs="EPSG:3857", left=-WORLD, bottom=-WORLD, cell=WORLD / 2, nodata=-9999)


def colours(data, row=100):
    """The classes of four pixels of a row, one in each column of the world."""
    pixels = drawn(data)[row, 32::64]
    return [None if p[3] == 0 else CLASSES.index(tuple(int(v) for v in p[:3])) for p in pixels]


@pytest.mark.parametrize(
    ("rise", "classes"),
    [
        (0.0, [None, 0, 1, 3]),
        (0.25, [None, 1, 2, 4]),  # 0.3, 0.65 and 2.15 m
        (0.1, [None, 0, 2, 4]),  # 0.15, 0.5 and 2 m: the lower edge belongs to the class
        (-0.05, [None, None, 1, 3]),  # gone, 0.35 and 1.85 m
        (-0.4, [None, None, None, 3]),  # 0 m is dry
        (5.0, [None, 4, 4, 4]),
    ],
)
def test_without_elevation_the_picture_of_a_rise_deepens_what_is_wet(tmp_path, rise, classes):
    with RasterFile(a_world(tmp_path / "depth.tif", COLUMNS)) as raster:
        build(raster, tmp_path / "pyramid", steps=DEPTH_STEPS, rule=Rule.MAXIMUM)
    pyramid = Pyramid.open(tmp_path / "pyramid")
    assert colours(pyramid.png(0, 0, 0, risen_palette(DEPTH, pyramid.steps, rise))) == classes


class Banks(Water):
    """Ground at -0.2 m below the water's level and at 3 m above it, in the west and in the east of each dry column."""

    def over_ground_m(self, depth_m, x, y, crs):
        dry = np.where(y > 0, -0.2, -3.0)
        return np.where(depth_m > 0, depth_m, dry).astype(np.float32)


@pytest.mark.parametrize(
    ("rise", "north", "south"),
    [
        (0.2, [None, 0, 2, 4], [None, 0, 2, 4]),  # 0 m on the near bank is dry still
        (0.5, [1, 2, 2, 4], [None, 2, 2, 4]),  # 0.3, 0.55, 0.9 and 2.4 m
        (3.5, [4, 4, 4, 4], [2, 4, 4, 4]),  # 3.3 m on the near bank, 0.5 m on the far one
        (-0.3, [None, None, 0, 3], [None, None, 0, 3]),  # 0.1 and 1.6 m
    ],
)
def test_with_elevation_the_picture_of_a_rise_spreads(tmp_path, rise, north, south):
    with RasterFile(a_world(tmp_path / "depth.tif", COLUMNS)) as raster:
        build_over_ground(raster, Banks(a_valley(), np.zeros(6)), tmp_path / "pyramid")
    pyramid = Pyramid.open(tmp_path / "pyramid")
    picture = pyramid.png(0, 0, 0, risen_palette(DEPTH, pyramid.steps, rise))
    assert colours(picture) == north
    assert colours(picture, row=200) == south


def test_the_picture_of_the_valley_is_what_the_people_are_counted_by(tmp_path):
    place = {"crs": GRID.crs, "left": GRID.left, "bottom": GRID.bounds[1], "cell": 1000.0}
    path = a_raster(tmp_path / "depth.tif", np.nan_to_num(FLOOD, nan=-9999), nodata=-9999, **place)
    with RasterFile(path) as raster:
        water = Water.of(raster, a_valley())
        zooms = build_over_ground(raster, water, tmp_path / "pyramid")
    pyramid = Pyramid.open(tmp_path / "pyramid")
    people = population_from_array(np.ones(GRID.shape), GRID)
    _, over = held(FLOOD, people)
    x, y = centres(people)
    mx, my = (np.asarray(v) for v in Transformer.from_crs(GRID.crs, 3857, always_xy=True).transform(x, y))
    z = zooms[1]
    column, row = (mx + WORLD) / (2 * WORLD) * 256 * 2**z, (WORLD - my) / (2 * WORLD) * 256 * 2**z
    for i, value in enumerate(over.value):
        tile = pyramid.tile(z, int(column[i] // 256), int(row[i] // 256))
        index = 0 if tile is None else int(tile[int(row[i]) % 256, int(column[i]) % 256])
        low = OVER_GROUND_STEPS.edges[index - 1] if index else -np.inf
        high = OVER_GROUND_STEPS.edges[index]
        assert low <= value < high


def test_steps_of_water_over_ground_fit_into_one_byte_and_meet_every_class_at_a_rise_of_five_centimetres():
    assert len(OVER_GROUND_STEPS.edges) <= 255
    edges = set(OVER_GROUND_STEPS.edges)
    for rise in np.arange(-50, 51) * 0.05:
        for limit in (0.3, 0.5, 1.0, 2.0):
            assert round(float(limit - rise), 6) in edges
    assert isinstance(DEPTH_STEPS, Steps)


@rhine
def test_on_a_real_elevation_model_a_rise_reaches_all_ground_up_to_the_risen_water():
    with RasterFile(RHINE) as raster:
        made = of_elevation(raster, stream_km2=100.0)
    # Water 2.03 m over every stream: so deep as the ground is lower than that, level everywhere.
    depth = np.where(made.hand_m < 2.03, 2.03 - made.hand_m, np.nan).astype(np.float32)
    people = population_from_array(np.ones(made.grid.shape), made.grid)
    source = ArraySource(depth, made.grid)
    over = over_ground(gathered(RasterHazard(source, people).chunks()), people, Water.of(source, made))
    index = ExposureIndex.build(people, np.array([shapely.box(*made.grid.bounds)], dtype=object))
    for rise in (-0.5, 0.0, 0.5, 1.0, 5.0):
        reached = index.score_kept(over, risen_thresholds([0.3], rise, over, spread=True)).exposed[0, 0]
        ground = int((made.hand_m <= 1.73 + rise).sum())
        assert reached == pytest.approx(ground, rel=1e-3)
    assert reached > 1.2 * int((depth >= 0.3).sum())
