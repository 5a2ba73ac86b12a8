"""The measures for a Prometheus server."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.factory import create_app
from app.settings import CHECKOUT
from tests.app.builders_map import close

pytestmark = pytest.mark.slow

KEY = "only for tests " * 3


def measures(text):
    """(name, labels) -> value."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def served(database):
    app = create_app(database)
    yield app.test_client()
    close(app)


def test_requests_are_counted_by_page_method_and_answer(served):
    name = ("spremnost_requests_total", (("endpoint", "health.live"), ("method", "GET"), ("status", "200")))
    before = measures(served.get("/metrics").text).get(name, 0)
    for _ in range(3):
        served.get("/health/live")
    found = measures(served.get("/metrics").text)
    assert found[name] == before + 3
    assert found[("spremnost_request_seconds_count", (("endpoint", "health.live"),))] >= 3


def test_addresses_that_lead_nowhere_do_not_each_get_a_measure(served):
    for number in range(5):
        served.get(f"/nothing-{number}")
    text = served.get("/metrics").text
    assert "nothing-" not in text
    assert (
        measures(text)[("spremnost_requests_total", (("endpoint", "none"), ("method", "GET"), ("status", "404")))] >= 5
    )


def test_what_waits_and_what_is_reached_is_told(served):
    found = measures(served.get("/metrics").text)
    assert found[("spremnost_database_up", ())] == 1
    assert found[("spremnost_schema_newest", ())] == 1
    assert found[("spremnost_jobs", (("state", "todo"),))] == 0
    assert found[("spremnost_mails", (("state", "waiting"),))] == 0
    assert 0 < found[("spremnost_disk_free_bytes", ())] <= found[("spremnost_disk_total_bytes", ())]


def test_a_dead_database_is_told_and_what_it_knew_is_missing_rather_than_0(database):
    app = create_app(replace(database, database_url="postgresql+psycopg://nobody@127.0.0.1:1/nothing"))
    found = measures(app.test_client().get("/metrics").text)
    assert found[("spremnost_database_up", ())] == 0
    assert not any(name == "spremnost_jobs" for name, _ in found)


def test_without_a_key_only_this_machine_sees_them(served):
    assert served.get("/metrics").status_code == 200
    assert served.get("/metrics", environ_base={"REMOTE_ADDR": "192.168.1.7"}).status_code == 404
    assert served.get("/metrics", headers={"X-Forwarded-For": "192.168.1.7"}).status_code == 404
    assert served.get("/metrics", headers={"Host": "spremnost.example"}).status_code == 404


def test_with_a_key_whoever_has_it_sees_them_and_nobody_else(database):
    app = create_app(replace(database, metrics_key=KEY.strip()))
    client = app.test_client()
    far = {"REMOTE_ADDR": "192.168.1.7"}
    headers = {"Authorization": f"Bearer {KEY.strip()}"}
    assert client.get("/metrics", environ_base=far, headers=headers).status_code == 200
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 404
    close(app)


def test_several_processes_add_up(tmp_path):
    count = "from app import metrics; metrics.note('x', 'GET', 200, 0.1)"
    show = (
        "from prometheus_client import CollectorRegistry, generate_latest, multiprocess as m; "
        "r = CollectorRegistry(); m.MultiProcessCollector(r); print(generate_latest(r).decode())"
    )
    environ = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for code in (count, count, show):
        done = subprocess.run(
            [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True, cwd=CHECKOUT
        )
    labels = (("endpoint", "x"), ("method", "GET"), ("status", "200"))
    assert measures(done.stdout)[("spremnost_requests_total", labels)] == 2
