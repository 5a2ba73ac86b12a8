"""Gauges: where the level of a river is read, and from which level on which step of the local plan is due.

Stations and thresholds are reference data, outside the spaces: an exercise uses the same ones, and nobody changes them
from within one. Each has a source. A threshold is never changed: an edit adds its next revision.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

from geoalchemy2 import Geometry, WKBElement
from geoalchemy2.shape import from_shape, to_shape
from shapely import Point
from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from foundation.audit import Actor, Subject, record
from foundation.database import Base, Id, app_may
from foundation.errors import N_, Word
from foundation.folding import alphabetical
from foundation.spaces import OPERATIONAL_SPACE_ID
from gis.rise import HIGHEST_RISE_M
from layers import country
from layers.areas import Area, Level, municipalities_of
from layers.catalogue import FLOODS, LayerVersion, Method
from layers.field_errors import (
    ChangedMeanwhile,
    Empty,
    NoSource,
    NoSuchStation,
    NotAMunicipality,
    OutOfBounds,
    StationExists,
    ThresholdsOutOfOrder,
    WrongPlace,
    WrongThreshold,
    WrongTie,
)

LOWEST_CM: Final = Decimal(-500)
HIGHEST_CM: Final = Decimal(2500)
"""Beyond these no gauge of the country can stand: the Drina's and the Neretva's records are below 15 m."""
NEAR_DEGREES: Final = 0.5
MOST_AT_ONCE: Final = 2000
STALE_AFTER: Final = timedelta(hours=6)
MOST_STALE_HOURS: Final = 24 * 31
MARGIN_CM: Final = Decimal(10)


class DefenceLevel(StrEnum):
    """The steps of a flood-defence plan, from the first that is reached to the last."""

    REGULAR = "regular"
    EXTRAORDINARY = "extraordinary"
    MOBILISE_COMPANIES = "mobilise_companies"
    MOBILISE_CITIZENS = "mobilise_citizens"
    DECLARE = "declare"


RANK: Final = {level: rank for rank, level in enumerate(DefenceLevel)}
LEVEL_NAMES: Final = {
    DefenceLevel.REGULAR: N_("regular flood defence"),
    DefenceLevel.EXTRAORDINARY: N_("extraordinary flood defence"),
    DefenceLevel.MOBILISE_COMPANIES: N_("mobilisation of companies"),
    DefenceLevel.MOBILISE_CITIZENS: N_("mobilisation of citizens"),
    DefenceLevel.DECLARE: N_("declaration of a natural disaster"),
}
FIELDS: Final = {
    "code": N_("code"),
    "river": N_("river"),
    "name": N_("name"),
    "operator": N_("who reads the gauge"),
    "stale_after": N_("hours after which a reading is too old"),
    "margin_cm": N_("centimetres below a threshold until it counts as left"),
    "zero_m_asl": N_("zero of the gauge in metres above the sea"),
}


class Station(Base):
    """A gauge. place: EPSG:4326; zero_m_asl: the height of its zero above the sea, where it is known.

    stale_after: a reading older than that says nothing of now. margin_cm: how far the water must fall below a threshold
    until it counts as left, so that a river that wobbles around it does not ring twice.
    """

    __tablename__ = "station"
    __table_args__ = (
        CheckConstraint("stale_after > interval '0'", name="stale_after"),
        CheckConstraint("margin_cm >= 0", name="margin"),
        CheckConstraint("revision >= 1", name="revision"),
        {"info": app_may("SELECT", "INSERT", "UPDATE")},
    )

    id: Mapped[Id]
    code: Mapped[str] = mapped_column(unique=True)
    revision: Mapped[int] = mapped_column(default=1)
    river: Mapped[str]
    name: Mapped[str]
    municipality_id: Mapped[UUID] = mapped_column(ForeignKey("area.id"), index=True)
    zero_m_asl: Mapped[Decimal | None]
    stale_after: Mapped[timedelta]
    margin_cm: Mapped[Decimal]
    operator: Mapped[str]  # who reads it: agency, institute, municipality
    source: Mapped[str]
    edition: Mapped[str | None]
    method: Mapped[Method]
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    place: Mapped[WKBElement] = mapped_column(Geometry("POINT", srid=4326, spatial_index=True))

    @property
    def title(self) -> str:
        """As people say it: Doboj (Bosna)."""
        return f"{self.name} ({self.river})"

    @property
    def lon_lat(self) -> tuple[float, float]:
        """Degrees."""
        point = to_shape(self.place)
        return point.x, point.y


class StationThreshold(Base):
    """One revision of one threshold. value_cm empty: withdrawn. steps: what the local plan asks for, to be followed.

    Tied to at most one flood layer's version or return period (then the best layer that covers the municipality), and
    to a rise of the water above it in metres.
    """

    __tablename__ = "station_threshold"
    __table_args__ = (
        UniqueConstraint("station_id", "level", "revision"),
        CheckConstraint("hazard_version_id IS NULL OR return_period_years IS NULL", name="one_tie"),
        CheckConstraint(
            "rise_m IS NULL OR hazard_version_id IS NOT NULL OR return_period_years IS NOT NULL", name="rise_above_tie"
        ),
        CheckConstraint("return_period_years > 0", name="return_period"),
        CheckConstraint("rise_m >= 0", name="rise"),
        CheckConstraint("revision >= 1", name="revision"),
        {"info": app_may("SELECT", "INSERT")},
    )

    id: Mapped[Id]
    station_id: Mapped[UUID] = mapped_column(ForeignKey("station.id"))
    level: Mapped[DefenceLevel]
    revision: Mapped[int]
    value_cm: Mapped[Decimal | None]
    steps: Mapped[str]
    hazard_version_id: Mapped[UUID | None] = mapped_column(ForeignKey("layer_version.id"))
    return_period_years: Mapped[float | None]
    rise_m: Mapped[float | None]
    source: Mapped[str]
    edition: Mapped[str | None]
    method: Mapped[Method]
    note: Mapped[str | None]
    entered_at: Mapped[datetime]
    entered_by: Mapped[str]

    @property
    def citation(self) -> str:
        """Source and edition, as they stand beside the value wherever it is shown."""
        return f"{self.source}, {self.edition}" if self.edition else self.source

    @property
    def cm(self) -> Decimal:
        """The value of one that is not withdrawn."""
        if self.value_cm is None:
            raise ValueError(f"the threshold {self.level} was withdrawn")
        return self.value_cm


@dataclass(frozen=True)
class StationFacts:
    """What is said of a gauge when it is entered or changed; lon, lat in degrees."""

    code: str
    river: str
    name: str
    lon: float
    lat: float
    municipality_id: UUID
    operator: str
    source: str
    edition: str | None = None
    method: Method = Method.OFFICIAL
    zero_m_asl: Decimal | None = None
    stale_after: timedelta = STALE_AFTER
    margin_cm: Decimal = MARGIN_CM


@dataclass(frozen=True)
class ThresholdFacts:
    """What is said of a threshold when it is entered or revised."""

    value_cm: Decimal
    source: str
    edition: str | None = None
    steps: str = ""
    hazard_version_id: UUID | None = None
    return_period_years: float | None = None
    rise_m: float | None = None
    method: Method = Method.OFFICIAL
    note: str | None = None


def level_word(level: DefenceLevel) -> Word:
    """The level as a sentence names it."""
    return Word(LEVEL_NAMES[level])


def in_range(level_cm: Decimal) -> bool:
    """Whether a gauge of the country can show it."""
    return level_cm.is_finite() and LOWEST_CM <= level_cm <= HIGHEST_CM


# --- stations --------------------------------------------------------------------------------------------------------


def station(session: Session, station_id: UUID) -> Station:
    """That gauge. Raises NoSuchStation."""
    found = session.get(Station, station_id)
    if found is None:
        raise NoSuchStation(station=station_id)
    return found


def station_by_code(session: Session, code: str) -> Station:
    """The gauge with that code. Raises NoSuchStation."""
    found = session.scalars(select(Station).where(Station.code == code.strip())).one_or_none()
    if found is None:
        raise NoSuchStation(station=code)
    return found


def stations(
    session: Session, area_id: UUID | None = None, *, closed: bool = False, limit: int = MOST_AT_ONCE
) -> Sequence[Station]:
    """The gauges of an area and all below it, by river, then name; closed: also those that are read no more."""
    query = (
        select(Station)
        .order_by(alphabetical(Station.river), alphabetical(Station.name), Station.code)
        .limit(min(limit, MOST_AT_ONCE))
    )
    if area_id is not None:
        query = query.where(Station.municipality_id.in_(municipalities_of(session, area_id)))
    if not closed:
        query = query.where(Station.closed_at.is_(None))
    return session.scalars(query).all()


def add_station(session: Session, facts: StationFacts, *, by: Actor, at: datetime) -> Station:
    """Enter a gauge. Only in a transaction of the operational space, where the audit of reference data is.

    Raises Empty, OutOfBounds, WrongPlace, NotAMunicipality, NoSource, StationExists.
    """
    new = Station(revision=1, created_at=at)
    _fill(session, new, facts)
    try:
        with session.begin_nested():
            session.add(new)
    except IntegrityError as error:
        if "uq_station_code" in str(error.orig):
            raise StationExists(code=facts.code) from error
        raise
    _audit(session, "station.entered", Subject("station", new.id), {"is": _told(facts)}, by=by, at=at)
    return new


def change_station(
    session: Session, station_id: UUID, facts: StationFacts, *, seen: int, by: Actor, at: datetime
) -> Station:
    """Change what is said of a gauge. seen: the revision that was looked at. Readings and thresholds stay with it.

    Raises what add_station does, and NoSuchStation, ChangedMeanwhile.
    """
    old = session.get(Station, station_id, with_for_update=True)
    if old is None:
        raise NoSuchStation(station=station_id)
    if old.revision != seen:
        raise ChangedMeanwhile(what=old.title)
    was = _told(facts_of(old))
    _fill(session, old, facts)
    old.revision += 1
    try:
        with session.begin_nested():
            session.flush()
    except IntegrityError as error:
        if "uq_station_code" in str(error.orig):
            raise StationExists(code=facts.code) from error
        raise
    _audit(session, "station.changed", Subject("station", old.id), {"was": was, "is": _told(facts)}, by=by, at=at)
    return old


def close_station(session: Session, station_id: UUID, *, by: Actor, at: datetime) -> Station:
    """The gauge is read no more; what was read stays. A second time changes nothing."""
    found = station(session, station_id)
    if found.closed_at is None:
        found.closed_at = at
        session.flush()
        _audit(session, "station.closed", Subject("station", found.id), {}, by=by, at=at)
    return found


def facts_of(one: Station) -> StationFacts:
    """What is said of a gauge now, as a form shows it."""
    lon, lat = one.lon_lat
    kept = {f.name: getattr(one, f.name) for f in fields(StationFacts) if f.name not in ("lon", "lat")}
    return StationFacts(lon=lon, lat=lat, **kept)


def _fill(session: Session, one: Station, facts: StationFacts) -> None:
    for name in ("code", "river", "name", "operator"):
        if not getattr(facts, name).strip():
            raise Empty(field=Word(FIELDS[name]))
    if not facts.source.strip():
        raise NoSource(what=facts.name)
    hours = facts.stale_after / timedelta(hours=1)
    if not 0 < hours <= MOST_STALE_HOURS:
        raise OutOfBounds(field=Word(FIELDS["stale_after"]), value=f"{hours:g}", lowest=1, highest=MOST_STALE_HOURS)
    if not (facts.margin_cm.is_finite() and 0 <= facts.margin_cm <= 200):
        raise OutOfBounds(field=Word(FIELDS["margin_cm"]), value=facts.margin_cm, lowest=0, highest=200)
    zero = facts.zero_m_asl
    if zero is not None and not (zero.is_finite() and -10 <= zero <= 2400):
        raise OutOfBounds(field=Word(FIELDS["zero_m_asl"]), value=zero, lowest=-10, highest=2400)
    left, bottom, right, top = country.BOUNDS
    near = NEAR_DEGREES
    if not (left - near <= facts.lon <= right + near and bottom - near <= facts.lat <= top + near):
        raise WrongPlace(lon=f"{facts.lon:g}", lat=f"{facts.lat:g}")
    area = session.get(Area, facts.municipality_id)
    if area is None or area.level != Level.MUNICIPALITY:
        raise NotAMunicipality(area=facts.municipality_id if area is None else area.name)
    for field in fields(StationFacts):
        value = getattr(facts, field.name)
        if field.name not in ("lon", "lat"):
            setattr(one, field.name, value.strip() if isinstance(value, str) and field.name != "method" else value)
    one.place = from_shape(Point(facts.lon, facts.lat), srid=4326)


# --- thresholds ------------------------------------------------------------------------------------------------------


def thresholds(session: Session, station_ids: Collection[UUID]) -> dict[UUID, list[StationThreshold]]:
    """The thresholds in force of each gauge, from the first to the last that is reached."""
    newest = session.scalars(
        select(StationThreshold)
        .where(StationThreshold.station_id.in_(station_ids))
        .ext(distinct_on(StationThreshold.station_id, StationThreshold.level))
        .order_by(StationThreshold.station_id, StationThreshold.level, StationThreshold.revision.desc())
    )
    found: dict[UUID, list[StationThreshold]] = defaultdict(list)
    for one in sorted(newest, key=lambda t: RANK[t.level]):
        if one.value_cm is not None:
            found[one.station_id].append(one)
    return found


def threshold_history(session: Session, station_id: UUID, level: DefenceLevel) -> Sequence[StationThreshold]:
    """Every revision of a threshold, newest first."""
    return session.scalars(
        select(StationThreshold)
        .where(StationThreshold.station_id == station_id, StationThreshold.level == level)
        .order_by(StationThreshold.revision.desc())
        .limit(MOST_AT_ONCE)
    ).all()


def set_thresholds(
    session: Session,
    station_id: UUID,
    wanted: Mapping[DefenceLevel, ThresholdFacts | None],
    *,
    seen: Mapping[DefenceLevel, int],
    by: Actor,
    at: datetime,
) -> list[StationThreshold]:
    """Enter the next revision of some thresholds together; None withdraws one. Gives those in force then.

    seen: the newest revision of each that was looked at, nothing or 0 where there was none. Only in a transaction of
    the operational space. Raises NoSuchStation, WrongThreshold, WrongTie, NoSource, ThresholdsOutOfOrder,
    ChangedMeanwhile.
    """
    where = station(session, station_id)
    newest: dict[DefenceLevel, StationThreshold] = {}
    for old in session.scalars(
        select(StationThreshold).where(StationThreshold.station_id == station_id).order_by(StationThreshold.revision)
    ):
        newest[old.level] = old
    values = {level: old.value_cm for level, old in newest.items()}
    for level, facts in wanted.items():
        if (newest[level].revision if level in newest else 0) != seen.get(level, 0):
            raise ChangedMeanwhile(what=where.title)
        if facts is not None:
            _check(session, level, facts)
        values[level] = None if facts is None else facts.value_cm
    _insist_on_order(values)
    for level, facts in wanted.items():
        before = newest.get(level)
        if before is None and facts is None:
            continue
        new = _revision(station_id, level, before, facts, by=by, at=at)
        try:
            with session.begin_nested():
                session.add(new)
        except IntegrityError as error:
            if "uq_station_threshold" in str(error.orig):
                raise ChangedMeanwhile(what=where.title) from error
            raise
        told = {
            "level": level.value,
            "revision": new.revision,
            "was": None if before is None else _threshold_told(before),
            "is": _threshold_told(new),
        }
        _audit(session, "threshold.revised", Subject("station", station_id), told, by=by, at=at)
    return thresholds(session, [station_id]).get(station_id, [])


def _check(session: Session, level: DefenceLevel, facts: ThresholdFacts) -> None:
    if not in_range(facts.value_cm):
        raise WrongThreshold(level=level_word(level), value=facts.value_cm, lowest=LOWEST_CM, highest=HIGHEST_CM)
    if not facts.source.strip():
        raise NoSource(what=level_word(level))
    ties = [facts.hazard_version_id, facts.return_period_years]
    tied = sum(tie is not None for tie in ties)
    rise_fits = facts.rise_m is None or (tied == 1 and 0 <= facts.rise_m <= HIGHEST_RISE_M)
    years_fit = facts.return_period_years is None or 0 < facts.return_period_years < float("inf")
    flood = True
    if facts.hazard_version_id is not None:
        hazard = session.get(LayerVersion, facts.hazard_version_id)
        flood = hazard is not None and hazard.layer.kind in FLOODS
    if tied > 1 or not (rise_fits and years_fit and flood):
        raise WrongTie(level=level_word(level), most=f"{HIGHEST_RISE_M:g}")


def _insist_on_order(values: Mapping[DefenceLevel, Decimal | None]) -> None:
    known = [(level, value) for level in DefenceLevel if (value := values.get(level)) is not None]
    for (earlier, earlier_cm), (later, later_cm) in pairwise(known):
        if later_cm < earlier_cm:
            raise ThresholdsOutOfOrder(
                later=level_word(later), later_cm=later_cm, earlier=level_word(earlier), earlier_cm=earlier_cm
            )


def _revision(
    station_id: UUID,
    level: DefenceLevel,
    before: StationThreshold | None,
    facts: ThresholdFacts | None,
    *,
    by: Actor,
    at: datetime,
) -> StationThreshold:
    new = StationThreshold(
        station_id=station_id,
        level=level,
        revision=1 if before is None else before.revision + 1,
        entered_at=at,
        entered_by=by.label,
    )
    if facts is not None:
        for field in fields(ThresholdFacts):
            setattr(new, field.name, getattr(facts, field.name))
    elif before is not None:
        new.value_cm, new.steps, new.source, new.edition = None, "", before.source, before.edition
        new.method, new.note = before.method, None
    return new


def _threshold_told(one: StationThreshold) -> dict[str, Any]:
    return {f.name: _plain(getattr(one, f.name)) for f in fields(ThresholdFacts)}


def _told(facts: StationFacts) -> dict[str, Any]:
    return {f.name: _plain(getattr(facts, f.name)) for f in fields(StationFacts)}


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, int | float) else str(value)


def _audit(session: Session, action: str, subject: Subject, facts: dict[str, Any], *, by: Actor, at: datetime) -> None:
    record(session, space=OPERATIONAL_SPACE_ID, at=at, by=by, action=action, subject=subject, facts=facts)
