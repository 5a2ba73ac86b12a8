import csv
import io
import re

import pytest

from app.factory import create_app
from foundation.errors import N_
from gis.errors import WrongFormat
from layers.catalogue import Kind, Method, State
from layers.findings import told
from tests.app.builders_map import a_hazard, a_version, close
from tests.app.builders_people import signed_in


def rows_of(page):
    """The names in the first table's body, in order."""
    body = re.search(r"<tbody>(.*?)</tbody>", page, re.DOTALL).group(1)
    return re.findall(r"<th scope=\"row\">\s*<a[^>]*>([^<]*)</a>", body)


def test_the_bare_address_leads_home(client):
    assert client.get("/").headers["Location"] == "/op/"


@pytest.mark.parametrize("path", ["/op/map", "/op/table", "/op/layers", "/op/jobs", "/status"])
def test_every_page_opens_in_an_empty_database(database, path):
    app = create_app(database)
    page = signed_in(app.test_client(), database).get(path)
    assert page.status_code == 200, page.text
    assert 'lang="bs"' in page.text
    close(app)


def test_a_page_speaks_bosnian_until_another_language_is_chosen(country):
    app = create_app(country.settings)
    client = signed_in(app.test_client(), country.settings)
    assert "Izloženo stanovništvo" in client.get("/op/table").text
    answer = client.get("/language/en", headers={"Referer": "http://localhost/op/table?sort=name"})
    assert answer.headers["Location"] == "/op/table?sort=name"
    assert "Exposed people" in client.get("/op/table").text
    close(app)


@pytest.mark.parametrize("referer", ["http://evil.example/table", "http://localhost//evil.example", "", "nonsense"])
def test_choosing_a_language_never_leads_to_another_site(client, referer):
    assert client.get("/language/en", headers={"Referer": referer}).headers["Location"] == "/"


def test_the_page_one_is_sent_back_to_can_be_asked_for_again(client, country):
    version = country.versions["Općine"].id
    referer = f"http://localhost/op/jobs/{version}/cancel"
    assert client.get("/language/hr", headers={"Referer": referer}).headers["Location"] == "/"
    assert client.get("/language/hr", headers={"Referer": "http://localhost/nowhere"}).headers["Location"] == "/nowhere"


def test_the_switch_offers_five_languages_by_their_own_names(client):
    client.set_cookie("language", "sr_Cyrl_BA")
    page = client.get("/status").text
    assert '<html lang="sr-Cyrl"' in page
    for name in ("Bosanski", "Hrvatski", "Srpski (latinica)", "Српски (ћирилица)", "English"):
        assert f">{name}</a>" in page
    assert "Спремност" in page


def test_an_unknown_language_is_not_found(client):
    assert client.get("/language/xx").status_code == 404


def test_the_map_names_hazard_unit_sources_and_marks(client):
    page = client.get("/op/map?hazard=flood-100").text
    for words in ("Poplava 1/100", "Agencija za vode", "2013", "model", "NOT MODELLED", "water from 0.3 m deep"):
        assert words in page, words


def test_what_is_not_modelled_is_never_nought(client, country):
    found = client.get("/op/map/exposure.json?hazard=flood-100").json["values"]
    assert found[str(country.id("10847"))] == [None, None]
    assert found[str(country.id("11428"))][0] == 0
    assert found[str(country.id("11053"))][0] == 6412
    assert "NOT MODELLED" in client.get(f"/op/areas/{country.id('10847')}?hazard=flood-100").text


def test_the_numbers_of_the_map_are_those_of_the_table_and_the_card(client, country):
    values = client.get("/op/map/exposure.json?hazard=flood-20").json["values"]
    table = client.get("/op/table?hazard=flood-20&size=200").text
    for code in ("20141", "11053", "10502"):
        number = f"{values[str(country.id(code))][0]:,}"
        assert f">{number}<" in re.sub(r"\s+", "", table)
        assert number in client.get(f"/op/areas/{country.id(code)}?hazard=flood-20").text


def test_the_exposure_of_an_unchanged_choice_is_not_sent_again(client):
    first = client.get("/op/map/exposure.json")
    again = client.get("/op/map/exposure.json", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304


def test_a_municipality_is_found_without_its_marks_and_in_cyrillic(client):
    names = lambda q: [one["name"] for one in client.get("/op/map/search.json", query_string={"q": q}).json]  # noqa: E731
    assert names("zepce") == ["Žepče"]
    assert names("siroki") == ["Široki Brijeg"]
    assert names("Шамац") == ["Šamac"]
    assert names("brijeg") == ["Široki Brijeg"]
    assert names("11053") == ["Maglaj"]
    assert names("") == []
    assert names("%") == []


def test_the_table_sorts_by_what_is_asked_and_leaves_what_is_unknown_last(client):
    assert rows_of(client.get("/op/table?sort=exposed&order=down").text)[:2] == ["Doboj", "Brčko"]
    up = rows_of(client.get("/op/table?sort=exposed&order=up").text)
    assert (up[0], up[-1]) == ("Široki Brijeg", "Olovo")
    assert rows_of(client.get("/op/table?sort=name").text)[:2] == ["Brčko", "Doboj"]


def test_the_table_filters_by_name_entity_canton_and_state(client):
    assert rows_of(client.get("/op/table?q=samac").text) == ["Šamac"]
    assert set(rows_of(client.get("/op/table?entity=BA-SRP").text)) == {"Doboj", "Šamac", "Teslić"}
    assert rows_of(client.get("/op/table?canton=BA-08").text) == ["Široki Brijeg"]
    assert rows_of(client.get("/op/table?state=not_modelled").text) == ["Olovo"]
    assert "No municipality answers the filter." in client.get("/op/table?q=nowhere").text


@pytest.mark.parametrize(
    "query", ["?page=99", "?page=-3", "?size=7", "?sort=evil", "?order=x", "?hazard=none", "?page=abc", "?entity=%00"]
)
def test_an_address_with_nonsense_still_gives_a_table(client, query):
    assert client.get("/op/table" + query).status_code == 200


def test_the_table_comes_in_pages(client):
    page = client.get("/op/table?size=25").text
    assert "page 1 of" not in page


def test_totals_add_up_at_every_level(client):
    rows = list(csv.DictReader(io.StringIO(client.get("/op/files/table.csv?hazard=flood-100").text)))
    by_entity = {}
    for row in rows:
        by_entity.setdefault(row["entity"], 0)
        by_entity[row["entity"]] += int(row["exposed"] or 0)
    country = round(6_412.4 + 1_207.5 + 88.2 + 0 + 21_884.3 + 9_310.6 + 640.1 + 15_020.9)
    assert sum(by_entity.values()) == country
    assert f"{country:,}" in client.get("/op/table?hazard=flood-100").text
    for row in rows:
        if row["exposed"]:
            assert sum(int(row[c]) for c in row if re.match(r"[0-9≥]", c)) == int(row["exposed"])


def test_the_csv_holds_what_is_seen(client):
    answer = client.get("/op/files/table.csv?hazard=flood-100&entity=BA-SRP&sort=name")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.data.decode())))
    assert [row["municipality"] for row in rows] == ["Doboj", "Šamac", "Teslić"]
    assert rows[0]["hazard layer"] == "Poplava 1/100"
    assert rows[0]["state"] == "modelled"


def test_a_name_that_looks_like_a_formula_is_harmless_in_a_spreadsheet(client, country, change):
    def rename(session):
        area = session.merge(country.areas["11053"])
        area.name = '=HYPERLINK("http://evil.example")'

    change(rename)
    rows = list(csv.DictReader(io.StringIO(client.get("/op/files/table.csv").text)))
    assert '\'=HYPERLINK("http://evil.example")' in {row["municipality"] for row in rows}


def test_names_cannot_break_out_of_any_page(client, country, change):
    evil = "</script><img src=x onerror=alert(1)>"
    change(lambda session: setattr(session.merge(country.areas["11053"]), "name", evil))
    area = country.id("11053")
    for path in (
        "/op/map?area=11053",
        "/op/table",
        f"/op/areas/{area}",
        "/op/map/portable.html",
        "/op/map/picture.svg",
    ):
        assert "<img src=x" not in client.get(path).text, path
    assert evil not in client.get("/op/map/portable.html").text


def test_the_banner_stands_wherever_something_is_illustrative(client, country, change):
    banner = "Illustrative data, not for operations"
    assert re.search(r'id="banner"[^>]*hidden', client.get("/op/map").text)
    change(lambda s: setattr(s.merge(country.versions["Stanovništvo"]), "method", Method.ILLUSTRATIVE))
    for path in ("/op/map", "/op/table", f"/op/areas/{country.id('11053')}"):
        assert not re.search(r'id="banner"[^>]*hidden', client.get(path).text), path
    assert client.get("/op/map/exposure.json").json["illustrative"] is True
    export = client.get("/op/files/table.csv")
    assert banner in export.text
    assert "illustrative" in export.headers["Content-Disposition"]
    assert banner in client.get("/op/map/portable.html").text


def test_each_municipality_takes_the_best_layer_that_covers_it_wholly(client, country, change):
    figures = {
        "11053": (7_000.0, [7_000.0, 0.0, 0.0, 0.0], True, 0.0),
        "20141": (9.0, [9.0, 0.0, 0.0, 0.0], False, 500.0),
    }
    change(
        lambda session: a_hazard(
            session, country, country.store, "Zvanična", years=100.0, figures=figures, method=Method.OFFICIAL
        )
    )
    values = client.get("/op/map/exposure.json?hazard=flood-100").json["values"]
    assert values[str(country.id("11053"))][0] == 7000
    assert values[str(country.id("20141"))][0] == 21884
    layer = change(lambda session: session.merge(country.versions["Zvanična"]).layer.id)
    alone = client.get(f"/op/map/exposure.json?hazard=layer-{layer}").json["values"]
    assert alone[str(country.id("20141"))][0] == 9
    assert alone[str(country.id("10502"))] == [None, None]
    page = client.get(f"/op/areas/{country.id('20141')}?hazard=layer-{layer}").text
    assert "500 people live where nothing is modelled" in page
    assert "covers the municipality only in part" in page


def test_a_fire_counts_from_very_high_danger_and_says_so(client, country, change):
    figures = {"11053": (120.0, [5_000.0, 3_000.0, 1_000.0, 100.0, 20.0], True, 0.0)}
    change(
        lambda session: a_hazard(session, country, country.store, "FWI ljeto", kind=Kind.FIRE_DANGER, figures=figures)
    )
    page = client.get("/op/map").text
    assert "Wildfire danger" in page
    card = client.get(f"/op/areas/{country.id('11053')}?hazard=fire-fwi-ljeto").text
    assert "fire danger (FWI) from 38" in card
    assert client.get("/op/map/exposure.json?hazard=fire-fwi-ljeto").json["values"][str(country.id("11053"))][0] == 120


def test_a_hazard_that_is_not_counted_is_drawn_and_nobody_is_said_to_be_exposed_or_not(client, country, change):
    def add(session):
        event = a_version(session, country, Kind.FLOOD_EXTENT, "Maj 2014", event="Maj 2014")
        event.producer = "Copernicus EMS"

    change(add)
    data = client.get("/op/map/exposure.json?hazard=flood-maj-2014").json
    assert [one["id"] for one in data["overlays"]] == [str(country.versions["Maj 2014"].id)]
    assert {tuple(value) for value in data["values"].values()} == {(None, None)}
    assert "drawn, but not counted" in data["summary"]
    assert "Copernicus EMS" in data["rests"]
    assert "Copernicus EMS" in data["legend"]
    table = client.get("/op/table?hazard=flood-maj-2014").text
    assert "NOT MODELLED" in table
    assert "Copernicus EMS" in table
    assert client.get("/op/map/exposure.json").json["choice"] == "flood-100"  # what is counted comes first


def test_the_layers_page_says_in_plain_words_what_was_found(client, country, change):
    finding = {
        "code": "invalid",
        "text": "{count} geometries were invalid and were repaired.",
        "parameters": {"count": 98},
    }
    change(lambda session: a_version(session, country, Kind.RIVERS, "Rijeke", findings=[finding]))
    page = client.get("/op/layers").text
    assert "Rijeke" in page
    one = client.get(f"/op/layers/{country.versions['Rijeke'].id}").text
    assert "98 geometries were invalid and were repaired." in one
    assert "CC BY 4.0" in one


def test_a_refused_layer_says_why(client, country, change):
    def refuse(session):
        version = a_version(session, country, Kind.ROADS, "Ceste", state=State.REFUSED)
        version.refusal = told(WrongFormat(file="ceste.zip", expected=N_("a CSV file")))

    change(refuse)
    address = f"/op/layers/{country.versions['Ceste'].id}"
    assert "ceste.zip is not a CSV file; convert it first." in client.get(address).text
    client.set_cookie("language", "bs")
    assert "ceste.zip nije CSV datoteka; najprije je pretvorite." in client.get(address).text


def test_a_layer_that_is_not_there_is_not_found(client, country):
    assert client.get(f"/op/layers/{country.id('11053')}").status_code == 404
    assert client.get(f"/op/areas/{country.versions['Općine'].id}").status_code == 404
    assert "nothing at this address" in client.get("/nowhere").text


def test_jobs_that_wait_are_named_and_can_be_stopped(client, country, change):
    from app.jobs import queue

    def wait(session):
        a_version(session, country, Kind.ROADS, "Ceste", state=State.RECEIVED)
        version = country.versions["Ceste"]
        connection = session.connection().connection.driver_connection
        queue.configure_task("layer.read_in", allow_unknown=True, connection=connection).defer(
            version_id=str(version.id)
        )

    assert "Nothing is waiting" in client.get("/op/jobs").text
    change(wait)
    page = client.get("/op/jobs").text
    assert "Ceste" in page
    assert "waiting" in page
    answer = client.post(f"/op/jobs/{country.versions['Ceste'].id}/cancel")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/op/jobs")
    assert "withdrawn" in client.get(f"/op/layers/{country.versions['Ceste'].id}").text


def test_a_form_from_another_site_is_refused(client, country):
    path = f"/op/jobs/{country.versions['Općine'].id}/cancel"
    assert client.post(path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.post(path, headers={"Origin": "http://evil.example"}).status_code == 403


def test_the_portable_map_fetches_nothing(client):
    answer = client.get("/op/map/portable.html?hazard=flood-100")
    page = answer.text
    assert not re.findall(r"(?:src|href)=[\"'](?!data:)[^\"'#]", page.split("<script", 1)[0])
    assert not re.findall(r"<script[^>]+src|<link[^>]+href|url\(\s*['\"]?http|@import", page)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy.split("script-src", 1)[1].split(";", 1)[0]


def test_the_picture_links_every_municipality(client, country):
    picture = client.get("/op/map/picture.svg").text
    assert picture.count("<path d=") == 9
    assert f"/op/areas/{country.id('11053')}" in picture


def test_pages_are_packed_for_those_who_can_unpack(client):
    answer = client.get("/op/table", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in client.get("/op/table", headers={"Accept-Encoding": "gzip;q=0"}).headers
