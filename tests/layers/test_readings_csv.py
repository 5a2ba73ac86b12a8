"""Readings from files: checked as a whole, entered as a whole, and what is wrong is said by row and column."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from foundation.spaces import OPERATIONAL_SPACE_ID as OP
from gis.errors import BadValues, EmptyLayer, WrongFormat
from layers import readings
from layers.field_errors import (
    ColumnsLacking,
    DoubledHour,
    FileRefused,
    LevelOutOfRange,
    LikeMetres,
    MetresTaken,
    NoLevel,
    NoMoment,
    NoSuchStation,
    ReadingConflict,
    ReadingFromTheFuture,
    SkippedHour,
    Thousands,
    ToConfirm,
    TooManyRows,
    TwiceInFile,
)
from layers.readings_csv import MOST_ROWS, bring, check
from tests.layers.builders_field import DUTY, NOON, a_station, an_area, enter

YEAR_END = datetime(2026, 12, 31, tzinfo=UTC)
HEAD = "station,observed_at,level_cm"


@pytest.fixture
def doboj(session):
    return a_station(session)


def go(session, *rows, head=HEAD, zone="Europe/Sarajevo", at=YEAR_END, encoding="utf-8", **how):
    data = "\n".join([head, *rows]).encode(encoding)
    return bring(session, OP, data, "levels.csv", zone=zone, by=DUTY, at=at, **how)


def kept(session, station):
    return [(r.observed_at.strftime("%m-%d %H:%M"), r.level_cm) for r in readings.of_station(session, OP, station.id)]


def refused(session, *rows, **how):
    """(row, column, kind of error) of each problem; nothing may be kept."""
    with pytest.raises(FileRefused) as caught:
        go(session, *rows, **how)
    return [(p.row, p.column, type(p.error)) for p in caught.value.problems]


def test_a_file_is_read_in_the_zone_that_was_chosen(session, doboj):
    rows = ("BOS-DOBOJ,2026-05-14 13:00,305", "BOS-DOBOJ,2026-05-14 14:00,312.5")
    done, _ = go(session, *rows)
    assert (len(done.new), done.duplicates) == (2, 0)
    assert kept(session, doboj) == [("05-14 12:00", Decimal("312.5")), ("05-14 11:00", 305)]
    assert {r.file for r in done.new} == {"levels.csv"}


def test_the_same_file_again_changes_nothing(session, doboj):
    rows = ("BOS-DOBOJ,2026-05-14 13:00,305", "BOS-DOBOJ,2026-05-14 14:00,312")
    go(session, *rows)
    done, _ = go(session, *rows, "BOS-DOBOJ,2026-05-14 15:00,320")
    assert (len(done.new), done.duplicates) == (1, 2)


def test_a_spreadsheet_of_the_region_is_read(session, doboj):
    maglaj = a_station(session, an_area(session, "11053", "Maglaj"), code="BOS-MAGLAJ", name="Maglaj")
    rows = ("BOS-DOBOJ;14.05.2026;07:00;305,5", "BOS-MAGLAJ;14.05.2026;07:00;1159")
    done, findings = go(session, *rows, head="Šifra;Datum;Vrijeme;Vodostaj (cm)", encoding="cp1250")
    assert len(done.new) == 2
    assert kept(session, doboj) == [("05-14 05:00", Decimal("305.5"))]
    assert kept(session, maglaj) == [("05-14 05:00", 1159)]
    assert [f["code"] for f in findings] == ["encoding_guessed"]


@pytest.mark.parametrize(("head", "unit"), [("station,observed_at,level_m", "cm"), ("station,observed_at,level", "m")])
def test_metres_are_taken_as_metres_when_the_column_or_the_person_says_so(session, doboj, head, unit):
    go(session, "BOS-DOBOJ,2026-05-14 14:00,3.12", head=head, unit=unit)
    assert kept(session, doboj) == [("05-14 12:00", 312)]


@pytest.mark.parametrize(
    ("row", "column", "error"),
    [
        ("BOS-DBOJ,2026-05-14 12:00,305", "station", NoSuchStation),
        ("BOS-DOBOJ,14/05/2026 12:00,305", "observed_at", NoMoment),
        ("BOS-DOBOJ,2026-03-29 02:30,305", "observed_at", SkippedHour),
        ("BOS-DOBOJ,2026-10-25 02:30,305", "observed_at", DoubledHour),
        ("BOS-DOBOJ,2026-05-14 12:00,", "level_cm", NoLevel),
        ("BOS-DOBOJ,2026-05-14 12:00,305 cm", "level_cm", NoLevel),
        ("BOS-DOBOJ,2026-05-14 12:00,3e2", "level_cm", NoLevel),
        ("BOS-DOBOJ,2026-05-14 12:00,nan", "level_cm", NoLevel),
        ("BOS-DOBOJ,2026-05-14 12:00,13705", "level_cm", LevelOutOfRange),
        ("BOS-DOBOJ,2027-05-14 12:00,305", "level_cm", ReadingFromTheFuture),
    ],
)
def test_what_is_wrong_is_said_by_row_and_column_and_nothing_is_kept(session, doboj, row, column, error):
    good = "BOS-DOBOJ,2026-05-14 11:00,300"
    assert refused(session, good, row) == [(3, column, error)]
    assert kept(session, doboj) == []


def test_every_wrong_cell_is_named_at_once(session, doboj):
    rows = ("x,y,z", "BOS-DOBOJ,2026-05-14 11:00,300", "BOS-DOBOJ,soon,300")
    expected = [(2, "station", NoSuchStation), (2, "observed_at", NoMoment), (2, "level_cm", NoLevel)]
    assert refused(session, *rows) == [*expected, (4, "observed_at", NoMoment)]
    with pytest.raises(FileRefused, match=r"4 cells must be corrected \(row 2, station: There is no gauge x"):
        go(session, *rows)


def test_a_row_that_contradicts_another_or_what_is_known_is_refused(session, doboj):
    enter(session, doboj, 300)
    rows = (
        "BOS-DOBOJ,2026-05-14 14:00,310",
        "BOS-DOBOJ,2026-05-14 15:00,320",
        "BOS-DOBOJ,2026-05-14 15:00,321",
        "BOS-DOBOJ,2026-05-14 15:00,320",
    )
    assert refused(session, *rows) == [(2, "level_cm", ReadingConflict), (4, "level_cm", TwiceInFile)]


def test_the_hour_that_comes_twice_is_read_when_the_file_says_which(session, doboj):
    rows = ("BOS-DOBOJ,2026-10-25 02:30+02:00,300", "BOS-DOBOJ,2026-10-25 02:30+01:00,310")
    go(session, *rows)
    assert kept(session, doboj) == [("10-25 01:30", 310), ("10-25 00:30", 300)]
    go(session, "BOS-DOBOJ,2026-10-25 02:30,310", zone="UTC+1")
    assert len(kept(session, doboj)) == 2


def test_a_thousands_separator_is_not_taken_for_a_decimal_point(session, doboj):
    row = "BOS-DOBOJ;2026-05-14 12:00;1.159"
    assert refused(session, row, head=HEAD.replace(",", ";")) == [(2, "level_cm", Thousands)]


def test_what_does_not_look_right_must_be_confirmed(session, doboj):
    enter(session, doboj, 405)
    rows = ("BOS-DOBOJ,2026-05-14 15:00,4.12", "BOS-DOBOJ,2026-05-14 16:00,410")
    with pytest.raises(ToConfirm) as caught:
        go(session, *rows)
    assert [(p.row, type(p.error)) for p in caught.value.problems] == [(2, MetresTaken)]
    assert kept(session, doboj) == [("05-14 12:00", 405)]
    done, _ = go(session, *rows, confirmed=True)
    assert done.doubtful == 1


def test_metres_are_recognised_where_nothing_is_known_of_the_river(session, doboj):
    rows = [f"BOS-DOBOJ,2026-05-14 {hour}:00,3.{hour}" for hour in (10,)] + [
        f"BOS-DOBOJ,2026-05-{day} 10:00,3.{day}" for day in (16, 18)
    ]
    with pytest.raises(ToConfirm) as caught:
        go(session, *rows)
    assert [p.row for p in caught.value.problems] == [2, 3, 4]
    assert [type(p.error) for p in caught.value.problems] == [LikeMetres] * 3


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"PK\x03\x04 a spreadsheet", WrongFormat),
        (b"station\n1", WrongFormat),
        (HEAD.encode(), EmptyLayer),
        (HEAD.encode() + b"\nBOS-DOBOJ,2026-05-14 12:00", BadValues),
        (b"station,observed_at\nBOS-DOBOJ,2026-05-14 12:00", ColumnsLacking),
        (b"station,datum,level\nBOS-DOBOJ,2026-05-14,300", FileRefused),
    ],
)
def test_what_is_no_such_table_is_refused(session, doboj, data, error):
    with pytest.raises(error):
        check(session, OP, data, "levels.csv", zone="UTC", at=NOON)


def test_a_file_that_is_too_long_is_refused(session, doboj):
    data = (HEAD + "\nBOS-DOBOJ,2026-05-14 12:00,300" * (MOST_ROWS + 1)).encode()
    with pytest.raises(TooManyRows, match="50001 rows"):
        check(session, OP, data, "levels.csv", zone="UTC", at=NOON)


def test_a_month_of_hours_of_twenty_gauges_is_taken_at_once(session):
    area = an_area(session)
    made = [a_station(session, area, code=f"S{i}", limits={}) for i in range(20)]
    first = datetime(2026, 4, 1, tzinfo=UTC)
    rows = [f"{s.code},{(first + timedelta(hours=h)).isoformat()},{100 + h % 40}" for s in made for h in range(30 * 24)]
    done, _ = go(session, *rows)
    assert len(done.new) == 20 * 30 * 24
