"""Households of people who were counted by cells: as many as their municipality has to so many people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from foundation.errors import N_
from layers.areas import Area
from layers.catalogue import Kind, shown
from layers.findings import Finding, finding, listed
from layers.people import PeopleFigure, Sex
from layers.recounting import Number
from layers.runs import Source


@dataclass(frozen=True)
class Households:
    """Estimated from people by the mean size of a household in their municipality; exposed None: nothing modelled."""

    all: float
    exposed: float | None
    table: Source

    def data(self) -> dict[str, Any]:
        """As JSON knows it."""
        return {"all": self.all, "exposed": self.exposed, "table": self.table.data()}


def households_of(session: Session, parts: Sequence[tuple[UUID, Number]]) -> tuple[Households | None, Finding | None]:
    """(households, None) of people by area, or (None, why they are not known).

    A settlement without a number of its own takes its municipality's. The best population table that has households.
    """
    for table in shown(session, Kind.POPULATION_TABLE):
        if "households" not in table.facts:
            continue
        sizes = _sizes(session, table.id, [area for area, _ in parts])
        lost = [area for area, number in parts if number.population > 0 and area not in sizes]
        if lost:
            names = session.scalars(select(Area.name).where(Area.id.in_(lost)).order_by(Area.name)).all()
            text = N_("{table} does not say how many households there are in {names}.")
            return None, finding("no_households_there", text, table=table.layer.name, names=listed(names, 10))
        exposed = [(area, number.exposed) for area, number in parts if number.exposed is not None]
        return Households(
            sum(number.population / sizes[area] for area, number in parts if number.population > 0),
            sum(people / sizes[area] for area, people in exposed if people > 0) if exposed else None,
            Source.of(table),
        ), None
    text = N_("No population table with numbers of households is loaded.")
    return None, finding("no_households", text)


def _sizes(session: Session, version_id: UUID, areas: Sequence[UUID]) -> Mapping[UUID, float]:
    """People to a household, by area."""
    above = session.execute(select(Area.id, Area.parent_id).where(Area.id.in_(areas))).all()
    parents: dict[UUID, UUID | None] = {row.id: row.parent_id for row in above}
    wanted = {*areas, *(parent for parent in parents.values() if parent is not None)}
    rows = session.execute(
        select(PeopleFigure.area_id, PeopleFigure.people / PeopleFigure.households).where(
            PeopleFigure.version_id == version_id,
            PeopleFigure.area_id.in_(wanted),
            PeopleFigure.sex == Sex.ALL,
            PeopleFigure.age_from.is_(None),
            PeopleFigure.age_to.is_(None),
            PeopleFigure.people > 0,
            PeopleFigure.households > 0,
        )
    )
    known: dict[UUID, float] = {area: size for area, size in rows}  # noqa: C416  rows are no pairs to mypy
    found = {area: known.get(area, known.get(parents.get(area) or area)) for area in areas}
    return {area: size for area, size in found.items() if size is not None}
