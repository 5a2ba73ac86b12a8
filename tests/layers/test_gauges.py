"""Gauges and their thresholds: entered with a source, changed by revisions, audited."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from foundation.audit import Subject, entries
from foundation.spaces import OPERATIONAL_SPACE_ID as OP
from layers import gauges
from layers.areas import Level
from layers.catalogue import Method
from layers.field_errors import (
    ChangedMeanwhile,
    Empty,
    NoSource,
    NoSuchStation,
    NotAMunicipality,
    OutOfBounds,
    StationExists,
    ThresholdsOutOfOrder,
    WrongPlace,
    WrongThreshold,
    WrongTie,
)
from layers.gauges import DefenceLevel, facts_of
from tests.layers.builders_field import DOBOJ, DUTY, NOON, a_limit, a_station, an_area, set_limits, some_facts


def test_a_gauge_is_known_by_its_river_place_and_source(session):
    made = a_station(session, zero_m_asl=Decimal("137.01"))
    found = gauges.station_by_code(session, "BOS-DOBOJ")
    assert found.title == "Doboj (Bosna)"
    assert found.lon_lat == (18.09, 44.73)
    assert (found.zero_m_asl, found.source, found.method) == (Decimal("137.01"), "list of gauges", Method.OFFICIAL)
    assert gauges.station(session, made.id) is found


def test_gauges_of_an_area_are_those_of_all_municipalities_below_it(session):
    entity = an_area(session, "BA-SRP", "Republika Srpska", level=Level.ENTITY)
    doboj = an_area(session, parent=entity.id)
    maglaj = an_area(session, "11053", "Maglaj")
    a_station(session, doboj)
    other = a_station(session, maglaj, code="BOS-MAGLAJ", name="Maglaj")
    assert [s.name for s in gauges.stations(session, entity.id)] == ["Doboj"]
    assert [s.name for s in gauges.stations(session)] == ["Doboj", "Maglaj"]
    gauges.close_station(session, other.id, by=DUTY, at=NOON)
    assert [s.name for s in gauges.stations(session)] == ["Doboj"]
    assert [s.name for s in gauges.stations(session, closed=True)] == ["Doboj", "Maglaj"]


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        ({"lon": 44.73, "lat": 18.09}, WrongPlace, "longitude first"),
        ({"lon": float("nan")}, WrongPlace, "nowhere near"),
        ({"code": " "}, Empty, "code: say something"),
        ({"source": ""}, NoSource, "where it comes from"),
        ({"margin_cm": Decimal("NaN")}, OutOfBounds, "from 0 to 200"),
        ({"zero_m_asl": Decimal(13_701)}, OutOfBounds, "metres above the sea"),
    ],
)
def test_a_gauge_that_cannot_be_is_refused_with_a_sentence(session, wrong, error, said):
    with pytest.raises(error, match=said):
        gauges.add_station(session, some_facts(an_area(session).id, **wrong), by=DUTY, at=NOON)


def test_a_gauge_belongs_to_a_municipality_and_not_to_what_is_above_it(session):
    canton = an_area(session, "BA-04", "Zeničko-dobojski kanton", level=Level.CANTON)
    with pytest.raises(NotAMunicipality, match="Zeničko-dobojski kanton is no municipality"):
        gauges.add_station(session, some_facts(canton.id), by=DUTY, at=NOON)


def test_a_code_is_taken_once(session):
    made = a_station(session)
    with pytest.raises(StationExists, match="BOS-DOBOJ"):
        gauges.add_station(session, some_facts(made.municipality_id), by=DUTY, at=NOON)
    other = gauges.add_station(session, some_facts(made.municipality_id, code="BOS-2"), by=DUTY, at=NOON)
    with pytest.raises(StationExists, match="BOS-DOBOJ"):
        gauges.change_station(session, other.id, facts_of(made), seen=1, by=DUTY, at=NOON)


def test_a_change_says_what_was_and_what_is(session):
    made = a_station(session)
    facts = some_facts(made.municipality_id, name="Doboj most")
    gauges.change_station(session, made.id, facts, seen=1, by=DUTY, at=NOON)
    assert facts_of(gauges.station(session, made.id)) == facts
    newest = entries(session, space=OP, subject=Subject("station", made.id))[0]
    assert (newest.action, newest.actor) == ("station.changed", "Amra Hodžić")
    assert (newest.facts["was"]["name"], newest.facts["is"]["name"]) == ("Doboj", "Doboj most")


def test_a_change_of_what_someone_else_has_changed_is_refused(session):
    made = a_station(session)
    gauges.change_station(session, made.id, facts_of(made), seen=1, by=DUTY, at=NOON)
    with pytest.raises(ChangedMeanwhile, match="Doboj"):
        gauges.change_station(session, made.id, facts_of(made), seen=1, by=DUTY, at=NOON)


def test_a_gauge_that_is_not_there_is_named(session):
    with pytest.raises(NoSuchStation, match="NER-1"):
        gauges.station_by_code(session, "NER-1")


# --- thresholds ------------------------------------------------------------------------------------------------------


def cms(limits):
    return [(limit.level, limit.value_cm) for limit in limits]


def test_the_thresholds_of_a_plan_come_in_the_order_of_its_steps(session):
    made = a_station(session)
    limits = gauges.thresholds(session, [made.id])[made.id]
    assert cms(limits) == list(DOBOJ.items())
    assert {limit.citation for limit in limits} == {"Local flood-defence plan, 27.3.2025"}


def test_a_revision_leaves_the_older_one_readable(session):
    made = a_station(session)
    set_limits(session, made.id, {DefenceLevel.DECLARE: 560}, seen={DefenceLevel.DECLARE: 1}, edition="2026")
    assert gauges.thresholds(session, [made.id])[made.id][-1].citation == "Local flood-defence plan, 2026"
    history = gauges.threshold_history(session, made.id, DefenceLevel.DECLARE)
    assert [(h.revision, h.value_cm) for h in history] == [(2, 560), (1, 550)]
    newest = entries(session, space=OP, subject=Subject("station", made.id))[0]
    assert (newest.facts["was"]["value_cm"], newest.facts["is"]["value_cm"]) == ("550", "560")


def test_a_threshold_that_is_withdrawn_is_in_force_no_more(session):
    made = a_station(session)
    wanted = {DefenceLevel.MOBILISE_COMPANIES: None}
    seen = {DefenceLevel.MOBILISE_COMPANIES: 1}
    left = gauges.set_thresholds(session, made.id, wanted, seen=seen, by=DUTY, at=NOON)
    assert DefenceLevel.MOBILISE_COMPANIES not in dict(cms(left))
    again = set_limits(session, made.id, {DefenceLevel.MOBILISE_COMPANIES: 490}, seen={"mobilise_companies": 2})
    assert dict(cms(again))[DefenceLevel.MOBILISE_COMPANIES] == 490


def test_two_people_who_change_the_same_threshold_are_told_of_each_other(session):
    made = a_station(session)
    set_limits(session, made.id, {DefenceLevel.REGULAR: 310}, seen={DefenceLevel.REGULAR: 1})
    with pytest.raises(ChangedMeanwhile, match="Doboj"):
        set_limits(session, made.id, {DefenceLevel.REGULAR: 290}, seen={DefenceLevel.REGULAR: 1})


def test_a_later_step_cannot_come_before_an_earlier_one(session):
    made = a_station(session)
    with pytest.raises(
        ThresholdsOutOfOrder,
        match="declaration of a natural disaster at 470 cm would come before mobilisation of citizens at 530",
    ):
        set_limits(session, made.id, {DefenceLevel.DECLARE: 470}, seen={DefenceLevel.DECLARE: 1})
    raised = {level: cm + 100 for level, cm in DOBOJ.items()}
    assert cms(set_limits(session, made.id, raised, seen=dict.fromkeys(DOBOJ, 1))) == list(raised.items())


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"value_cm": Decimal(30_000)}, WrongThreshold),
        ({"value_cm": Decimal("NaN")}, WrongThreshold),
        ({"source": " "}, NoSource),
        ({"rise_m": 0.5}, WrongTie),
        ({"rise_m": 50.0, "return_period_years": 100.0}, WrongTie),
        ({"return_period_years": 0.0}, WrongTie),
        ({"hazard_version_id": OP}, WrongTie),
    ],
)
def test_a_threshold_that_cannot_be_is_refused(session, wrong, error):
    made = a_station(session, limits={})
    facts = a_limit(**({"cm": wrong.pop("value_cm", 300)} | wrong))
    with pytest.raises(error):
        gauges.set_thresholds(session, made.id, {DefenceLevel.REGULAR: facts}, seen={}, by=DUTY, at=NOON)


@pytest.mark.parametrize("statement", ["UPDATE station_threshold SET value_cm = 999", "DELETE FROM station_threshold"])
def test_nobody_rewrites_a_threshold(session, statement):
    a_station(session)
    with pytest.raises(ProgrammingError, match="permission denied"), session.begin_nested():
        session.execute(text(statement))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(list(DefenceLevel)), st.integers(-500, 2500), min_size=1))
def test_what_is_in_force_is_always_in_the_order_of_the_plan(session, wanted):
    with session.begin_nested() as nested:
        made = a_station(session, limits={})
        in_plan_order = [wanted[level] for level in DefenceLevel if level in wanted]
        if in_plan_order == sorted(in_plan_order):
            assert cms(set_limits(session, made.id, wanted)) == [
                (le, wanted[le]) for le in DefenceLevel if le in wanted
            ]
        else:
            with pytest.raises(ThresholdsOutOfOrder):
                set_limits(session, made.id, wanted)
            assert gauges.thresholds(session, [made.id]) == {}
        nested.rollback()
