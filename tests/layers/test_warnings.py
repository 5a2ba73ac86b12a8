"""Warnings in a space: what is in force, where, for whom; updates, cancellations and their order of arrival."""

from datetime import timedelta
from itertools import permutations

import pytest
from geoalchemy2.shape import from_shape
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import box
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from foundation import outbox
from foundation.audit import entries
from foundation.spaces import OPERATIONAL_SPACE_ID as OP
from foundation.spaces import Space, SpaceState
from layers import catalogue, feeds, warnings
from layers.areas import Boundary, Level
from layers.catalogue import Kind, Method, State
from layers.field_errors import NoSource
from layers.warning_errors import NoSuchWarning, WrongRegions
from layers.warning_places import Placed
from layers.warning_regions import load_regions
from layers.warning_store import RECEIVED, relocate, store
from layers.warnings import Phase, about, active, messages
from tests.layers.builders_cap import a_message, an_area_xml, an_info
from tests.layers.builders_field import DUTY, NOON, an_area

HOUR = timedelta(hours=1)
ME = "office@example.ba"


def put(session, *texts, space=OP, at=NOON, **how):
    alerts = [alert for text in texts for alert in feeds.read(text.encode(), "warning.cap").alerts]
    return store(session, space, alerts, source="warning.cap", by=DUTY, at=at, **how)


def names(session, at=NOON, area=None, space=OP, **how):
    return [w.message.identifier for w in active(session, space, at, area, **how)]


def sent(hours):
    return (NOON + hours * HOUR).isoformat()


def refers(identifier, hours=0, sender=ME):
    return [(sender, identifier, sent(hours))]


def boundaries(session, places, at=NOON):
    """A version of municipalities' boundaries: {area: polygon or (polygon, areas that lie in it)}."""
    version = catalogue.receive(
        session,
        kind=Kind.MUNICIPALITIES,
        name="municipalities",
        return_period_years=None,
        event=None,
        producer="p",
        licence="l",
        vintage="v",
        method=Method.OFFICIAL,
        method_note="",
        file_name="f",
        file_hash="0" * 64,
        file_bytes=0,
        options={},
        by=DUTY,
        at=at,
    )
    version.become(State.CHECKING)
    for area, place in places.items():
        shape, inside = place if isinstance(place, tuple) else (place, [])
        row = Boundary(version_id=version.id, area_id=area.id, also_covers=inside, place=from_shape(shape, srid=4326))
        session.add(row)
    catalogue.ready(session, version, by=DUTY, at=at)
    return version


@pytest.fixture
def exercise(db, noon):
    with db.without_space() as session:
        space = Space(slug="sava-2026", name="Sava 2026", state=SpaceState.OPEN, created_at=noon)
        session.add(space)
    return space.id


# --- in force --------------------------------------------------------------------------------------------------------


def test_a_warning_is_coming_then_there_then_over(session):
    put(session, a_message(an_info(onset=sent(2), expires=sent(5))))
    phases = {h: [w.phase for w in active(session, OP, NOON + h * HOUR)] for h in (0, 2, 4, 5)}
    assert phases == {0: [Phase.COMING], 2: [Phase.NOW], 4: [Phase.NOW], 5: []}


def test_the_most_severe_comes_first_then_what_begins_first(session):
    put(
        session,
        a_message(an_info(severity="Minor"), identifier="minor"),
        a_message(an_info(severity="Extreme", onset=sent(3)), identifier="later"),
        a_message(an_info(severity="Extreme"), identifier="extreme"),
    )
    assert names(session) == ["extreme", "later", "minor"]
    assert names(session, limit=1) == ["extreme"]


def test_each_hazard_of_a_message_ends_for_itself(session):
    put(session, a_message(an_info(expires=sent(1), event="Wind"), an_info(expires=sent(9))))
    assert [w.part.event for w in active(session, OP, NOON + 2 * HOUR)] == ["Flood warning"]


def test_an_update_takes_the_place_of_what_it_names(session):
    put(session, a_message(), a_message(identifier="A2", sent=sent(1), msgType="Update", references=refers("A1")))
    assert names(session) == ["A2"]


def test_a_cancellation_ends_what_it_names_and_is_no_warning_itself(session):
    put(session, a_message(), a_message(identifier="B"))
    put(session, a_message(identifier="A2", sent=sent(1), msgType="Cancel", references=refers("A1")))
    assert names(session) == ["B"]


def test_what_was_replaced_stays_so_when_its_update_is_cancelled(session):
    put(
        session,
        a_message(),
        a_message(identifier="A2", sent=sent(1), msgType="Update", references=refers("A1")),
        a_message(identifier="A3", sent=sent(2), msgType="Cancel", references=refers("A2", 1)),
    )
    assert names(session) == []


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_order_of_arrival_does_not_matter(session, order):
    chain = [
        a_message(),
        a_message(identifier="A2", sent=sent(1), msgType="Update", references=refers("A1")),
        a_message(identifier="A3", sent=sent(2), msgType="Update", references=refers("A2", 1)),
    ]
    for i in order:
        put(session, chain[i])
    assert names(session) == ["A3"]


@pytest.mark.parametrize(
    "other",
    [
        {"sender": "stranger@example.com"},
        {"status": "Test"},
        {"status": "Exercise"},
        {"msgType": "Ack"},
        {"msgType": "Error"},
        {"sent": sent(-1)},
        {"references": refers("A1", hours=3)},
        {"references": refers("A1", sender="stranger@example.com")},
    ],
)
def test_nothing_else_ends_a_warning(session, other):
    later = {"identifier": "A2", "sent": sent(1), "msgType": "Cancel", "references": refers("A1")} | other
    put(session, a_message(), a_message(**later))
    assert names(session) == ["A1"]


def test_two_messages_that_refer_to_each_other_do_not_both_vanish(session):
    put(
        session,
        a_message(identifier="A1", msgType="Update", references=refers("A2", 1)),
        a_message(identifier="A2", sent=sent(1), msgType="Update", references=refers("A1")),
    )
    assert names(session) == ["A2"]


def test_the_same_message_again_is_one(session):
    first = put(session, a_message())
    again = put(session, a_message(), a_message())
    assert (len(first.new), len(again.new), again.duplicates) == (1, 0, 2)
    assert len(messages(session, OP)) == 1


SENDERS = st.sampled_from([ME, "second@example.ba"])
KINDS = st.sampled_from(["Alert", "Update", "Cancel", "Ack"])
STATUSES = st.sampled_from(["Actual", "Actual", "Test"])


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(SENDERS, KINDS, STATUSES, st.integers(0, 5), st.integers(0, 5), SENDERS), min_size=2, max_size=6
    ),
    st.randoms(use_true_random=False),
)
def test_any_messages_in_any_order_leave_the_same_in_force(session, made, random):
    # Message i is sent at hour `hour` and refers to message `about` of some sender.
    texts, facts = [], []
    for i, (sender, kind, status, hour, about_, whom) in enumerate(made):
        target = about_ % len(made)
        reference = refers(f"M{target}", made[target][3], whom) if kind != "Alert" else []
        texts.append(
            a_message(
                identifier=f"M{i}", sender=sender, msgType=kind, status=status, sent=sent(hour), references=reference
            )
        )
        facts.append((sender, kind, status, hour, target, whom))
    expected = {
        f"M{i}"
        for i, (sender, kind, status, hour, _, _) in enumerate(facts)
        if kind in ("Alert", "Update")
        and status == "Actual"
        and not any(
            other_kind in ("Update", "Cancel")
            and (other_sender, other_status, target, whom) == (sender, status, i, sender)
            and other_hour > hour
            for other_sender, other_kind, other_status, other_hour, target, whom in facts
        )
    }
    with session.begin_nested() as nested:
        arriving = texts + random.sample(texts, k=1)
        random.shuffle(arriving)
        for one in arriving:
            put(session, one)
        assert set(names(session)) == expected
        nested.rollback()


# --- what is no warning ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["Test", "System", "Draft", "Exercise"])
def test_what_is_not_meant_is_kept_and_never_shown(session, status):
    put(session, a_message(status=status))
    assert names(session) == []
    assert [m.status for m in messages(session, OP)] == [status]
    assert outbox.read_after(session, 0, space=OP) == []


def test_in_an_exercise_its_own_warnings_are_shown_and_real_ones_are_marked(db, exercise):
    with db.transaction(exercise) as session:
        put(session, a_message(status="Exercise", identifier="E"), a_message(identifier="R"), space=exercise)
        put(session, a_message(status="Test", identifier="T"), space=exercise)
        found = {w.message.identifier: w.real_world for w in active(session, exercise, NOON)}
        assert found == {"E": False, "R": True}
    with db.transaction(OP) as session:
        assert messages(session, OP) == []


def test_a_real_warning_in_an_exercise_of_another_day_runs_out_in_reality(db, exercise):
    with db.transaction(exercise) as session:
        put(session, a_message(an_info(expires=sent(2))), space=exercise)
        clock = NOON - timedelta(days=4380)
        assert names(session, clock, space=exercise, real_at=NOON + HOUR) == ["A1"]
        assert names(session, clock, space=exercise, real_at=NOON + 2 * HOUR) == []


# --- where -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def country(session):
    """Two municipalities side by side, in the square of the messages and beside it; one entity over both."""
    entity = an_area(session, "BA-SRP", level=Level.ENTITY)
    doboj = an_area(session, "20141", "Doboj", parent=entity.id)
    stanari = an_area(session, "20680", "Stanari", parent=entity.id)
    east = an_area(session, "11185", "Zenica")
    boundaries(session, {doboj: (box(18.0, 44.5, 18.2, 44.7), [stanari.id]), east: box(18.2, 44.5, 18.4, 44.7)})
    return {"entity": entity, "doboj": doboj, "stanari": stanari, "east": east}


def test_a_shape_touches_the_municipalities_whose_land_it_covers(session, country):
    put(session, a_message())
    [found] = active(session, OP, NOON)
    # Of 44.5…44.7 the square covers the half above 44.6; the neighbour has only an edge in common with it.
    shares = {country["doboj"].id: pytest.approx(0.5), country["stanari"].id: None}
    assert found.municipalities == shares
    assert (found.place_known, found.coarse) == (True, False)
    assert [names(session, area=country[n].id) for n in ("doboj", "stanari", "entity", "east")] == [["A1"]] * 3 + [[]]


def test_a_point_touches_the_municipality_that_it_lies_in(session, country):
    put(session, a_message(an_info(areas=an_area_xml(polygon=None, circle="44.55,18.3 0"))))
    [found] = active(session, OP, NOON)
    assert found.municipalities == {country["east"].id: None}


def test_a_point_beside_a_polygon_touches_its_own_municipality_too(session, country):
    both = an_area_xml().replace("<polygon>", "<circle>44.55,18.3 0</circle><polygon>")
    put(session, a_message(an_info(areas=both)))
    [found] = active(session, OP, NOON)
    assert found.municipalities[country["east"].id] is None
    assert found.municipalities[country["doboj"].id] == pytest.approx(0.5)


def test_a_region_touches_all_its_municipalities_and_is_called_coarse(session, country):
    put(session, a_message(an_info(areas=an_area_xml(polygon=None, codes=[("EMMA_ID", "BA003")]))))
    [found] = active(session, OP, NOON)
    assert found.municipalities == {country["doboj"].id: 0.90, country["stanari"].id: 0.90}
    assert (found.coarse, found.place_known) == (True, True)
    assert [a.placed for a in found.areas] == [Placed.REGION]
    assert found.areas[0].place is not None


def test_a_shape_counts_before_the_region_that_is_named_with_it(session, country):
    put(session, a_message(an_info(areas=an_area_xml(codes=[("EMMA_ID", "BA004")]))))
    [found] = active(session, OP, NOON)
    assert (found.coarse, country["east"].id in found.municipalities) == (False, False)


@pytest.mark.parametrize(
    "areas",
    [
        an_area_xml(polygon=None, description="Sjeverna Bosna"),
        an_area_xml(polygon=None, codes=[("NUTS3", "XY")]),
        an_area_xml(polygon=None, codes=[("EMMA_ID", "BA099")]),
        an_area_xml(polygon="not a place"),
        "",
    ],
)
def test_a_place_that_nobody_knows_is_shown_to_all_rather_than_to_none(session, country, areas):
    put(session, a_message(an_info(areas=areas)))
    [found] = active(session, OP, NOON, country["east"].id)
    assert (found.place_known, found.municipalities) == (False, {})


def test_a_region_of_another_country_touches_nobody_here(session, country):
    put(session, a_message(an_info(areas=an_area_xml(polygon=None, codes=[("EMMA_ID", "HR801")]))))
    assert names(session, area=country["doboj"].id) == []
    assert [a.placed for w in active(session, OP, NOON) for a in w.areas] == [Placed.ABROAD]


def test_new_boundaries_place_what_is_in_force_anew(session, country):
    put(session, a_message(), a_message(an_info(expires=sent(1)), identifier="over"))
    boundaries(session, {country["east"]: box(18.0, 44.5, 18.4, 44.7)}, at=NOON + HOUR)
    assert relocate(session, OP, by=DUTY, at=NOON + HOUR) == 1
    [found] = active(session, OP, NOON + HOUR)
    assert found.municipalities == {country["east"].id: pytest.approx(0.25)}
    assert entries(session, space=OP)[0].action == "warnings.relocated"


def test_regions_that_are_brought_in_take_the_place_of_those_that_were_measured(session, country):
    put(session, a_message(an_info(areas=an_area_xml(polygon=None, codes=[("EMMA_ID", "BA003")]))))
    square = '{"type":"Polygon","coordinates":[[[18.2,44.5],[18.4,44.5],[18.4,44.7],[18.2,44.7],[18.2,44.5]]]}'
    file = f'{{"features":[{{"properties":{{"emma_id":"BA003","area":"BL"}},"geometry":{square}}}]}}'.encode()
    loaded = load_regions(session, file, "emma.geojson", source="EUMETNET", edition="2026", by=DUTY, at=NOON)
    assert (loaded.new, loaded.changed) == (0, 1)
    relocate(session, OP, by=DUTY, at=NOON)
    [found] = active(session, OP, NOON)
    assert found.municipalities == {country["east"].id: pytest.approx(1.0)}
    assert found.coarse


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"[]",
        b'{"features": []}',
        b'{"features": [{"properties": {}, "geometry": null}]}',
        b'{"features": [{"properties": {"code": "X"}, "geometry": {"type": "Point", "coordinates": [18, 44]}}]}',
        b'{"features": [{"properties": {"code": "X"}, "geometry": {"type": "Polygon", "coordinates": [[[1,2],[3]]]}}]}',
        b"[" * 100_000,
    ],
)
def test_regions_that_are_none_are_refused(session, file):
    with pytest.raises(WrongRegions, match="cannot be used as warning regions"):
        load_regions(session, file, "regions", source="x", edition=None, by=DUTY, at=NOON)


def test_regions_need_a_source(session):
    with pytest.raises(NoSource):
        load_regions(session, b"{}", "regions", source=" ", edition=None, by=DUTY, at=NOON)


# --- told, kept ------------------------------------------------------------------------------------------------------


def told(session):
    return [(m.payload["msg_type"], m.payload["severity"]) for m in outbox.read_after(session, 0, space=OP)]


def test_who_follows_the_outbox_is_told_of_what_is_new_and_in_force(session):
    put(session, a_message(), a_message(an_info(expires=sent(-1), onset=sent(-2)), identifier="over"))
    put(session, a_message())
    assert told(session) == [("Alert", "Severe")]
    put(session, a_message(identifier="A2", sent=sent(1), msgType="Cancel", references=refers("A1")))
    assert told(session) == [("Alert", "Severe"), ("Cancel", "Severe")]
    assert {m.topic for m in outbox.read_after(session, 0, space=OP)} == {RECEIVED}


def test_nobody_is_told_of_what_was_replaced_before_it_came(session):
    put(session, a_message(identifier="A2", sent=sent(1), msgType="Update", references=refers("A1")))
    put(session, a_message())
    assert [m.payload["msg_type"] for m in outbox.read_after(session, 0, space=OP)] == ["Update"]


def test_every_message_that_is_kept_is_audited(session):
    put(session, a_message(), a_message())
    [entry] = entries(session, space=OP)
    assert (entry.action, entry.facts["identifier"], entry.actor) == ("warning.stored", "A1", "Amra Hodžić")


def test_a_message_is_found_again_with_those_around_it(session):
    done = put(
        session,
        a_message(),
        a_message(identifier="A2", sent=sent(1), msgType="Update", references=refers("A1")),
        a_message(identifier="B"),
    )
    first, second, _ = done.new
    assert [m.identifier for m in about(session, OP, first.id)] == ["A2"]
    assert [m.identifier for m in about(session, OP, second.id)] == ["A1"]
    assert "<identifier>A1</identifier>" in warnings.message(session, OP, first.id).original
    with pytest.raises(NoSuchWarning):
        warnings.message(session, OP, OP)


def test_messages_are_listed_in_pages(session):
    put(session, *(a_message(identifier=f"M{i}") for i in range(5)))
    seen, before = [], None
    while page := messages(session, OP, before=before, limit=2):
        seen += [m.identifier for m in page]
        before = page[-1].number
    assert seen == ["M4", "M3", "M2", "M1", "M0"]


def test_what_was_odd_stays_with_the_message(session):
    put(session, a_message(an_info(onset=None)))
    assert [f["code"] for f in messages(session, OP)[0].findings] == ["no_onset"]


@pytest.mark.parametrize("statement", ["UPDATE warning SET status = 'Test'", "DELETE FROM warning_part"])
def test_nobody_rewrites_a_warning(session, statement):
    put(session, a_message())
    with pytest.raises(ProgrammingError, match="permission denied"), session.begin_nested():
        session.execute(text(statement))
