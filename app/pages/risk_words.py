"""The words of the risk index in the reader's language."""

from __future__ import annotations

from typing import Any, Final

from app.languages import _
from layers.catalogue import Method
from layers.inform import CATEGORIES, Dimension, Direction, Join
from layers.riskindex import Origin


def dimension_name(dimension: Dimension) -> str:
    """In the reader's language."""
    return {
        Dimension.HAZARD: _("hazard and exposure"),
        Dimension.VULNERABILITY: _("vulnerability"),
        Dimension.COPING: _("lack of coping capacity"),
    }[dimension]


def category_name(code: str) -> str:
    """INFORM's category in the reader's language."""
    return {
        "natural": _("natural hazards"),
        "human": _("human hazards"),
        "socio_economic": _("socio-economic vulnerability"),
        "vulnerable_groups": _("vulnerable groups"),
        "institutional": _("institutions"),
        "infrastructure": _("infrastructure"),
    }.get(code, code)


def class_name(code: str | None) -> str:
    """A class of the index."""
    return {
        "very_low": _("very low"),
        "low": _("low"),
        "medium": _("medium"),
        "high": _("high"),
        "very_high": _("very high"),
    }.get(code or "", "–")


def join_name(join: Join) -> str:
    """How a category is joined."""
    return {
        Join.ARITHMETIC: _("arithmetic mean"),
        Join.GEOMETRIC: _("geometric mean"),
        Join.MAXIMUM: _("largest"),
    }[join]


def direction_name(direction: Direction) -> str:
    """What a higher value means."""
    return _("higher is worse") if direction is Direction.WORSE else _("higher is better")


def origin_name(origin: Origin) -> str:
    """How a value came in."""
    return {
        Origin.ENTERED: _("entered by hand"),
        Origin.IMPORTED: _("from a published table"),
        Origin.DERIVED: _("from our own exposure"),
    }[origin]


WORDS: Final[dict[str, Any]] = {
    "dimension_name": dimension_name,
    "category_name": category_name,
    "class_name": class_name,
    "join_name": join_name,
    "direction_name": direction_name,
    "origin_name": origin_name,
    "Dimension": Dimension,
    "Direction": Direction,
    "Join": Join,
    "Method": Method,
    "CATEGORIES": CATEGORIES,
}
