"""Entering and correcting readings, in the operational space and in an exercise."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError

from foundation.audit import Subject, entries
from foundation.spaces import OPERATIONAL_SPACE_ID as OP
from foundation.spaces import Space, SpaceState
from layers import gauges, measuring, readings
from layers.areas import Area
from layers.field_errors import (
    AlreadyCorrected,
    ImplausibleReading,
    LevelOutOfRange,
    LikeMetres,
    MetresTaken,
    NoReason,
    NoSuchReading,
    NoSuchStation,
    ReadingConflict,
    ReadingFromTheFuture,
    StationClosed,
)
from layers.gauge_alarms import open_alarms
from layers.readings import Measured, Reading, ReadingSource
from tests.layers.builders_field import DUTY, NOON, a_station, enter

HOUR = timedelta(hours=1)


@pytest.fixture
def doboj(session):
    return a_station(session)


def levels(session, station, space=OP):
    return [(r.observed_at, r.level_cm) for r in readings.of_station(session, space, station.id)]


def test_a_reading_says_who_entered_it_and_when(session, doboj):
    kept = enter(session, doboj, 312, at=NOON + HOUR)
    [reading] = readings.of_station(session, OP, doboj.id)
    assert kept.new == [reading]
    assert (reading.level_cm, reading.observed_at, reading.recorded_at) == (312, NOON, NOON + HOUR)
    assert (reading.recorded_by, reading.source, reading.doubtful) == ("Amra Hodžić", ReadingSource.FORM, False)
    [audit] = [e for e in entries(session, space=OP) if e.action == "reading.entered"]
    assert (audit.subject_id, audit.facts["newest_cm"], audit.facts["readings"]) == (str(doboj.id), "312", 1)


def test_the_same_reading_twice_is_one(session, doboj):
    enter(session, doboj, 312)
    before = len(entries(session, space=OP))
    kept = enter(session, doboj, 312)
    assert (kept.new, kept.duplicates) == ([], 1)
    assert levels(session, doboj) == [(NOON, 312)]
    assert len(entries(session, space=OP)) == before


def test_another_level_for_the_same_moment_is_no_correction_by_itself(session, doboj):
    enter(session, doboj, 312)
    with pytest.raises(ReadingConflict, match=r"312 cm .* entered by Amra Hodžić; 321 cm"):
        enter(session, doboj, 321)
    assert levels(session, doboj) == [(NOON, 312)]


def test_all_readings_are_entered_or_none(session, doboj):
    enter(session, doboj, 300, first=NOON + 2 * HOUR)
    with pytest.raises(ReadingConflict):
        enter(session, doboj, 290, 295, 305)
    assert levels(session, doboj) == [(NOON + 2 * HOUR, 300)]


@pytest.mark.parametrize(
    ("level", "error"),
    [(13_700, LevelOutOfRange), (-501, LevelOutOfRange), ("NaN", LevelOutOfRange), ("Infinity", LevelOutOfRange)],
)
def test_a_level_that_no_river_here_has_is_refused(session, doboj, level, error):
    with pytest.raises(error, match="-500 to 2500 cm"):
        enter(session, doboj, level)


def test_a_reading_of_later_than_now_is_refused(session, doboj):
    enter(session, doboj, 300, at=NOON - timedelta(minutes=4))
    with pytest.raises(ReadingFromTheFuture, match=r"2026-05-14 15:00 \(CEST\) has not come yet"):
        enter(session, doboj, 310, first=NOON + HOUR, at=NOON)


def test_a_gauge_that_is_not_there_takes_no_reading(session, doboj):
    with pytest.raises(NoSuchStation):
        measuring.enter(session, OP, [Measured(OP, NOON, Decimal(1))], source=ReadingSource.API, by=DUTY, at=NOON)


def test_a_gauge_that_is_read_no_more_takes_no_reading_and_rings_no_more(session, doboj):
    enter(session, doboj, 310)
    assert len(open_alarms(session, OP)) == 1
    gauges.close_station(session, doboj.id, by=DUTY, at=NOON)
    with pytest.raises(StationClosed, match="is read no more since 2026-05-14"):
        enter(session, doboj, 312, first=NOON + HOUR)
    assert open_alarms(session, OP) == []


# --- what does not look right ----------------------------------------------------------------------------------------


def test_metres_among_centimetres_are_recognised(session, doboj):
    enter(session, doboj, 405)
    with pytest.raises(MetresTaken, match="Write 412 if that is meant"):
        enter(session, doboj, "4.12", first=NOON + HOUR)


@pytest.mark.parametrize("written", ["4.12", "4.1", "4.00"])
def test_metres_are_recognised_after_days_without_a_reading(session, doboj, written):
    enter(session, doboj, 180)
    with pytest.raises(LikeMetres, match="looks like metres"):
        enter(session, doboj, written, first=NOON + 72 * HOUR)
    enter(session, doboj, 4, first=NOON + 72 * HOUR)


def test_a_leap_must_be_confirmed_and_stays_marked(session, doboj):
    enter(session, doboj, 250)
    with pytest.raises(ImplausibleReading, match=r"480 cm after 250 cm"):
        enter(session, doboj, 480, first=NOON + HOUR)
    kept = enter(session, doboj, 480, first=NOON + HOUR, confirmed=True)
    assert (kept.doubtful, [r.doubtful for r in kept.new]) == (1, [True])


def test_a_leap_to_a_later_reading_is_seen_too(session, doboj):
    enter(session, doboj, 250, first=NOON + HOUR)
    with pytest.raises(ImplausibleReading):
        enter(session, doboj, 600, at=NOON + HOUR)


@pytest.mark.parametrize(("levels", "hours"), [((200, 250), 0.01), ((200, 299), 1), ((100, 700), 25), ((300, 230), 1)])
def test_a_fast_but_possible_change_is_taken(session, doboj, levels, hours):
    assert enter(session, doboj, *levels, every=timedelta(hours=hours)).doubtful == 0


def test_only_the_point_that_breaks_a_wave_is_doubtful(session, doboj):
    kept = enter(session, doboj, 300, 310, 900, 320, 330, confirmed=True)
    assert [r.doubtful for r in kept.new] == [False, False, True, False, False]


def test_a_sensor_does_not_become_right_by_repeating_itself(session, doboj):
    enter(session, doboj, 320, source=ReadingSource.API)
    kept = enter(session, doboj, 20, 18, 18, 18, 18, first=NOON + HOUR, source=ReadingSource.API, confirmed=True)
    # 302 cm lower is only possible after more than three hours.
    assert [r.doubtful for r in kept.new] == [True, True, True, False, False]


# --- corrections -----------------------------------------------------------------------------------------------------


def test_a_correction_counts_and_what_was_said_stays_readable(session, doboj):
    [wrong] = enter(session, doboj, 321).new
    measuring.correct(session, OP, wrong.id, Decimal(312), reason="digits swapped", by=DUTY, at=NOON + HOUR)
    assert levels(session, doboj) == [(NOON, 312)]
    told = readings.revisions(session, OP, doboj.id, NOON)
    assert [(r.revision, r.level_cm, r.reason) for r in told] == [(2, 312, "digits swapped"), (1, 321, None)]
    audit = entries(session, space=OP, subject=Subject("station", doboj.id))[0]
    assert (audit.action, audit.facts["was"], audit.facts["is"]) == ("reading.corrected", "321", "312")


def test_a_reading_that_was_none_is_taken_back_and_may_be_entered_after_all(session, doboj):
    enter(session, doboj, 300, first=NOON - HOUR)
    [wrong] = enter(session, doboj, 321).new
    void = measuring.correct(session, OP, wrong.id, None, reason="other gauge", by=DUTY, at=NOON)
    assert levels(session, doboj) == [(NOON - HOUR, 300)]
    measuring.correct(session, OP, void.id, Decimal(305), reason="it was this gauge", by=DUTY, at=NOON)
    assert levels(session, doboj) == [(NOON, 305), (NOON - HOUR, 300)]


def test_what_was_corrected_meanwhile_is_not_corrected_again(session, doboj):
    [wrong] = enter(session, doboj, 321).new
    measuring.correct(session, OP, wrong.id, Decimal(312), reason="digits", by=DUTY, at=NOON)
    with pytest.raises(AlreadyCorrected):
        measuring.correct(session, OP, wrong.id, Decimal(313), reason="digits", by=DUTY, at=NOON)


def test_a_correction_needs_a_reason_and_a_reading(session, doboj):
    [wrong] = enter(session, doboj, 321).new
    with pytest.raises(NoReason):
        measuring.correct(session, OP, wrong.id, Decimal(312), reason=" ", by=DUTY, at=NOON)
    with pytest.raises(NoSuchReading):
        measuring.correct(session, OP, doboj.id, Decimal(312), reason="x", by=DUTY, at=NOON)
    with pytest.raises(LevelOutOfRange):
        measuring.correct(session, OP, wrong.id, Decimal(31_200), reason="x", by=DUTY, at=NOON)


@pytest.mark.parametrize("statement", ["UPDATE reading SET level_cm = 0", "DELETE FROM reading"])
def test_nobody_rewrites_a_reading(session, doboj, statement):
    enter(session, doboj, 321)
    with pytest.raises(ProgrammingError, match="permission denied"), session.begin_nested():
        session.execute(text(statement))


# --- spaces, rivals --------------------------------------------------------------------------------------------------


def test_an_exercise_reads_its_own_river(db, noon):
    with db.without_space() as session:
        space = Space(slug="sava-2026", name="Sava 2026", state=SpaceState.OPEN, created_at=noon)
        session.add(space)
    with db.transaction(OP) as session:
        doboj = a_station(session)
        enter(session, doboj, 120)
    with db.transaction(space.id) as session:
        assert readings.of_station(session, space.id, doboj.id) == []
        enter(session, doboj, 540, space=space.id)
        assert levels(session, doboj, space.id) == [(NOON, 540)]
        assert "540" in {e.facts.get("newest_cm") for e in entries(session, space=space.id)}
    with db.transaction(OP) as session:
        assert levels(session, doboj) == [(NOON, 120)]


def test_rivals_with_the_same_reading_enter_it_once(db):
    with db.transaction(OP) as session:
        doboj = a_station(session)

    def go(_):
        with db.transaction(OP) as session:
            return len(enter(session, doboj, 312, 320).new)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(go, range(4))) == [0, 0, 0, 2]
    with db.transaction(OP) as session:
        assert [r.level_cm for r in readings.of_station(session, OP, doboj.id)] == [320, 312]


def test_rivals_who_enter_the_same_gauges_in_another_order_do_not_wait_for_each_other_for_ever(db):
    with db.transaction(OP) as session:
        one = a_station(session)
        made = [
            one,
            *(a_station(session, code=f"S{i}", municipality=session.get(Area, one.municipality_id)) for i in range(9)),
        ]

    def go(turn):
        stations = made[::-1] if turn % 2 else made
        with db.transaction(OP) as session:
            measured = [Measured(s.id, NOON + turn * HOUR, Decimal(200)) for s in stations]
            return len(
                measuring.enter(session, OP, measured, source=ReadingSource.API, by=DUTY, at=NOON + 9 * HOUR).new
            )

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(go, range(8))) == [10] * 8


STEP = st.one_of(
    st.tuples(st.just("enter"), st.integers(0, 3), st.integers(100, 140)),
    st.tuples(st.just("correct"), st.integers(0, 3), st.one_of(st.none(), st.integers(100, 140))),
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEP, max_size=12))
def test_whatever_is_entered_and_corrected_the_last_word_counts(session, steps):
    with session.begin_nested() as nested:
        doboj = a_station(session)
        expected = {}
        for what, hour, level in steps:
            at = NOON + hour * HOUR
            newest = readings.revisions(session, OP, doboj.id, at)
            if what == "enter" and hour not in expected:
                enter(session, doboj, level, first=at)
                expected[hour] = level
            elif what == "enter" and expected[hour] != level:
                with pytest.raises(ReadingConflict):
                    enter(session, doboj, level, first=at)
            elif what == "correct" and newest:
                cm = None if level is None else Decimal(level)
                measuring.correct(session, OP, newest[0].id, cm, reason="x", by=DUTY, at=at)
                expected[hour] = level
        assert dict(levels(session, doboj)) == {NOON + h * HOUR: cm for h, cm in expected.items() if cm is not None}
        told = session.scalars(select(Reading).where(Reading.station_id == doboj.id)).all()
        for hour in expected:
            of_hour = sorted(r.revision for r in told if r.observed_at == NOON + hour * HOUR)
            assert of_hour == list(range(1, len(of_hour) + 1))
        nested.rollback()
