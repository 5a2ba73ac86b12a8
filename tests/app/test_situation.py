"""The situation map: one file, everything in it, nothing fetched."""

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
import shapely
from geoalchemy2 import WKTElement
from playwright.sync_api import expect, sync_playwright

from app.db import Database
from app.factory import create_app
from app.pages.records import Maker
from app.pages.situation import situation_map
from app.pages.view import look
from foundation.roles import Role
from foundation.spaces import OPERATIONAL_SPACE_ID
from layers import declaring, feeds, warning_store
from layers.catalogue import Kind
from layers.declaring import IncidentFacts
from layers.features import Feature
from layers.incidents import IncidentKind
from tests.app.builders_map import NOON, a_version, close
from tests.app.builders_people import signed_in
from tests.layers.builders_cap import a_message, an_area_xml, an_info
from tests.layers.builders_field import DUTY, a_station, enter

CHROMIUM = Path("/usr/bin/chromium")
EVIL = "</script><img src=x onerror=document.title='broken'>{{ 7 * 7 }}`${1}"


def a_field(session, country, name="Doboj"):
    """Around now: a gauge past regular defence (which proposes an incident), a silent one, a warning, an incident."""
    now = datetime.now(UTC).replace(microsecond=0)
    doboj = country.areas["20141"].id
    station = a_station(session, session.merge(country.areas["20141"]), name=name, lon=17.15, lat=44.45)
    enter(session, station, 400, 412, first=now - timedelta(hours=1), at=now)
    silent = a_station(
        session, session.merge(country.areas["11053"]), code="BOS-MAGLAJ", name="Maglaj", lon=17.45, lat=44.45
    )
    enter(session, silent, 200, first=now - timedelta(days=3), at=now - timedelta(days=3))
    square = an_area_xml(polygon="44.1,17.1 44.1,17.3 44.3,17.3 44.3,17.1 44.1,17.1", description=escape(name))
    times = {"onset": now.isoformat(), "expires": (now + timedelta(hours=6)).isoformat()}
    message = a_message(an_info(areas=square, headline=f"Flood {name}", **times), sent=now.isoformat())
    received = feeds.read(message.encode(), "warning.xml")
    assert received.alerts
    warning_store.store(session, OPERATIONAL_SPACE_ID, received.alerts, source="warning.xml", by=DUTY, at=now)
    facts = IncidentFacts(IncidentKind.FLOOD, f"Bosna {name}", municipalities=frozenset({doboj}))
    declaring.propose(session, OPERATIONAL_SPACE_ID, facts, by=DUTY, at=now)


@pytest.fixture
def made(country):
    """A function: the page of the small country, in English."""
    app = create_app(country.settings)
    database = Database(country.settings, pool_size=1)

    def make(band=None, query="hazard=flood-100"):
        maker = Maker("Amra Hodžić, CZ Maglaj", datetime(2026, 5, 15, 8, 10, tzinfo=UTC), band)
        with (
            app.test_request_context(f"/op/map?{query}", headers={"Cookie": "language=en"}),
            database.transaction(OPERATIONAL_SPACE_ID) as session,
        ):
            return situation_map(session, look(session), maker)[0]

    yield make
    database.close()
    close(app)


def test_the_file_names_hazard_classes_sources_maker_and_what_is_not_modelled(made):
    page = made()
    for words in (
        "Flood · return period 100 years",
        "water from 0.3 m deep",
        "NOT MODELLED",
        "Agencija za vode, 2013 (model). CC BY 4.0",
        "Amra Hodžić, CZ Maglaj",
        "landslides",
        "Flood depth (m)",
        "data:image/png;base64,",
    ):
        assert words in page, words


def test_nothing_in_the_file_is_fetched_from_anywhere(made):
    page = made()
    assert not re.findall(r"<script[^>]+src|<link[^>]+href|url\(\s*['\"]?http|@import", page)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page).group(1)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-inline" not in policy.split("script-src", 1)[1].split(";", 1)[0]
    assert len(page) < 3_000_000


def test_gauges_warnings_and_incidents_of_the_space_lie_over_it(made, country, change):
    change(lambda session: a_field(session, country))
    page = made()
    for words in ("Doboj (Bosna)", "412 cm", "STALE", "Flood Doboj", "severe", " Bosna Doboj", "proposed"):
        assert words in page, words


def test_what_happens_in_the_real_world_is_not_on_an_exercises_map(made, country, change, client):
    change(lambda session: a_field(session, country))
    app = create_app(country.settings)
    player = signed_in(app.test_client(), country.settings, Role.PLAYER, exercise="sava-2026")
    player.set_cookie("language", "en")
    page = player.get("/ex/sava-2026/files/situation.html?hazard=flood-100").text
    assert " Bosna Doboj" not in page
    assert "412 cm" not in page
    assert " Bosna Doboj" in client.get("/op/files/situation.html?hazard=flood-100").text
    close(app)


def test_a_warning_whose_place_nobody_knows_is_said_in_words(made, country, change):
    def load(session):
        now = datetime.now(UTC).replace(microsecond=0)
        area = an_area_xml(polygon=None, description="Somewhere")
        times = {"onset": now.isoformat(), "expires": (now + timedelta(hours=6)).isoformat()}
        message = a_message(an_info(areas=area, headline="Flash flood", **times), sent=now.isoformat())
        alerts = feeds.read(message.encode(), "warning.xml").alerts
        warning_store.store(session, OPERATIONAL_SPACE_ID, alerts, source="warning.xml", by=DUTY, at=now)

    change(load)
    assert "Warning without a known place: Flash flood (severe)." in made()


def test_text_of_files_and_of_other_layers_cannot_break_out(made, country, change):
    change(lambda session: a_field(session, country, name=EVIL))
    change(lambda s: setattr(s.merge(country.areas["11053"]), "name", EVIL))
    change(lambda s: setattr(s.merge(country.versions["Poplava 1/100"]), "producer", EVIL))
    page = made(band=f"EXERCISE {EVIL}")
    assert "<img src=x" not in page
    assert page.count("</script>") == page.count("<script")


def test_rivers_fires_facilities_and_minefields_lie_over_it(made, country, change):
    def load(session):
        for kind, name, place, category in (
            (Kind.RIVERS, "Rijeke", "LINESTRING (17.1 44.9, 17.4 44.2)", "river"),
            (Kind.ACTIVE_FIRES, "VIIRS", "POINT (17.2 44.4)", None),
            (Kind.FACILITIES, "Objekti", "POINT (17.5 44.5)", "hospital"),
            (Kind.VETO_AREAS, "BHMAC", "POLYGON ((17.6 44.6, 17.7 44.6, 17.7 44.7, 17.6 44.6))", None),
        ):
            version = a_version(session, country, kind, name)
            session.add(
                Feature(
                    version_id=version.id,
                    number=1,
                    name=f"{name} 1",
                    category=category,
                    observed_at=NOON,
                    properties={},
                    place=WKTElement(place, srid=4326),
                )
            )

    change(load)
    page = made()
    assert "Active fires: VIIRS" in page
    assert "Hospitals, fire stations, civil protection" in page
    assert "Objekti 1" in page
    assert "14 May 2026" in page


def test_the_file_is_saved_under_a_plain_name_with_its_marks(client, country):
    answer = client.get("/op/files/situation.html?hazard=flood-100")
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="spremnost-situation-map-')
    app = create_app(country.settings)
    player = signed_in(app.test_client(), country.settings, Role.PLAYER, exercise="sava-2026")
    player.set_cookie("language", "hr")
    answer = player.get("/ex/sava-2026/files/situation.html?hazard=flood-100")
    assert "-VJEZBA" in answer.headers["Content-Disposition"]
    assert 'class="band">VJEŽBA · sava-2026' in answer.text
    assert 'class="stripes"' in answer.text
    close(app)


def test_an_empty_country_still_gives_a_file(database):
    app = create_app(database)
    client = signed_in(app.test_client(), database)
    assert client.get("/op/files/situation.html").status_code == 200
    close(app)


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM.exists(), reason="the distribution's chromium is not installed")
@pytest.mark.parametrize("size", [(1280, 800), (360, 740)])
def test_the_file_opens_from_a_disk_with_the_network_off(made, tmp_path, size, country, change):
    change(lambda session: a_field(session, country, name=f"Doboj {EVIL}"))
    path = tmp_path / "situation.html"
    path.write_text(made(band="EXERCISE · Sava 2026"))
    with sync_playwright() as playwright:
        root = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--disable-background-networking", "--no-first-run", *root]
        )
        context = browser.new_context(offline=True, viewport={"width": size[0], "height": size[1]})
        page = context.new_page()
        asked, wrong = [], []
        page.on("request", lambda r: asked.append(r.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.goto(path.as_uri())
        expect(page.locator(".leaflet-overlay-pane path")).to_have_count(9)
        expect(page.locator(".leaflet-hazard-pane img")).to_be_visible()
        expect(page.locator(".leaflet-places-pane path")).to_have_count(5)
        assert page.locator(".leaflet-hazard-pane img").evaluate("image => image.naturalWidth") > 100
        expect(page.locator(".band")).to_have_text("EXERCISE · Sava 2026")
        page.locator('.leaflet-places-pane path[fill="#b3261e"][stroke="#1d2733"]').click(force=True)
        expect(page.locator(".leaflet-popup-content")).to_contain_text("412 cm")
        expect(page.locator(".leaflet-popup-content")).to_contain_text("onerror")
        expect(page.locator(".leaflet-control-layers-toggle")).to_have_attribute("title", "Layers")
        page.locator(".leaflet-control-layers-toggle").press("Enter")
        page.get_by_label("Gauges").click(delay=200)
        expect(page.locator(".leaflet-places-pane path")).to_have_count(3)
        assert page.title() != "broken"
        assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
        assert wrong == []
        browser.close()


def test_names_on_the_map_do_not_run_into_each_other(made):
    page = made()
    names = re.findall(r"L\.marker\(\s*\[([\d.]+), ([\d.]+)\]", page)
    assert len(names) == 9
    assert shapely.MultiPoint([(float(lon), float(lat)) for lat, lon in names]).minimum_clearance > 0.05
