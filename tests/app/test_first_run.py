"""Who gets in first, and who is let in again."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app import passwords
from app.db import Database
from app.errors import WrongEmail
from app.first_run import make_administrator, make_first_administrator
from foundation import accounts
from foundation.accounts import Account, SignInSession
from foundation.people import Membership, person_by_email
from foundation.roles import Role
from foundation.spaces import OPERATIONAL_SPACE_ID

NOON = datetime(2026, 5, 14, 12, tzinfo=UTC)


@pytest.fixture
def opened(database):
    found = Database(database, pool_size=1)
    yield found
    found.close()


def test_an_installation_gets_one_first_administrator(opened):
    password = make_first_administrator(opened, at=NOON)
    assert make_first_administrator(opened, at=NOON) is None
    with opened.without_space() as session:
        person = person_by_email(session, "administrator@localhost")
        assert passwords.is_right(password, session.get_one(Account, person.id).password_hash)


def test_who_is_locked_out_gets_a_new_password_and_keeps_one_role_of_administrator(opened):
    first = make_administrator(opened, "Ana@Example.BA", at=NOON)
    with opened.transaction(OPERATIONAL_SPACE_ID) as session:
        person = person_by_email(session, "ana@example.ba")
        session.get_one(Account, person.id).totp_since = NOON
        accounts.begin_session(session, person.id, at=NOON, address="::1", browser="x")
    second = make_administrator(opened, "ana@example.ba", at=NOON)
    assert second != first
    with opened.without_space() as session:
        account = session.get_one(Account, person.id)
        assert passwords.is_right(second, account.password_hash)
        assert not passwords.is_right(first, account.password_hash)
        assert account.totp_since is None
        roles = session.scalars(select(Membership.role).where(Membership.person_id == person.id)).all()
        assert roles == [Role.ADMINISTRATOR]
        assert all(one.ended_at for one in session.scalars(select(SignInSession)))


def test_what_is_no_address_is_refused(opened):
    with pytest.raises(WrongEmail):
        make_administrator(opened, "ana", at=NOON)
