"""What follows for warnings and gauges when layers are replaced, in every space that is open."""

from datetime import UTC, datetime, timedelta

import pytest

from app import importing
from app.db import Database
from foundation.audit import Actor
from foundation.spaces import OPERATIONAL_SPACE_ID as OP
from layers import feeds, gauges, warning_store
from layers.areas import Boundary
from layers.catalogue import Kind, State
from layers.gauge_exposure import Known
from layers.gauge_states import state
from layers.gauges import DefenceLevel
from layers.warnings import active
from tests.app.builders_map import a_version
from tests.app.builders_people import an_exercise
from tests.layers.builders_cap import a_message, an_area_xml, an_info
from tests.layers.builders_field import DUTY, a_limit, enter, some_facts

NOW = datetime.now(UTC).replace(microsecond=0)
# In the small country Maglaj lies at 17.3–17.6 E, 44.3–44.6 N.
MAGLAJ = "44.35,17.35 44.35,17.55 44.55,17.55 44.35,17.35"


@pytest.fixture
def db(country):
    opened = Database(country.settings, pool_size=2)
    yield opened
    opened.close()


def test_new_boundaries_place_the_warnings_of_every_open_space_anew(db, country):
    with db.without_space() as session:
        exercise = an_exercise(session, "sava-2026")
    times = {"onset": NOW.isoformat(), "expires": (NOW + timedelta(hours=9)).isoformat()}
    text = a_message(an_info(areas=an_area_xml(polygon=MAGLAJ), **times), sent=NOW.isoformat())
    for space in (OP, exercise):
        with db.transaction(space) as session:
            alerts = feeds.read(text.encode(), "w.cap").alerts
            warning_store.store(session, space, alerts, source="w.cap", by=DUTY, at=NOW)
            [found] = active(session, space, NOW)
            assert set(found.municipalities) == {country.id("11053")}
    with db.transaction(OP) as session:
        newer = a_version(session, country, Kind.MUNICIPALITIES, "Nove općine")
        session.flush()
        place = session.query(Boundary.place).filter(Boundary.area_id == country.id("11053")).scalar()
        session.add(Boundary(version_id=newer.id, area_id=country.id("20141"), also_covers=[], place=place))
        country.versions["Općine"].become(State.WITHDRAWN)
        session.merge(country.versions["Općine"])
    importing.place_warnings_anew(db, by=Actor("worker"))
    for space in (OP, exercise):
        with db.transaction(space) as session:
            [found] = active(session, space, NOW)
            assert set(found.municipalities) == {country.id("20141")}


def test_a_rise_that_cannot_be_counted_yet_waits_and_harms_nothing(db, country):
    with db.transaction(OP) as session:
        station = gauges.add_station(session, some_facts(country.id("11053")), by=DUTY, at=NOW)
        limits = {DefenceLevel.REGULAR: a_limit(300, return_period_years=100.0, rise_m=0.5)}
        gauges.set_thresholds(session, station.id, limits, seen={}, by=DUTY, at=NOW)
        enter(session, station, 310, first=NOW)
    importing.count_rises(db, country.settings.data_dir)  # the small country's counts keep no index
    with db.transaction(OP) as session:
        found = state(session, OP, NOW, station.id).exposed_passed
        assert (found.known, found.people) == (Known.NOT_COUNTED, None)
