"""Questions that somebody saved, each with the answer that it had then.

The answer is kept as it was, with the versions that it rested on: what was shown can be explained when the layers have
long been replaced. Asking again is another answer.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Integer, func, literal, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from foundation.audit import Actor, Subject, record
from foundation.database import Base, Facts, InSpaceById, app_may
from layers.asking import Answer
from layers.errors import LayersError, NoSuchSavedAsk, NoteTooLong, SavedAskInUse, SavedAskWithoutName, TooManySaved
from layers.questions import Question
from layers.runs import runs_of

MOST_SAVED: Final = 200
"""By one organisation in one space."""

LONGEST_NAME, LONGEST_NOTE = 120, 4000
_LOCK_CLASS: Final = 5_002  # the first half of the advisory lock's number; the second is the organisation's hash


class SavedAsk(InSpaceById, Base):
    """A question as Question.data() and its answer as Answer.data(); never changed, only removed."""

    __tablename__ = "saved_ask"
    __table_args__ = (
        Index(None, "space_id", "organisation_id", "saved_at"),
        {"info": app_may("SELECT", "INSERT", "DELETE")},
    )

    name: Mapped[str]
    note: Mapped[str]
    question: Mapped[Facts]
    answer: Mapped[Facts]
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    saved_by: Mapped[str]  # as whoever saved it was called then
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"))
    saved_at: Mapped[datetime]  # the space's clock


def save(
    session: Session,
    *,
    space: UUID,
    name: str,
    note: str,
    question: Question,
    answer: Answer,
    by: Actor,
    at: datetime,
) -> SavedAsk:
    """Keep a question with its answer. Raises SavedAskWithoutName, NoteTooLong, TooManySaved."""
    name, note = " ".join(name.split()), note.strip()
    if not 1 <= len(name) <= LONGEST_NAME:
        raise SavedAskWithoutName(most=LONGEST_NAME)
    if len(note) > LONGEST_NOTE:
        raise NoteTooLong(most=LONGEST_NOTE)
    # Two that are saved at once must not both be the last one.
    key = func.hashtext(f"{space} {by.organisation_id}")
    session.execute(select(func.pg_advisory_xact_lock(literal(_LOCK_CLASS, Integer), key)))
    if count(session, space=space, organisation_id=by.organisation_id) >= MOST_SAVED:
        raise TooManySaved(most=MOST_SAVED)
    kept = SavedAsk(
        space_id=space,
        name=name,
        note=note,
        question=question.data(),
        answer=answer.data(),
        person_id=by.person_id,
        saved_by=by.label,
        organisation_id=by.organisation_id,
        saved_at=at,
    )
    session.add(kept)
    session.flush()
    _audit(session, kept, "ask.saved", by=by, at=at)
    return kept


def count(session: Session, *, space: UUID, organisation_id: UUID | None) -> int:
    """How many questions an organisation has saved in a space; None: those that were saved without one."""
    return session.scalar(select(func.count()).where(*_of(space, organisation_id))) or 0


def saved(session: Session, *, space: UUID, organisation_id: UUID | None, limit: int = MOST_SAVED) -> list[SavedAsk]:
    """An organisation's saved questions in a space, newest first."""
    query = select(SavedAsk).where(*_of(space, organisation_id)).order_by(SavedAsk.saved_at.desc(), SavedAsk.id)
    return list(session.scalars(query.limit(max(1, min(limit, MOST_SAVED)))))


def saved_ask(session: Session, saved_id: UUID, *, space: UUID) -> SavedAsk:
    """That saved question. Raises NoSuchSavedAsk."""
    found = session.get(SavedAsk, (space, saved_id))
    if found is None:
        raise NoSuchSavedAsk
    return found


def remove(session: Session, saved_id: UUID, *, space: UUID, by: Actor, at: datetime) -> None:
    """Remove a saved question; the audit keeps that it was there. Raises NoSuchSavedAsk, SavedAskInUse."""
    found = saved_ask(session, saved_id, space=space)
    try:
        with session.begin_nested():
            session.delete(found)
    except IntegrityError as error:
        if "incident_link" in str(error.orig):
            raise SavedAskInUse(name=found.name) from error
        raise
    _audit(session, found, "ask.removed", by=by, at=at)


def still_holds(session: Session, kept: SavedAsk) -> bool:
    """Whether the countings that answered are still the ones that would answer: nothing was replaced since."""
    then = {run["run"] for run in kept.answer.get("runs", [])}
    try:
        question = Question.from_data(kept.question)
        now = runs_of(session, question.hazard, with_depths=question.reading.needs_values)
    except LayersError:
        return False
    return then <= {str(run.id) for run in now}


def _of(space: UUID, organisation_id: UUID | None) -> tuple[Any, ...]:
    return SavedAsk.space_id == space, SavedAsk.organisation_id.is_not_distinct_from(organisation_id)


def _audit(session: Session, kept: SavedAsk, action: str, *, by: Actor, at: datetime) -> None:
    facts = {"name": kept.name, "exposed": kept.answer.get("exposed"), "people": kept.answer.get("people")}
    subject = Subject("saved_ask", kept.id)
    record(session, space=kept.space_id, at=at, by=by, action=action, subject=subject, facts=facts)
