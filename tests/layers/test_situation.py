"""The report of 24 hours: only what belongs into the hours, nothing added up that must not be, nothing unknown as 0."""

from datetime import timedelta

import pytest
from geoalchemy2.shape import from_shape
from shapely import Point, box

from foundation.spaces import OPERATIONAL_SPACE_ID as OP
from layers import catalogue, declaring, diary, evacuations, incident_figures
from layers.areas import Level
from layers.catalogue import Kind, Method, State
from layers.errors import NoSuchArea
from layers.features import Feature
from layers.gauge_states import Condition
from layers.gauges import DefenceLevel
from layers.incident_figures import FigureKind
from layers.incidents import IncidentState
from layers.situation import situation
from tests.layers.builders_cap import a_message, an_info
from tests.layers.builders_field import DUTY, NOON, a_station, an_area, enter
from tests.layers.test_incidents import declare, lift, propose
from tests.layers.test_warnings import boundaries, put, refers, sent

HOUR = timedelta(hours=1)
END = NOON + 24 * HOUR


class Country:
    def __init__(self, session):
        self.session = session
        self.entity = an_area(session, "BA-SRP", "Republika Srpska", level=Level.ENTITY)
        self.doboj = an_area(session, "20141", "Doboj", parent=self.entity.id)
        self.maglaj = an_area(session, "11053", "Maglaj")
        boundaries(
            session,
            {self.doboj: box(18.0, 44.5, 18.2, 44.9), self.maglaj: box(18.2, 44.5, 18.4, 44.9)},
            at=NOON - 999 * HOUR,
        )

    def report(self, area=None, until=END, **how):
        return situation(self.session, OP, (area or self.doboj).id, until, **how)

    def fires(self, name, *seen):
        """A layer of fire points: (longitude, hours after noon)."""
        layer = catalogue.receive(
            self.session,
            kind=Kind.ACTIVE_FIRES,
            name=name,
            return_period_years=None,
            event=None,
            producer="NASA",
            licence="l",
            vintage="v",
            method=Method.MODEL,
            method_note="",
            file_name="f",
            file_hash="0" * 64,
            file_bytes=0,
            options={},
            by=DUTY,
            at=NOON,
        )
        layer.become(State.CHECKING)
        catalogue.ready(self.session, layer, by=DUTY, at=NOON)
        for number, (lon, hours) in enumerate(seen, 1):
            place = from_shape(Point(lon, 44.7), srid=4326)
            at = NOON + hours * HOUR
            self.session.add(Feature(version_id=layer.id, number=number, observed_at=at, properties={}, place=place))
        self.session.flush()


@pytest.fixture
def country(session):
    return Country(session)


def test_levels_are_those_of_the_hours_and_the_state_that_of_their_end(country):
    station = a_station(country.session, country.doboj)
    a_station(country.session, country.maglaj, code="BOS-MAGLAJ")
    enter(country.session, station, 700, first=NOON - HOUR, confirmed=True)
    enter(country.session, station, 620, 640, 640, 600, first=NOON, every=3 * HOUR)
    [gauge] = country.report().gauges
    assert (gauge.highest_cm, gauge.highest_at) == (640, NOON + 3 * HOUR)
    assert gauge.state.condition is Condition.STALE  # the last reading is of 9 hours after noon
    assert DefenceLevel.DECLARE in {alarm.level for alarm in gauge.alarms}
    [gauge] = country.report(until=NOON + 10 * HOUR).gauges
    assert (gauge.state.condition, gauge.state.level_cm) == (Condition.CURRENT, 600)


def test_a_gauge_that_nobody_read_has_no_highest_level(country):
    a_station(country.session, country.doboj)
    [gauge] = country.report().gauges
    assert (gauge.highest_cm, gauge.state.condition, gauge.alarms) == (None, Condition.NO_READING, [])


def test_fires_are_counted_by_layer_and_municipality_and_never_over_layers(country):
    country.fires("MODIS", (18.1, 1), (18.1, 25), (18.1, -1), (18.3, 2), (17.0, 3))
    country.fires("VIIRS", (18.1, 1))
    found = {f.layer.layer.name: (f.count, f.by_municipality, f.newest) for f in country.report().fires}
    assert found == {
        "MODIS": (1, {country.doboj.id: 1}, NOON + 25 * HOUR),
        "VIIRS": (1, {country.doboj.id: 1}, NOON + HOUR),
    }


def test_without_a_layer_of_fires_nothing_is_known_of_them(country):
    assert country.report().fires == []


def test_warnings_are_those_of_the_hours_with_what_ended_them(country):
    update = {"identifier": "new", "sent": sent(5), "msgType": "Update", "references": refers("replaced", 1)}
    put(
        country.session,
        a_message(an_info(onset=sent(-9), expires=sent(-1)), identifier="over", sent=sent(-9)),
        a_message(an_info(expires=sent(40)), identifier="long"),
        a_message(an_info(expires=sent(40)), identifier="replaced", sent=sent(1)),
        a_message(an_info(expires=sent(40)), **update),
        a_message(an_info(expires=sent(60), onset=sent(30)), identifier="tomorrow", sent=sent(30)),
        a_message(identifier="test", status="Test"),
    )
    found = {w.warning.message.identifier: w.ended_at for w in country.report().warnings}
    assert found == {"long": None, "replaced": NOON + 5 * HOUR, "new": None}
    assert country.report(country.maglaj).warnings == []  # they touch only an edge of it
    # A day later the replaced one is history.
    later = {w.warning.message.identifier for w in country.report(until=END + 24 * HOUR).warnings}
    assert later == {"long", "new", "tomorrow"}


def test_incidents_stand_as_they_stood_at_the_end(country):
    one = propose(country.session, country.doboj, at=NOON + HOUR)
    declare(country.session, one, at=NOON + 2 * HOUR)
    lift(country.session, one, at=END + 5 * HOUR)
    [report] = country.report().incidents
    assert report.state is IncidentState.DECLARED
    assert [s.state for s in report.steps] == [IncidentState.PROPOSED, IncidentState.DECLARED]
    assert country.report(until=NOON).incidents == []
    [report] = country.report(until=END + 20 * HOUR).incidents
    assert report.state is IncidentState.LIFTED
    assert country.report(until=END + 40 * HOUR).incidents == []
    assert country.report(country.maglaj).incidents == []
    assert len(country.report(country.entity).incidents) == 1


def test_an_incident_that_is_over_is_reported_when_a_figure_comes(country):
    one = propose(country.session, country.doboj)
    declaring.dismiss(country.session, OP, one.id, reason="x", at=NOON, by=DUTY)
    late = NOON + 72 * HOUR
    incident_figures.report(country.session, OP, one.id, FigureKind.DEAD, 1, as_of=late, source="MUP", by=DUTY, at=late)
    assert country.report(until=NOON + 60 * HOUR).incidents == []
    [report] = country.report(until=NOON + 80 * HOUR).incidents
    assert [(f.kind, f.value) for f in report.new_figures] == [(FigureKind.DEAD, 1)]


def test_figures_and_evacuations_are_those_known_at_the_end(country):
    one = propose(country.session, country.doboj)
    for hours, injured in ((1, 3), (30, 9)):
        at = NOON + hours * HOUR
        how = {"as_of": at, "source": "hitna pomoć", "by": DUTY, "at": at}
        incident_figures.report(country.session, OP, one.id, FigureKind.INJURED, injured, **how)
        state = evacuations.EvacuationState.UNDER_WAY
        evacuations.step(
            country.session, OP, one.id, state, place="Grapska", people_moved=hours * 10, source="MZ", at=at, by=DUTY
        )
    [report] = country.report().incidents
    assert [f.value for f in report.figures[FigureKind.INJURED].by_source] == [3]
    assert report.figures[FigureKind.DEAD].by_source == []  # nobody has said anything
    assert report.evacuation.whole.moved == 10


def test_the_diary_of_the_headquarters_and_of_those_below_is_in_it(country):
    country_area = an_area(country.session, "BA", "BiH", level=Level.COUNTRY)
    country.entity.parent_id = country_area.id
    country.session.flush()
    for area, said, hours in (
        (country.doboj, "prvi", 1),
        (country.entity, "entitet", 2),
        (country.maglaj, "drugdje", 3),
        (country.doboj, "jučer", -1),
    ):
        at = NOON + hours * HOUR
        diary.write(country.session, OP, area.id, said, happened_at=at, by=DUTY, at=at)
    assert [e.text for e in country.report(country.doboj).diary] == ["prvi"]
    assert [e.text for e in country.report(country_area).diary] == ["prvi", "entitet"]


def test_a_report_of_nowhere_is_refused(country):
    with pytest.raises(NoSuchArea):
        situation(country.session, OP, OP, END)


def test_other_hours_can_be_asked_for(country):
    report = country.report(hours=6)
    assert (report.since, report.until) == (END - 6 * HOUR, END)
    assert [m.name for m in report.municipalities] == ["Doboj"]
