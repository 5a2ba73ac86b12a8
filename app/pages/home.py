"""Where one begins: what waits, in this space, for whoever acts."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app import joblist
from app.db import transaction, without_space
from app.exposed import Row
from app.guards import needs, public, signed_in, signed_in_person
from app.identity import Identity, me
from app.pages.view import View, look
from app.rights import Right
from app.spaces import OPERATIONAL_PATH, current_space, space_now
from foundation import notices
from foundation.people import exercises_of
from layers.gauge_states import GaugeState, states
from layers.gauges import RANK
from layers.jurisdictions import area_of
from layers.warnings import active

home = Blueprint("home", __name__)
door = Blueprint("door", __name__)
MOST_NOTICES = 10
MOST_GAUGES = 6
MOST_WARNINGS = 5


@door.get("/")
@public
def show() -> ResponseReturnValue:
    """To the sign-in page, or to where the person acts."""
    who = me()
    if who is None:
        return redirect(url_for("sign_in.show"))
    if who.seats:
        return redirect(url_for("home.show", space=OPERATIONAL_PATH))
    return redirect(url_for("door.spaces"))


@door.get("/spaces")
@signed_in
def spaces() -> ResponseReturnValue:
    """The real world and the exercises that the person may enter."""
    who = signed_in_person()
    with without_space() as session:
        found = exercises_of(session, who.person_id, at=datetime.now(UTC))
    if not who.seats and len(found) == 1:
        return redirect(url_for("home.show", space=f"ex/{found[0].slug}"))
    return render_template("spaces.html", exercises=found, operational=bool(who.seats))


@home.get("/", endpoint="show")
@needs(Right.SEE)
def waiting() -> ResponseReturnValue:
    """What waits for me."""
    who, space = signed_in_person(), current_space()
    with transaction(space.id) as session:
        view = look(session)
        return render_template(
            "home.html",
            view=view,
            illustrative=view.illustrative,
            notices=notices.notices(
                session, space=space.id, person=who.person_id, only_unread=True, limit=MOST_NOTICES
            ),
            unread=notices.unread(session, space=space.id, person=who.person_id),
            row=_own_row(session, who, view),
            gauges=_own_gauges(session, who),
            warnings=active(
                session, space.id, space_now(), _own_area(session, who), real_at=datetime.now(UTC), limit=5
            ),
            jobs=joblist.overview(session) if who.may(Right.MANAGE_LAYERS) else [],
        )


def _own_area(session: Session, who: Identity) -> UUID | None:
    """What the acting organisation is competent for."""
    area = area_of(session, who.organisation_id) if who.organisation_id else None
    return area.id if area else None


def _own_gauges(session: Session, who: Identity) -> list[GaugeState]:
    """The gauges inside the jurisdiction, the most urgent first."""
    area = _own_area(session, who)
    if area is None:
        return []
    found = states(session, current_space().id, space_now(), area_id=area)
    return sorted(found, key=lambda s: -RANK[s.passed.level] if s.passed else 1)[:MOST_GAUGES]


def _own_row(session: Session, who: Identity, view: View) -> Row | None:
    """The numbers of the municipality that the acting organisation is competent for."""
    area = area_of(session, who.organisation_id) if who.organisation_id else None
    return view.situation.by_area.get(area.id) if area else None
