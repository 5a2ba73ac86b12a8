"""Reference figures: standards, needs and displacement rates, each with its unit, phase, source and edition.

A figure is never changed: an edit adds its next revision, and what was computed with an older one can still be
explained. No figure is a default: whoever computes names the one they use.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import CheckConstraint, func, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column
from sqlalchemy.schema import UniqueConstraint

from foundation.audit import Actor, Subject, record
from foundation.database import Base, Id, app_may
from foundation.errors import FigureChangedMeanwhile, FigureExists, FoundationError, NoSuchFigure
from foundation.spaces import OPERATIONAL_SPACE_ID


class FigureKind(StrEnum):
    STANDARD = "standard"
    NEED = "need"
    DISPLACEMENT_RATE = "displacement_rate"


class Rule(StrEnum):
    """How a measured value is held against the figure."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    BETWEEN = "between"  # value to upper
    EXACTLY = "exactly"


class Phase(StrEnum):
    ANY = "any"
    SURVIVAL = "survival"
    EMERGENCY = "emergency"
    POST_EMERGENCY = "post_emergency"


class FigureStatus(StrEnum):
    """How far the figure may be trusted: only an official one may be shown as such."""

    OFFICIAL = "official"
    SECONDARY = "secondary"  # read in another work than the source itself
    MEMORY = "memory"  # written down from memory, not checked


class Figure(Base):
    """One revision of one figure. `code` names the figure through all its revisions."""

    __tablename__ = "reference_figure"
    __table_args__ = (
        UniqueConstraint("code", "revision"),
        CheckConstraint("value >= 0 AND value < 'Infinity'", name="value"),
        CheckConstraint("(rule = 'between') = (upper IS NOT NULL)", name="upper_if_between"),
        CheckConstraint("upper > value AND upper < 'Infinity'", name="upper"),
        CheckConstraint("kind <> 'displacement_rate' OR value <= 1", name="rate_is_a_share"),
        CheckConstraint(
            "kind = 'displacement_rate' OR (from_depth_m IS NULL AND to_depth_m IS NULL)", name="only_rates_have_depths"
        ),
        CheckConstraint("to_depth_m > from_depth_m", name="depths"),
        CheckConstraint("revision >= 1", name="revision"),
        {"info": app_may("SELECT", "INSERT")},
    )

    id: Mapped[Id]
    code: Mapped[str]
    revision: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    kind: Mapped[FigureKind]
    profile: Mapped[str]  # the work that a set of figures comes from
    name: Mapped[str]
    value: Mapped[Decimal]
    upper: Mapped[Decimal | None]
    unit: Mapped[str]
    rule: Mapped[Rule] = mapped_column(default=Rule.EXACTLY)
    phase: Mapped[Phase] = mapped_column(default=Phase.ANY)
    from_depth_m: Mapped[Decimal | None]  # a rate may hold for depths in [from, to) only
    to_depth_m: Mapped[Decimal | None]
    source: Mapped[str]
    edition: Mapped[str | None]
    status: Mapped[FigureStatus]
    note: Mapped[str | None]
    entered_at: Mapped[datetime] = mapped_column(server_default=func.now())

    @property
    def citation(self) -> str:
        """Source and edition, as they stand beside the value wherever it is shown."""
        return f"{self.source}, {self.edition}" if self.edition else self.source


def figure(session: Session, code: str) -> Figure:
    """The newest revision of a figure. Raises NoSuchFigure."""
    found = session.scalars(
        select(Figure).where(Figure.code == code).order_by(Figure.revision.desc()).limit(1)
    ).one_or_none()
    if found is None:
        raise NoSuchFigure(code=code)
    return found


def figures(
    session: Session,
    *,
    kind: FigureKind | None = None,
    profile: str | None = None,
    phase: Phase | None = None,
) -> list[Figure]:
    """The newest revisions, by code. A phase also brings the figures that hold in any phase."""
    revisions = select(Figure).ext(distinct_on(Figure.code)).order_by(Figure.code, Figure.revision.desc())
    newest = aliased(Figure, revisions.subquery())
    query = select(newest).order_by(newest.code)
    if kind is not None:
        query = query.where(newest.kind == kind)
    if profile is not None:
        query = query.where(newest.profile == profile)
    if phase is not None:
        query = query.where(newest.phase.in_([phase, Phase.ANY]))
    return list(session.scalars(query))


def history(session: Session, code: str) -> list[Figure]:
    """Every revision of a figure, newest first."""
    return list(session.scalars(select(Figure).where(Figure.code == code).order_by(Figure.revision.desc())))


def enter(session: Session, new: Figure, *, by: Actor, at: datetime) -> Figure:
    """Keep a figure of one's own, such as the displacement rate that a municipality measured.

    Like `revise`, only in a transaction of the operational space. Raises FigureExists.
    """
    new.revision, new.entered_at = 1, at
    _add(session, new, FigureExists(code=new.code))
    _record(session, new, None, by=by, at=at)
    return new


def revise(
    session: Session,
    seen: Figure,
    *,
    by: Actor,
    at: datetime,
    value: Decimal | None = None,
    upper: Decimal | None = None,
    source: str | None = None,
    edition: str | None = None,
    status: FigureStatus | None = None,
    note: str | None = None,
) -> Figure:
    """Enter the next revision of the figure that the administrator saw; what is not given stays as it was.

    The audit entry belongs to the operational space, so this works in a transaction of that space only: nobody
    changes a standard from within an exercise. Raises FigureChangedMeanwhile if a newer revision exists.
    """
    following = Figure(
        code=seen.code,
        revision=seen.revision + 1,
        kind=seen.kind,
        profile=seen.profile,
        name=seen.name,
        value=seen.value if value is None else value,
        upper=seen.upper if upper is None else upper,
        unit=seen.unit,
        rule=seen.rule,
        phase=seen.phase,
        from_depth_m=seen.from_depth_m,
        to_depth_m=seen.to_depth_m,
        source=seen.source if source is None else source,
        edition=seen.edition if edition is None else edition,
        status=seen.status if status is None else status,
        note=seen.note if note is None else note,
        entered_at=at,
    )
    _add(session, following, FigureChangedMeanwhile(code=seen.code))
    _record(session, following, seen, by=by, at=at)
    return following


def _add(session: Session, new: Figure, taken: FoundationError) -> None:
    try:
        with session.begin_nested():
            session.add(new)
    except IntegrityError as error:
        if "uq_reference_figure" in str(error.orig):
            raise taken from error
        raise


def _record(session: Session, new: Figure, old: Figure | None, *, by: Actor, at: datetime) -> None:
    record(
        session,
        space=OPERATIONAL_SPACE_ID,
        at=at,
        by=by,
        action="figure.entered" if old is None else "figure.revised",
        subject=Subject("reference_figure", new.code),
        facts={"revision": new.revision, "was": None if old is None else _facts(old), "is": _facts(new)},
    )


def _facts(figure: Figure) -> dict[str, str | None]:
    return {
        "value": str(figure.value),
        "upper": None if figure.upper is None else str(figure.upper),
        "source": figure.source,
        "edition": figure.edition,
        "status": figure.status,
        "note": figure.note,
    }
