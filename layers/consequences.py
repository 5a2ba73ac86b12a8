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


@dataclass(frozen=True)
class Band:
    """People in a range of depths, and how many of them leave under a rate. to_m: None where it is open."""

    from_m: float
    to_m: float | None
    people: float
    rate: Figure | None
    leaving: float


def edges_of(rates: Sequence[Figure]) -> tuple[float, ...]:
    """The depths (metres) at which a table of rates changes: people are told apart there, and nowhere else."""
    limits = {limit for rate in rates for limit in (rate.from_depth_m, rate.to_depth_m) if limit is not None}
    return tuple(sorted(float(limit) for limit in limits if limit > 0))


def bands(people: Sequence[float], edges_m: Sequence[float], rates: Sequence[Figure]) -> list[Band]:
    """People who would leave their homes under a table of rates by depth.

    people: from each edge (metres) up to the next. A band takes the rate that holds at its lower edge; where none does,
    nobody is known to leave.
    """
    found = []
    for i, (edge, count) in enumerate(zip(edges_m, people, strict=True)):
        at = Decimal(str(edge))
        rate = next(
            (r for r in rates if (r.from_depth_m or 0) <= at and (r.to_depth_m is None or at < r.to_depth_m)), None
        )
        upper = edges_m[i + 1] if i + 1 < len(edges_m) else None
        found.append(Band(edge, upper, count, rate, count * float(rate.value) if rate else 0.0))
    return found


def need_profiles(session: Session) -> dict[str, str]:
    """The profiles of minimum needs: {name: the work that it comes from}."""
    found: dict[str, str] = {}
    for figure in figures(session, kind=FigureKind.NEED):
        found.setdefault(figure.profile, figure.citation)
    return found


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
