"""Vector layers in the database: the features of a version, and their shapes simplified beforehand for each zoom."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base, Facts, Id, app_may


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
