"""Legends: the class and the colour of a value, the same for every map."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from gis.classes import (
    DENSITY,
    DENSITY_STEPS,
    DEPTH,
    DEPTH_STEPS,
    ELEVATION,
    ELEVATION_STEPS,
    FWI,
    FWI_STEPS,
    Legend,
    Steps,
    legend_of,
    ranges,
)
from gis.errors import WrongLegend


def test_fire_danger_has_the_classes_of_effis_with_the_upper_bound_excluded():
    values = [0.0, 5.1, 5.2, 11.2, 21.3, 37.9, 38.0, 50.0, 120.0]
    words = [FWI.classes[i].label for i in FWI.class_of(values)]
    assert words == [
        "very low",
        "very low",
        "low",
        "moderate",
        "high",
        "high",
        "very high",
        "extreme",
        "extreme",
    ]


def test_a_value_of_single_precision_at_an_edge_is_in_the_class_above():
    assert_array_equal(DEPTH.class_of(np.array([0.3, 0.5, 2.0], np.float32)), [1, 2, 4])


def test_what_is_in_no_class_has_no_colour():
    assert DEPTH.colours_of([-0.1, np.nan, 0.0]) == [None, None, "#c6dbef"]


@pytest.mark.parametrize(
    ("legend", "steps"),
    [(DEPTH, DEPTH_STEPS), (FWI, FWI_STEPS), (DENSITY, DENSITY_STEPS), (ELEVATION, ELEVATION_STEPS)],
)
def test_steps_are_finer_than_the_classes_and_cut_where_they_do(legend, steps):
    assert len(steps.edges) <= 255
    assert all(a < b for a, b in zip(steps.edges, steps.edges[1:], strict=False))
    assert {c.low for c in legend.classes} - {None, 0.0} <= set(steps.edges)


def evaluate(expression, properties):
    """What MapLibre's case and step say, as its style specification defines them."""
    _, (_, (_, get), kind), step, otherwise = expression
    value = properties.get(get[1])
    assert kind == "number"
    if not isinstance(value, int | float):
        return otherwise
    colour, stops = step[2], step[3:]
    for edge, following in zip(stops[::2], stops[1::2], strict=True):
        colour = following if value >= edge else colour
    return colour


GAPS = Legend.from_data(
    {
        "unit": "m",
        "classes": [
            {"from": 2, "to": 3, "colour": "#222222", "label": "b"},
            {"from": 0, "to": 1, "colour": "#111111", "label": "a"},
        ],
    }
)
CODES = Legend.from_data({"classes": [{"value": v, "colour": f"#00000{v}", "label": str(v)} for v in (1, 2, 5)]})


@pytest.mark.parametrize("legend", [DEPTH, FWI, DENSITY, ELEVATION, GAPS, CODES])
def test_maplibre_and_the_portable_map_give_every_value_the_same_colour(legend):
    expression = legend.step_expression("v", "#cccccc")
    values = [-1.0, 0.0, 0.299, 0.3, 0.5, 1.0, 1.5, 2.0, 2.999, 3.0, 5.0, 5.2, 49.9, 50.0, 99.0, 100.0, 1e6]
    for value, colour in zip(values, legend.colours_of(values), strict=True):
        assert evaluate(expression, {"v": value}) == (colour or "#cccccc"), value
    assert evaluate(expression, {"v": None}) == "#cccccc"


def test_a_legend_survives_being_told_as_data():
    assert Legend.from_data(DEPTH.data()) == DEPTH
    assert DEPTH.data()["classes"][1] == {"from": 0.3, "to": 0.5, "colour": "#9ecae1", "label": "0.3–0.5 m"}


@pytest.mark.parametrize(
    ("classes", "reason"),
    [
        ([{"from": 0, "to": 1, "colour": "red", "label": "a"}], "not a colour"),
        ([{"from": 0, "to": 1, "colour": "#000000;x", "label": "a"}], "not a colour"),
        ([{"from": 1, "to": 0, "colour": "#000000", "label": "a"}], "does not rise"),
        ([{"from": 0, "to": float("nan"), "colour": "#000000", "label": "a"}], "numbers"),
        ([{"colour": "#000000", "label": "a"}], "from"),
        ([{"value": 1, "colour": "#000000", "label": "a" * 101}], "100"),
        ([{"value": 1, "colour": "#000000", "label": "a"}] * 2, "overlaps"),
        (
            [
                {"from": 0, "to": 2, "colour": "#000000", "label": "a"},
                {"from": 1, "to": 3, "colour": "#000000", "label": "b"},
            ],
            "overlaps",
        ),
        ([], "0 classes"),
        ("nonsense", "TypeError"),
    ],
)
def test_a_legend_that_cannot_be_drawn_is_refused_with_the_reason(classes, reason):
    with pytest.raises(WrongLegend, match=reason):
        Legend.from_data({"unit": "", "classes": classes}, "fire.tif")


def test_a_gap_between_classes_has_a_step_of_its_own():
    steps = Steps.of(GAPS)
    assert GAPS.class_of([steps.edges[steps.index(np.array([1.5]))[0] - 1]])[0] == -1


def test_a_legend_of_any_quantity_has_round_limits_and_as_many_values_in_each_class():
    legend = legend_of(np.arange(1.0, 1001.0), "people")
    # Fifths of 1…1000 are 200.8, 400.6, 600.4 and 800.2.
    assert [c.low for c in legend.classes] == [0, 200, 400, 600, 800]
    assert legend_of([np.nan], "people").data()["classes"][0]["from"] == 0
    assert len(legend_of([7.0, 7.0], "people").classes) == 2


def test_labels_say_the_limits():
    assert [c.label for c in ranges("m", [None, 0.5, 2, None], ["#000000"] * 3).classes] == [
        "< 0.5 m",
        "0.5–2 m",
        "≥ 2 m",
    ]
