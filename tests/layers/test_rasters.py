"""Rasters as the producers make them, and as they come broken."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
from geoalchemy2.shape import from_shape
from numpy.testing import assert_allclose, assert_array_equal
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import Affine
from shapely import box, from_wkt

from gis import errors
from gis.classes import DEPTH, DEPTH_STEPS, Legend
from gis.errors import GisError
from gis.gathered import load_hazard, load_population, save_hazard
from gis.hazard import RasterHazard
from gis.raster import RasterFile
from gis.terrain import Terrain
from gis.tiles import Pyramid
from gis.values import gathered
from layers import catalogue
from layers.areas import Area, Boundary, Level
from layers.catalogue import Kind, Method, State
from layers.findings import as_text
from layers.people import PeopleFigure, Sex
from layers.rasters import context, prepare
from layers.sandbox import Limits, run

ARCSEC_3 = 1 / 1200
POPULATION, DEPTH_NAME = "bih_ppp_2020_UNadj_constrained.tif", "Europe_RP100_filled_depth.tif"
COUNTRY = "POLYGON ((17 44, 18 44, 18 45, 17 45, 17 44))"


def a_raster(folder: Path, values, *, left=17.0, top=45.0, cell=ARCSEC_3, crs="EPSG:4326", nodata=None, **options):
    """A GeoTIFF under a name that says nothing, as files lie in the store."""
    path = folder / "5f2b"
    values = np.asarray(values)
    values = values.astype(np.float32) if values.dtype.kind == "f" else values
    given = {"transform": Affine(cell, 0.0, left, 0.0, -cell, top), "compress": "lzw", **options}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            width=values.shape[1],
            height=values.shape[0],
            count=1,
            dtype=values.dtype.name,
            crs=crs,
            nodata=nodata,
            **given,
        ) as dataset:
            dataset.write(values, 1)
    return path


def worldpop(folder: Path, people, **options) -> Path:
    """As WorldPop makes them: EPSG:4326, 3 arc-seconds, float32, -99999 where nobody lives, strips, LZW."""
    people = np.where(np.isnan(people), -99999.0, people)
    return a_raster(folder, people, nodata=-99999.0, **options)


def jrc(folder: Path, depth, **options) -> Path:
    """As JRC makes them: float32, -9999 where it is dry, tiles of 256."""
    depth = np.where(np.isnan(depth), -9999.0, depth)
    return a_raster(folder, depth, nodata=-9999.0, tiled=True, blockxsize=256, blockysize=256, **options)


def prepared(path: Path, kind: str, name="upload.tif", options=None, outline=None, estimates=None):
    folder = path.parent / "made"
    folder.mkdir(exist_ok=True)
    answer = prepare(
        path=str(path),
        name=name,
        kind=kind,
        options=options or {},
        context={"outline": outline, "estimates": estimates},
        folder=str(folder),
    )
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer  # it crosses a process, and goes into jsonb
    assert all((folder / file).is_file() for file in answer["files"].values())
    assert {p.name for p in folder.iterdir()} == set(answer["files"].values())
    return answer, folder


def codes(answer):
    return [found["code"] for found in answer["findings"]]


def said(answer, code):
    (found,) = (f for f in answer["findings"] if f["code"] == code)
    return as_text(found)


def people_in_the_valley():
    people = np.full((600, 1200), np.nan)
    people[100:110, 50:70] = 2.5  # 200 cells, 500 people
    return people


def test_a_population_as_worldpop_makes_it_is_kept_cell_by_cell(tmp_path):
    path = worldpop(tmp_path, people_in_the_valley())
    answer, folder = prepared(path, "population_raster", POPULATION)
    assert answer["crs"] == "EPSG:4326"
    assert answer["resolution"] == "3 arcsec"
    assert answer["facts"]["people"] == 500.0
    assert answer["facts"]["populated_cells"] == 200
    assert answer["facts"]["nodata"] == -99999.0
    assert answer["facts"]["unit"] == "persons"
    assert answer["facts"]["bounds"] == [17.0, 44.5, 18.0, 45.0]
    assert codes(answer) == ["constant"]
    with rasterio.open(path) as given, rasterio.open(folder / "cog.tif") as kept:
        assert_array_equal(kept.read(1), given.read(1))
        assert (kept.nodata, kept.crs, kept.transform) == (given.nodata, given.crs, given.transform)
        assert kept.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert kept.tags(ns="IMAGE_STRUCTURE")["COMPRESSION"] == "DEFLATE"
        assert kept.block_shapes == [(512, 512)]
        assert kept.overviews(1)
    population = load_population(folder / "population")
    assert population.total == 500.0
    assert_array_equal(population.row[:3], [100, 100, 100])
    assert_array_equal(population.column[:3], [50, 51, 52])


def test_tiles_of_people_show_density(tmp_path):
    # A cell of 3 arc-seconds at 44.9° N: 92.6 m × 65.9 m (111.132 - 0.559 cos 2φ km and 111.413 cos φ - 0.094 cos 3φ
    # km a degree), 0.00610 km²; 2.5 people in it are 410 people/km², which is in the class 250–1,000.
    answer, folder = prepared(worldpop(tmp_path, people_in_the_valley()), "population_raster", POPULATION)
    pyramid = Pyramid.open(folder / "pyramid")
    assert pyramid.rule == answer["facts"]["overview_rule"] == "average"
    z = pyramid.zooms[1]
    assert list(pyramid.zooms) == answer["facts"]["zooms"] == [0, 11]
    x = int((17.05 + 180) / 360 * 2**z)
    y = int((1 - np.arcsinh(np.tan(np.radians(44.9125))) / np.pi) / 2 * 2**z)
    edges = {pyramid.steps.edges[i - 1] for i in np.unique(pyramid.tile(z, x, y)) if i}
    assert edges == {400.0}  # the next step begins at 420
    legend = Legend.from_data(answer["facts"]["legend"])
    assert {legend.classes[i].label for i in legend.class_of(list(edges))} == {"250–1000 people/km²"}


def test_a_density_becomes_people_by_the_area_of_the_cells(tmp_path):
    people = np.full((100, 100), np.nan)
    people[0, 0] = 1000.0
    answer, _ = prepared(
        a_raster(tmp_path, people, cell=100.0, left=5_000_000.0, top=2_500_000.0, crs="EPSG:3035", nodata=float("nan")),
        "population_raster",
        options={"unit": "persons/km2"},
    )
    assert_allclose(answer["facts"]["people"], 10.0, rtol=1e-6)  # 100 m × 100 m in an equal-area projection
    assert answer["resolution"] == "100 m"
    assert answer["facts"]["unit"] == "persons/km2"


@pytest.mark.parametrize(
    ("crs", "place", "resolution"),
    [
        ("EPSG:4326", {}, "3 arcsec"),
        ("EPSG:3035", {"cell": 90.0, "left": 5_000_000.0, "top": 2_500_000.0}, "90 m"),
    ],
)
def test_a_depth_raster_as_jrc_makes_it_keeps_its_cells_and_draws_its_river(tmp_path, crs, place, resolution):
    depth = np.full((400, 500), np.nan)
    depth[200] = 1.25
    depth[201] = 0.4
    answer, folder = prepared(jrc(tmp_path, depth, crs=crs, **place), "flood_depth", DEPTH_NAME)
    facts = answer["facts"]
    assert (answer["crs"], answer["resolution"]) == (crs, resolution)
    assert (facts["cells"], facts["cells_with_data"]) == (200_000, 1000)
    assert (facts["minimum"], facts["maximum"]) == (pytest.approx(0.4), 1.25)
    assert (facts["unit"], facts["overview_rule"]) == ("m", "maximum")
    assert Legend.from_data(facts["legend"]) == DEPTH
    assert answer["findings"] == []
    with rasterio.open(folder / "cog.tif") as kept:
        assert kept.crs == rasterio.CRS.from_user_input(crs)
        assert kept.nodata == -9999.0
        assert_array_equal(np.unique(kept.read(1)), np.array([-9999.0, 0.4, 1.25], np.float32))
    pyramid = Pyramid.open(folder / "pyramid")
    drawn = np.unique(pyramid.tile(0, 0, 0))
    # 125 cm is the 26th step: below 5 cm, then 25 of 5 cm.
    assert_array_equal(drawn, [0, 26])
    assert DEPTH_STEPS.edges[25] == 1.25


def gathered_and_kept(people, flood, folder):
    """The hazard's values at the kept people's cells, written and read again."""
    with RasterFile(flood / "cog.tif") as raster:
        save_hazard(
            gathered(RasterHazard(raster, load_population(people / "population")).chunks()), folder / "gathered"
        )
    return load_hazard(folder / "gathered")


def test_depths_at_populated_cells_are_kept_and_read_again(tmp_path):
    (tmp_path / "p").mkdir()
    (tmp_path / "h").mkdir()
    _, people = prepared(worldpop(tmp_path / "p", people_in_the_valley()), "population_raster", POPULATION)
    depth = np.full((600, 1200), np.nan)
    depth[105] = 2.0
    _, flood = prepared(jrc(tmp_path / "h", depth), "flood_depth", DEPTH_NAME)
    kept = gathered_and_kept(people, flood, tmp_path)
    assert kept.dense
    assert kept.cells == 200
    assert np.flatnonzero(kept.value == 2.0).tolist() == list(range(100, 120))  # the sixth of ten rows of 20 cells
    assert np.isnan(kept.value).sum() == 180


def test_gathering_over_other_grids_keeps_shares(tmp_path):
    (tmp_path / "p").mkdir()
    (tmp_path / "h").mkdir()
    people = np.full((100, 100), np.nan)
    people[10, 10] = 4.0
    _, made = prepared(worldpop(tmp_path / "p", people, cell=0.01), "population_raster", POPULATION)
    depth = np.full((200, 200), np.nan)
    depth[20, 20] = 1.5  # one quarter of that cell
    _, flood = prepared(jrc(tmp_path / "h", depth, cell=0.005), "flood_depth")
    kept = gathered_and_kept(made, flood, tmp_path)
    assert_allclose(kept.share, [0.25], atol=1e-6)
    assert_array_equal(kept.value, np.array([1.5], np.float32))


DRY = np.zeros((20, 20))


def with_cell(value, at=(3, 4)):
    values = np.full((20, 20), 0.5)
    values[at] = value
    return values


@pytest.mark.parametrize(
    ("kind", "options", "values", "given", "error", "sentence"),
    [
        ("flood_depth", {}, with_cell(250.0), {}, errors.TooDeep, "1 cells deeper than 30 m .* 250, in row 4, col"),
        ("flood_depth", {}, with_cell(-0.5), {}, errors.NegativeDepth, "negative depth .*-0.5, in row 4, column 5"),
        ("flood_depth", {}, with_cell(-9999.0), {}, errors.UndeclaredNodata, "1 cells of -9999"),
        ("flood_depth", {}, with_cell(9999.0), {}, errors.UndeclaredNodata, "1 cells of 9999"),
        ("flood_depth", {}, np.full((9, 9), np.nan), {"nodata": float("nan")}, errors.NoValues, "no cell with a value"),
        ("flood_depth", {}, DRY, {"crs": None}, errors.NoCrs, "no coordinate reference system"),
        ("flood_depth", {}, DRY, {"left": 107.0, "top": -6.0}, errors.NotNearTheCountry, "107.00–107.02° E"),
        ("flood_depth", {}, DRY, {"transform": Affine.identity()}, errors.NotGeoreferenced, "where its cells lie"),
        ("population_raster", {}, with_cell(-3.0), {}, errors.NegativePeople, "1 cells with negative people"),
        ("population_raster", {}, DRY, {}, errors.NoPeople, "no cell with people"),
        ("population_raster", {"unit": "dozens"}, DRY, {}, errors.WrongUnit, "dozens"),
        ("fire_danger", {"legend": "effis_fwi"}, with_cell(201.0), {}, errors.NoFireWeatherIndex, "outside 0 to 200"),
        ("fire_danger", {"legend": "effis_fwi"}, with_cell(-1.0), {}, errors.NoFireWeatherIndex, "first, -1, in row 4"),
        ("fire_danger", {}, DRY, {}, errors.LegendMissing, "needs a legend"),
        ("fire_danger", {"legend": "own"}, DRY, {}, errors.WrongLegend, "none of effis_fwi"),
        ("elevation", {}, with_cell(-9999.0), {}, errors.UndeclaredNodata, "-9999"),
        ("elevation", {}, with_cell(9500.0), {}, errors.NoElevation, "outside -500 to 9000 m"),
        ("elevation", {"stream_km2": "-1"}, DRY, {}, errors.WrongNumber, "stream_km2 is -1"),
        ("elevation", {"stream_km2": "many"}, DRY, {}, errors.WrongNumber, "stream_km2 is many"),
        ("land_cover", {}, DRY, {}, errors.LegendMissing, "needs a legend"),
        ("flood_depth", {"footprint": "nonsense"}, DRY, {}, errors.WrongFootprint, "footprint"),
    ],
)
def test_what_cannot_be_right_is_refused_saying_where(tmp_path, kind, options, values, given, error, sentence):
    path = a_raster(tmp_path, values, **given)
    with pytest.raises(error, match=sentence) as refused:
        prepared(path, kind, "dubina_Q100.tif", options)
    assert "dubina_Q100.tif" in str(refused.value)
    assert "5f2b" not in str(refused.value)
    assert str(tmp_path) not in str(refused.value)


def test_a_file_that_declares_more_cells_than_an_upload_may_have_is_refused_unread(tmp_path):
    path = a_raster(tmp_path, DRY)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=20_000,
        height=10_001,
        count=1,
        dtype="uint8",
        crs="EPSG:4326",
        transform=Affine(1e-4, 0, 17, 0, -1e-4, 45),
        tiled=True,
        sparse_ok=True,
    ):
        pass
    with pytest.raises(errors.TooLarge, match=r"big.tif declares 200,020,000 cells, more than the 200,000,000"):
        prepared(path, "flood_depth", "big.tif")


def test_a_truncated_file_is_refused(tmp_path):
    path = jrc(tmp_path, np.random.default_rng(1).uniform(0, 5, (600, 600)))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(errors.Damaged, match=r"poplava.tif is cut short") as refused:
        prepared(path, "flood_depth", "poplava.tif")
    assert "5f2b" not in str(refused.value)


def test_a_file_that_is_no_raster_is_refused(tmp_path):
    path = tmp_path / "5f2b"
    path.write_bytes(b"<VRTDataset/>")
    with pytest.raises(errors.WrongFormat, match=r"a.tif is not a GeoTIFF"):
        prepared(path, "flood_depth", "a.tif")


def test_what_the_raster_does_not_cover_is_said_in_square_kilometres(tmp_path):
    # The raster ends at 17.5° E, the country at 18: half of it is missing. Between 44° and 45° N a degree by a degree
    # has 8,800 km² (111.13 km × 79.2 km).
    answer, _ = prepared(jrc(tmp_path, DRY + 0.1, cell=0.05, top=45.0), "flood_depth", outline=COUNTRY)
    assert codes(answer) == ["constant"]
    answer, _ = prepared(jrc(tmp_path, np.full((20, 10), 0.1), cell=0.05, top=45.0), "flood_depth", outline=COUNTRY)
    (found,) = (f for f in answer["findings"] if f["code"] == "partial_coverage")
    assert found["parameters"]["share_percent"] == 50.0
    assert found["parameters"]["missing_km2"] == pytest.approx(4400, rel=0.01)
    assert said(answer, "partial_coverage").startswith("The raster covers 50.0 % of the country; 4")


def test_a_footprint_replaces_the_extent_as_what_is_modelled(tmp_path):
    west = "POLYGON ((16 44, 17.5 44, 17.5 46, 16 46, 16 44))"
    answer, _ = prepared(
        jrc(tmp_path, with_cell(1.0), cell=0.05), "flood_depth", options={"footprint": west}, outline=COUNTRY
    )
    footprint = from_wkt(answer["footprint"])
    assert footprint.geom_type == "MultiPolygon"
    assert footprint.bounds == (17.0, 44.0, 17.5, 45.0)
    assert codes(answer) == ["partial_coverage"]


def test_a_population_off_the_official_estimate_is_mentioned(tmp_path):
    people = np.full((100, 200), np.nan)
    people[50, 50] = 900.0
    people[50, 150] = 300.0  # at 18.5° E, outside the country
    path = worldpop(tmp_path, people, cell=0.01)
    # 17 to 18 and 44 to 45 degrees is one municipality, 18 to 18.4 a second one, where nobody lives.
    areas = [
        {"name": "Zapad (1)", "people": 1000.0, "place": box(17, 44, 18, 45).wkb_hex},
        {"name": "Istok (2)", "people": 0.0, "place": box(18, 44, 18.4, 45).wkb_hex},
    ]
    estimates = {"people": 1200.0, "source": "Census, 2013", "areas": areas}
    answer, _ = prepared(path, "population_raster", outline=COUNTRY, estimates=estimates)
    assert said(answer, "population_off") == (
        "The raster has 900 people in the country, Census, 2013 has 1000: -10.0 % off."
    )
    assert "population_off_there" not in codes(answer)  # ten per cent, and not more
    areas[0]["people"] = 1010.0
    answer, _ = prepared(path, "population_raster", outline=COUNTRY, estimates=estimates)
    assert said(answer, "population_off_there").endswith("(raster / estimate): Zapad (1): 900 / 1010.")
    areas[0]["people"] = 930.0
    answer, _ = prepared(path, "population_raster", outline=COUNTRY, estimates=estimates)
    assert "population_off" not in codes(answer)
    answer, _ = prepared(
        path, "population_raster", outline=COUNTRY, estimates=estimates, options={"warn_share": "0.01"}
    )
    assert "-3.2 % off" in said(answer, "population_off")
    with pytest.raises(errors.WrongOption, match="warn_share"):
        prepared(path, "population_raster", outline=COUNTRY, estimates=estimates, options={"warn_share": "x"})


def test_without_boundaries_the_whole_raster_is_held_against_the_estimate(tmp_path):
    people = np.full((100, 100), np.nan)
    people[50, 50] = 900.0
    estimates = {"people": 1000.0, "source": "Census, 2013", "areas": []}
    answer, _ = prepared(worldpop(tmp_path, people, cell=0.01), "population_raster", estimates=estimates)
    assert "900 people" in said(answer, "population_off")


def test_codes_stay_integers_and_those_without_a_class_are_mentioned(tmp_path):
    cover = np.full((30, 30), 10, np.uint8)
    cover[0, :3] = 50
    cover[1, :2] = 7
    answer, folder = prepared(a_raster(tmp_path, cover, nodata=0), "land_cover", options={"legend": "esa_worldcover"})
    assert said(answer, "outside_legend").startswith("2 cells")
    assert answer["facts"]["overview_rule"] == "nearest"
    with rasterio.open(folder / "cog.tif") as kept:
        assert kept.dtypes == ("uint8",)
        assert_array_equal(kept.read(1), cover)
    drawn = np.unique(Pyramid.open(folder / "pyramid").tile(11, 1120, 736))
    assert set(drawn) <= {0, 1, 5}


@pytest.mark.parametrize("declared", [b"-1.797693134862315e+308", b"nan", b"-inf"])
def test_a_nodata_value_that_no_cell_has_marks_none(tmp_path, declared):
    path = a_raster(tmp_path, with_cell(1.0), nodata=-1.2345678901234567e30)
    written = b"-1.2345678901234567e+30"
    tiff = path.read_bytes()
    assert tiff.count(written) == 1
    path.write_bytes(tiff.replace(written, declared.ljust(len(written), b"\0")))
    answer, folder = prepared(path, "flood_depth")
    assert answer["facts"]["cells_with_data"] == 400
    with rasterio.open(folder / "cog.tif") as kept:
        assert_array_equal(kept.read(1), with_cell(1.0).astype(np.float32))


def test_fire_danger_may_bring_its_own_classes_as_text(tmp_path):
    legend = {
        "unit": "",
        "classes": [
            {"from": 0, "to": 0.5, "colour": "#00ff00", "label": "malo"},
            {"from": 0.5, "to": 1, "colour": "#ff0000", "label": "mnogo"},
        ],
    }
    answer, _ = prepared(a_raster(tmp_path, with_cell(0.2)), "fire_danger", options={"legend": json.dumps(legend)})
    assert answer["facts"]["legend"] == legend
    assert answer["facts"]["overview_rule"] == "maximum"


def test_scaled_integers_are_kept_as_what_they_mean(tmp_path):
    path = a_raster(tmp_path, np.full((20, 20), 125, np.int16), nodata=-1)
    with rasterio.open(path, "r+") as dataset:
        dataset.scales = (0.01,)
    answer, folder = prepared(path, "flood_depth")
    assert answer["facts"]["maximum"] == pytest.approx(1.25)
    with rasterio.open(folder / "cog.tif") as kept:
        assert kept.scales == (1.0,)
        assert_allclose(kept.read(1), 1.25)


def test_elevation_brings_the_heights_above_its_streams(tmp_path):
    # A valley that falls to the south, 10 m per row, its sides rising 50 m per column from the river in the middle.
    column, row = np.meshgrid(np.arange(21), np.arange(40))
    elevation = 1000.0 - 10 * row + 50 * np.abs(column - 10)
    answer, folder = prepared(
        a_raster(tmp_path, elevation, cell=0.01), "elevation", options={"stream_km2": "200"}, name="dem.tif"
    )
    made = Terrain.load(folder / "terrain")
    assert made.streams == answer["facts"]["terrain"]["streams"] > 0
    assert answer["facts"]["terrain"]["stream_km2"] == 200
    assert made.hand_m[30, 10] == 0


def test_it_all_works_in_the_sandbox_and_errors_come_back_as_they_are(tmp_path):
    depth = np.full((400, 500), np.nan)
    depth[200] = 1.25
    path = jrc(tmp_path, depth)
    (tmp_path / "made").mkdir()
    arguments = {
        "path": str(path),
        "name": "q100.tif",
        "kind": "flood_depth",
        "options": {},
        "context": {"outline": None},
        "folder": str(tmp_path / "made"),
    }
    paths = {"reads": [path], "writes": [tmp_path / "made"]}
    answer = run("layers.rasters:prepare", arguments, files=["q100.tif"], limits=Limits(), **paths)
    assert answer["files"] == {"cog": "cog.tif", "pyramid": "pyramid"}
    a_raster(tmp_path, with_cell(99.0))
    with pytest.raises(errors.TooDeep, match=r"q100.tif has 1 cells deeper") as refused:
        run("layers.rasters:prepare", arguments, files=["q100.tif"], limits=Limits(), **paths)
    assert isinstance(refused.value, GisError)


@pytest.fixture
def a_version(session, operator, noon):
    """Make a version of a layer ready without any file."""

    def make(kind, name, vintage="2013", method=Method.OFFICIAL):
        version = catalogue.receive(
            session,
            kind=kind,
            name=name,
            return_period_years=None,
            event="May 2014" if kind == Kind.FLOOD_DEPTH else None,
            producer="producer",
            licence="open",
            vintage=vintage,
            method=method,
            method_note="",
            file_name="file",
            file_hash="0" * 64,
            file_bytes=1,
            options={},
            by=operator,
            at=noon,
        )
        version.become(State.CHECKING)
        catalogue.ready(session, version, by=operator, at=noon)
        return version

    return make


def a_municipality(session, code):
    area = Area(level=Level.MUNICIPALITY, code=code, name=code, names={})
    session.add(area)
    session.flush()
    return area.id


def a_figure(version, area, people, sex=Sex.ALL):
    return PeopleFigure(version_id=version.id, area_id=area, sex=sex, age_from=None, age_to=None, people=people)


def test_without_other_layers_nothing_is_known_of_the_country(session, a_version):
    assert context(session, a_version(Kind.FLOOD_DEPTH, "flood")) == {"outline": None}
    assert context(session, a_version(Kind.POPULATION_RASTER, "people")) == {"outline": None, "estimates": None}


def test_the_outline_is_that_of_all_municipalities_together(session, a_version):
    boundaries = a_version(Kind.MUNICIPALITIES, "municipalities")
    for code, left in (("a", 17.0), ("b", 17.5)):
        place = from_shape(box(left, 44.0, left + 0.5, 45.0), srid=4326)
        session.add(
            Boundary(version_id=boundaries.id, area_id=a_municipality(session, code), also_covers=[], place=place)
        )
    session.flush()
    outline = from_wkt(context(session, boundaries)["outline"])
    assert outline.equals(from_wkt(COUNTRY))


def test_people_are_held_against_the_newest_official_table(session, a_version):
    areas = [a_municipality(session, code) for code in "ab"]
    for kind, vintage, method, people in (
        ("census", "census 2013", Method.OFFICIAL, 1000),
        ("estimate", "2023, June", Method.ESTIMATED, 900),
        ("drawn", "2026", Method.ILLUSTRATIVE, 5),
    ):
        table = a_version(Kind.POPULATION_TABLE, kind, vintage, method)
        session.add_all(a_figure(table, area, people) for area in areas)
        session.add(a_figure(table, areas[0], people / 2, Sex.FEMALE))
    session.flush()
    known = context(session, a_version(Kind.POPULATION_RASTER, "people"))
    assert known["estimates"] == {"people": 1800.0, "source": "estimate, 2023, June", "areas": []}


def test_each_municipality_is_held_against_the_newest_table_that_has_it(session, a_version):
    """One entity publishes a newer estimate than the other, and Stanari's people live in Doboj's older outline."""
    west, east, stanari = (a_municipality(session, code) for code in ("1", "2", "3"))
    census = a_version(Kind.POPULATION_TABLE, "census", "census 2013")
    session.add_all([a_figure(census, west, 1000), a_figure(census, east, 500), a_figure(census, stanari, 70)])
    estimate = a_version(Kind.POPULATION_TABLE, "estimate", "2023")
    session.add(a_figure(estimate, west, 900))
    boundaries = a_version(Kind.MUNICIPALITIES, "municipalities")
    for area, also, left in ((west, [], 17.0), (east, [stanari], 17.5)):
        place = from_shape(box(left, 44.0, left + 0.5, 45.0), srid=4326)
        session.add(Boundary(version_id=boundaries.id, area_id=area, also_covers=also, place=place))
    session.flush()
    known = context(session, a_version(Kind.POPULATION_RASTER, "people"))["estimates"]
    assert (known["people"], known["source"]) == (1470.0, "estimate, 2023; census, census 2013")
    assert {a["name"]: a["people"] for a in known["areas"]} == {"1 (1)": 900.0, "2 (2)": 570.0}
