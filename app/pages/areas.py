"""The card of a municipality: on the map, and as a page of its own."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from app.db import without_space
from app.errors import NoSuchPage
from app.guards import needs
from app.pages import consequences
from app.pages.map import series
from app.pages.view import is_illustrative, look, sources
from app.rights import Right

areas = Blueprint("areas", __name__, url_prefix="/areas")


@areas.get("/<uuid:area_id>")
@needs(Right.SEE)
def show(area_id: UUID) -> ResponseReturnValue:
    """The numbers of one municipality with what they rest on; ?part=card gives the card alone."""
    with without_space() as session:
        view = look(session)
        row = view.situation.by_area.get(area_id)
        if row is None:
            raise NoSuchPage
        found = series(session, view, row)
        rests_on = sources([r.run for _, r in found if r and r.run], view.boundaries)
        card = request.args.get("part") == "card"
        return render_template(
            "_card.html" if card else "area.html",
            found=None if card else consequences.of(session, row),
            need_profiles=consequences.NEED_PROFILES,
            view=view,
            row=row,
            series=found,
            sources=rests_on,
            illustrative=view.illustrative or any(is_illustrative(v) for v in rests_on),
        )
