"""Receiving warnings: the use cases of a file, a feed or an address that somebody else has asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from geoalchemy2.shape import to_shape
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from foundation import outbox
from foundation.audit import Actor, Subject, record
from layers.cap import Alert, CapArea, MessageType, Reference, Severity
from layers.findings import Finding
from layers.warning_parts import SEVERITY_RANK, Part, parts_of
from layers.warning_places import Placed, Placing
from layers.warning_tables import WarningArea, WarningMessage, WarningMunicipality, WarningPart, WarningReference
from layers.warnings import IN_FORCE, shown_statuses, superseded

RECEIVED: Final = "warning.received"


@dataclass(frozen=True)
class Stored:
    """What became of messages. duplicates: those that were here already."""

    new: list[WarningMessage] = field(default_factory=list)
    duplicates: int = 0


def store(
    session: Session,
    space: UUID,
    alerts: Sequence[Alert],
    *,
    source: str,
    by: Actor,
    at: datetime,
    illustrative: bool = False,
) -> Stored:
    """Keep messages that were read (layers.feeds.read); each once, however often it comes.

    source: the file's name or the address. Whoever follows the outbox is told of each that is in force and new.
    """
    placing = Placing(session, [area for alert in alerts for info in alert.infos for area in info.areas])
    new: list[WarningMessage] = []
    for alert in alerts:
        parts, odd = parts_of(alert)
        message = _keep(
            session, space, alert, [*alert.findings, *odd], source=source, by=by, at=at, illustrative=illustrative
        )
        if message is None:
            continue
        new.append(message)
        for number, reference in enumerate(alert.references, 1):
            session.add(_reference(space, message.id, number, reference))
        for number, part in enumerate(parts, 1):
            _add_part(session, space, message.id, number, part, placing)
        session.flush()
        facts = {
            "identifier": alert.identifier,
            "sender": alert.sender,
            "status": alert.status.value,
            "msg_type": alert.msg_type.value,
            "source": source,
        }
        subject = Subject("warning", message.id)
        record(session, space=space, at=at, by=by, action="warning.stored", subject=subject, facts=facts)
    for message in new:
        _announce(session, space, message, at)
    return Stored(new, len(alerts) - len(new))


def _keep(
    session: Session,
    space: UUID,
    alert: Alert,
    findings: list[Finding],
    *,
    source: str,
    by: Actor,
    at: datetime,
    illustrative: bool,
) -> WarningMessage | None:
    """The message as a new row; None where it is here already."""
    row = {
        "space_id": space,
        "identifier": alert.identifier,
        "sender": alert.sender,
        "sent": alert.sent,
        "status": alert.status,
        "msg_type": alert.msg_type,
        "scope": alert.scope,
        "restriction": alert.restriction,
        "note": alert.note,
        "incidents": alert.incidents,
        "signed": alert.signed,
        "illustrative": illustrative,
        "original": alert.original,
        "findings": findings,
        "source": source,
        "received_at": at,
        "received_by": by.label,
    }
    return session.scalars(
        insert(WarningMessage).values(row).on_conflict_do_nothing().returning(WarningMessage)
    ).one_or_none()


def _reference(space: UUID, warning_id: UUID, number: int, reference: Reference) -> WarningReference:
    return WarningReference(
        space_id=space,
        warning_id=warning_id,
        number=number,
        sender=reference.sender,
        identifier=reference.identifier,
        sent=reference.sent,
    )


def _add_part(session: Session, space: UUID, warning_id: UUID, number: int, part: Part, placing: Placing) -> None:
    row = WarningPart(
        space_id=space,
        warning_id=warning_id,
        number=number,
        event=part.event,
        categories=list(part.categories),
        urgency=part.urgency,
        severity=part.severity,
        certainty=part.certainty,
        responses=list(part.responses),
        begins_at=part.begins,
        ends_at=part.ends,
        onset_given=part.onset_given,
        end_given=part.end_given,
        awareness_level=part.awareness_level,
        awareness_type=part.awareness_type,
        event_codes=[list(pair) for pair in part.event_codes],
        parameters=[list(pair) for pair in part.parameters],
        texts=part.texts,
    )
    session.add(row)
    session.flush()
    for i, (area, where) in enumerate(placing.areas(part.areas), 1):
        session.add(
            WarningArea(
                space_id=space,
                part_id=row.id,
                number=i,
                description=area.description,
                codes=[list(code) for code in area.codes],
                placed=where.placed,
                place=where.element,
            )
        )
    _touch(session, space, row.id, placing.municipalities(part.areas))


def _touch(session: Session, space: UUID, part_id: UUID, touched: dict[UUID, tuple[float | None, bool]]) -> None:
    session.add_all(
        WarningMunicipality(space_id=space, part_id=part_id, area_id=area, share=share, coarse=coarse)
        for area, (share, coarse) in touched.items()
    )


def _announce(session: Session, space: UUID, message: WarningMessage, at: datetime) -> None:
    """Tell the outbox of what is in force; what came late and was replaced already is not."""
    if message.status not in shown_statuses(session, space) or message.msg_type not in (*IN_FORCE, MessageType.CANCEL):
        return
    parts = session.scalars(
        select(WarningPart).where(
            WarningPart.space_id == space, WarningPart.warning_id == message.id, WarningPart.ends_at > at
        )
    ).all()
    replaced = session.scalar(
        select(superseded(WarningMessage)).where(WarningMessage.space_id == space, WarningMessage.id == message.id)
    )
    if replaced or not (parts or message.msg_type is MessageType.CANCEL):
        return
    payload = {
        "warning_id": str(message.id),
        "msg_type": message.msg_type.value,
        "illustrative": message.illustrative,
        "events": [part.event for part in parts],
        "severity": min((p.severity for p in parts), key=SEVERITY_RANK.__getitem__, default=Severity.UNKNOWN).value,
    }
    outbox.append(session, space=space, topic=RECEIVED, payload=payload, at=at)


def relocate(session: Session, space: UUID, *, by: Actor, at: datetime) -> int:
    """Place what is still in force or coming anew, when boundaries or regions were replaced; gives how many hazards."""
    parts = session.scalars(select(WarningPart.id).where(WarningPart.space_id == space, WarningPart.ends_at > at)).all()
    rows = session.scalars(
        select(WarningArea)
        .where(WarningArea.space_id == space, WarningArea.part_id.in_(parts))
        .order_by(WarningArea.part_id, WarningArea.number)
    ).all()
    named = {row.id: _as_named(row) for row in rows}
    placing = Placing(session, list(named.values()))
    for row in rows:
        where = placing.where(named[row.id])
        row.placed, row.place = where.placed, where.element
    session.execute(
        delete(WarningMunicipality).where(WarningMunicipality.space_id == space, WarningMunicipality.part_id.in_(parts))
    )
    for part_id in parts:
        areas = [named[row.id] for row in rows if row.part_id == part_id]
        _touch(session, space, part_id, placing.municipalities(areas))
    session.flush()
    if parts:
        subject = Subject("warnings", space)
        facts = {"hazards": len(parts)}
        record(session, space=space, at=at, by=by, action="warnings.relocated", subject=subject, facts=facts)
    return len(parts)


def _as_named(row: WarningArea) -> CapArea:
    shape = to_shape(row.place) if row.placed is Placed.SHAPE and row.place is not None else None
    return CapArea(row.description, tuple((scheme, code) for scheme, code in row.codes), shape)
