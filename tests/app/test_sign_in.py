import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from app import passwords, signing_in
from app.db import Database
from app.factory import create_app
from app.first_run import EMAIL, make_first_administrator, see_to_people
from app.identity import COOKIE
from foundation.accounts import IDLE, LONGEST, Account, SignInSession
from foundation.audit import entries
from foundation.people import Person
from foundation.roles import Role
from foundation.spaces import OPERATIONAL_SPACE_ID
from tests.app.builders_map import close
from tests.app.builders_people import a_signed_in_person, signed_in

PASSWORD = "lozinka s č i ž 2026"  # noqa: S105


@pytest.fixture
def db(database):
    opened = Database(database, pool_size=2)
    yield opened
    opened.close()


@pytest.fixture
def door(database):
    """A client at the door, without a cookie, that reads English."""
    app = create_app(database)
    client = app.test_client()
    client.set_cookie("language", "en")
    client.environ_base["HTTP_ACCEPT"] = "text/html"
    yield client
    close(app)


@pytest.fixture
def amra(db):
    """The address of somebody who has a password."""
    now = datetime.now(UTC)
    with db.transaction(OPERATIONAL_SPACE_ID) as session:
        person = Person(name="Amra Hodžić", email="amra@maglaj.example", created_at=now)
        session.add(person)
        session.flush()
        session.add(Account(person_id=person.id, password_hash=passwords.hashed(PASSWORD), password_set_at=now))
    return "amra@maglaj.example"


def token(client, path="/sign-in"):
    """What a form of ours carries."""
    return re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text).group(1)


def try_(client, email, password, **more):
    return client.post("/sign-in", data={"csrf_token": token(client), "email": email, "password": password, **more})


def test_a_page_leads_to_the_door_and_the_door_back_to_it(door, amra):
    answer = door.get("/op/table?sort=name")
    assert answer.headers["Location"] == "/sign-in?next=/op/table?sort%3Dname"
    answer = try_(door, "Amra@Maglaj.example ", PASSWORD, next="/op/table?sort=name")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/op/table?sort=name")
    cookie = answer.headers.getlist("Set-Cookie")[-1]
    assert cookie.startswith(COOKIE)
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


@pytest.mark.parametrize("next_", ["https://evil.example", "//evil.example", "/\\evil.example", "evil"])
def test_the_door_never_leads_to_another_site(door, amra, next_):
    assert try_(door, amra, PASSWORD, next=next_).headers["Location"] == "/"


def test_a_password_is_the_same_however_the_keyboard_composes_its_letters(door, amra):
    assert try_(door, amra, PASSWORD.replace("č", "c\u030c")).status_code == 303


@pytest.mark.parametrize(("email", "password"), [("amra@maglaj.example", "wrong"), ("nobody@maglaj.example", PASSWORD)])
def test_a_wrong_address_and_a_wrong_password_sound_alike(door, amra, email, password):
    answer = try_(door, email, password)
    assert answer.status_code == 422
    assert "do not belong together" in answer.text
    assert email in answer.text
    assert password not in answer.text


def test_after_ten_wrong_passwords_even_the_right_one_waits(door, amra):
    for _ in range(signing_in.MOST_FOR_AN_ACCOUNT):
        try_(door, amra, "guess")
    answer = try_(door, amra, PASSWORD)
    assert answer.status_code == 429
    assert "Wait 15 minutes" in answer.text


def test_a_closed_account_does_not_open(door, amra, db):
    with db.without_space() as session:
        session.scalars(select(Person).where(Person.email == amra)).one().deactivate(at=datetime.now(UTC))
    assert try_(door, amra, PASSWORD).status_code == 422


def test_signing_in_and_out_stands_in_the_audit_without_a_name(door, amra, db):
    try_(door, amra, PASSWORD)
    door.post("/sign-out", data={"csrf_token": token(door, "/status")})
    with db.transaction(OPERATIONAL_SPACE_ID) as session:
        found = entries(session, space=OPERATIONAL_SPACE_ID)
    assert [entry.action for entry in found] == ["person.signed_out", "person.signed_in"]
    assert all("Amra" not in entry.actor for entry in found)


def test_signing_out_ends_the_session_itself(door, amra):
    try_(door, amra, PASSWORD)
    kept = door.get_cookie(COOKIE).value
    door.post("/sign-out", data={"csrf_token": token(door, "/status")})
    door.set_cookie(COOKIE, kept)
    assert door.get("/op/table").status_code == 302


@pytest.mark.parametrize(
    ("column", "age", "opens"),
    [
        ("seen_at", IDLE - timedelta(minutes=1), True),
        ("seen_at", IDLE, False),
        ("began_at", LONGEST - timedelta(minutes=1), True),
        ("began_at", LONGEST, False),
    ],
)
def test_a_session_ends_by_itself(database, db, column, age, opens):
    app = create_app(database)
    client = signed_in(app.test_client(), database)
    with db.without_space() as session:
        session.execute(update(SignInSession).values({column: datetime.now(UTC) - age}))
    assert client.get("/op/table").status_code == (200 if opens else 401)
    close(app)


def test_a_form_without_our_token_does_nothing(door, amra):
    answer = door.post("/sign-in", data={"email": amra, "password": PASSWORD})
    assert answer.status_code == 403
    assert COOKIE not in str(answer.headers)


def test_a_role_may_do_what_its_rights_say_and_no_more(database):
    app = create_app(database)
    viewer = signed_in(app.test_client(), database, Role.VIEWER)
    assert viewer.get("/op/table").status_code == 200
    assert viewer.get("/op/jobs").status_code == 403
    assert 'href="/op/jobs"' not in viewer.get("/op/table").text
    close(app)


def test_who_switches_acts_for_the_other_organisation_and_an_older_form_is_refused(database, db):
    app = create_app(database)
    client = signed_in(app.test_client(), database, Role.DUTY_OFFICER)
    client.set_cookie("language", "en")
    secret = a_signed_in_person(database, Role.VIEWER, organisation="Grad Doboj")
    with db.without_space() as session:
        from foundation.people import Membership, Organisation

        mine = session.scalars(select(SignInSession).order_by(SignInSession.began_at)).first()
        doboj = session.scalars(select(Organisation).where(Organisation.name == "Grad Doboj")).one()
        maglaj = session.scalars(select(Organisation).where(Organisation.name == "Općina Maglaj")).one()
        session.add(
            Membership(person_id=mine.person_id, organisation_id=doboj.id, role=Role.DUTY_OFFICER, since=mine.began_at)
        )
    assert secret
    assert client.post("/acting", data={"organisation": str(maglaj.id)}).status_code == 303
    answer = client.post("/acting", data={"organisation": str(doboj.id), "acting": str(maglaj.id)})
    assert answer.status_code == 303
    late = client.post("/acting", data={"organisation": str(doboj.id), "acting": str(maglaj.id)})
    assert late.status_code == 403
    assert "You now act for Grad Doboj" in late.text
    close(app)


def test_nobody_acts_for_an_organisation_that_is_not_theirs(database):
    app = create_app(database)
    client = signed_in(app.test_client(), database, Role.DUTY_OFFICER)
    assert client.post("/acting", data={"organisation": str(OPERATIONAL_SPACE_ID)}).status_code == 403
    close(app)


def test_a_player_is_let_into_their_exercise_and_nowhere_else(database):
    app = create_app(database)
    player = signed_in(app.test_client(), database, Role.PLAYER, exercise="proba")
    page = player.get("/ex/proba/table")
    assert page.status_code == 200
    assert "VJEŽBA" in page.text
    assert 'href="/ex/proba/map"' in page.text
    assert "/op/" not in page.text.replace("/op/language", "")
    assert player.get("/op/table").status_code == 403
    a_signed_in_person(database, Role.PLAYER, exercise="druga", organisation="Druga")
    assert player.get("/ex/druga/table").status_code == 403
    assert player.get("/ex/nema/table").status_code == 404
    close(app)


def test_a_trainer_may_enter_an_exercise_but_change_no_shared_layer_in_it(database):
    app = create_app(database)
    a_signed_in_person(database, Role.PLAYER, exercise="proba")
    administrator = signed_in(app.test_client(), database, Role.ADMINISTRATOR, Role.TRAINER)
    assert administrator.get("/ex/proba/table").status_code == 200
    assert administrator.get("/op/jobs").status_code == 200
    assert administrator.get("/ex/proba/jobs").status_code == 403
    close(app)


def test_the_first_start_makes_one_administrator_whose_password_is_told_once(database, db, door):
    password = make_first_administrator(db, at=datetime.now(UTC))
    assert make_first_administrator(db, at=datetime.now(UTC)) is None
    assert try_(door, EMAIL, password).status_code == 303
    assert door.get("/op/jobs").status_code == 200


def test_the_demonstration_has_a_sign_in_for_each_role_and_says_them(database, db, tmp_path):
    from app.demo_people import PEOPLE

    assert {person.role for person in PEOPLE} == set(Role)
    said = []
    settings = replace(database, demo=True, data_dir=tmp_path)
    see_to_people(db, settings, said.append)
    see_to_people(db, settings, said.append)
    password = re.search(r"the password (\S+)", said[0]).group(1)
    app = create_app(settings)
    for person in (PEOPLE[0], PEOPLE[-1]):
        assert any(person.email in line for line in said)
        client = app.test_client()
        assert try_(client, person.email, password).status_code == 303
    close(app)


@pytest.mark.parametrize(("address", "offered"), [("127.0.0.1", True), ("192.168.1.20", False)])
def test_one_click_signs_in_only_on_the_machine_itself(database, db, tmp_path, address, offered):
    settings = replace(database, demo=True, data_dir=tmp_path)
    see_to_people(db, settings, lambda sentence: None)
    app = create_app(settings)
    client = app.test_client()
    here = {"environ_overrides": {"REMOTE_ADDR": address}}
    page = client.get("/sign-in", **here).text
    assert ("dezurni.maglaj@demo.example" in page) is offered
    data = {"csrf_token": token(client), "email": "dezurni.maglaj@demo.example"}
    assert client.post("/sign-in/demo", data=data, **here).status_code == (303 if offered else 403)
    close(app)


def test_over_https_the_cookie_belongs_to_this_host_alone(door, amra):
    https = {"base_url": "https://localhost"}
    found = re.search(r'name="csrf_token" value="([^"]+)"', door.get("/sign-in", **https).text).group(1)
    answer = door.post(
        "/sign-in",
        data={"csrf_token": found, "email": amra, "password": PASSWORD},
        headers={"Referer": "https://localhost/sign-in"},
        **https,
    )
    cookie = next(c for c in answer.headers.getlist("Set-Cookie") if "spremnost" in c)
    assert cookie.startswith("__Host-spremnost=")
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie
    assert door.get("/op/table", **https).status_code in (200, 403)
    door.set_cookie(COOKIE, door.get_cookie("__Host-spremnost").value)
    door.delete_cookie("__Host-spremnost")
    assert door.get("/op/table", **https).status_code == 302
