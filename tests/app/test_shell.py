"""What every page has: where one begins, what one is told, what one has typed."""

import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app import notifying
from app.db import Database
from app.factory import create_app
from app.notice_mails import post
from app.notifying import Announcement, announces, read_all, read_outbox
from foundation import outbox
from foundation.mails import Mail
from foundation.people import Locale, Person
from foundation.roles import Role
from foundation.spaces import OPERATIONAL_SPACE_ID as OP
from layers.concerned import concerned
from tests.app.builders_map import close
from tests.app.builders_people import a_signed_in_person, an_exercise, signed_in

NOON = datetime(2026, 5, 14, 12, tzinfo=UTC)
LEVEL = "The water at {gauge} is at {level_cm} cm"


@pytest.fixture
def db(country):
    opened = Database(country.settings, pool_size=2)
    yield opened
    opened.close()


@pytest.fixture
def told(monkeypatch):
    """Everybody who is in the message's list is told of it."""
    monkeypatch.setattr(notifying, "_MEANINGS", {})

    @announces("gauge")
    def meaning(session, message):
        people = session.scalars(select(Person.id).where(Person.name.in_(message.payload["people"])))
        facts = {"gauge": message.payload["gauge"], "level_cm": 480}
        return [Announcement(list(people), LEVEL, "/map?area=11053", facts, urgent=True)]


def say(db, *people, space=OP, gauge="Doboj"):
    with db.transaction(space) as session:
        outbox.append(session, space=space, topic="gauge", payload={"people": people, "gauge": gauge}, at=NOON)


def test_a_message_of_the_outbox_becomes_one_notice_however_often_it_is_looked_for(client, db, told):
    say(db, "Amra Hodžić")
    assert read_outbox(db, OP) == 1
    assert read_outbox(db, OP) == 0
    read_all(db)
    page = client.get("/op/notices").text
    assert page.count("The water at Doboj is at 480 cm") == 1
    assert "urgent" in page


def test_following_a_notice_leads_to_its_subject_and_reads_it(client, db, told):
    say(db, "Amra Hodžić")
    read_all(db)
    link = re.search(r'href="(/op/notices/[0-9a-f-]{36})"', client.get("/op/").text).group(1)
    assert '<span class="count">1</span>' in client.get("/op/table").text
    assert client.get(link).headers["Location"] == "/op/map?area=11053"
    assert '<span class="count">' not in client.get("/op/table").text
    assert "Nothing waits for you" in client.get("/op/").text


def test_somebody_elses_notice_is_not_shown_or_read(client, db, told, country):
    say(db, "Amra Hodžić")
    read_all(db)
    link = re.search(r'href="(/op/notices/[0-9a-f-]{36})"', client.get("/op/").text).group(1)
    app = create_app(country.settings)
    other = signed_in(app.test_client(), country.settings, name="Edin Kovač")
    assert other.get(link).headers["Location"] == "/op/notices"
    assert "Doboj" not in re.search(r"<main.*</main>", other.get("/op/notices").text, re.DOTALL).group(0)
    close(app)
    assert '<span class="count">1</span>' in client.get("/op/table").text


def test_an_exercise_tells_only_in_the_exercise(client, db, told, country):
    with db.without_space() as session:
        space = an_exercise(session, "proba")
    say(db, "Amra Hodžić", space=space)
    read_all(db)
    assert "Doboj" not in re.search(r"<main.*</main>", client.get("/op/notices").text, re.DOTALL).group(0)
    with db.transaction(space) as session:
        from foundation.notices import Notice

        assert len(session.scalars(select(Notice)).all()) == 1


def test_a_broken_reading_repeats_nothing_and_loses_nothing(db, told, monkeypatch):
    a = Database(db_settings(db), pool_size=1)
    say(a, "Amra Hodžić")
    real = notifying.notices.has_read
    monkeypatch.setattr(notifying.notices, "has_read", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        read_outbox(a, OP)
    monkeypatch.setattr(notifying.notices, "has_read", real)
    assert read_outbox(a, OP) == 1
    a.close()


def db_settings(db):
    class Same:
        database_url = db.engine.url.render_as_string(hide_password=False)

    return Same()


def test_a_flood_concerns_its_municipality_and_what_lies_above_and_nobody_else(db, country):
    def people(name):
        with db.without_space() as session:
            return session.scalars(select(Person.id).where(Person.name == name)).one()

    settings = country.settings
    area = lambda code: (country.areas[code].level, code)  # noqa: E731
    a_signed_in_person(settings, Role.DUTY_OFFICER, organisation="M", area=area("11053"), name="municipal")
    a_signed_in_person(settings, Role.VIEWER, organisation="M", name="viewer")
    a_signed_in_person(settings, Role.DUTY_OFFICER, organisation="E", area=area("BA-BIH"), name="entity")
    a_signed_in_person(settings, Role.DUTY_OFFICER, organisation="S", area=area("BA-SRP"), name="other entity")
    a_signed_in_person(settings, Role.DUTY_OFFICER, organisation="D", area=area("20141"), name="neighbour")
    with db.without_space() as session:
        found = concerned(session, [country.id("11053")], [Role.DUTY_OFFICER], space=OP, at=datetime.now(UTC))
    assert found == {people("municipal"), people("entity")}


def test_what_is_typed_is_kept_in_the_space_where_it_was_typed(client):
    assert client.get("/op/notices/drafts/need").json == {}
    assert "saved" in client.post("/op/notices/drafts/need", json={"what": "pumpe č"}).json
    assert client.get("/op/notices/drafts/need").json["entries"] == {"what": "pumpe č"}
    client.post("/op/notices/drafts/need", json={})
    assert client.get("/op/notices/drafts/need").json == {}


@pytest.mark.parametrize("body", [["list"], "text", {"a": "x" * 70_000}])
def test_what_is_no_draft_is_refused_with_a_sentence(client, body):
    answer = client.post("/op/notices/drafts/need", json=body)
    assert answer.status_code == 413
    assert "too much to be kept" in answer.text


def test_the_appearance_is_remembered(client):
    assert "data-appearance" not in client.get("/op/").text
    answer = client.get("/appearance/dark", headers={"Referer": "http://localhost/op/table"})
    assert answer.headers["Location"] == "/op/table"
    assert 'data-appearance="dark"' in client.get("/op/").text
    assert client.get("/appearance/pink").status_code == 404


def test_the_first_page_shows_the_numbers_of_ones_own_municipality(client):
    page = client.get("/op/").text
    assert "Općina Maglaj · What waits for me" in page
    assert "6,412" in page


def test_a_player_begins_in_their_only_exercise(country):
    app = create_app(country.settings)
    player = signed_in(app.test_client(), country.settings, Role.PLAYER, exercise="proba")
    assert player.get("/").headers["Location"] == "/spaces"
    assert player.get("/spaces").headers["Location"] == "/ex/proba/"
    assert "situ" in player.get("/ex/proba/").text
    close(app)


def test_an_urgent_notice_is_also_written_as_a_mail_once_in_the_readers_language(client, db, told, country):
    with db.without_space() as session:
        amra = session.scalars(select(Person).where(Person.name == "Amra Hodžić")).one()
        amra.email, amra.locale = "amra@maglaj.example", Locale.BOSNIAN
    say(db, "Amra Hodžić")

    def write(session, space, announcement):
        post(session, country.settings, space, announcement)

    assert read_outbox(db, OP, write) == 1
    assert read_outbox(db, OP, write) == 0
    with db.transaction(OP) as session:
        (mail,) = session.scalars(select(Mail)).all()
    assert mail.recipient == "amra@maglaj.example"
    assert mail.subject == "Hitno: The water at Doboj is at 480 cm"
    assert "Amra Hodžić" in mail.body
