"""The pages as people meet them: a real server, a real Chromium, wide and narrow, in both languages."""

import os
import re
import threading
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright
from werkzeug.serving import make_server

from app.factory import create_app
from app.identity import COOKIE
from app.layer_jobs import read_in_later
from app.settings import CHECKOUT
from foundation.roles import Role
from layers.catalogue import Kind, Method, State
from tests.app.builders_map import a_hazard, a_version, close
from tests.app.builders_people import a_signed_in_person

CHROMIUM = Path("/usr/bin/chromium")
AXE = CHECKOUT / "tests/vendor/axe-core-4.14.1/axe.min.js"
FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
]
WEBGL = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
WITHOUT_WEBGL = ["--disable-3d-apis"]
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
SIZES = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1280", "360"])
PAGES = [
    "/op/map",
    "/op/table",
    "/op/files/map?table=1",
    "/op/risk",
    "/op/risk/new",
    "/op/layers",
    "/op/jobs",
    "/status",
    "/nowhere",
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="the distribution's chromium is not installed"),
]


@pytest.fixture(scope="module")
def chromiums():
    """Two browsers, started when first asked for: with WebGL and without."""
    # The server has no business with anybody's proxy.
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = {}

        def start(webgl=True):
            if webgl not in started:
                arguments = FLAGS + root + (WEBGL if webgl else WITHOUT_WEBGL)
                started[webgl] = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
            return started[webgl]

        yield start
        for browser in started.values():
            browser.close()


@pytest.fixture
def address(country):
    """Where the small country is served."""
    app = create_app(country.settings)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
    close(app)


@pytest.fixture
def visit(chromiums, address, country):
    """A function that opens a page for a duty officer; at the end nothing may have gone wrong in any of them."""
    contexts, wrong = [], []
    secret = a_signed_in_person(country.settings, Role.DUTY_OFFICER)

    def open_(path, *, size=WIDE, language="bs", webgl=True, **options):
        context = chromiums(webgl).new_context(viewport=size, **options)
        contexts.append(context)
        cookies = {"language": language, COOKIE: secret}
        context.add_cookies([{"name": name, "value": value, "url": address} for name, value in cookies.items()])
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(f"{path}: {error}"))
        page.on("console", lambda said: wrong.append(f"{path}: {said.text}") if said.type == "error" else None)
        page.on("request", lambda r: None if r.url.startswith((address, "data:", "blob:")) else wrong.append(r.url))
        page.goto(address + path)
        return page

    yield open_
    for context in contexts:
        context.close()
    # Answers that a test asks for.
    assert [w for w in wrong if not re.search(r"404 \(NOT FOUND\)|503 \(Service", w)] == []


def drawn(page, hazard="flood-100"):
    """Wait until the map is drawn with that hazard."""
    expect(page.locator(f'#map[data-drawn="{hazard}"]')).to_be_attached(timeout=30_000)


def violations(page):
    """What axe-core finds wrong; it is put in past the page's policy, which lets in no scripts but ours."""
    session = page.context.new_cdp_session(page)
    session.send("Runtime.evaluate", {"expression": AXE.read_text()})
    found = session.send(
        "Runtime.evaluate",
        {
            "expression": "axe.run().then(run => JSON.stringify("
            "run.violations.map(found => [found.id, found.nodes.map(node => node.html)])))",
            "awaitPromise": True,
            "returnByValue": True,
        },
    )
    return found["result"].get("value", found)


def test_the_jobs_page_keeps_itself_up_to_date_and_says_when_it_cannot(visit, change, country):
    page = visit("/op/jobs", language="en")
    expect(page.get_by_text("Nothing is waiting, running or has failed.")).to_be_visible()
    before = page.get_by_text("Last updated").inner_text()

    def wait(session):
        a_version(session, country, Kind.ROADS, "Ceste", state=State.RECEIVED)
        read_in_later(session, country.versions["Ceste"].id)

    change(wait)
    expect(page.get_by_role("link", name="Ceste")).to_be_visible(timeout=15_000)
    assert page.get_by_text("Last updated").inner_text() != before
    page.route("**/op/jobs", lambda route: route.fulfill(status=503))
    expect(page.get_by_text("The server does not answer; this list is older than it should be.")).to_be_visible(
        timeout=15_000
    )
    expect(page.get_by_role("link", name="Ceste")).to_be_visible()


def test_without_a_script_the_list_of_jobs_is_asked_for_by_a_link(visit):
    page = visit("/op/jobs", language="en", java_script_enabled=False)
    page.get_by_role("link", name="Look again").click()
    expect(page.get_by_text("Last updated")).to_be_visible()


def test_the_map_draws_under_the_strict_policy(visit):
    page = visit("/op/map")
    drawn(page)
    expect(page.locator("#map canvas")).to_be_visible()
    expect(page.locator("#legend")).to_contain_text("NIJE MODELIRANO")
    expect(page.locator("#rests")).to_contain_text("Agencija za vode")


def test_a_click_on_a_municipality_opens_its_card(visit):
    page = visit("/op/map", language="en")
    drawn(page)
    box = page.locator("#map canvas").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator("#card-title")).to_be_visible()
    expect(page.locator("#card")).to_contain_text("Exposed")
    assert re.search(r"area=\d{5}", page.url)


def test_a_municipality_is_found_and_opened_with_the_keyboard_alone(visit):
    page = visit("/op/map", language="en")
    drawn(page)
    page.keyboard.press("/")
    page.keyboard.type("zepce")
    expect(page.get_by_role("option", name="Žepče")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#card-title")).to_have_text("Žepče")
    expect(page.locator("#card-title")).to_be_focused()
    expect(page.locator("#card")).to_contain_text("1,20")
    page.keyboard.press("Escape")
    expect(page.locator("#card")).to_be_hidden()


def test_enter_on_the_map_opens_what_is_in_its_middle(visit):
    page = visit("/op/map?at=44.45,17.45,9", language="en")
    drawn(page)
    page.locator(".maplibregl-canvas").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#card-title")).to_have_text("Maglaj")


def test_another_return_period_changes_map_card_and_address(visit):
    page = visit("/op/map?area=11053", language="en")
    drawn(page)
    expect(page.locator("#card")).to_contain_text("6,412")
    page.get_by_role("radio", name="20", exact=True).check(force=True)
    drawn(page, "flood-20")
    expect(page.locator("#card .figures")).to_contain_text("3,206")
    assert "hazard=flood-20" in page.url
    page.reload()
    drawn(page, "flood-20")
    expect(page.locator("#card-title")).to_have_text("Maglaj")


@pytest.mark.parametrize(
    ("language", "number", "time"),
    [
        ("bs", "1.234.567,5", "13:05:00"),
        ("hr", "1.234.567,5", "13:05:00"),
        ("sr_Latn_BA", "1.234.567,5", "13:05:00"),
        ("sr_Cyrl_BA", "1.234.567,5", "13:05:00"),
        ("en", "1,234,567.5", "13:05:00"),
    ],
)
def test_scripts_write_numbers_and_times_like_the_server(visit, language, number, time):
    page = visit("/nowhere", language=language)
    session = page.context.new_cdp_session(page)
    written = session.send(
        "Runtime.evaluate",
        {
            "expression": "(() => { const l = document.documentElement.dataset.numbers; return ["
            "new Intl.NumberFormat(l, { useGrouping: 'always' }).format(1234567.5), new Intl.DateTimeFormat(l, "
            "{ timeStyle: 'medium', timeZone: 'Europe/Sarajevo' }).format(Date.UTC(2026, 0, 1, 12, 5))].join(' ') })()",
            "returnByValue": True,
        },
    )
    assert written["result"]["value"] == f"{number} {time}"


def test_changing_the_language_keeps_the_view(visit):
    page = visit("/op/map?hazard=flood-20&area=11053")
    drawn(page, "flood-20")
    page.get_by_text("BS ▾").click()
    page.get_by_role("link", name="English").click()
    drawn(page, "flood-20")
    expect(page.locator("#card-title")).to_have_text("Maglaj")
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_fire_danger_is_laid_over_only_when_asked_for(visit, change, country):
    figures = {"11053": (120.0, [5_000.0, 3_000.0, 1_000.0, 100.0, 20.0], True, 0.0)}
    change(lambda s: a_hazard(s, country, country.store, "FWI", kind=Kind.FIRE_DANGER, figures=figures))
    page = visit("/op/map", language="en")
    drawn(page)
    expect(page.locator("#over")).to_be_checked()
    page.get_by_role("radio", name="FWI").check(force=True)
    drawn(page, "fire-fwi")
    expect(page.locator("#over")).not_to_be_checked()


def test_a_server_that_is_gone_is_said_and_the_map_stays(visit):
    page = visit("/op/map", language="en")
    drawn(page)
    page.route("**/op/map/exposure.json*", lambda route: route.fulfill(status=503))
    page.get_by_role("radio", name="20", exact=True).check(force=True)
    expect(page.locator("#say")).to_contain_text("The server does not answer")
    page.unroute("**/op/map/exposure.json*")


@SIZES
@pytest.mark.parametrize("language", ["bs", "en"])
def test_without_webgl_the_portable_map_takes_its_place(visit, size, language):
    page = visit("/op/map", size=size, language=language, webgl=False)
    frame = page.frame_locator("#simple")
    expect(frame.locator("path.leaflet-interactive")).to_have_count(9)
    expect(page.locator("#legend")).to_be_visible()
    page.get_by_role("radio", name="20", exact=True).check(force=True)
    expect(page.locator("#simple")).to_have_attribute("src", re.compile("hazard=flood-20"))


def test_without_scripts_a_drawing_leads_to_every_municipality(visit, country):
    page = visit("/op/map", language="en", java_script_enabled=False)
    frame = page.frame_locator("iframe")
    expect(frame.locator("a")).to_have_count(9)
    frame.locator(f'a[href*="{country.id("20141")}"]').click()
    expect(page.locator("h1")).to_contain_text("Doboj")


def test_the_saved_map_opens_from_a_disk_without_a_network(visit, tmp_path):
    page = visit("/op/map", language="en")
    drawn(page)
    with page.expect_download() as download:
        page.locator("#to-file").click()
    saved = tmp_path / "map.html"
    download.value.save_as(saved)
    page.context.set_offline(True)
    other = page.context.new_page()
    wrong = []
    other.on("requestfailed", lambda request: wrong.append(request.url))
    other.on("pageerror", lambda error: wrong.append(str(error)))
    other.goto(saved.as_uri())
    expect(other.locator("path.leaflet-interactive")).to_have_count(9)
    expect(other.locator(".frame")).to_contain_text("Agencija za vode")
    assert wrong == []


@SIZES
@pytest.mark.parametrize("language", ["bs", "sr_Cyrl_BA", "en"])
def test_no_page_scrolls_sideways_or_hinders_anybody(visit, size, language, change, country):
    change(lambda s: setattr(s.merge(country.versions["Stanovništvo"]), "method", Method.ILLUSTRATIVE))
    for path in [*PAGES, f"/op/areas/{country.id('11053')}", f"/op/layers/{country.versions['Općine'].id}"]:
        page = visit(path, size=size, language=language)
        if path == "/op/map":
            drawn(page)
        session = page.context.new_cdp_session(page)
        wide = session.send(
            "Runtime.evaluate", {"expression": "document.documentElement.scrollWidth", "returnByValue": True}
        )
        assert wide["result"]["value"] <= size["width"], path
        assert violations(page) == "[]", path


@pytest.mark.parametrize("options", [{"color_scheme": "dark"}, {"contrast": "more"}], ids=["dark", "high contrast"])
def test_every_colour_can_be_told_apart(visit, options, country):
    for path in ["/op/map?area=11053", "/op/table", "/op/layers"]:
        page = visit(path, **options)
        if path.startswith("/op/map"):
            drawn(page)
        assert violations(page) == "[]", path


def test_the_table_is_sorted_without_a_script(visit):
    page = visit("/op/table", language="en", java_script_enabled=False)
    page.get_by_role("link", name="Municipality", exact=True).click()
    expect(page.locator("tbody th").first).to_have_text("Brčko")


def test_the_skip_link_is_the_first_stop_and_leads_past_the_navigation(visit):
    page = visit("/op/table", language="en")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
