"""What follows from the exposed people of an area of any level, for its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import request
from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from app import levels
from app.asking import current_kept, hazard_of
from app.exposed import Row
from app.levels import BELOW, Part
from app.pages.view import View
from foundation.reference import Figure
from layers import annual, consequences
from layers.areas import Level
from layers.asking import Answer, ask
from layers.catalogue import LayerVersion
from layers.consequences import Band, Need
from layers.counting import Ages, added_ages, added_facilities
from layers.errors import LayersError
from layers.exposure import ExposureFigure
from layers.questions import Question
from layers.recounting import Reading


@dataclass(frozen=True)
class Displaced:
    """People who would leave their homes under a table of rates, band by band.

    unclassed: exposed people under layers without depths, of whom the table says nothing.
    """

    people: float
    bands: Sequence[Band]
    unclassed: float


@dataclass(frozen=True)
class Consequences:
    """Everything but the number itself. What cannot be said is empty; rates and profile are the reader's choice.

    annual: people expected per year, of sums with the municipalities that are not in it. facilities: as
    counting.Counted has them. age_unknown: exposed people of whose ages nothing is known. trouble: why nothing can be
    reckoned from depths.
    """

    annual: float | None
    annual_without: int
    facilities: Mapping[str, Sequence[int]]
    municipalities: Sequence[Row]
    below: Mapping[Level, Sequence[Part]]
    ages: Ages | None
    age_tables: Sequence[LayerVersion]
    age_unknown: float
    rate_tables: Mapping[str, Sequence[Figure]]
    rates: str | None
    displaced: Displaced | None
    trouble: LayersError | None
    profiles: Mapping[str, str]
    profile: str | None
    needs: Sequence[Need]
    cells: Sequence[Any]


def of(session: Session, view: View, row: Row) -> Consequences | None:
    """What follows for a row; None where nothing is modelled. ?rates= and ?needs= name the tables to reckon with."""
    if row.exposed is None or view.choice is None:
        return None
    level = row.area.level
    above = level not in (*BELOW, Level.MUNICIPALITY)
    rows = levels.rows_below(session, view.situation, row.area) if above else [row]
    figures = _figures(session, [(r.run.id, r.area.id) for r in rows if r.run])
    tables = consequences.rate_tables(session) if view.choice.can_rise else {}
    rates = request.args.get("rates")
    chosen = tables.get(rates or "")
    answer, trouble = _answer(session, view, row, chosen)
    displaced = None
    if chosen and answer is not None and answer.by_class is not None:
        bands = consequences.bands(answer.by_class, answer.edges, chosen)
        displaced = Displaced(sum(b.leaving for b in bands), bands, answer.unclassed)
    profiles = consequences.need_profiles(session)
    profile = request.args.get("needs")
    needs = consequences.needs(session, displaced.people, profile) if displaced and profile in profiles else []
    ages = added_ages(Ages.from_data(f.ages) for f in figures if f.ages)
    if view.choice.rise_m:
        ages = None  # of the flood as it was counted
    counted = added_facilities(f.facilities for f in figures)
    if answer is not None and answer.facilities is not None:
        counted = {f.category: [f.exposed, f.all, f.not_modelled] for f in answer.facilities}
    elif view.choice.rise_m:
        counted = {}
    yearly = annual.people_of(session, [row.area.id] if level != Level.CITY else [r.area.id for r in rows])
    everybody = sum(f.exposed or 0.0 for f in figures)
    return Consequences(
        annual=yearly.people,
        annual_without=yearly.without,
        facilities=counted,
        municipalities=rows if above else [],
        below={} if above else levels.parts_of(session, row, view.situation, view.tree, current_kept()),
        ages=ages,
        age_tables=list(session.scalars(select(LayerVersion).where(LayerVersion.id.in_(ages.tables)))) if ages else [],
        age_unknown=everybody - sum(g.people for g in ages.groups) if ages else 0.0,
        rate_tables=tables,
        rates=rates if chosen else None,
        displaced=displaced,
        trouble=trouble if chosen else None,
        profiles=profiles,
        profile=profile if profile in profiles else None,
        needs=needs,
        cells=answer.cells if answer is not None else [],
    )


def _answer(
    session: Session, view: View, row: Row, rates: Sequence[Figure] | None
) -> tuple[Answer | None, LayersError | None]:
    """The area asked about again, in the classes of the table of rates; without one, in its own."""
    if view.choice is None:
        return None, None
    edges = consequences.edges_of(rates) if rates else None
    try:
        reading = Reading(edges=edges, rise_m=view.choice.rise_m)
        return ask(session, current_kept(), Question(hazard_of(view.choice), reading, row.area.id)), None
    except LayersError as error:  # counted by an older edition, or its files are gone: the stored numbers stay
        return None, error


def _figures(session: Session, keys: Sequence[tuple[UUID, UUID]]) -> Sequence[ExposureFigure]:
    found = select(ExposureFigure).where(tuple_(ExposureFigure.run_id, ExposureFigure.area_id).in_(keys))
    return session.scalars(found).all() if keys else []
