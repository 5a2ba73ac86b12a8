"""The risk index in the browser: who looks after it, what it rests on, and what is missing."""

import csv
import io
import re

import openpyxl
import pytest

from app.factory import create_app
from foundation.roles import Role
from layers import inform
from tests.app.builders_map import close
from tests.app.builders_people import signed_in

pytestmark = pytest.mark.slow

MODEL = {"code": "inform-bih", "name": "INFORM-BiH", "source": "UNU-EHS", "edition": "2025", "licence": "CC BY 4.0"}
ONE_EACH = {
    "conflict": "human",
    "poverty": "socio_economic",
    "children": "vulnerable_groups",
    "governance": "institutional",
    "doctors": "infrastructure",
}


@pytest.fixture
def post(client):
    """A function: send a form; it must lead on."""

    def send(path, leads=303, **form):
        answer = client.post(f"/op/risk{path}", data=form)
        assert answer.status_code == leads, answer.text
        return answer

    return send


@pytest.fixture
def filled(post, country):
    """A model with one indicator in each category; three municipalities with values, one of them with a gap."""
    post("/new", **MODEL)
    for code, category in ONE_EACH.items():
        form = {
            "name": code.title(),
            "category": category,
            "unit": "0–10",
            "low": "0",
            "high": "10",
            "source": "UNU-EHS",
        }
        post("/models/inform-bih/indicators", code=code, component="", **form)
    post("/models/inform-bih/offers/flood_share_100", low="0", high="0,5")
    table = "sifra;Sukob;poverty;children;governance;doctors\n" + "\n".join(
        (
            "11053;2,0;4,0;3,0;5,0;6,0",
            "20141;1,5;3,5;2,5;4,5;5,5",
            "10847;1,0;;3,0;4,0;5,0",
        )
    )
    answer = post(
        "/models/inform-bih/table",
        file=(io.BytesIO(table.encode()), "INFORM-BiH 2025.csv"),
        code="sifra",
        mapping="Sukob = conflict\npoverty = poverty\nchildren=children\ngovernance=governance\ndoctors=doctors",
    )
    return answer


def scores(client, **query):
    text = client.get("/op/risk/table.csv", query_string={"model": "inform-bih", **query}).text
    return {row["code"]: row for row in csv.DictReader(io.StringIO(text))}


def test_without_a_model_the_page_says_what_to_do(client):
    page = client.get("/op/risk").text
    assert "There is no risk index yet" in page
    assert "/op/risk/new" in page


def test_the_index_of_the_page_is_what_a_hand_reckons(client, filled):
    share = 6_412.4 / 23_146.4
    hazard = inform.geometric([10 * share / 0.5, 2.0])
    vulnerability, coping = inform.geometric([4.0, 3.0]), inform.geometric([5.0, 6.0])
    expected = (hazard * vulnerability * coping) ** (1 / 3)
    row = scores(client)["11053"]
    assert float(row["risk index (0–10)"]) == pytest.approx(expected, abs=1e-3)
    assert float(row["hazard and exposure"]) == pytest.approx(hazard, abs=1e-3)
    page = client.get("/op/risk").text
    assert f">{expected:.1f}<" in re.sub(r"\s+", "", page)


def test_what_is_missing_is_named_and_is_never_nought(client, filled, country):
    rows = scores(client)
    olovo = rows["10847"]
    assert olovo["risk index (0–10)"] == olovo["hazard and exposure"] == olovo["vulnerability"] == ""
    assert "Poverty" in olovo["missing"]
    assert "flood" in olovo["missing"].lower()
    assert float(olovo["lack of coping capacity"]) > 0
    nowhere = rows["30058"]
    assert (nowhere["indicators known"], nowhere["of all"]) == ("1", "6")
    page = client.get(f"/op/risk/models/inform-bih/areas/{country.id('10847')}").text
    assert page.count(">missing<") == 2


def test_a_value_shows_where_it_is_from_and_every_revision(client, filled, post, country):
    path = f"/models/inform-bih/areas/{country.id('11053')}"
    page = client.get(f"/op/risk{path}/poverty").text
    assert "INFORM-BiH 2025.csv, row 2" in page
    form = {"value": "7,5", "source": "Općina", "edition": "2026", "method": "official"}
    post(f"{path}/poverty", seen="1", **form)
    page = client.get(f"/op/risk{path}/poverty").text
    assert "7.5" in page
    assert "entered by hand" in page
    assert "from a published table" in page
    late = client.post(f"/op/risk{path}/poverty", data={"seen": "1", **form})
    assert late.status_code == 422
    assert "changed by someone else meanwhile" in late.text
    derived = client.get(f"/op/risk{path}/flood_share_100").text
    assert "Poplava 1/100" in derived


def test_an_emptied_value_becomes_missing(client, filled, post, country):
    path = f"/models/inform-bih/areas/{country.id('11053')}/poverty"
    post(path, seen="1", value="", source="UNU-EHS", edition="2025", method="model")
    assert scores(client)["11053"]["risk index (0–10)"] == ""
    assert "Poverty" in scores(client)["11053"]["missing"]


def test_a_table_with_faults_is_refused_row_by_row_and_nothing_of_it_is_kept(client, filled):
    before = scores(client)
    table = "code,conflict,poverty\n11053,abc,1\n99999,2,2\n20141,3,3\n20141,4,4\n"
    answer = client.post(
        "/op/risk/models/inform-bih/table", data={"file": (io.BytesIO(table.encode()), "novo.csv"), "code": "code"}
    )
    assert answer.status_code == 422
    for words in ("novo.csv", "2 (conflict: abc)", "3 (99999)", "5 = 4 (conflict)"):
        assert words in answer.text, words
    assert scores(client) == before


@pytest.mark.parametrize(
    ("language", "typed", "kept"),
    [
        ("bs", "1.234", None),
        ("bs", "1,234", 1.234),
        ("en", "1,234", None),
        ("en", "1.234", 1.234),
        ("bs", "12,5", 12.5),
        ("en", "12,5", 12.5),
    ],
)
def test_a_number_that_may_mean_a_thousand_times_more_is_asked_for_again(
    client, filled, country, language, typed, kept
):
    path = f"/op/risk/models/inform-bih/areas/{country.id('11053')}/poverty"
    form = {"seen": "1", "value": typed, "source": "x", "method": "model"}
    client.set_cookie("language", language)
    answer = client.post(path, data=form)
    client.set_cookie("language", "en")
    if kept is None:
        assert answer.status_code == 422
        assert typed in answer.text
    else:
        assert answer.status_code == 303
        assert f'value="{kept}"' in client.get(path).text


def test_the_form_of_an_indicator_keeps_a_bound_of_nought(client, filled):
    assert re.search(r'name="low"[^>]*value="0"', client.get("/op/risk/models/inform-bih/indicators/conflict").text)


def test_the_form_begins_with_the_value_that_is_there(client, filled, country):
    """Or whoever only mends the note would empty it."""
    path = f"/op/risk/models/inform-bih/areas/{country.id('20141')}/conflict"
    assert 'value="1.5"' in client.get(path).text
    client.set_cookie("language", "bs")
    assert 'value="1,5"' in client.get(path).text


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"category": "nonsense"}, "is no category of the risk index"),
        ({"low": "10"}, "must be a number below the upper bound"),
        ({"low": "ten"}, "Lower bound: ten is no number"),
        ({"weight": "-1"}, "must be a number above 0"),
        ({"code": "Conflict!"}, "must be of small letters"),
        ({"code": "conflict"}, "There is already conflict"),
    ],
)
def test_an_indicator_that_cannot_be_is_refused_with_a_sentence(client, filled, form, words):
    good = {"code": "new", "name": "New", "category": "human", "unit": "0–10", "low": "0", "high": "10", "source": "x"}
    answer = client.post("/op/risk/models/inform-bih/indicators", data={**good, **form})
    assert answer.status_code == 422
    assert words in answer.text


def test_bounds_joins_and_membership_are_changed_by_revisions(client, filled, post, country):
    form = {"name": "Conflict", "category": "human", "unit": "0–10", "low": "0", "high": "4", "source": "UNU-EHS"}
    post("/models/inform-bih/indicators/conflict", seen="1", **form)
    share = 6_412.4 / 23_146.4
    hazard = inform.geometric([10 * share / 0.5, 5.0])
    assert float(scores(client)["11053"]["hazard and exposure"]) == pytest.approx(hazard, abs=1e-3)
    late = client.post("/op/risk/models/inform-bih/indicators/conflict", data={"seen": "1", **form})
    assert late.status_code == 422
    post("/models/inform-bih/indicators/conflict", seen="2", withdraw="1")
    assert float(scores(client)["11053"]["hazard and exposure"]) == pytest.approx(10 * share / 0.5, abs=1e-3)
    post("/models/inform-bih", seen="1", **{**MODEL, "name": "Drugi", "join-natural": "arithmetic"})
    assert "Drugi" in client.get("/op/risk").text


def test_offers_are_taken_again_only_where_they_changed(client, filled, post):
    page = client.get("/op/risk/models/inform-bih").text
    assert "Share of all people exposed to a flood of once in 100 years" in page
    post("/models/inform-bih/offers/flood_share_100", low="0", high="9")
    assert "0 values were taken in." in client.get("/op/risk/models/inform-bih").text
    assert client.post("/op/risk/models/inform-bih/offers/unheard").status_code == 404


def test_the_file_has_the_values_their_bounds_and_its_imprint(client, filled):
    answer = client.get("/op/risk/table.xlsx?model=inform-bih")
    assert "spremnost-risk-index-inform-bih" in answer.headers["Content-Disposition"]
    book = openpyxl.load_workbook(io.BytesIO(answer.data))
    methods = " ".join(str(cell.value) for row in book["Methods"].iter_rows() for cell in row)
    assert "cube root" in methods
    assert "vulnerability › vulnerable groups › children; 0–10 0–10, higher is worse" in methods
    text = " ".join(str(cell.value) for row in book["Table"].iter_rows() for cell in row)
    assert "Amra Hodžić, Općina Maglaj" in text


def test_only_those_who_look_after_layers_change_anything_and_nobody_from_within_an_exercise(country, filled):
    app = create_app(country.settings)
    viewer = signed_in(app.test_client(), country.settings, Role.VIEWER)
    viewer.set_cookie("language", "en")
    page = viewer.get("/op/risk/models/inform-bih").text
    assert "INFORM-BiH" in page
    assert "Add an indicator" not in page
    assert viewer.post("/op/risk/models/inform-bih/indicators", data={}).status_code == 403
    assert viewer.get("/op/risk/new").status_code == 403
    player = signed_in(app.test_client(), country.settings, Role.PLAYER, exercise="sava-2026")
    assert player.get("/ex/sava-2026/risk").status_code == 200
    assert player.post("/ex/sava-2026/risk/new", data=MODEL).status_code == 403
    close(app)


def test_what_is_typed_cannot_break_out_of_a_page(client, filled, post, country):
    evil = "</td><script>alert(1)</script>"
    path = f"/models/inform-bih/areas/{country.id('11053')}/poverty"
    post(path, seen="1", value="1", source=evil, edition=evil, method="model", note=evil)
    for page in (path, f"/models/inform-bih/areas/{country.id('11053')}", "", "/models/inform-bih"):
        assert "<script>alert" not in client.get(f"/op/risk{page}").text


@pytest.mark.parametrize("path", ["/models/nothing", "/models/nothing/indicators/x", "/table.csv?model=x"])
def test_what_is_not_there_is_not_found(client, path):
    assert client.get(f"/op/risk{path}").status_code == 404


@pytest.mark.parametrize("language", ["bs", "hr", "sr_Latn_BA", "sr_Cyrl_BA"])
def test_the_pages_open_in_every_language(client, filled, country, language):
    client.set_cookie("language", language)
    for path in ("", "/new", "/models/inform-bih", f"/models/inform-bih/areas/{country.id('11053')}"):
        assert client.get(f"/op/risk{path}").status_code == 200
