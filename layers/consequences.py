"""What follows from exposed people: how many would leave their homes, and what those would need.

Estimated from published rates that differ a hundredfold: none of it is stored, and each number names the figures that
the reader chose, with their revision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.orm import Session

from foundation.reference import Figure, FigureKind, figures


def rate_tables(session: Session) -> dict[str, list[Figure]]:
    """The displacement rates by the work that they come from. None of them is a default."""
    tables: dict[str, list[Figure]] = {}
    for figure in figures(session, kind=FigureKind.DISPLACEMENT_RATE):
        if figure.from_depth_m is not None:
            tables.setdefault(figure.profile, []).append(figure)
    return tables


def displaced(by_class: Sequence[float], edges_m: Sequence[float], rates: Sequence[Figure]) -> float:
    """People who would leave their homes under a table of rates by depth.

    by_class: exposed people from each edge (metres) up to the next. A class takes the rate that holds at its lower
    edge; where none does, nobody leaves.
    """
    total = 0.0
    for edge, people in zip(edges_m, by_class, strict=True):
        at = Decimal(str(edge))
        for rate in rates:
            if (rate.from_depth_m or 0) <= at and (rate.to_depth_m is None or at < rate.to_depth_m):
                total += people * float(rate.value)
                break
    return total


@dataclass(frozen=True)
class Need:
    """What people need by a figure: amount in unit (the figure's own, without "per person")."""

    figure: Figure
    amount: float
    unit: str


def needs(session: Session, people: float, profile: str) -> list[Need]:
    """What so many people need by one profile of minimum needs."""
    return [
        Need(figure, people * float(figure.value), figure.unit.replace("/person", ""))
        for figure in figures(session, kind=FigureKind.NEED, profile=profile)
    ]
