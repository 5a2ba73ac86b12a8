"""Real CAP files and feeds: of Bosnia and Herzegovina, of others, invalid ones and attacks. Skipped where absent."""

import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
import shapely

from foundation.spaces import OPERATIONAL_SPACE_ID as OP
from layers import feeds, warnings
from layers.cap import MessageType
from layers.warning_errors import (
    EmptyFeed,
    HostileXml,
    MissingInCap,
    NoReferences,
    WrongJson,
    WrongNameInCap,
    WrongWordInCap,
)
from layers.warning_parts import parts_of
from layers.warning_places import Placed
from layers.warning_regions import load_regions, regions
from layers.warning_store import store
from tests.layers.builders_field import DUTY

DATA = Path(os.environ.get("SPREMNOST_REAL_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
FORMATS = DATA / "formats"
needs_files = pytest.mark.skipif(not FORMATS.is_dir(), reason=f"no real warnings in {FORMATS}")
pytestmark = needs_files
FEED = "meteoalarm_feed_bosnia-herzegovina_2024-01.json"
CROATIAN = "meteoalarm_feed_croatia_2024-01.json"


def read(name):
    path = next(FORMATS.rglob(name))
    return feeds.read(path.read_bytes(), path.name)


# name -> (messages, refused, addresses, what is odd)
READABLE = {
    "43b080713727.cap": (1, 0, 0, {"no_onset", "no_end"}),
    "KAR0-0306112239-SW.cap": (1, 0, 0, {"older_cap", "no_onset", "no_end"}),
    "amber.atom": (1, 0, 0, {"older_cap", "no_onset", "no_end"}),
    "australia.cap": (1, 0, 0, {"no_onset"}),
    "bushfire_invalid.edxlde": (5, 2, 0, {"no_onset"}),
    "bushfire_valid.edxlde": (7, 0, 0, {"no_onset"}),
    "canada.cap": (1, 0, 0, {"no_onset"}),
    "canada_signed.atom": (1, 0, 0, {"no_onset"}),
    "canada_signed.cap": (1, 0, 0, {"no_onset"}),
    "earthquake-iso8859-1.cap": (1, 0, 0, set()),
    "earthquake.cap": (1, 0, 0, {"older_cap", "no_onset"}),
    "earthquake_index.atom": (0, 0, 1, set()),
    "earthquake_signed.cap": (1, 0, 0, {"older_cap"}),
    "empty_weather_index.atom": (0, 0, 0, set()),
    "no_entries.atom": (0, 0, 0, {"alert_outside_entry"}),
    "no_optional_fields.cap": (1, 0, 0, {"older_cap", "says_nothing"}),
    "thunderstorm.cap": (1, 0, 0, {"no_onset"}),
    "wcatwc-warning.cap": (1, 0, 0, set()),
    "weather.atom": (1, 0, 0, {"older_cap", "no_onset"}),
    "weather.cap": (1, 0, 0, {"older_cap", "no_onset"}),
    "weather_index.atom": (0, 0, 2, set()),
}
REFUSED = {
    "canada_errors.cap": (NoReferences, "Update must refer to an earlier one"),
    "invalid.cap": (MissingInCap, "alert says no scope"),
    "invalid_element.atom": (EmptyFeed, "neither a warning nor the address"),
    "no_id.atom": (EmptyFeed, "neither a warning nor the address"),
    "no_link.atom": (EmptyFeed, "neither a warning nor the address"),
    "no_title.atom": (EmptyFeed, "neither a warning nor the address"),
    "noaa_errors.cap": (WrongWordInCap, "urgency is –"),
    "weather_invalid.atom": (WrongNameInCap, "identifier is INVALID,"),
    "xee.atom": (HostileXml, "document type or entities"),
    "xee.cap": (HostileXml, "document type or entities"),
    "Parametri.json": (WrongJson, "no MeteoAlarm feed"),
    "Regioni.json": (WrongJson, "no MeteoAlarm feed"),
}


def test_every_file_is_tried():
    tried = {*READABLE, *REFUSED}
    assert {p.name for p in (FORMATS / "cap_samples_google").iterdir()} <= tried
    assert {p.name for p in (FORMATS / "cap_bih_fhmz").glob("*.json")} <= tried


@pytest.mark.parametrize("name", sorted(READABLE))
def test_a_sound_file_is_read_and_what_is_odd_is_told(name):
    received = read(name)
    odd = {f["code"] for a in received.alerts for f in [*a.findings, *parts_of(a)[1]]}
    found = len(received.alerts), len(received.refused), len(received.links)
    assert (*found, odd | {f["code"] for f in received.findings}) == READABLE[name]


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_an_unsound_file_is_refused_with_a_sentence(name):
    error, said = REFUSED[name]
    with pytest.raises(error, match=said):
        read(name)


def test_signatures_are_seen():
    signed = {name for name in READABLE for alert in read(name).alerts if alert.signed}
    assert signed == {
        "canada_signed.atom",
        "canada_signed.cap",
        "earthquake_signed.cap",
        "earthquake-iso8859-1.cap",
    }


def test_letters_of_an_older_encoding_are_read():
    [alert] = read("earthquake-iso8859-1.cap").alerts
    assert "Usulután" in alert.infos[0].texts["headline"]


def test_the_institute_s_own_files_have_a_place_in_the_country():
    files = sorted((FORMATS / "cap_bih_fhmz").glob("*.xml"))
    assert len(files) == 7
    odd = Counter()
    for path in files:
        [alert] = read(path.name).alerts
        [part], told = parts_of(alert)
        odd.update({f["code"] for f in [*alert.findings, *told]})
        assert set(part.texts) == {"en", "bs"}
        [area] = part.areas
        assert area.shape.is_valid
        assert area.shape.intersects(shapely.box(15.7, 42.5, 19.7, 45.3))
    assert odd["crossing_polygon"] == 3


def test_the_croatian_feed_s_updates_name_what_they_replace():
    alerts = read(CROATIAN).alerts
    assert Counter(a.msg_type for a in alerts) == {MessageType.ALERT: 43, MessageType.UPDATE: 20}
    assert all(a.references for a in alerts if a.msg_type is MessageType.UPDATE)
    assert all(len(parts_of(a)[0]) == 1 and set(parts_of(a)[0][0].texts) == {"hr-HR", "en-GB"} for a in alerts)


def test_the_whole_feed_of_january_2024_is_stored_once_and_obeyed(session, noon):
    alerts = read(FEED).alerts
    done = store(session, OP, alerts, source=FEED, by=DUTY, at=noon)
    assert (len(done.new), done.duplicates) == (22, 0)
    again = store(session, OP, alerts, source=FEED, by=DUTY, at=noon)
    assert (len(again.new), again.duplicates) == (0, 22)
    evening = datetime(2024, 1, 7, 20, tzinfo=UTC)
    expected = {
        a.identifier
        for a in alerts
        if any(i.expires > evening for i in a.infos)
        and not any(r.identifier == a.identifier for other in alerts for r in other.references)
    }
    found = warnings.active(session, OP, evening)
    assert {w.message.identifier for w in found} == expected
    assert all(w.coarse and w.place_known for w in found)


def test_the_regions_of_the_file_take_the_place_of_those_that_were_measured(session, noon):
    before = regions(session, [("EMMA_ID", f"BA{n:03}") for n in range(1, 11)])
    assert len(before) == 10
    assert all(r.place is None for r in before.values())
    path = FORMATS / "meteoalarm_emma_areas_ba_rs_me.geojson"
    loaded = load_regions(session, path.read_bytes(), path.name, source="EUMETNET", edition="2024", by=DUTY, at=noon)
    assert (loaded.new, loaded.changed) == (14, 10)
    assert all(r.place is not None for r in before.values())
    store(session, OP, read(FEED).alerts, source=FEED, by=DUTY, at=noon)
    found = warnings.active(session, OP, datetime(2024, 1, 1, tzinfo=UTC))
    assert {a.placed for w in found for a in w.areas} == {Placed.REGION}
    assert all(a.place is not None for w in found for a in w.areas)
