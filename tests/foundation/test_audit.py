from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from foundation.audit import Actor, Subject, entries, record
from foundation.people import Person
from foundation.spaces import OPERATIONAL_SPACE_ID

PUMP = Subject("item", "pump-7")


def write(session, at, action="item.moved", *, space=OPERATIONAL_SPACE_ID, by=None, subject=PUMP, facts=None):
    by = by or Actor("Amra Hodžić")
    return record(session, space=space, at=at, by=by, action=action, subject=subject, facts=facts)


def test_an_entry_says_who_did_what_to_what_and_when(db, noon):
    with db.without_space() as session:
        amra = Person(name="Amra Hodžić", created_at=noon)
        session.add(amra)
    amra_acts = Actor("Amra Hodžić", person_id=amra.id, request_id="7f3a")
    with db.transaction(OPERATIONAL_SPACE_ID) as session:
        write(session, noon, by=amra_acts, facts={"from": "Doboj", "litres": 40})
    with db.transaction(OPERATIONAL_SPACE_ID) as session:
        [entry] = entries(session, space=OPERATIONAL_SPACE_ID)
        assert (entry.actor, entry.person_id, entry.request_id) == ("Amra Hodžić", amra.id, "7f3a")
        assert (entry.action, entry.subject_kind, entry.subject_id) == ("item.moved", "item", "pump-7")
        assert entry.at == noon
        assert entry.facts == {"from": "Doboj", "litres": 40}


def test_a_program_acts_under_a_label(db, noon):
    with db.transaction(OPERATIONAL_SPACE_ID) as session:
        entry = write(session, noon, by=Actor("ticker"))
        assert (entry.actor, entry.person_id, entry.organisation_id) == ("ticker", None, None)


def test_the_real_time_is_kept_beside_the_exercise_s(db, exercise, noon):
    with db.transaction(exercise) as session:
        entry = write(session, noon - timedelta(days=4000), space=exercise)
        session.refresh(entry)
        started = session.scalar(text("SELECT now()"))
        assert entry.recorded_at == started


def test_an_entry_disappears_with_the_transaction_that_failed(db, undone, noon):
    with undone(OPERATIONAL_SPACE_ID) as session:
        write(session, noon)
    with db.transaction(OPERATIONAL_SPACE_ID) as session:
        assert entries(session, space=OPERATIONAL_SPACE_ID) == []


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_entry SET actor = 'nobody'", "DELETE FROM audit_entry", "TRUNCATE audit_entry"]
)
def test_nobody_rewrites_the_audit(db, owner, noon, statement):
    with db.transaction(OPERATIONAL_SPACE_ID) as session:
        write(session, noon)
    with pytest.raises(ProgrammingError, match="permission denied"), db.transaction(OPERATIONAL_SPACE_ID) as session:
        session.execute(text(statement))
    with pytest.raises(ProgrammingError, match="audit_entry is append-only"), owner.begin() as connection:
        connection.execute(text(statement))
    with db.transaction(OPERATIONAL_SPACE_ID) as session:
        assert [entry.actor for entry in entries(session, space=OPERATIONAL_SPACE_ID)] == ["Amra Hodžić"]


def test_pages_run_from_the_newest_to_the_oldest_without_a_gap_or_a_repeat(db, noon):
    with db.transaction(OPERATIONAL_SPACE_ID) as session:
        for step in range(5):
            write(session, noon, action=f"step.{step}")
        seen, before = [], None
        while page := entries(session, space=OPERATIONAL_SPACE_ID, before=before, limit=2):
            seen.append([entry.action for entry in page])
            before = page[-1].number
    assert seen == [["step.4", "step.3"], ["step.2", "step.1"], ["step.0"]]


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(kinds=st.lists(st.sampled_from(["item", "loan"]), max_size=12), limit=st.integers(1, 5))
def test_paging_gives_each_entry_of_a_subject_once(undone, noon, kinds, limit):
    with undone(OPERATIONAL_SPACE_ID) as session:
        written = [write(session, noon, subject=Subject(kind, "1")).id for kind in kinds]
        read, before = [], None
        while page := entries(
            session, space=OPERATIONAL_SPACE_ID, subject=Subject("loan", "1"), before=before, limit=limit
        ):
            assert len(page) <= limit
            read += [entry.id for entry in page]
            before = page[-1].number
        expected = [id for id, kind in zip(written, kinds, strict=True) if kind == "loan"]
        assert read == expected[::-1]


@pytest.mark.parametrize("limit", [0, 501])
def test_a_page_of_the_audit_is_bounded(db, limit):
    with db.transaction(OPERATIONAL_SPACE_ID) as session, pytest.raises(ValueError, match="from 1 to 500"):
        entries(session, space=OPERATIONAL_SPACE_ID, limit=limit)
