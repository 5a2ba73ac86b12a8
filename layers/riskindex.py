"""The risk index by municipality: models, their indicators, and the values of the indicators, each with every revision.

A model is one published or own index ("INFORM-BiH 2025"); models are never mixed. Nothing is changed: an edit adds the
next revision, so that an older index can still be explained. What has no value is missing, and never nought.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from foundation.audit import Actor, Subject, record
from foundation.database import Base, Facts, Id, app_may
from foundation.spaces import OPERATIONAL_SPACE_ID
from layers import inform
from layers.areas import Area
from layers.catalogue import Method
from layers.inform import CATEGORIES, Dimension, Direction, Join, Score
from layers.risk_errors import (
    NoSuchIndicator,
    NoSuchRiskModel,
    NotANumber,
    RiskChangedMeanwhile,
    RiskExists,
    UnknownCategory,
    WrongBounds,
    WrongRiskCode,
    WrongWeight,
)


class Origin(StrEnum):
    """How a value came in."""

    ENTERED = "entered"
    IMPORTED = "imported"
    DERIVED = "derived"  # from our own stored exposure


class RiskModel(Base):
    """One revision of a model: what index it is, and how what is in its categories is joined.

    joins: {category: Join}, where INFORM's own is not meant; component_weights: {component: weight}, else 1.
    """

    __tablename__ = "risk_model"
    __table_args__ = (
        UniqueConstraint("code", "revision"),
        CheckConstraint("revision >= 1", name="revision"),
        {"info": app_may("SELECT", "INSERT")},
    )

    id: Mapped[Id]
    code: Mapped[str]
    revision: Mapped[int]
    name: Mapped[str]
    source: Mapped[str]
    edition: Mapped[str]
    licence: Mapped[str]
    method: Mapped[Method]
    note: Mapped[str]
    joins: Mapped[Facts]
    component_weights: Mapped[Facts]
    entered_at: Mapped[datetime]


class RiskIndicator(Base):
    """One revision of an indicator of a model: where it stands, its unit, and how it is scaled to 0..10.

    withdrawn: no longer part of the model; its values stay.
    """

    __tablename__ = "risk_indicator"
    __table_args__ = (
        UniqueConstraint("model_code", "code", "revision"),
        CheckConstraint("revision >= 1", name="revision"),
        CheckConstraint("low > '-Infinity' AND high < 'Infinity' AND high > low", name="bounds"),
        CheckConstraint("weight > 0 AND weight < 'Infinity'", name="weight"),
        {"info": app_may("SELECT", "INSERT")},
    )

    id: Mapped[Id]
    model_code: Mapped[str]
    code: Mapped[str]
    revision: Mapped[int]
    name: Mapped[str]
    dimension: Mapped[Dimension]
    category: Mapped[str]
    component: Mapped[str]
    unit: Mapped[str]
    low: Mapped[float]
    high: Mapped[float]
    direction: Mapped[Direction]
    weight: Mapped[float]
    source: Mapped[str]
    edition: Mapped[str]
    note: Mapped[str]
    withdrawn: Mapped[bool]
    entered_at: Mapped[datetime]

    @property
    def arithmetic(self) -> inform.Indicator:
        """What the reckoning needs of it."""
        return inform.Indicator(
            self.code, self.dimension, self.category, self.component, self.low, self.high, self.direction, self.weight
        )


class RiskValue(Base):
    """One revision of an indicator's value in an area; value empty: known to be missing.

    provenance: of a derived value the runs and versions of layers that it rests on; of an imported one file and row.
    """

    __tablename__ = "risk_value"
    __table_args__ = (
        UniqueConstraint("model_code", "indicator_code", "area_id", "revision"),
        Index(None, "area_id"),
        CheckConstraint("revision >= 1", name="revision"),
        CheckConstraint("value > '-Infinity' AND value < 'Infinity'", name="value"),
        {"info": app_may("SELECT", "INSERT")},
    )

    id: Mapped[Id]
    model_code: Mapped[str]
    indicator_code: Mapped[str]
    area_id: Mapped[UUID] = mapped_column(ForeignKey("area.id"))
    revision: Mapped[int]
    value: Mapped[float | None]
    source: Mapped[str]
    edition: Mapped[str]
    method: Mapped[Method]
    origin: Mapped[Origin]
    provenance: Mapped[Facts]
    note: Mapped[str]
    entered_at: Mapped[datetime]


CODE: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
Revised = TypeVar("Revised", RiskModel, RiskIndicator, RiskValue)


# --- reading ---------------------------------------------------------------------------------------------------------


def models(session: Session) -> list[RiskModel]:
    """The newest revision of each model, by code."""
    revisions = select(RiskModel).ext(distinct_on(RiskModel.code)).order_by(RiskModel.code, RiskModel.revision.desc())
    newest = aliased(RiskModel, revisions.subquery())
    return list(session.scalars(select(newest).order_by(newest.code)))


def model(session: Session, code: str) -> RiskModel:
    """The newest revision of a model. Raises NoSuchRiskModel."""
    found = session.scalars(
        select(RiskModel).where(RiskModel.code == code).order_by(RiskModel.revision.desc()).limit(1)
    ).one_or_none()
    if found is None:
        raise NoSuchRiskModel(code=code)
    return found


def indicators(session: Session, model_code: str, *, withdrawn: bool = False) -> list[RiskIndicator]:
    """The newest revisions of a model's indicators, by dimension, category, component and code."""
    revisions = (
        select(RiskIndicator)
        .where(RiskIndicator.model_code == model_code)
        .ext(distinct_on(RiskIndicator.code))
        .order_by(RiskIndicator.code, RiskIndicator.revision.desc())
    )
    newest = aliased(RiskIndicator, revisions.subquery())
    query = select(newest) if withdrawn else select(newest).where(~newest.withdrawn)
    found = session.scalars(query)
    places, order = list(CATEGORIES), list(Dimension)

    def place(one: RiskIndicator) -> tuple[int, int, str, str, str]:
        category = places.index(one.category) if one.category in places else len(places)
        return order.index(one.dimension), category, one.category, one.component, one.code

    return sorted(found, key=place)


def indicator(session: Session, model_code: str, code: str) -> RiskIndicator:
    """The newest revision of an indicator. Raises NoSuchIndicator."""
    found = session.scalars(
        select(RiskIndicator)
        .where(RiskIndicator.model_code == model_code, RiskIndicator.code == code)
        .order_by(RiskIndicator.revision.desc())
        .limit(1)
    ).one_or_none()
    if found is None:
        raise NoSuchIndicator(model=model_code, code=code)
    return found


def values(session: Session, model_code: str, area_id: UUID | None = None) -> dict[tuple[str, UUID], RiskValue]:
    """The newest revision of each value of a model by (indicator, area); of one area, if it is named."""
    key = (RiskValue.indicator_code, RiskValue.area_id)
    query = select(RiskValue).where(RiskValue.model_code == model_code).ext(distinct_on(*key))
    if area_id is not None:
        query = query.where(RiskValue.area_id == area_id)
    found = session.scalars(query.order_by(*key, RiskValue.revision.desc()))
    return {(one.indicator_code, one.area_id): one for one in found}


def history(session: Session, model_code: str, indicator_code: str, area_id: UUID) -> list[RiskValue]:
    """Every revision of a value, newest first."""
    return list(
        session.scalars(
            select(RiskValue)
            .where(
                RiskValue.model_code == model_code,
                RiskValue.indicator_code == indicator_code,
                RiskValue.area_id == area_id,
            )
            .order_by(RiskValue.revision.desc())
        )
    )


@dataclass(frozen=True)
class Indexed:
    """The index of an area with what it is joined from, and the values behind it by indicator."""

    area: Area
    index: Score
    values: Mapping[str, RiskValue]

    @property
    def classed(self) -> str | None:
        """The class of the index; None where there is none."""
        return None if self.index.score is None else inform.class_of(self.index.score)


def indices(session: Session, of: RiskModel, areas: Sequence[Area]) -> list[Indexed]:
    """The index of each area under a model; without a score where something that it needs is missing."""
    used = indicators(session, of.code)
    known = values(session, of.code)
    arithmetic = [one.arithmetic for one in used]
    joins = {category: Join(join) for category, join in of.joins.items()}
    weights = {component: float(weight) for component, weight in of.component_weights.items()}
    found = []
    for area in areas:
        mine = {one.code: known[one.code, area.id] for one in used if (one.code, area.id) in known}
        index = inform.index(arithmetic, {code: value.value for code, value in mine.items()}, joins, weights)
        found.append(Indexed(area, index, mine))
    return found


# --- writing ---------------------------------------------------------------------------------------------------------


def enter_model(
    session: Session,
    *,
    code: str,
    name: str,
    source: str,
    edition: str,
    licence: str,
    method: Method,
    by: Actor,
    at: datetime,
    note: str = "",
    joins: Mapping[str, Join] | None = None,
    component_weights: Mapping[str, float] | None = None,
) -> RiskModel:
    """A new model. Like everything below only in a transaction of the operational space.

    Raises RiskExists, UnknownCategory, WrongWeight.
    """
    return revise_model(
        session,
        None,
        by=by,
        at=at,
        code=code,
        name=name,
        source=source,
        edition=edition,
        licence=licence,
        method=method,
        note=note,
        joins=dict(joins or {}),
        component_weights=dict(component_weights or {}),
    )


def revise_model(session: Session, seen: RiskModel | None, *, by: Actor, at: datetime, **changed: Any) -> RiskModel:
    """The next revision of the model that somebody saw; what is not given stays. Raises RiskChangedMeanwhile."""
    new = _next(RiskModel, seen, changed, at)
    _slug(new.code)
    for category in new.joins:
        if category not in CATEGORIES:
            raise UnknownCategory(category=category, known=", ".join(CATEGORIES))
    for component, weight in new.component_weights.items():
        _positive(component, weight)
    _add(session, new, seen, RiskExists(code=new.code))
    _audit(session, new, seen, "risk_model", new.code, ("name", "source", "edition", "joins"), by, at)
    return new


def enter_indicator(
    session: Session,
    of: RiskModel,
    *,
    code: str,
    name: str,
    category: str,
    component: str,
    unit: str,
    low: float,
    high: float,
    source: str,
    by: Actor,
    at: datetime,
    edition: str = "",
    direction: Direction = Direction.WORSE,
    weight: float = 1.0,
    note: str = "",
) -> RiskIndicator:
    """A new indicator of a model. Raises RiskExists, UnknownCategory, WrongBounds, WrongWeight."""
    return revise_indicator(
        session,
        None,
        by=by,
        at=at,
        model_code=of.code,
        code=code,
        name=name,
        category=category,
        component=component or code,
        unit=unit,
        low=low,
        high=high,
        direction=direction,
        weight=weight,
        source=source,
        edition=edition,
        note=note,
        withdrawn=False,
    )


def revise_indicator(
    session: Session, seen: RiskIndicator | None, *, by: Actor, at: datetime, **changed: Any
) -> RiskIndicator:
    """The next revision of the indicator that somebody saw; what is not given stays. Raises RiskChangedMeanwhile."""
    new = _next(RiskIndicator, seen, changed, at)
    _slug(new.code)
    if new.category not in CATEGORIES:
        raise UnknownCategory(category=new.category, known=", ".join(CATEGORIES))
    new.dimension = CATEGORIES[new.category][0]
    if not (math.isfinite(new.low) and math.isfinite(new.high) and new.low < new.high):
        raise WrongBounds(indicator=new.code, low=f"{new.low:g}", high=f"{new.high:g}")
    _positive(new.code, new.weight)
    _add(session, new, seen, RiskExists(code=new.code))
    kept = ("low", "high", "direction", "weight", "source", "edition", "withdrawn")
    _audit(session, new, seen, "risk_indicator", f"{new.model_code}/{new.code}", kept, by, at)
    return new


def set_value(
    session: Session,
    of: RiskIndicator,
    area_id: UUID,
    value: float | None,
    *,
    source: str,
    edition: str,
    method: Method,
    by: Actor,
    at: datetime,
    seen: int = 0,
    origin: Origin = Origin.ENTERED,
    provenance: Mapping[str, Any] | None = None,
    note: str = "",
) -> RiskValue:
    """The next revision of a value; None says that it is missing. seen: the revision that somebody saw, 0 for none.

    Raises NotANumber, RiskChangedMeanwhile.
    """
    if value is not None and not math.isfinite(value):
        raise NotANumber(indicator=of.code, value=str(value))
    before = history(session, of.model_code, of.code, area_id)[:1]
    new = RiskValue(
        model_code=of.model_code,
        indicator_code=of.code,
        area_id=area_id,
        revision=seen + 1,
        value=value,
        source=source,
        edition=edition,
        method=method,
        origin=origin,
        provenance=dict(provenance or {}),
        note=note,
        entered_at=at,
    )
    old = before[0] if before else None
    if (old.revision if old else 0) != seen:
        raise RiskChangedMeanwhile(code=of.code)
    _add(session, new, old, RiskChangedMeanwhile(code=of.code))
    subject = f"{of.model_code}/{of.code}/{area_id}"
    _audit(session, new, old, "risk_value", subject, ("value", "source", "edition", "origin"), by, at)
    return new


@dataclass(frozen=True)
class Taken:
    """A value that comes with many others, from a table or from our own exposure."""

    indicator_code: str
    area_id: UUID
    value: float | None
    method: Method
    provenance: Mapping[str, Any]


def take_values(
    session: Session,
    of: RiskModel,
    taken: Sequence[Taken],
    *,
    source: str,
    edition: str,
    origin: Origin,
    by: Actor,
    at: datetime,
    facts: Mapping[str, Any] | None = None,
) -> int:
    """Keep many values at once with one entry in the audit; gives how many of them are new or other than before.

    Raises NoSuchIndicator, NotANumber, RiskChangedMeanwhile.
    """
    known = {one.code for one in indicators(session, of.code)}
    before = values(session, of.code)
    new: list[RiskValue] = []
    for one in taken:
        if one.indicator_code not in known:
            raise NoSuchIndicator(model=of.code, code=one.indicator_code)
        if one.value is not None and not math.isfinite(one.value):
            raise NotANumber(indicator=one.indicator_code, value=str(one.value))
        old = before.get((one.indicator_code, one.area_id))
        if old is None and one.value is None:
            continue
        said = (one.value, source, edition, one.method, origin)
        if old is not None and (old.value, old.source, old.edition, old.method, old.origin) == said:
            continue
        new.append(
            RiskValue(
                model_code=of.code,
                indicator_code=one.indicator_code,
                area_id=one.area_id,
                revision=old.revision + 1 if old else 1,
                value=one.value,
                source=source,
                edition=edition,
                method=one.method,
                origin=origin,
                provenance=dict(one.provenance),
                note="",
                entered_at=at,
            )
        )
    try:
        with session.begin_nested():
            session.add_all(new)
    except IntegrityError as error:
        if "uq_risk_value" in str(error.orig):
            raise RiskChangedMeanwhile(code=of.code) from error
        raise
    record(
        session,
        space=OPERATIONAL_SPACE_ID,
        at=at,
        by=by,
        action=f"risk_value.{origin.value}",
        subject=Subject("risk_model", of.code),
        facts={"source": source, "edition": edition, "values": len(new), **(facts or {})},
    )
    return len(new)


def _next(kind: type[Revised], seen: Revised | None, changed: Mapping[str, Any], at: datetime) -> Revised:
    columns = [c.key for c in kind.__table__.columns if c.key not in ("id", "revision", "entered_at")]
    kept = {key: getattr(seen, key) for key in columns} if seen is not None else {}
    revision = seen.revision + 1 if seen is not None else 1
    return kind(**{**kept, **changed, "revision": revision, "entered_at": at})


def _add(session: Session, new: Revised, seen: Revised | None, taken: Exception) -> None:
    """Flush it; whoever saw an older revision than the newest is told so."""
    try:
        with session.begin_nested():
            session.add(new)
    except IntegrityError as error:
        if f"uq_{new.__tablename__}" in str(error.orig):
            code = getattr(new, "code", None) or getattr(new, "indicator_code", "")
            raise (taken if seen is None else RiskChangedMeanwhile(code=code)) from error
        raise


def _slug(code: str) -> None:
    if not CODE.fullmatch(code):
        raise WrongRiskCode(code=code[:80])


def _positive(name: str, weight: object) -> None:
    if not (isinstance(weight, int | float) and math.isfinite(weight) and weight > 0):
        raise WrongWeight(name=name, weight=str(weight))


def _audit(
    session: Session,
    new: Revised,
    old: Revised | None,
    kind: str,
    subject: str,
    kept: Sequence[str],
    by: Actor,
    at: datetime,
) -> None:
    was = None if old is None else {key: _plain(getattr(old, key)) for key in kept}
    record(
        session,
        space=OPERATIONAL_SPACE_ID,
        at=at,
        by=by,
        action=f"{kind}.{'entered' if old is None else 'revised'}",
        subject=Subject(kind, subject),
        facts={"revision": new.revision, "was": was, "is": {key: _plain(getattr(new, key)) for key in kept}},
    )


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, StrEnum) else value
