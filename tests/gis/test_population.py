import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pyproj import CRS, Geod, Transformer
from rasterio.transform import Affine

from gis.errors import NegativePeople, NoPeople, RotatedGrid, UndeclaredNodata
from gis.population import population_from_array, read_population
from tests.builders import UTM, a_grid, a_raster

NAN = float("nan")


def test_populated_cells_row_by_row(tmp_path):
    people = np.array([[0, 1.5, 0], [0, 0, 0], [NAN, 2, 3]], dtype=np.float32)
    population = read_population(a_raster(tmp_path / "people.tif", people))
    assert population.row_start.tolist() == [0, 1, 1, 3]
    assert population.column.tolist() == [1, 1, 2]
    assert population.row.tolist() == [0, 2, 2]
    assert population.people.tolist() == [1.5, 2, 3]
    assert population.total == 6.5
    assert population.grid == a_grid()


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "uint32", "float32", "float64"])
def test_every_cell_type_is_read_as_it_is(tmp_path, dtype):
    people = np.array([[0, 1, 2], [3, 100, 0]], dtype=dtype)
    assert read_population(a_raster(tmp_path / "people.tif", people)).people.tolist() == [1, 2, 3, 100]


def test_large_numbers_of_32_bit_files_keep_their_last_digit(tmp_path):
    people = np.array([[16_777_217, 2_000_000_001]], dtype=np.int32)
    assert read_population(a_raster(tmp_path / "people.tif", people)).people.tolist() == [16_777_217, 2_000_000_001]


def test_declared_nodata_and_masked_cells_are_empty(tmp_path):
    people = np.array([[1, -99999, 3]], dtype=np.float32)
    assert read_population(a_raster(tmp_path / "a.tif", people, nodata=-99999)).total == 4
    assert read_population(a_raster(tmp_path / "b.tif", people, mask=[[255, 0, 255]])).total == 4


def test_scale_and_offset_are_applied(tmp_path):
    stored = np.array([[0, 10, 25]], dtype=np.int16)
    assert_allclose(read_population(a_raster(tmp_path / "a.tif", stored, scale=0.1)).people, [1, 2.5])
    assert_allclose(read_population(a_raster(tmp_path / "b.tif", stored, scale=0.1, offset=1)).people, [1, 2, 3.5])


def test_tiles_and_strips_tell_the_same(tmp_path):
    people = np.random.default_rng(0).poisson(0.3, (300, 170)).astype(np.float32)
    tiled = {"tiled": True, "blockxsize": 64, "blockysize": 32, "compress": "deflate"}
    one, other = (read_population(a_raster(tmp_path / f"{i}.tif", people, **o)) for i, o in enumerate([{}, tiled]))
    assert_array_equal(one.column, other.column)
    assert_array_equal(one.people, people[people > 0])
    assert_array_equal(other.people, people[people > 0])


def test_south_up_rasters_are_turned(tmp_path):
    people = np.array([[1, 2], [3, 4]], dtype=np.float32)
    population = read_population(a_raster(tmp_path / "people.tif", people, transform=Affine(1, 0, 7, 0, 1, 40)))
    assert population.people.tolist() == [3, 4, 1, 2]
    assert population.grid == a_grid(shape=(2, 2), left=7, bottom=40)


# Density


def true_area_km2(crs, left, bottom, width, height, n=200):
    """The area of a cell on the ellipsoid from its outline with n points a side, by Karney's algorithm."""
    crs = CRS.from_user_input(crs)
    t = np.linspace(0, 1, n, endpoint=False)
    x = np.concatenate([t, np.ones(n), 1 - t, np.zeros(n)]) * width + left
    y = np.concatenate([np.zeros(n), t, np.ones(n), 1 - t]) * height + bottom
    longitude, latitude = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True).transform(x, y)
    ellipsoid = crs.ellipsoid
    geod = Geod(a=ellipsoid.semi_major_metre, b=ellipsoid.semi_minor_metre)
    area, _ = geod.polygon_area_perimeter(longitude, latitude)
    return abs(area) / 1e6


@pytest.mark.parametrize(
    ("crs", "left", "bottom", "cell"),
    [
        ("EPSG:4326", 17.0, 43.5, 0.1),
        ("EPSG:4326", 17.0, -0.2, 0.1),
        ("EPSG:4326", -40.0, 79.0, 0.5),
        ("EPSG:3906", 17.0, 43.5, 0.1),  # MGI 1901, Bessel's ellipsoid
        (UTM, 700_000, 4_850_000, 1_000),
        ("EPSG:3035", 4_900_000, 2_300_000, 1_000),  # equal-area: exactly 1 km²
        ("EPSG:3857", 1_900_000, 5_400_000, 1_000),  # Web Mercator: half of what it looks like
        ("EPSG:2263", 980_000, 190_000, 3_000),  # US survey feet
        ("EPSG:31276", 6_500_000, 4_850_000, 500),  # MGI Balkans zone 6
        ("EPSG:3857", 1_900_000, 5_400_000, 30),
    ],
)
def test_a_density_becomes_people_by_the_true_area_of_each_cell(tmp_path, crs, left, bottom, cell):
    density = np.array([[10, 0, 30], [1, 2, 0], [5, 5, 5], [0, 0, 7]], dtype=np.float32)
    path = a_raster(tmp_path / "density.tif", density, crs=crs, left=left, bottom=bottom, cell=cell)
    wanted = [
        density[row, column] * true_area_km2(crs, left + column * cell, bottom + (3 - row) * cell, cell, cell)
        for row, column in np.argwhere(density)
    ]
    assert_allclose(read_population(path, "persons/km2").people, wanted, rtol=1e-6)


def test_areas_do_not_depend_on_where_strips_begin(tmp_path, monkeypatch):
    density = np.ones((200, 40), dtype=np.float32)
    path = a_raster(tmp_path / "density.tif", density, crs=UTM, left=300_000, bottom=4_800_000, cell=90)
    whole = read_population(path, "persons/km2").people
    monkeypatch.setattr("gis.population.STRIP_CELLS", 40 * 7)
    assert_allclose(read_population(path, "persons/km2").people, whole, rtol=1e-12)


# What is refused


def test_negative_people_are_counted_and_placed(tmp_path):
    people = np.ones((5, 4), dtype=np.float32)
    people[2, 3] = people[4, 0] = -200
    with pytest.raises(NegativePeople, match=r"2 cells with negative people \(the first, -200, in row 3, column 4\)"):
        read_population(a_raster(tmp_path / "people.tif", people))


@pytest.mark.parametrize(
    ("dtype", "fill"),
    [
        ("float32", 3.4e38),
        ("float32", 1e20),
        ("float64", np.inf),
        ("int16", 32767),
        ("uint16", 65535),
        ("int32", 2**31 - 1),
    ],
)
def test_a_fill_value_is_not_taken_for_people(tmp_path, dtype, fill):
    people = np.array([[1, fill]], dtype=dtype)
    with pytest.raises(UndeclaredNodata, match="1 cells of"):
        read_population(a_raster(tmp_path / "people.tif", people))


@pytest.mark.parametrize("people", [np.zeros((2, 2), np.float32), np.full((2, 2), NAN, np.float32)])
def test_a_raster_without_people_is_refused(tmp_path, people):
    with pytest.raises(NoPeople):
        read_population(a_raster(tmp_path / "people.tif", people))
    with pytest.raises(NoPeople):
        population_from_array(people, a_grid(shape=(2, 2)))


def test_a_rotated_grid_is_refused(tmp_path):
    with pytest.raises(RotatedGrid):
        read_population(a_raster(tmp_path / "people.tif", np.ones((3, 3)), transform=Affine.rotation(10)))
