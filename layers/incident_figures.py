"""Figures of an incident as they are reported: a kind, a number, the hour it is of, who says so. Added, never changed.

Two sources may count the same people: what different sources say stands side by side and is never added up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from foundation.audit import Actor, Subject, record
from foundation.database import Base, InSpaceById, app_may, same_space
from foundation.errors import N_, Word
from foundation.folding import folded
from layers.areas import Area
from layers.errors import NoSuchArea
from layers.incident_errors import WrongNumberOfPeople
from layers.incidents import incident, not_in_future, short_text

MOST_AT_ONCE: Final = 2000
MOST: Final = 5_000_000


class FigureKind(StrEnum):
    EVACUATED = "evacuated"
    INJURED = "injured"
    MISSING = "missing"
    DEAD = "dead"
    INTERVENTIONS = "interventions"


class IncidentFigure(InSpaceById, Base):
    """One report. value: since the incident began, as the source counts; empty: the source takes its figure back.

    area_id: of a part of the incident; empty: of the whole. source_key: the same source, however it is spelled.
    """

    __tablename__ = "incident_figure"
    __table_args__ = (
        same_space("incident_id", "incident"),
        Index(None, "space_id", "incident_id", "kind", "source_key", "as_of"),
        Index(None, "space_id", "sequence", unique=True),
        CheckConstraint("value >= 0", name="value"),
        {"info": app_may("SELECT", "INSERT")},
    )

    sequence: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    incident_id: Mapped[UUID]
    kind: Mapped[FigureKind]
    value: Mapped[int | None]
    as_of: Mapped[datetime]
    source: Mapped[str]
    source_key: Mapped[str]
    area_id: Mapped[UUID | None] = mapped_column(ForeignKey("area.id"))
    note: Mapped[str]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str]
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))


@dataclass(frozen=True)
class Reported:
    """What is reported of one kind for the whole incident: the last figure of each source, the newest first.

    lowest, highest: over the sources. There is no sum.
    """

    kind: FigureKind
    by_source: list[IncidentFigure]

    @property
    def lowest(self) -> int | None:
        return min((f.value for f in self.by_source if f.value is not None), default=None)

    @property
    def highest(self) -> int | None:
        return max((f.value for f in self.by_source if f.value is not None), default=None)

    @property
    def sources_differ(self) -> bool:
        return self.lowest != self.highest


def report(
    session: Session,
    space: UUID,
    incident_id: UUID,
    kind: FigureKind,
    value: int | None,
    *,
    as_of: datetime,
    source: str,
    by: Actor,
    at: datetime,
    area_id: UUID | None = None,
    note: str = "",
) -> IncidentFigure:
    """Keep what a source says. as_of: the hour that the figure is of; None as value takes the source's figure back.

    Also of an incident that was lifted: the dead are counted afterwards, too. Raises NoIncident, NoSuchArea,
    WrongNumberOfPeople, FromTheFuture, Empty.
    """
    incident(session, space, incident_id)
    if value is not None and not 0 <= value <= MOST:
        raise WrongNumberOfPeople(field=Word(N_("number")), value=value)
    if area_id is not None and session.get(Area, area_id) is None:
        raise NoSuchArea(id=area_id)
    not_in_future(as_of, at)
    written = short_text(source, N_("source"), 200)
    new = IncidentFigure(
        space_id=space,
        incident_id=incident_id,
        kind=kind,
        value=value,
        as_of=as_of,
        source=written,
        source_key=folded(written) or written,
        area_id=area_id,
        note=note.strip(),
        recorded_at=at,
        recorded_by=by.label,
        person_id=by.person_id,
    )
    session.add(new)
    session.flush()
    facts = {"kind": kind.value, "value": value, "as_of": as_of.isoformat(), "source": written}
    subject = Subject("incident", incident_id)
    record(session, space=space, at=at, by=by, action="figure.reported", subject=subject, facts=facts)
    return new


def latest(
    session: Session, space: UUID, incident_id: UUID, *, until: datetime | None = None
) -> dict[FigureKind, Reported]:
    """Of each kind the last figure of each source for the whole incident (as of that moment at the latest)."""
    newest = (
        select(IncidentFigure)
        .where(
            IncidentFigure.space_id == space,
            IncidentFigure.incident_id == incident_id,
            IncidentFigure.area_id.is_(None),
        )
        .ext(distinct_on(IncidentFigure.kind, IncidentFigure.source_key))
        .order_by(
            IncidentFigure.kind,
            IncidentFigure.source_key,
            IncidentFigure.as_of.desc(),
            IncidentFigure.sequence.desc(),
        )
    )
    if until is not None:
        newest = newest.where(IncidentFigure.as_of <= until)
    last = aliased(IncidentFigure, newest.subquery())
    rows = session.scalars(
        select(last).where(last.value.is_not(None)).order_by(last.as_of.desc(), last.source).limit(MOST_AT_ONCE)
    ).all()
    return {kind: Reported(kind, [row for row in rows if row.kind is kind]) for kind in FigureKind}


def series(
    session: Session,
    space: UUID,
    incident_id: UUID,
    *,
    kind: FigureKind | None = None,
    before: int | None = None,
    limit: int = 200,
) -> Sequence[IncidentFigure]:
    """Everything that was reported, the newest entry first; the next page is before= a sequence."""
    query = (
        select(IncidentFigure)
        .where(IncidentFigure.space_id == space, IncidentFigure.incident_id == incident_id)
        .order_by(IncidentFigure.sequence.desc())
        .limit(min(limit, MOST_AT_ONCE))
    )
    if kind is not None:
        query = query.where(IncidentFigure.kind == kind)
    if before is not None:
        query = query.where(IncidentFigure.sequence < before)
    return session.scalars(query).all()
