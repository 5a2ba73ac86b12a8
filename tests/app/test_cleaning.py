from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from app.cleaning import clean
from app.db import Database
from foundation import accounts, settings
from foundation.accounts import SignInAttempt, SignInSession
from foundation.audit import Actor, entries
from foundation.errors import N_
from foundation.mails import Mail, MailState, append
from foundation.people import Locale, Person
from foundation.settings import KEEP_MAILS, WrongSettingValue
from foundation.spaces import OPERATIONAL_SPACE_ID as OP
from tests.app.builders_people import an_exercise

NOON = datetime(2026, 5, 14, 12, tzinfo=UTC)
A_DAY = timedelta(days=1)


@pytest.fixture
def db(database):
    opened = Database(database, pool_size=2)
    yield opened
    opened.close()


def a_mail(session, space, *, age_days, state=MailState.SENT):
    mail = append(
        session, space=space, to="a@b.example", locale=Locale.BOSNIAN, template="t", subject=N_("E-mails"), body="b",
        domain="x", at=NOON - age_days * A_DAY,
    )  # fmt: skip
    mail.state = state
    session.flush()


def test_what_is_older_than_wanted_goes_in_every_space_and_what_waits_stays(db):
    with db.without_space() as session:
        exercise = an_exercise(session, "proba")
    for space in (OP, exercise):
        with db.transaction(space) as session:
            for age, state in ((91, MailState.SENT), (91, MailState.WAITING), (89, MailState.FAILED)):
                a_mail(session, space, age_days=age, state=state)
    deleted = clean(db, at=NOON)
    assert deleted["mails"] == 2
    for space in (OP, exercise):
        with db.transaction(space) as session:
            assert session.scalar(select(func.count()).select_from(Mail)) == 2
    assert not any(clean(db, at=NOON).values())


def test_an_administrators_wish_counts_and_cleaning_is_audited_without_names(db):
    with db.transaction(OP) as session:
        a_mail(session, OP, age_days=10)
        settings.set_days(session, KEEP_MAILS, 9, space=OP, by=Actor("test"), at=NOON)
        with pytest.raises(WrongSettingValue):
            settings.set_days(session, KEEP_MAILS, 0, space=OP, by=Actor("test"), at=NOON)
    assert clean(db, at=NOON)["mails"] == 1
    with db.transaction(OP) as session:
        newest = entries(session, space=OP)[0]
    assert (newest.action, newest.facts["mails"]) == ("data.cleaned", 1)


def test_sessions_and_tries_go_and_open_sessions_stay(db):
    with db.without_space() as session:
        person = Person(name="Amra", created_at=NOON)
        session.add(person)
        session.flush()
        for age in (0, 20, 40):
            accounts.begin_session(session, person.id, at=NOON - age * A_DAY, address="", browser="")
        session.add_all(SignInAttempt(at=NOON - age * A_DAY, account_hash="", address="") for age in (1, 3))
    deleted = clean(db, at=NOON)
    assert (deleted["sessions"], deleted["attempts"]) == (1, 1)
    with db.without_space() as session:
        assert len(session.scalars(select(SignInSession)).all()) == 2
