"""Signing in by another server: a real one, on this machine, that can be told to lie."""

import threading
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from flask import Flask, jsonify, redirect, request
from joserfc import jwt
from joserfc.jwk import RSAKey
from sqlalchemy import select
from werkzeug.serving import make_server

from app.db import Database
from app.factory import create_app
from foundation.accounts import ExternalIdentity
from foundation.audit import entries
from foundation.people import Person
from foundation.roles import Role
from foundation.spaces import OPERATIONAL_SPACE_ID as OP
from tests.app.builders_accounts import a_person
from tests.app.builders_map import close

pytestmark = pytest.mark.slow

CLIENT, SECRET = "spremnost", "tajna"


@dataclass
class Provider:
    """What the other server says. lies: claims that it puts over the true ones; None leaves one out."""

    address: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "1"}))
    signs_with: RSAKey | None = None
    email: str = "amra@maglaj.example"
    verified: bool = True
    subject: str = "42"
    lies: dict = field(default_factory=dict)
    says_it_is: str = ""
    nonces: dict = field(default_factory=dict)
    challenges: dict = field(default_factory=dict)

    def token(self, nonce):
        """The signed claims."""
        now = int(time.time())
        claims = {
            "iss": self.address,
            "aud": CLIENT,
            "sub": self.subject,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "email": self.email,
            "email_verified": self.verified,
        } | self.lies
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode({"alg": "RS256", "kid": "1"}, claims, self.signs_with or self.key)


def the_server(provider):
    app = Flask("provider")

    @app.get("/.well-known/openid-configuration")
    def configuration():
        return jsonify(
            issuer=provider.says_it_is or provider.address,
            authorization_endpoint=f"{provider.address}/authorize",
            token_endpoint=f"{provider.address}/token",
            jwks_uri=f"{provider.address}/keys",
        )

    @app.get("/keys")
    def keys():
        return jsonify(keys=[provider.key.as_dict(private=False)])

    @app.get("/authorize")
    def authorize():
        assert request.args["response_type"] == "code"
        assert request.args["code_challenge_method"] == "S256"
        code = f"code-{len(provider.nonces)}"
        provider.nonces[code] = request.args["nonce"]
        provider.challenges[code] = request.args["code_challenge"]
        return redirect(f"{request.args['redirect_uri']}?code={code}&state={request.args['state']}")

    @app.post("/token")
    def token():
        given = request.authorization
        code = request.form["code"]
        if given is None or (given.username, given.password) != (CLIENT, SECRET) or code not in provider.nonces:
            return jsonify(error="invalid_client"), 401
        if create_s256_code_challenge(request.form["code_verifier"]) != provider.challenges[code]:
            return jsonify(error="invalid_grant"), 400
        answer = {"access_token": "x", "token_type": "Bearer", "id_token": provider.token(provider.nonces.pop(code))}
        return jsonify(answer)

    return app


@pytest.fixture
def provider():
    made = Provider()
    server = make_server("127.0.0.1", 0, the_server(made), threaded=True)
    made.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def db(database):
    opened = Database(database, pool_size=2)
    yield opened
    opened.close()


@pytest.fixture
def client(database, provider):
    settings = replace(
        database,
        url="http://spremnost.example",
        oidc_issuer=provider.address,
        oidc_client_id=CLIENT,
        oidc_client_secret=SECRET,
    )
    app = create_app(settings)
    client = app.test_client()
    client.set_cookie("language", "en")
    yield client
    close(app)


def go(client, next_="/op/table"):
    """There and back; gives the answer to whoever comes back."""
    sent = client.get("/sign-in/other", query_string={"next": next_})
    assert sent.status_code == 302, sent.text
    back = requests.get(sent.headers["Location"], allow_redirects=False, timeout=10).headers["Location"]
    parts = urlsplit(back)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == "http://spremnost.example/sign-in/other/back"
    return client.get(f"{parts.path}?{parts.query}")


def test_an_invited_person_comes_in_by_a_verified_address_and_later_by_the_link(client, provider, db):
    person = a_person(db, Role.DUTY_OFFICER, password=None)
    assert "/sign-in/other" in client.get("/sign-in").text
    answer = go(client)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/op/table")
    assert client.get("/op/jobs").status_code == 200
    with db.transaction(OP) as session:
        linked = session.scalars(select(ExternalIdentity)).one()
        assert (linked.subject, linked.person_id) == ("42", person.id)
        assert {"person.linked", "person.signed_in"} <= {e.action for e in entries(session, space=OP)}
    provider.email, provider.verified = "another@elsewhere.example", False
    client.delete_cookie("spremnost")
    assert go(client).status_code == 303


@pytest.mark.parametrize(
    ("email", "verified"),
    [("nobody@maglaj.example", True), ("amra@maglaj.example", False), ("amra@maglaj.example", "true"), ("", True)],
)
def test_whoever_was_not_invited_or_has_no_verified_address_stays_out(client, provider, db, email, verified):
    a_person(db, password=None)
    provider.email, provider.verified = email, verified
    answer = go(client)
    assert answer.status_code == 422
    assert "was invited here" in answer.text
    assert client.get("/op/table").status_code in (302, 401)
    with db.without_space() as session:
        assert session.scalars(select(ExternalIdentity)).all() == []


@pytest.mark.parametrize(
    "lies",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"iss": "https://evil.example"},
        {"aud": "another client"},
        {"aud": [CLIENT, "another client"]},
        {"aud": None},
        {"exp": 1_700_000_000},
        {"exp": None},
        {"iat": None},
        {"sub": None},
    ],
    ids=str,
)
def test_what_does_not_hold_is_refused(client, provider, db, lies):
    a_person(db, password=None)
    provider.lies = lies
    answer = go(client)
    assert answer.status_code == 422
    assert "did not work" in answer.text
    assert client.get("/op/table").status_code in (302, 401)


def test_what_another_key_signed_is_refused(client, provider, db):
    a_person(db, password=None)
    provider.signs_with = RSAKey.generate_key(2048, {"kid": "1"})
    assert go(client).status_code == 422


def test_another_browsers_answer_or_one_that_nobody_asked_for_is_refused(client, provider, db):
    a_person(db, password=None)
    assert client.get("/sign-in/other/back?code=code-0&state=x").status_code == 422
    sent = client.get("/sign-in/other")
    back = requests.get(sent.headers["Location"], allow_redirects=False, timeout=10).headers["Location"]
    query = parse_qs(urlsplit(back).query)
    wrong = {"code": query["code"][0], "state": "another"}
    assert client.get("/sign-in/other/back", query_string=wrong).status_code == 422
    right = wrong | {"state": query["state"][0]}
    assert client.get("/sign-in/other/back", query_string=right).status_code == 422  # it was used up by the wrong one


def test_an_answer_comes_in_once(client, provider, db):
    a_person(db, password=None)
    sent = client.get("/sign-in/other")
    back = urlsplit(requests.get(sent.headers["Location"], allow_redirects=False, timeout=10).headers["Location"])
    assert client.get(f"{back.path}?{back.query}").status_code == 303
    assert client.get(f"{back.path}?{back.query}").status_code == 422


def test_a_server_that_says_it_is_another_one_is_not_trusted(client, provider, db):
    provider.says_it_is = "https://evil.example"
    answer = client.get("/sign-in/other")
    assert answer.status_code == 422
    assert "did not work" in answer.text


def test_whoever_is_deactivated_does_not_come_in_by_the_link_either(client, provider, db):
    person = a_person(db, password=None)
    assert go(client).status_code == 303
    client.delete_cookie("spremnost")
    with db.without_space() as session:
        session.get(Person, person.id).deactivate(at=datetime.now(UTC))
    assert go(client).status_code == 422


def test_it_leads_to_pages_of_ours_only(client, provider, db):
    a_person(db, password=None)
    assert go(client, "https://evil.example").headers["Location"] == "/"


def test_without_another_server_there_is_no_such_page(database):
    app = create_app(database)
    client = app.test_client()
    assert client.get("/sign-in/other").status_code == 404
    assert client.get("/sign-in/other/back").status_code == 404
    assert "/sign-in/other" not in client.get("/sign-in").text
    close(app)
