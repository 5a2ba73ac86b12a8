"""Classes of values: what a legend says, and the same for every map, table and print.

A legend's classes and colours are computed here and nowhere else: MapLibre gets `step_expression`, folium and tables
get `colours_of`, tiles get a palette (gis.palettes), and a reader gets `data`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gis.errors import (
    N_,
    ClassesOverlap,
    WrongClassCount,
    WrongLegend,
)

COLOUR = re.compile(r"#[0-9a-f]{6}")
MOST_CLASSES = 120
"""A pyramid's indices are one byte, and two steps a class are the least."""

MOST_LABEL = 100
TINY = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True)
class LegendClass:
    """Values from low (included) up to high (excluded); None is open; low == high is that one value."""

    low: float | None
    high: float | None
    colour: str
    label: str


@dataclass(frozen=True)
class Legend:
    """Classes that rise and do not overlap, with the unit of their limits."""

    unit: str
    classes: tuple[LegendClass, ...]

    @cached_property
    def single_values(self) -> bool:
        """True where each class is one value: a code, not a quantity."""
        return all(c.low is not None and c.low == c.high for c in self.classes)

    @cached_property
    def _lows(self) -> NDArray[np.float64]:
        return np.array([-np.inf if c.low is None else c.low for c in self.classes])

    @cached_property
    def _highs(self) -> NDArray[np.float64]:
        return np.array([np.inf if c.high is None else c.high for c in self.classes])

    def class_of(self, values: ArrayLike) -> NDArray[np.int64]:
        """The position of each value's class, -1 where it has none (NaN too); float32 0.3 is in the class from 0.3."""
        array = np.asarray(values)
        if array.dtype.kind != "f":
            array = array.astype(np.float64)
        lows, highs = self._lows.astype(array.dtype), self._highs.astype(array.dtype)
        position = np.searchsorted(lows, array, side="right") - 1
        found = np.maximum(position, 0)
        within = (position >= 0) & ((array < highs[found]) | np.isinf(highs[found]) | (array == lows[found]))
        return np.where(within & ~np.isnan(array), position, -1)

    def colours_of(self, values: ArrayLike) -> list[str | None]:
        """The colour of each value (1-D), None where it is in no class."""
        return [None if i < 0 else self.classes[i].colour for i in self.class_of(values)]

    def step_expression(self, field: str, otherwise: str) -> list[Any]:
        """The same colours as a style expression of MapLibre; otherwise: the colour where there is no number."""
        steps: list[Any] = ["step", ["get", field], otherwise if self.classes[0].low is not None else self._colour(0)]
        for i, (low, high) in enumerate(zip(self._lows, self._highs, strict=True)):
            if np.isfinite(low):
                steps += [float(low), self._colour(i)]
            following = self._lows[i + 1] if i + 1 < len(self.classes) else np.inf
            end = float(np.nextafter(low, np.inf)) if low == high else float(high)
            if end < following:
                steps += [end, otherwise]
        return ["case", ["==", ["typeof", ["get", field]], "number"], steps, otherwise]

    def _colour(self, i: int) -> str:
        return self.classes[i].colour

    def data(self) -> dict[str, Any]:
        """{"unit", "classes": [{"from", "to", "colour", "label"}]}: for JSON, pages and exports."""
        return {
            "unit": self.unit,
            "classes": [{"from": c.low, "to": c.high, "colour": c.colour, "label": c.label} for c in self.classes],
        }

    @classmethod
    def from_data(cls, data: Any, file: str = "") -> Self:
        """A legend that came with a file: data(), where a class may have "value" in place of "from" and "to".

        Raises WrongLegend.
        """
        try:
            classes = tuple(_class(c) for c in data["classes"])
            unit = str(data.get("unit", ""))[:MOST_LABEL]
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise WrongLegend(file=file, reason=f"{type(error).__name__}: {error}") from error
        if not 1 <= len(classes) <= MOST_CLASSES:
            raise WrongClassCount(file=file, classes=len(classes), most=MOST_CLASSES)
        classes = tuple(sorted(classes, key=lambda c: -np.inf if c.low is None else c.low))
        for one, following in pairwise(classes):
            end = np.inf if one.high is None else one.high
            if following.low is None or following.low < end or following.low == one.low:
                raise ClassesOverlap(file=file, one=repr(one.label), other=repr(following.label))
        if len({c.low == c.high and c.low is not None for c in classes}) > 1:
            raise WrongLegend(file=file, reason=N_("some classes are single values and some are ranges"))
        return cls(unit, classes)


def _class(data: Mapping[str, Any]) -> LegendClass:
    low, high = (data["value"],) * 2 if "value" in data else (data["from"], data["to"])
    low, high = (None if limit is None else float(limit) for limit in (low, high))
    colour = str(data["colour"]).lower()
    label = str(data["label"])
    if not COLOUR.fullmatch(colour):
        raise ValueError(f"{colour[:20]!r} is not a colour like #1f78b4")
    if len(label) > MOST_LABEL:
        raise ValueError(f"the label {label[:20]!r}… has more than {MOST_LABEL} characters")
    if not all(limit is None or np.isfinite(limit) for limit in (low, high)):
        raise ValueError("limits must be numbers or null")
    if low is not None and high is not None and high < low:
        raise ValueError(f"{low:g} to {high:g} does not rise")
    return LegendClass(low, high, colour, label)


def ranges(unit: str, edges: Sequence[float | None], colours: Sequence[str], labels: Sequence[str] = ()) -> Legend:
    """A legend of one class between each two edges; None at either end is open. Labels say the limits if not given."""
    limits = list(pairwise(edges))
    texts = labels or [_limits(low, high, unit) for low, high in limits]
    return Legend(unit, tuple(LegendClass(*e, c, t) for e, c, t in zip(limits, colours, texts, strict=True)))


def _limits(low: float | None, high: float | None, unit: str) -> str:
    if high is None:
        return f"≥ {low:g} {unit}".strip()
    if low is None:
        return f"< {high:g} {unit}".strip()
    return f"{low:g}–{high:g} {unit}".strip()


# Light to dark, one hue (ColorBrewer 2.0, Harrower and Brewer 2003, doi:10.1179/000870403235002042).
BLUES = ("#c6dbef", "#9ecae1", "#6baed6", "#3182bd", "#08519c")
PURPLES = ("#f2f0f7", "#dadaeb", "#bcbddc", "#9e9ac8", "#756bb1", "#54278f")
REDS = ("#fee5d9", "#fcae91", "#fb6a4a", "#de2d26", "#a50f15")
LAND = ("#2c7a4b", "#6cae6a", "#b5d48a", "#f0e6a6", "#d9b26f", "#a9774a", "#8c6d5d", "#f4f4f4")

DEPTH = ranges("m", [0.0, 0.3, 0.5, 1.0, 2.0, None], BLUES)
"""Flood depth: 0.3 m stops people on foot and small cars."""

# EFFIS: green, yellow, orange, red, dark red, black; the upper bound is excluded.
FWI = ranges(
    "FWI",
    [0.0, 5.2, 11.2, 21.3, 38.0, 50.0, None],
    ("#4cae4f", "#ffe94f", "#f9a13a", "#e3342f", "#8b1a1a", "#1f1414"),
    (N_("very low"), N_("low"), N_("moderate"), N_("high"), N_("very high"), N_("extreme")),
)
DENSITY = ranges("people/km²", [0.0, 10.0, 50.0, 250.0, 1000.0, 5000.0, None], PURPLES)
ELEVATION = ranges("m", [None, 100.0, 200.0, 400.0, 700.0, 1000.0, 1400.0, 1800.0, None], LAND)


def legend_of(values: ArrayLike, unit: str, colours: Sequence[str] = REDS) -> Legend:
    """A legend for any quantity: classes of about as many values each, between limits rounded to two digits.

    values: (n,), NaN is left out. Fewer classes where the values are few or alike; the first begins at 0, or below
    the smallest where that is negative.
    """
    array = np.asarray(values, dtype=np.float64)
    array = array[np.isfinite(array)]
    if not len(array):
        return ranges(unit, [0.0, None], colours[-1:])
    inner = np.quantile(array[array > 0] if (array > 0).any() else array, np.arange(1, len(colours)) / len(colours))
    first = min(0.0, _two_digits(float(array.min()), down=True))
    edges = sorted({_two_digits(float(e)) for e in inner} - {0.0})
    edges = [e for e in edges if first < e <= array.max()]
    # Few classes take colours spread over the whole ramp.
    chosen = np.linspace(0, len(colours) - 1, len(edges) + 1).round().astype(int)
    return ranges(unit, [first, *edges, None], [colours[i] for i in chosen])


def _two_digits(value: float, *, down: bool = False) -> float:
    if value == 0:
        return 0.0
    unit = 10.0 ** (np.floor(np.log10(abs(value))) - 1)
    return float(f"{(np.floor(value / unit) if down else np.round(value / unit)) * unit:.12g}")


@dataclass(frozen=True)
class Steps:
    """How values become the one-byte indices of a tile pyramid, finer than the legend so that restyling is free.

    Index i >= 1 holds values from edges[i - 1] up to edges[i]; 0 is nothing there. exact: edges are codes, and a value
    that is none of them is nothing.
    """

    edges: tuple[float, ...]
    exact: bool = False

    def index(self, values: NDArray[np.floating]) -> NDArray[np.uint8]:
        """The index of each value, in the values' own precision; NaN is 0."""
        edges = np.asarray(self.edges).astype(values.dtype)
        found = np.searchsorted(edges, values, side="right")
        nothing = np.isnan(values)
        if self.exact:
            nothing |= edges[np.maximum(found, 1) - 1] != values
        found[nothing] = 0
        return found.astype(np.uint8)

    @classmethod
    def of(cls, legend: Legend) -> Self:
        """Steps for a legend that came with a file: each class is cut into equal ones."""
        if legend.single_values:
            return cls(tuple(float(c.low or 0.0) for c in legend.classes), exact=True)
        parts = max(1, 200 // len(legend.classes))
        edges: list[float] = []
        for c in legend.classes:
            low = -np.inf if c.low is None else c.low
            cuts = 1 if c.low is None or c.high is None else parts
            edges += [low] if cuts == 1 else np.linspace(low, c.high or 0.0, parts, endpoint=False).tolist()
            edges += [] if c.high is None else [c.high]  # what lies in a gap after the class has no colour
        return cls(tuple(sorted(set(edges))))


def _steps(*parts: tuple[float, float, float], also: Sequence[float] = ()) -> tuple[float, ...]:
    cuts = {
        round(float(v), 6) for start, end, step in parts for v in np.arange(round((end - start) / step)) * step + start
    }
    return tuple(sorted(cuts | {float(v) for v in also}))


# 0 is dry and nobody: nothing is drawn. FWI 0 is a value.
DEPTH_STEPS = Steps((TINY, *_steps((0.05, 5, 0.05), (5, 10, 0.1), (10, 20, 0.25), (20, 31, 1.0))))
FWI_STEPS = Steps(_steps((0, 60, 0.5), (60, 200, 2.0), also=(5.2, 11.2, 21.3, 70.0, 200.0)))
DENSITY_STEPS = Steps(
    (TINY, *_steps(also=[float(f"{10 ** (e / 40):.2g}") for e in range(-40, 200)] + [10, 50, 250, 1000, 5000]))
)
ELEVATION_STEPS = Steps((-np.inf, *_steps((0, 2400, 10), (2400, 4000, 200), (4000, 9001, 1000))))
