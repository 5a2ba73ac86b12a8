"""Evacuations by place, and figures by source: added, never changed, never counted twice in silence."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from foundation.audit import entries
from foundation.spaces import OPERATIONAL_SPACE_ID as OP
from layers import declaring, evacuations, incident_figures
from layers.areas import Level
from layers.errors import NoSuchArea
from layers.evacuations import STEPS, EvacuationState, evacuation
from layers.field_errors import Empty
from layers.incident_errors import (
    EvacuatedTwice,
    FallingNumber,
    FromTheFuture,
    NoIncident,
    TooEarly,
    WrongEvacuationStep,
    WrongIncidentStep,
    WrongNumberOfPeople,
    WrongPlaceOfEvacuation,
)
from layers.incident_figures import FigureKind
from tests.layers.builders_field import DUTY, NOON, an_area
from tests.layers.test_incidents import propose

HOUR = timedelta(hours=1)
ORDERED, UNDER_WAY, DONE, CALLED_OFF = EvacuationState


class World:
    def __init__(self, session):
        self.session = session
        self.doboj = an_area(session)
        self.grapska = an_area(session, "S1", "Grapska", level=Level.SETTLEMENT, parent=self.doboj.id)
        self.usora = an_area(session, "M1", "MZ Usora", level=Level.LOCAL_COMMUNITY, parent=self.doboj.id)
        self.maglaj = an_area(session, "11053", "Maglaj")
        self.incident = propose(session, self.doboj)

    def step(self, state, area=None, *, hour=0, source="MZ", **other):
        at = NOON + hour * HOUR
        area_id = None if area is None else area.id
        return evacuations.step(
            self.session, OP, self.incident.id, state, area_id=area_id, at=at, by=DUTY, source=source, **other
        )

    def now(self, **how):
        return evacuation(self.session, OP, self.incident.id, **how)

    def report(self, kind, value, source="hitna pomoć", *, hour=0, **other):
        at = NOON + hour * HOUR
        how = {"as_of": at, "source": source, "by": DUTY, "at": at} | other
        return incident_figures.report(self.session, OP, self.incident.id, kind, value, **how)

    def latest(self, kind, **how):
        found = incident_figures.latest(self.session, OP, self.incident.id, **how)[kind]
        return {f.source: f.value for f in found.by_source}


@pytest.fixture
def world(session):
    return World(session)


def test_an_evacuation_is_ordered_under_way_and_done(world):
    world.step(ORDERED, world.grapska, people_to_move=300)
    world.step(UNDER_WAY, world.grapska, hour=1, people_moved=120)
    world.step(DONE, world.grapska, hour=2, people_moved=295)
    [row] = world.now().places
    assert (row.place, row.state, row.people_to_move, row.people_moved) == ("Grapska", DONE, 300, 295)
    history = evacuations.history(world.session, OP, world.incident.id)
    assert [(h.state, h.people_moved) for h in history] == [(DONE, 295), (UNDER_WAY, 120), (ORDERED, None)]
    assert entries(world.session, space=OP)[0].facts["people_moved"] == 295


def test_sums_say_how_many_places_have_no_number(world):
    world.step(ORDERED, world.grapska, people_to_move=300)
    world.step(UNDER_WAY, place="Salaši uz rijeku", people_moved=12)
    whole = world.now().whole
    assert (whole.places, whole.to_move, whole.to_move_unknown) == (2, 300, 1)
    assert (whole.moved, whole.moved_unknown) == (12, 1)
    by_state = {state: sums.places for state, sums in world.now().by_state.items()}
    assert by_state == {ORDERED: 1, UNDER_WAY: 1, DONE: 0, CALLED_OFF: 0}


def test_what_was_called_off_is_not_in_the_sum(world):
    world.step(ORDERED, world.grapska, people_to_move=300)
    world.step(CALLED_OFF, world.grapska, hour=1)
    assert world.now().whole.to_move == 0
    world.step(ORDERED, world.grapska, hour=2, people_to_move=250)
    assert world.now().whole.to_move == 250


def test_a_place_and_what_it_lies_in_are_not_counted_side_by_side(world):
    world.step(ORDERED, world.grapska, people_to_move=300)
    with pytest.raises(EvacuatedTwice, match="Grapska lies in Doboj"):
        world.step(ORDERED, world.doboj)
    world.step(CALLED_OFF, world.grapska)
    world.step(ORDERED, world.doboj, people_to_move=5000)
    with pytest.raises(EvacuatedTwice, match="MZ Usora lies in Doboj"):
        world.step(ORDERED, world.usora)


def test_settlements_beside_local_communities_may_be_the_same_people_and_it_is_said(world):
    world.step(ORDERED, world.grapska)
    assert not world.now().may_count_twice
    world.step(ORDERED, world.usora)
    assert world.now().may_count_twice


def test_a_name_is_one_place_however_it_is_spelled(world):
    world.step(ORDERED, place="Donja Mala", people_to_move=10)
    world.step(UNDER_WAY, place="donja  mala", people_moved=4)
    [row] = world.now().places
    assert (row.number, row.people_to_move, row.people_moved) == (2, 10, 4)


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ({}, WrongPlaceOfEvacuation),
        ({"place": "…"}, WrongPlaceOfEvacuation),
        ({"people_to_move": -1, "place": "x"}, WrongNumberOfPeople),
        ({"people_moved": 10_000_000, "place": "x"}, WrongNumberOfPeople),
        ({"source": "", "place": "x"}, Empty),
    ],
)
def test_what_cannot_be_is_refused(world, how, error):
    with pytest.raises(error):
        world.step(ORDERED, **how)


def test_a_place_lies_in_a_municipality_of_the_incident(world):
    with pytest.raises(WrongPlaceOfEvacuation):
        world.step(ORDERED, world.maglaj)
    with pytest.raises(NoSuchArea):
        evacuations.step(world.session, OP, world.incident.id, ORDERED, area_id=OP, source="x", at=NOON, by=DUTY)


def test_fewer_moved_people_than_before_need_a_word(world):
    world.step(UNDER_WAY, world.grapska, people_moved=120)
    with pytest.raises(FallingNumber, match="100 is less than 120"):
        world.step(UNDER_WAY, world.grapska, people_moved=100)
    world.step(UNDER_WAY, world.grapska, people_moved=100, note="20 su brojani dvaput")
    assert world.now().whole.moved == 100


def test_hours_run_forward(world):
    world.step(ORDERED, world.grapska, hour=2)
    with pytest.raises(TooEarly):
        world.step(UNDER_WAY, world.grapska, hour=1)
    with pytest.raises(FromTheFuture):
        world.step(UNDER_WAY, world.grapska, hour=3, now=NOON + 2 * HOUR)


def test_the_evacuation_of_an_earlier_hour_can_be_asked_for(world):
    world.step(ORDERED, world.grapska, people_to_move=300)
    world.step(DONE, world.grapska, hour=5, people_moved=300)
    assert world.now(until=NOON + 4 * HOUR).by_state[ORDERED].to_move == 300


def test_nothing_is_evacuated_in_what_is_over(world):
    declaring.dismiss(world.session, OP, world.incident.id, reason="x", at=NOON, by=DUTY)
    with pytest.raises(WrongIncidentStep):
        world.step(ORDERED, world.grapska)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(list(EvacuationState)), st.sampled_from(["A", "B"])), max_size=8))
def test_a_place_takes_only_the_steps_of_the_table_and_the_sums_are_those_of_its_last(session, tried):
    with session.begin_nested() as nested:
        world = World(session)
        state, moved = {"A": None, "B": None}, {"A": 0, "B": 0}
        for hour, (wanted, place) in enumerate(tried):
            people = hour * 10
            if wanted in STEPS[state[place]]:
                world.step(wanted, place=place, hour=hour, people_moved=people)
                state[place], moved[place] = wanted, people
            else:
                with pytest.raises(WrongEvacuationStep):
                    world.step(wanted, place=place, hour=hour, people_moved=people)
        now = world.now()
        assert {row.place: row.state for row in now.places} == {p: s for p, s in state.items() if s}
        counting = [p for p, s in state.items() if s and s is not CALLED_OFF]
        assert now.whole.moved == sum(moved[p] for p in counting)
        assert sum(sums.places for sums in now.by_state.values()) == len(now.places)
        nested.rollback()


@pytest.mark.parametrize("statement", ["UPDATE evacuation_step SET people_moved = 0", "DELETE FROM incident_figure"])
def test_nobody_rewrites_numbers(world, statement):
    with pytest.raises(ProgrammingError, match="permission denied"), world.session.begin_nested():
        world.session.execute(text(statement))


# --- figures ---------------------------------------------------------------------------------------------------------


def test_of_each_source_the_last_figure_counts(world):
    world.report(FigureKind.INJURED, 3)
    world.report(FigureKind.INJURED, 5, hour=1)
    assert world.latest(FigureKind.INJURED) == {"hitna pomoć": 5}
    assert world.latest(FigureKind.INJURED, until=NOON) == {"hitna pomoć": 3}


def test_a_figure_of_an_earlier_hour_that_comes_late_does_not_count_as_the_last(world):
    world.report(FigureKind.INJURED, 5, hour=1)
    world.report(FigureKind.INJURED, 4, hour=2, as_of=NOON)
    assert world.latest(FigureKind.INJURED) == {"hitna pomoć": 5}


def test_what_two_sources_say_stands_side_by_side_and_has_no_sum(world):
    world.report(FigureKind.DEAD, 2)
    world.report(FigureKind.DEAD, 3, "MUP")
    world.report(FigureKind.DEAD, 2, "Hitna Pomoc", hour=1)
    found = incident_figures.latest(world.session, OP, world.incident.id)[FigureKind.DEAD]
    assert {f.source: f.value for f in found.by_source} == {"Hitna Pomoc": 2, "MUP": 3}
    assert (found.lowest, found.highest, found.sources_differ) == (2, 3, True)
    assert not hasattr(found, "total")


def test_a_source_takes_its_figure_back(world):
    world.report(FigureKind.MISSING, 4)
    world.report(FigureKind.MISSING, None, hour=1, note="svi pronađeni, prijave su bile iste")
    found = incident_figures.latest(world.session, OP, world.incident.id)[FigureKind.MISSING]
    assert (found.by_source, found.lowest, found.highest) == ([], None, None)
    assert [f.value for f in incident_figures.series(world.session, OP, world.incident.id)] == [None, 4]


def test_nobody_has_reported_is_not_none(world):
    world.report(FigureKind.DEAD, 0)
    assert world.latest(FigureKind.DEAD) == {"hitna pomoć": 0}
    assert world.latest(FigureKind.INJURED) == {}


def test_a_figure_of_a_part_is_not_taken_for_the_whole(world):
    world.report(FigureKind.INTERVENTIONS, 40)
    world.report(FigureKind.INTERVENTIONS, 12, area_id=world.grapska.id, hour=1)
    assert world.latest(FigureKind.INTERVENTIONS) == {"hitna pomoć": 40}
    kinds = incident_figures.series(world.session, OP, world.incident.id, kind=FigureKind.INTERVENTIONS)
    assert [(f.value, f.area_id) for f in kinds] == [(12, world.grapska.id), (40, None)]


def test_the_dead_are_counted_after_an_incident_is_over_too(world):
    declaring.dismiss(world.session, OP, world.incident.id, reason="x", at=NOON, by=DUTY)
    world.report(FigureKind.DEAD, 1, hour=48)
    assert world.latest(FigureKind.DEAD) == {"hitna pomoć": 1}


@pytest.mark.parametrize(
    ("value", "how", "error"),
    [
        (-1, {}, WrongNumberOfPeople),
        (10_000_000, {}, WrongNumberOfPeople),
        (1, {"source": " "}, Empty),
        (1, {"as_of": NOON + HOUR}, FromTheFuture),
        (1, {"area_id": OP}, NoSuchArea),
    ],
)
def test_a_figure_that_cannot_be_is_refused(world, value, how, error):
    with pytest.raises(error):
        world.report(FigureKind.INJURED, value, **how)


def test_a_figure_belongs_to_an_incident(world):
    with pytest.raises(NoIncident):
        incident_figures.report(world.session, OP, OP, FigureKind.DEAD, 1, as_of=NOON, source="x", by=DUTY, at=NOON)
