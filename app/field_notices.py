"""Who is told when a gauge passes or leaves a threshold, and when a warning comes."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.notifying import Announcement, announces
from foundation.errors import N_
from foundation.outbox import OutboxMessage
from foundation.roles import Role
from foundation.spaces import Space
from layers.areas import Area, Level
from layers.cap import MessageType, Severity, Status
from layers.concerned import concerned
from layers.gauge_alarms import LEFT, PASSED
from layers.gauges import LEVEL_NAMES, DefenceLevel
from layers.warning_places import Placed
from layers.warning_store import RECEIVED
from layers.warning_tables import WarningArea, WarningMessage, WarningMunicipality, WarningPart

ON_DUTY: Final = (Role.DUTY_OFFICER, Role.MUNICIPAL_OFFICER, Role.PLAYER, Role.CONTROLLER)
TOLD: Final = (Severity.EXTREME, Severity.SEVERE)
"""Milder warnings are on the map and the first page; with a notice for every yellow one people would stop reading."""


@announces(PASSED)
def passed(session: Session, message: OutboxMessage) -> list[Announcement]:
    """A threshold was reached: whoever is on duty for the gauge's municipality, or above it."""
    facts = message.payload
    remark = ""
    if facts["illustrative"]:
        remark = N_("Made for the demonstration.")
    elif facts["doubtful"]:
        remark = N_("The reading does not look right: read the gauge again.")
    elif not facts["still"]:
        remark = N_("Meanwhile the water has fallen below it.")
    text = N_("{station}: {level_cm} cm; {value_cm} cm were reached ({state}). An incident is proposed. {kind}")
    return _about_gauge(session, message, text, remark, urgent=facts["level"] != DefenceLevel.REGULAR.value)


@announces(LEFT)
def left(session: Session, message: OutboxMessage) -> list[Announcement]:
    """A threshold was left, or had never been reached."""
    remark = N_("Made for the demonstration.") if message.payload["illustrative"] else ""
    text = N_("{station}: the water stands below {value_cm} cm again ({state}). {kind}")
    if message.payload["corrected"]:
        text = N_("{station}: a reading was corrected; {value_cm} cm were not reached ({state}). {kind}")
    return _about_gauge(session, message, text, remark, urgent=False)


@announces(RECEIVED)
def received(session: Session, message: OutboxMessage) -> list[Announcement]:
    """A severe warning came or was cancelled: whoever is on duty where it holds, or everybody where nobody knows."""
    warning = session.get_one(WarningMessage, (message.space_id, UUID(message.payload["warning_id"])))
    found = []
    for part in session.scalars(
        select(WarningPart)
        .where(WarningPart.space_id == message.space_id, WarningPart.warning_id == warning.id)
        .order_by(WarningPart.number)
    ):
        if part.severity in TOLD:
            found.append(_about_part(session, message, warning, part))
    return found


def _about_gauge(
    session: Session, message: OutboxMessage, text: str, remark: str, *, urgent: bool
) -> list[Announcement]:
    facts = message.payload
    municipality = session.get_one(Area, UUID(facts["municipality_id"]))
    parameters: dict[str, Any] = {
        "station": facts["station"],
        "level_cm": _number(facts["level_cm"]),
        "value_cm": _number(facts["value_cm"]),
        "state": LEVEL_NAMES[DefenceLevel(facts["level"])],
        "kind": remark,
    }
    people = _on_duty(session, message, [municipality.id])
    return [Announcement(people, text, f"/map?area={municipality.code}", parameters, urgent=urgent)]


def _about_part(session: Session, message: OutboxMessage, warning: WarningMessage, part: WarningPart) -> Announcement:
    here = WarningMunicipality.space_id == message.space_id, WarningMunicipality.part_id == part.id
    touched = list(session.scalars(select(WarningMunicipality.area_id).where(*here)))
    placed = set(
        session.scalars(
            select(WarningArea.placed).where(WarningArea.space_id == message.space_id, WarningArea.part_id == part.id)
        )
    )
    if Placed.UNKNOWN in placed:
        touched = list(session.scalars(select(Area.id).where(Area.level == Level.MUNICIPALITY)))
    remark = ""
    if warning.illustrative:
        remark = N_("Made for the demonstration.")
    elif warning.status is Status.ACTUAL and not session.get_one(Space, message.space_id).is_operational:
        remark = N_("A real warning, no part of the exercise.")
    elif Placed.UNKNOWN in placed:
        remark = N_("Where it holds could not be found: it may be anywhere.")
    elif Placed.REGION in placed:
        remark = N_("It names a large region: look whether it means you.")
    text = N_("Warning: {event}. {kind}")
    if warning.msg_type is MessageType.CANCEL:
        text = N_("A warning was cancelled: {event}. {kind}")
    said: dict[str, str] = part.texts.get("bs") or next(iter(part.texts.values()), {})
    parameters = {"event": said.get("event", part.event), "kind": remark}
    urgent = warning.msg_type is not MessageType.CANCEL
    return Announcement(_on_duty(session, message, touched), text, "/map", parameters, urgent=urgent)


def _on_duty(session: Session, message: OutboxMessage, areas: Collection[UUID]) -> set[UUID]:
    """Roles begin and end in reality, also where the exercise's clock shows another day."""
    return concerned(session, areas, ON_DUTY, space=message.space_id, at=datetime.now(UTC))


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)
