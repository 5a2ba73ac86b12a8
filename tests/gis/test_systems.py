"""Coordinate reference systems as files name them: in Bosnia and Herzegovina, MGI 1901 under its many names."""

import numpy as np
import pytest
from pyproj import CRS, Transformer
from shapely import box

from gis.errors import NoCrs
from gis.polygons import read_polygons
from gis.raster import RasterFile
from gis.systems import datum_unknown, same_crs, system
from tests.builders import ESRI_ZONE_6, WGS84, a_raster, polygons_file

UNKNOWN_DATUM = ESRI_ZONE_6.replace("MGI", "Somebodys")

# 18° E, 44.2° N by the published shifts of MGI 1901, which agree within 3 m here: about 404 m east of where the letter
# of the deprecated code puts it.
EAST, NORTH = 6_500_404, 4_895_059


@pytest.mark.parametrize("said", ["EPSG:31276", "EPSG:3908", "EPSG:8678", ESRI_ZONE_6, CRS(31276).to_wkt()])
def test_zone_6_lies_on_the_datum_mgi_1901_whatever_it_is_called(said):
    crs = system("file", said)
    assert crs.geodetic_crs.name == "MGI 1901"
    x, y = Transformer.from_crs(WGS84, crs, always_xy=True).transform(18, 44.2)
    assert (x, y) == (pytest.approx(EAST, abs=5), pytest.approx(NORTH, abs=5))
    assert not datum_unknown(crs, CRS(WGS84), x, y)


def test_files_of_zone_6_lie_where_they_should(tmp_path):
    polygons_file(tmp_path / "zone.shp", [box(6.5e6, 4.8e6, 6.6e6, 4.9e6)])
    (tmp_path / "zone.prj").write_text(ESRI_ZONE_6)
    left = read_polygons(tmp_path / "zone.shp").to_crs(CRS(WGS84)).geometry[0].bounds[0]
    assert left == pytest.approx(18 - 404 / (111_320 * np.cos(np.radians(44.24))), abs=1e-4)
    path = a_raster(tmp_path / "zone.tif", np.ones((2, 2)), crs=ESRI_ZONE_6, left=6.5e6, bottom=4.8e6, cell=1000)
    with RasterFile(path) as raster:
        assert raster.crs.geodetic_crs.name == "MGI 1901"
        assert raster.centre == (6.501e6, 4.801e6)


def test_a_datum_that_nobody_placed_is_known_for_what_it_is():
    local = system("file", UNKNOWN_DATUM)
    assert datum_unknown(local, CRS(WGS84), 6.5e6, 4.9e6)
    assert datum_unknown(CRS(WGS84), local, 18, 44.2)
    for code in (3035, 32633, 3857, 4258, 3908, 23033):
        x, y = Transformer.from_crs(4326, code, always_xy=True).transform(16, 44.2)
        assert not datum_unknown(CRS(code), CRS(WGS84), x, y), code


@pytest.mark.parametrize("said", [None, "", "nowhere", 'LOCAL_CS["drawing",UNIT["metre",1]]', "EPSG:5703", "EPSG:4978"])
def test_what_names_no_place_on_a_map_is_no_system(said):
    with pytest.raises(NoCrs, match="map has no coordinate reference system"):
        system("map", said)


def test_the_order_of_the_axes_and_the_dialect_make_no_difference():
    assert same_crs(CRS(4326), CRS("OGC:CRS84"))
    assert same_crs(CRS(3908), CRS.from_wkt(CRS(3908).to_wkt("WKT1_ESRI")))
    assert same_crs(CRS(3908), CRS(8678))
    assert not same_crs(CRS(4326), CRS(4258))
    assert not same_crs(CRS(3908), CRS(31276))
    assert not same_crs(CRS(3908), CRS(3907))
    assert not same_crs(CRS(32633), CRS(4326))
    assert not same_crs(CRS(32633), CRS(25833))
    assert not same_crs(CRS(2263), CRS(32118))  # the same projection in feet and in metres
