"""River gauges: their state now, what the local plan asks for, and readings by form and by file."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from uuid import UUID

from flask import Blueprint, Flask, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.db import transaction
from app.errors import NotALevel, NotAllowed, NothingChosen, status_of
from app.guards import acting_organisation, needs, signed_in_person
from app.languages import _, say
from app.rights import Right
from app.spaces import current_space, space_now
from layers import gauge_states, gauges, readings, readings_csv
from layers.areas import Area
from layers.errors import LayersError
from layers.gauge_exposure import Known
from layers.gauge_states import Condition, GaugeState
from layers.gauges import LEVEL_NAMES, DefenceLevel
from layers.jurisdictions import is_competent
from layers.measuring import enter
from layers.moments import ZONES, moment
from layers.readings import Measured, Reading, ReadingSource

gauges_ = Blueprint("gauges", __name__, url_prefix="/gauges")
MOST_BYTES = 2 * 2**20
SHOWN = timedelta(hours=72)
MOST_READINGS = 200


def level_name(level: DefenceLevel) -> str:
    """The step of the flood-defence plan."""
    return say(LEVEL_NAMES[level])


def condition_name(state: GaugeState) -> str:
    """What is known of the gauge now, in a word."""
    if state.condition is Condition.NO_READING:
        return _("never read")
    if state.condition is Condition.STALE:
        return _("STALE")
    return level_name(state.passed.level) if state.passed else _("below all thresholds")


def init_app(app: Flask) -> None:
    """Let templates use these words."""
    app.jinja_env.globals.update(
        defence_level_name=level_name, condition_name=condition_name, Known=Known, Condition=Condition
    )


@gauges_.get("")
@needs(Right.SEE)
def show() -> ResponseReturnValue:
    """All gauges with their state, by river."""
    space = current_space()
    with transaction(space.id) as session:
        found = gauge_states.states(session, space.id, space_now())
        return render_template("gauges.html", states=found, illustrative=_illustrative(found))


@gauges_.get("/<uuid:station_id>")
@needs(Right.SEE)
def one(station_id: UUID) -> ResponseReturnValue:
    """A gauge: state, thresholds with the plan's steps, the last three days."""
    return _page(station_id)


@gauges_.post("/<uuid:station_id>")
@needs(Right.REPORT)
def report(station_id: UUID) -> ResponseReturnValue:
    """Enter one reading; what does not look right is asked for again."""
    who, space, now = signed_in_person(), current_space(), space_now()
    typed = {name: request.form.get(name, "")[:40] for name in ("level", "at")}
    try:
        level = _level(typed["level"])
        at = moment(typed["at"], "Europe/Sarajevo") if typed["at"].strip() else now.replace(second=0, microsecond=0)
        with transaction(space.id) as session:
            _insist_on_competence(session, station_id)
            enter(
                session,
                space.id,
                [Measured(station_id, at, level)],
                source=ReadingSource.FORM,
                by=who.actor,
                at=now,
                confirmed="confirmed" in request.form,
            )
    except (LayersError, NotALevel) as error:
        return _page(station_id, error, typed)
    return redirect(url_for(".one", station_id=station_id), code=303)


@gauges_.post("/readings")
@needs(Right.REPORT)
def bring() -> ResponseReturnValue:
    """Enter a file of readings: all of it or nothing."""
    who, space = signed_in_person(), current_space()
    request.max_content_length = MOST_BYTES
    file = request.files.get("file")
    zone = request.form.get("zone", "")
    try:
        if file is None or not file.filename:
            raise NothingChosen
        with transaction(space.id) as session:
            kept, findings = readings_csv.bring(
                session,
                space.id,
                file.read(MOST_BYTES + 1),
                file.filename[:200],
                zone=zone if zone in ZONES else "Europe/Sarajevo",
                unit="m" if request.form.get("unit") == "m" else "cm",
                by=who.actor,
                at=space_now(),
                confirmed="confirmed" in request.form,
            )
            for station in {reading.station_id for reading in kept.new}:
                _insist_on_competence(session, station)
    except (LayersError, NothingChosen) as error:
        return _list_with(error)
    return _list_with(None, added=len(kept.new), duplicates=kept.duplicates, findings=findings)


def _list_with(error: Exception | None, **told: object) -> ResponseReturnValue:
    space = current_space()
    with transaction(space.id) as session:
        found = gauge_states.states(session, space.id, space_now())
        page = render_template(
            "gauges.html", states=found, illustrative=_illustrative(found), error=error, told=None if error else told
        )
    return page, status_of(error) if error else 200


def _page(station_id: UUID, error: Exception | None = None, typed: dict[str, str] | None = None) -> ResponseReturnValue:
    space, now = current_space(), space_now()
    with transaction(space.id) as session:
        station = gauges.station(session, station_id)
        state = gauge_states.state(session, space.id, now, station_id)
        last = readings.of_station(session, space.id, station_id, since=now - SHOWN, limit=MOST_READINGS)
        page = render_template(
            "gauge.html",
            station=station,
            state=state,
            readings=last,
            chart=_chart(last, state, now - SHOWN, now),
            area=session.get(Area, station.municipality_id),
            may_report=_may_report(session, station_id),
            error=error,
            typed=typed or {},
            illustrative=station.method == "illustrative",
        )
    return page, status_of(error) if error else 200


def _level(text: str) -> Decimal:
    try:
        return Decimal(text.strip().replace(",", "."))
    except InvalidOperation:
        raise NotALevel(value=text.strip()) from None


def _may_report(session: Session, station_id: UUID) -> bool:
    who = signed_in_person()
    if not who.may(Right.REPORT) or who.organisation_id is None:
        return False
    return is_competent(session, who.organisation_id, gauges.station(session, station_id).municipality_id)


def _insist_on_competence(session: Session, station_id: UUID) -> None:
    """Readings are entered by whoever is competent for the gauge's municipality, or for what lies above it."""
    if not is_competent(session, acting_organisation(), gauges.station(session, station_id).municipality_id):
        raise NotAllowed


def _illustrative(found: list[GaugeState]) -> bool:
    return any(state.station.method == "illustrative" for state in found)


def _chart(
    found: list[Reading], state: GaugeState | None, since: datetime, until: datetime
) -> dict[str, object] | None:
    """Points of the last three days on a picture of 300 by 100, with the thresholds as lines."""
    if len(found) < 2:
        return None
    limits = [float(t.cm) for t in state.thresholds] if state else []
    levels = [float(r.cm) for r in found]
    low, high = min(levels), max(levels)
    near = [v for v in limits if v <= high + 0.5 * max(50.0, high - low)]
    top, bottom = max([high, *near]) + 10, min(low, *(near or [low])) - 10

    def y(cm: float) -> float:
        return round(100 * (top - cm) / (top - bottom), 1)

    def x(at: datetime) -> float:
        return round(300 * ((at - since) / (until - since)), 1)

    points = " ".join(f"{x(r.observed_at)},{y(float(r.cm))}" for r in reversed(found))
    lines = [(y(float(t.cm)), t) for t in state.thresholds if float(t.cm) in near] if state else []
    return {"points": points, "lines": lines, "top": top, "bottom": bottom}
