"""Active fires of FIRMS: two sensors, times without zeros, files that a spreadsheet has ruined."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from gis.errors import BadValues, MangledDates, MissingColumns
from layers import features
from layers.catalogue import Kind

MODIS = (
    "latitude,longitude,brightness,scan,track,acq_date,acq_time,satellite,confidence,version,bright_t31,frp,daynight"
)
VIIRS = (
    "latitude,longitude,bright_ti4,scan,track,acq_date,acq_time,satellite,confidence,version,bright_ti5,frp,daynight"
)


def modis(date="2022-07-16", time="0126", satellite="A", confidence="36", frp="5.41", place="44.1,18.2"):
    return f"{place},300.98,1.01,1,{date},{time},{satellite},{confidence},6.1NRT,289.43,{frp},N"


def viirs(confidence="nominal", satellite="N", place="44.2,18.3"):
    return f"{place},296.42,0.43,0.38,2022-09-03,0041,{satellite},{confidence},2.0NRT,283.14,0.63,N"


def file(header, *rows):
    return "\n".join([header, *rows, ""]).encode()


@pytest.fixture
def fires(bring, session):
    def go(*rows, header=MODIS):
        return features.features(session, bring(file(header, *rows), Kind.ACTIVE_FIRES, name="fires.csv").id)

    return go


@pytest.mark.parametrize(
    ("written", "hour", "minute"), [("0126", 1, 26), ("126", 1, 26), ("26", 0, 26), ("0", 0, 0), ("2359", 23, 59)]
)
def test_a_time_without_its_zeros_is_understood(fires, written, hour, minute):
    [fire] = fires(modis(time=written))
    assert fire.observed_at == datetime(2022, 7, 16, hour, minute, tzinfo=UTC)


def test_a_fire_of_modis_has_its_confidence_as_percentage_and_class(fires):
    found = fires(*(modis(confidence=c) for c in ("0", "29", "30", "79", "80", "100")))
    assert [f.properties["confidence"] for f in found] == ["low", "low", "nominal", "nominal", "high", "high"]
    assert [f.properties["confidence_percent"] for f in found] == [0, 29, 30, 79, 80, 100]
    assert {(f.category, f.value, f.properties["satellite"]) for f in found} == {("MODIS", 5.41, "Aqua")}


def test_a_fire_of_viirs_has_its_confidence_as_a_word(fires):
    found = fires(viirs("low"), viirs("n", "1"), viirs("high", "N21"), header=VIIRS)
    assert [f.properties["confidence"] for f in found] == ["low", "nominal", "high"]
    assert [f.properties["satellite"] for f in found] == ["Suomi NPP", "NOAA-20", "NOAA-21"]
    assert {f.category for f in found} == {"VIIRS"}


def test_the_strongest_fire_of_a_spot_is_the_one_that_is_seen_from_afar(bring, session):
    version = bring(file(MODIS, modis(frp="1"), modis(frp="900"), modis(frp="")), Kind.ACTIVE_FIRES)
    seen = session.execute(
        text(
            "SELECT f.value FROM shape s JOIN feature f ON f.id = s.item_id WHERE f.version_id = :v AND s.min_zoom = 0"
        ),
        {"v": version.id},
    )
    assert seen.scalars().all() == [900]
    assert version.facts["observed"] == ["2022-07-16T01:26:00+00:00"] * 2


def test_dates_that_a_spreadsheet_changed_are_refused_with_every_row(bring):
    rows = [modis(date="03/07/2024")] * 3 + [modis()] + [modis(date="04.07.2024.")]
    with pytest.raises(MangledDates) as refused:
        bring(file(MODIS, *rows), Kind.ACTIVE_FIRES, name="fires.csv")
    assert str(refused.value).startswith(
        "fires.csv has 4 dates that are not written like 2024-07-31 "
        "(rows 2–4, acq_date: 03/07/2024; row 6, acq_date: 04.07.2024.)"
    )


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (modis(time="2400"), "row 3, acq_date acq_time: 2022-07-16 2400"),
        (modis(time="0160"), "2022-07-16 0160"),
        (modis(time="noon"), "2022-07-16 noon"),
        (modis(date="2022-02-30"), "2022-02-30 0126"),
        (modis(confidence="101"), "row 3, confidence: 101"),
        (modis(confidence="nominal"), "row 3, confidence: nominal"),
        (modis(frp="much"), "row 3, frp: much"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_row(bring, row, told):
    with pytest.raises(BadValues, match=told):
        bring(file(MODIS, modis(), row), Kind.ACTIVE_FIRES)


def test_a_file_that_is_not_of_firms_is_refused_with_what_it_lacks(bring):
    with pytest.raises(MissingColumns, match=r"lacks acq_time, confidence, satellite, brightness / bright_ti4; it has"):
        bring(b"latitude,longitude,acq_date\n44,18,2022-07-16\n", Kind.ACTIVE_FIRES)


def test_fires_that_come_twice_are_told(bring):
    version = bring(file(MODIS, modis(), modis(), modis(time="0127")), Kind.ACTIVE_FIRES)
    assert [f["parameters"]["count"] for f in version.findings if f["code"] == "fires_twice"] == [1]
