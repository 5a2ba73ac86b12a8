"""Gauges, a warning and incidents of the made country: real where they say so, marked everywhere else, made once."""

import pytest

from foundation.audit import Actor
from foundation.spaces import OPERATIONAL_SPACE_ID as OP
from layers import diary, evacuations, gauges, incident_figures, incident_marks
from layers.areas import Area, Level
from layers.catalogue import Method
from layers.demo import facts, field
from layers.gauge_states import Condition, states
from layers.incident_figures import FigureKind
from layers.incidents import IncidentState, Origin, incidents
from layers.readings import ReadingSource
from layers.situation import situation
from layers.warnings import active, messages
from tests.layers.builders_field import DOBOJ, NOON

MAKER = Actor("demonstration")


@pytest.fixture
def made(session):
    for one in facts.municipalities():
        session.add(Area(level=Level.MUNICIPALITY, code=one.code, name=one.name, names={}))
    session.flush()
    for one in facts.settlements():
        if one.municipality == field.MAGLAJ:
            parent = session.query(Area).filter_by(code=field.MAGLAJ).one().id
            session.add(Area(level=Level.SETTLEMENT, code=one.code, name=one.name, names={}, parent_id=parent))
    session.flush()
    field.make(session, OP, by=MAKER, at=NOON)
    return session


def test_every_gauge_stands_on_a_river_of_the_country_at_a_town_on_it(made):
    rivers = {river.name: river.seats for river in facts.rivers()}
    for gauge in field.table():
        assert gauge.municipality in rivers[gauge.river], gauge.code
    assert len(gauges.stations(made)) == len(field.table()) == 18


def test_doboj_has_the_thresholds_of_its_plan_and_says_which(made):
    doboj = gauges.station_by_code(made, "BOSNA-DOBOJ")
    limits = gauges.thresholds(made, [doboj.id])[doboj.id]
    assert [(limit.level, limit.value_cm) for limit in limits] == list(DOBOJ.items())
    assert {limit.method for limit in limits} == {Method.OFFICIAL}
    assert {limit.citation for limit in limits} == {"Local flood-defence plan of Doboj, 27.3.2025"}


def test_all_other_thresholds_and_every_reading_say_that_they_are_made(made):
    stations = {s.id: s for s in gauges.stations(made)}
    for station_id, limits in gauges.thresholds(made, list(stations)).items():
        if stations[station_id].code != "BOSNA-DOBOJ":
            assert {limit.method for limit in limits} == {Method.ILLUSTRATIVE}
    read = [state.last for state in states(made, OP, NOON) if state.last]
    assert {reading.source for reading in read} == {ReadingSource.ILLUSTRATIVE}
    assert {station.method for station in stations.values()} == {Method.ILLUSTRATIVE}


def test_there_is_a_gauge_in_every_condition(made):
    now = {state.station.code: state for state in states(made, OP, NOON)}
    assert now["BOSNA-DOBOJ"].passed.level == "regular"
    assert now["BOSNA-DOBOJ"].trend.change_cm > 0
    assert now["DRINA-GORAZDE"].condition is Condition.STALE
    assert now["DRINA-FOCA"].condition is Condition.NO_READING


def test_a_gauge_has_proposed_an_incident_and_a_headquarters_declared_another(made):
    by_origin = {one.origin: one for one in incidents(made, OP)}
    proposed, declared = by_origin[Origin.GAUGE], by_origin[Origin.PERSON]
    assert (proposed.state, declared.state) == (IncidentState.PROPOSED, IncidentState.DECLARED)
    assert (proposed.illustrative, declared.illustrative) == (True, True)
    assert len(incident_marks.links(made, OP, declared.id)) == 2
    assert len(incident_marks.sketches(made, OP, declared.id)) == 1
    whole = evacuations.evacuation(made, OP, declared.id).whole
    assert (whole.places, whole.to_move, whole.moved, whole.moved_unknown) == (2, 180, 45, 1)
    evacuated = incident_figures.latest(made, OP, declared.id)[FigureKind.EVACUATED]
    assert (evacuated.lowest, evacuated.highest) == (45, 52)
    maglaj = made.query(Area).filter_by(code=field.MAGLAJ).one()
    assert len(diary.open_points(made, OP, maglaj.id)) == 2


def test_the_warning_is_marked_in_both_languages(made):
    [warning] = active(made, OP, NOON)
    assert warning.message.illustrative
    assert {language: text["headline"].split(",")[0] for language, text in warning.part.texts.items()} == {
        "bs": "PRIKAZ",
        "en": "ILLUSTRATIVE",
    }
    assert warning.message.findings == []


def test_a_second_time_nothing_is_added(made):
    field.make(made, OP, by=MAKER, at=NOON)
    assert len(gauges.stations(made)) == 18
    assert (len(incidents(made, OP)), len(messages(made, OP))) == (2, 1)


def test_the_report_of_24_hours_shows_it(made):
    maglaj = made.query(Area).filter_by(code=field.MAGLAJ).one()
    report = situation(made, OP, maglaj.id, NOON)
    assert [g.state.station.code for g in report.gauges] == ["BOSNA-MAGLAJ"]
    assert [i.incident.title for i in report.incidents] == [field.INCIDENT]
    assert len(report.diary) == 3
