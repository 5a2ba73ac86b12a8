"""Incidents: proposed, declared, lifted, dismissed; their areas, sketches and links."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise

import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from shapely import LineString, Point, box
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from foundation.audit import Subject, entries
from foundation.spaces import OPERATIONAL_SPACE_ID as OP
from foundation.spaces import Space, SpaceState
from layers import declaring, incident_marks, incidents
from layers.areas import Level
from layers.declaring import IncidentFacts
from layers.field_errors import ChangedMeanwhile, Empty, NoSuchStation, NotAMunicipality
from layers.incident_errors import (
    AlreadyLinked,
    DecisionNumbered,
    FromTheFuture,
    NoIncident,
    NoIncidentArea,
    NoSuchSketch,
    TooEarly,
    TooLong,
    UnusableShape,
    WrongIncidentStep,
)
from layers.incidents import STEPS, Incident, IncidentKind, IncidentState, Origin
from layers.warning_errors import NoSuchWarning
from tests.layers.builders_cap import a_message
from tests.layers.builders_field import DUTY, NOON, a_station, an_area
from tests.layers.test_warnings import boundaries, put

HOUR = timedelta(hours=1)
PROPOSED, DECLARED, LIFTED, DISMISSED = IncidentState


@pytest.fixture
def doboj(session):
    return an_area(session)


def some_facts(*areas, **other):
    facts = {"kind": IncidentKind.FLOOD, "title": "Bosna", "municipalities": frozenset(a.id for a in areas)}
    return IncidentFacts(**(facts | other))


def propose(session, *areas, at=NOON, space=OP, how=None, **other):
    return declaring.propose(session, space, some_facts(*areas, **other), by=DUTY, at=at, **(how or {}))


def declare(session, one, *, at=NOON, decision="01-2/26", who="Komandant štaba", space=OP, **other):
    return declaring.declare(session, space, one.id, decided_by=who, decision=decision, at=at, by=DUTY, **other)


def lift(session, one, *, at=NOON, decision="02-2/26", who="Komandant štaba"):
    return declaring.lift(session, OP, one.id, decided_by=who, decision=decision, at=at, by=DUTY)


def test_an_incident_is_proposed_declared_and_lifted_by_decisions(session, doboj):
    one = propose(session, doboj)
    declare(session, one, at=NOON + HOUR)
    lift(session, one, at=NOON + 30 * HOUR)
    taken = [(s.state, s.at, s.decided_by, s.decision) for s in incidents.steps(session, OP, one.id)]
    assert taken == [
        (PROPOSED, NOON, "", None),
        (DECLARED, NOON + HOUR, "Komandant štaba", "01-2/26"),
        (LIFTED, NOON + 30 * HOUR, "Komandant štaba", "02-2/26"),
    ]
    actions = [e.action for e in entries(session, space=OP, subject=Subject("incident", one.id))]
    assert actions == ["incident.lifted", "incident.declared", "incident.proposed"]


def test_a_proposal_is_dismissed_with_a_reason(session, doboj):
    one = propose(session, doboj)
    with pytest.raises(Empty, match="reason"):
        declaring.dismiss(session, OP, one.id, reason=" ", at=NOON, by=DUTY)
    declaring.dismiss(session, OP, one.id, reason="a drill of the fire brigade", at=NOON, by=DUTY)
    assert incidents.steps(session, OP, one.id)[-1].reason == "a drill of the fire brigade"
    with pytest.raises(WrongIncidentStep, match="is dismissed and cannot become declared"):
        declare(session, one)


def test_only_what_was_declared_is_lifted(session, doboj):
    with pytest.raises(WrongIncidentStep, match="is proposed and cannot become lifted"):
        lift(session, propose(session, doboj))


def test_a_decision_names_who_took_it(session, doboj):
    with pytest.raises(Empty, match="who decided"):
        declare(session, propose(session, doboj), who=" ")


def test_a_decision_by_word_of_mouth_gets_its_number_once(session, doboj):
    one = propose(session, doboj)
    declare(session, one, decision=None, at=NOON + HOUR)
    declaring.add_decision(session, OP, one.id, decision="01-2/26", by=DUTY, at=NOON + 9 * HOUR)
    last = incidents.steps(session, OP, one.id)[-1]
    assert (last.state, last.at, last.decision) == (DECLARED, NOON + HOUR, "01-2/26")
    assert last.recorded_at == NOON + 9 * HOUR
    with pytest.raises(DecisionNumbered):
        declaring.add_decision(session, OP, one.id, decision="03-2/26", by=DUTY, at=NOON + 9 * HOUR)
    assert one.state is DECLARED


def test_a_step_is_not_before_the_one_that_it_follows_nor_in_the_future(session, doboj):
    one = propose(session, doboj)
    with pytest.raises(TooEarly, match="before the step"):
        declare(session, one, at=NOON - HOUR)
    with pytest.raises(FromTheFuture, match="has not come"):
        declare(session, one, at=NOON + 2 * HOUR, now=NOON + HOUR)
    declare(session, one, at=NOON + HOUR, now=NOON + 2 * HOUR)
    assert incidents.steps(session, OP, one.id)[-1].recorded_at == NOON + 2 * HOUR


# --- area, title -----------------------------------------------------------------------------------------------------


def test_a_shape_stands_for_the_municipalities_that_it_touches(session, doboj):
    east = an_area(session, "11185", "Zenica")
    boundaries(session, {doboj: box(18.0, 44.5, 18.2, 44.7), east: box(18.2, 44.5, 18.4, 44.7)})
    one = propose(session, place=box(18.05, 44.55, 18.15, 44.6))
    assert [a.id for a in incidents.municipalities(session, OP, [one.id])[one.id]] == [doboj.id]
    assert shapely.from_wkb(bytes(one.place.data)).area == pytest.approx(0.005)


def test_an_incident_is_somewhere(session):
    with pytest.raises(NoIncidentArea):
        propose(session)
    with pytest.raises(NoIncidentArea):
        propose(session, place=box(18.0, 44.5, 18.2, 44.7))  # no boundaries are known


STAR = shapely.Polygon([(18 + i * 7919 % 1000 / 1000, 44 + i * 104_729 % 1009 / 1000) for i in range(1000)])


@pytest.mark.parametrize("shape", [Point(18, 44), LineString([(18, 44), (18, 45)]), box(200, 44, 201, 45), STAR])
def test_what_is_no_area_on_earth_is_refused(session, doboj, shape):
    with pytest.raises(UnusableShape):
        propose(session, doboj, place=shape)


def test_an_incident_belongs_to_municipalities(session):
    canton = an_area(session, "BA-04", "Zeničko-dobojski kanton", level=Level.CANTON)
    with pytest.raises(NotAMunicipality, match="Zeničko-dobojski"):
        propose(session, canton)


@pytest.mark.parametrize(("title", "error"), [(" ", Empty), ("x" * 201, TooLong)])
def test_a_title_is_said_and_short(session, doboj, title, error):
    with pytest.raises(error):
        propose(session, doboj, title=title)


def test_what_is_said_of_an_incident_may_change_while_it_is_open(session, doboj):
    maglaj = an_area(session, "11053", "Maglaj")
    one = propose(session, doboj)
    declaring.amend(session, OP, one.id, some_facts(maglaj, title="Bosna kod Maglaja"), seen=1, by=DUTY, at=NOON)
    assert [a.name for a in incidents.municipalities(session, OP, [one.id])[one.id]] == ["Maglaj"]
    changed = entries(session, space=OP, subject=Subject("incident", one.id))[0].facts
    assert (changed["was"]["title"], changed["is"]["title"]) == ("Bosna", "Bosna kod Maglaja")
    with pytest.raises(ChangedMeanwhile):
        declaring.amend(session, OP, one.id, some_facts(doboj), seen=1, by=DUTY, at=NOON)
    declaring.dismiss(session, OP, one.id, reason="x", at=NOON, by=DUTY)
    with pytest.raises(WrongIncidentStep):
        declaring.amend(session, OP, one.id, some_facts(doboj), seen=2, by=DUTY, at=NOON)


def test_incidents_are_listed_by_area_and_state(session, doboj):
    entity = an_area(session, "BA-BIH", "Federacija", level=Level.ENTITY)
    maglaj = an_area(session, "11053", "Maglaj", parent=entity.id)
    one, two, three = propose(session, doboj), propose(session, maglaj), propose(session, doboj, maglaj)
    declare(session, two)
    assert [i.number for i in incidents.incidents(session, OP)] == [3, 2, 1]
    assert [i.id for i in incidents.incidents(session, OP, entity.id)] == [three.id, two.id]
    assert [i.id for i in incidents.incidents(session, OP, states=[PROPOSED])] == [three.id, one.id]
    assert [i.id for i in incidents.incidents(session, OP, before=3, limit=1)] == [two.id]


# --- the life cycle --------------------------------------------------------------------------------------------------


class LifeCycle(RuleBasedStateMachine):
    """The steps of one incident, whatever is tried in whatever order."""

    def __init__(self):
        super().__init__()
        self.one = Incident(title="Bosna", state=PROPOSED)
        self.taken = [(PROPOSED, 0)]

    @rule(state=st.sampled_from(list(IncidentState)), hour=st.integers(-3, 12))
    def step(self, state, hour):
        before, last = self.taken[-1]
        allowed = state in STEPS[before] and last <= hour <= 10
        try:
            self.one.become(state, at=NOON + hour * HOUR, last_at=NOON + last * HOUR, now=NOON + 10 * HOUR)
        except (WrongIncidentStep, TooEarly, FromTheFuture):
            assert not allowed
        else:
            assert allowed
            self.taken.append((state, hour))

    @invariant()
    def the_state_is_that_of_the_last_step(self):
        assert self.one.state is self.taken[-1][0]

    @invariant()
    def nothing_is_lifted_that_was_not_declared(self):
        states = [state for state, _ in self.taken]
        assert LIFTED not in states or DECLARED in states[: states.index(LIFTED)]
        assert states.count(DECLARED) <= 1

    @precondition(lambda self: self.taken[-1][0] in (LIFTED, DISMISSED))
    @invariant()
    def what_is_over_stays_over(self):
        assert not self.one.is_open
        with pytest.raises(WrongIncidentStep):
            self.one.insist_open()


TestLifeCycle = LifeCycle.TestCase
TestLifeCycle.settings = settings(max_examples=60, deadline=None)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["declare", "lift", "dismiss", "number"]), max_size=6))
def test_the_state_that_is_kept_is_that_of_the_steps_that_were_added(session, tried):
    with session.begin_nested() as nested:
        one = propose(session, an_area(session))
        for number, what in enumerate(tried, 1):
            at = NOON + number * HOUR
            try:
                if what == "declare":
                    declare(session, one, at=at, decision=None)
                elif what == "lift":
                    lift(session, one, at=at)
                elif what == "dismiss":
                    declaring.dismiss(session, OP, one.id, reason="x", at=at, by=DUTY)
                else:
                    declaring.add_decision(session, OP, one.id, decision="7", by=DUTY, at=at)
            except (WrongIncidentStep, DecisionNumbered):
                continue
        session.expire(one)
        steps = incidents.steps(session, OP, one.id)
        assert one.state is steps[-1].state
        assert [s.number for s in steps] == list(range(1, len(steps) + 1))
        for before, after in pairwise(steps):
            assert after.state in STEPS[before.state] | {before.state}
            assert before.at <= after.at
        nested.rollback()


@pytest.mark.parametrize("statement", ["UPDATE incident_step SET decision = '1'", "DELETE FROM incident"])
def test_nobody_rewrites_what_was_decided(session, doboj, statement):
    propose(session, doboj)
    with pytest.raises(ProgrammingError, match="permission denied"), session.begin_nested():
        session.execute(text(statement))


def test_an_exercise_has_its_own_incidents_from_number_one(db, noon):
    with db.without_space() as session:
        space = Space(slug="sava-2026", name="Sava 2026", state=SpaceState.OPEN, created_at=noon)
        session.add(space)
    with db.transaction(OP) as session:
        doboj = an_area(session)
        real = propose(session, doboj)
    with db.transaction(space.id) as session:
        played = propose(session, doboj, space=space.id)
        assert played.number == 1
        declare(session, played, space=space.id)
        with pytest.raises(NoIncident):
            declaring.dismiss(session, space.id, real.id, reason="x", at=NOON, by=DUTY)
    with db.transaction(OP) as session:
        assert [(i.number, i.state) for i in incidents.incidents(session, OP)] == [(1, PROPOSED)]


def test_rivals_take_different_numbers_and_one_declares(db):
    with db.transaction(OP) as session:
        doboj = an_area(session)

    def go(_):
        with db.transaction(OP) as session:
            return propose(session, doboj).number

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(go, range(4))) == [1, 2, 3, 4]
    with db.transaction(OP) as session:
        one = incidents.incidents(session, OP)[0]

    def decide(_):
        try:
            with db.transaction(OP) as session:
                declare(session, one)
        except WrongIncidentStep:
            return "too late"
        return "declared"

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(decide, range(3))) == ["declared", "too late", "too late"]


# --- sketches, links -------------------------------------------------------------------------------------------------


def test_what_is_drawn_stays_until_somebody_takes_it_away(session, doboj):
    one = propose(session, doboj)
    shapes = {"proboj": Point(18.1, 44.7), "nasip": LineString([(18, 44.7), (18.1, 44.7)]), "voda": box(18, 44, 19, 45)}
    drawn = [
        incident_marks.sketch(session, OP, one.id, shape, label, by=DUTY, at=NOON + i * HOUR)
        for i, (label, shape) in enumerate(shapes.items())
    ]
    assert [s.label for s in incident_marks.sketches(session, OP, one.id)] == ["proboj", "nasip", "voda"]
    gone = incident_marks.remove_sketch(session, OP, drawn[1].id, by=DUTY, at=NOON + 5 * HOUR)
    incident_marks.remove_sketch(session, OP, drawn[1].id, by=DUTY, at=NOON + 6 * HOUR)
    assert (gone.removed_at, gone.removed_by) == (NOON + 5 * HOUR, "Amra Hodžić")
    assert [s.label for s in incident_marks.sketches(session, OP, one.id)] == ["proboj", "voda"]
    with pytest.raises(NoSuchSketch):
        incident_marks.remove_sketch(session, OP, one.id, by=DUTY, at=NOON)


@pytest.mark.parametrize(
    "shape",
    [
        Point(),
        Point(2.35, 48.85),
        shapely.MultiPoint([(18, 44), (18, 45)]),
        LineString([(18 + i / 10_000, 44) for i in range(2001)]),
    ],
)
def test_what_cannot_be_drawn_is_refused(session, doboj, shape):
    one = propose(session, doboj)
    with pytest.raises(UnusableShape):
        incident_marks.sketch(session, OP, one.id, shape, "x", by=DUTY, at=NOON)


def test_nothing_is_drawn_on_what_is_over(session, doboj):
    one = propose(session, doboj)
    declaring.dismiss(session, OP, one.id, reason="x", at=NOON, by=DUTY)
    with pytest.raises(WrongIncidentStep):
        incident_marks.sketch(session, OP, one.id, Point(18, 44), "x", by=DUTY, at=NOON)


def test_an_incident_is_about_warnings_and_gauges_each_once(session, doboj):
    one = propose(session, doboj)
    station = a_station(session, doboj)
    [warning] = put(session, a_message()).new
    incident_marks.link(session, OP, one.id, station_id=station.id, by=DUTY, at=NOON)
    incident_marks.link(session, OP, one.id, warning_id=warning.id, by=DUTY, at=NOON + HOUR)
    linked = incident_marks.links(session, OP, one.id)
    assert [(li.station_id, li.warning_id) for li in linked] == [(station.id, None), (None, warning.id)]
    assert [i.id for i in incident_marks.incidents_of_station(session, OP, station.id)] == [one.id]
    with pytest.raises(AlreadyLinked):
        incident_marks.link(session, OP, one.id, station_id=station.id, by=DUTY, at=NOON)
    with pytest.raises(NoSuchStation):
        incident_marks.link(session, OP, one.id, station_id=one.id, by=DUTY, at=NOON)
    with pytest.raises(NoSuchWarning):
        incident_marks.link(session, OP, one.id, warning_id=one.id, by=DUTY, at=NOON)


def test_a_proposal_says_who_or_what_made_it(session, doboj):
    assert propose(session, doboj).origin is Origin.PERSON
    assert propose(session, doboj, how={"origin": Origin.WARNING, "reason": "red"}).origin is Origin.WARNING
