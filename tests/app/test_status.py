from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from app.factory import create_app
from app.settings import libpq_url
from app.status import look
from foundation.roles import Role
from tests.app.builders_map import close
from tests.app.builders_people import signed_in

NOON = datetime(2026, 5, 14, 12, tzinfo=UTC)


def heartbeat(settings, at):
    with psycopg.connect(libpq_url(settings.database_url)) as connection:
        connection.execute("INSERT INTO procrastinate.procrastinate_workers (last_heartbeat) VALUES (%s)", [at])


def test_a_migrated_database_without_a_worker_misses_the_worker(database):
    assert look(database, NOON).missing == ("worker",)


def test_a_worker_counts_for_as_long_as_its_heart_beats(database):
    heartbeat(database, NOON)
    assert look(database, NOON + timedelta(seconds=30)).missing == ()
    assert look(database, NOON + timedelta(seconds=31)).missing == ("worker",)


def test_an_empty_database_misses_its_migrations(empty_database):
    assert look(empty_database, NOON).missing == ("migrations", "worker")


@pytest.fixture
def client(database):
    app = create_app(replace(database, demo=True))
    yield app.test_client()
    close(app)


def test_ready_names_what_is_missing(client, database):
    assert client.get("/health/ready").status_code == 503
    heartbeat(database, datetime.now(UTC))
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json) == (200, {"status": "ready", "missing": []})


@pytest.fixture
def unreachable(database):
    return replace(database, database_url="postgresql+psycopg://nobody@127.0.0.1:1/nothing")


def test_without_a_database_the_process_lives_but_is_not_ready(unreachable):
    client = create_app(unreachable).test_client()
    assert client.get("/health/live").status_code == 200
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json["missing"]) == (503, ["database"])


def test_the_page_says_plainly_what_is_wrong(unreachable):
    client = create_app(unreachable).test_client()
    client.set_cookie("language", "en")
    page = client.get("/status")
    assert page.status_code == 200
    assert "Not ready. Whoever runs this server sees why." in page.text
    assert "127.0.0.1:1" not in page.text


def test_the_page_names_versions_and_the_demo_to_administrators(client, database):
    signed_in(client, database, Role.ADMINISTRATOR)
    client.set_cookie("language", "en")
    page = client.get("/status").text
    assert "PostGIS" in page
    assert "Not ready: worker." in page
    assert "last seen" not in page
    heartbeat(database, datetime.now(UTC))
    assert "last seen 0 s ago" in client.get("/status").text


@pytest.mark.parametrize("role", [None, Role.DUTY_OFFICER])
def test_everybody_else_learns_only_whether_it_runs(client, database, role):
    if role:
        signed_in(client, database, role)
    client.set_cookie("language", "en")
    assert "Not ready. Whoever runs this server sees why." in client.get("/status").text
    heartbeat(database, datetime.now(UTC))
    page = client.get("/status").text
    assert "Ready." in page
    for detail in ("PostGIS", "PostgreSQL", "Demo", "last seen", "worker"):
        assert detail not in page


@pytest.mark.parametrize("path", ["/", "/health/live", "/static/spremnost.css", "/nothing-here"])
def test_every_answer_carries_the_security_headers(database, path):
    with create_app(database).test_client().get(path) as answer:
        headers = answer.headers
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
