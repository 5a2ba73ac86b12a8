from foundation.drafts import draft, drop, save
from foundation.notices import has_read, mark_read, notices, notify, read_up_to, unread
from foundation.people import Person
from foundation.spaces import OPERATIONAL_SPACE_ID as OP


def people(session, noon, *names):
    made = [Person(name=name, created_at=noon) for name in names]
    session.add_all(made)
    session.flush()
    return [person.id for person in made]


def tell(session, who, noon, **more):
    return notify(
        session, space=OP, people=who, text="{gauge} is high", parameters={"gauge": "Doboj"}, path="/x",
        urgent=False, at=noon, **more,
    )  # fmt: skip


def test_everybody_is_told_once_and_reads_for_themselves(db, noon):
    with db.transaction(OP) as session:
        amra, edin = people(session, noon, "Amra", "Edin")
        tell(session, [amra, edin, amra], noon)
        assert [unread(session, space=OP, person=who) for who in (amra, edin)] == [1, 1]
        assert mark_read(session, space=OP, person=amra, at=noon) == 1
        assert mark_read(session, space=OP, person=amra, at=noon) == 0
        assert [unread(session, space=OP, person=who) for who in (amra, edin)] == [0, 1]
        assert len(notices(session, space=OP, person=amra)) == 1
        assert notices(session, space=OP, person=amra, only_unread=True) == []


def test_nobody_reads_a_notice_for_somebody_else(db, noon):
    with db.transaction(OP) as session:
        amra, edin = people(session, noon, "Amra", "Edin")
        (notice,) = tell(session, [amra], noon)
        assert mark_read(session, space=OP, person=edin, at=noon, notice=notice.id) == 0
        assert unread(session, space=OP, person=amra) == 1


def test_a_reader_goes_on_where_it_stopped(db):
    with db.transaction(OP) as session:
        assert read_up_to(session, "r", space=OP) == 0
        has_read(session, "r", space=OP, sequence=7)
    with db.transaction(OP) as session:
        assert read_up_to(session, "r", space=OP) == 7
        assert read_up_to(session, "another", space=OP) == 0


def test_the_newest_draft_is_the_one_that_is_kept(db, noon):
    with db.transaction(OP) as session:
        (amra,) = people(session, noon, "Amra")
        save(session, space=OP, person=amra, form="need", entries={"what": "boats"}, at=noon)
        save(session, space=OP, person=amra, form="need", entries={"what": "pumps"}, at=noon)
        assert draft(session, space=OP, person=amra, form="need").entries == {"what": "pumps"}
        drop(session, space=OP, person=amra, form="need")
        assert draft(session, space=OP, person=amra, form="need") is None


def test_notices_of_one_moment_stand_in_the_order_in_which_they_were_made(db, noon):
    with db.transaction(OP) as session:
        (amra,) = people(session, noon, "Amra")
        for gauge in ("Doboj", "Maglaj", "Zenica", "Žepče", "Šamac"):
            notify(
                session, space=OP, people=[amra], text="{gauge}", parameters={"gauge": gauge}, path="/", urgent=False,
                at=noon,
            )  # fmt: skip
        found = [one.parameters["gauge"] for one in notices(session, space=OP, person=amra)]
    assert found == ["Šamac", "Žepče", "Zenica", "Maglaj", "Doboj"]
