"""Stored exposure: people of each area exposed to each hazard, with what the numbers rest on."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.dialects.postgresql import ARRAY, DOUBLE_PRECISION, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base, Id, app_may


class ExposureRun(Base):
    """One hazard held against one population and one set of boundaries. Never changed; superseded by a newer run."""

    __tablename__ = "exposure_run"
    __table_args__ = (
        Index(None, "hazard_version_id", "computed_at"),
        {"info": app_may("SELECT", "INSERT", "UPDATE")},
    )

    id: Mapped[Id]
    hazard_version_id: Mapped[UUID] = mapped_column(ForeignKey("layer_version.id"))
    population_version_id: Mapped[UUID] = mapped_column(ForeignKey("layer_version.id"))
    boundary_version_id: Mapped[UUID] = mapped_column(ForeignKey("layer_version.id"))
    threshold: Mapped[float]
    edges: Mapped[list[float]] = mapped_column(ARRAY(DOUBLE_PRECISION))
    method: Mapped[str]
    computed_at: Mapped[datetime]
    superseded_at: Mapped[datetime | None]


class ExposureFigure(Base):
    """People of one area in a run, unrounded. exposed and by_class are empty where nothing of the area is modelled."""

    __tablename__ = "exposure_figure"
    __table_args__ = (
        Index(None, "area_id"),
        {"info": app_may("SELECT", "INSERT")},
    )

    run_id: Mapped[UUID] = mapped_column(ForeignKey("exposure_run.id"), primary_key=True)
    area_id: Mapped[UUID] = mapped_column(ForeignKey("area.id"), primary_key=True)
    population: Mapped[float]
    exposed: Mapped[float | None]
    not_modelled: Mapped[float]
    by_class: Mapped[list[float] | None] = mapped_column(ARRAY(DOUBLE_PRECISION))
    marks: Mapped[list[str]] = mapped_column(JSONB, default=list)
    cells: Mapped[list[dict[str, float]]] = mapped_column(JSONB, default=list)  # those that carry most of it
