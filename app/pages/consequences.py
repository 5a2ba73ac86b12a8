"""What follows from the exposed people of a municipality, for its page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import request
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.exposed import Row
from foundation.reference import Figure
from layers import annual, consequences
from layers.areas import Area
from layers.catalogue import Kind, LayerVersion
from layers.consequences import Need
from layers.counting import Ages
from layers.exposure import ExposureFigure
from layers.people import AgeGroup

NEED_PROFILES = ("bnpb_perka_7_2008", "sphere_needs", "philippines")
MOST_SETTLEMENTS = 100


@dataclass(frozen=True)
class Consequences:
    """Everything but the number itself. What cannot be said is empty; rates and profile are the reader's choice."""

    figure: ExposureFigure
    annual: float | None
    settlements: Sequence[tuple[Area, ExposureFigure]]
    ages: Sequence[AgeGroup]
    age_table: LayerVersion | None
    rate_tables: dict[str, list[Figure]]
    rates: str | None
    displaced: float | None
    profile: str | None
    needs: Sequence[Need]


def of(session: Session, row: Row) -> Consequences | None:
    """What follows for a row; None where nothing is modelled. ?rates= and ?needs= name the tables to reckon with."""
    if row.run is None or row.exposed is None:
        return None
    figure = session.get_one(ExposureFigure, (row.run.id, row.area.id))
    settlements = session.execute(
        select(Area, ExposureFigure)
        .join(ExposureFigure, ExposureFigure.area_id == Area.id)
        .where(ExposureFigure.run_id == row.run.id, Area.parent_id == row.area.id)
        .order_by(ExposureFigure.exposed.desc().nulls_last(), Area.name)
        .limit(MOST_SETTLEMENTS)
    ).all()
    ages = Ages.from_data(figure.ages) if figure.ages else None
    annual_figure = annual.figures(session, [row.area.id]).get(row.area.id)
    rate_tables = consequences.rate_tables(session) if row.run.hazard.layer.kind == Kind.FLOOD_DEPTH else {}
    rates = request.args.get("rates")
    displaced = None
    if rates in rate_tables and figure.by_class is not None:
        displaced = consequences.displaced(figure.by_class, row.run.edges, rate_tables[rates])
    profile = request.args.get("needs")
    needs: list[Need] = []
    if displaced is not None and profile in NEED_PROFILES:
        needs = consequences.needs(session, displaced, profile)
    return Consequences(
        figure=figure,
        annual=annual_figure.people if annual_figure else None,
        settlements=[(area, found) for area, found in settlements],
        ages=ages.groups if ages else [],
        age_table=session.get(LayerVersion, min(ages.tables)) if ages else None,
        rate_tables=rate_tables,
        rates=rates if rates in rate_tables else None,
        displaced=displaced,
        profile=profile if profile in NEED_PROFILES else None,
        needs=needs,
    )
