"""Real files, where they lie beside the checkout; expected numbers are their producers' or other tools' own."""

import csv
import os
from collections import Counter
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from sqlalchemy import text

from gis.errors import MangledDates, NotNearTheCountry, UnknownNames
from layers import features
from layers.areas import Area, Boundary, Level, above, area_by_code, areas, boundaries
from layers.catalogue import Kind
from layers.findings import as_text

DATA = Path(os.environ.get("SPREMNOST_REAL_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data in {DATA}")

CANTON_OF = {
    "10049": "Unsko-sanski kanton",  # Bihać
    "11525": "Posavski kanton",  # Odžak
    "11088": "Tuzlanski kanton",
    "11185": "Zeničko-dobojski kanton",  # Zenica
    "11452": "Bosansko-podrinjski kanton Goražde",
    "11061": "Srednjobosanski kanton",  # Travnik
    "11410": "Hercegovačko-neretvanski kanton",  # Mostar
    "10570": "Zapadnohercegovački kanton",  # Široki Brijeg
    "10839": "Kanton Sarajevo",  # Centar
    "10588": "Kanton 10",  # Livno
}
VENETO = shapely.box(10.5, 45, 13, 46.2).wkb_hex


def crosswalk():
    with (DATA / "admin" / "DERIVED_adm3_code_crosswalk.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def finding(version, code):
    found = [f for f in version.findings if f["code"] == code]
    assert len(found) == 1, [f["code"] for f in version.findings]
    return as_text(found[0])


@pytest.fixture
def municipalities(bring):
    wanted = ("shapeID", "code", "stat_name", "entity", "gaul_canton")
    rows = [{column: row[column] for column in wanted} for row in crosswalk()]

    def go():
        return bring(
            DATA / "admin" / "geoBoundaries-BIH-ADM3.geojson",
            Kind.MUNICIPALITIES,
            {
                "columns": {"shape": "shapeID", "name": "shapeName"},
                "crosswalk": {
                    "rows": rows,
                    "columns": {"shape": "shapeID", "name": "stat_name", "canton": "gaul_canton"},
                },
            },
        )

    return go


def test_the_142_polygons_become_142_municipalities_of_79_62_and_brcko(session, municipalities):
    version = municipalities()
    found = areas(session, Level.MUNICIPALITY)
    assert len({a.code for a in found}) == 142
    assert Counter(above(session, a)[-2].code for a in found) == {"BA-BIH": 79, "BA-SRP": 62, "BA-BRC": 1}
    assert len(areas(session, Level.CANTON)) == 10
    assert version.facts["areas"] == {"country": 1, "entity": 3, "canton": 10, "municipality": 142, "city": 2}


def test_cantons_have_the_names_of_today(session, municipalities):
    municipalities()
    canton = {code: above(session, area_by_code(session, Level.MUNICIPALITY, code))[0].name for code in CANTON_OF}
    assert canton == CANTON_OF


def test_the_known_faults_are_told(session, municipalities):
    version = municipalities()
    corrected = finding(version, "names_corrected")
    for told in ("Republika Srpska → Višegrad (20087)", "Kupra na Uni → Krupa na Uni (20290)"):
        assert told in corrected
    assert "Ustiprača → Novo Goražde (20419)" in corrected
    assert finding(version, "names_twice") == ("The file has these names more than once: Novi Grad (20397, 10871).")
    assert "Stanari → Doboj (20141)" in finding(version, "covered_by_another")
    assert {f["code"] for f in version.findings} == {
        "names_corrected", "names_twice", "cantons_renamed", "covered_by_another",
    }  # fmt: skip


def test_areas_are_as_large_as_another_tool_measured_them(session, municipalities):
    # area_km2 of the crosswalk, rounded to 0.01 km²: 31.81 km² for Centar.
    municipalities()
    measured = dict(session.execute(text("SELECT code, area_km2 FROM boundary JOIN area ON area.id = area_id")).all())
    for row in crosswalk():
        assert measured[row["code"]] == pytest.approx(float(row["area_km2"]), rel=5e-4), row["stat_name"]


def test_entities_are_the_municipalities_dissolved_as_another_tool_did(session, municipalities):
    version = municipalities()
    found = boundaries(session, version.id, Level.ENTITY)
    theirs = gpd.read_file(DATA / "admin" / "DERIVED_adm1_entities_from_adm3.geojson", engine="pyogrio")
    names = {"BA-BIH": "FBiH", "BA-SRP": "RS", "BA-BRC": "Brčko"}
    for code, ours in zip(found.codes, found.geometry, strict=True):
        [other] = theirs.geometry[theirs.entity == names[code]]
        assert shapely.symmetric_difference(ours, shapely.make_valid(other)).area < 1e-6 * ours.area


def test_neighbours_go_on_sharing_their_edges(session, municipalities):
    version = municipalities()
    for zoom in (0, 7, 9, 11, 13):
        rows = session.execute(
            text("SELECT ST_AsBinary(place) FROM shape WHERE version_id = :v AND min_zoom = :z"),
            {"v": version.id, "z": zoom},
        )
        shapes = shapely.from_wkb([bytes(r[0]) for r in rows])
        assert len(shapes) == 142
        assert shapely.coverage_is_valid(shapes)


def test_the_same_file_again_keeps_every_identity(session, municipalities):
    first, second = municipalities(), municipalities()
    before, after = (boundaries(session, v.id, Level.MUNICIPALITY) for v in (first, second))
    assert before.area_ids == after.area_ids
    assert session.query(Area).count() == 142 + 10 + 3 + 1 + 2
    assert session.query(Boundary).count() == 2 * (142 + 10 + 3 + 1)


def test_the_observed_flood_of_copernicus_has_98_invalid_polygons(session, bring):
    file = DATA / "flood" / "cems_EMSR332_veneto_2018_observed_event.gpkg"
    version = bring(file, Kind.FLOOD_EXTENT, {"columns": {"category": "obj_desc"}}, context={"country": VENETO})
    assert finding(version, "invalid_repaired").startswith("98 features had an invalid geometry, which was repaired: ")
    ids, places = features.places(session, version.id)
    assert len(ids) == 5358
    assert shapely.is_valid(places).all()
    # pyogrio and pandas count the same words.
    assert version.facts["by_category"] == {"Riverine flood": 3042, "Flash flood": 2316}


def test_the_flood_of_another_country_is_refused_here(bring):
    with pytest.raises(NotNearTheCountry, match=r"it covers 10\.82–12\.74° E, 45\.19–45\.98° N"):
        bring(DATA / "flood" / "cems_EMSR332_veneto_2018_observed_event.gpkg", Kind.FLOOD_EXTENT)


def test_facilities_in_and_around_the_country(bring, municipalities):
    municipalities()
    file = DATA / "osm" / "osm_facilities_bih_and_near_2019.gpkg"
    version = bring(file, Kind.FACILITIES, {"columns": {"category": "value"}})
    assert version.facts["features"] == 11563
    assert version.facts["outside_country"] == 11563 - 2900  # the file's own column in_bih
    assert version.facts["by_category"]["hospital"] == 160
    assert "8287 of 11563 facilities have no name" in finding(version, "no_name")


def test_places_of_the_country_hang_below_their_municipality(session, bring, municipalities):
    municipalities()
    file = DATA / "osm" / "osm_places_bih_and_near_2019.gpkg"
    version = bring(file, Kind.SETTLEMENTS, {"columns": {"code": "id"}})
    assert version.facts["areas"] == {"settlement": 9386}  # the file's own column in_bih
    visoko = area_by_code(session, Level.SETTLEMENT, "78546823")
    assert (visoko.name, above(session, visoko)[0].code) == ("Visoko", "11126")


def test_two_of_seven_rivers_touch_the_country(bring, municipalities):
    municipalities()
    version = bring(DATA / "terrain" / "ne10m_rivers_clip.gpkg", Kind.RIVERS)
    assert (version.facts["features"], version.facts["outside_country"]) == (7, 5)


@pytest.mark.parametrize(
    ("file", "fires", "inside"),
    [
        ("MODIS_C6_1_Europe_7d_2022-07-16_23.csv", 4022, 48),
        ("SUOMI_VIIRS_C2_Europe_7d_2022-08-29_09-05.csv", 5968, 18),
        ("SUOMI_VIIRS_C2_Europe_48h_2022-09-03_05.csv", 1812, 1),
    ],
)
def test_fires_of_firms(session, bring, municipalities, file, fires, inside):
    municipalities()
    version = bring(DATA / "wildfire" / file, Kind.ACTIVE_FIRES)
    assert version.facts["features"] == fires
    assert fires - version.facts["outside_country"] == inside
    assert features.count(session, version.id) == fires


def test_fires_whose_dates_a_spreadsheet_changed_are_refused_row_by_row(bring):
    with pytest.raises(MangledDates) as refused:
        bring(DATA / "wildfire" / "MODIS_C6_1_Europe_7d_2024-07_dates_mangled.csv", Kind.ACTIVE_FIRES)
    assert refused.value.parameters["count"] == 1400
    assert "rows 2–150, acq_date: 03/07/2024" in str(refused.value)
    assert "rows 1199–1401, acq_date: 10/07/2024" in str(refused.value)


def test_fires_of_portugal_are_refused(bring):
    with pytest.raises(NotNearTheCountry):
        bring(DATA / "wildfire" / "Portugal_firms_June_2017.csv", Kind.ACTIVE_FIRES)


def test_the_census_of_2013_by_its_names(bring, municipalities):
    municipalities()
    file = DATA / "population" / "bih_census_by_municipality_1991_2013.csv"
    rows = [{"name": r["census2013_name"], "code": r["code"]} for r in crosswalk()]
    options = {"columns": {"people": "overall_2013"}, "crosswalk": {"rows": rows}}
    version = bring(file, Kind.POPULATION_TABLE, options)
    # The census counted 3,531,159: without Stanari's 7,329, and with Sapna's 2,027 in place of 11,178.
    assert version.facts["people"] == 3_531_159 - 7_329 - (11_178 - 2_027)
    assert {"misprint", "without_stanari"} <= {f["code"] for f in version.findings}
    mended = bring(file, Kind.POPULATION_TABLE, {**options, "corrections": {"11312": 11178}})
    assert mended.facts["people"] == 3_531_159 - 7_329
    with pytest.raises(UnknownNames, match="Bosanska Gradiška/Gradiška"):
        bring(file, Kind.POPULATION_TABLE, {"columns": {"people": "overall_2013"}})
