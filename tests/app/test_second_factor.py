"""The second factor at the door, and tokens of programs."""

import re
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from sqlalchemy import select, update

from app import second_factor
from app.db import Database
from app.errors import WrongCode
from app.factory import create_app
from app.rights import Right, Scope, rights_of_scopes
from foundation.accounts import Account, ApiToken, RecoveryCode, SignInSession
from foundation.audit import entries
from foundation.people import Person
from foundation.roles import Role
from foundation.settings import KEPT
from foundation.spaces import OPERATIONAL_SPACE_ID as OP
from tests.app.builders_accounts import PASSWORD, a_person, csrf, sign_in
from tests.app.builders_map import close
from tests.app.builders_people import signed_in

NOON = datetime(2026, 5, 14, 12, tzinfo=UTC)


@pytest.fixture
def db(database):
    opened = Database(database, pool_size=3)
    yield opened
    opened.close()


@pytest.fixture
def app(database):
    made = create_app(database)
    yield made
    close(made)


def a_client(app):
    client = app.test_client()
    client.set_cookie("language", "en")
    return client


@pytest.fixture
def amra(app, db):
    """A client whose person has a password."""
    a_person(db, Role.DUTY_OFFICER)
    client = a_client(app)
    sign_in(client, "amra@maglaj.example")
    return client


def send(client, path, page="/account/code", **data):
    return client.post(path, data={"csrf_token": csrf(client, page), **data})


def turn_on(client):
    """The phone of somebody who turns it on, and the codes for a lost one."""
    assert send(client, "/account/code/begin", present=PASSWORD).status_code == 303
    key = re.search(r'class="key">([^<]+)<', client.get("/account/code").text).group(1).replace(" ", "").strip()
    phone = pyotp.TOTP("".join(key.split()))
    page = send(client, "/account/code/confirm", code=phone.now())
    assert page.status_code == 200
    return phone, re.findall(r"<code>([^<]+)</code>", page.text)


def forget_last_step(db):
    """As if half a minute had passed since a code was shown."""
    with db.without_space() as session:
        session.execute(update(Account).values(totp_last_step=None))


def test_after_the_password_the_door_asks_for_a_code_and_then_opens_with_another_session(app, amra, db):
    phone, _codes = turn_on(amra)
    forget_last_step(db)
    client = a_client(app)
    answer = sign_in(client, "amra@maglaj.example")
    assert answer.headers["Location"].startswith("/sign-in/code")
    waiting = client.get_cookie("spremnost").value
    assert client.get("/op/jobs").status_code in (302, 401)
    assert client.get("/account").status_code in (302, 401)
    answer = send(client, "/sign-in/code", "/sign-in/code", code=phone.now(), next="/op/jobs")
    assert answer.headers["Location"] == "/op/jobs"
    assert client.get_cookie("spremnost").value != waiting
    assert client.get("/op/jobs").status_code == 200
    client.set_cookie("spremnost", waiting)
    assert client.get("/op/jobs").status_code in (302, 401)


def test_a_code_is_good_once(app, amra, db):
    phone, _codes = turn_on(amra)
    forget_last_step(db)
    code = phone.now()
    first, second = a_client(app), a_client(app)
    for client in (first, second):
        sign_in(client, "amra@maglaj.example")
    assert send(first, "/sign-in/code", "/sign-in/code", code=code).status_code == 303
    answer = send(second, "/sign-in/code", "/sign-in/code", code=code)
    assert answer.status_code == 422
    assert "was used already" in answer.text


def test_of_two_who_show_one_code_at_the_same_time_one_comes_in(app, amra, db, database):
    phone, _codes = turn_on(amra)
    forget_last_step(db)
    code, passed = phone.now(), []

    def show():
        with db.without_space() as session:
            account = session.scalars(select(Account)).one()
            with suppress(WrongCode):
                passed.append(second_factor.check(session, database, account, code, at=datetime.now(UTC)))

    tries = [threading.Thread(target=show) for _number in range(3)]
    for one in tries:
        one.start()
    for one in tries:
        one.join()
    assert passed == ["totp"]


@pytest.mark.parametrize(
    ("away", "right"), [(0, True), (30, True), (-30, True), (60, False), (-60, False), (-3600, False)]
)
def test_a_phone_may_be_half_a_minute_off(amra, db, database, away, right):
    phone, _codes = turn_on(amra)
    forget_last_step(db)
    with db.without_space() as session:
        account = session.scalars(select(Account)).one()
        code = phone.at(NOON + timedelta(seconds=away))
        if right:
            assert second_factor.check(session, database, account, code, at=NOON) == "totp"
        else:
            with pytest.raises(WrongCode):
                second_factor.check(session, database, account, code, at=NOON)


def test_codes_for_a_lost_phone_are_good_once_each_and_kept_as_hashes(app, amra, db):
    _phone, codes = turn_on(amra)
    assert len(codes) == 10
    with db.without_space() as session:
        kept = session.scalars(select(RecoveryCode.code_hash)).all()
    assert not any(code in kept or code.replace("-", "") in kept for code in codes)
    for status in (303, 422):
        client = a_client(app)
        sign_in(client, "amra@maglaj.example")
        assert send(client, "/sign-in/code", "/sign-in/code", code=codes[0].upper()).status_code == status
    assert "9 codes" in amra.get("/account/code").text or amra.get("/account/code").status_code == 302
    with db.transaction(OP) as session:
        assert "person.recovery_code_used" in {entry.action for entry in entries(session, space=OP)}


def test_the_secret_cannot_be_read_in_the_database(amra, db):
    phone, _codes = turn_on(amra)
    with db.without_space() as session:
        assert phone.secret not in session.scalars(select(Account.totp_secret)).one()


def test_guessing_codes_is_slowed_down(app, amra):
    phone, _codes = turn_on(amra)
    client = a_client(app)
    sign_in(client, "amra@maglaj.example")
    for _number in range(10):
        send(client, "/sign-in/code", "/sign-in/code", code="000000")
    assert send(client, "/sign-in/code", "/sign-in/code", code=phone.now()).status_code == 429


def test_it_is_turned_on_and_off_with_the_password_only(amra, db):
    assert send(amra, "/account/code/begin", present="wrong").status_code == 422
    turn_on(amra)
    assert send(amra, "/account/code/off", present="wrong").status_code == 422
    assert send(amra, "/account/code/off", "/account/code", present=PASSWORD).status_code == 303
    with db.without_space() as session:
        account = session.scalars(select(Account)).one()
        assert (account.totp_secret, account.totp_since) == (None, None)


def test_a_role_that_needs_it_leads_everywhere_to_turning_it_on_and_does_not_let_it_be_turned_off(
    app, amra, db, database
):
    administrator = signed_in(a_client(app), database, Role.ADMINISTRATOR)
    form = {setting.name: setting.default for setting in KEPT}
    app.config["WTF_CSRF_METHODS"] = {"POST"}
    answer = send(administrator, "/admin/settings", "/admin/settings", **form, code_role=["duty_officer"])
    assert answer.status_code == 303
    page = amra.get("/op/jobs", headers={"Accept": "text/html"})
    assert page.headers["Location"] == "/account/code"
    assert amra.get("/op/jobs").status_code == 403
    assert administrator.get("/op/jobs").status_code == 200
    turn_on(amra)
    assert amra.get("/op/jobs").status_code == 200
    assert send(amra, "/account/code/off", present=PASSWORD).status_code == 403
    with db.transaction(OP) as session:
        (entry,) = (e for e in entries(session, space=OP) if e.action == "setting.changed")
    assert entry.facts == {"before": None, "value": ["duty_officer"]}


def test_an_administrator_turns_it_off_for_a_lost_phone(app, amra, db, database):
    turn_on(amra)
    administrator = signed_in(a_client(app), database, Role.ADMINISTRATOR)
    with db.without_space() as session:
        person = session.scalars(select(Account.person_id)).one()
    assert administrator.post(f"/admin/people/{person}/code-off").status_code == 303
    app.config["WTF_CSRF_METHODS"] = {"POST"}
    client = a_client(app)
    assert sign_in(client, "amra@maglaj.example").headers["Location"] == "/"


def a_token(client, *scopes, **more):
    """The secret of a new token."""
    organisation = re.search(r'<option value="([0-9a-f-]{36})"', client.get("/account/tokens").text).group(1)
    data = {"name": "station", "scope": list(scopes), "organisation": organisation, "days": "30", "present": PASSWORD}
    page = send(client, "/account/tokens", "/account/tokens", **(data | more))
    found = re.search(r"<pre>(sprem_[\w-]+)</pre>", page.text)
    return found.group(1) if found else page


def bearer(secret):
    return {"Authorization": f"Bearer {secret}"}


def test_a_token_is_shown_once_and_does_what_its_scopes_and_its_persons_rights_let_it(app, amra):
    secret = a_token(amra, "read")
    assert secret not in amra.get("/account/tokens").text
    program = a_client(app)
    assert program.get("/op/jobs", headers=bearer(secret)).status_code == 200
    version = "00000000-0000-0000-0000-000000000000"
    assert program.post(f"/op/jobs/{version}/cancel", headers=bearer(secret)).status_code == 403
    writing = a_token(amra, "write")
    assert program.post(f"/op/jobs/{version}/cancel", headers=bearer(writing)).status_code == 404
    assert program.get("/op/jobs", headers=bearer(a_token(amra, "report"))).status_code == 403


def test_no_token_opens_an_account_or_administers(app, db):
    a_person(db, Role.ADMINISTRATOR, Role.DUTY_OFFICER)
    client, program = a_client(app), a_client(app)
    sign_in(client, "amra@maglaj.example")
    secret = a_token(client, "read", "write", "report")
    for path in ("/account", "/account/tokens", "/account/code", "/admin/people", "/admin/settings"):
        assert client.get(path).status_code == 200
        assert program.get(path, headers=bearer(secret)).status_code == 403, path
    assert program.post("/acting", headers=bearer(secret)).status_code == 403
    assert program.post("/account/name", headers=bearer(secret), data={"name": "X"}).status_code == 403


def test_a_token_ends_when_it_is_revoked_expires_or_its_person_leaves(app, amra, db):
    program = a_client(app)
    secrets = [a_token(amra, "read") for _number in range(3)]
    with db.without_space() as session:
        tokens = session.scalars(select(ApiToken).order_by(ApiToken.made_at)).all()
        assert all(token.expires_at - token.made_at == timedelta(days=30) for token in tokens)
        tokens[1].expires_at = datetime.now(UTC)
    assert send(amra, f"/account/tokens/{tokens[0].id}/revoke", "/account/tokens").status_code == 303
    assert [program.get("/op/jobs", headers=bearer(s)).status_code for s in secrets] == [401, 401, 200]
    with db.without_space() as session:
        assert session.get(ApiToken, tokens[2].id).used_at is not None
        session.get(Person, tokens[2].person_id).deactivate(at=datetime.now(UTC))
    assert program.get("/op/jobs", headers=bearer(secrets[2])).status_code == 401


def test_a_token_needs_the_password_a_name_and_a_scope_and_lasts_a_year_at_most(amra, db):
    for wrong, sentence in (
        ({"present": "wrong"}, "not your present password"),
        ({"name": " "}, "Enter"),
        ({"scope": []}, "Choose what the token may do"),
        ({"organisation": "00000000-0000-0000-0000-000000000000"}, "Choose an organisation"),
    ):
        assert sentence in a_token(amra, "read", **wrong).text
    a_token(amra, "read", days="3650")
    with db.without_space() as session:
        (token,) = session.scalars(select(ApiToken)).all()
    assert token.expires_at - token.made_at <= timedelta(days=365)


def test_no_scope_administers_and_reading_never_changes():
    for scopes in (list(Scope), [Scope.WRITE], [Scope.READ]):
        for only_looks in (True, False):
            assert Right.ADMINISTER not in rights_of_scopes(scopes, only_looks=only_looks)
    assert rights_of_scopes([Scope.READ], only_looks=False) == frozenset()
    assert rights_of_scopes([Scope.REPORT], only_looks=False) == {Right.SEE, Right.REPORT}
    assert rights_of_scopes(["nonsense"], only_looks=True) == frozenset()


def test_a_session_that_waits_for_a_code_is_not_listed(app, amra, db):
    turn_on(amra)
    sign_in(a_client(app), "amra@maglaj.example")
    with db.without_space() as session:
        assert session.scalars(select(SignInSession).where(SignInSession.waits_for_code)).all() != []
    assert amra.get("/account").text.count("<li>") >= 1
    assert "Sign out everywhere else" not in amra.get("/account").text
