"""Incidents: proposed, declared, lifted; the duty diary, evacuations and figures that belong to them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, Flask, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.db import transaction
from app.errors import NoSuchPage, NotACount, NotAllowed, status_of
from app.guards import acting_organisation, needs, signed_in_person
from app.languages import _, say
from app.rights import Right
from app.spaces import current_space, space_now
from layers import declaring, diary, evacuations, incident_figures, incidents
from layers.areas import Area, Level, areas
from layers.declaring import IncidentFacts
from layers.diary import EntryKind
from layers.errors import LayersError
from layers.evacuations import EvacuationState
from layers.incident_figures import FigureKind
from layers.incidents import OPEN, Incident, IncidentKind, IncidentState
from layers.jurisdictions import area_of, within
from layers.moments import moment

incidents_ = Blueprint("incidents", __name__, url_prefix="/incidents")
MOST = 100
DIARY_MOST = 100
REFUSED = (LayersError, NotACount)


def kind_name(kind: IncidentKind) -> str:
    """What has happened."""
    return {
        IncidentKind.FLOOD: _("flood"),
        IncidentKind.TORRENT: _("torrent"),
        IncidentKind.WILDFIRE: _("wildfire"),
        IncidentKind.LANDSLIDE: _("landslide"),
        IncidentKind.DAM: _("dam failure"),
        IncidentKind.STORM: _("storm"),
        IncidentKind.SNOW: _("snow"),
        IncidentKind.EARTHQUAKE: _("earthquake"),
        IncidentKind.INDUSTRIAL: _("industrial accident"),
        IncidentKind.OTHER: _("other"),
    }[kind]


def state_name(state: IncidentState) -> str:
    """Where an incident stands."""
    return say(incidents.STATE_NAMES[state])


def evacuation_name(state: EvacuationState) -> str:
    """Where an evacuation stands."""
    return say(evacuations.STATE_NAMES[state])


def figure_name(kind: FigureKind) -> str:
    """What is counted."""
    return {
        FigureKind.EVACUATED: _("evacuated"),
        FigureKind.INJURED: _("injured"),
        FigureKind.MISSING: _("missing"),
        FigureKind.DEAD: _("dead"),
        FigureKind.INTERVENTIONS: _("interventions"),
    }[kind]


def entry_name(kind: EntryKind) -> str:
    """What an entry of the diary is."""
    return {
        EntryKind.NOTE: _("note"),
        EntryKind.CALL: _("call"),
        EntryKind.MESSAGE: _("message"),
        EntryKind.DECISION: _("decision"),
        EntryKind.ORDER: _("order"),
        EntryKind.HAND_OVER: _("shift hand-over"),
        EntryKind.CORRECTION: _("correction"),
        EntryKind.SYSTEM: _("noted by the program"),
    }[kind]


def init_app(app: Flask) -> None:
    """Let templates use these words."""
    app.jinja_env.globals.update(
        entry_name=entry_name,
        evacuation_name=evacuation_name,
        figure_name=figure_name,
        incident_kind_name=kind_name,
        incident_state_name=state_name,
    )


@incidents_.get("")
@needs(Right.SEE)
def show() -> ResponseReturnValue:
    """What is open, then what was."""
    return _list()


@incidents_.post("")
@needs(Right.COORDINATE)
def propose() -> ResponseReturnValue:
    """Propose an incident; declaring it is another step."""
    who, space, now = signed_in_person(), current_space(), space_now()
    asked = request.form.get("kind", "")
    try:
        with transaction(space.id) as session:
            inside = within(session, acting_organisation())
            chosen = frozenset(UUID(text) for text in request.form.getlist("municipality") if _is_uuid(text))
            if not chosen <= inside:
                raise NotAllowed
            made = declaring.propose(
                session,
                space.id,
                IncidentFacts(
                    kind=IncidentKind(asked) if asked in set(IncidentKind) else IncidentKind.OTHER,
                    title=request.form.get("title", ""),
                    municipalities=chosen,
                ),
                by=who.actor,
                at=now,
            ).id
    except LayersError as error:
        return _list(error, request.form.to_dict())
    return redirect(url_for(".one", incident_id=made), code=303)


@incidents_.get("/<uuid:incident_id>")
@needs(Right.SEE)
def one(incident_id: UUID) -> ResponseReturnValue:
    """An incident with its steps, evacuations, figures and diary."""
    return _page(incident_id)


@incidents_.post("/<uuid:incident_id>/<what>")
@needs(Right.COORDINATE)
def act(incident_id: UUID, what: str) -> ResponseReturnValue:
    """Decide, order an evacuation, or hand the shift over: by whoever is competent where it happens."""
    return _do(incident_id, what, DECIDING)


@incidents_.post("/<uuid:incident_id>/note/<what>")
@needs(Right.REPORT)
def note(incident_id: UUID, what: str) -> ResponseReturnValue:
    """Write into the diary, or report a figure."""
    return _do(incident_id, what, REPORTING)


Work = Callable[[Session, UUID, UUID, datetime], object]


def _do(incident_id: UUID, what: str, table: dict[str, Work]) -> ResponseReturnValue:
    space = current_space()
    work = table.get(what)
    if work is None:
        raise NoSuchPage
    try:
        with transaction(space.id) as session:
            _insist_on_competence(session, incident_id)
            work(session, space.id, incident_id, space_now())
    except REFUSED as error:
        return _page(incident_id, error, request.form.to_dict(), what)
    return redirect(url_for(".one", incident_id=incident_id) + f"#{what}", code=303)


def _declare(session: Session, space: UUID, incident_id: UUID, now: datetime) -> object:
    return declaring.declare(session, space, incident_id, **_decision(now))


def _lift(session: Session, space: UUID, incident_id: UUID, now: datetime) -> object:
    return declaring.lift(session, space, incident_id, **_decision(now))


def _dismiss(session: Session, space: UUID, incident_id: UUID, now: datetime) -> object:
    by = signed_in_person().actor
    return declaring.dismiss(session, space, incident_id, reason=_text("reason"), at=now, by=by)


def _evacuate(session: Session, space: UUID, incident_id: UUID, now: datetime) -> object:
    state = _text("state")
    return evacuations.step(
        session,
        space,
        incident_id,
        EvacuationState(state) if state in set(EvacuationState) else EvacuationState.ORDERED,
        place=_text("place"),
        people_to_move=_count("people_to_move"),
        people_moved=_count("people_moved"),
        source=_text("source"),
        at=_when(now),
        by=signed_in_person().actor,
        now=now,
    )


def _hand_over(session: Session, space: UUID, incident_id: UUID, now: datetime) -> object:
    return diary.hand_over(
        session,
        space,
        _own_area(session),
        from_person=_text("from_person"),
        to_person=_text("to_person"),
        open_points=[line.strip() for line in _text("open_points").splitlines() if line.strip()],
        by=signed_in_person().actor,
        at=now,
        incident_id=incident_id,
    )


def _write(session: Session, space: UUID, incident_id: UUID, now: datetime) -> object:
    kind = _text("kind")
    return diary.write(
        session,
        space,
        _own_area(session),
        _text("text"),
        happened_at=_when(now),
        by=signed_in_person().actor,
        at=now,
        kind=EntryKind(kind) if kind in set(diary.WRITTEN) else EntryKind.NOTE,
        incident_id=incident_id,
    )


def _report(session: Session, space: UUID, incident_id: UUID, now: datetime) -> object:
    kind = _text("kind")
    return incident_figures.report(
        session,
        space,
        incident_id,
        FigureKind(kind) if kind in set(FigureKind) else FigureKind.EVACUATED,
        _count("value"),
        as_of=_when(now),
        source=_text("source"),
        by=signed_in_person().actor,
        at=now,
    )


DECIDING: dict[str, Work] = {
    "declare": _declare,
    "lift": _lift,
    "dismiss": _dismiss,
    "evacuation": _evacuate,
    "shift": _hand_over,
}
REPORTING: dict[str, Work] = {"diary": _write, "figures": _report}


def _decision(now: datetime) -> dict[str, Any]:
    return {
        "decided_by": _text("decided_by"),
        "decision": _text("decision") or None,
        "at": _when(now),
        "by": signed_in_person().actor,
        "now": now,
    }


def _text(name: str) -> str:
    return request.form.get(name, "").strip()


def _when(now: datetime) -> datetime:
    """The hour as it was typed, in Sarajevo's time; empty for now."""
    typed = _text("at")[:40]
    return moment(typed, "Europe/Sarajevo") if typed else now


def _count(name: str) -> int | None:
    typed = _text(name)
    if not typed:
        return None
    digits = typed.replace(".", "").replace(" ", "")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 8:
        raise NotACount(value=typed[:40])
    return int(digits)


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _own_area(session: Session) -> UUID:
    """Where the acting headquarters keeps its diary."""
    area = area_of(session, acting_organisation())
    if area is None:
        raise NotAllowed
    return area.id


def _is_competent(session: Session, incident_id: UUID) -> bool:
    who = signed_in_person()
    if who.organisation_id is None:
        return False
    touched = incidents.municipalities(session, current_space().id, [incident_id]).get(incident_id, [])
    return bool({area.id for area in touched} & within(session, who.organisation_id))


def _insist_on_competence(session: Session, incident_id: UUID) -> None:
    incidents.incident(session, current_space().id, incident_id)
    if not _is_competent(session, incident_id):
        raise NotAllowed


def _list(error: Exception | None = None, typed: dict[str, str] | None = None) -> ResponseReturnValue:
    who, space = signed_in_person(), current_space()
    with transaction(space.id) as session:
        found: list[Incident] = list(incidents.incidents(session, space.id, limit=MOST))
        inside = within(session, who.organisation_id) if who.organisation_id else set()
        mine: list[Area] = [area for area in areas(session, Level.MUNICIPALITY) if area.id in inside]
        page = render_template(
            "incidents.html",
            open=[one for one in found if one.state in OPEN],
            closed=[one for one in found if one.state not in OPEN],
            places=incidents.municipalities(session, space.id, [one.id for one in found]),
            kinds=list(IncidentKind),
            mine=mine,
            error=error,
            typed=typed or {},
            illustrative=any(one.illustrative for one in found),
        )
    return page, status_of(error) if error else 200


def _page(
    incident_id: UUID, error: Exception | None = None, typed: dict[str, str] | None = None, what: str = ""
) -> ResponseReturnValue:
    space = current_space()
    with transaction(space.id) as session:
        found = incidents.incident(session, space.id, incident_id)
        page = render_template(
            "incident.html",
            incident=found,
            steps=incidents.steps(session, space.id, incident_id),
            places=incidents.municipalities(session, space.id, [incident_id]).get(incident_id, []),
            evacuation=evacuations.evacuation(session, space.id, incident_id),
            evacuation_states=list(EvacuationState),
            figures=incident_figures.latest(session, space.id, incident_id),
            figure_kinds=list(FigureKind),
            entries=diary.entries(session, space.id, incident_id=incident_id, limit=DIARY_MOST),
            entry_kinds=diary.WRITTEN,
            competent=_is_competent(session, incident_id),
            error=error,
            typed=typed or {},
            what=what,
            illustrative=found.illustrative,
        )
    return page, status_of(error) if error else 200
