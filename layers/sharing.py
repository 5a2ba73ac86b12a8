"""What an organisation lets others see of its stock: nothing, what it has free, or everything; and whom.

Nobody sees anything that its owner has not consented to. Where several of an owner's rules fit whoever looks, the most
specific one counts: a named organisation, then whoever is competent above, then the own canton, the own entity,
everybody. An organisation without an area of its own has neither canton nor entity nor anybody above it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, ForeignKey, Index, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from foundation.audit import Actor, Subject, record
from foundation.database import Base, app_may
from foundation.spaces import OPERATIONAL_SPACE_ID
from layers.areas import Area, Level
from layers.jurisdictions import area_of


class Visibility(StrEnum):
    NOTHING = "nothing"
    FREE = "free"  # how much of each capability is free, not which items or where
    FULL = "full"


class Audience(StrEnum):
    EVERYBODY = "everybody"
    OWN_ENTITY = "own_entity"
    OWN_CANTON = "own_canton"
    UPWARD = "upward"  # whoever is competent for an area that holds the owner's
    ONE = "one"  # a named organisation


MOST_SPECIFIC_FIRST: Final = (
    Audience.ONE,
    Audience.UPWARD,
    Audience.OWN_CANTON,
    Audience.OWN_ENTITY,
    Audience.EVERYBODY,
)


class StockSharing(Base):
    """One rule of an owner."""

    __tablename__ = "stock_sharing"
    __table_args__ = (
        CheckConstraint("(audience = 'one') = (viewer_id IS NOT NULL)", name="one_is_named"),
        CheckConstraint("viewer_id <> owner_id", name="not_oneself"),
        Index(None, "owner_id", "audience", "viewer_id", unique=True, postgresql_nulls_not_distinct=True),
        {"info": app_may("SELECT", "INSERT", "UPDATE", "DELETE")},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"))
    audience: Mapped[Audience]
    viewer_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"))
    level: Mapped[Visibility]
    changed_at: Mapped[datetime]


class ExerciseConsent(Base):
    """That an owner's stock may be copied into exercises. Seeing it in the real world is no consent to that."""

    __tablename__ = "exercise_consent"
    __table_args__ = ({"info": app_may("SELECT", "INSERT", "DELETE")},)

    owner_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), primary_key=True)
    given_at: Mapped[datetime]


def decide(rules: Mapping[Audience, Visibility], fitting: frozenset[Audience]) -> Visibility:
    """What the most specific of the rules that fit lets see. rules: at most one for each audience."""
    return next((rules[one] for one in MOST_SPECIFIC_FIRST if one in fitting and one in rules), Visibility.NOTHING)


def visible_level(session: Session, owner: UUID, viewer: UUID) -> Visibility:
    """How much of the owner's stock the other organisation sees; one's own is seen in full."""
    if owner == viewer:
        return Visibility.FULL
    query = select(StockSharing.audience, StockSharing.level).where(
        StockSharing.owner_id == owner, or_(StockSharing.viewer_id.is_(None), StockSharing.viewer_id == viewer)
    )
    rules = {row.audience: row.level for row in session.execute(query)}
    # A rule for one organisation was taken above only where it names this one.
    return decide(rules, _fitting(session, owner, viewer) | {Audience.EVERYBODY, Audience.ONE})


def rules_of(session: Session, owner: UUID) -> list[StockSharing]:
    """An owner's rules, at most 1,000."""
    return list(session.scalars(select(StockSharing).where(StockSharing.owner_id == owner).limit(1000)))


def share(
    session: Session,
    owner: UUID,
    audience: Audience,
    level: Visibility | None,
    *,
    viewer: UUID | None = None,
    by: Actor,
    at: datetime,
) -> None:
    """Set an owner's rule for an audience; None takes it away. Only in a transaction of the operational space."""
    found = session.scalars(
        select(StockSharing).where(
            StockSharing.owner_id == owner,
            StockSharing.audience == audience,
            StockSharing.viewer_id.is_not_distinct_from(viewer),
        )
    ).one_or_none()
    was = found.level if found else None
    if was == level:
        return
    if found is not None and level is None:
        session.delete(found)
    elif found is not None and level is not None:
        found.level, found.changed_at = level, at
    elif level is not None:
        session.add(StockSharing(owner_id=owner, audience=audience, viewer_id=viewer, level=level, changed_at=at))
    session.flush()
    facts = {"audience": audience.value, "viewer": str(viewer) if viewer else None, "was": was, "is": level}
    _note(session, owner, "stock_sharing.changed", facts, by=by, at=at)


def may_be_copied(session: Session, owner: UUID) -> bool:
    """Whether the owner's stock may be copied into exercises."""
    return session.get(ExerciseConsent, owner) is not None


def consent_to_exercises(session: Session, owner: UUID, consent: bool, *, by: Actor, at: datetime) -> None:
    """Let the stock be copied into exercises from now on, or not any more."""
    found = session.get(ExerciseConsent, owner)
    if (found is not None) == consent:
        return
    if found is None:
        session.add(ExerciseConsent(owner_id=owner, given_at=at))
    else:
        session.delete(found)
    session.flush()
    _note(session, owner, "exercise_consent.given" if consent else "exercise_consent.withdrawn", {}, by=by, at=at)


def _fitting(session: Session, owner: UUID, viewer: UUID) -> frozenset[Audience]:
    """The audiences of the owner that the other organisation belongs to by its area."""
    theirs, ours = _upward(session, area_of(session, viewer)), _upward(session, area_of(session, owner))
    if not theirs or not ours:
        return frozenset()
    fitting = set()
    if theirs[0].id in {area.id for area in ours[1:]}:
        fitting.add(Audience.UPWARD)
    shared = {area.level for area in ours if area.id in {one.id for one in theirs}}
    if Level.CANTON in shared:
        fitting.add(Audience.OWN_CANTON)
    if Level.ENTITY in shared:
        fitting.add(Audience.OWN_ENTITY)
    return frozenset(fitting)


def _upward(session: Session, area: Area | None) -> list[Area]:
    """The area and those that hold it, from below."""
    found = []
    while area is not None and area not in found:
        found.append(area)
        area = session.get(Area, area.parent_id) if area.parent_id else None
    return found


def _note(
    session: Session, owner: UUID, action: str, facts: Mapping[str, str | None], *, by: Actor, at: datetime
) -> None:
    record(
        session,
        space=OPERATIONAL_SPACE_ID,
        at=at,
        by=by,
        action=action,
        subject=Subject("organisation", owner),
        facts=facts,
    )
