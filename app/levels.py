"""Numbers of any area as they are shown: of a municipality, of what lies above it as a sum, of what lies below it.

A municipality's numbers are rounded in app.exposed; sums are those of rounded numbers, and what lies below is rounded
so that it adds up to the municipality.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.exposed import MODELLED, NOT_MODELLED, PARTLY, Row, Run, Situation, Tree, total
from app.names import in_order, name_of
from app.numbers import rounded
from layers.areas import Area, Level, municipalities_of
from layers.exposure import ExposureFigure
from layers.recounting import KeptRuns, Reading
from layers.runs import Hazard, runs_of

BELOW = (Level.SETTLEMENT, Level.LOCAL_COMMUNITY)
ADDS_UP = 1e-6


@dataclass(frozen=True)
class Part:
    """A settlement or local community of a municipality, whole people; exposed is None where nothing is modelled.

    area: None for the people of the municipality who live in none of them.
    """

    area: Area | None
    population: int
    exposed: int | None


@dataclass(frozen=True)
class Numbers:
    """Of an area below a municipality, unrounded."""

    population: float
    exposed: float | None
    not_modelled: float
    by_class: Sequence[float] | None
    covered: bool
    marks: Sequence[str]


def row_of(session: Session, situation: Situation, tree: Tree, area_id: UUID, kept: KeptRuns) -> Row | None:
    """The row of any area; None where there is no such area."""
    if area_id in situation.by_area:
        return situation.by_area[area_id]
    area = session.get(Area, area_id)
    if area is None:
        return None
    if area.level not in BELOW:
        return _sum(area, tree, rows_below(session, situation, area))
    parent = _municipality(situation, area)
    return None if parent is None else _below(session, area, parent, situation, kept)


def rows_below(session: Session, situation: Situation, area: Area) -> list[Row]:
    """The municipalities of an area, those with most people exposed first."""
    members = set(municipalities_of(session, area.id))
    rows = [row for row in situation.rows if row.area.id in members]
    return sorted(rows, key=lambda row: (row.exposed is None, -(row.exposed or 0), in_order(name_of(row.area))))


def _sum(area: Area, tree: Tree, rows: Sequence[Row]) -> Row:
    told = [row for row in rows if row.counted_in is None]
    modelled = [row for row in told if row.exposed is not None]
    sums = total(told)
    runs = list({row.run.id: row.run for row in modelled if row.run}.values())
    same_classes = len({run.edges for run in runs}) == 1 and all(row.by_class is not None for row in modelled)
    return Row(
        area=area,
        above=tree.above(area),
        state=NOT_MODELLED if not modelled else (MODELLED if len(modelled) == len(told) else PARTLY),
        population=sums.population if any(row.population is not None for row in told) else None,
        exposed=sums.exposed if modelled else None,
        share=sums.share if modelled else None,
        by_class=tuple(sums.by_class) if same_classes else None,
        not_modelled=sums.not_modelled,
        marks=tuple(dict.fromkeys(mark for row in told for mark in row.marks)),
        run=runs[0] if runs else None,
    )


def _municipality(situation: Situation, area: Area) -> Row | None:
    """The row of the municipality that an area below belongs to, or of the one that covers it."""
    row = situation.by_area.get(area.parent_id) if area.parent_id else None
    return situation.by_area.get(row.counted_in.id) if row and row.counted_in else row


def _below(session: Session, area: Area, parent: Row, situation: Situation, kept: KeptRuns) -> Row:
    above = (parent.area, *parent.above)
    found = _numbers(session, parent.run, situation, kept, [area.id]).get(area.id) if parent.run else None
    if found is None or parent.run is None:
        return Row(area, above, NOT_MODELLED, None, None, None, None, 0, (), None)
    nothing = found.exposed is None
    return Row(
        area=area,
        above=above,
        state=NOT_MODELLED if nothing else (MODELLED if found.covered else PARTLY),
        population=round(found.population),
        exposed=None if found.exposed is None else round(found.exposed),
        share=found.exposed / found.population if found.exposed is not None and found.population else None,
        by_class=tuple(rounded(found.by_class)) if found.by_class is not None else None,
        not_modelled=round(found.not_modelled),
        marks=() if nothing else tuple(found.marks),
        run=None if nothing else parent.run,
    )


def parts_of(session: Session, row: Row, situation: Situation, tree: Tree, kept: KeptRuns) -> dict[Level, list[Part]]:
    """What lies below a municipality, by level, those with most people exposed first; the parts add up to it."""
    if row.run is None or row.exact is None:
        return {}
    inside = [row.area.id, *(part for part, whole in tree.counted_in.items() if whole.id == row.area.id)]
    areas = session.scalars(select(Area).where(Area.parent_id.in_(inside), Area.level.in_(BELOW))).all()
    numbers = _numbers(session, row.run, situation, kept, [a.id for a in areas])
    found = {}
    for level in BELOW:
        there = [a for a in areas if a.level == level and a.id in numbers]
        if there:
            found[level] = _parts(there, [numbers[a.id] for a in there], row)
    return found


def _parts(areas: Sequence[Area], numbers: Sequence[Numbers], row: Row) -> list[Part]:
    people = _adding_up([n.population for n in numbers], row.exact.population if row.exact else None, row.population)
    known = [n.exposed for n in numbers if n.exposed is not None]
    whole = _adding_up(known, row.exact.exposed if row.exact else None, row.exposed)
    exposed = iter(whole[: len(known)])
    parts = [
        Part(area, population, None if n.exposed is None else next(exposed))
        for area, population, n in zip(areas, people, numbers, strict=False)
    ]
    parts.sort(key=lambda p: (p.exposed is None, -(p.exposed or 0), in_order(name_of(p.area)) if p.area else ()))
    elsewhere = people[-1], whole[-1]
    return [*parts, Part(None, *elsewhere)] if any(elsewhere) else parts


def _adding_up(parts: Sequence[float], exact: float | None, shown: int | None) -> list[int]:
    """The parts whole, then what of the whole is in none of them; together they are what is shown of the whole."""
    rest = max(0.0, (exact or 0.0) - sum(parts))
    if rest <= ADDS_UP * max(exact or 0.0, 1.0):
        rest = 0.0
    if sum(parts) > (exact or 0.0) * (1 + ADDS_UP) + ADDS_UP:  # outlines that reach beyond the municipality's
        return [*rounded(list(parts)), 0]
    return rounded([*parts, rest], shown)


def _numbers(
    session: Session, run: Run, situation: Situation, kept: KeptRuns, areas: Iterable[UUID]
) -> dict[UUID, Numbers]:
    """Of areas below a municipality, from the counting that answers for it."""
    wanted = list(areas)
    figures = session.scalars(
        select(ExposureFigure).where(ExposureFigure.run_id == run.id, ExposureFigure.area_id.in_(wanted))
    )
    found = {
        f.area_id: Numbers(f.population, f.exposed, f.not_modelled, f.by_class, f.covered, f.marks) for f in figures
    }
    rise_m = situation.choice.rise_m if situation.choice else 0.0
    if rise_m and found:
        (stored,) = runs_of(session, Hazard(run_id=run.id), with_depths=True)
        risen = kept.recount(stored, Reading(rise_m=rise_m), settlements=True).numbers
        found = {
            area: Numbers(n.population, n.exposed, n.not_modelled, n.by_class, found[area].covered, found[area].marks)
            for area in found
            if (n := risen.get(area)) is not None
        }
    return found
