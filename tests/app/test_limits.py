import pytest

from app import limits
from app.factory import create_app
from app.limits import AT_THE_DOOR, LOOKS
from tests.app.builders_map import close

OUTSIDE, OTHER = "203.0.113.7", "203.0.113.8"


def number(limit):
    return int(limit.split()[0])


@pytest.fixture
def client(database):
    app = create_app(database)
    app.config["WTF_CSRF_METHODS"] = set()
    client = app.test_client()
    client.set_cookie("language", "en")
    yield client
    close(app)


def flood(client, path, times, method="POST", address=OUTSIDE):
    found = []
    for _number in range(times):
        with client.open(path, method=method, environ_overrides={"REMOTE_ADDR": address}) as answer:
            found.append(answer.status_code)
    return found


def test_a_flood_at_the_door_is_stopped_and_nobody_elses_way_is(client):
    most = number(AT_THE_DOOR)
    assert 429 not in flood(client, "/sign-in/demo", most)
    answer = client.post("/sign-in/demo", environ_overrides={"REMOTE_ADDR": OUTSIDE})
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "60"
    assert "Too many requests from your address" in answer.text
    assert flood(client, "/sign-in/demo", 1, address=OTHER) == [403]
    assert flood(client, "/sign-in/demo", most + 5, address="127.0.0.1") == [403] * (most + 5)


def test_looking_is_limited_more_widely_and_tiles_health_and_files_are_not(client, monkeypatch):
    assert int(LOOKS.split()[0]) > 10 * number(AT_THE_DOOR)
    monkeypatch.setattr(limits, "LOOKS", "80 per minute")
    assert 429 not in flood(client, "/language/en", 80, method="GET")
    assert flood(client, "/sign-in", 1, method="GET") == [429]
    for path in ("/health/live", "/static/tokens.css"):
        assert flood(client, path, 3, method="GET") == [200] * 3
