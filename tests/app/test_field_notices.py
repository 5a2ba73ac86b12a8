"""From a reading or a warning to the people on duty: who is told, in which words, and who is not."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from app import field_notices, notifying
from app.db import Database
from app.languages import say
from foundation import notices
from foundation.people import Person
from foundation.roles import Role
from foundation.spaces import OPERATIONAL_SPACE_ID as OP
from layers import feeds, gauges, measuring, warning_store
from layers.areas import Level
from layers.gauges import DefenceLevel
from layers.readings import Measured, ReadingSource
from tests.app.builders_people import a_signed_in_person
from tests.layers.builders_cap import a_message, an_area_xml, an_info
from tests.layers.builders_field import DUTY, set_limits, some_facts

NOW = datetime.now(UTC).replace(microsecond=0)
# In the small country Maglaj lies at 17.3–17.6 E, 44.3–44.6 N.
MAGLAJ = "44.35,17.35 44.35,17.55 44.55,17.55 44.35,17.35"


@pytest.fixture
def db(country, monkeypatch):
    meanings = {"gauge.threshold_passed": field_notices.passed, "gauge.threshold_left": field_notices.left}
    monkeypatch.setattr(notifying, "_MEANINGS", meanings | {warning_store.RECEIVED: field_notices.received})
    opened = Database(country.settings, pool_size=2)
    yield opened
    opened.close()


@pytest.fixture
def people(country):
    """Duty officers of Maglaj, of its canton and of Doboj, and somebody who only looks on."""
    for name, role, organisation, area in (
        ("Maglaj", Role.MUNICIPAL_OFFICER, "Općina Maglaj", (Level.MUNICIPALITY, "11053")),
        ("Kanton", Role.DUTY_OFFICER, "Uprava kantona", (Level.CANTON, "BA-04")),
        ("Doboj", Role.DUTY_OFFICER, "Grad Doboj", (Level.MUNICIPALITY, "20141")),
        ("Gledalac", Role.VIEWER, "Općina Maglaj", None),
    ):
        a_signed_in_person(country.settings, role, organisation=organisation, area=area, name=name)


def told(db):
    """{person: sentences}."""
    notifying.read_all(db)
    with db.transaction(OP) as session:
        found = {}
        for person in session.query(Person):
            mine = notices.notices(session, space=OP, person=person.id)
            if mine:
                found[person.name] = [say(one.text, one.parameters).strip() for one in reversed(mine)]
        return found


def read(db, country, *levels, source=ReadingSource.FORM, first=NOW - timedelta(hours=5)):
    with db.transaction(OP) as session:
        station = next(iter(gauges.stations(session)), None)
        if station is None:
            station = gauges.add_station(session, some_facts(country.id("11053")), by=DUTY, at=NOW)
            set_limits(session, station.id, {DefenceLevel.REGULAR: 300, DefenceLevel.EXTRAORDINARY: 450})
        measured = [Measured(station.id, first + timedelta(hours=i), Decimal(cm)) for i, cm in enumerate(levels)]
        return measuring.enter(session, OP, measured, source=source, by=DUTY, at=NOW, confirmed=True)


def warn(db, text, at=NOW):
    with db.transaction(OP) as session:
        alerts = feeds.read(text.encode(), "w.cap").alerts
        warning_store.store(session, OP, alerts, source="w.cap", by=DUTY, at=at)


def an_active_info(**other):
    times = {"onset": NOW.isoformat(), "expires": (NOW + timedelta(hours=9)).isoformat()}
    return an_info(**(times | {"areas": an_area_xml(polygon=MAGLAJ)} | other))


def test_whoever_is_on_duty_for_the_gauge_and_above_it_is_told_once(db, country, people):
    read(db, country, 290, 312)
    sentence = "Doboj (Bosna): 312 cm; 300 cm were reached (regular flood defence). An incident is proposed."
    assert told(db) == {"Maglaj": [sentence], "Kanton": [sentence]}
    read(db, country, 315, 318, first=NOW - timedelta(hours=2))
    assert told(db) == {"Maglaj": [sentence], "Kanton": [sentence]}


def test_what_does_not_look_right_says_so_and_a_correction_too(db, country, people):
    [_, wrong] = read(db, country, 200, 480).new
    assert told(db)["Maglaj"][0].endswith("The reading does not look right: read the gauge again.")
    with db.transaction(OP) as session:
        measuring.correct(session, OP, wrong.id, Decimal(208), reason="digits", by=DUTY, at=NOW)
    corrected = "Doboj (Bosna): a reading was corrected; 300 cm were not reached (regular flood defence)."
    assert corrected in told(db)["Maglaj"]


def test_falling_water_is_told_when_it_has_fallen(db, country, people):
    read(db, country, 310)
    read(db, country, 280, 270, 260, 255, first=NOW - timedelta(hours=4))
    assert told(db)["Maglaj"][1] == "Doboj (Bosna): the water stands below 300 cm again (regular flood defence)."


def test_made_readings_are_told_as_made(db, country, people):
    read(db, country, 312, source=ReadingSource.ILLUSTRATIVE)
    assert told(db)["Maglaj"][0].endswith("Made for the demonstration.")


def test_a_severe_warning_is_told_where_it_holds(db, country, people):
    bosnian = an_active_info(language="bs", event="Obilna kiša")
    warn(db, a_message(an_active_info(event="Heavy rain"), bosnian, sent=NOW.isoformat()))
    assert told(db) == {"Maglaj": ["Warning: Obilna kiša."], "Kanton": ["Warning: Obilna kiša."]}


def test_a_mild_warning_is_no_notice(db, country, people):
    warn(db, a_message(an_active_info(severity="Moderate"), sent=NOW.isoformat()))
    assert told(db) == {}


def test_a_warning_of_an_unknown_place_is_told_to_all_on_duty(db, country, people):
    warn(db, a_message(an_active_info(areas=an_area_xml(polygon=None)), sent=NOW.isoformat()))
    assert set(told(db)) == {"Maglaj", "Kanton", "Doboj"}
    assert told(db)["Doboj"] == ["Warning: Flood warning. Where it holds could not be found: it may be anywhere."]


def test_a_cancellation_is_told_to_the_same(db, country, people):
    warn(db, a_message(an_active_info(), sent=NOW.isoformat()))
    about = [("office@example.ba", "A1", NOW.isoformat())]
    later = NOW + timedelta(minutes=1)
    cancel = {"identifier": "A2", "sent": later.isoformat(), "msgType": "Cancel", "references": about}
    warn(db, a_message(an_active_info(), **cancel), at=later)
    assert told(db)["Maglaj"] == ["Warning: Flood warning.", "A warning was cancelled: Flood warning."]
