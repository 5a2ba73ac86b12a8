"""Saved questions: kept in their space with the answer that they had, at most so many, each deed in the audit."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from foundation import audit
from foundation.audit import Subject
from foundation.people import Organisation, OrganisationKind
from foundation.spaces import OPERATIONAL_SPACE_ID, Space
from layers import declaring, incident_marks, saved_asks
from layers.asking import ask
from layers.catalogue import Kind, Method
from layers.declaring import IncidentFacts
from layers.errors import NoSuchSavedAsk, NoteTooLong, SavedAskInUse, SavedAskWithoutName, TooManySaved
from layers.incident_errors import AlreadyLinked, NoSuchLink
from layers.incidents import IncidentKind
from layers.questions import Question
from layers.recounting import KeptRuns, Reading
from layers.runs import Family, Hazard
from layers.saved_asks import LONGEST_NOTE, SavedAsk, count, remove, save, saved, saved_ask, still_holds
from tests.layers.builders_exposure import DEPTH, PEOPLE, WEST, a_world
from tests.layers.test_asking import geojson

VALLEY = Question(Hazard(Family.FLOOD, years=100.0), Reading(rise_m=0.5), geometry=geojson(WEST))


@pytest.fixture
def world(session, store, operator, noon, tmp_path):
    made = a_world(session, store, operator, noon, tmp_path)
    made.flood = made.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=DEPTH)
    made.count(made.flood)
    return made


@pytest.fixture
def maglaj(session, noon, operator):
    organisation = Organisation(name="Maglaj", kind=OrganisationKind.MUNICIPALITY, created_at=noon)
    session.add(organisation)
    session.flush()
    return replace(operator, organisation_id=organisation.id)


@pytest.fixture
def keep(world, session, store, noon):
    answer = ask(session, KeptRuns(store.path), VALLEY)

    def go(by, name="Valley", note="", *, space=OPERATIONAL_SPACE_ID, at=noon):
        return save(session, space=space, name=name, note=note, question=VALLEY, answer=answer, by=by, at=at)

    return go


def test_a_question_is_saved_with_the_answer_that_it_had(session, world, keep, maglaj, noon):
    made = keep(maglaj, "  Valley   of the Bosna ", " for the mayor ")
    session.expire_all()
    found = saved_ask(session, made.id, space=OPERATIONAL_SPACE_ID)
    assert (found.name, found.note) == ("Valley of the Bosna", "for the mayor")
    assert (found.saved_by, found.organisation_id, found.saved_at) == ("operator", maglaj.organisation_id, noon)
    assert Question.from_data(found.question) == VALLEY
    assert (found.answer["people"], found.answer["exposed"], found.answer["spread"]) == (40.0, 30.0, "lower_bound")
    assert {s["layer"] for s in found.answer["sources"]} == {"rp100", "people", "municipalities"}


def test_saving_and_removing_are_in_the_audit(session, keep, maglaj, noon):
    made = keep(maglaj)
    remove(session, made.id, space=OPERATIONAL_SPACE_ID, by=maglaj, at=noon)
    entries = audit.entries(session, space=OPERATIONAL_SPACE_ID, subject=Subject("saved_ask", made.id))
    assert [(e.action, e.facts["name"], e.facts["exposed"]) for e in entries] == [
        ("ask.removed", "Valley", 30.0),
        ("ask.saved", "Valley", 30.0),
    ]
    with pytest.raises(NoSuchSavedAsk):
        saved_ask(session, made.id, space=OPERATIONAL_SPACE_ID)
    with pytest.raises(NoSuchSavedAsk):
        remove(session, made.id, space=OPERATIONAL_SPACE_ID, by=maglaj, at=noon)


def test_each_organisation_has_its_own_list_newest_first(session, keep, maglaj, operator, noon):
    for i in range(3):
        keep(maglaj, f"{i}", at=noon + timedelta(minutes=i))
    keep(operator, "nobody's")
    of_maglaj = saved(session, space=OPERATIONAL_SPACE_ID, organisation_id=maglaj.organisation_id)
    assert [s.name for s in of_maglaj] == ["2", "1", "0"]
    assert [s.name for s in saved(session, space=OPERATIONAL_SPACE_ID, organisation_id=None)] == ["nobody's"]
    assert len(saved(session, space=OPERATIONAL_SPACE_ID, organisation_id=maglaj.organisation_id, limit=2)) == 2
    assert saved(session, space=OPERATIONAL_SPACE_ID, organisation_id=uuid4()) == []


def test_an_organisation_saves_so_many_and_no_more(session, keep, maglaj, operator, monkeypatch, noon):
    monkeypatch.setattr(saved_asks, "MOST_SAVED", 2)
    first = keep(maglaj)
    keep(maglaj)
    with pytest.raises(TooManySaved, match="2 questions"):
        keep(maglaj)
    keep(operator)  # others may
    remove(session, first.id, space=OPERATIONAL_SPACE_ID, by=maglaj, at=noon)
    keep(maglaj)
    assert count(session, space=OPERATIONAL_SPACE_ID, organisation_id=maglaj.organisation_id) == 2


def test_of_many_who_save_at_once_no_more_come_through_than_there_is_room_for(
    db, session, world, operator, monkeypatch, store, noon
):
    monkeypatch.setattr(saved_asks, "MOST_SAVED", 1)
    answer = ask(session, KeptRuns(store.path), VALLEY)

    def try_(_):
        try:
            with db.transaction(OPERATIONAL_SPACE_ID) as own:
                what = {"name": "Valley", "note": "", "question": VALLEY, "answer": answer}
                save(own, space=OPERATIONAL_SPACE_ID, by=operator, at=noon, **what)
        except TooManySaved:
            return 0
        return 1

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(try_, range(8))) == 1


@pytest.mark.parametrize(
    ("name", "note", "error"),
    [("", "", SavedAskWithoutName), (" \n ", "", SavedAskWithoutName), ("x" * 121, "", SavedAskWithoutName),
     ("Valley", "x" * (LONGEST_NOTE + 1), NoteTooLong)],
)  # fmt: skip
def test_a_name_is_needed_and_neither_it_nor_the_note_is_endless(keep, maglaj, name, note, error):
    with pytest.raises(error):
        keep(maglaj, name, note)


def test_an_exercise_does_not_see_what_is_saved_in_the_real_world(session, db, world, keep, maglaj, noon):
    made = keep(maglaj)
    exercise = Space(slug="ex", name="Exercise", created_at=noon)
    session.add(exercise)
    session.commit()
    with db.transaction(exercise.id) as other:
        assert other.query(SavedAsk).all() == []
        with pytest.raises(NoSuchSavedAsk):
            saved_ask(other, made.id, space=OPERATIONAL_SPACE_ID)


def test_a_saved_answer_holds_until_a_layer_under_it_is_replaced(session, world, keep, maglaj, store):
    made = keep(maglaj)
    assert still_holds(session, made)
    world.layer(Kind.POPULATION_RASTER, "newer", method=Method.OFFICIAL, values=PEOPLE * 2)
    world.count(world.flood)
    assert not still_holds(session, made)
    assert made.answer["exposed"] == 30.0  # as it was
    assert ask(session, KeptRuns(store.path), Question.from_data(made.question)).exposed == 60.0


def test_a_saved_answer_whose_layer_was_withdrawn_holds_no_longer(session, world, keep, maglaj):
    made = keep(maglaj)
    world.flood.become("withdrawn")
    session.flush()
    assert not still_holds(session, made)


def test_an_incident_is_about_a_saved_question_which_then_stays(session, world, keep, maglaj, noon):
    made = keep(maglaj)
    facts = IncidentFacts(IncidentKind.FLOOD, "Bosna", frozenset([world.west]))
    one = declaring.propose(session, OPERATIONAL_SPACE_ID, facts, by=maglaj, at=noon)
    how = {"by": maglaj, "at": noon}
    link = incident_marks.link(session, OPERATIONAL_SPACE_ID, one.id, saved_ask_id=made.id, **how)
    with pytest.raises(AlreadyLinked):
        incident_marks.link(session, OPERATIONAL_SPACE_ID, one.id, saved_ask_id=made.id, **how)
    with pytest.raises(SavedAskInUse, match="Valley belongs to an incident"):
        remove(session, made.id, space=OPERATIONAL_SPACE_ID, **how)
    assert saved_ask(session, made.id, space=OPERATIONAL_SPACE_ID) is made
    incident_marks.unlink(session, OPERATIONAL_SPACE_ID, link.id, **how)
    with pytest.raises(NoSuchLink):
        incident_marks.unlink(session, OPERATIONAL_SPACE_ID, link.id, **how)
    remove(session, made.id, space=OPERATIONAL_SPACE_ID, **how)
    with pytest.raises(NoSuchSavedAsk):
        incident_marks.link(session, OPERATIONAL_SPACE_ID, one.id, saved_ask_id=made.id, **how)
