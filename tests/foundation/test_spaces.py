from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import IntegrityError, ProgrammingError

from foundation.errors import NoSuchSpace
from foundation.spaces import OPERATIONAL_SPACE_ID, Space, SpaceKind, operational_space, space_by_slug

OPERATIONAL = Space(id=OPERATIONAL_SPACE_ID, kind=SpaceKind.OPERATIONAL, clock_offset=timedelta())
moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
days = st.timedeltas(timedelta(days=-9000), timedelta(days=9000))


def test_a_new_database_has_exactly_one_operational_space(db):
    with db.without_space() as session:
        assert session.scalar(select(func.count()).select_from(Space)) == 1
        assert operational_space(session).id == OPERATIONAL_SPACE_ID
        assert operational_space(session).is_operational


def test_a_second_operational_space_is_refused(db, noon):
    with pytest.raises(IntegrityError, match="one_operational"), db.without_space() as session:
        session.add(Space(kind=SpaceKind.OPERATIONAL, slug="op2", name="Another", created_at=noon))


def test_an_exercise_cannot_become_operational(db, exercise):
    with pytest.raises(ProgrammingError, match="keeps its id and its kind"), db.without_space() as session:
        session.execute(update(Space).where(Space.id == exercise).values(kind=SpaceKind.OPERATIONAL))


def test_the_operational_space_cannot_become_an_exercise(db, exercise):
    with pytest.raises(ProgrammingError, match="keeps its id and its kind"), db.without_space() as session:
        session.execute(
            text("UPDATE space SET kind = 'exercise', id = gen_random_uuid() WHERE id = :id"),
            {"id": OPERATIONAL_SPACE_ID},
        )


@pytest.mark.parametrize("statement", ["DELETE FROM space", "TRUNCATE space CASCADE"])
def test_not_even_the_owner_removes_the_operational_space(owner, statement):
    with pytest.raises(ProgrammingError, match="stays"), owner.begin() as connection:
        connection.execute(text(statement))


def test_the_serving_role_removes_no_space_at_all(db, exercise):
    with pytest.raises(ProgrammingError, match="permission denied"), db.without_space() as session:
        session.execute(text("DELETE FROM space WHERE id = :id"), {"id": exercise})


def test_two_spaces_do_not_share_a_short_name(db, an_exercise):
    with pytest.raises(IntegrityError, match="uq_space_slug"), db.without_space() as session:
        session.add_all([an_exercise("sava"), an_exercise("sava")])


@pytest.mark.parametrize("slug", ["", "Sava", "-sava", "sava/2026", "šava"])
def test_a_short_name_that_does_not_fit_into_a_path_is_refused(refusing, an_exercise, slug):
    space = an_exercise()
    space.slug = slug
    with pytest.raises(IntegrityError, match="ck_space_slug"), refusing.without_space() as session:
        session.add(space)


def test_a_space_is_found_by_the_name_in_the_path(db, an_exercise):
    with db.without_space() as session:
        session.add(an_exercise("sava-2026"))
    with db.without_space() as session:
        assert space_by_slug(session, "sava-2026").kind is SpaceKind.EXERCISE
        with pytest.raises(NoSuchSpace, match="no space called drina"):
            space_by_slug(session, "drina")


def test_an_exercise_can_stand_in_may_2014(noon):
    space = Space(clock_offset=datetime(2014, 5, 14, 12, tzinfo=UTC) - noon)
    assert space.time(noon + timedelta(hours=20)) == datetime(2014, 5, 15, 8, tzinfo=UTC)


@given(now=moments)
def test_the_operational_clock_is_the_real_one(now):
    assert OPERATIONAL.time(now) == now


@given(first=moments, second=moments, offset=days)
def test_every_clock_keeps_the_distance_and_the_order_of_moments(first, second, offset):
    space = Space(clock_offset=offset)
    assert space.time(second) - space.time(first) == second - first


def test_nobody_shifts_the_operational_clock(db):
    with pytest.raises(IntegrityError, match="operational_clock_is_real"), db.without_space() as session:
        operational_space(session).clock_offset = timedelta(hours=1)


def test_a_moment_without_a_time_zone_is_refused(db, an_exercise):
    space = an_exercise()
    space.created_at = space.created_at.replace(tzinfo=None)
    with pytest.raises(Exception, match="has no time zone"), db.without_space() as session:
        session.add(space)


def test_a_moment_comes_back_in_utc_whatever_zone_it_was_given_in(db, an_exercise):
    space = an_exercise("zones")
    space.created_at = datetime.fromisoformat("2026-05-14T14:00:00+02:00")
    with db.without_space() as session:
        session.add(space)
    with db.without_space() as session:
        assert space_by_slug(session, "zones").created_at.isoformat() == "2026-05-14T12:00:00+00:00"
