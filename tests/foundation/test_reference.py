from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from foundation.audit import Subject, entries
from foundation.errors import FigureChangedMeanwhile, FigureExists, NoSuchFigure
from foundation.reference import (
    Figure,
    FigureKind,
    FigureStatus,
    Phase,
    Rule,
    enter,
    figure,
    figures,
    history,
    revise,
)
from foundation.spaces import OPERATIONAL_SPACE_ID


@pytest.fixture
def session(refusing):
    with refusing.transaction(OPERATIONAL_SPACE_ID) as session:
        yield session
        session.rollback()


@pytest.mark.parametrize(
    ("code", "rule", "value", "unit"),
    [
        ("sphere.covered_area", Rule.AT_LEAST, "3.5", "m²/person"),
        ("unhcr_sites.area", Rule.AT_LEAST, "45", "m²/person"),
        ("sphere.water", Rule.AT_LEAST, "15", "L/person/day"),
        ("sphere.water_point.distance", Rule.AT_MOST, "500", "m"),
        ("sphere.people_per_toilet.emergency", Rule.AT_MOST, "50", "persons/toilet"),
        ("sphere.people_per_toilet.post_emergency", Rule.AT_MOST, "20", "persons/toilet"),
        ("unhcr_wash.people_per_promoter.emergency", Rule.AT_MOST, "500", "persons/promoter"),
        ("unhcr_wash.people_per_promoter.post_emergency", Rule.AT_MOST, "1000", "persons/promoter"),
        ("philippines.child_space", Rule.EXACTLY, "0.084", "m²/person"),
    ],
)
def test_a_figure_is_the_one_in_the_standard(session, code, rule, value, unit):
    found = figure(session, code)
    assert (found.rule, found.value, found.unit) == (rule, Decimal(value), unit)


def test_a_range_keeps_both_ends(session):
    chlorine = figure(session, "unhcr_wash.free_chlorine")
    assert (chlorine.rule, chlorine.value, chlorine.upper) == (Rule.BETWEEN, Decimal("0.2"), Decimal(2))


def test_a_household_of_five_needs_for_a_week_what_bnpb_says(session):
    household = {need.name: 5 * need.value for need in figures(session, profile="bnpb_perka_7_2008")}
    assert household == {
        "Rice": 14,
        "Drinking water": Decimal("87.5"),
        "Clean water": 335,
        "Family kits": 1,
        "Toilets": Decimal("0.25"),
    }


def test_sphere_s_water_is_for_a_day_and_not_for_a_week(session):
    water = figure(session, "sphere_needs.water")
    assert (water.value, water.unit) == (15, "L/person/day")
    assert not [need.code for need in figures(session, profile="sphere_needs") if "week" in need.unit]


def test_every_displacement_rate_has_a_name_and_a_source_of_its_own_and_none_is_the_default(session):
    rates = {
        rate.code: (rate.value, rate.from_depth_m, rate.to_depth_m)
        for rate in figures(session, kind=FigureKind.DISPLACEMENT_RATE)
    }
    assert rates == {
        "inasafe_generic_flood.wet": (Decimal("0.01"), 1, None),
        "inasafe_petabencana.high": (Decimal("0.05"), Decimal("1.5"), None),
        "inasafe_petabencana.medium": (Decimal("0.03"), Decimal("0.7"), Decimal("1.5")),
        "inasafe_petabencana.low": (Decimal("0.01"), Decimal("0.1"), Decimal("0.7")),
        "inasafe_generic.high": (1, None, None),
        "inasafe_generic.medium": (1, None, None),
    }


def test_what_was_not_read_in_the_source_itself_is_not_official(session):
    assert figure(session, "sphere.water_point.queue_2004").status is FigureStatus.OFFICIAL
    assert figure(session, "sphere.water_point.queue_2018").status is FigureStatus.SECONDARY
    assert {rate.status for rate in figures(session, kind=FigureKind.DISPLACEMENT_RATE)} == {FigureStatus.SECONDARY}


def test_a_value_comes_with_its_citation(session):
    assert figure(session, "sphere.toilets.distance").citation == "Sphere, 2018, p. 117–118"
    assert figure(session, "sphere.water").citation == "Sphere"


def test_a_phase_brings_its_own_figures_and_those_of_any_phase(session):
    codes = {found.code for found in figures(session, profile="unhcr_wash", phase=Phase.EMERGENCY)}
    assert "unhcr_wash.water.emergency" in codes
    assert "unhcr_wash.turbidity" in codes
    assert "unhcr_wash.water.post_emergency" not in codes


def test_a_figure_that_is_not_kept_is_named(session):
    with pytest.raises(NoSuchFigure, match=r"no figure sphere\.tea"):
        figure(session, "sphere.tea")


def test_an_edit_enters_a_new_revision_and_leaves_the_old_one(session, duty_officer, noon):
    old = figure(session, "sphere.water")
    revise(session, old, by=duty_officer, at=noon, value=Decimal(20), source="Sphere Handbook", edition="2018")
    assert [(row.revision, row.value, row.citation) for row in history(session, "sphere.water")] == [
        (2, 20, "Sphere Handbook, 2018"),
        (1, 15, "Sphere"),
    ]
    newest = figure(session, "sphere.water")
    assert (newest.value, newest.unit, newest.rule) == (20, "L/person/day", Rule.AT_LEAST)
    assert [row.value for row in figures(session, profile="sphere") if row.code == "sphere.water"] == [20]


def test_an_edit_is_in_the_audit_with_both_values(session, duty_officer, noon):
    revise(session, figure(session, "sphere.water"), by=duty_officer, at=noon, value=Decimal(20))
    [entry] = entries(session, space=OPERATIONAL_SPACE_ID, subject=Subject("reference_figure", "sphere.water"))
    assert (entry.actor, entry.action) == ("Amra Hodžić", "figure.revised")
    assert (entry.facts["was"]["value"], entry.facts["is"]["value"]) == ("15", "20")


@pytest.fixture
def own_rate():
    return Figure(
        code="doboj_2014.flood",
        kind=FigureKind.DISPLACEMENT_RATE,
        profile="doboj_2014",
        name="Flood of May 2014",
        value=Decimal("0.4"),
        unit="share of exposed people",
        source="Doboj, civil protection headquarters",
        status=FigureStatus.SECONDARY,
    )


def test_a_municipality_s_own_rate_stands_beside_the_others_and_in_the_audit(session, own_rate, duty_officer, noon):
    enter(session, own_rate, by=duty_officer, at=noon)
    found = figure(session, "doboj_2014.flood")
    assert (found.value, found.revision, found.entered_at) == (Decimal("0.4"), 1, noon)
    assert len(figures(session, kind=FigureKind.DISPLACEMENT_RATE)) == 7
    [entry] = entries(session, space=OPERATIONAL_SPACE_ID, subject=Subject("reference_figure", "doboj_2014.flood"))
    assert (entry.action, entry.facts["was"], entry.facts["is"]["value"]) == ("figure.entered", None, "0.4")


def test_a_new_figure_does_not_take_the_place_of_another(session, own_rate, duty_officer, noon):
    own_rate.code = "inasafe_generic.high"
    with pytest.raises(FigureExists, match=r"already a figure inasafe_generic\.high"):
        enter(session, own_rate, by=duty_officer, at=noon)
    assert figure(session, "inasafe_generic.high").value == 1


def test_two_people_who_edit_one_figure_do_not_overwrite_each_other(db, duty_officer, noon):
    with db.transaction(OPERATIONAL_SPACE_ID) as session:
        seen = figure(session, "sphere.water")
    with db.transaction(OPERATIONAL_SPACE_ID) as session:
        revise(session, seen, by=duty_officer, at=noon, value=Decimal(20))
    with db.transaction(OPERATIONAL_SPACE_ID) as session:
        with pytest.raises(FigureChangedMeanwhile, match=r"sphere\.water was changed"):
            revise(session, seen, by=duty_officer, at=noon, value=Decimal(25))
        assert [row.value for row in history(session, "sphere.water")] == [20, 15]


def test_a_standard_cannot_be_changed_from_within_an_exercise(db, exercise, duty_officer, noon):
    with pytest.raises(ProgrammingError, match="row-level security"), db.transaction(exercise) as session:
        revise(session, figure(session, "sphere.water"), by=duty_officer, at=noon, value=Decimal(1))
    with db.without_space() as session:
        assert figure(session, "sphere.water").value == 15


@pytest.mark.parametrize("statement", ["UPDATE reference_figure SET value = 1", "DELETE FROM reference_figure"])
def test_the_serving_role_cannot_change_a_figure_in_place(refusing, statement):
    with pytest.raises(ProgrammingError, match="permission denied"), refusing.without_space() as session:
        session.execute(text(statement))


@pytest.mark.parametrize(
    ("wrong", "check"),
    [
        ({"value": Decimal(-1)}, "ck_reference_figure_value"),
        ({"kind": FigureKind.NEED, "value": Decimal("NaN")}, "ck_reference_figure_value"),
        ({"kind": FigureKind.NEED, "value": Decimal("Infinity")}, "ck_reference_figure_value"),
        ({"value": Decimal("1.01")}, "rate_is_a_share"),
        ({"upper": Decimal(1)}, "upper_if_between"),
        ({"rule": Rule.BETWEEN}, "upper_if_between"),
        ({"rule": Rule.BETWEEN, "upper": Decimal("0.01")}, "ck_reference_figure_upper"),
        ({"from_depth_m": Decimal(2), "to_depth_m": Decimal(2)}, "ck_reference_figure_depths"),
        ({"kind": FigureKind.NEED, "from_depth_m": Decimal(2)}, "only_rates_have_depths"),
        ({"revision": 0}, "ck_reference_figure_revision"),
    ],
)
def test_an_impossible_figure_is_refused(refusing, wrong, check):
    rate = {
        "code": "own.rate",
        "kind": FigureKind.DISPLACEMENT_RATE,
        "profile": "own",
        "name": "Own rate",
        "value": Decimal("0.02"),
        "unit": "share of exposed people",
        "source": "Doboj",
        "status": FigureStatus.SECONDARY,
    }
    with pytest.raises(IntegrityError, match=check), refusing.without_space() as session:
        session.add(Figure(**rate | wrong))
