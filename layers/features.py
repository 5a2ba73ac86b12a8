"""Vector layers in the database: the features of a version, and their shapes simplified beforehand for each zoom."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import numpy as np
import shapely
from geoalchemy2 import Geometry, WKBElement
from numpy.typing import NDArray
from sqlalchemy import ForeignKey, Index, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from foundation.database import Base, Facts, Id, app_may

MOST_AT_ONCE: Final = 1000


class Feature(Base):
    """One facility, road, river, flooded area, suspected minefield or fire point of a layer's version.

    number: its place in the file, from 1. value: of the kind's own measure (fire radiative power in MW, depth class).
    observed_at: of what was seen at a moment. place: EPSG:4326, valid, as exact as it came.
    """

    __tablename__ = "feature"
    __table_args__ = (
        Index(None, "version_id", "number", unique=True),
        {"info": app_may("SELECT", "INSERT", "DELETE")},
    )

    id: Mapped[Id]
    version_id: Mapped[UUID] = mapped_column(ForeignKey("layer_version.id"))
    number: Mapped[int]
    name: Mapped[str | None]
    category: Mapped[str | None]  # hospital, primary road, …: the kind's own words
    value: Mapped[float | None]
    observed_at: Mapped[datetime | None]
    properties: Mapped[Facts]
    place: Mapped[WKBElement] = mapped_column(Geometry("GEOMETRY", srid=4326, spatial_index=True))


class Shape(Base):
    """A boundary's or feature's shape for the zooms min_zoom <= z <= max_zoom; EPSG:3857.

    item_id: of the Boundary or Feature. What would be smaller than a pixel at a zoom has no shape there.
    """

    __tablename__ = "shape"
    __table_args__ = (
        Index(None, "version_id", "min_zoom"),
        {"info": app_may("SELECT", "INSERT", "DELETE")},
    )

    item_id: Mapped[UUID] = mapped_column(primary_key=True)
    min_zoom: Mapped[int] = mapped_column(primary_key=True)
    max_zoom: Mapped[int]
    version_id: Mapped[UUID] = mapped_column(ForeignKey("layer_version.id"))
    place: Mapped[WKBElement] = mapped_column(Geometry("GEOMETRY", srid=3857, spatial_index=True))


def features(session: Session, version_id: UUID, *, after: int = 0, limit: int = MOST_AT_ONCE) -> Sequence[Feature]:
    """A page of a version's features, by number; the next one begins after the last number."""
    return session.scalars(
        select(Feature)
        .where(Feature.version_id == version_id, Feature.number > after)
        .order_by(Feature.number)
        .limit(min(limit, MOST_AT_ONCE))
    ).all()


def within(
    session: Session,
    version_id: UUID,
    bounds: tuple[float, float, float, float],
    *,
    categories: Collection[str] | None = None,
    limit: int = MOST_AT_ONCE,
) -> Sequence[Feature]:
    """Features whose own bounds meet these (left, bottom, right, top in degrees), by number, at most so many."""
    query = (
        select(Feature)
        .where(
            Feature.version_id == version_id,
            Feature.place.op("&&")(func.ST_MakeEnvelope(*bounds, 4326)),
        )
        .order_by(Feature.number)
        .limit(min(limit, MOST_AT_ONCE))
    )
    if categories is not None:
        query = query.where(Feature.category.in_(categories))
    return session.scalars(query).all()


def count(session: Session, version_id: UUID) -> int:
    """How many features a version has."""
    return session.scalar(select(func.count()).where(Feature.version_id == version_id)) or 0


def places(session: Session, version_id: UUID) -> tuple[list[UUID], NDArray[np.object_]]:
    """(ids, (n,) shapely in EPSG:4326) of all features of a version, by number: for computing, not for a page."""
    rows = session.execute(
        select(Feature.id, func.ST_AsBinary(Feature.place))
        .where(Feature.version_id == version_id)
        .order_by(Feature.number)
    ).all()
    return [r[0] for r in rows], np.asarray(shapely.from_wkb([bytes(r[1]) for r in rows]), dtype=object)
