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


def test_each_class_takes_the_rate_at_its_lower_edge():
    rates = [a_rate("0.01", "0.1", "0.7"), a_rate("0.03", "0.7", "1.5"), a_rate("0.05", "1.5")]
    assert consequences.displaced([100, 50, 20, 10], [0.3, 0.5, 1.0, 2.0], rates) == pytest.approx(1 + 0.5 + 0.6 + 0.5)


def test_nobody_leaves_where_no_rate_holds():
    assert consequences.displaced([100.0, 50.0], [0.3, 1.0], [a_rate("0.01", "1")]) == pytest.approx(0.5)


def test_published_rates_for_the_same_water_differ_and_none_is_a_default(session):
    tables = consequences.rate_tables(session)
    by_class, edges = [0.0, 0.0, 0.0, 1000.0], [0.3, 0.5, 1.0, 2.0]
    assert {name: consequences.displaced(by_class, edges, rates) for name, rates in tables.items()} == {
        "inasafe_generic_flood": pytest.approx(10.0),
        "inasafe_petabencana": pytest.approx(50.0),
    }


def test_needs_follow_from_people_and_the_chosen_profile(session):
    needs = {n.figure.code: (n.amount, n.unit) for n in consequences.needs(session, 1000.0, "bnpb_perka_7_2008")}
    assert needs["bnpb_perka_7_2008.rice"] == (pytest.approx(2800.0), "kg/week")
    assert needs["bnpb_perka_7_2008.family_kits"] == (pytest.approx(200.0), "kits/week")
    assert needs["bnpb_perka_7_2008.toilets"] == (pytest.approx(50.0), "toilets")
