"""The arithmetic of INFORM's risk index: indicators scaled to 0..10, joined into components, categories, dimensions.

Source: Marin-Ferrer, Vernaccini and Poljanšek, Index for Risk Management INFORM, Concept and Methodology, version 2017,
JRC, doi:10.2760/094023. Everything is kept unrounded; INFORM's own workbook rounds after every step, so the last digit
of a published number may differ by one.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

MOST: Final = 10.0
"""The end of the scale; 0 is its beginning, and the higher the worse."""


class Dimension(StrEnum):
    """What the index is the cube root of the product of."""

    HAZARD = "hazard_exposure"
    VULNERABILITY = "vulnerability"
    COPING = "lack_of_coping_capacity"


class Join(StrEnum):
    """How the components of a category become one score."""

    ARITHMETIC = "arithmetic"
    GEOMETRIC = "geometric"  # the worst of them weighs most
    MAXIMUM = "maximum"


class Direction(StrEnum):
    """What a higher value of an indicator means."""

    WORSE = "higher_is_worse"
    BETTER = "higher_is_better"


CATEGORIES: Final[dict[str, tuple[Dimension, Join]]] = {
    "natural": (Dimension.HAZARD, Join.GEOMETRIC),
    "human": (Dimension.HAZARD, Join.MAXIMUM),
    "socio_economic": (Dimension.VULNERABILITY, Join.ARITHMETIC),
    "vulnerable_groups": (Dimension.VULNERABILITY, Join.GEOMETRIC),
    "institutional": (Dimension.COPING, Join.ARITHMETIC),
    "infrastructure": (Dimension.COPING, Join.ARITHMETIC),
}
"""INFORM's categories and how the global model joins what is in them; models of a country often take the mean."""

CLASSES: Final = (("very_low", 0.0), ("low", 2.0), ("medium", 3.5), ("high", 5.0), ("very_high", 6.5))
"""The fixed classes of the index with their lower ends, found by hierarchical clustering of the world's countries."""


def scaled(value: float, low: float, high: float, direction: Direction) -> float:
    """The value between its bounds as 0..10, the higher the worse; beyond a bound it is the bound."""
    share = min(1.0, max(0.0, (value - low) / (high - low)))
    return MOST * (share if direction is Direction.WORSE else 1.0 - share)


def arithmetic(scores: Sequence[float], weights: Sequence[float] | None = None) -> float:
    """The weighted mean."""
    weights = weights or [1.0] * len(scores)
    return math.fsum(s * w for s, w in zip(scores, weights, strict=True)) / math.fsum(weights)


def geometric(scores: Sequence[float], weights: Sequence[float] | None = None) -> float:
    """INFORM's geometric mean: taken of how far each score is from the worst, on 1..10, so that bad scores weigh more.

    (10 - ∏ (1 + 9 (10 - s) / 10)^(w / ∑w)) · 10 / 9
    """
    weights = weights or [1.0] * len(scores)
    logs = [math.log(1.0 + 0.9 * (MOST - score)) for score in scores]
    mean = (MOST - math.exp(arithmetic(logs, weights))) * MOST / 9.0
    return min(MOST, max(0.0, mean))  # the logarithm's last digit must not lead off the scale


def joined(scores: Sequence[float], join: Join, weights: Sequence[float] | None = None) -> float:
    """The scores as one."""
    if join is Join.MAXIMUM:
        return max(scores)
    return (geometric if join is Join.GEOMETRIC else arithmetic)(scores, weights)


def risk(hazard: float, vulnerability: float, coping: float) -> float:
    """The index: the cube root of the product of the dimensions."""
    return math.cbrt(hazard * vulnerability * coping)


def class_of(score: float) -> str:
    """The class of an index, by the number as it is published: with one decimal."""
    shown = math.floor(score * 10 + 0.5) / 10
    return next(name for name, low in reversed(CLASSES) if shown >= low)


@dataclass(frozen=True)
class Indicator:
    """What a number of a municipality says, and how it becomes a score."""

    code: str
    dimension: Dimension
    category: str
    component: str
    low: float
    high: float
    direction: Direction = Direction.WORSE
    weight: float = 1.0


@dataclass(frozen=True)
class Score:
    """An indicator, component, category, dimension or the index itself.

    score: None where it cannot be said. known: of so many indicators below it (all) there is a value; missing: those
    that have none. parts: what it is joined from.
    """

    code: str
    score: float | None
    known: int
    all: int
    missing: tuple[str, ...] = ()
    parts: tuple[Score, ...] = field(default=())

    @property
    def complete(self) -> bool:
        """Whether nothing below it is missing."""
        return not self.missing


def index(
    indicators: Collection[Indicator],
    values: Mapping[str, float | None],
    joins: Mapping[str, Join] | None = None,
    component_weights: Mapping[str, float] | None = None,
) -> Score:
    """The index of one municipality with everything that it is joined from.

    values: by indicator; what is None or absent is missing and never nought. A component or category is joined from
    what is known of it, and says what is not; a dimension of which a whole category is missing is missing, and so is
    then the index. joins: of categories, by default INFORM's; component_weights: by default 1.
    """
    dimensions = tuple(_dimension(d, indicators, values, joins or {}, component_weights or {}) for d in Dimension)
    scores = [d.score for d in dimensions]
    known = [score for score in scores if score is not None]
    return _over("risk", dimensions, risk(*known) if len(known) == len(scores) else None)


def _dimension(
    dimension: Dimension,
    indicators: Collection[Indicator],
    values: Mapping[str, float | None],
    joins: Mapping[str, Join],
    weights: Mapping[str, float],
) -> Score:
    mine = [i for i in indicators if i.dimension is dimension]
    categories = tuple(
        _category(code, [i for i in mine if i.category == code], values, joins, weights)
        for code in dict.fromkeys(i.category for i in mine)
    )
    if not categories:
        return Score(dimension.value, None, 0, 0, (dimension.value,))
    scores = [c.score for c in categories]
    known = [score for score in scores if score is not None]
    return _over(dimension.value, categories, geometric(known) if len(known) == len(scores) else None)


def _category(
    code: str,
    indicators: Sequence[Indicator],
    values: Mapping[str, float | None],
    joins: Mapping[str, Join],
    weights: Mapping[str, float],
) -> Score:
    components = tuple(
        _component(component, [i for i in indicators if i.component == component], values)
        for component in dict.fromkeys(i.component for i in indicators)
    )
    known = [(c.score, weights.get(c.code, 1.0)) for c in components if c.score is not None]
    join = joins.get(code) or CATEGORIES.get(code, (None, Join.ARITHMETIC))[1]
    score = joined([s for s, _ in known], join, [w for _, w in known]) if known else None
    return _over(code, components, score)


def _component(code: str, indicators: Sequence[Indicator], values: Mapping[str, float | None]) -> Score:
    parts = []
    known: list[tuple[float, float]] = []
    for one in indicators:
        value = values.get(one.code)
        score = None if value is None else scaled(value, one.low, one.high, one.direction)
        parts.append(Score(one.code, score, int(score is not None), 1, () if score is not None else (one.code,)))
        if score is not None:
            known.append((score, one.weight))
    mean = arithmetic([s for s, _ in known], [w for _, w in known]) if known else None
    return _over(code, tuple(parts), mean)


def _over(code: str, parts: tuple[Score, ...], score: float | None) -> Score:
    missing = tuple(code for part in parts for code in part.missing)
    return Score(code, score, sum(p.known for p in parts), sum(p.all for p in parts), missing, parts)
