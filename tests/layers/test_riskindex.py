"""The risk index in the database: revisions, audit, published tables, and what our own exposure gives."""

import os
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from foundation.audit import AuditEntry
from gis.errors import MissingColumns, SensitiveColumn
from layers import inform, riskindex
from layers.areas import Area, Level
from layers.catalogue import Method
from layers.inform import Dimension, Direction, Join
from layers.risk_errors import (
    NoSuchIndicator,
    NoSuchRiskModel,
    NotANumber,
    NothingMapped,
    RiskChangedMeanwhile,
    RiskExists,
    UnknownCategory,
    WrongBounds,
    WrongRiskTable,
    WrongWeight,
)
from layers.risk_offers import Offer, Offered, offers
from layers.risk_tables import Place, read_values
from layers.riskindex import Origin, RiskIndicator, Taken

DATA = Path(os.environ.get("SPREMNOST_REAL_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
ONE_EACH = {
    "flood": "natural",
    "conflict": "human",
    "poverty": "socio_economic",
    "children": "vulnerable_groups",
    "governance": "institutional",
    "doctors": "infrastructure",
}


@pytest.fixture
def areas(session):
    found = [
        Area(id=uuid4(), level=Level.MUNICIPALITY, code=code, name=name, names={})
        for code, name in (("11053", "Maglaj"), ("10502", "Žepče"), ("20141", "Doboj"))
    ]
    session.add_all(found)
    session.flush()
    return {area.code: area for area in found}


@pytest.fixture
def places(areas):
    return [Place(area.id, area.code, [area.name]) for area in areas.values()]


@pytest.fixture
def acting(operator, noon):
    return {"by": operator, "at": noon}


@pytest.fixture
def model(session, acting):
    """A model with one indicator in each category, of scores as they are."""
    made = riskindex.enter_model(
        session,
        code="inform-bih-2025",
        name="INFORM-BiH",
        source="UNU-EHS",
        edition="2025",
        licence="CC BY 4.0",
        method=Method.MODEL,
        **acting,
    )
    for code, category in ONE_EACH.items():
        an_indicator(session, made, acting, code=code, category=category)
    return made


def an_indicator(session, model, acting, **given):
    defaults = {"component": "", "unit": "0–10", "low": 0.0, "high": 10.0, "source": "UNU-EHS", "name": given["code"]}
    return riskindex.enter_indicator(session, model, **{**defaults, **given}, **acting)


def set_all(session, model, area, acting, scores):
    for one in riskindex.indicators(session, model.code):
        if one.code in scores:
            value = scores[one.code]
            riskindex.set_value(
                session, one, area.id, value, source="UNU-EHS", edition="2025", method=Method.MODEL, **acting
            )


def of(session, model, area):
    return riskindex.indices(session, model, [area])[0]


# --- values, revisions, audit ----------------------------------------------------------------------------------------


def test_equal_scores_everywhere_are_the_index(session, model, areas, acting):
    set_all(session, model, areas["11053"], acting, dict.fromkeys(ONE_EACH, 4.0))
    found = of(session, model, areas["11053"])
    assert found.index.score == pytest.approx(4.0)
    assert found.classed == "medium"
    assert found.values["flood"].source == "UNU-EHS"


def test_an_area_without_values_has_no_index_and_is_not_nought(session, model, areas):
    found = of(session, model, areas["20141"])
    assert found.index.score is None
    assert found.classed is None
    assert set(found.index.missing) == set(ONE_EACH)


def test_an_edit_adds_a_revision_and_the_older_one_stays(session, model, areas, acting):
    flood, area = riskindex.indicator(session, model.code, "flood"), areas["11053"]
    first = {"source": "A", "edition": "2024", "method": Method.OFFICIAL, **acting}
    riskindex.set_value(session, flood, area.id, 3.0, **first)
    riskindex.set_value(session, flood, area.id, 5.0, seen=1, **{**first, "edition": "2025"})
    riskindex.set_value(session, flood, area.id, None, seen=2, note="source withdrawn", **first)
    assert [one.value for one in riskindex.history(session, model.code, "flood", area.id)] == [None, 5.0, 3.0]
    assert riskindex.values(session, model.code)["flood", area.id].value is None
    entries = session.scalars(
        select(AuditEntry).where(AuditEntry.subject_kind == "risk_value").order_by(AuditEntry.number)
    ).all()
    assert [entry.action for entry in entries] == ["risk_value.entered", "risk_value.revised", "risk_value.revised"]
    assert entries[1].facts["was"]["value"] == 3.0
    assert entries[1].facts["is"]["value"] == 5.0


def test_who_saw_an_older_value_does_not_overwrite_a_newer_one(session, model, areas, acting):
    flood, area = riskindex.indicator(session, model.code, "flood"), areas["11053"]
    given_ = {"source": "A", "edition": "", "method": Method.OFFICIAL, **acting}
    riskindex.set_value(session, flood, area.id, 3.0, **given_)
    for seen in (0, 2):
        with pytest.raises(RiskChangedMeanwhile):
            riskindex.set_value(session, flood, area.id, 9.0, seen=seen, **given_)
    assert riskindex.values(session, model.code)["flood", area.id].value == 3.0


def test_bounds_and_direction_are_revised_and_the_index_follows(session, model, areas, acting):
    set_all(session, model, areas["11053"], acting, dict.fromkeys(ONE_EACH, 4.0))
    flood = riskindex.indicator(session, model.code, "flood")
    newer = riskindex.revise_indicator(session, flood, low=0.0, high=8.0, direction=Direction.BETTER, **acting)
    assert newer.revision == 2
    hazard = of(session, model, areas["11053"]).index.parts[0]
    assert hazard.parts[0].score == pytest.approx(5.0)
    with pytest.raises(RiskChangedMeanwhile):
        riskindex.revise_indicator(session, flood, high=9.0, **acting)
    moved = riskindex.revise_indicator(session, newer, category="vulnerable_groups", **acting)
    assert moved.dimension is Dimension.VULNERABILITY


def test_an_indicator_that_was_withdrawn_is_no_longer_part_and_keeps_its_values(session, model, areas, acting):
    set_all(session, model, areas["11053"], acting, dict.fromkeys(ONE_EACH, 4.0))
    flood = riskindex.indicator(session, model.code, "flood")
    riskindex.revise_indicator(session, flood, withdrawn=True, **acting)
    assert "flood" not in {one.code for one in riskindex.indicators(session, model.code)}
    assert "flood" in {one.code for one in riskindex.indicators(session, model.code, withdrawn=True)}
    assert of(session, model, areas["11053"]).index.score == pytest.approx(4.0)
    assert riskindex.history(session, model.code, "flood", areas["11053"].id)


def test_a_model_joins_its_categories_as_it_says(session, model, areas, acting):
    an_indicator(session, model, acting, code="drought", category="natural")
    set_all(session, model, areas["11053"], acting, {"flood": 2.0, "drought": 8.0})
    natural = lambda: of(session, model, areas["11053"]).index.parts[0].parts[0].score  # noqa: E731
    assert natural() == pytest.approx(inform.geometric([2.0, 8.0]))
    newer = riskindex.revise_model(session, model, joins={"natural": Join.ARITHMETIC}, **acting)
    assert riskindex.model(session, model.code).revision == 2
    found = riskindex.indices(session, newer, [areas["11053"]])[0]
    assert found.index.parts[0].parts[0].score == pytest.approx(5.0)


def test_models_are_never_mixed(session, model, areas, acting):
    other = riskindex.enter_model(
        session, code="own", name="Own", source="CZ", edition="", licence="", method=Method.ESTIMATED, **acting
    )
    an_indicator(session, other, acting, code="flood", category="natural")
    set_all(session, model, areas["11053"], acting, dict.fromkeys(ONE_EACH, 4.0))
    assert of(session, other, areas["11053"]).values == {}
    assert [one.code for one in riskindex.models(session)] == ["inform-bih-2025", "own"]


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"category": "nonsense"}, UnknownCategory),
        ({"low": 10.0}, WrongBounds),
        ({"low": float("nan")}, WrongBounds),
        ({"high": float("inf")}, WrongBounds),
        ({"weight": 0.0}, WrongWeight),
        ({"weight": float("nan")}, WrongWeight),
        ({"code": "flood"}, RiskExists),
    ],
)
def test_an_indicator_that_cannot_be_is_refused(session, model, acting, changed, error):
    with pytest.raises(error):
        an_indicator(session, model, acting, **{"code": "new", "category": "natural", **changed})
    assert "new" not in {one.code for one in riskindex.indicators(session, model.code)}


def test_what_is_not_there_or_no_number_is_said(session, model, areas, acting):
    with pytest.raises(NoSuchRiskModel):
        riskindex.model(session, "nowhere")
    with pytest.raises(NoSuchIndicator):
        riskindex.indicator(session, model.code, "nothing")
    flood = riskindex.indicator(session, model.code, "flood")
    with pytest.raises(NotANumber):
        riskindex.set_value(
            session, flood, areas["11053"].id, float("nan"), source="", edition="", method=Method.MODEL, **acting
        )


# --- published tables ------------------------------------------------------------------------------------------------


def read(tmp_path, text, places, session, model, **options):
    path = tmp_path / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    known = riskindex.indicators(session, model.code)
    return read_values(path, "table.csv", places=places, indicators=known, options=options, method=Method.MODEL)


WIDE = "sifra,Poplave,Siromaštvo\n11053,6.4,2.1\n10502,,3.5\n"
MAPPED = {"columns": {"code": "sifra"}, "indicators": {"Poplave": "flood", "Siromaštvo": "poverty"}}


def test_a_wide_table_gives_each_cell_and_says_what_is_missing(tmp_path, session, places, areas, model, acting):
    found = read(tmp_path, WIDE, places, session, model, **MAPPED)
    kept = {"source": "INFORM-BiH", "edition": "2025", "origin": Origin.IMPORTED, **acting}
    assert riskindex.take_values(session, model, found.taken, **kept) == 3
    known = riskindex.values(session, model.code)
    assert known["flood", areas["11053"].id].value == 6.4
    assert known["poverty", areas["10502"].id].provenance == {"file": "table.csv", "row": 3}
    assert ("flood", areas["10502"].id) not in known
    said = {one["code"]: one["parameters"] for one in found.findings}
    assert said["missing_values"] == {"items": "flood: 1"}
    assert said["areas_without_row"] == {"count": 1}
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "risk_value.imported")).one()
    assert entry.facts["values"] == 3


def test_the_same_table_again_changes_nothing_and_an_emptied_cell_becomes_missing(
    tmp_path, session, places, areas, model, acting
):
    kept = {"source": "INFORM-BiH", "edition": "2025", "origin": Origin.IMPORTED, **acting}
    for text, changed in ((WIDE, 3), (WIDE, 0), (WIDE.replace("6.4", ""), 1)):
        found = read(tmp_path, text, places, session, model, **MAPPED)
        assert riskindex.take_values(session, model, found.taken, **kept) == changed
    assert riskindex.values(session, model.code)["flood", areas["11053"].id].value is None
    assert [v.value for v in riskindex.history(session, model.code, "flood", areas["11053"].id)] == [None, 6.4]


def test_a_long_table_with_names_and_a_decimal_comma_is_read(tmp_path, session, places, areas, model):
    text = "općina;pokazatelj;vrijednost\nzepce;Rizik od poplava;3,5\nDoboj;flood;7\n"
    options = {"columns": {"name": "općina", "indicator": "pokazatelj", "value": "vrijednost"}}
    with pytest.raises(WrongRiskTable, match=r"2 \(Rizik od poplava\)"):
        read(tmp_path, text, places, session, model, **options)
    found = read(tmp_path, text, places, session, model, **options, indicators={"Rizik od poplava": "flood"})
    assert [(one.area_id, one.value) for one in found.taken] == [(areas["10502"].id, 3.5)]


def test_every_row_that_cannot_be_used_is_named_and_nothing_is_kept(tmp_path, session, places, model):
    text = "code,flood,poverty\n11053,abc,1\n99999,2,2\n11053,3,3\n20141,1e999,\n,5,5\n"
    with pytest.raises(WrongRiskTable) as caught:
        read(tmp_path, text, places, session, model)
    said = caught.value.parameters
    assert said["unknown"] == "3 (99999), 6 (–)"
    assert said["twice"] == "4 = 2 (poverty)"
    assert said["bad"] == "2 (flood: abc), 5 (flood: 1e999)"
    assert riskindex.values(session, model.code) == {}


def test_a_table_says_what_it_lacks(tmp_path, session, places, model):
    with pytest.raises(MissingColumns, match="code / name"):
        read(tmp_path, "a,b\n1,2\n", places, session, model)
    with pytest.raises(NothingMapped, match="code, something"):
        read(tmp_path, "code,something\n11053,2\n", places, session, model)
    with pytest.raises(MissingColumns, match="Nema"):
        read(tmp_path, "code,flood\n11053,2\n", places, session, model, indicators={"Nema": "flood"})
    with pytest.raises(WrongRiskTable, match="flood = unheard"):
        read(tmp_path, "code,flood\n11053,2\n", places, session, model, indicators={"flood": "unheard"})
    with pytest.raises(SensitiveColumn):
        read(
            tmp_path,
            "code,etnička pripadnost\n11053,2\n",
            places,
            session,
            model,
            indicators={"etnička pripadnost": "flood"},
        )


def test_values_beyond_the_bounds_count_as_the_bound_and_are_told(tmp_path, session, places, areas, model, acting):
    found = read(tmp_path, "code,flood\n11053,25\n", places, session, model)
    assert next(one for one in found.findings if one["code"] == "beyond_bounds")["parameters"] == {"items": "flood: 1"}
    riskindex.take_values(session, model, found.taken, source="", edition="", origin=Origin.IMPORTED, **acting)
    assert of(session, model, areas["11053"]).index.parts[0].parts[0].score == 10.0


@given(st.binary(max_size=300))
def test_no_bytes_make_the_reader_fail_otherwise_than_with_a_sentence(tmp_path_factory, content):
    from gis.errors import GisError
    from layers.errors import LayersError

    path = tmp_path_factory.mktemp("any") / "table.csv"
    path.write_bytes(content)
    indicator = RiskIndicator(code="flood", low=0.0, high=10.0)
    try:
        read_values(path, "table.csv", places=[], indicators=[indicator], options={}, method=Method.MODEL)
    except (GisError, LayersError) as error:
        sentence = str(error)
        assert len(sentence) > 20


@pytest.mark.skipif(not DATA.is_dir(), reason="the real data are not here")
def test_informs_own_file_is_read_where_its_rows_are_told_apart_and_refused_where_they_are_not(
    tmp_path, session, model, acting
):
    """It is of countries, not municipalities, and has values and scores under the same names."""
    bih = Area(id=uuid4(), level=Level.COUNTRY, code="BIH", name="Bosna i Hercegovina", names={})
    session.add(bih)
    session.flush()
    places = [Place(bih.id, "BIH", [bih.name])]
    for code, category, low, high, direction in (
        ("gpi", "human", 1.0, 4.0, Direction.WORSE),
        ("floods", "natural", 0.0, 10.0, Direction.WORSE),
        ("exposed", "natural", 0.0, 100_000.0, Direction.WORSE),
    ):
        an_indicator(session, model, acting, code=code, category=category, low=low, high=high, direction=direction)
    columns = {"code": "Iso3", "indicator": "IndicatorName", "value": "IndicatorScore"}
    content = (DATA / "formats" / "inform_risk_index_BIH.csv").read_bytes()
    with pytest.raises(WrongRiskTable, match=r"12 = 2 \(gpi\)"):
        read(tmp_path, content, places, session, model, columns=columns, indicators={"Conflict GPI": "gpi"})
    names = {"Physical exposure to river flood": "floods", "Physical exposure to flood": "exposed"}
    found = read(tmp_path, content, places, session, model, columns=columns, indicators=names)
    assert {one.indicator_code: one.value for one in found.taken} == {"floods": 4.9, "exposed": 19779.03168}
    with pytest.raises(WrongRiskTable, match="Coastal Flood"):
        read(tmp_path, content, places, session, model, columns=columns)


# --- our own exposure ------------------------------------------------------------------------------------------------


def test_bounds_that_are_proposed_reach_from_nought_to_the_largest_value_rounded_up():
    values = {uuid4(): Offered(value, Method.MODEL, {}) for value in (0.0123, 0.0456, 0.1234)}
    assert Offer("a", "A", "0–1", values).bounds == (0.0, 0.13)
    assert Offer("a", "A", "0–1", {uuid4(): Offered(181.0, Method.MODEL, {})}).bounds == (0.0, 190.0)
    assert Offer("a", "A", "0–1", {uuid4(): Offered(0.0, Method.MODEL, {})}).bounds == (0.0, 1.0)


def test_stored_exposure_offers_annual_people_and_the_share_at_one_in_a_hundred(database, tmp_path, operator, noon):
    from app.db import Database
    from foundation.spaces import OPERATIONAL_SPACE_ID
    from layers.files import FileStore
    from tests.app.builders_map import a_country

    opened = Database(database, pool_size=2)
    with opened.transaction(OPERATIONAL_SPACE_ID) as session:
        country = a_country(session, FileStore(tmp_path), method=Method.ILLUSTRATIVE)
        found = {offer.code: offer for offer in offers(session)}
        maglaj, olovo = country.id("11053"), country.id("10847")
        # 6,412.4 of 23,146.4 at 1/100 and half of that at 1/20: the area under the curve of people over probability,
        # (1/20 - 1/100) * (6412.4 + 3206.2) / 2 + 6412.4 / 100.
        annual = (0.05 - 0.01) * (6_412.4 + 3_206.2) / 2 + 6_412.4 * 0.01
        assert found["flood_annual"].values[maglaj].value == pytest.approx(annual)
        assert found["flood_annual_share"].values[maglaj].value == pytest.approx(annual / 23_146.4)
        assert found["flood_share_100"].values[maglaj].value == pytest.approx(6_412.4 / 23_146.4)
        assert olovo not in found["flood_share_100"].values
        one = found["flood_share_100"].values[maglaj]
        assert one.method is Method.ILLUSTRATIVE
        assert [rest["years"] for rest in one.provenance["rests_on"]] == [100.0]
        assert one.provenance["rests_on"][0]["run"] == str(country.runs["Poplava 1/100"].id)

        acting = {"by": operator, "at": noon}
        model = riskindex.enter_model(
            session, code="own", name="Own", source="CZ", edition="", licence="", method=Method.ESTIMATED, **acting
        )
        low, high = found["flood_share_100"].bounds
        an_indicator(session, model, acting, code="share", category="natural", component="flood", low=low, high=high)
        taken = found["flood_share_100"].taken("share")
        kept = {"source": "Spremnost", "edition": "2026", "origin": Origin.DERIVED, **acting}
        assert riskindex.take_values(session, model, taken, **kept) == 8
        assert riskindex.take_values(session, model, taken, **kept) == 0
        areas = [country.areas["11053"], country.areas["10847"], country.areas["11428"]]
        scores = [one.index.parts[0].parts[0].score for one in riskindex.indices(session, model, areas)]
        assert scores[0] == pytest.approx(10 * 6_412.4 / 23_146.4 / high)
        assert scores[1] is None  # not modelled is missing
        assert scores[2] == 0.0  # nobody is exposed there, which is known
    opened.close()


def test_taken_values_must_belong_to_the_model(session, model, areas, acting):
    kept = {"source": "", "edition": "", "origin": Origin.DERIVED, **acting}
    stranger = Taken("unheard", areas["11053"].id, 1.0, Method.MODEL, {})
    with pytest.raises(NoSuchIndicator):
        riskindex.take_values(session, model, [stranger], **kept)
    with pytest.raises(NotANumber):
        riskindex.take_values(
            session, model, [Taken("flood", areas["11053"].id, float("inf"), Method.MODEL, {})], **kept
        )


def test_without_exposure_nothing_is_offered(session):
    assert offers(session) == []
