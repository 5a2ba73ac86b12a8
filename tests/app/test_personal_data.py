"""The audit's page, and what is kept about a person."""

import csv
import json
import re
from datetime import UTC, datetime, timedelta
from io import BytesIO, StringIO
from pathlib import Path
from zipfile import ZipFile

import psycopg
import pytest
from sqlalchemy import select

import app as application
from app import personal_data
from app.audit_words import ACTIONS
from app.db import Database
from app.factory import create_app
from app.mail_jobs import write_mail
from app.settings import libpq_url
from foundation import notices
from foundation.audit import Actor, Subject, entries, record
from foundation.errors import N_
from foundation.people import Locale, Membership, Person
from foundation.roles import Role
from foundation.spaces import OPERATIONAL_SPACE_ID as OP
from tests.app.builders_accounts import PASSWORD, a_person, an_organisation, csrf, sign_in
from tests.app.builders_map import close
from tests.app.builders_people import an_exercise, signed_in

NAME, EMAIL = "Zlatovlasa Nepoznatović", "zlatovlasa@izbrisana.example"


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


@pytest.fixture
def administrator(app, database):
    client = signed_in(app.test_client(), database, Role.ADMINISTRATOR, organisation="Spremnost", name="Ana")
    client.set_cookie("language", "en")
    return client


def an_entry(db, *, action="person.signed_in", organisation=None, person=None, at=None, **facts):
    at = at or datetime.now(UTC)
    with db.transaction(OP) as session:
        body = an_organisation(session, organisation).id if organisation else None
        by = Actor("duty_officer", person and person.id, body)
        record(
            session,
            space=OP,
            at=at,
            by=by,
            action=action,
            subject=Subject("person", person.id if person else "x"),
            facts=facts,
        )


def shown(page):
    """How many entries a page shows."""
    return page.text.count('<th scope="row">')


def test_an_administrator_finds_entries_by_person_organisation_action_and_day(administrator, db):
    amra = a_person(db, name="Amra Hodžić")
    an_entry(db, person=amra, organisation="Općina Maglaj")
    an_entry(db, action="person.role_given", organisation="Grad Doboj", role="custodian")
    with db.without_space() as session:
        doboj = an_organisation(session, "Grad Doboj").id
    page = administrator.get("/admin/audit?person=hodzic")
    assert shown(page) == 1
    assert "Amra Hodžić" in page.text
    assert "signed in" in page.text
    page = administrator.get(f"/admin/audit?organisation={doboj}")
    assert shown(page) == 1
    assert "custodian" in page.text
    assert shown(administrator.get("/admin/audit?action=person.role_given")) == 1
    today, tomorrow = datetime.now(UTC).date(), datetime.now(UTC).date() + timedelta(days=2)
    assert shown(administrator.get(f"/admin/audit?since={today - timedelta(days=1)}&until={tomorrow}")) == 2
    assert shown(administrator.get(f"/admin/audit?since={tomorrow}")) == 0


def test_a_duty_officer_sees_what_was_done_in_their_organisations_name_and_nothing_else(app, database, db):
    an_entry(db, organisation="Općina Maglaj")
    an_entry(db, organisation="Grad Doboj")
    an_entry(db)
    with db.without_space() as session:
        doboj = an_organisation(session, "Grad Doboj").id
    officer = signed_in(app.test_client(), database, Role.DUTY_OFFICER)
    for path in ("/admin/audit", f"/admin/audit?organisation={doboj}"):
        page = officer.get(path)
        assert shown(page) == 1
        assert "Grad Doboj" not in page.text
    text = officer.get(f"/admin/audit/audit.csv?organisation={doboj}").text
    assert text.count("\r\n") == 2
    assert "Grad Doboj" not in text
    viewer = signed_in(app.test_client(), database, Role.VIEWER)
    assert viewer.get("/admin/audit").status_code == 403


def test_pages_of_the_audit_follow_each_other_without_a_gap(administrator, db):
    for _number in range(3):
        with db.transaction(OP) as session:
            for _again in range(70):
                record(session, space=OP, at=datetime.now(UTC), by=Actor("test"), action="t", subject=Subject("t", "t"))
    seen, path = 0, "/admin/audit"
    for _page in range(3):
        page = administrator.get(path)
        seen += shown(page)
        following = re.search(r'rel="next"\s+href="([^"]+)"', page.text)
        path = following.group(1).replace("&amp;", "&") if following else None
    assert seen == 210
    assert path is None


def test_the_file_of_the_audit_holds_everything_and_no_formula(administrator, db):
    an_entry(db, person=a_person(db, name="=1+1"), organisation="Općina Maglaj", note="@SUM(A1)")
    rows = list(csv.DictReader(StringIO(administrator.get("/admin/audit/audit.csv").text.removeprefix("\ufeff"))))
    assert len(rows) == 1
    assert rows[0]["action"] == "person.signed_in"
    assert not rows[0]["person"].startswith("=")


def test_what_this_part_notes_has_words():
    folder = Path(application.__file__).parent
    noted = set()
    for path in [*folder.rglob("*.py"), *(folder.parent / "foundation").rglob("*.py")]:
        noted |= set(re.findall(r'"((?:person|mail|setting)\.[a-z_]+)"', path.read_text()))
    noted -= {"person.id", "mail.send", "mail.sweep"}
    assert len(noted) > 20
    assert noted - ACTIONS.keys() == set()


def a_busy_person(app, db, database):
    """Somebody who has left traces everywhere."""
    person = a_person(db, Role.DUTY_OFFICER, name=NAME, email=EMAIL)
    client = app.test_client()
    client.set_cookie("language", "en")
    sign_in(client, EMAIL, "wrong")
    sign_in(client, EMAIL)
    client.post("/forgot", data={"csrf_token": csrf(client, "/forgot"), "email": EMAIL})
    new = "pet bijelih golubova leti"
    data = {"csrf_token": csrf(client, "/account"), "present": PASSWORD, "password": new, "again": new}
    client.post("/account/password", data=data)
    with db.without_space() as session:
        exercise = an_exercise(session, "proba")
    for space in (OP, exercise):
        with db.transaction(space) as session:
            write_mail(
                session, database, space=space, to=EMAIL, locale=Locale.BOSNIAN, template="t", subject=N_("E-mails"),
                body=N_("For %(name)s") + NAME.replace("{", ""), at=datetime.now(UTC), person_id=person.id,
            )  # fmt: skip
    return person, client, new


def everything(database):
    """Every value of every text and JSON column of the database, queue included."""
    found = []
    with psycopg.connect(libpq_url(database.admin_database_url)) as connection:
        connection.execute("SET row_security = off")
        columns = connection.execute(
            "SELECT table_schema, table_name, column_name FROM information_schema.columns c "
            "JOIN information_schema.tables t USING (table_schema, table_name) WHERE t.table_type = 'BASE TABLE' "
            "AND table_schema IN ('public', 'procrastinate') "
            "AND (data_type IN ('text', 'character varying', 'json', 'jsonb', 'ARRAY'))"
        ).fetchall()
        for schema, table, column in columns:
            for (value,) in connection.execute(f'SELECT "{column}"::text FROM {schema}."{table}"'):  # noqa: S608
                found.append((f"{table}.{column}", value or ""))
    return found


def traces(database):
    """Where the name or the address still is."""
    return {
        where for where, value in everything(database) if re.search("zlatovlasa|nepoznatović", value, re.IGNORECASE)
    }


def test_who_is_erased_is_in_no_table_any_more_and_what_they_did_stays(app, administrator, db, database):
    person, client, _password = a_busy_person(app, db, database)
    assert traces(database) >= {"person.name", "person.email", "mail.recipient", "mail.body"}
    with db.transaction(OP) as session:
        before = {e.number: (e.action, e.person_id, e.facts) for e in entries(session, space=OP)}
    path = f"/admin/people/{person.id}/erase"
    refused = administrator.post(path, data={"confirm": "somebody else"})
    assert refused.status_code == 422
    assert administrator.post(path, data={"confirm": NAME.upper()}).status_code == 303
    assert traces(database) == set()
    with db.transaction(OP) as session:
        after = {e.number: (e.action, e.person_id, e.facts) for e in entries(session, space=OP)}
        assert session.scalars(select(Membership.until).where(Membership.person_id == person.id)).one() is not None
    assert before.items() <= after.items()
    assert {action for action, _person, _facts in after.values()} - {a for a, _p, _f in before.values()} == {
        "person.erased"
    }
    assert client.get("/account").status_code in (302, 401)
    app.config["WTF_CSRF_METHODS"] = {"POST"}
    assert "erased person" in administrator.get("/admin/audit").text
    assert f"/admin/people/{person.id}" not in administrator.get("/admin/people").text


def test_one_can_erase_oneself_with_the_password_and_the_last_administrator_cannot(app, db, database):
    person, client, password = a_busy_person(app, db, database)
    data = {"csrf_token": csrf(client, "/account"), "confirm": NAME, "present": "wrong"}
    assert client.post("/account/erase", data=data).status_code == 422
    assert client.post("/account/erase", data=data | {"present": password}).status_code == 303
    assert traces(database) == set()
    with db.without_space() as session:
        assert session.get(Person, person.id).is_erased
    a_person(db, Role.ADMINISTRATOR, name="Ana", email="ana@x.example")
    other = app.test_client()
    sign_in(other, "ana@x.example")
    data = {"csrf_token": csrf(other, "/account"), "confirm": "Ana", "present": PASSWORD}
    assert other.post("/account/erase", data=data).status_code == 409


def test_erasing_twice_changes_nothing(db, database):
    person = a_person(db, name=NAME, email=EMAIL)
    for _number in range(2):
        personal_data.erase(db, person.id, by=Actor("test"), at=datetime.now(UTC))
    with db.transaction(OP) as session:
        assert [e.action for e in entries(session, space=OP)] == ["person.erased"]


def test_what_is_handed_out_holds_everything_about_oneself_no_secret_and_nobody_else(app, db, database):
    _person, client, _password = a_busy_person(app, db, database)
    a_person(db, name="Neko Drugi", email="drugi@x.example")
    answer = client.post("/account/data", data={"csrf_token": csrf(client, "/account")})
    assert answer.headers["Content-Disposition"] == 'attachment; filename="spremnost.zip"'
    with ZipFile(BytesIO(answer.data)) as archive:
        text = archive.read("spremnost.json").decode()
    told = json.loads(text)
    assert told["person"]["name"] == NAME
    assert told["person"]["email"] == EMAIL
    assert told["shared"]["membership"][0]["role"] == "duty_officer"
    assert len(told["shared"]["sign_in_session"]) == 2
    assert {mail["recipient"] for mail in told["spaces"]["proba"]["mail"]} == {EMAIL}
    assert "person.signed_in" in {entry["action"] for entry in told["spaces"]["op"]["audit_entry"]}
    assert "Neko Drugi" not in text
    for secret in ("argon2", "token_hash", "password_hash", "totp_secret"):
        assert secret not in text


def test_notices_are_handed_out_and_erased_too(db):
    person = a_person(db)
    with db.transaction(OP) as session:
        session.add(
            notices.Notice(
                space_id=OP, person_id=person.id, text="E-mails", parameters={}, path="/", urgent=False,
                created_at=datetime.now(UTC),
            )
        )  # fmt: skip
    with ZipFile(BytesIO(personal_data.export(db, person.id, at=datetime.now(UTC)))) as archive:
        told = json.loads(archive.read("spremnost.json"))
    assert len(told["spaces"]["op"]["notice"]) == 1
    personal_data.erase(db, person.id, by=Actor("test"), at=datetime.now(UTC))
    with db.transaction(OP) as session:
        assert session.scalars(select(notices.Notice)).all() == []
