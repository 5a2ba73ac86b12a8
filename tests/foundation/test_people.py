from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from foundation.people import (
    Locale,
    Membership,
    Organisation,
    OrganisationKind,
    Person,
    normal_email,
    organisations_of,
    person_by_email,
)


@pytest.fixture
def a_person(noon):
    def build(email=None, name="Amra Hodžić"):
        return Person(name=name, email=email, created_at=noon)

    return build


@pytest.fixture
def doboj(noon):
    return Organisation(name="Doboj", kind=OrganisationKind.MUNICIPALITY, created_at=noon)


def test_a_person_reads_bosnian_until_they_choose(db, a_person):
    with db.without_space() as session:
        person = a_person()
        session.add(person)
        session.flush()
        assert person.locale is Locale.BOSNIAN
        assert person.is_active


def test_two_active_people_cannot_have_one_address_in_two_cases(db, a_person):
    with pytest.raises(IntegrityError, match="uq_person_email_active"), db.without_space() as session:
        session.add_all([a_person("amra@doboj.ba"), a_person("Amra@Doboj.BA")])


def test_two_people_may_have_no_address(db, a_person):
    with db.without_space() as session:
        session.add_all([a_person(), a_person()])


def test_the_address_of_someone_who_left_is_free_again(db, a_person, noon):
    with db.without_space() as session:
        gone = a_person("dezurni@doboj.ba")
        gone.deactivate(at=noon)
        session.add_all([gone, a_person("dezurni@doboj.ba", name="Edin Kovač")])
    with db.without_space() as session:
        assert person_by_email(session, "DEZURNI@doboj.ba").name == "Edin Kovač"


def test_someone_who_left_is_not_found_by_address(db, a_person, noon):
    with db.without_space() as session:
        gone = a_person("dezurni@doboj.ba")
        gone.deactivate(at=noon)
        session.add(gone)
        session.flush()
        assert person_by_email(session, "dezurni@doboj.ba") is None


def test_leaving_twice_keeps_the_first_date(a_person, noon):
    person = a_person()
    person.deactivate(at=noon)
    person.deactivate(at=noon + timedelta(days=1))
    assert person.deactivated_at == noon


def test_č_is_one_letter_however_it_was_typed(db, a_person):
    with db.without_space() as session:
        session.add(a_person(" KOVAC\u030c@doboj.ba "))
        session.flush()
        assert person_by_email(session, "kovač@doboj.ba") is not None


@given(st.emails())
def test_normalising_an_address_twice_changes_nothing(email):
    assert normal_email(normal_email(email)) == normal_email(email)


def test_a_membership_includes_its_beginning_and_not_its_end(db, a_person, doboj, noon):
    person = a_person()
    with db.without_space() as session:
        session.add_all([person, doboj])
        session.flush()
        session.add(
            Membership(person_id=person.id, organisation_id=doboj.id, since=noon, until=noon + timedelta(days=1))
        )
        session.flush()
        for hours, expected in ((-1, []), (0, ["Doboj"]), (23, ["Doboj"]), (24, [])):
            at = noon + timedelta(hours=hours)
            assert [organisation.name for organisation in organisations_of(session, person.id, at=at)] == expected


def test_one_membership_may_follow_another_but_not_overlap_it(db, a_person, doboj, noon):
    person = a_person()
    day = timedelta(days=1)

    def from_to(since, until):
        return Membership(person_id=person.id, organisation_id=doboj.id, since=since, until=until)

    with db.without_space() as session:
        session.add_all([person, doboj])
        session.flush()
        session.add_all([from_to(noon, noon + day), from_to(noon + day, None)])
    with pytest.raises(IntegrityError, match="ex_membership_once_at_a_time"), db.without_space() as session:
        session.add(from_to(noon + 5 * day, noon + 6 * day))


def test_a_membership_cannot_end_before_it_begins(db, a_person, doboj, noon):
    person = a_person()
    with db.without_space() as session:
        session.add_all([person, doboj])
    with pytest.raises(IntegrityError, match="ck_membership_period"), db.without_space() as session:
        session.add(Membership(person_id=person.id, organisation_id=doboj.id, since=noon, until=noon - timedelta(1)))
