"""Warnings: what is in force and where, what was received, and messages brought as files."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, Flask, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.db import transaction
from app.errors import NothingChosen, status_of
from app.guards import needs, signed_in_person
from app.languages import _, chosen
from app.names import in_order
from app.pages.view import area_name
from app.rights import Right
from app.spaces import current_space, space_now
from layers import feeds
from layers.areas import Area
from layers.cap import MessageType, Severity, Status
from layers.errors import LayersError
from layers.warning_store import store
from layers.warnings import ActiveWarning, about, active, message, messages

warnings_ = Blueprint("warnings", __name__, url_prefix="/warnings")
MOST_BYTES = 8 * 2**20
MOST = 100
SIGNS = {
    Severity.EXTREME: "▲▲",
    Severity.SEVERE: "▲",
    Severity.MODERATE: "△",
    Severity.MINOR: "○",
    Severity.UNKNOWN: "?",
}


def severity_name(severity: Severity) -> str:
    """How bad it may become."""
    return {
        Severity.EXTREME: _("extreme"),
        Severity.SEVERE: _("severe"),
        Severity.MODERATE: _("moderate"),
        Severity.MINOR: _("minor"),
        Severity.UNKNOWN: _("severity unknown"),
    }[severity]


def status_name(status: Status) -> str:
    """Whether a message is meant."""
    return {
        Status.ACTUAL: _("actual"),
        Status.EXERCISE: _("exercise"),
        Status.SYSTEM: _("system"),
        Status.TEST: _("test"),
        Status.DRAFT: _("draft"),
    }[status]


def type_name(kind: MessageType) -> str:
    """What a message does."""
    return {
        MessageType.ALERT: _("warning"),
        MessageType.UPDATE: _("update"),
        MessageType.CANCEL: _("cancellation"),
        MessageType.ACK: _("acknowledgement"),
        MessageType.ERROR: _("error message"),
    }[kind]


def words_of(texts: dict[str, dict[str, str]]) -> dict[str, str]:
    """A hazard's texts in the reader's language, or in the nearest that the message has."""
    mine = chosen().split("_")[0]
    near = {"bs": ("bs", "hr", "sr"), "hr": ("hr", "bs", "sr"), "sr": ("sr", "bs", "hr"), "en": ("en",)}[mine]
    for wanted in (*near, "en", ""):
        for language, found in texts.items():
            if language.lower().startswith(wanted):
                return found
    return {}


def init_app(app: Flask) -> None:
    """Let templates use these words."""
    app.jinja_env.globals.update(
        severity_name=severity_name,
        severity_signs=SIGNS,
        warning_status_name=status_name,
        warning_type_name=type_name,
        warning_words=words_of,
    )


@warnings_.get("")
@needs(Right.SEE)
def show() -> ResponseReturnValue:
    """What is in force, the most severe first; below it what was received."""
    return _page()


@warnings_.post("")
@needs(Right.COORDINATE)
def bring() -> ResponseReturnValue:
    """Take a file of messages: CAP, a feed of them, or MeteoAlarm's JSON. Each message counts once."""
    who, space = signed_in_person(), current_space()
    request.max_content_length = MOST_BYTES
    file = request.files.get("file")
    try:
        if file is None or not file.filename:
            raise NothingChosen
        name = file.filename[:200]
        received = feeds.read(file.read(), name)
        with transaction(space.id) as session:
            stored = store(session, space.id, received.alerts, source=name, by=who.actor, at=space_now())
    except (LayersError, NothingChosen) as error:
        return _page(error)
    told = {"new": len(stored.new), "duplicates": stored.duplicates}
    return _page(told={**told, "refused": received.refused, "findings": received.findings})


@warnings_.get("/<uuid:warning_id>")
@needs(Right.SEE)
def one(warning_id: UUID) -> ResponseReturnValue:
    """A message as it came, and those that it is about or that are about it."""
    space = current_space()
    with transaction(space.id) as session:
        found = message(session, space.id, warning_id)
        related = about(session, space.id, warning_id)
        now = [w for w in _active(session) if w.message.id == warning_id]
        return render_template(
            "warning.html", message=found, related=related, parts=now, places=_places(session, now),
            illustrative=found.illustrative,
        )  # fmt: skip


def _active(session: Session) -> list[ActiveWarning]:
    return active(session, current_space().id, space_now(), real_at=datetime.now(UTC), limit=MOST)


def _page(error: Exception | None = None, told: dict[str, Any] | None = None) -> ResponseReturnValue:
    space = current_space()
    with transaction(space.id) as session:
        found = _active(session)
        page = render_template(
            "warnings.html",
            warnings=found,
            places=_places(session, found),
            messages=messages(session, space.id, limit=MOST),
            error=error,
            told=told,
            illustrative=any(w.message.illustrative for w in found),
        )
    return page, status_of(error) if error else 200


def _places(session: Session, found: list[ActiveWarning]) -> dict[UUID, list[str]]:
    """The municipalities of each hazard, by name."""
    ids = {area for one in found for area in one.municipalities}
    names = {area: area_name(session.get_one(Area, area)) for area in ids}
    return {one.part.id: sorted((names[area] for area in one.municipalities), key=in_order) for one in found}
