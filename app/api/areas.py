"""Municipalities and what lies above and below them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import select

from app.api.blueprint import Listed, Page, api, part_of
from app.db import without_space
from app.guards import needs
from app.names import matches
from app.pages.view import area_name
from app.rights import Right
from layers.areas import Area, Level


class AreasAsked(Page):
    """Which areas."""

    level: Level = Field(Level.MUNICIPALITY, description="Which level of the tree.")
    q: str = Field("", max_length=100, description="Part of the name, in either script, with or without č ć ž š đ.")
    parent: str = Field("", max_length=40, description="Official code of the area directly above.")


class OneArea(BaseModel):
    """An administrative unit."""

    id: UUID
    level: Level
    code: str
    name: str
    parent: str | None = Field(description="Official code of the area above.")


class Areas(Listed[OneArea]):
    """A part of the areas."""


@api.get("/areas")
@needs(Right.SEE)
@api.input(AreasAsked, location="query", arg_name="asked")
@api.output(Areas)
@api.doc(summary="Areas of a level, by code")
def areas(asked: AreasAsked) -> Any:
    """Areas by code, in parts."""
    with without_space() as session:
        found = session.scalars(select(Area).where(Area.level == asked.level).order_by(Area.code)).all()
        codes = {area: code for area, code in session.execute(select(Area.id, Area.code))}  # noqa: C416  rows are no pairs
    wanted = [
        area
        for area in found
        if (not asked.q or matches(area.name, asked.q) is not None)
        and (not asked.parent or (area.parent_id is not None and codes.get(area.parent_id) == asked.parent))
    ]
    shown, following = part_of(sorted(wanted, key=lambda a: a.code), asked, lambda a: a.code)
    items = [
        OneArea(
            id=area.id,
            level=area.level,
            code=area.code,
            name=area_name(area),
            parent=codes.get(area.parent_id) if area.parent_id else None,
        )
        for area in shown
    ]
    return Areas(items=items, next=following)
