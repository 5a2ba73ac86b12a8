"""What is warned of at a moment, in a space, as the Common Alerting Protocol says.

An update or a cancellation of the same sender, sent later, puts what it refers to out of force, in whatever order they
arrive; a test, a draft or a system message is kept and never shown as a warning, and an exercise's only in an exercise.
Real warnings that reach an exercise are marked. Signatures are not verified.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from foundation.spaces import Space
from layers.areas import municipalities_of
from layers.cap import MessageType, Status
from layers.warning_errors import NoSuchWarning
from layers.warning_parts import SEVERITY_RANK
from layers.warning_places import Placed
from layers.warning_tables import WarningArea, WarningMessage, WarningMunicipality, WarningPart, WarningReference

MOST_AT_ONCE: Final = 500
IN_FORCE: Final = (MessageType.ALERT, MessageType.UPDATE)
ENDING: Final = (MessageType.UPDATE, MessageType.CANCEL)


class Phase(StrEnum):
    COMING = "coming"
    NOW = "now"


@dataclass(frozen=True)
class ActiveWarning:
    """A hazard that is warned of. municipalities: {id: share of its land, None for a point}.

    place_known: False where the message names a place that nobody could find: it may be anywhere, and is shown to all.
    coarse: placed by a region far larger than what is meant. real_world: no part of the exercise that it is seen in.
    """

    message: WarningMessage
    part: WarningPart
    areas: list[WarningArea]
    municipalities: dict[UUID, float | None]
    phase: Phase
    place_known: bool
    coarse: bool
    real_world: bool


# --- what is in force ------------------------------------------------------------------------------------------------


def active(
    session: Session,
    space: UUID,
    at: datetime,
    area_id: UUID | None = None,
    *,
    real_at: datetime | None = None,
    limit: int = MOST_AT_ONCE,
) -> list[ActiveWarning]:
    """What is warned of at that moment or later, the most severe first, then what begins first.

    area_id: only what touches a municipality of it, and what is somewhere that nobody could find. real_at: in an
    exercise, the moment in reality, by which real warnings run out; without it they do by the exercise's clock.
    """
    exercise = not session.get_one(Space, space).is_operational
    ends = WarningPart.ends_at > at
    if exercise and real_at is not None:
        real = WarningMessage.status == Status.ACTUAL
        ends = or_(real & (WarningPart.ends_at > real_at), ~real & ends)
    query = (
        select(WarningMessage, WarningPart)
        .join(WarningPart, (WarningPart.space_id == space) & (WarningPart.warning_id == WarningMessage.id))
        .where(
            WarningMessage.space_id == space,
            WarningMessage.status.in_(shown_statuses(session, space)),
            WarningMessage.msg_type.in_(IN_FORCE),
            ends,
            ~superseded(WarningMessage),
        )
    )
    if area_id is not None:
        query = query.where(_touches(space, municipalities_of(session, area_id)) | _somewhere(space))
    rows = session.execute(query.limit(10 * MOST_AT_ONCE)).all()
    found = [(message, part) for message, part in rows]
    found.sort(key=lambda row: (SEVERITY_RANK[row[1].severity], row[1].begins_at, row[0].number, row[1].number))
    return _with_places(session, space, found[: min(limit, MOST_AT_ONCE)], at, exercise, real_at)


@dataclass(frozen=True)
class WarnedOf:
    """A hazard that was warned of within some hours. ended_at: when an update or a cancellation took its place."""

    warning: ActiveWarning
    ended_at: datetime | None


def during(
    session: Session, space: UUID, since: datetime, until: datetime, area_id: UUID, *, limit: int = MOST_AT_ONCE
) -> list[WarnedOf]:
    """What was warned of at some time in [since, until], as far as it touches an area or has no known place.

    In force, or coming, at the end is what has no ended_at and whose end is later.
    """
    exercise = not session.get_one(Space, space).is_operational
    ended_at = superseded_at(WarningMessage)
    rows = session.execute(
        select(WarningMessage, WarningPart, ended_at)
        .join(WarningPart, (WarningPart.space_id == space) & (WarningPart.warning_id == WarningMessage.id))
        .where(
            WarningMessage.space_id == space,
            WarningMessage.status.in_(shown_statuses(session, space)),
            WarningMessage.msg_type.in_(IN_FORCE),
            WarningMessage.sent <= until,
            WarningPart.ends_at > since,
            or_(ended_at.is_(None), ended_at >= since),
            _touches(space, municipalities_of(session, area_id)) | _somewhere(space),
        )
        .order_by(WarningMessage.sent, WarningMessage.number, WarningPart.number)
        .limit(min(limit, MOST_AT_ONCE))
    ).all()
    ends = {part.id: ended if ended is not None and ended <= until else None for _, part, ended in rows}
    found = _with_places(session, space, [(message, part) for message, part, _ in rows], until, exercise, None)
    return [WarnedOf(warning, ends[warning.part.id]) for warning in found]


def shown_statuses(session: Session, space: UUID) -> tuple[Status, ...]:
    """Which messages are warnings here: no test, draft or system message anywhere."""
    if session.get_one(Space, space).is_operational:
        return (Status.ACTUAL,)
    return (Status.ACTUAL, Status.EXERCISE)


def superseded(message: type[WarningMessage]) -> ColumnElement[bool]:
    """A later update or cancellation by the same sender, of the same status, refers to it.

    A message of somebody else ends nothing, and being later keeps two that refer to each other from ending both.
    """
    return superseded_at(message).is_not(None)


def superseded_at(message: type[WarningMessage]) -> ColumnElement[datetime]:
    """When the first of those was sent; NULL where there is none."""
    later = aliased(WarningMessage)
    return (
        select(func.min(later.sent))
        .select_from(WarningReference)
        .join(later, (later.space_id == WarningReference.space_id) & (later.id == WarningReference.warning_id))
        .where(
            WarningReference.space_id == message.space_id,
            WarningReference.sender == message.sender,
            WarningReference.identifier == message.identifier,
            WarningReference.sent == message.sent,
            later.sender == message.sender,
            later.status == message.status,
            later.sent > message.sent,
            later.msg_type.in_(ENDING),
        )
        .correlate(message)
        .scalar_subquery()
    )


def _touches(space: UUID, municipalities: Collection[UUID]) -> ColumnElement[bool]:
    return exists(
        select(WarningMunicipality.area_id).where(
            WarningMunicipality.space_id == space,
            WarningMunicipality.part_id == WarningPart.id,
            WarningMunicipality.area_id.in_(municipalities),
        )
    )


def _somewhere(space: UUID) -> ColumnElement[bool]:
    return exists(
        select(WarningArea.id).where(
            WarningArea.space_id == space,
            WarningArea.part_id == WarningPart.id,
            WarningArea.placed == Placed.UNKNOWN,
        )
    )


def _with_places(
    session: Session,
    space: UUID,
    rows: Sequence[tuple[WarningMessage, WarningPart]],
    at: datetime,
    exercise: bool,
    real_at: datetime | None,
) -> list[ActiveWarning]:
    ids = [part.id for _, part in rows]
    areas: dict[UUID, list[WarningArea]] = defaultdict(list)
    for area in session.scalars(
        select(WarningArea)
        .where(WarningArea.space_id == space, WarningArea.part_id.in_(ids))
        .order_by(WarningArea.part_id, WarningArea.number)
    ):
        areas[area.part_id].append(area)
    touched: dict[UUID, list[WarningMunicipality]] = defaultdict(list)
    for one in session.scalars(
        select(WarningMunicipality).where(WarningMunicipality.space_id == space, WarningMunicipality.part_id.in_(ids))
    ):
        touched[one.part_id].append(one)
    found = []
    for message, part in rows:
        real_world = exercise and message.status is Status.ACTUAL
        now = real_at if real_world and real_at is not None else at
        found.append(
            ActiveWarning(
                message,
                part,
                areas[part.id],
                {one.area_id: one.share for one in touched[part.id]},
                Phase.COMING if part.begins_at > now else Phase.NOW,
                place_known=all(area.placed is not Placed.UNKNOWN for area in areas[part.id]),
                coarse=any(area.placed is Placed.REGION for area in areas[part.id]),
                real_world=real_world,
            )
        )
    return found


# --- looking at messages ---------------------------------------------------------------------------------------------


def message(session: Session, space: UUID, warning_id: UUID) -> WarningMessage:
    """That message. Raises NoSuchWarning."""
    found = session.get(WarningMessage, (space, warning_id))
    if found is None:
        raise NoSuchWarning
    return found


def messages(
    session: Session, space: UUID, *, before: int | None = None, limit: int = MOST_AT_ONCE
) -> Sequence[WarningMessage]:
    """All that was received, of every status and kind, newest first; the next page is before= the last one's number."""
    query = (
        select(WarningMessage)
        .where(WarningMessage.space_id == space)
        .order_by(WarningMessage.number.desc())
        .limit(min(limit, MOST_AT_ONCE))
    )
    if before is not None:
        query = query.where(WarningMessage.number < before)
    return session.scalars(query).all()


def about(session: Session, space: UUID, warning_id: UUID) -> Sequence[WarningMessage]:
    """The messages that refer to one, and those that it refers to, as far as they have arrived; oldest first."""
    one = message(session, space, warning_id)
    reference = aliased(WarningReference)
    names_it = exists(
        select(reference.warning_id).where(
            reference.space_id == space,
            reference.warning_id == WarningMessage.id,
            reference.sender == one.sender,
            reference.identifier == one.identifier,
            reference.sent == one.sent,
        )
    )
    named_by_it = exists(
        select(reference.warning_id).where(
            reference.space_id == space,
            reference.warning_id == one.id,
            reference.sender == WarningMessage.sender,
            reference.identifier == WarningMessage.identifier,
            reference.sent == WarningMessage.sent,
        )
    )
    return session.scalars(
        select(WarningMessage)
        .where(WarningMessage.space_id == space, names_it | named_by_it)
        .order_by(WarningMessage.sent)
        .limit(MOST_AT_ONCE)
    ).all()
