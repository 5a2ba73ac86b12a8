"""The pages for administrators and approvers in a real Chromium: nothing sticks out, and axe finds nothing."""

import os
import threading

import pytest
from playwright.sync_api import sync_playwright
from werkzeug.serving import make_server

from app.factory import create_app
from app.identity import COOKIE
from foundation.roles import Role
from tests.app.builders_map import close
from tests.app.builders_people import a_signed_in_person
from tests.app.test_browser import AXE, CHROMIUM, FLAGS, NARROW, WIDE

PAGES = [
    "/admin/organisations",
    "/admin/organisations/new",
    "/admin/figures",
    "/admin/figures/new",
    "/admin/machine",
    "/op/organisation",
    "/status",
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="the distribution's chromium is not installed"),
]


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1280", "360"])
@pytest.mark.parametrize("language", ["bs", "en"])
def test_the_pages_fit_and_are_accessible(country, size, language):
    app = create_app(country.settings)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    secret = a_signed_in_person(country.settings, Role.ADMINISTRATOR, Role.APPROVER, Role.DUTY_OFFICER)
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    wrong = []
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS + root)
            context = browser.new_context(viewport=size, bypass_csp=True)
            cookies = {"language": language, COOKIE: secret}
            context.add_cookies([{"name": name, "value": value, "url": address} for name, value in cookies.items()])
            page = context.new_page()
            page.on("pageerror", lambda error: wrong.append(str(error)))
            paths = list(PAGES)
            page.goto(f"{address}/admin/figures")
            paths.append(page.locator("table.data tbody th a").first.get_attribute("href"))
            for path in paths:
                assert page.goto(address + path).status == 200, path
                overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                if overflow > 0:
                    wrong.append(f"{path}: {overflow} px too wide")
                page.add_script_tag(path=AXE)
                found = page.evaluate("axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']})")
                wrong += [f"{path}: {one['id']} {one['nodes'][0]['html']}" for one in found["violations"]]
            browser.close()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        close(app)
    assert wrong == []
