import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from gis.annual import expected_annual_exposed
from gis.errors import WrongReturnPeriods


def test_the_area_under_people_over_probability_by_hand():
    """T = 10, 100, 1000: 90 * 0.045 people (trapezia) + 900 * 0.001 (events rarer than the rarest)."""
    by_hand = (50 + 200) / 2 * (0.1 - 0.01) + (200 + 900) / 2 * (0.01 - 0.001) + 900 * 0.001
    assert_allclose(by_hand, 17.1)
    assert_allclose(expected_annual_exposed([10, 100, 1000], np.array([[50.0, 200, 900], [0, 0, 0]])), [17.1, 0])


def test_the_order_of_return_periods_does_not_matter():
    assert_allclose(expected_annual_exposed([1000, 10, 100], np.array([[900.0, 50, 200]])), [17.1])


def test_one_return_period_counts_as_all_rarer_events():
    assert_allclose(expected_annual_exposed([100], np.array([[300.0]])), [3])


def test_what_is_not_modelled_stays_so():
    assert_array_equal(
        expected_annual_exposed([10, 100], np.array([[1, np.nan], [np.nan, 1], [0, 0]])), [np.nan, np.nan, 0]
    )


@pytest.mark.parametrize("years", [[], [0, 10], [-5, 10], [10, 10], [10, float("nan")], [10, float("inf")]])
def test_return_periods_that_say_nothing_are_refused(years):
    with pytest.raises(WrongReturnPeriods):
        expected_annual_exposed(years, np.ones((1, len(years))))
