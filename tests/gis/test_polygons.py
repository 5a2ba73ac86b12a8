import json
import os
import zipfile

import numpy as np
import pyogrio.raw
import pytest
import shapely
from numpy.testing import assert_allclose
from pyproj import CRS, Geod
from shapely import LineString, MultiPoint, MultiPolygon, Point, Polygon, box

from gis.errors import (
    CoordinatesOffEarth,
    CoordinatesTooFar,
    Damaged,
    EmptyLayer,
    FileMissing,
    FileNotUsable,
    HostileArchive,
    NoCrs,
    NoSuchLayer,
    NotALocalFile,
    UnknownCrs,
    WhichLayer,
    WrongFormat,
    WrongGeometry,
)
from gis.polygons import read_polygons
from tests.builders import UTM, polygons_file, some_polygons

SQUARE = box(16, 44, 17, 45)
BOW_TIE = Polygon([(16, 44), (17, 45), (17, 44), (16, 45)])


def geojson(path, *geometries, **more):
    features = [{"type": "Feature", "properties": {}, "geometry": g} for g in geometries]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features, **more}))
    return path


def ring(*points):
    return {"type": "Polygon", "coordinates": [[list(p) for p in points]]}


def a_shapefile_zip(path, *, folder="", inner=None, more=(), **options):
    """A zipped Shapefile; more: (member, content) to add."""
    shape = polygons_file(path.with_name(f"{path.stem}-part.shp"), [SQUARE], {"name": ["Foča"]}, **options)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in shape.parent.glob(f"{shape.stem}.*"):
            archive.write(part, f"{folder}{inner or 'zones'}{part.suffix}")
        for member, content in more:
            archive.writestr(member, content)
    return path


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".shp", ".fgb"])
def test_every_format_gives_polygons_and_fields_in_file_order(tmp_path, suffix):
    shapes = [box(16 + i / 10, 44, 16.05 + i / 10, 44.05) for i in range(5)]
    options = {"SPATIAL_INDEX": "NO"} if suffix == ".fgb" else {}
    path = polygons_file(tmp_path / f"zones{suffix}", shapes, {"name": list("čšžđć")}, **options)
    polygons = read_polygons(path)
    assert list(polygons.fields["name"]) == list("čšžđć")
    assert_allclose(shapely.bounds(polygons.geometry), shapely.bounds(shapes), atol=1e-7)
    assert polygons.crs.equals(CRS.from_epsg(4326), ignore_axis_order=True)
    assert polygons.repaired == ()


def test_heights_are_left_out(tmp_path):
    path = geojson(tmp_path / "a.geojson", ring((16, 44, 9), (17, 44, 9), (17, 45, 9), (16, 44, 9)))
    assert not shapely.has_z(read_polygons(path).geometry).any()


def test_a_geojson_with_a_byte_order_mark_is_read(tmp_path):
    path = geojson(tmp_path / "a.geojson", ring((16, 44), (17, 44), (17, 45), (16, 44)))
    path.write_bytes(b"\xef\xbb\xbf \n" + path.read_bytes())
    assert len(read_polygons(path).geometry) == 1


def test_a_zipped_shapefile_is_unpacked(tmp_path):
    assert list(read_polygons(a_shapefile_zip(tmp_path / "a.zip")).fields["name"]) == ["Foča"]
    assert list(read_polygons(a_shapefile_zip(tmp_path / "b.zip", folder="deep/er/")).fields["name"]) == ["Foča"]
    assert list(read_polygons(a_shapefile_zip(tmp_path / "c.dat", inner="zo.nes")).fields["name"]) == ["Foča"]


def test_layers_are_chosen_by_name(tmp_path):
    path = polygons_file(tmp_path / "a.gpkg", [SQUARE], {"n": ["one"]}, layer="one")
    polygons_file(path, [SQUARE, SQUARE], {"n": ["two", "three"]}, layer="two", append=True)
    assert list(read_polygons(path, "two").fields["n"]) == ["two", "three"]
    with pytest.raises(WhichLayer, match=r"several layers \(one, two\); name one as a.gpkg:LAYER"):
        read_polygons(path)
    with pytest.raises(NoSuchLayer, match="has no layer three; it has one, two"):
        read_polygons(path, "three")


# Repairs and projections


def test_an_invalid_polygon_is_repaired_and_told(tmp_path):
    polygons = read_polygons(polygons_file(tmp_path / "a.gpkg", [SQUARE, BOW_TIE, SQUARE]))
    assert polygons.repaired == (2,)
    assert shapely.is_valid(polygons.geometry).all()
    assert_allclose(shapely.area(polygons.geometry), [1, 0.5, 1])


def test_a_polygon_without_area_becomes_empty(tmp_path):
    flat = Polygon([(16, 44), (17, 45), (16, 44), (16, 44)])
    polygons = read_polygons(polygons_file(tmp_path / "a.gpkg", [SQUARE, flat]))
    assert polygons.repaired == (2,)
    assert shapely.is_empty(polygons.geometry).tolist() == [False, True]
    assert shapely.is_empty(polygons.to_crs(CRS.from_epsg(3035)).geometry).tolist() == [False, True]


def test_polygons_move_to_another_crs_vertex_by_vertex():
    moved = some_polygons(Polygon([(15, 44), (15.5, 44), (15, 44.5)])).to_crs(CRS.from_user_input(UTM))
    x, y = shapely.get_coordinates(moved.geometry)[0]
    _, _, along_the_meridian = Geod(ellps="WGS84").inv(15, 0, 15, 44)
    assert_allclose([x, y], [500_000, 0.9996 * along_the_meridian], rtol=1e-12)
    assert moved.crs == CRS.from_user_input(UTM)


def test_places_that_the_other_crs_does_not_have_are_refused():
    with pytest.raises(UnknownCrs):
        some_polygons(box(-100, 80, 100, 90)).to_crs(CRS.from_proj4("+proj=gnom +lat_0=-60 +lon_0=0"))


# Geometry that is refused


@pytest.mark.parametrize(
    ("geometries", "feature", "found"),
    [
        ([Point(16, 44)], 1, "Point"),
        ([SQUARE, LineString([(16, 44), (17, 45)])], 2, "LineString"),
        ([SQUARE, MultiPoint([(16, 44), (17, 45)])], 2, "MultiPoint"),
        ([SQUARE, SQUARE, None], 3, "missing"),
        ([SQUARE, Polygon()], 2, "missing"),
        ([MultiPolygon(), SQUARE], 1, "missing"),
        ([SQUARE, shapely.GeometryCollection([SQUARE, Point(16, 44)])], 2, "GeometryCollection"),
    ],
)
def test_only_polygons_are_polygons(tmp_path, geometries, feature, found):
    with pytest.raises(WrongGeometry, match=f"feature {feature}: the geometry is {found}; polygons are needed"):
        read_polygons(polygons_file(tmp_path / "a.gpkg", geometries))


def test_a_table_without_geometry_is_refused(tmp_path):
    names = np.array(["a"], dtype=object)
    pyogrio.raw.write(tmp_path / "a.gpkg", None, [names], ["n"], driver="GPKG", geometry_type=None)
    with pytest.raises(WrongGeometry, match="missing"):
        read_polygons(tmp_path / "a.gpkg")


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".shp"])
def test_a_file_without_features_is_refused(tmp_path, suffix):
    with pytest.raises((EmptyLayer, Damaged)):
        read_polygons(polygons_file(tmp_path / f"a{suffix}", [], geometry_type="Polygon"))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_coordinates_must_be_numbers(tmp_path, number):
    path = geojson(tmp_path / "a.geojson", ring((16, 44), (17, 44), (17, 45), (16, 44)))
    path.write_text(path.read_text().replace("[17, 45]", f"[{number}, 45]"))
    with pytest.raises((Damaged, CoordinatesOffEarth, WrongGeometry)):
        read_polygons(path)


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_coordinates_of_a_geopackage_must_be_numbers(tmp_path, number):
    with np.errstate(invalid="ignore"):
        shape = Polygon([(16, 44), (17, 44), (17, number), (16, 44)])
    with pytest.raises(Damaged, match="not a finite number"):
        read_polygons(polygons_file(tmp_path / "a.gpkg", [shape], SPATIAL_INDEX="NO"))


@pytest.mark.parametrize("far", [1e300, -1e15, 1.1e9])
def test_coordinates_that_no_place_has_are_refused(tmp_path, far):
    path = polygons_file(tmp_path / "far.gpkg", [box(0, 0, 1, 1), box(min(far, 0), 0, max(far, 1), 1)], crs=UTM)
    with pytest.raises(CoordinatesTooFar, match=r"far.gpkg has the coordinate -?1(.1)?e\+"):
        read_polygons(path)


def test_projected_coordinates_in_a_geojson_are_seen(tmp_path):
    path = geojson(tmp_path / "a.geojson", ring((5e5, 4.9e6), (5.1e5, 4.9e6), (5.1e5, 5e6), (5e5, 4.9e6)))
    with pytest.raises(CoordinatesOffEarth, match=r"are degrees, but has 500000"):
        read_polygons(path)


@pytest.mark.parametrize("suffix", [".gpkg", ".shp", ".fgb"])
@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_polygons_must_say_where_on_earth_they_lie(tmp_path, suffix):
    with pytest.raises(NoCrs):
        read_polygons(polygons_file(tmp_path / f"a{suffix}", [SQUARE], crs=None))


def test_a_local_coordinate_system_is_none(tmp_path):
    with pytest.raises(NoCrs):
        read_polygons(polygons_file(tmp_path / "a.gpkg", [SQUARE], crs='LOCAL_CS["site",UNIT["metre",1]]'))


# Files that are refused


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\x00" * 50, b"name,wkt\n", b"<OGRVRTDataSource/>", b"<kml/>", b"<?xml version='1.0'?><gml/>",
        b"%PDF-1.4", b"SQLite format 3\0" + b"\0" * 84, b"[1, 2]",
    ],
)  # fmt: skip
@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".shp"])
def test_other_formats_are_refused_whatever_their_name(tmp_path, content, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    with pytest.raises(WrongFormat, match="convert it first"):
        read_polygons(path)


@pytest.mark.parametrize(
    "content", ["{", "{}", '{"type": "FeatureCollection"', '{"type":"Topology","objects":{},"arcs":[]}', "{" * 100_000]
)
def test_broken_json_is_damaged(tmp_path, content):
    path = tmp_path / "a.geojson"
    path.write_text(content)
    with pytest.raises((Damaged, WrongFormat)):
        read_polygons(path)


@pytest.mark.parametrize("suffix", [".gpkg", ".shp", ".fgb", ".geojson"])
@pytest.mark.parametrize("part", [0.2, 0.6, 0.9])
def test_files_cut_short_are_refused(tmp_path, suffix, part):
    shapes = [box(16 + i / 1000, 44, 16.0005 + i / 1000, 44.05) for i in range(900)]
    path = polygons_file(tmp_path / f"a{suffix}", shapes, {"name": [f"zone {i}" for i in range(900)]})
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    with pytest.raises((Damaged, WrongFormat, WrongGeometry, EmptyLayer)):
        read_polygons(path)


def test_a_shapefile_without_its_other_parts_says_so(tmp_path):
    path = polygons_file(tmp_path / "a.shp", [SQUARE])
    path.with_suffix(".shx").unlink()
    with pytest.raises(Damaged, match="shx"):
        read_polygons(path)


@pytest.mark.parametrize(
    "path", ["/vsizip/a.zip/a.shp", "/vsicurl/http://127.0.0.1/a", "https://example.org/a.geojson"]
)
def test_addresses_are_no_files(path):
    with pytest.raises(NotALocalFile):
        read_polygons(path)


def test_folders_pipes_and_missing_files_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "missing.gpkg", "/dev/zero"):
        with pytest.raises(FileMissing):
            read_polygons(path)


@pytest.mark.parametrize("name", ["b!c.geojson", "b;c.geojson", "b.zip", "b.geojson.zip"])
def test_a_name_that_stands_for_an_archive_is_not_followed(tmp_path, name):
    path = geojson(tmp_path / name, ring((16, 44), (17, 44), (17, 45), (16, 44)))
    with pytest.raises(FileNotUsable, match="rename it"):
        read_polygons(path)


@pytest.mark.parametrize("name", ["co:lon.geojson", "b?c=d.geojson", "b#c.geojson", "Čap ljina.json", "GeoJSON:x", "{"])
def test_other_names_are_only_names(tmp_path, name):
    path = geojson(tmp_path / name, ring((16, 44), (17, 44), (17, 45), (16, 44)))
    assert len(read_polygons(path).geometry) == 1


def test_a_name_that_is_not_utf_8_is_told(tmp_path):
    folder = os.fsencode(tmp_path)
    geojson(tmp_path / "a.geojson", ring((16, 44), (17, 44), (17, 45), (16, 44)))
    os.rename(folder + b"/a.geojson", folder + b"/\xe8.geojson")
    with pytest.raises(FileNotUsable, match="not UTF-8; rename it"):
        read_polygons(os.fsdecode(folder + b"/\xe8.geojson"))


# Archives


def test_an_archive_of_no_or_two_shapefiles_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "none.zip", "w") as archive:
        archive.writestr("readme.txt", "nothing")
    with pytest.raises(WrongFormat, match="holds 0 Shapefiles"):
        read_polygons(tmp_path / "none.zip")
    with pytest.raises(WrongFormat, match="holds 2 Shapefiles"):
        read_polygons(a_shapefile_zip(tmp_path / "two.zip", more=[("other.shp", b"")]))


@pytest.mark.parametrize(
    "member", ["../evil.shp", "/evil.shp", "a/../../evil.shp", "..\\evil.shp", "\\evil.shp", "C:\\evil.shp"]
)
def test_members_that_lead_out_of_the_archive_are_refused(tmp_path, member):
    with pytest.raises(HostileArchive, match="leads out of the archive"):
        read_polygons(a_shapefile_zip(tmp_path / "a.zip", more=[(member, b"x")]))
    assert not list(tmp_path.rglob("evil*"))


def test_a_link_in_an_archive_is_refused(tmp_path):
    link = zipfile.ZipInfo("zones.sbn")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    with pytest.raises(HostileArchive, match="is a link"):
        read_polygons(a_shapefile_zip(tmp_path / "a.zip", more=[(link, b"/etc/passwd")]))


def test_200_members_are_enough(tmp_path):
    names = [(f"{i}.txt", b"") for i in range(200)]
    with zipfile.ZipFile(tmp_path / "n.zip", "w") as archive:
        archive.writestr("zones.txt", b"")
        for name, content in names:
            archive.writestr(name, content)
    with pytest.raises(HostileArchive, match="has 201 members, more than 200"):
        read_polygons(tmp_path / "n.zip")


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    with pytest.raises(HostileArchive, match="more than 100 times"):
        read_polygons(a_shapefile_zip(tmp_path / "a.zip", more=[("zones.sbn", b"\0" * 50_000_000)]))


def test_a_bomb_that_declares_less_than_it_holds_is_cut_where_it_said(tmp_path):
    """The central directory says 1000 bytes for a member that unpacks to 50 MB."""
    path = a_shapefile_zip(tmp_path / "a.zip", more=[("zones.sbn", b"\0" * 50_000_000)])
    content = path.read_bytes()
    assert content.count((50_000_000).to_bytes(4, "little")) == 2
    path.write_bytes(content.replace((50_000_000).to_bytes(4, "little"), (1000).to_bytes(4, "little")))
    with pytest.raises(Damaged):
        read_polygons(path)


def test_an_encrypted_archive_is_refused(tmp_path):
    path = a_shapefile_zip(tmp_path / "a.zip")
    content = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(signature)
        while at >= 0:
            content[at + flags] |= 1
            at = content.find(signature, at + 1)
    path.write_bytes(content)
    with pytest.raises(Damaged, match="encrypted"):
        read_polygons(path)


@pytest.mark.parametrize("kind", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_archives_with_noise_in_them_or_cut_short_are_damaged(tmp_path, kind):
    shape = polygons_file(tmp_path / "zones.shp", [SQUARE] * 500, {"name": [f"zone {i}" for i in range(500)]})
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", kind) as archive:
        for part in shape.parent.glob("zones.*"):
            archive.write(part, part.name)
    content = path.read_bytes()
    rng = np.random.default_rng(1)
    for at in range(60, 400, 40):
        path.write_bytes(content[:at] + rng.bytes(30) + content[at + 30 :])
        with pytest.raises((Damaged, WrongFormat, HostileArchive, NoCrs)):
            read_polygons(path)
    for left in (4, 30, 200, len(content) - 10):
        path.write_bytes(content[:left])
        with pytest.raises(Damaged):
            read_polygons(path)


def test_a_text_field_that_is_mostly_blank_is_no_bomb(tmp_path):
    """Shapefiles pad every text to the width of its field."""
    shapes = [box(16 + i / 1000, 44, 16.0005 + i / 1000, 44.05) for i in range(300)]
    fields = {f"name_{k}": [f"zone {i}" for i in range(300)] for k in range(2)}
    fields |= {f"note_{k}": [""] * 300 for k in range(12)}
    shape = polygons_file(tmp_path / "zones.shp", shapes, fields)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for part in shape.parent.glob("zones.*"):
            archive.write(part, part.name)
        table = archive.getinfo("zones.dbf")
        assert table.file_size > 100 * table.compress_size
    assert len(read_polygons(tmp_path / "a.zip").geometry) == 300
