"""The state of a gauge at a moment, and how fast it is found among a million readings."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from foundation.spaces import OPERATIONAL_SPACE_ID as OP
from layers import gauges, measuring
from layers.areas import Level
from layers.gauge_states import Condition, state, states
from layers.gauges import DefenceLevel
from tests.layers.builders_field import DOBOJ, DUTY, NOON, a_station, an_area, enter, set_limits, some_facts

HOUR = timedelta(hours=1)


@pytest.fixture
def doboj(session):
    return a_station(session)


def now(session, station, at=NOON):
    return state(session, OP, at, station.id)


def test_a_gauge_that_nobody_read_has_no_state(session, doboj):
    found = now(session, doboj)
    assert found.condition is Condition.NO_READING
    assert (found.last, found.level_cm, found.passed) == (None, None, None)


def test_a_fresh_reading_says_what_is_passed_and_how_far_the_next_step_is(session, doboj):
    enter(session, doboj, 465)
    found = now(session, doboj, NOON + HOUR)
    assert (found.condition, found.level_cm, found.age) == (Condition.CURRENT, 465, HOUR)
    assert (found.passed.level, found.following.level) == (
        DefenceLevel.EXTRAORDINARY,
        DefenceLevel.MOBILISE_COMPANIES,
    )
    assert found.to_following_cm == 15


@pytest.mark.parametrize(
    ("level", "passed", "following"),
    [
        (299, None, DefenceLevel.REGULAR),
        ("299.9", None, DefenceLevel.REGULAR),
        (300, DefenceLevel.REGULAR, DefenceLevel.EXTRAORDINARY),
        (550, DefenceLevel.DECLARE, None),
        (721, DefenceLevel.DECLARE, None),
    ],
)
def test_a_threshold_is_passed_when_it_is_reached(session, doboj, level, passed, following):
    enter(session, doboj, level)
    found = now(session, doboj)
    assert (found.passed and found.passed.level, found.following and found.following.level) == (passed, following)


def test_an_old_reading_is_never_shown_as_the_state_of_now(session, doboj):
    enter(session, doboj, 540)
    assert now(session, doboj, NOON + 6 * HOUR).condition is Condition.CURRENT
    stale = now(session, doboj, NOON + 6 * HOUR + timedelta(minutes=1))
    assert stale.condition is Condition.STALE
    assert stale.last.level_cm == 540
    assert (stale.level_cm, stale.trend, stale.passed, stale.following, stale.exposed_passed) == (None,) * 5


def test_each_gauge_says_how_long_its_reading_holds(session):
    daily = a_station(session, stale_after=timedelta(hours=26))
    enter(session, daily, 120)
    assert now(session, daily, NOON + 25 * HOUR).condition is Condition.CURRENT


def test_the_trend_is_the_change_over_the_hours_that_were_measured(session, doboj):
    enter(session, doboj, 300, 310, 330, 360, 400, 450)
    trend = now(session, doboj, NOON + 5 * HOUR).trend
    assert (trend.change_cm, trend.hours, trend.cm_per_hour) == (450 - 330, 3.0, 40.0)


def test_a_trend_over_other_hours_than_asked_for_says_so(session, doboj):
    enter(session, doboj, 300, 280, every=4 * HOUR)
    trend = now(session, doboj, NOON + 4 * HOUR).trend
    assert (trend.change_cm, trend.hours) == (-20, 4.0)


def test_without_an_earlier_reading_there_is_no_trend_rather_than_none_rising(session, doboj):
    enter(session, doboj, 300, 310, every=7 * HOUR)
    assert now(session, doboj, NOON + 7 * HOUR).trend is None


def test_a_reading_that_was_taken_back_does_not_count(session, doboj):
    enter(session, doboj, 290, 310)
    [high] = enter(session, doboj, 320, first=NOON + 2 * HOUR).new
    measuring.correct(session, OP, high.id, None, reason="other gauge", by=DUTY, at=NOON + 2 * HOUR)
    found = now(session, doboj, NOON + 2 * HOUR)
    assert (found.level_cm, found.age) == (310, HOUR)


def test_a_corrected_level_counts_and_not_the_first(session, doboj):
    [high] = enter(session, doboj, 460).new
    measuring.correct(session, OP, high.id, Decimal(406), reason="digits", by=DUTY, at=NOON)
    assert now(session, doboj).passed.level is DefenceLevel.REGULAR


def test_what_comes_later_than_the_moment_asked_for_is_not_in_it(session, doboj):
    enter(session, doboj, 300, 320, 340)
    assert now(session, doboj, NOON + HOUR).level_cm == 320


def test_all_gauges_of_an_area_come_by_river_and_name(session):
    entity = an_area(session, "BA-SRP", level=Level.ENTITY)
    one = an_area(session, "20141", parent=entity.id)
    for code, river in (("V", "Vrbas"), ("B", "Bosna")):
        a_station(session, one, code=code, river=river)
    a_station(session, an_area(session, "11053"), code="M", river="Una")
    assert [s.station.river for s in states(session, OP, NOON, area_id=entity.id)] == ["Bosna", "Vrbas"]
    assert len(states(session, OP, NOON, limit=2)) == 2
    gauges.close_station(session, states(session, OP, NOON)[0].station.id, by=DUTY, at=NOON)
    assert [s.station.river for s in states(session, OP, NOON)] == ["Una", "Vrbas"]


def test_a_gauge_without_thresholds_passes_none(session):
    bare = a_station(session, limits={})
    enter(session, bare, 900)
    found = now(session, bare)
    assert (found.condition, found.passed, found.following) == (Condition.CURRENT, None, None)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.sampled_from(list(DefenceLevel)), st.integers(0, 50), max_size=5),
    st.lists(st.integers(0, 50), min_size=1, max_size=4),
)
def test_passed_and_following_are_the_neighbours_of_the_level(session, wanted, read):
    with session.begin_nested() as nested:
        limits = dict(zip([le for le in DefenceLevel if le in wanted], sorted(wanted.values()), strict=True))
        station = a_station(session, limits=limits)
        enter(session, station, *read)
        found = now(session, station, NOON + len(read) * HOUR)
        level = read[-1]
        below = [le for le, cm in limits.items() if cm <= level]
        above = [le for le, cm in limits.items() if cm > level]
        assert (found.passed and found.passed.level) == (below[-1] if below else None)
        assert (found.following and found.following.level) == (above[0] if above else None)
        assert found.to_following_cm == (limits[above[0]] - level if above else None)
        nested.rollback()


@pytest.mark.slow
def test_five_hundred_gauges_among_a_million_readings_answer_right(db):
    count, each = 500, 2000
    with db.transaction(OP) as session:
        areas = [an_area(session, f"{20_000 + i}", f"M{i}") for i in range(145)]
        made = [
            gauges.add_station(session, some_facts(areas[i % 145].id, code=f"S{i}"), by=DUTY, at=NOON)
            for i in range(count)
        ]
        for one in made:
            set_limits(session, one.id, DOBOJ)
        session.execute(
            text(
                "INSERT INTO reading (space_id, id, station_id, observed_at, revision, level_cm, source, doubtful,"
                " recorded_at, recorded_by)"
                " SELECT :space, gen_random_uuid(), station.id, :noon - make_interval(hours => k), 1,"
                " (7 * substr(code, 2)::int + k) % 600, 'api', false, :noon, 'telemetry'"
                " FROM station, generate_series(0, :last) k"
            ),
            {"space": OP, "noon": NOON, "last": each - 1},
        )
    with db.transaction(OP) as session:
        assert session.scalar(text("SELECT count(*) FROM reading")) == 1_000_000
        found = states(session, OP, NOON)
        assert len(found) == count
        assert {s.condition for s in found} == {Condition.CURRENT}
        assert all(s.level_cm == 7 * int(s.station.code[1:]) % 600 for s in found)
