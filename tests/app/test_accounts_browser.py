"""Accounts and administration in a real Chromium: accessible, nothing cut off, and usable without a script."""

import os
import re
import threading

import pyotp
import pytest
from playwright.sync_api import expect, sync_playwright
from werkzeug.serving import make_server

from app.db import Database
from app.factory import create_app
from foundation.mails import Mail
from foundation.roles import Role
from foundation.spaces import OPERATIONAL_SPACE_ID as OP
from tests.app.builders_accounts import PASSWORD, a_person
from tests.app.builders_map import close
from tests.app.test_browser import CHROMIUM, FLAGS, NARROW, WIDE, violations

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="the distribution's chromium is not installed"),
]
SHOTS = os.environ.get("SHOTS")


@pytest.fixture
def db(database):
    opened = Database(database, pool_size=2)
    yield opened
    opened.close()


@pytest.fixture
def address(database):
    app = create_app(database)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
    close(app)


@pytest.fixture
def browser():
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS + root)
        yield started
        started.close()


def look(page, name):
    """Nothing is inaccessible, and nothing sticks out to the side."""
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)
    assert violations(page) == "[]", name
    wide, there = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= there, name


def sign_in(page, address):
    page.goto(f"{address}/sign-in")
    page.locator("#email").fill("ana@x.example")
    page.locator("#password").fill(PASSWORD)
    page.locator("form.form button").click()


@pytest.mark.parametrize(("size", "language"), [(NARROW, "bs"), (WIDE, "en")], ids=["360-bs", "1280-en"])
def test_every_page_of_accounts_and_administration_is_accessible_and_works_without_a_script(
    browser, address, db, size, language
):
    a_person(db, Role.ADMINISTRATOR, Role.DUTY_OFFICER, name="Ana Administrator", email="ana@x.example")
    other = a_person(db, Role.DUTY_OFFICER, Role.APPROVER, name="Željko Đurić", email="zeljko@maglaj.example")
    name = f"{size['width']}-{language}"
    context = browser.new_context(viewport=size, java_script_enabled=True)
    context.add_cookies([{"name": "language", "value": language, "url": address}])
    page = context.new_page()
    page.goto(f"{address}/forgot")
    look(page, f"forgot-{name}")
    page.locator("#email").fill("zeljko@maglaj.example")
    page.locator("form.form button").click()
    sign_in(page, address)

    page.goto(f"{address}/admin/people/new")
    look(page, f"invite-{name}")
    page.locator("#name").fill("Amra Hodžić")
    page.locator("#email").fill("zeljko@maglaj.example")
    page.locator("#organisation").select_option(index=1)
    page.locator("input[value=custodian]").check()
    page.locator("form.form button").click()
    look(page, f"invite-refused-{name}")
    page.locator("#email").fill("amra@maglaj.example")
    page.locator("form.form button").click()
    link = re.search(r"/join/\S+", page.locator("main pre").inner_text()).group(0)
    look(page, f"invited-{name}")

    with db.transaction(OP) as session:
        mail = session.query(Mail).first()
    for path in (
        "/admin/people",
        f"/admin/people/{other.id}",
        "/admin/mails",
        f"/admin/mails/{mail.id}",
        "/admin/audit",
        "/admin/settings",
        "/account",
        "/account/code",
        "/account/tokens",
    ):
        page.goto(address + path)
        look(page, f"{path.replace('/', '-').replace(str(other.id), 'one').replace(str(mail.id), 'one')}-{name}")

    page.goto(f"{address}/account/code")
    page.locator("#present").fill(PASSWORD)
    page.locator("form.form button").click()
    look(page, f"code-begun-{name}")
    phone = pyotp.TOTP("".join(page.locator(".key").inner_text().split()))
    page.locator("#code").fill(phone.now())
    page.locator("form.form button").click()
    look(page, f"codes-{name}")
    recovery = page.locator(".codes code").first.inner_text()
    page.goto(f"{address}/account")
    page.locator("main details summary").first.click()
    look(page, f"account-open-{name}")
    context.close()

    silent = browser.new_context(viewport=size, java_script_enabled=False)
    silent.add_cookies([{"name": "language", "value": "en", "url": address}])
    page = silent.new_page()
    sign_in(page, address)
    page.locator("#code").fill(recovery)
    page.locator("form.form button").click()
    expect(page).to_have_url(re.compile(r"/op/?$"))
    page.goto(f"{address}/sign-in")
    silent.close()

    silent = browser.new_context(viewport=size, java_script_enabled=False)
    page = silent.new_page()
    page.goto(address + link)
    page.locator("#password").fill("pet bijelih golubova leti")
    page.locator("#again").fill("pet bijelih golubova leti")
    page.locator("form.form button").click()
    expect(page).to_have_url(re.compile("/sign-in"))
    silent.close()
