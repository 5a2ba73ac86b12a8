"""Moments as people write them; the clocks of 2026 go forward on 29 March and back on 25 October, at 01:00 UTC."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.field_errors import HERE, DoubledHour, NoMoment, SkippedHour
from layers.moments import ZONES, moment

NAIVE = st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1))  # noqa: DTZ001  a wall clock has no zone


@pytest.mark.parametrize(
    ("text", "zone", "utc"),
    [
        ("2026-05-14 12:00", "Europe/Sarajevo", "2026-05-14 10:00"),
        ("2026-01-14 12:00", "Europe/Sarajevo", "2026-01-14 11:00"),
        ("2026-05-14T12:00:30", "UTC", "2026-05-14 12:00:30"),
        ("2026-05-14 12:00", "UTC+1", "2026-05-14 11:00"),
        ("14.05.2026 12:00", "Europe/Sarajevo", "2026-05-14 10:00"),
        ("14. 5. 2026. 7:05", "Europe/Sarajevo", "2026-05-14 05:05"),
        ("2026-05-14T12:00:00Z", "Europe/Sarajevo", "2026-05-14 12:00"),
        ("2026-05-14 12:00+02:00", "UTC", "2026-05-14 10:00"),
        ("2026-10-25 02:30 +02:00", "Europe/Sarajevo", "2026-10-25 00:30"),
        ("2026-10-25 02:30 +01:00", "Europe/Sarajevo", "2026-10-25 01:30"),
        ("2026-10-25 02:30", "UTC+1", "2026-10-25 01:30"),
        ("2026-03-29 02:30", "UTC+1", "2026-03-29 01:30"),
    ],
)
def test_a_moment_is_what_was_written_in_the_zone_that_was_chosen(text, zone, utc):
    assert moment(text, zone) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["", "14/05/2026 12:00", "05-14-2026 12:00", "2026-05-14", "2026-02-30 12:00", "2026-05-14 24:30", "12:00",
     "2026-05-14 12:00 CET", "2026-05-14 12", "14.5.26 12:00", "0000-01-01 00:00", "2026-05-14 12:00+99:00",
     "٢٠٢٦-05-14 12:00"],
)  # fmt: skip
def test_what_can_be_read_in_two_ways_or_in_none_is_no_moment(text):
    with pytest.raises(NoMoment, match="no date with a time"):
        moment(text, "Europe/Sarajevo")


def test_a_local_hour_that_the_clocks_skip_is_refused():
    with pytest.raises(SkippedHour, match="2026-03-29 02:30 does not exist"):
        moment("29.03.2026 02:30", "Europe/Sarajevo")


def test_a_local_hour_that_comes_twice_is_refused_with_the_way_out():
    with pytest.raises(DoubledHour, match=r"\+02:00"):
        moment("25.10.2026 02:30", "Europe/Sarajevo")


@given(NAIVE.map(lambda naive: naive.replace(tzinfo=UTC)), st.sampled_from(list(ZONES)))
def test_a_moment_written_with_its_offset_is_read_back_in_any_zone(when, zone):
    when = when.replace(microsecond=0)
    assert moment(when.astimezone(HERE).isoformat(), zone) == when


@given(NAIVE)
def test_a_local_time_is_read_once_or_refused(naive):
    naive = naive.replace(second=0, microsecond=0)
    candidates = {
        utc
        for offset in (1, 2)
        if (utc := naive.replace(tzinfo=UTC) - timedelta(hours=offset)).astimezone(HERE).replace(tzinfo=None) == naive
    }
    try:
        assert {moment(naive.isoformat(sep=" "), "Europe/Sarajevo")} == candidates
    except SkippedHour:
        assert not candidates
    except DoubledHour:
        assert len(candidates) == 2
