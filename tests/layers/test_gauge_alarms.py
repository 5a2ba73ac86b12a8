"""Passing and leaving thresholds: told once, proposed and never declared, however the river wobbles."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation import outbox
from foundation.audit import entries
from foundation.spaces import OPERATIONAL_SPACE_ID as OP
from foundation.spaces import Space, SpaceState
from layers import declaring, diary, gauges, incident_marks, incidents, measuring
from layers.diary import EntryKind
from layers.gauge_alarms import HOLD, LEFT, PASSED, alarms_between, follow, open_alarms
from layers.gauges import DefenceLevel, Station, StationThreshold
from layers.incidents import IncidentState, Origin
from layers.readings import Reading, ReadingSource
from tests.layers.builders_field import DUTY, NOON, a_station, enter, set_limits

HOUR = timedelta(hours=1)
REGULAR, EXTRAORDINARY, COMPANIES, CITIZENS, DECLARE = DefenceLevel


@pytest.fixture
def doboj(session):
    return a_station(session)


def told(session, space=OP):
    """(topic, level, the gauge's level in cm) of each message."""
    messages = outbox.read_after(session, 0, space=space)
    return [(m.topic, m.payload["level"], m.payload["level_cm"]) for m in messages]


def levels(session, station):
    return [alarm.level for alarm in open_alarms(session, OP, [station.id])]


def test_a_passed_threshold_is_told_and_an_incident_proposed_never_declared(session, doboj):
    enter(session, doboj, 290, 312)
    assert told(session) == [(PASSED, "regular", "312")]
    [one] = incidents.incidents(session, OP)
    assert (one.state, one.origin, one.title) == (IncidentState.PROPOSED, Origin.GAUGE, "Doboj (Bosna): 312 cm")
    assert [a.id for a in incidents.municipalities(session, OP, [one.id])[one.id]] == [doboj.municipality_id]
    assert [li.station_id for li in incident_marks.links(session, OP, one.id)] == [doboj.id]
    [alarm] = open_alarms(session, OP, [doboj.id])
    assert (alarm.value_cm, alarm.passed_at, alarm.incident_id) == (300, NOON + HOUR, one.id)
    [entry] = diary.entries(session, OP, incident_id=one.id)
    assert (entry.kind, entry.area_id, entry.happened_at) == (EntryKind.SYSTEM, doboj.municipality_id, NOON + HOUR)
    assert entry.text.format(**entry.parameters).startswith("Gauge Doboj (Bosna): 312.0 cm, the threshold of 300.0 cm")
    assert PASSED in {e.action for e in entries(session, space=OP)}


def test_a_fast_rise_is_told_once_by_its_highest_threshold(session, doboj):
    enter(session, doboj, 290, 545, confirmed=True)
    assert told(session) == [(PASSED, "mobilise_citizens", "545")]
    assert levels(session, doboj) == [REGULAR, EXTRAORDINARY, COMPANIES, CITIZENS]
    [message] = outbox.read_after(session, 0, space=OP)
    assert message.payload["levels"] == ["regular", "extraordinary", "mobilise_companies", "mobilise_citizens"]
    assert message.payload["doubtful"]
    assert len(incidents.incidents(session, OP)) == 1


def test_the_next_thresholds_belong_to_the_same_incident(session, doboj):
    enter(session, doboj, 310)
    enter(session, doboj, 400, 460, 490, first=NOON + HOUR)
    assert [level for _, level, _ in told(session)] == ["regular", "mobilise_companies"]
    [one] = incidents.incidents(session, OP)
    assert len(diary.entries(session, OP, incident_id=one.id)) == 2
    assert {alarm.incident_id for alarm in open_alarms(session, OP)} == {one.id}


def test_a_declared_incident_takes_what_follows_and_a_dismissed_one_does_not(session, doboj):
    enter(session, doboj, 310)
    [first] = incidents.incidents(session, OP)
    declaring.declare(session, OP, first.id, decided_by="Komandant", decision="1", at=NOON, by=DUTY)
    enter(session, doboj, 460, first=NOON + 3 * HOUR)
    assert len(incidents.incidents(session, OP)) == 1
    declaring.lift(session, OP, first.id, decided_by="Komandant", decision="2", at=NOON + 3 * HOUR, by=DUTY)
    enter(session, doboj, 485, first=NOON + 4 * HOUR)
    assert [(i.number, i.state) for i in incidents.incidents(session, OP)] == [
        (2, IncidentState.PROPOSED),
        (1, IncidentState.LIFTED),
    ]
    declaring.dismiss(session, OP, incidents.incidents(session, OP)[0].id, reason="x", at=NOON + 5 * HOUR, by=DUTY)
    enter(session, doboj, 486, first=NOON + 5 * HOUR)
    assert len(incidents.incidents(session, OP)) == 2
    enter(session, doboj, 535, first=NOON + 6 * HOUR)
    assert [i.number for i in incidents.incidents(session, OP)] == [3, 2, 1]


def test_a_river_that_wobbles_rings_once(session, doboj):
    enter(session, doboj, *([305, 298, 303, 285, 301, 289] * 4), every=timedelta(minutes=30))
    assert told(session) == [(PASSED, "regular", "305")]
    assert levels(session, doboj) == [REGULAR]


def test_a_threshold_is_left_when_the_water_has_stood_lower_for_hours(session, doboj):
    enter(session, doboj, 310, 289, 285, 280)
    assert told(session) == [(PASSED, "regular", "310")]
    enter(session, doboj, 275, first=NOON + 4 * HOUR)
    assert told(session)[1:] == [(LEFT, "regular", "275")]
    [alarm] = alarms_between(session, OP, [doboj.id], NOON, NOON + 9 * HOUR)
    assert (alarm.left_at, alarm.peak_cm, alarm.peak_at) == (NOON + 4 * HOUR, 310, NOON)
    enter(session, doboj, 302, first=NOON + 5 * HOUR)
    assert [topic for topic, _, _ in told(session)] == [PASSED, LEFT, PASSED]


def test_thresholds_are_left_one_by_one_and_told_by_the_lowest(session, doboj):
    enter(session, doboj, 490, 430, 380, 330, 320, every=1.5 * HOUR)
    assert told(session) == [(PASSED, "mobilise_companies", "490")]
    assert levels(session, doboj) == [REGULAR]  # what came and went within one file was told with its end
    [message] = outbox.read_after(session, 0, space=OP)
    assert not message.payload["still"]


def test_what_is_too_old_to_say_anything_of_now_rings_nothing(session, doboj):
    enter(session, doboj, 350, 360, at=NOON + 9 * HOUR)
    assert (told(session), incidents.incidents(session, OP)) == ([], [])


def test_a_reading_that_comes_late_changes_nothing(session, doboj):
    enter(session, doboj, 250, first=NOON + 2 * HOUR)
    enter(session, doboj, 310, first=NOON + HOUR, at=NOON + 2 * HOUR, confirmed=True)
    assert told(session) == []
    enter(session, doboj, 305, first=NOON + 3 * HOUR)
    enter(session, doboj, 200, first=NOON + HOUR / 2, at=NOON + 3 * HOUR, confirmed=True)
    assert levels(session, doboj) == [REGULAR]


def test_a_doubtful_low_reading_does_not_call_the_water_low(session, doboj):
    enter(session, doboj, 320)
    enter(session, doboj, 20, 18, 17, 16, 15, 15, first=NOON + HOUR, confirmed=True, source=ReadingSource.API)
    assert levels(session, doboj) == [REGULAR]
    assert [topic for topic, _, _ in told(session)] == [PASSED]
    # So low it can be four hours after 320 cm at the earliest, and is left three hours later.
    enter(session, doboj, 14, first=NOON + 7 * HOUR, source=ReadingSource.API)
    assert levels(session, doboj) == []


def test_a_corrected_mistake_ends_what_was_never_passed(session, doboj):
    [wrong] = enter(session, doboj, 412).new
    measuring.correct(session, OP, wrong.id, Decimal(241), reason="digits swapped", by=DUTY, at=NOON + HOUR)
    assert [topic for topic, _, _ in told(session)] == [PASSED, LEFT]
    assert outbox.read_after(session, 1, space=OP)[0].payload["corrected"]
    assert levels(session, doboj) == []
    assert alarms_between(session, OP, [doboj.id], NOON, NOON + HOUR) == []
    [one] = incidents.incidents(session, OP)
    assert one.state is IncidentState.PROPOSED  # a person dismisses it
    assert "was not passed" in diary.entries(session, OP, incident_id=one.id)[0].text


def test_a_correction_upwards_rings(session, doboj):
    [wrong] = enter(session, doboj, 241).new
    measuring.correct(session, OP, wrong.id, Decimal(412), reason="digits swapped", by=DUTY, at=NOON + HOUR)
    assert told(session) == [(PASSED, "regular", "412")]


def test_a_reading_that_was_taken_back_leaves_what_others_passed(session, doboj):
    enter(session, doboj, 305)
    [wrong] = enter(session, doboj, 500, first=NOON + 2 * HOUR, confirmed=True).new
    measuring.correct(session, OP, wrong.id, None, reason="other gauge", by=DUTY, at=NOON + 3 * HOUR)
    assert levels(session, doboj) == [REGULAR]


def test_a_threshold_that_was_withdrawn_is_left_with_the_next_reading(session, doboj):
    enter(session, doboj, 310)
    gauges.set_thresholds(session, doboj.id, {REGULAR: None}, seen={REGULAR: 1}, by=DUTY, at=NOON)
    enter(session, doboj, 311, first=NOON + HOUR)
    assert levels(session, doboj) == []


def test_a_raised_threshold_is_what_the_water_is_held_against(session, doboj):
    enter(session, doboj, 310)
    set_limits(session, doboj.id, {REGULAR: 330}, seen={REGULAR: 1})
    enter(session, doboj, 315, 316, 317, 318, 319, first=NOON + HOUR)
    assert levels(session, doboj) == []


def test_a_gauge_without_thresholds_rings_nothing(session):
    bare = a_station(session, limits={})
    enter(session, bare, 900)
    assert told(session) == []


def test_made_readings_are_marked_through_to_the_message_and_the_incident(session, doboj):
    enter(session, doboj, 310, source=ReadingSource.ILLUSTRATIVE)
    [message] = outbox.read_after(session, 0, space=OP)
    assert message.payload["illustrative"]
    assert incidents.incidents(session, OP)[0].illustrative


def test_an_exercise_rings_for_itself(db, noon):
    with db.without_space() as session:
        space = Space(slug="sava-2026", name="Sava 2026", state=SpaceState.OPEN, created_at=noon)
        session.add(space)
    with db.transaction(OP) as session:
        doboj = a_station(session)
    with db.transaction(space.id) as session:
        enter(session, doboj, 540, space=space.id)
        assert [level for _, level, _ in told(session, space.id)] == ["mobilise_citizens"]
        assert len(incidents.incidents(session, space.id)) == 1
    with db.transaction(OP) as session:
        assert (told(session), incidents.incidents(session, OP)) == ([], [])


# --- any river -------------------------------------------------------------------------------------------------------

STATION = Station(id=uuid4(), margin_cm=Decimal(10), river="Bosna", name="Doboj")
LIMITS = [
    StationThreshold(id=uuid4(), level=level, value_cm=Decimal(cm))
    for level, cm in ((REGULAR, 300), (EXTRAORDINARY, 320), (DECLARE, 340))
]
RIVER = st.lists(st.tuples(st.integers(5, 240), st.integers(270, 360), st.booleans()), min_size=1, max_size=40)


@settings(max_examples=200, deadline=None)
@given(RIVER)
def test_whatever_the_river_does_nobody_is_flooded_with_notices_and_none_is_missing(river):
    """A threshold rings again only after HOLD of low water; above it, it is always passed."""
    at, alarms, rung = NOON, [], {level: [] for level in DefenceLevel}
    for minutes, cm, doubtful in river:
        at += timedelta(minutes=minutes)
        reading = Reading(id=uuid4(), observed_at=at, level_cm=Decimal(cm), doubtful=doubtful)
        followed = follow(OP, STATION, LIMITS, alarms, [reading])
        alarms = [a for a in [*alarms, *followed.passed] if a.is_open]
        for alarm in followed.passed:
            rung[alarm.level].append(("passed", at))
        for alarm in followed.left:
            rung[alarm.level].append(("left", at))
        is_open = {a.level for a in alarms}
        assert {limit.level for limit in LIMITS if limit.cm <= cm} <= is_open
        assert all(a.peak_cm >= cm for a in alarms)
        assert len(is_open) == len(alarms)
    for events in rung.values():
        assert [what for what, _ in events] == ["passed", "left"] * (len(events) // 2) + ["passed"] * (len(events) % 2)
        for (_, passed), (_, left) in zip(events[::2], events[1::2], strict=False):
            assert left - passed >= HOLD
    # The same readings in one lot end in the same alarms.
    at, readings = NOON, []
    for minutes, cm, doubtful in river:
        at += timedelta(minutes=minutes)
        readings.append(Reading(id=uuid4(), observed_at=at, level_cm=Decimal(cm), doubtful=doubtful))
    followed = follow(OP, STATION, LIMITS, [], readings)
    assert {a.level for a in followed.passed if a.is_open} == {a.level for a in alarms}
