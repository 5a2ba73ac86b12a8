"""Places that are asked about: what is drawn, uploaded, or lies around a point or a line."""

import json

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Geod, Transformer
from shapely import LineString, MultiPolygon, Point, Polygon, box

from gis.errors import Damaged, NoCrs, WrongFormat, WrongGeometryType
from layers import places
from layers.errors import (
    PlaceNotUnderstood,
    PlaceOutside,
    PlaceSwapped,
    PlaceTangled,
    PlaceTooLarge,
    PlaceTooSmall,
    PlaceWithoutArea,
    TooManyCorners,
    WrongDistance,
)
from layers.places import MOST_CORNERS, circle, drawn, refuse_outside, uploaded
from tests.builders import polygons_file

VALLEY = box(17.9, 44.4, 18.1, 44.6)


def geojson(geometry):
    return json.loads(shapely.to_geojson(geometry))


def test_a_drawn_polygon_is_the_place_itself():
    place = drawn(geojson(VALLEY))
    assert place.geometry.equals(VALLEY)
    assert place.findings == ()
    # A degree of latitude has 111.12 km there, one of longitude 79.53 km (WGS 84, at 44.5°).
    assert place.area_km2 == pytest.approx(0.2 * 111.123 * 0.2 * 79.530, rel=1e-4)
    assert shapely.from_geojson(json.dumps(place.geojson())).equals(VALLEY)


def test_features_and_collections_of_polygons_are_taken_together():
    parts = [geojson(box(18.0, 44.0, 18.1, 44.1)), geojson(box(18.1, 44.0, 18.2, 44.1))]
    whole = {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "properties": {}, "geometry": part} for part in parts],
    }
    assert drawn(whole).geometry.equals(box(18.0, 44.0, 18.2, 44.1))
    assert drawn({"type": "Feature", "properties": {}, "geometry": parts[0]}).geometry.equals(box(18, 44, 18.1, 44.1))


def test_heights_are_left_out():
    three = {"type": "Polygon", "coordinates": [[[18, 44, 500], [18.1, 44, 500], [18.1, 44.1, 510], [18, 44, 500]]]}
    assert not drawn(three).geometry.has_z


def test_an_outline_that_crosses_itself_is_repaired_and_told():
    bow = {"type": "Polygon", "coordinates": [[[18, 44], [18.2, 44.2], [18.2, 44], [18, 44.2], [18, 44]]]}
    place = drawn(bow)
    assert place.geometry.is_valid
    assert place.geometry.area == pytest.approx(0.02)
    assert [f["code"] for f in place.findings] == ["invalid_repaired"]


def test_a_circle_has_its_radius_everywhere_and_its_area():
    place = circle(18.0, 44.0, 5000.0)
    away = [Geod(ellps="WGS84").inv(18.0, 44.0, x, y)[2] for x, y in place.geometry.exterior.coords]
    assert np.allclose(away, 5000.0, atol=1e-3)
    assert place.area_km2 == pytest.approx(np.pi * 25, rel=2e-4)


@given(st.floats(16, 19), st.floats(43, 45), st.floats(50, 20_000), st.floats(0, 0.2), st.floats(0, 0.2))
@settings(max_examples=40, deadline=None)
def test_the_surroundings_of_a_line_reach_as_far_as_was_said(x, y, distance, dx, dy):
    line = LineString([(x, y), (x + dx + 0.01, y + dy)])
    place = drawn(geojson(line), distance)
    local = CRS.from_proj4(f"+proj=aeqd +lat_0={y} +lon_0={x} +datum=WGS84 +units=m")
    flat = Transformer.from_crs(4326, local, always_xy=True)
    fine = shapely.segmentize(line, 0.005)  # straight in degrees
    moved = shapely.transform(fine, lambda c: np.column_stack(flat.transform(*c.T)))
    outline = np.column_stack(flat.transform(*shapely.get_coordinates(place.geometry).T))
    away = shapely.distance(moved, shapely.points(outline))
    assert (np.abs(away - distance) < 0.01 * distance + 1).all()
    length = moved.length
    assert place.area_km2 == pytest.approx((2 * distance * length + np.pi * distance**2) / 1e6, rel=0.01)


def test_a_polygon_may_have_surroundings_too():
    assert drawn(geojson(VALLEY), 1000.0).geometry.contains(VALLEY)


@pytest.mark.parametrize(
    ("given_", "buffer_m", "error"),
    [
        (geojson(Point(18, 44)), None, PlaceWithoutArea),
        (geojson(LineString([(18, 44), (18.1, 44)])), None, PlaceWithoutArea),
        (geojson(Point(18, 44)), 0.0, WrongDistance),
        (geojson(Point(18, 44)), -5.0, WrongDistance),
        (geojson(Point(18, 44)), 200_000.0, WrongDistance),
        (geojson(Point(18, 44)), float("nan"), WrongDistance),
        (geojson(Point(18, 44)), float("inf"), WrongDistance),
        ({"type": "Polygon", "coordinates": []}, None, PlaceNotUnderstood),
        ({"type": "Polygon", "coordinates": [[[18, 44], [18.1, 44], [18.1, 44.1]]]}, None, PlaceNotUnderstood),
        ({"type": "Polygon", "coordinates": [[[18, 44], ["a", 44], [18.1, 44.1], [18, 44]]]}, None, PlaceNotUnderstood),
        ({"type": "Polygon", "coordinates": [[[18, 44], [500, 44], [18.1, 44.1], [18, 44]]]}, None, PlaceNotUnderstood),
        ({"type": "Polygon", "coordinates": [[[18, 44], [np.nan, 44], [18, 45], [18, 44]]]}, None, PlaceNotUnderstood),
        ({"type": "Nonsense"}, None, PlaceNotUnderstood),
        ({}, None, PlaceNotUnderstood),
        (geojson(box(18, 44, 18.00001, 44.00001)), None, PlaceTooSmall),
        ({"type": "Polygon", "coordinates": [[[18, 44], [18.1, 44.1], [18.2, 44.2], [18, 44]]]}, None, PlaceTooSmall),
        (geojson(box(-170, -80, 170, 80)), None, PlaceTooLarge),
        (geojson(box(0, 40, 39, 50)), None, PlaceTooLarge),
    ],
)  # fmt: skip
def test_what_is_no_place_to_ask_about_is_refused_with_a_sentence(given_, buffer_m, error):
    with pytest.raises(error) as told:
        drawn(given_, buffer_m)
    assert "{" not in str(told.value)


def round_(corners, radius=0.1):
    angle = np.linspace(0, 2 * np.pi, corners - 1, endpoint=False)
    return Polygon(np.column_stack([18 + radius * np.cos(angle), 44 + radius * np.sin(angle)]))


def test_a_polygon_has_at_most_twenty_thousand_corners():
    assert shapely.get_num_coordinates(drawn(geojson(round_(MOST_CORNERS))).geometry) == MOST_CORNERS
    with pytest.raises(TooManyCorners, match="20001 corners, more than 20000"):
        drawn(geojson(round_(MOST_CORNERS + 1)))


def test_a_tangled_outline_is_repaired_where_it_harms_nobody(monkeypatch):
    rng = np.random.default_rng(3)
    star = [(18 + 0.1 * np.cos(a), 44 + 0.1 * np.sin(a)) for a in np.arange(301) * 2.4]
    place = drawn(geojson(Polygon(star)))
    assert place.geometry.is_valid
    assert [f["code"] for f in place.findings] == ["invalid_repaired"]
    monkeypatch.setattr(places, "TANGLED", places.Limits(memory_bytes=2**30, cpu_seconds=3))
    with pytest.raises(PlaceTangled):
        drawn(geojson(Polygon(rng.uniform(17.9, 18.0, (10_000, 2)))))
    with pytest.raises(PlaceTangled):  # refused at once
        drawn(geojson(Polygon(rng.uniform(16, 18, (10_000, 2)))))


def test_a_place_outside_the_country_says_so_and_exchanged_coordinates_too():
    with pytest.raises(PlaceOutside, match="outside the country"):
        refuse_outside(drawn(geojson(box(10, 50, 10.1, 50.1))))
    with pytest.raises(PlaceSwapped, match="exchanged"):
        refuse_outside(drawn(geojson(box(44, 18, 44.1, 18.1))))


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".fgb"])
def test_an_uploaded_file_of_polygons_is_one_place(tmp_path, suffix):
    path = polygons_file(tmp_path / f"valley{suffix}", [box(18, 44, 18.1, 44.1), box(18.2, 44, 18.3, 44.1)])
    place = uploaded(path, "valley")
    assert place.geometry.equals(MultiPolygon([box(18, 44, 18.1, 44.1), box(18.2, 44, 18.3, 44.1)]))
    assert [(f["code"], f["parameters"]) for f in place.findings] == [("joined", {"count": 2})]


def test_an_uploaded_file_in_other_coordinates_is_brought_to_degrees(tmp_path):
    there = Transformer.from_crs(4326, 32633, always_xy=True)
    x, y = there.transform(18.0, 44.0)
    path = polygons_file(tmp_path / "valley.gpkg", [box(x, y, x + 1000, y + 1000)], crs="EPSG:32633")
    place = uploaded(path, "valley.gpkg")
    assert place.area_km2 == pytest.approx(1.0, rel=2e-3)
    assert place.geometry.distance(Point(18.0, 44.0)) < 1e-6


def test_an_uploaded_file_that_crosses_itself_is_repaired_and_told(tmp_path):
    bow = Polygon([(18, 44), (18.2, 44.2), (18.2, 44), (18, 44.2)])
    place = uploaded(polygons_file(tmp_path / "bow.geojson", [bow]), "bow.geojson")
    assert place.geometry.area == pytest.approx(0.02)
    assert [f["code"] for f in place.findings] == ["invalid_repaired"]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", WrongFormat),
        (b"\x00\x01\x02\x03" * 100, WrongFormat),
        (b"<OGRVRTDataSource><OGRVRTLayer name='passwd'/></OGRVRTDataSource>", WrongFormat),
        (b'{"type": "FeatureCollection", "features": [', Damaged),
    ],
)
def test_an_uploaded_file_that_is_none_is_refused_by_the_name_that_its_owner_knows(tmp_path, content, error):
    path = tmp_path / "0123abcd"
    path.write_bytes(content)
    with pytest.raises(error, match=r"dolina\.geojson"):
        uploaded(path, "dolina.geojson")


def test_an_uploaded_file_of_points_or_without_a_reference_system_is_refused(tmp_path):
    with pytest.raises(WrongGeometryType, match=r"points\.geojson"):
        uploaded(polygons_file(tmp_path / "points.geojson", [Point(18, 44)]), "points.geojson")
    with pytest.warns(UserWarning, match="crs"):
        path = polygons_file(tmp_path / "none.gpkg", [VALLEY], crs=None)
    with pytest.raises(NoCrs):
        uploaded(path, "none.gpkg")


def test_an_uploaded_file_of_too_many_corners_is_refused(tmp_path):
    path = polygons_file(tmp_path / "round.fgb", [round_(15_000), round_(15_000, 0.2)])
    with pytest.raises(TooManyCorners, match="30000 corners"):
        uploaded(path, "round.fgb")
