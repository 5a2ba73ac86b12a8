"""The card of a municipality: on the map; and a page for an area of any level."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from app import levels
from app.asking import current_kept
from app.db import without_space
from app.errors import NoSuchPage
from app.guards import needs
from app.pages import consequences
from app.pages.map import series
from app.pages.view import is_illustrative, look, sources
from app.rights import Right
from layers.areas import Level

areas = Blueprint("areas", __name__, url_prefix="/areas")


@areas.get("/<uuid:area_id>")
@needs(Right.SEE)
def show(area_id: UUID) -> ResponseReturnValue:
    """The numbers of an area of any level with what they rest on; ?part=card gives the card alone."""
    with without_space() as session:
        view = look(session)
        row = levels.row_of(session, view.situation, view.tree, area_id, current_kept())
        if row is None:
            raise NoSuchPage
        found = series(session, view, row)
        below = levels.rows_below(session, view.situation, row.area)
        runs = [r.run for r in [*below, *(r for _, r in found)] if r and r.run]
        rests_on = sources(runs, view.boundaries)
        card = request.args.get("part") == "card"
        return render_template(
            "_card.html" if card else "area.html",
            found=None if card else consequences.of(session, view, row),
            members=below if row.area.level == Level.CITY else [],
            view=view,
            row=row,
            series=found,
            sources=rests_on,
            illustrative=view.illustrative or any(is_illustrative(v) for v in rests_on),
        )
