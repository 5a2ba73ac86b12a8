"""The catalogue: which layers there are, and what each version of them rests on.

A layer is a slot ("flood depth, 1 in 100 years, river agency"); a version is one file that filled it, and is never
changed afterwards. What was computed with an older version can always be explained.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, func, select
from sqlalchemy.dialects.postgresql import JSONB, distinct_on
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from foundation.audit import Actor, Subject, record
from foundation.database import Base, Facts, Id, app_may
from foundation.errors import N_, Word
from foundation.folding import alphabetical
from foundation.spaces import OPERATIONAL_SPACE_ID
from layers.errors import NoReturnPeriod, NoSuchLayer, SlotTaken, WrongReturnPeriod, WrongState


class Kind(StrEnum):
    """What a layer holds; decides what a sound file of it is."""

    MUNICIPALITIES = "municipalities"
    SETTLEMENTS = "settlements"
    POPULATION_RASTER = "population_raster"
    POPULATION_TABLE = "population_table"
    FLOOD_DEPTH = "flood_depth"
    FLOOD_EXTENT = "flood_extent"
    FIRE_DANGER = "fire_danger"
    ACTIVE_FIRES = "active_fires"
    FACILITIES = "facilities"
    ROADS = "roads"
    RIVERS = "rivers"
    ELEVATION = "elevation"
    LAND_COVER = "land_cover"
    VETO_AREAS = "veto_areas"


KIND_WORDS: Final = {
    Kind.MUNICIPALITIES: Word(N_("municipalities")),
    Kind.SETTLEMENTS: Word(N_("settlements")),
    Kind.POPULATION_RASTER: Word(N_("population grid")),
    Kind.POPULATION_TABLE: Word(N_("population table")),
    Kind.FLOOD_DEPTH: Word(N_("flood depth")),
    Kind.FLOOD_EXTENT: Word(N_("flooded area")),
    Kind.FIRE_DANGER: Word(N_("fire danger")),
    Kind.ACTIVE_FIRES: Word(N_("active fires")),
    Kind.FACILITIES: Word(N_("facilities")),
    Kind.ROADS: Word(N_("roads")),
    Kind.RIVERS: Word(N_("rivers")),
    Kind.ELEVATION: Word(N_("elevation")),
    Kind.LAND_COVER: Word(N_("land cover")),
    Kind.VETO_AREAS: Word(N_("suspected minefields")),
}
FLOODS = {Kind.FLOOD_DEPTH, Kind.FLOOD_EXTENT}


class Method(StrEnum):
    """How the layer came about; the first outranks the next."""

    OFFICIAL = "official"
    MODEL = "model"
    ESTIMATED = "estimated"
    ILLUSTRATIVE = "illustrative"


RANK = {method: rank for rank, method in enumerate(Method)}


class State(StrEnum):
    RECEIVED = "received"  # the file is held, nobody has looked into it yet
    CHECKING = "checking"
    READY = "ready"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


STATE_WORDS: Final = {
    State.RECEIVED: Word(N_("received")),
    State.CHECKING: Word(N_("being checked")),
    State.READY: Word(N_("ready")),
    State.REFUSED: Word(N_("refused")),
    State.WITHDRAWN: Word(N_("withdrawn")),
}
STEPS: dict[State, set[State]] = {
    State.RECEIVED: {State.CHECKING, State.WITHDRAWN},
    State.CHECKING: {State.READY, State.REFUSED, State.CHECKING, State.WITHDRAWN},  # again after a crash
    State.READY: {State.WITHDRAWN},
    State.REFUSED: {State.WITHDRAWN},
    State.WITHDRAWN: set(),
}


class Layer(Base):
    """A slot of the catalogue. Hazards of floods have a return period or the name of an event, never both."""

    __tablename__ = "layer"
    __table_args__ = (
        UniqueConstraint("kind", "name"),
        CheckConstraint("return_period_years > 0", name="return_period"),
        CheckConstraint("return_period_years IS NULL OR event IS NULL", name="period_or_event"),
        {"info": app_may("SELECT", "INSERT", "UPDATE")},
    )

    id: Mapped[Id]
    kind: Mapped[Kind]
    name: Mapped[str]
    return_period_years: Mapped[float | None]
    event: Mapped[str | None]


class LayerVersion(Base):
    """One file of a layer, with all that one must know to trust it or not."""

    __tablename__ = "layer_version"
    __table_args__ = (
        UniqueConstraint("layer_id", "number"),
        Index(None, "layer_id", "state"),
        Index(None, "file_hash"),
        {"info": app_may("SELECT", "INSERT", "UPDATE")},
    )

    id: Mapped[Id]
    layer_id: Mapped[UUID] = mapped_column(ForeignKey("layer.id"))
    number: Mapped[int]
    state: Mapped[State] = mapped_column(default=State.RECEIVED)
    producer: Mapped[str]
    licence: Mapped[str]
    vintage: Mapped[str]  # "2013", "2018-11", "census 2013": as the producer says it
    method: Mapped[Method]
    method_note: Mapped[str] = mapped_column(default="")
    file_name: Mapped[str]
    file_hash: Mapped[str]  # SHA-256 of the file as received
    file_bytes: Mapped[int] = mapped_column(BigInteger)
    options: Mapped[Facts]  # how to read it: {"columns": {"code": "sifra"}, "unit": "persons/km2", "legend": …}
    crs: Mapped[str | None]  # as received
    resolution: Mapped[str | None]  # as received, with its unit
    # Why it cannot be used, as findings.told() has it.
    refusal: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    findings: Mapped[list[Any]] = mapped_column(JSONB, default=list)
    facts: Mapped[Facts]  # what was measured: bounds, counts, range of values, names of the files made from it
    footprint: Mapped[WKBElement | None] = mapped_column(Geometry("MULTIPOLYGON", srid=4326, spatial_index=True))
    received_at: Mapped[datetime]
    received_by: Mapped[str]
    ready_at: Mapped[datetime | None]
    progress: Mapped[float | None]  # share of the reading done, while checking

    layer: Mapped[Layer] = relationship(lazy="joined")

    def become(self, state: State) -> None:
        """Take the next step. Raises WrongState."""
        if state not in STEPS[self.state]:
            raise WrongState(layer=self.layer.name, state=STATE_WORDS[self.state], wanted=STATE_WORDS[state])
        self.state = state


def newest_ready(session: Session, layer_id: UUID) -> LayerVersion | None:
    """The version of a layer that is shown: the newest that is ready."""
    return session.scalars(
        select(LayerVersion)
        .where(LayerVersion.layer_id == layer_id, LayerVersion.state == State.READY)
        .order_by(LayerVersion.number.desc())
        .limit(1)
    ).one_or_none()


def versions(session: Session, *, kind: Kind | None = None, limit: int = 500) -> Sequence[LayerVersion]:
    """The versions in the catalogue, newest first within each layer."""
    query = (
        select(LayerVersion)
        .join(Layer)
        .order_by(Layer.kind, alphabetical(Layer.name), LayerVersion.number.desc())
        .limit(limit)
    )
    if kind is not None:
        query = query.where(Layer.kind == kind)
    return session.scalars(query).all()


def shown(session: Session, kind: Kind) -> Sequence[LayerVersion]:
    """Of each layer of the kind the newest ready version: by rank of method, then return period, the newest first."""
    found = session.scalars(
        select(LayerVersion)
        .join(Layer)
        .where(Layer.kind == kind, LayerVersion.state == State.READY)
        .ext(distinct_on(LayerVersion.layer_id))
        .order_by(LayerVersion.layer_id, LayerVersion.number.desc())
    ).all()
    return sorted(found, key=lambda v: (RANK[v.method], v.layer.return_period_years or 0, precedence(v)))


def precedence(version: LayerVersion) -> tuple[int, float, str]:
    """Sorts versions that could stand for one another: the most official first, then the newest, then by name."""
    return RANK[version.method], -(version.ready_at or version.received_at).timestamp(), version.layer.name


def held_files(session: Session) -> set[str]:
    """The hashes of all files that a version names: as received, and made from it."""
    known: set[str] = set()
    for received, facts in session.execute(select(LayerVersion.file_hash, LayerVersion.facts)):
        known |= {received, *facts.get("files", {}).values()}
    return known


def version(session: Session, version_id: UUID) -> LayerVersion:
    """That version. Raises NoSuchLayer."""
    found = session.get(LayerVersion, version_id)
    if found is None:
        raise NoSuchLayer(id=version_id)
    return found


def receive(
    session: Session,
    *,
    kind: Kind,
    name: str,
    return_period_years: float | None,
    event: str | None,
    producer: str,
    licence: str,
    vintage: str,
    method: Method,
    method_note: str,
    file_name: str,
    file_hash: str,
    file_bytes: int,
    options: dict[str, Any],
    by: Actor,
    at: datetime,
) -> LayerVersion:
    """Note a file that is held as the next version of its layer; the layer is made with its first version.

    Raises NoReturnPeriod, WrongReturnPeriod, SlotTaken.
    """
    if kind in FLOODS and return_period_years is None and not event:
        raise NoReturnPeriod(layer=name)
    if return_period_years is not None and not 0 < return_period_years < math.inf:
        raise WrongReturnPeriod(layer=name, years=f"{return_period_years:g}")
    layer = session.scalars(select(Layer).where(Layer.kind == kind, Layer.name == name)).one_or_none()
    if layer is None:
        layer = Layer(kind=kind, name=name, return_period_years=return_period_years, event=event)
        session.add(layer)
        session.flush()
    elif (layer.return_period_years, layer.event) != (return_period_years, event):
        raise SlotTaken(layer=name)
    # Two versions received at once must not take the same number.
    session.execute(select(Layer.id).where(Layer.id == layer.id).with_for_update())
    newest = session.scalar(select(func.max(LayerVersion.number)).where(LayerVersion.layer_id == layer.id))
    received = LayerVersion(
        layer=layer,
        number=(newest or 0) + 1,
        state=State.RECEIVED,
        producer=producer,
        licence=licence,
        vintage=vintage,
        method=method,
        method_note=method_note,
        file_name=file_name,
        file_hash=file_hash,
        file_bytes=file_bytes,
        options=options,
        findings=[],
        facts={},
        received_at=at,
        received_by=by.label,
    )
    session.add(received)
    session.flush()
    _audit(session, received, "layer.received", by=by, at=at)
    return received


def ready(session: Session, version: LayerVersion, *, by: Actor, at: datetime) -> None:
    """The version can be used from now on."""
    version.become(State.READY)
    version.ready_at = at
    session.flush()
    _audit(session, version, "layer.ready", by=by, at=at)


def refuse(session: Session, version: LayerVersion, refusal: dict[str, Any], *, by: Actor, at: datetime) -> None:
    """The version's file cannot be used; the refusal (findings.told) says what to do."""
    version.become(State.REFUSED)
    version.refusal = refusal
    session.flush()
    _audit(session, version, "layer.refused", by=by, at=at)


def withdraw(session: Session, version_id: UUID, *, by: Actor, at: datetime) -> None:
    """Take a version out of use. Its file and what was computed with it stay."""
    found = version(session, version_id)
    found.become(State.WITHDRAWN)
    _audit(session, found, "layer.withdrawn", by=by, at=at)


def _audit(session: Session, version: LayerVersion, action: str, *, by: Actor, at: datetime) -> None:
    record(
        session,
        space=OPERATIONAL_SPACE_ID,
        at=at,
        by=by,
        action=action,
        subject=Subject("layer_version", version.id),
        facts={"layer": version.layer.name, "number": version.number, "file": version.file_hash},
    )
