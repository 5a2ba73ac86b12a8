"""Heights above streams and the rise that reaches people, on a valley that one can reckon out and on the Rhine's basin.

The valley falls to the south by 1 m a row; from the river in column 3 its sides rise by 2 m a column. Its cells have
1 km² each. The lowest neighbour of a cell k columns off the river is the one a row further down and a column nearer, so
water arrives k rows below; with streams from 8 km² upstream, the river begins in row 2 (4 km² in row 1, 9 in row 2).
"""

import os
import warnings
from pathlib import Path

import numpy as np
import pyflwdir
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pyproj import CRS
from rasterio.transform import Affine

from gis.errors import FormatTooOld, GridMismatch
from gis.gathered import load_hazard
from gis.grid import Grid
from gis.raster import RasterFile
from gis.terrain import (
    FARTHEST_M,
    Terrain,
    flood_levels_m,
    flow_directions,
    of_elevation,
    rise_needed_m,
    terrain,
    water_over_ground_m,
)

DATA = Path(os.environ.get("SPREMNOST_REAL_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
RHINE = DATA / "terrain" / "substitute_rhine_elv0.tif"
ROW, COLUMN = np.mgrid[0:8, 0:7]
OFF = np.abs(COLUMN - 3)
VALLEY = 100.0 - ROW + 2.0 * OFF
# An equal-area projection at its centre, so that a cell of 1 km has 1 km².
GRID = Grid(CRS.from_epsg(3035), 4_320_000.0, 3_214_000.0, 1000.0, 1000.0, 8, 7)
RIVER = (COLUMN == 3) & (ROW >= 2)


def a_valley(**options) -> Terrain:
    return terrain(VALLEY, GRID, stream_km2=8.0, **options)


def at_the_river(made: Terrain, value) -> np.ndarray:
    """What each row of the river, 2 to 7, has."""
    return np.array([value[made.drain[row, 3]] for row in range(2, 8)])


def test_height_above_the_river_is_reckoned_from_where_the_water_arrives():
    made = a_valley()
    assert made.streams == 6
    arrives = np.clip(ROW + OFF, 2, 7)
    assert_array_equal(made.hand_m, VALLEY - (100.0 - arrives))
    assert_array_equal(made.hand_m[4, :4], [9.0, 6.0, 3.0, 0.0])
    assert_array_equal(at_the_river(made, made.stream_m), [98, 97, 96, 95, 94, 93])


def test_streams_are_numbered_from_the_outlet_upwards():
    made = a_valley()
    numbers = [made.drain[row, 3] for row in range(2, 8)]
    assert numbers == [5, 4, 3, 2, 1, 0]
    assert_array_equal(made.downstream, [0, 0, 1, 2, 3, 4])


def test_a_hollow_is_filled_before_water_flows_on():
    hollow = VALLEY.copy()
    hollow[4, 3] -= 5.0
    filled, downstream, _ = flow_directions(hollow, GRID)
    assert filled[4, 3] == 95.0  # the river's bed in row 5, over which it spills
    assert downstream[4 * 7 + 3] == 5 * 7 + 3
    assert (terrain(hollow, GRID, stream_km2=8.0).hand_m >= 0).all()


def test_where_no_stream_is_reached_and_where_nothing_is_known_there_is_no_height():
    assert np.isnan(terrain(VALLEY, GRID, stream_km2=1000.0).hand_m).all()
    part = VALLEY.copy()
    part[:, 6] = np.nan
    assert_array_equal(np.isnan(terrain(part, GRID, stream_km2=8.0).hand_m), np.isnan(part))
    assert terrain(np.full(GRID.shape, np.nan), GRID).streams == 0
    with pytest.raises(GridMismatch):
        terrain(VALLEY[1:], GRID)


def test_the_level_of_a_flood_is_its_depth_above_the_bed():
    made = a_valley()
    assert_allclose(at_the_river(made, flood_levels_m(np.where(RIVER, 2.5, np.nan), made)), 2.5)
    # Level with the bank at k = 1 (HAND 3 m): 3.5 m in the river, 0.5 m on the bank.
    depth = np.where(RIVER, 3.5, np.where((OFF == 1) & (ROW >= 2) & (ROW <= 6), 0.5, 0.0))
    assert_allclose(at_the_river(made, flood_levels_m(depth, made)), 3.5)


def test_water_that_elevations_lead_to_another_stream_tells_nothing_of_its_level():
    made = a_valley()
    # Wet ground 9 m over the river that it drains to, which is dry: water of a stream that this terrain does not have.
    hillside = np.where((OFF == 3) & (ROW == 4), 0.5, 0.0)
    assert np.isnan(flood_levels_m(hillside, made)).all()
    # Beside a river with 2.5 m it changes nothing.
    depth = np.where(RIVER, 2.5, hillside)
    assert_allclose(at_the_river(made, flood_levels_m(depth, made)), 2.5)


def test_a_level_is_carried_down_the_river():
    depth = np.where(RIVER & (ROW <= 4), 2.5, 0.0)
    made = a_valley()
    assert_allclose(at_the_river(made, flood_levels_m(depth, made)), 2.5)


def test_a_flood_below_stands_level_into_the_reach_above():
    depth = np.where(RIVER & (ROW >= 6), 2.5, 0.0)
    made = a_valley()
    # The surface over row 6 lies at 94 + 2.5 = 96.5 m; the bed of rows 2 to 5 at 98, 97, 96 and 95 m.
    assert_allclose(at_the_river(made, flood_levels_m(depth, made)), [-1.5, -0.5, 0.5, 1.5, 2.5, 2.5])


def test_without_a_flood_there_is_no_level():
    assert np.isnan(flood_levels_m(np.zeros(GRID.shape), a_valley())).all()


def test_the_rise_is_what_is_missing_to_the_threshold():
    depth = np.array([2.5, 0.2, np.nan, 0.0, 0.0, np.nan, np.nan])
    hand = np.array([0.0, 2.3, 3.0, 6.0, 1.0, np.nan, 40.0], np.float32)
    over = water_over_ground_m(depth, hand, np.array([2.5, 2.5, 2.5, 2.5, 2.5, 2.5, 2.5]))
    # Lower than the level and yet dry: behind a dike, counted as just dry. 40 m up: not reached.
    assert_allclose(over, [2.5, 0.2, -0.5, -3.5, 0.0, np.nan, np.nan])
    assert FARTHEST_M < 37.5
    assert_allclose(rise_needed_m(over, 0.3), [0.0, 0.1, 0.8, 3.8, 0.3, np.nan, np.nan], atol=1e-6)
    assert_allclose(rise_needed_m(over, 3.0), [0.5, 2.8, 3.5, 6.5, 3.0, np.nan, np.nan], atol=1e-6)


def test_terrain_is_kept_and_read_again(tmp_path):
    made = a_valley()
    made.save(tmp_path / "terrain")
    kept = Terrain.load(tmp_path / "terrain")
    assert (kept.grid, kept.stream_km2, kept.coarser) == (made.grid, 8.0, 1)
    for name in ("hand_m", "drain", "downstream", "stream_m"):
        assert_array_equal(getattr(kept, name), getattr(made, name))
    with pytest.raises(FormatTooOld):
        load_hazard(tmp_path / "terrain")


rhine = pytest.mark.skipif(not RHINE.is_file(), reason=f"{RHINE} is not here")


@rhine
def test_on_a_real_elevation_model_heights_and_streams_are_those_of_pyflwdir():
    with RasterFile(RHINE) as raster:
        made = of_elevation(raster, stream_km2=100.0)
        elevation = np.nan_to_num(raster.read(0, 0, *raster.shape), nan=-9999.0)
        p = raster.placement
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        filled, d8 = pyflwdir.dem.fill_depressions(elevation, nodata=-9999.0)
        directions = pyflwdir.from_array(d8, ftype="d8", transform=Affine(p.a, p.b, p.c, p.d, p.e, p.f), latlon=True)
        upstream = directions.upstream_area("km2")
    streams = upstream >= 100.0
    # Their cells' areas are those of a sphere: a stream may begin a cell further up or down.
    assert made.streams == pytest.approx(streams.sum(), rel=0.01)
    expected = directions.hand(streams, filled)
    reached = (made.drain >= 0) & (expected > -9999)
    assert reached.sum() > 300_000
    assert (np.abs(made.hand_m[reached] - expected[reached]) < 0.01).mean() > 0.98
    assert np.nanmin(made.hand_m) >= 0


@rhine
def test_fine_elevations_are_averaged_when_there_are_too_many_cells():
    with RasterFile(RHINE) as raster:
        made = of_elevation(raster, stream_km2=100.0, most_cells=200_000)
    assert made.coarser == 2
    assert made.grid.shape == (341, 498)
    assert made.grid.cell_width == pytest.approx(2 / 120)
