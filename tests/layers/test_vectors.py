"""Vector files of every format: what is refused, what is repaired and told, what lies in the database afterwards."""

import json
import struct
import warnings
import zipfile
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pytest
import shapely
from sqlalchemy import text

from gis.errors import (
    BadValues,
    CoordinatesOffEarth,
    Damaged,
    EmptyLayer,
    HostileArchive,
    MissingColumns,
    NoCrs,
    NotNearTheCountry,
    SwappedAxes,
    WhichLayer,
    WrongFormat,
    WrongGeometryType,
    WrongOption,
)
from layers import features
from layers.catalogue import Kind
from layers.findings import as_text
from layers.sandbox import Limits, run
from layers.shapes import BANDS, pixel_m, point_rows, rows
from layers.sources import sensitive

HOSPITAL = shapely.Point(17.19, 44.77)
SCHOOL = shapely.Point(18.41, 43.86)
BOWTIE = shapely.Polygon([(18, 44), (18.01, 44.01), (18.01, 44), (18, 44.01)])
ROOM = shapely.box(17, 43, 17.01, 43.01)


def geojson(*places, properties=None):
    properties = properties or [{"category": "hospital"}] * len(places)
    return json.dumps(
        {
            "type": "FeatureCollection",
            "features": [
                {"type": "Feature", "properties": p, "geometry": g if g is None else shapely.geometry.mapping(g)}
                for p, g in zip(properties, places, strict=True)
            ],
        }
    ).encode()


def finding(version, code):
    found = [f for f in version.findings if f["code"] == code]
    assert len(found) == 1, [f["code"] for f in version.findings]
    return as_text(found[0])


def frame(crs="EPSG:4326"):
    told = gpd.GeoDataFrame(
        {"category": ["hospital", "school"], "ime": ["Bolnica", "Škola Đorđe"], "beds": [12, 0]},
        geometry=[HOSPITAL, SCHOOL],
        crs="EPSG:4326",
    )
    return told.to_crs(crs) if crs else told.set_crs(None, allow_override=True)


def written(tmp_path, driver, crs="EPSG:4326"):
    """The bytes of two facilities written by GDAL in a format."""
    suffix = {"GPKG": "gpkg", "GeoJSON": "geojson", "FlatGeobuf": "fgb", "ESRI Shapefile": "shp"}[driver]
    path = tmp_path / f"facilities.{suffix}"
    more = {"SPATIAL_INDEX": "NO"} if suffix == "fgb" else {}  # the index would change the order
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "'crs' was not provided")
        frame(crs).to_file(path, driver=driver, engine="pyogrio", **more)
    if suffix != "shp":
        return path.read_bytes()
    archive = tmp_path / "facilities.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for part in tmp_path.glob("facilities.[sdpc]*"):
            packed.write(part, f"folder/{part.name}")
    return archive.read_bytes()


# --- formats ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("driver", ["GPKG", "GeoJSON", "FlatGeobuf", "ESRI Shapefile"])
def test_the_same_facilities_come_out_of_every_format(session, bring, tmp_path, driver):
    version = bring(written(tmp_path, driver), Kind.FACILITIES, {"columns": {"name": "ime"}})
    found = features.features(session, version.id)
    assert [(f.number, f.name, f.category, f.properties) for f in found] == [
        (1, "Bolnica", "hospital", {"beds": 12}),
        (2, "Škola Đorđe", "school", {"beds": 0}),
    ]
    ids, places = features.places(session, version.id)
    assert ids == [f.id for f in found]
    assert np.allclose(shapely.get_coordinates(places), [[17.19, 44.77], [18.41, 43.86]])
    assert version.crs == "EPSG:4326"


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("lon,lat,category,ime\n17.19,44.77,hospital,Bolnica\n", {}),
        ("category;ime;y;x\nhospital;Bolnica;44,77;17,19\n", {"crs": "EPSG:4326"}),
        ("sirina\tduzina\tcategory\time\n44.77\t17.19\thospital\tBolnica\n", {"crs": "EPSG:4326"}),
    ],
)
def test_points_come_out_of_a_csv(session, bring, content, options):
    columns = {"name": "ime", **({"x": "duzina", "y": "sirina"} if "duzina" in content else {})}
    version = bring(content.encode(), Kind.FACILITIES, {"columns": columns, **options}, name="points.csv")
    [found] = features.features(session, version.id)
    assert (found.number, found.name, found.category) == (2, "Bolnica", "hospital")  # row 1 names the columns
    [place] = features.places(session, version.id)[1]
    assert (place.x, place.y) == pytest.approx((17.19, 44.77))


def test_a_csv_of_a_spreadsheet_in_windows_1250_is_read_and_told(session, bring):
    content = "lon;lat;category;name\n17,19;44,77;škola;Šćepan Đurđević\n".encode("cp1250")
    version = bring(content, Kind.FACILITIES)
    assert features.features(session, version.id)[0].name == "Šćepan Đurđević"
    assert "Windows-1250" in finding(version, "encoding_guessed")


def test_a_projected_file_arrives_where_it_lies(session, bring, tmp_path):
    # pyproj puts the hospital at 515,038.06 east and 4,957,492.28 north in zone 33; that is converted back.
    version = bring(written(tmp_path, "GPKG", "EPSG:32633"), Kind.FACILITIES)
    place = features.places(session, version.id)[1][0]
    assert (place.x, place.y) == pytest.approx((17.19, 44.77), abs=1e-7)
    assert version.crs == "EPSG:32633"


def test_the_sandbox_reads_and_refuses_like_this_process(store, tmp_path):
    content = tmp_path / "content"
    content.write_bytes(geojson(HOSPITAL))
    arguments = {
        "path": str(content), "name": "f.geojson", "kind": "facilities", "options": {}, "context": {},
        "folder": str(tmp_path),
    }  # fmt: skip
    paths = {"reads": [content], "writes": [tmp_path]}
    told = run("layers.vectors:prepare", arguments, files=["f.geojson"], limits=Limits(), **paths)
    assert told["facts"]["features"] == 1
    with pytest.raises(WrongGeometryType, match=r"f\.geojson, feature 1: the geometry is Point; lines are needed"):
        run("layers.vectors:prepare", {**arguments, "kind": "roads"}, files=["f.geojson"], limits=Limits(), **paths)


# --- refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("driver", ["GPKG", "GeoJSON", "FlatGeobuf", "ESRI Shapefile"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_file_that_is_cut_short_is_refused(bring, tmp_path, driver, share):
    content = written(tmp_path, driver)
    with pytest.raises((Damaged, WrongFormat)):
        bring(content[: int(len(content) * share)], Kind.FACILITIES)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x89PNG\r\n\x1a\n\0\0",
        b"<OGRVRTDataSource></OGRVRTDataSource>",
        b"II*\0" + bytes(100),
        b"just words\n1\n",
    ],
)
def test_what_is_no_vector_file_is_refused(bring, content):
    with pytest.raises(WrongFormat):
        bring(content, Kind.FACILITIES)


def test_a_file_that_leads_to_another_is_refused(bring, tmp_path):
    (tmp_path / "secret.geojson").write_bytes(geojson(HOSPITAL))
    vrt = f'<OGRVRTDataSource><OGRVRTLayer name="secret"><SrcDataSource>{tmp_path}/secret.geojson</SrcDataSource>'
    for content in (vrt + "</OGRVRTLayer></OGRVRTDataSource>", json.dumps({"type": "FeatureCollection", "x": vrt})):
        with pytest.raises((WrongFormat, Damaged, EmptyLayer)):
            bring(content.encode(), Kind.FACILITIES)


def test_a_file_without_coordinate_reference_is_refused_until_it_is_given(bring, tmp_path):
    content = written(tmp_path, "ESRI Shapefile", None)
    with pytest.raises(NoCrs, match="no coordinate reference system; set it"):
        bring(content, Kind.FACILITIES)
    assert bring(content, Kind.FACILITIES, {"crs": "EPSG:4326"}).facts["features"] == 2
    with pytest.raises(NoCrs):
        bring(b"x,y,category\n17,44,hospital\n", Kind.FACILITIES)
    with pytest.raises(WrongOption, match="crs cannot be nonsense"):
        bring(content, Kind.FACILITIES, {"crs": "nonsense"})


def test_a_file_of_another_country_is_refused(bring):
    with pytest.raises(NotNearTheCountry, match=r"it covers 4\.5–4\.5° E, 52–52° N"):
        bring(geojson(shapely.Point(4.5, 52)), Kind.FACILITIES)


def test_swapped_longitude_and_latitude_are_recognised(bring):
    with pytest.raises(SwappedAxes, match="exchange the two columns"):
        bring(b"lon,lat,category\n44.77,17.19,hospital\n", Kind.FACILITIES)


def test_metres_that_say_they_are_degrees_are_refused(bring):
    with pytest.raises(CoordinatesOffEarth):
        bring(b"lon,lat,category\n6515038,4957492,hospital\n", Kind.FACILITIES)


@pytest.mark.parametrize(
    ("kind", "place", "needed"),
    [
        (Kind.ROADS, HOSPITAL, "lines"),
        (Kind.RIVERS, ROOM, "lines"),
        (Kind.FLOOD_EXTENT, shapely.LineString([(17, 44), (18, 44)]), "polygons"),
        (Kind.VETO_AREAS, HOSPITAL, "polygons"),
        (Kind.FACILITIES, shapely.LineString([(17, 44), (18, 44)]), "points or polygons"),
        (Kind.SETTLEMENTS, shapely.LineString([(17, 44), (18, 44)]), "points or polygons"),
        (Kind.MUNICIPALITIES, HOSPITAL, "polygons"),
        (Kind.FACILITIES, shapely.MultiPoint([(17, 44), (18, 44)]), "points or polygons"),
    ],
)
def test_the_wrong_type_of_geometry_is_refused(bring, kind, place, needed):
    with pytest.raises(WrongGeometryType, match=f"feature 1: the geometry is {place.geom_type}; {needed} are needed"):
        bring(geojson(place), kind)


def test_facilities_need_a_category(session, bring):
    with pytest.raises(MissingColumns, match="lacks category; it has the columns vrsta"):
        bring(geojson(HOSPITAL, properties=[{"vrsta": "x"}]), Kind.FACILITIES)
    version = bring(geojson(HOSPITAL, properties=[{"vrsta": "x"}]), Kind.FACILITIES, {"category": "hospital"})
    assert features.features(session, version.id)[0].category == "hospital"


def test_a_coordinate_that_is_no_number_is_refused_with_its_row(bring):
    with pytest.raises(BadValues, match=r"row 3, lat: 44\.7\.7"):
        bring(b"lon,lat,category\n17,44,a\n17,44.7.7,b\n", Kind.FACILITIES)


def test_a_row_with_too_many_cells_is_refused_with_its_number(bring):
    with pytest.raises(BadValues, match="row 3, columns: 4"):
        bring(b"lon,lat,category\n17,44,a\n17,44,b,c\n", Kind.FACILITIES)


def test_a_file_of_several_layers_is_refused_until_one_is_named(bring, tmp_path):
    path = tmp_path / "two.gpkg"
    frame().to_file(path, layer="one", engine="pyogrio")
    frame().iloc[:1].to_file(path, layer="two", engine="pyogrio")
    with pytest.raises(WhichLayer, match="one, two"):
        bring(path.read_bytes(), Kind.FACILITIES)
    assert bring(path.read_bytes(), Kind.FACILITIES, {"layer": "two"}).facts["features"] == 1


def test_an_archive_that_unpacks_to_a_hundred_times_its_size_is_refused(bring, tmp_path):
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("layer.shp", bytes(10_000_000))
    with pytest.raises(HostileArchive, match=r"bomb\.zip is refused: .*100 times its size"):
        bring(bomb, Kind.FACILITIES)


def test_an_empty_file_of_features_is_refused(bring):
    with pytest.raises(EmptyLayer):
        bring(geojson(), Kind.FACILITIES)
    with pytest.raises(EmptyLayer):
        bring(b"lon,lat,category\n", Kind.FACILITIES)
    with pytest.raises(EmptyLayer):
        bring(geojson(None, None), Kind.FACILITIES)


def test_a_coordinate_that_is_not_finite_is_refused(bring, tmp_path):
    path = tmp_path / "x.gpkg"
    gpd.GeoDataFrame({"category": ["a"]}, geometry=[shapely.Point(17, 44)], crs=4326).to_file(path, engine="pyogrio")
    content = path.read_bytes().replace(struct.pack("<2d", 17, 44), struct.pack("<2d", 17, float("inf")))
    with pytest.raises(Damaged, match="not a finite number"):
        bring(content, Kind.FACILITIES)


# --- told and kept ---------------------------------------------------------------------------------------------------


def test_invalid_polygons_are_repaired_counted_and_listed(session, bring):
    # Of the bow tie's two triangles each has half of a quarter of the square of 0.01°.
    version = bring(geojson(ROOM, BOWTIE), Kind.VETO_AREAS)
    assert "1 features had an invalid geometry, which was repaired: 2." in finding(version, "invalid_repaired")
    places = features.places(session, version.id)[1]
    assert shapely.is_valid(places).all()
    assert places[1].area == pytest.approx(0.01 * 0.01 / 2)


def test_features_without_geometry_are_left_out_and_listed_and_keep_their_numbers(session, bring):
    version = bring(geojson(None, HOSPITAL, None), Kind.FACILITIES)
    assert "2 features have no geometry and were left out: 1, 3." in finding(version, "no_geometry")
    assert [f.number for f in features.features(session, version.id)] == [2]


def test_features_outside_the_country_are_kept_and_told(session, bring):
    version = bring(geojson(HOSPITAL, shapely.Point(16.4, 46)), Kind.FACILITIES)
    assert "1 of 2 features lie outside the country: 2." in finding(version, "outside_country")
    assert features.count(session, version.id) == 2


def test_what_tells_of_ethnicity_is_not_imported(session, bring):
    told = {"category": "school", "Bosnjaci": 1, "srbi_2013": 2, "Hrvati": 3, "vjeroispovijest": "x", "beds": 4}
    version = bring(geojson(HOSPITAL, properties=[told]), Kind.FACILITIES)
    assert features.features(session, version.id)[0].properties == {"beds": 4}
    assert "4 columns" in finding(version, "columns_left_out")


@pytest.mark.parametrize(
    ("column", "told"),
    [
        *((c, True) for c in ("Bošnjaci", "bosniaks", "SRBI", "Hrvati %", "Croats", "serbs_1991", "muslims")),
        *((c, True) for c in ("ethnicity", "etnička", "narodnost", "religion", "maternji_jezik", "nacionalnost")),
        *((c, False) for c in ("Srbac", "Srebrenik", "people", "vjerovatnoca", "name", "total", "bosna", "place")),
    ],
)
def test_columns_of_ethnicity_faith_and_language_are_recognised(column, told):
    assert sensitive(column) is told


def test_only_a_part_of_a_file_can_be_taken(session, bring):
    properties = [{"category": "hospital"}, {"category": "toilets"}]
    version = bring(
        geojson(HOSPITAL, SCHOOL, properties=properties), Kind.FACILITIES, {"only": {"category": "hospital,clinic"}}
    )
    assert [f.category for f in features.features(session, version.id)] == ["hospital"]
    assert "1 features were left out" in finding(version, "left_out")


def test_depth_classes_of_a_flood_are_numbers_where_they_are_called_values(session, bring):
    properties = [{"depth": 1.5, "word": "deep"}, {"depth": None, "word": "shallow"}]
    options = {"columns": {"value": "depth", "category": "word"}}
    version = bring(geojson(ROOM, ROOM, properties=properties), Kind.FLOOD_EXTENT, options)
    assert [(f.value, f.category) for f in features.features(session, version.id)] == [(1.5, "deep"), (None, "shallow")]
    assert version.facts["values"] == [1.5, 1.5]
    with pytest.raises(BadValues, match="row 1, word: deep; row 2, word: shallow"):
        bring(geojson(ROOM, ROOM, properties=properties), Kind.FLOOD_EXTENT, {"columns": {"value": "word"}})


def test_without_a_footprint_nobody_counts_as_covered(bring):
    version = bring(geojson(ROOM), Kind.FLOOD_EXTENT)
    assert "which area was examined" in finding(version, "footprint_unknown")


def test_municipalities_that_the_footprint_cuts_are_named(bring):
    context = {
        "municipalities": [
            {"code": "1", "name": "Inside", "place": shapely.box(17, 43, 17.1, 43.1).wkb_hex},
            {"code": "2", "name": "Cut", "place": shapely.box(17.4, 43, 17.6, 43.1).wkb_hex},
            {"code": "3", "name": "Far", "place": shapely.box(18.4, 43, 18.6, 43.1).wkb_hex},
        ]
    }
    footprint = {"footprint": "POLYGON ((16.9 42.9, 17.5 42.9, 17.5 43.5, 16.9 43.5, 16.9 42.9))"}
    version = bring(geojson(ROOM), Kind.FLOOD_EXTENT, footprint, context=context)
    assert finding(version, "partial_coverage") == "1 municipalities are covered in part only: Cut (2)."
    with pytest.raises(WrongOption, match="footprint cannot be POINT"):
        bring(geojson(ROOM), Kind.FLOOD_EXTENT, {"footprint": "POINT (17 43)"})
    with pytest.raises(WrongOption, match="footprint cannot be round"):
        bring(geojson(ROOM), Kind.FLOOD_EXTENT, {"footprint": "round the river"})


# --- queries ---------------------------------------------------------------------------------------------------------


def test_features_within_bounds_come_by_category_and_not_too_many(session, bring):
    properties = [{"category": "hospital"}, {"category": "school"}, {"category": "school"}]
    version = bring(geojson(HOSPITAL, HOSPITAL, SCHOOL, properties=properties), Kind.FACILITIES)
    around = (17, 44.5, 17.5, 45)
    assert [f.number for f in features.within(session, version.id, around)] == [1, 2]
    assert [f.number for f in features.within(session, version.id, around, categories=["school"])] == [2]
    assert [f.number for f in features.within(session, version.id, around, limit=1)] == [1]
    assert [f.number for f in features.features(session, version.id, after=1, limit=1)] == [2]


# --- shapes ----------------------------------------------------------------------------------------------------------


def test_a_pixel_of_the_deepest_band_s_first_zoom_is_ten_metres_wide():
    # 40,075,017 m around the equator in 512 * 2^13 pixels.
    assert pixel_m(13) == pytest.approx(9.5546, abs=1e-4)


def test_a_shape_below_a_pixel_is_left_out_of_that_zoom(session, bring):
    # 0.002° are 223 m in web mercator: more than a pixel at zoom 10 (76 m), less than one at zoom 8 (306 m).
    version = bring(geojson(shapely.box(17, 43, 17.002, 43.002)), Kind.VETO_AREAS)
    found = session.execute(text("SELECT min_zoom, max_zoom FROM shape WHERE version_id = :v"), {"v": version.id}).all()
    assert sorted(found) == [(9, 24)]


def test_a_shape_that_cannot_be_simplified_is_kept_once():
    made = list(rows(["a"], np.array([shapely.box(17, 43, 18, 44)], dtype=object)))
    assert [(r["item"], r["min_zoom"], r["max_zoom"]) for r in made] == [("a", BANDS[0][0], BANDS[-1][1])]


def test_the_bands_of_a_shape_follow_each_other_without_a_gap():
    angles = np.linspace(0, 2 * np.pi, 5000)
    wavy = shapely.Polygon(
        [
            (18 + (0.2 + 0.01 * np.sin(90 * a)) * np.cos(a), 44 + (0.2 + 0.01 * np.sin(90 * a)) * np.sin(a))
            for a in angles
        ]
    )
    made = sorted((r["min_zoom"], r["max_zoom"]) for r in rows(["a"], np.array([wavy], dtype=object)))
    assert made[0][0] == 0
    assert made[-1][1] == 24
    assert all(before[1] + 1 == after[0] for before, after in pairwise(made))


def test_points_on_one_spot_appear_one_after_the_other_as_the_map_is_drawn_closer():
    # 0.001° are 111 m: beyond the spot of 4 pixels at zoom 12 (76 m), within that of zoom 10 (306 m).
    places = np.array([shapely.Point(18, 44), shapely.Point(18.001, 44), shapely.Point(17, 43)], dtype=object)
    begins = [r["min_zoom"] for r in point_rows(["a", "b", "c"], places, np.array([1, 0, 2]))]
    assert begins[1] == 0
    assert 10 <= begins[0] <= 12
    assert begins[2] < begins[0]
    assert {r["max_zoom"] for r in point_rows(["a"], places[:1], np.array([0]))} == {24}
