"""Layers and their versions."""

import pytest
from sqlalchemy import select

from foundation.audit import AuditEntry
from gis.errors import NoCrs
from layers import catalogue
from layers.catalogue import Kind, Method, State
from layers.errors import NoReturnPeriod, NoSuchLayer, SlotTaken, WrongReturnPeriod, WrongState
from layers.findings import as_text, told


def a_version(session, operator, noon, **told):
    return catalogue.receive(
        session,
        **{
            "kind": Kind.FLOOD_DEPTH,
            "name": "flood 1 in 100",
            "return_period_years": 100.0,
            "event": None,
            "producer": "river agency",
            "licence": "open",
            "vintage": "2019",
            "method": Method.MODEL,
            "method_note": "",
            "file_name": "rp100.tif",
            "file_hash": "0" * 64,
            "file_bytes": 5,
            "options": {},
            "by": operator,
            "at": noon,
            **told,
        },
    )


def make_ready(session, version, operator, noon):
    version.become(State.CHECKING)
    catalogue.ready(session, version, by=operator, at=noon)
    return version


def test_a_second_file_of_the_same_name_is_the_next_version(session, operator, noon):
    first, second = (a_version(session, operator, noon) for _ in range(2))
    assert (first.layer_id, first.number, second.number) == (second.layer_id, 1, 2)


def test_a_name_cannot_change_its_return_period(session, operator, noon):
    a_version(session, operator, noon)
    with pytest.raises(SlotTaken):
        a_version(session, operator, noon, return_period_years=20.0)


def test_a_flood_without_return_period_or_event_is_refused(session, operator, noon):
    with pytest.raises(NoReturnPeriod, match="return period in years, or the name of the event"):
        a_version(session, operator, noon, return_period_years=None)
    assert a_version(session, operator, noon, name="May 2014", return_period_years=None, event="May 2014").number == 1


@pytest.mark.parametrize("years", [0.0, -100.0, float("inf"), float("nan")])
def test_a_return_period_that_is_no_number_of_years_is_refused(session, operator, noon, years):
    with pytest.raises(WrongReturnPeriod):
        a_version(session, operator, noon, return_period_years=years)


def test_the_newest_ready_version_of_each_layer_is_shown_official_before_model_before_illustrative(
    session, operator, noon
):
    for name, method in (("made", Method.ILLUSTRATIVE), ("global", Method.MODEL), ("agency", Method.OFFICIAL)):
        make_ready(session, a_version(session, operator, noon, name=name, method=method), operator, noon)
    newer = make_ready(session, a_version(session, operator, noon, name="global"), operator, noon)
    a_version(session, operator, noon, name="agency", method=Method.OFFICIAL)
    shown = catalogue.shown(session, Kind.FLOOD_DEPTH)
    assert [v.layer.name for v in shown] == ["agency", "global", "made"]
    assert shown[1].id == newer.id


def test_a_withdrawn_version_is_no_longer_shown_and_never_comes_back(session, operator, noon):
    version = make_ready(session, a_version(session, operator, noon), operator, noon)
    catalogue.withdraw(session, version.id, by=operator, at=noon)
    assert not catalogue.shown(session, Kind.FLOOD_DEPTH)
    with pytest.raises(WrongState, match="withdrawn"):
        version.become(State.READY)


def test_a_refused_version_keeps_the_sentence(session, operator, noon):
    version = a_version(session, operator, noon)
    version.become(State.CHECKING)
    catalogue.refuse(session, version, told(NoCrs(file="a.gpkg")), by=operator, at=noon)
    session.expire(version)
    assert version.state == State.REFUSED
    assert as_text(version.refusal) == str(NoCrs(file="a.gpkg"))


def test_every_step_leaves_an_audit_row(session, operator, noon):
    version = make_ready(session, a_version(session, operator, noon), operator, noon)
    catalogue.withdraw(session, version.id, by=operator, at=noon)
    actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.number)).all()
    assert actions == ["layer.received", "layer.ready", "layer.withdrawn"]


def test_all_files_of_all_versions_are_known(session, operator, noon):
    version = a_version(session, operator, noon)
    version.facts = {"files": {"cog": "1" * 64}}
    session.flush()
    assert catalogue.held_files(session) == {"0" * 64, "1" * 64}


def test_an_id_that_nobody_gave_is_said(session):
    with pytest.raises(NoSuchLayer):
        catalogue.version(session, "00000000-0000-4000-8000-000000000009")
