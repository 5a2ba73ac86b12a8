"""The duty diary: numbered, never rewritten, handed over from shift to shift."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from foundation.audit import entries as audit_entries
from foundation.spaces import OPERATIONAL_SPACE_ID as OP
from layers import diary
from layers.diary import EntryKind
from layers.errors import NoSuchArea
from layers.field_errors import Empty
from layers.incident_errors import FromTheFuture, NoIncident, NoSuchEntry, SamePerson, TooLong, TooMany
from tests.layers.builders_field import DUTY, NOON, an_area
from tests.layers.test_incidents import propose

HOUR = timedelta(hours=1)


@pytest.fixture
def doboj(session):
    return an_area(session)


def write(session, area, said="Voda raste", *, at=NOON, **other):
    return diary.write(session, OP, area.id, said, happened_at=other.pop("happened_at", at), by=DUTY, at=at, **other)


def texts(session, **which):
    return [(e.number, e.text) for e in diary.entries(session, OP, **which)]


def test_entries_are_numbered_within_their_diary(session, doboj):
    maglaj = an_area(session, "11053", "Maglaj")
    write(session, doboj, "prvi")
    write(session, maglaj, "tamo")
    write(session, doboj, "drugi", at=NOON + HOUR, happened_at=NOON, kind=EntryKind.CALL)
    assert texts(session, area_id=doboj.id) == [(2, "drugi"), (1, "prvi")]
    assert texts(session, area_id=maglaj.id) == [(1, "tamo")]
    newest = diary.entries(session, OP, area_id=doboj.id)[0]
    assert (newest.happened_at, newest.recorded_at, newest.recorded_by) == (NOON, NOON + HOUR, "Amra Hodžić")


def test_an_incident_gathers_the_entries_of_all_diaries(session, doboj):
    maglaj = an_area(session, "11053", "Maglaj")
    one = propose(session, doboj, maglaj)
    write(session, doboj, "u Doboju", incident_id=one.id)
    write(session, doboj, "nešto drugo")
    write(session, maglaj, "u Maglaju", incident_id=one.id)
    assert [t for _, t in texts(session, incident_id=one.id)] == ["u Maglaju", "u Doboju"]


def test_a_correction_is_a_further_entry_that_points_to_the_wrong_one(session, doboj):
    wrong = write(session, doboj, "Evakuisano 20", happened_at=NOON - HOUR)
    right = diary.correct(session, OP, wrong.id, "Evakuisano 200", by=DUTY, at=NOON + HOUR)
    assert (right.kind, right.corrects_id, right.happened_at) == (EntryKind.CORRECTION, wrong.id, NOON - HOUR)
    assert texts(session, area_id=doboj.id) == [(2, "Evakuisano 200"), (1, "Evakuisano 20")]
    again = diary.correct(session, OP, right.id, "Evakuisano 210", by=DUTY, at=NOON + HOUR)
    assert again.corrects_id == right.id


def test_a_shift_hands_over_what_is_open(session, doboj):
    assert diary.open_points(session, OP, doboj.id) == []
    how = {"from_person": "Amra Hodžić", "to_person": "Ivan Jurić", "by": DUTY}
    diary.hand_over(session, OP, doboj.id, open_points=["vreće u Usoru", " ", "nazvati Maglaj"], at=NOON, **how)
    write(session, doboj, "mirno", at=NOON + HOUR)
    assert diary.open_points(session, OP, doboj.id) == ["vreće u Usoru", "nazvati Maglaj"]
    diary.hand_over(session, OP, doboj.id, open_points=[], at=NOON + 8 * HOUR, **how)
    assert diary.open_points(session, OP, doboj.id) == []


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ({"from_person": "Amra", "to_person": "amra "}, SamePerson),
        ({"from_person": "Amra", "to_person": ""}, Empty),
        ({"from_person": "", "to_person": "Ivan"}, Empty),
        ({"from_person": "Amra", "to_person": "Ivan", "open_points": ["x"] * 51}, TooMany),
    ],
)
def test_a_hand_over_is_between_two_people(session, doboj, how, error):
    with pytest.raises(error):
        diary.hand_over(session, OP, doboj.id, **({"open_points": []} | how), by=DUTY, at=NOON)


def test_an_entry_says_something_that_has_happened_somewhere(session, doboj):
    with pytest.raises(Empty):
        write(session, doboj, " ")
    with pytest.raises(TooLong):
        write(session, doboj, "x" * 10_001)
    with pytest.raises(FromTheFuture):
        write(session, doboj, happened_at=NOON + HOUR)
    with pytest.raises(NoIncident):
        write(session, doboj, incident_id=OP)
    with pytest.raises(NoSuchArea):
        diary.write(session, OP, OP, "x", happened_at=NOON, by=DUTY, at=NOON)
    with pytest.raises(NoSuchEntry):
        diary.correct(session, OP, OP, "x", by=DUTY, at=NOON)


@pytest.mark.parametrize("statement", ["UPDATE diary_entry SET text = ''", "DELETE FROM diary_entry"])
def test_nobody_rewrites_the_diary(session, doboj, statement):
    write(session, doboj)
    with pytest.raises(ProgrammingError, match="permission denied"), session.begin_nested():
        session.execute(text(statement))


def test_not_even_the_owner_rewrites_the_diary(database, db):
    from sqlalchemy import NullPool, create_engine

    with db.transaction(OP) as session:
        write(session, an_area(session))
    owner = create_engine(database.admin_database_url, poolclass=NullPool)
    with pytest.raises(ProgrammingError, match="diary_entry is append-only"), owner.begin() as connection:
        connection.execute(text("UPDATE diary_entry SET text = ''"))


def test_rivals_leave_no_gap_in_the_numbers(db):
    with db.transaction(OP) as session:
        doboj = an_area(session)

    def go(_):
        with db.transaction(OP) as session:
            return write(session, doboj).number

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(go, range(8))) == list(range(1, 9))


def test_pages_run_from_the_newest_to_the_oldest(session, doboj):
    for i in range(5):
        write(session, doboj, str(i))
    seen, before = [], None
    while page := diary.entries(session, OP, area_id=doboj.id, before=before, limit=2):
        seen += [e.text for e in page]
        before = page[-1].sequence
    assert seen == ["4", "3", "2", "1", "0"]


def test_every_entry_is_audited(session, doboj):
    write(session, doboj)
    assert [e.action for e in audit_entries(session, space=OP)] == ["diary.written"]
