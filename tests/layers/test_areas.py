"""Municipalities, what lies above and below them, and how they keep their identity."""

import json

import numpy as np
import pytest
import shapely
from sqlalchemy import func, select, text

from gis.errors import DuplicateCodes, EmptyCode, MissingColumns, NoMunicipality, UnknownCodes
from layers import country
from layers.areas import Area, Boundary, Branch, CityMember, Level, area_by_code, boundaries, municipalities_of, tree
from layers.catalogue import Kind
from layers.findings import as_text

# Squares of a hundredth of a degree around 18° E, 44° N: 0.01° is 1.1119 km northward and 0.8013 km eastward there.
COLUMNS = {"columns": {"code": "code", "name": "name", "entity": "entity", "canton": "canton"}}


def square(column, row=0, width=1.0):
    return shapely.box(18 + column / 100, 44 + row / 100, 18 + (column + width) / 100, 44 + (row + 1) / 100)


def geojson(*features, **extra):
    return json.dumps(
        {
            "type": "FeatureCollection",
            "features": [
                {"type": "Feature", "properties": p, "geometry": g and shapely.geometry.mapping(g)} for p, g in features
            ],
            **extra,
        }
    ).encode()


def one(code, name, place, entity="", canton="", **more):
    return {"code": code, "name": name, "entity": entity, "canton": canton, **more}, place


DOBOJ = one("20141", "Doboj", square(0), "RS")
TESLIC = one("20575", "Teslić", square(1), "RS")
MAGLAJ = one("10634", "Maglaj", square(0, 1), "FBiH", "Zenicko-dobojski")
BRCKO = one("30163", "Brčko", square(1, 1), "Brčko")


def finding(version, code):
    found = [f for f in version.findings if f["code"] == code]
    assert len(found) == 1, [f["code"] for f in version.findings]
    return as_text(found[0])


def codes_of(version):
    return [f["code"] for f in version.findings]


@pytest.fixture
def municipalities(bring):
    def go(*features, **options):
        return bring(geojson(*features), Kind.MUNICIPALITIES, {**COLUMNS, **options}, name="municipalities.geojson")

    return go


def named(branch: Branch):
    return branch.area.name, [named(b) for b in branch.below]


def test_the_tree_is_ragged(session, municipalities):
    municipalities(DOBOJ, TESLIC, MAGLAJ, BRCKO)
    assert [named(root) for root in tree(session)] == [
        (
            "Bosna i Hercegovina",
            [
                ("Federacija Bosne i Hercegovine", [("Zeničko-dobojski kanton", [("Maglaj", [])])]),
                ("Brčko distrikt Bosne i Hercegovine", [("Brčko", [])]),
                ("Republika Srpska", [("Doboj", []), ("Teslić", [])]),
            ],
        )
    ]


def test_an_older_name_of_a_canton_is_told_and_today_s_taken(municipalities):
    assert "Zenicko-dobojski → Zeničko-dobojski kanton" in finding(municipalities(MAGLAJ), "cantons_renamed")


def test_what_lies_above_has_its_name_in_every_language_after_any_import(session, municipalities):
    municipalities(MAGLAJ)
    canton = area_by_code(session, Level.CANTON, "BA-04")
    assert canton.names == {
        "hr": "Zeničko-dobojska županija",
        "sr_Cyrl_BA": "Зеничко-добојски кантон",
        "en": "Zenica-Doboj Canton",
    }
    assert area_by_code(session, Level.COUNTRY, "BA").names["sr_Cyrl_BA"] == "Босна и Херцеговина"
    assert area_by_code(session, Level.ENTITY, "BA-BIH").names["en"] == "Federation of Bosnia and Herzegovina"


def test_a_canton_is_known_by_its_croatian_and_cyrillic_names_too():
    assert country.canton("Županija Središnja Bosna").code == "BA-06"
    assert country.canton("ЗАПАДНОХЕРЦЕГОВАЧКИ КАНТОН").code == "BA-08"
    cyrillic = [name for unit in country.CANTONS.values() for name in unit.names["sr_Cyrl_BA"]]
    assert not set(cyrillic) & set("abcčćdđefghijklmnoprsštuvzž")


def test_what_lies_above_is_dissolved_from_the_municipalities(session, municipalities):
    version = municipalities(DOBOJ, TESLIC, MAGLAJ, BRCKO)
    country = boundaries(session, version.id, Level.COUNTRY)
    assert country.geometry[0].equals(shapely.box(18, 44, 18.02, 44.02))
    entities = boundaries(session, version.id, Level.ENTITY)
    assert dict(zip(entities.codes, entities.geometry, strict=True))["BA-SRP"].equals(shapely.box(18, 44, 18.02, 44.01))


def test_a_boundary_knows_its_area(session, municipalities):
    version = municipalities(DOBOJ)
    found = session.scalars(select(Boundary.area_km2).join(Area).where(Area.code == "20141")).one()
    assert found == pytest.approx(1.1119 * 0.8013, rel=0.003)
    assert version.facts["area_km2"] == pytest.approx(found)


def test_a_municipality_keeps_its_identity_when_it_gets_a_new_boundary(session, municipalities):
    first = municipalities(DOBOJ, TESLIC)
    before = boundaries(session, first.id, Level.MUNICIPALITY)
    second = municipalities(one("20141", "Doboj", square(0, width=1.5), "RS"), one("20575", "Teslić", square(2), "RS"))
    after = boundaries(session, second.id, Level.MUNICIPALITY)
    assert (before.area_ids, before.codes) == (after.area_ids, after.codes)
    assert not before.geometry[0].equals(after.geometry[0])
    assert session.scalar(text("SELECT count(*) FROM area WHERE level = 'municipality'")) == 2


def test_an_area_keeps_its_name_unless_renaming_is_asked_for(session, municipalities):
    municipalities(DOBOJ)
    told = municipalities(one("20141", "Grad Doboj", square(0), "RS"))
    assert "Doboj / Grad Doboj (20141)" in finding(told, "names_differ")
    assert area_by_code(session, Level.MUNICIPALITY, "20141").name == "Doboj"
    municipalities(one("20141", "Grad Doboj", square(0), "RS"), rename=True)
    session.expire_all()
    assert area_by_code(session, Level.MUNICIPALITY, "20141").name == "Grad Doboj"


def test_a_file_that_says_no_more_than_codes_keeps_the_known_tree(session, bring, municipalities):
    municipalities(DOBOJ, MAGLAJ)
    before = {a.code: a.parent_id for a in session.scalars(select(Area))}
    file = geojson(({"code": "20141", "name": "Doboj"}, square(0)), ({"code": "10634", "name": "Maglaj"}, square(0, 1)))
    version = bring(file, Kind.MUNICIPALITIES)
    session.expire_all()
    assert {a.code: a.parent_id for a in session.scalars(select(Area))} == before
    assert version.facts["areas"] == {"country": 1, "entity": 2, "canton": 1, "municipality": 2, "city": 0}


def test_without_any_word_of_it_the_code_s_first_digit_is_the_entity(session, bring):
    version = bring(geojson(({"code": "20141", "name": "Doboj"}, square(0))), Kind.MUNICIPALITIES)
    assert version.facts["by_entity"] == {"BA-SRP": 1}


def test_a_municipality_that_left_another_is_covered_by_it_on_older_maps(session, municipalities):
    stanari = one("20680", "Stanari", square(2), "RS")
    municipalities(DOBOJ, stanari)
    old = municipalities(one("20141", "Doboj", square(0, width=3), "RS"))
    assert "Stanari (20680) → Doboj (20141)" in finding(old, "covered_by_another")
    found = boundaries(session, old.id, Level.MUNICIPALITY)
    assert found.also_covers == [[area_by_code(session, Level.MUNICIPALITY, "20680").id]]


def test_that_stanari_is_missing_is_told_even_where_nobody_knows_it(municipalities):
    assert "Stanari → Doboj (20141)" in finding(municipalities(DOBOJ), "covered_by_another")


def test_a_municipality_whose_land_is_nobody_s_is_missing(municipalities):
    municipalities(DOBOJ, TESLIC)
    assert "Teslić (20575)" in finding(municipalities(DOBOJ), "missing_areas")


def test_a_municipality_that_merged_is_covered_by_the_one_that_has_most_of_its_land(session, municipalities):
    municipalities(DOBOJ, MAGLAJ, TESLIC)
    merged = municipalities(DOBOJ, one("10634", "Maglaj", shapely.union_all([square(0, 1), square(1)]), "FBiH"))
    assert "Teslić (20575) → Maglaj (10634)" in finding(merged, "covered_by_another")


def test_a_city_lies_over_its_municipalities_and_nobody_is_counted_twice(session, municipalities):
    members = ["10839", "10871", "11568", "11584"]
    municipalities(*[one(code, code, square(i), "FBiH", "Sarajevo") for i, code in enumerate(members)], DOBOJ)
    city = area_by_code(session, Level.CITY, "GRAD-SA")
    assert city.parent_id is None
    ids = sorted(area_by_code(session, Level.MUNICIPALITY, code).id for code in members)
    assert city.names["sr_Cyrl_BA"] == "Град Сарајево"
    assert municipalities_of(session, city.id) == ids
    canton = area_by_code(session, Level.CANTON, "BA-09")
    assert municipalities_of(session, canton.id) == ids
    country = area_by_code(session, Level.COUNTRY, "BA")
    assert len(municipalities_of(session, country.id)) == 5
    assert municipalities_of(session, ids[0]) == [ids[0]]
    municipalities(*[one(code, code, square(i), "FBiH", "Sarajevo") for i, code in enumerate(members)], DOBOJ)
    assert session.scalar(select(func.count()).select_from(CityMember)) == 4


def test_an_overlap_is_told_with_its_size_its_owners_and_its_place(municipalities):
    # A tenth of a square: 0.08913 km², from 18.009 to 18.01.
    version = municipalities(one("20141", "Doboj", square(0), "RS"), one("20575", "Teslić", square(0.9), "RS"))
    told = finding(version, "overlaps")
    assert "Doboj (20141) / Teslić (20575), 0.089 km², 18.0095 44.0050" in told
    assert "1 overlaps between municipalities, 0.089 km² together" in told


def test_a_gap_between_municipalities_is_told(municipalities):
    ring = shapely.box(18, 44, 18.05, 44.05)
    gap = shapely.box(18.02, 44.02, 18.03, 44.03)
    version = municipalities(one("20141", "Doboj", shapely.difference(ring, gap), "RS"))
    told = finding(version, "gaps")
    assert "Doboj (20141), 0.891 km², 18.0250 44.0250" in told


def test_neighbours_share_their_edges_at_every_zoom(session, municipalities):
    def wavy(side):
        steps = np.linspace(0, 1, 400)
        edge = [(18.5 + 0.01 * np.sin(40 * t), 44 + t / 2) for t in steps]
        return shapely.Polygon([(side, 44), *edge, (side, 44.5)])

    version = municipalities(one("20141", "Doboj", wavy(18), "RS"), one("20575", "Teslić", wavy(19), "RS"))
    rows = session.execute(
        text("SELECT min_zoom, max_zoom, ST_AsBinary(place) FROM shape WHERE version_id = :v ORDER BY 1"),
        {"v": version.id},
    ).all()
    assert sorted({(a, b) for a, b, _ in rows}) == [(0, 6), (7, 8), (9, 10), (11, 12), (13, 24)]
    vertices = {}
    for zoom in (0, 7, 9, 11, 13):
        shapes = shapely.from_wkb([bytes(p) for a, _, p in rows if a == zoom])
        assert len(shapes) == 2
        assert shapely.coverage_is_valid(shapes)
        vertices[zoom] = int(shapely.get_num_coordinates(shapes).sum())
    assert vertices[0] < vertices[7] < vertices[9] < vertices[11] <= vertices[13] == 2 * (400 + 3)


def test_the_crosswalk_settles_codes_names_and_parents(session, municipalities):
    rows = [
        {"id": "a", "code": "20087", "name": "Višegrad", "entity": "RS", "canton": ""},
        {"id": "b", "code": "10634", "name": "Maglaj", "entity": "FBiH", "canton": "Zenicko-dobojski"},
        {"id": "c", "code": "20141", "name": "Doboj", "entity": "RS", "canton": ""},
    ]
    version = municipalities(
        ({"key": "a", "called": "Republika Srpska"}, square(0)),
        ({"key": "b", "called": "Maglaj"}, square(1)),
        columns={"shape": "key", "name": "called"},
        crosswalk={"rows": rows, "columns": {"shape": "id"}},
    )
    assert "Republika Srpska → Višegrad (20087)" in finding(version, "names_corrected")
    assert "1 rows of the crosswalk have no polygon: 20141" in finding(version, "unmatched_codes")
    assert area_by_code(session, Level.MUNICIPALITY, "20087").name == "Višegrad"


def test_a_crosswalk_that_is_held_as_a_file_is_found_beside_the_layer_s(store, municipalities, tmp_path):
    from io import BytesIO

    digest, _ = store.hold(BytesIO("shape,code,name\na,20087,Višegrad\n".encode()), most_bytes=1000)
    version = municipalities(
        ({"key": "a", "called": "x"}, square(0)), columns={"shape": "key"}, crosswalk={"hash": digest}
    )
    assert version.facts["areas"]["municipality"] == 1


def test_a_polygon_that_the_crosswalk_does_not_know_is_refused(municipalities):
    with pytest.raises(UnknownCodes, match="not known here: z"):
        municipalities(
            ({"key": "z"}, square(0)),
            columns={"shape": "key"},
            crosswalk={"rows": [{"shape": "a", "code": "20087", "name": "x"}]},
        )


def test_names_that_occur_twice_are_told_with_their_codes(municipalities):
    version = municipalities(one("20397", "Novi Grad", square(0), "RS"), one("10871", "Novi Grad", square(1), "FBiH"))
    assert "Novi Grad (20397, 10871)" in finding(version, "names_twice")


def test_duplicate_codes_are_refused(municipalities):
    with pytest.raises(DuplicateCodes, match="more than once: 20141"):
        municipalities(DOBOJ, one("20141", "Teslić", square(1), "RS"))


def test_an_empty_code_is_refused(municipalities):
    with pytest.raises(EmptyCode, match=r"#2"):
        municipalities(DOBOJ, one("", "Teslić", square(1), "RS"))


def test_missing_columns_are_refused_and_those_that_exist_named(bring):
    with pytest.raises(MissingColumns, match="lacks code, name; it has the columns a, b"):
        bring(geojson(({"a": 1, "b": 2}, square(0))), Kind.MUNICIPALITIES)
    with pytest.raises(MissingColumns, match="lacks sifra; it has the columns a, b"):
        bring(geojson(({"a": 1, "b": 2}, square(0))), Kind.MUNICIPALITIES, {"columns": {"code": "sifra"}})


def test_a_code_that_is_new_here_is_told(municipalities):
    municipalities(DOBOJ)
    assert "Teslić (20575)" in finding(municipalities(DOBOJ, TESLIC), "new_areas")


def test_a_file_of_part_of_the_country_says_so(municipalities):
    municipalities(DOBOJ, TESLIC, MAGLAJ, BRCKO)
    assert "covers 25.0 % of the country" in finding(municipalities(DOBOJ), "partial_coverage")


# --- settlements -----------------------------------------------------------------------------------------------------


def point(column, row=0):
    return shapely.Point(18 + (column + 0.5) / 100, 44 + (row + 0.5) / 100)


def test_settlements_hang_below_the_municipality_that_they_lie_in(session, bring, municipalities):
    municipalities(DOBOJ, TESLIC)
    version = bring(
        geojson(
            ({"code": "1", "name": "Rudanka"}, point(0)),
            ({"code": "2", "name": "Barići"}, square(1)),
            ({"code": "3", "name": "Rudanka"}, point(0, 0)),
            ({"code": "4", "name": "far"}, point(7)),
        ),
        Kind.SETTLEMENTS,
    )
    assert (
        area_by_code(session, Level.SETTLEMENT, "1").parent_id == area_by_code(session, Level.MUNICIPALITY, "20141").id
    )
    assert (
        area_by_code(session, Level.SETTLEMENT, "2").parent_id == area_by_code(session, Level.MUNICIPALITY, "20575").id
    )
    assert area_by_code(session, Level.SETTLEMENT, "4") is None
    assert "1 of 4 places lie in no municipality" in finding(version, "outside_country")
    assert "Rudanka (1, 3)" in finding(version, "names_twice")
    assert municipalities_of(session, area_by_code(session, Level.SETTLEMENT, "1").id) == []


def test_the_file_s_municipality_outranks_the_place_and_an_unknown_one_does_not(session, bring, municipalities):
    municipalities(DOBOJ, TESLIC)
    version = bring(
        geojson(
            ({"code": "1", "name": "a", "m": "20575"}, point(0)), ({"code": "2", "name": "b", "m": "99999"}, point(0))
        ),
        Kind.SETTLEMENTS,
        {"level": "local_community", "columns": {"municipality": "m"}},
    )
    parents = {
        code: session.get(Area, area_by_code(session, Level.LOCAL_COMMUNITY, code).parent_id).code for code in "12"
    }
    assert parents == {"1": "20575", "2": "20141"}
    assert "99999" in finding(version, "unmatched_codes")
    assert "1 (20575, 20141)" in finding(version, "another_municipality")


def test_a_settlement_of_a_municipality_without_boundary_may_lie_in_the_one_that_covers_it(bring, municipalities):
    municipalities(DOBOJ, one("20680", "Stanari", square(2), "RS"))
    municipalities(one("20141", "Doboj", square(0, width=3), "RS"))
    file = geojson(({"code": "1", "name": "Stanari", "municipality": "20680"}, point(2)))
    assert bring(file, Kind.SETTLEMENTS).findings == []


def test_settlements_need_municipalities(bring):
    with pytest.raises(NoMunicipality, match="import the municipalities first"):
        bring(geojson(({"code": "1", "name": "a"}, point(0))), Kind.SETTLEMENTS)
