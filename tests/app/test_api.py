"""The interface for programs, as a program meets it."""

from datetime import UTC, datetime, timedelta

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from sqlalchemy import select

from app.db import Database
from app.factory import create_app
from foundation.accounts import ApiToken, hash_of, new_secret
from foundation.notices import Notice, notify
from foundation.people import Organisation, Person
from foundation.roles import Role
from foundation.spaces import OPERATIONAL_SPACE_ID as OP
from tests.app.builders_map import close
from tests.app.builders_people import a_signed_in_person

NOW = datetime.now(UTC)


@pytest.fixture
def db(country):
    opened = Database(country.settings, pool_size=2)
    yield opened
    opened.close()


@pytest.fixture
def token(country, db):
    """A token of a duty officer of Maglaj."""
    a_signed_in_person(country.settings, Role.DUTY_OFFICER, name="Amra Hodžić")
    secret = new_secret()
    with db.without_space() as session:
        session.add(
            ApiToken(
                token_hash=hash_of(secret),
                person_id=session.scalars(select(Person.id).where(Person.name == "Amra Hodžić")).one(),
                organisation_id=session.scalars(select(Organisation.id)).one(),
                name="test",
                scopes=["read", "write"],
                made_at=NOW,
                expires_at=NOW + timedelta(days=1),
            )
        )
    return secret


@pytest.fixture
def ask(country, token):
    """A function that asks with the token, in English."""
    app = create_app(country.settings)
    client = app.test_client()

    def ask_(path, method="GET", *, language="en", **more):
        headers = {"Authorization": f"Bearer {token}", "Accept-Language": language, **more.pop("headers", {})}
        client.set_cookie("language", language)
        return client.open(path, method=method, headers=headers, **more)

    ask_.app = app
    yield ask_
    close(app)


def a_notice(db):
    with db.transaction(OP) as session:
        person = session.scalars(select(Person.id).where(Person.name == "Amra Hodžić")).one()
        notify(session, space=OP, people=[person], text="x", parameters={}, path="/", urgent=False, at=NOW)


def test_a_program_acts_for_the_organisation_of_its_token(ask):
    me = ask("/api/v1/op/me").json
    assert (me["name"], me["acting"]["name"], me["acting"]["roles"]) == (
        "Amra Hodžić",
        "Općina Maglaj",
        ["duty_officer"],
    )


def test_without_a_token_the_answer_is_a_problem_in_the_callers_language(ask):
    client = ask.app.test_client()
    client.set_cookie("language", "bs")
    answer = client.get("/api/v1/op/me")
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    assert answer.json["code"] == "NotSignedIn"
    assert "Prvo se prijavite" in answer.json["detail"]


def test_a_revoked_or_expired_token_opens_nothing(ask, db):
    with db.without_space() as session:
        session.scalars(select(ApiToken)).one().expires_at = NOW - timedelta(seconds=1)
    assert ask("/api/v1/op/me").status_code == 401


def test_numbers_are_unrounded_and_null_where_nothing_is_modelled(ask):
    found = {one["code"]: one for one in ask("/api/v1/op/exposure?hazard=flood-100&limit=200").json["items"]}
    assert found["11053"]["exposed"] == pytest.approx(6412, abs=0.5)
    assert found["10847"]["exposed"] is None
    assert found["10847"]["state"] == "not_modelled"
    assert found["11428"]["exposed"] == 0


def test_the_parts_of_a_list_are_the_list(ask):
    whole = [one["code"] for one in ask("/api/v1/op/areas?limit=200").json["items"]]
    parts, path = [], "/api/v1/op/areas?limit=2"
    while path:
        answer = ask(path).json
        assert len(answer["items"]) <= 2
        parts += [one["code"] for one in answer["items"]]
        path = answer["next"]
    assert parts == whole
    assert len(whole) == 9


def test_areas_are_found_by_name_in_either_script(ask):
    assert [one["name"] for one in ask("/api/v1/op/areas?q=samac").json["items"]] == ["Šamac"]
    assert [one["name"] for one in ask("/api/v1/op/areas?q=Шамац").json["items"]] == ["Šamac"]


@pytest.mark.parametrize(
    ("query", "field", "sentence"),
    [
        ("limit=0", "limit", "must be at least 1"),
        ("limit=many", "limit", "must be a whole number"),
        ("level=planet", "level", "must be one of"),
        ("colour=red", "colour", "is not known here"),
    ],
)
def test_a_wrong_query_names_the_field_and_what_it_must_be(ask, query, field, sentence):
    answer = ask(f"/api/v1/op/areas?{query}")
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    (error,) = answer.json["errors"]
    assert error["field"] == field
    assert error["problem"].startswith(sentence)


def test_an_unknown_address_is_a_problem_too(ask):
    for path in ("/api/v1/op/nothing", "/api/v1/ex/nothing/me", "/api/v1/op/exposure?hazard=nothing"):
        answer = ask(path)
        assert (answer.status_code, answer.mimetype) == (404, "application/problem+json"), path


def test_the_same_request_with_the_same_key_is_done_once(ask, db):
    a_notice(db)
    first = ask("/api/v1/op/notices/read", "POST", headers={"Idempotency-Key": "k1"})
    assert (first.status_code, first.json) == (200, {"read": 1})
    a_notice(db)
    again = ask("/api/v1/op/notices/read", "POST", headers={"Idempotency-Key": "k1"})
    assert (again.status_code, again.json) == (200, {"read": 1})
    assert again.headers["Idempotent-Replay"] == "true"
    with db.transaction(OP) as session:
        assert len(session.scalars(select(Notice).where(Notice.read_at.is_(None))).all()) == 1


def test_another_request_with_a_key_that_was_used_is_refused(ask):
    ask("/api/v1/op/notices/read", "POST", headers={"Idempotency-Key": "k1"})
    answer = ask("/api/v1/op/notices/read", "POST", headers={"Idempotency-Key": "k1"}, json={"other": 1})
    assert answer.status_code == 409
    assert "was used for another request" in answer.json["detail"]


def test_the_description_stands_on_a_page_without_a_script(client):
    page = client.get("/api").text
    assert "GET /api/v1/{space}/exposure" in page
    assert client.get("/api/openapi.json").json["openapi"].startswith("3.1")


@pytest.mark.slow
def test_whatever_a_program_sends_the_server_never_fails(ask, token):
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", ask.app)

    for operation in schema.get_all_operations():
        run(operation.ok(), token)


def run(operation, token):
    """Twenty-five odd requests to one operation."""
    from hypothesis import given

    @given(case=operation.as_strategy())
    @settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
    def odd(case):
        case.path_parameters = {**(case.path_parameters or {}), "space": "op"}
        answer = case.call(headers={"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"})
        assert answer.status_code < 500, (case.method, case.path, answer.text)
        if answer.status_code == 200:
            operation.validate_response(answer)

    odd()
