"""Exposed people of each municipality, for a hazard."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from app import exposed
from app.api.blueprint import Asked, Listed, Page, api, part_of
from app.db import without_space
from app.errors import NoSuchHazard
from app.guards import needs
from app.pages.view import area_name, choice_name, look, mark_name
from app.rights import Right
from layers.areas import Level


class Hazard(BaseModel):
    """A hazard that can be asked for."""

    key: str
    name: str
    family: str
    return_period_years: float | None
    event: str | None
    layer: str | None
    illustrative: bool


class ExposureAsked(Page):
    """Which numbers."""

    hazard: str = Field(
        "", max_length=200, description="A hazard's key; without it the flood nearest to 1 in 100 years."
    )


class Exposure(BaseModel):
    """People of a municipality. `exposed` and its classes are null where nothing is modelled: that is not zero."""

    code: str
    name: str
    canton: str | None
    entity: str | None
    hazard: str
    population: float | None
    exposed: float | None
    share: float | None
    by_class: list[float] | None
    class_edges: list[float] | None
    unit: str
    threshold: float | None
    not_modelled: float | None
    state: str = Field(description="modelled, partly or not_modelled")
    marks: list[str]
    layer: str | None
    method: str | None = Field(description="official, model, estimated or illustrative")
    counted_at: str | None


class Hazards(Listed[Hazard]):
    """The hazards."""


class Exposures(Listed[Exposure]):
    """A part of the municipalities."""


@api.get("/hazards")
@needs(Right.SEE)
@api.input(Asked, location="query", arg_name="asked")
@api.output(Hazards)
@api.doc(summary="Hazards whose exposure is stored")
def hazards(asked: Asked) -> Any:
    """What can be asked for."""
    with without_space() as session:
        items = [
            Hazard(
                key=choice.key,
                name=choice_name(choice),
                family=choice.family,
                return_period_years=choice.years,
                event=choice.event,
                layer=choice.layer,
                illustrative=choice.illustrative,
            )
            for choice in exposed.choices(session)
        ]
    return Hazards(items=items, next=None)


@api.get("/exposure")
@needs(Right.SEE)
@api.input(ExposureAsked, location="query", arg_name="asked")
@api.output(Exposures)
@api.doc(summary="Exposed people by municipality, unrounded")
def exposure(asked: ExposureAsked) -> Any:
    """The numbers behind map and table, by code."""
    with without_space() as session:
        view = look(session, asked.hazard or None)
        if asked.hazard and (view.choice is None or view.choice.key != asked.hazard):
            raise NoSuchHazard(hazard=asked.hazard)
        rows = sorted(view.situation.rows, key=lambda row: row.area.code)
        shown, following = part_of(rows, asked, lambda row: row.area.code)
        items = [_one(row, view.choice.key if view.choice else "") for row in shown]
    return Exposures(items=items, next=following)


def _one(row: exposed.Row, hazard: str) -> Exposure:
    canton, entity, run, exact = row.over(Level.CANTON), row.over(Level.ENTITY), row.run, row.exact
    return Exposure(
        code=row.area.code,
        name=area_name(row.area),
        canton=area_name(canton) if canton else None,
        entity=area_name(entity) if entity else None,
        hazard=hazard,
        population=exact.population if exact else None,
        exposed=exact.exposed if exact else None,
        share=row.share,
        by_class=list(exact.by_class) if exact and exact.by_class else None,
        class_edges=list(run.edges) if run and exact and exact.by_class else None,
        unit=run.unit if run else "",
        threshold=run.threshold if run else None,
        not_modelled=exact.not_modelled if exact else None,
        state=row.state,
        marks=[mark_name(mark) for mark in row.marks],
        layer=run.hazard.layer.name if run else None,
        method=str(run.hazard.method) if run else None,
        counted_at=run.computed_at.isoformat() if run else None,
    )
