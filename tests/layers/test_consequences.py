"""Ages, displaced people and needs, reckoned by hand."""

from decimal import Decimal

import pytest

from foundation.reference import Figure
from layers import consequences


def a_rate(value, from_m, to_m=None):
    return Figure(
        value=Decimal(value),
        from_depth_m=Decimal(from_m),
        to_depth_m=None if to_m is None else Decimal(to_m),
    )


PETABENCANA = [a_rate("0.01", "0.1", "0.7"), a_rate("0.03", "0.7", "1.5"), a_rate("0.05", "1.5")]


def leaving(people, edges, rates):
    return sum(band.leaving for band in consequences.bands(people, edges, rates))


def test_people_are_told_apart_where_the_rates_change_and_nowhere_else():
    assert consequences.edges_of(PETABENCANA) == (0.1, 0.7, 1.5)
    assert consequences.edges_of([a_rate("0.01", "1")]) == (1.0,)


def test_each_band_takes_the_rate_that_holds_there():
    bands = consequences.bands([100, 50, 20], (0.1, 0.7, 1.5), PETABENCANA)
    assert [(b.from_m, b.to_m, b.people, b.leaving) for b in bands] == [
        (0.1, 0.7, 100, pytest.approx(1.0)),
        (0.7, 1.5, 50, pytest.approx(1.5)),
        (1.5, None, 20, pytest.approx(1.0)),
    ]
    assert [b.rate for b in bands] == PETABENCANA


def test_where_no_rate_holds_nobody_is_known_to_leave():
    gap = [a_rate("0.5", "0.1", "0.5"), a_rate("1", "1.5")]
    assert consequences.edges_of(gap) == (0.1, 0.5, 1.5)
    bands = consequences.bands([10, 10, 10], (0.1, 0.5, 1.5), gap)
    assert [(b.leaving, b.rate is None) for b in bands] == [(5.0, False), (0.0, True), (10.0, False)]


def test_published_rates_for_the_same_water_differ_and_none_is_a_default(session):
    """A thousand people in two metres of water."""
    found = {}
    for name, rates in consequences.rate_tables(session).items():
        edges = consequences.edges_of(rates)
        found[name] = leaving([0.0] * (len(edges) - 1) + [1000.0], edges, rates)
    assert found == {"inasafe_generic_flood": pytest.approx(10.0), "inasafe_petabencana": pytest.approx(50.0)}


def test_needs_follow_from_people_and_the_chosen_profile(session):
    needs = {n.figure.code: (n.amount, n.unit) for n in consequences.needs(session, 1000.0, "bnpb_perka_7_2008")}
    assert needs["bnpb_perka_7_2008.rice"] == (pytest.approx(2800.0), "kg/week")
    assert needs["bnpb_perka_7_2008.family_kits"] == (pytest.approx(200.0), "kits/week")
    assert needs["bnpb_perka_7_2008.toilets"] == (pytest.approx(50.0), "toilets")
