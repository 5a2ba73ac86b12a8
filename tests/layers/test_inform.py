"""INFORM's arithmetic, held against the numbers that INFORM published."""

import csv
import gzip
import math
import os
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.inform import (
    Dimension,
    Direction,
    Indicator,
    Join,
    arithmetic,
    class_of,
    geometric,
    index,
    joined,
    risk,
    scaled,
)

DATA = Path(os.environ.get("SPREMNOST_REAL_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))

# INFORM Risk trends 2015-2024 (JRC/IASC, CC BY 4.0): country, year, hazard & exposure, vulnerability, lack of coping
# capacity, and the index that was published for them.
PUBLISHED = [
    ("AFG", 2024, 7.6, 8.3, 7.4, 7.8),
    ("AFG", 2022, 8.6, 8.6, 7.3, 8.1),
    ("AFG", 2017, 8.6, 7.8, 7.5, 8.0),
    ("AGO", 2024, 4.4, 5.5, 7.0, 5.5),
    ("AGO", 2023, 3.2, 5.0, 7.0, 4.8),
    ("ALB", 2024, 3.5, 2.1, 3.3, 2.9),
    ("ARE", 2016, 2.9, 1.0, 3.2, 2.1),
    ("ARG", 2015, 2.7, 1.9, 4.0, 2.7),
    ("ARM", 2023, 3.6, 3.7, 2.7, 3.3),
    ("ATG", 2021, 2.0, 1.6, 3.9, 2.3),
    ("AUS", 2024, 2.9, 2.1, 2.5, 2.5),
    ("BIH", 2024, 2.5, 3.6, 4.9, 3.5),
    ("BIH", 2022, 2.5, 4.0, 5.0, 3.7),
    ("BIH", 2021, 2.5, 4.3, 4.9, 3.7),
    ("BIH", 2016, 2.0, 4.6, 4.5, 3.5),
    ("BIH", 2015, 2.0, 5.1, 4.6, 3.6),
    ("BLR", 2020, 1.9, 1.6, 3.0, 2.1),
    ("BLZ", 2024, 2.1, 4.8, 4.8, 3.6),
    ("BOL", 2019, 2.9, 3.5, 5.4, 3.8),
    ("BRA", 2024, 6.8, 4.1, 4.9, 5.2),
    ("BRB", 2015, 2.3, 1.7, 2.3, 2.1),
    ("BRN", 2015, 1.6, 2.7, 2.8, 2.3),
    ("BTN", 2024, 2.0, 2.7, 4.3, 2.9),
]

# Bounds of INFORM's indicators (Concept and Methodology 2017, tables 4 to 17): name in the published file, bounds,
# direction. That file gives each country's value and its score in one column, without saying which is which.
BOUNDS = [
    ("Conflict GPI", 1.0, 4.0, Direction.WORSE),
    ("Corruption Perception Index", 0.0, 100.0, Direction.BETTER),
    ("Gender Inequality Index", 0.0, 0.75, Direction.WORSE),
    ("Government Effectiveness", -2.5, 2.5, Direction.BETTER),
    ("Internet users (per 100 people)", 0.0, 100.0, Direction.BETTER),
    ("Child Mortality", 0.0, 130.0, Direction.WORSE),
    ("Physicians density", 0.0, 40.0, Direction.BETTER),
    ("Income Gini coefficient - Inequality in income or consumption", 25.0, 65.0, Direction.WORSE),
    ("Access to electricity", 0.0, 100.0, Direction.BETTER),
    ("Children Under Weight", 0.0, 45.0, Direction.WORSE),
    ("Drought Frequency", 0.0, 0.3, Direction.WORSE),
    ("Human Development Index", 0.4, 0.9, Direction.BETTER),
]


@pytest.mark.parametrize(("country", "year", "hazard", "vulnerability", "coping", "published"), PUBLISHED)
def test_the_cube_root_of_the_dimensions_is_the_published_index(
    country, year, hazard, vulnerability, coping, published
):
    assert f"{risk(hazard, vulnerability, coping):.1f}" == f"{published:.1f}"


@pytest.mark.parametrize(("name", "low", "high", "direction"), BOUNDS)
@pytest.mark.skipif(not DATA.is_dir(), reason="the real data are not here")
def test_scaling_gives_the_scores_that_inform_published_for_every_country(name, low, high, direction):
    pairs = defaultdict(list)
    path = DATA / "formats" / "inform_risk_index_2025_world_excerpt.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["IndicatorName"].strip() == name:
                pairs[row["Iso3"]].append(float(row["IndicatorScore"]))
    fits, both = 0, [found for found in pairs.values() if len(found) == 2]
    for one, other in both:
        # One of the two is the value and the other its score, rounded to one decimal (the HDI's to two).
        fits += any(abs(scaled(a, low, high, direction) - b) <= 0.0501 for a, b in ((one, other), (other, one)))
    assert len(both) > 140
    assert fits / len(both) > 0.98


def test_scaling_is_linear_between_the_bounds_and_stops_there():
    assert scaled(0.157, 0.0, 0.75, Direction.WORSE) == pytest.approx(2.0933, abs=1e-4)
    assert scaled(33.0, 0.0, 100.0, Direction.BETTER) == pytest.approx(6.7)
    assert scaled(-5.0, 0.0, 1.0, Direction.WORSE) == 0.0
    assert scaled(5.0, 0.0, 1.0, Direction.WORSE) == 10.0
    assert scaled(5.0, 0.0, 1.0, Direction.BETTER) == 0.0


def test_the_geometric_mean_is_that_of_the_workbook():
    # =(10-GEOMEAN((10-x)/10*9+1; (10-y)/10*9+1))/9*10, by hand: 10 and 1 have the mean 3.16228.
    assert geometric([0.0, 10.0]) == pytest.approx((10 - math.sqrt(10)) / 9 * 10)
    assert geometric([0.0, 10.0]) == pytest.approx(7.5975, abs=1e-4)
    # 5.5 and 3.7 become 5.05 and 6.67, whose mean is sqrt(33.6835) = 5.80375.
    assert geometric([5.5, 3.7]) == pytest.approx(4.66250, abs=1e-4)
    assert geometric([4.0, 4.0, 4.0]) == pytest.approx(4.0)
    assert geometric([0.0, 0.0]) == 0.0
    assert geometric([10.0, 10.0]) == 10.0


def test_weights_of_components_are_those_of_the_methodology():
    # Development 50 %, inequality 25 %, aid dependency 25 %.
    assert arithmetic([4.0, 2.0, 8.0], [2, 1, 1]) == pytest.approx(4.5)
    assert joined([4.0, 2.0, 8.0], Join.MAXIMUM) == 8.0


@pytest.mark.parametrize(
    ("score", "found"),
    [
        (0.0, "very_low"),
        (1.94, "very_low"),
        (1.95, "low"),
        (3.4, "low"),
        (3.5, "medium"),
        (5.0, "high"),
        (6.5, "very_high"),
        (10.0, "very_high"),
    ],
)
def test_the_classes_go_by_the_number_as_it_is_published(score, found):
    assert class_of(score) == found


SCORES = st.lists(st.floats(0, 10), min_size=1, max_size=8)


@given(SCORES)
def test_no_join_leaves_the_scale_and_the_geometric_mean_is_never_below_the_arithmetic(scores):
    for join in Join:
        assert min(scores) - 1e-9 <= joined(scores, join) <= max(scores) + 1e-9
    assert geometric(scores) >= arithmetic(scores) - 1e-9


@given(SCORES, st.integers(0, 7), st.floats(0, 10))
def test_a_worse_part_never_makes_the_whole_better(scores, at, more):
    worse = list(scores)
    at %= len(scores)
    worse[at] = max(worse[at], more)
    for join in Join:
        assert joined(worse, join) >= joined(scores, join) - 1e-9


# --- the whole tree --------------------------------------------------------------------------------------------------


def a_model():
    """Six categories; flood and drought in the first, each other category with one indicator of scores as they are."""
    ten = {"low": 0.0, "high": 10.0}
    return [
        Indicator("flood", Dimension.HAZARD, "natural", "flood", **ten),
        Indicator("flood_share", Dimension.HAZARD, "natural", "flood", **ten),
        Indicator("drought", Dimension.HAZARD, "natural", "drought", **ten),
        Indicator("conflict", Dimension.HAZARD, "human", "conflict", **ten),
        Indicator("poverty", Dimension.VULNERABILITY, "socio_economic", "development", **ten),
        Indicator("children", Dimension.VULNERABILITY, "vulnerable_groups", "children", **ten),
        Indicator("governance", Dimension.COPING, "institutional", "governance", **ten),
        Indicator("doctors", Dimension.COPING, "infrastructure", "health", 0.0, 40.0, Direction.BETTER),
    ]


VALUES = {
    "flood": 4.0,
    "flood_share": 6.0,
    "drought": 3.0,
    "conflict": 2.0,
    "poverty": 5.0,
    "children": 1.0,
    "governance": 6.0,
    "doctors": 23.18,
}


def test_the_index_is_what_a_hand_reckons():
    found = index(a_model(), VALUES)
    hazard, vulnerability, coping = found.parts
    natural = (10 - math.sqrt((1 + 9 * 0.5) * (1 + 9 * 0.7))) * 10 / 9  # flood 5, drought 3
    assert hazard.parts[0].score == pytest.approx(natural)
    assert hazard.score == pytest.approx((10 - math.sqrt((1 + 0.9 * (10 - natural)) * (1 + 9 * 0.8))) * 10 / 9)
    assert vulnerability.score == pytest.approx((10 - math.sqrt(5.5 * 9.1)) * 10 / 9)
    infrastructure = 10 * (40 - 23.18) / 40
    assert coping.parts[1].score == pytest.approx(infrastructure)
    assert coping.score == pytest.approx((10 - math.sqrt(4.6 * (1 + 0.9 * (10 - infrastructure)))) * 10 / 9)
    assert found.score == pytest.approx((hazard.score * vulnerability.score * coping.score) ** (1 / 3))
    assert (found.known, found.all, found.missing) == (8, 8, ())


def test_a_missing_indicator_is_left_out_and_named_and_is_not_nought():
    found = index(a_model(), {**VALUES, "flood_share": None})
    flood = found.parts[0].parts[0].parts[0]
    assert flood.score == 4.0
    assert (flood.known, flood.all, flood.missing) == (1, 2, ("flood_share",))
    assert found.score is not None
    assert found.missing == ("flood_share",)
    assert not found.complete
    nought = index(a_model(), {**VALUES, "flood_share": 0.0})
    assert nought.score < found.score


def test_without_a_whole_category_there_is_no_dimension_and_no_index():
    found = index(a_model(), {code: value for code, value in VALUES.items() if code != "conflict"})
    assert found.parts[0].score is None
    assert found.parts[1].score is not None
    assert found.score is None
    assert found.missing == ("conflict",)


def test_a_model_without_a_dimension_has_no_index_and_says_which():
    hazards = [one for one in a_model() if one.dimension is Dimension.HAZARD]
    found = index(hazards, VALUES)
    assert found.score is None
    assert found.missing == ("vulnerability", "lack_of_coping_capacity")


def test_joins_and_weights_of_a_model_replace_informs_own():
    mean = index(a_model(), VALUES, {"natural": Join.ARITHMETIC}, {"flood": 3.0})
    assert mean.parts[0].parts[0].score == pytest.approx((3 * 5 + 3) / 4)


def test_nothing_known_is_nothing_said():
    found = index(a_model(), {})
    assert found.score is None
    assert all(part.score is None for part in found.parts)
    assert (found.known, found.all) == (0, 8)


@given(st.dictionaries(st.sampled_from(sorted(VALUES)), st.floats(0, 10)))
def test_an_index_is_there_exactly_where_every_category_has_a_value(values):
    found = index(a_model(), values)
    needed = [{"flood", "flood_share", "drought"}, {"conflict"}, {"poverty"}, {"children"}, {"governance"}, {"doctors"}]
    assert (found.score is not None) == all(part & values.keys() for part in needed)
    assert set(found.missing) == VALUES.keys() - values.keys()
