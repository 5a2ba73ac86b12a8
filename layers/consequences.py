"""What follows from exposed people: their ages, how many would leave their homes, and what those would need.

All of it is estimated, from shares and published rates that differ a hundredfold; none of it is stored, and each number
names the table that the reader chose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from foundation.reference import Figure, FigureKind, figures
from layers.catalogue import Kind, LayerVersion, shown
from layers.people import PeopleFigure, Sex


@dataclass(frozen=True)
class AgeGroup:
    """Exposed people of an age and sex; age_to None: and older."""

    sex: Sex
    age_from: int
    age_to: int | None
    people: float


def by_age_and_sex(session: Session, area_id: UUID, exposed: float) -> tuple[list[AgeGroup], LayerVersion | None]:
    """(groups, the table they rest on): the exposed people as if they were of the same ages as all people of the area.

    Taken from the best population table that has ages there; nothing where none has.
    """
    for table in shown(session, Kind.POPULATION_TABLE):
        rows = session.scalars(
            select(PeopleFigure)
            .where(
                PeopleFigure.version_id == table.id,
                PeopleFigure.area_id == area_id,
                PeopleFigure.age_from.is_not(None),
                PeopleFigure.sex != Sex.ALL,
            )
            .order_by(PeopleFigure.age_from, PeopleFigure.sex)
        ).all()
        everybody = sum(row.people for row in rows)
        if everybody > 0:
            return [
                AgeGroup(row.sex, row.age_from or 0, row.age_to, exposed * row.people / everybody) for row in rows
            ], table
    return [], None


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
