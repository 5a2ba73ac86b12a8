"""Who sees what of whose stock."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from app.db import Database
from foundation import audit
from foundation.audit import Actor
from foundation.people import Organisation, OrganisationKind
from foundation.spaces import OPERATIONAL_SPACE_ID
from layers.areas import Area, Level
from layers.jurisdictions import Jurisdiction
from layers.sharing import (
    MOST_SPECIFIC_FIRST,
    Audience,
    Visibility,
    consent_to_exercises,
    decide,
    may_be_copied,
    share,
    visible_level,
)

NOON = datetime(2026, 5, 14, 12, tzinfo=UTC)
BY = Actor("test")
RULES = st.dictionaries(st.sampled_from(Audience), st.sampled_from(Visibility))
FITTING = st.frozensets(st.sampled_from(Audience))


@given(RULES, FITTING)
def test_nothing_is_seen_without_a_rule_that_fits(rules, fitting):
    only_others = {audience: level for audience, level in rules.items() if audience not in fitting}
    assert decide(only_others, fitting) is Visibility.NOTHING


@given(RULES, FITTING, st.sampled_from(Audience), st.sampled_from(Visibility))
def test_a_more_general_rule_never_changes_what_a_more_specific_one_says(rules, fitting, audience, level):
    place = MOST_SPECIFIC_FIRST.index(audience)
    if any(MOST_SPECIFIC_FIRST.index(one) < place for one in rules.keys() & fitting):
        assert decide({**rules, audience: level}, fitting) == decide(rules, fitting)


@given(RULES, FITTING, st.sampled_from(Audience), st.sampled_from(Visibility))
def test_a_rule_that_fits_holds_against_all_more_general_ones(rules, fitting, audience, level):
    place = MOST_SPECIFIC_FIRST.index(audience)
    more_general = {one: other for one, other in rules.items() if MOST_SPECIFIC_FIRST.index(one) > place}
    assert decide({**more_general, audience: level}, fitting | {audience}) == level


def test_every_audience_has_its_place_in_the_order():
    assert sorted(MOST_SPECIFIC_FIRST) == sorted(Audience)


@pytest.fixture
def opened(database):
    found = Database(database, pool_size=1)
    yield found
    found.close()


# name -> where it is competent
PLACES = {
    "Maglaj": (Level.MUNICIPALITY, "M"),
    "Žepče": (Level.MUNICIPALITY, "Ž"),  # of the same canton
    "Mostar": (Level.MUNICIPALITY, "O"),  # of another canton
    "Doboj": (Level.MUNICIPALITY, "D"),  # of the other entity
    "Canton": (Level.CANTON, "ZE"),
    "Other canton": (Level.CANTON, "HN"),
    "Federation": (Level.ENTITY, "F"),
    "Srpska": (Level.ENTITY, "S"),
    "State": (Level.COUNTRY, "BA"),
    "Red Cross": None,
}
TREE = (
    (Level.COUNTRY, "BA", None),
    (Level.ENTITY, "F", "BA"),
    (Level.ENTITY, "S", "BA"),
    (Level.CANTON, "ZE", "F"),
    (Level.CANTON, "HN", "F"),
    (Level.MUNICIPALITY, "M", "ZE"),
    (Level.MUNICIPALITY, "Ž", "ZE"),
    (Level.MUNICIPALITY, "O", "HN"),
    (Level.MUNICIPALITY, "D", "S"),
)


@pytest.fixture
def country(opened):
    """A transaction in which these organisations are, and name -> id."""
    with opened.transaction(OPERATIONAL_SPACE_ID) as session:
        areas = {}
        for level, code, parent in TREE:
            above = areas[parent].id if parent else None
            areas[code] = Area(level=level, code=code, name=code, names={}, parent_id=above)
            session.add(areas[code])
            session.flush()
        ids = {}
        for name, place in PLACES.items():
            made = Organisation(name=name, kind=OrganisationKind.OTHER, created_at=NOON)
            session.add(made)
            session.flush()
            ids[name] = made.id
            if place:
                session.add(Jurisdiction(organisation_id=made.id, level=place[0], code=place[1]))
        session.flush()
        yield session, ids


def seen_by(country, owner="Maglaj"):
    """Who sees something of the owner's."""
    session, ids = country
    others = set(ids) - {owner}
    return {name for name in others if visible_level(session, ids[owner], ids[name]) is not Visibility.NOTHING}


def test_by_default_nobody_but_the_owner_sees_anything(country):
    session, ids = country
    assert seen_by(country) == set()
    assert visible_level(session, ids["Maglaj"], ids["Maglaj"]) is Visibility.FULL


@pytest.mark.parametrize(
    ("audience", "who"),
    [
        (Audience.UPWARD, {"Canton", "Federation", "State"}),
        (Audience.OWN_CANTON, {"Canton", "Žepče"}),
        (Audience.OWN_ENTITY, {"Canton", "Žepče", "Federation", "Mostar", "Other canton"}),
        (Audience.EVERYBODY, set(PLACES) - {"Maglaj"}),
    ],
)
def test_each_audience_is_who_it_says(country, audience, who):
    session, ids = country
    share(session, ids["Maglaj"], audience, Visibility.FREE, by=BY, at=NOON)
    assert seen_by(country) == who


def test_a_named_organisation_comes_before_all_groups_and_no_other_is_meant(country):
    session, ids = country
    for audience in (Audience.EVERYBODY, Audience.UPWARD, Audience.OWN_CANTON):
        share(session, ids["Maglaj"], audience, Visibility.FULL, by=BY, at=NOON)
    share(session, ids["Maglaj"], Audience.ONE, Visibility.NOTHING, viewer=ids["Canton"], by=BY, at=NOON)
    assert visible_level(session, ids["Maglaj"], ids["Canton"]) is Visibility.NOTHING
    assert visible_level(session, ids["Maglaj"], ids["Federation"]) is Visibility.FULL


def test_an_owner_without_an_area_has_nobody_above_it(country):
    session, ids = country
    for audience in (Audience.UPWARD, Audience.OWN_CANTON, Audience.OWN_ENTITY):
        share(session, ids["Red Cross"], audience, Visibility.FULL, by=BY, at=NOON)
    assert seen_by(country, "Red Cross") == set()


def test_to_share_is_not_to_see(country):
    session, ids = country
    share(session, ids["Maglaj"], Audience.EVERYBODY, Visibility.FULL, by=BY, at=NOON)
    assert visible_level(session, ids["Doboj"], ids["Maglaj"]) is Visibility.NOTHING


def test_every_change_is_audited_once_and_can_be_taken_back(country):
    session, ids = country
    for level in (Visibility.FREE, Visibility.FREE, Visibility.FULL, None, None):
        share(session, ids["Maglaj"], Audience.UPWARD, level, by=BY, at=NOON)
    facts = [(e.facts["was"], e.facts["is"]) for e in audit.entries(session, space=OPERATIONAL_SPACE_ID)]
    assert facts == [("full", None), ("free", "full"), (None, "free")]
    assert seen_by(country) == set()


def test_seeing_the_stock_is_no_consent_to_copy_it_into_exercises(country):
    session, ids = country
    share(session, ids["Maglaj"], Audience.EVERYBODY, Visibility.FULL, by=BY, at=NOON)
    assert not may_be_copied(session, ids["Maglaj"])
    for consent in (True, True, False):
        consent_to_exercises(session, ids["Maglaj"], consent, by=BY, at=NOON)
        assert may_be_copied(session, ids["Maglaj"]) is consent
    actions = [entry.action for entry in audit.entries(session, space=OPERATIONAL_SPACE_ID)]
    assert actions == ["exercise_consent.withdrawn", "exercise_consent.given", "stock_sharing.changed"]


def test_a_rule_for_one_must_name_it(country):
    session, ids = country
    with pytest.raises(IntegrityError, match="one_is_named"), session.begin_nested():
        share(session, ids["Maglaj"], Audience.ONE, Visibility.FULL, by=BY, at=NOON)
