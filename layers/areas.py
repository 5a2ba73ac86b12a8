"""Municipalities and what lies above and below them: identities that stay, boundaries that change.

The tree is ragged: a municipality of the Federation has a canton above it, one of the Republika Srpska has not, and
Brčko District is a unit of its own at the level of the entities. Accounts, stock and history hang on the identity; a
boundary belongs to a version of a layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any
from uuid import UUID

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import ForeignKey, Index, UniqueConstraint, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.types import Uuid

from foundation.database import Base, Facts, Id, app_may


class Level(StrEnum):
    COUNTRY = "country"
    ENTITY = "entity"  # Federation, Republika Srpska, Brčko District
    CANTON = "canton"
    MUNICIPALITY = "municipality"
    SETTLEMENT = "settlement"
    LOCAL_COMMUNITY = "local_community"  # mjesna zajednica
    CITY = "city"  # an overlay of municipalities, outside the tree: it must never be added to them


class Area(Base):
    """An administrative unit through all its boundaries and names."""

    __tablename__ = "area"
    __table_args__ = (
        UniqueConstraint("level", "code"),
        Index(None, "parent_id"),
        {"info": app_may("SELECT", "INSERT", "UPDATE")},
    )

    id: Mapped[Id]
    level: Mapped[Level]
    code: Mapped[str]  # official where there is one
    name: Mapped[str]
    names: Mapped[Facts]  # other languages and scripts: {"en": …, "sr_Cyrl_BA": …}
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("area.id"))


class CityMember(Base):
    """A municipality that a city lies over."""

    __tablename__ = "city_member"
    __table_args__ = ({"info": app_may("SELECT", "INSERT", "DELETE")},)

    city_id: Mapped[UUID] = mapped_column(ForeignKey("area.id"), primary_key=True)
    municipality_id: Mapped[UUID] = mapped_column(ForeignKey("area.id"), primary_key=True)


class Boundary(Base):
    """Where an area lies according to one version of a layer.

    also_covers: areas without a boundary of their own in this version that lie in this one (Stanari in old Doboj's).
    place: a polygon, or the point of a settlement; EPSG:4326.
    """

    __tablename__ = "boundary"
    __table_args__ = (
        UniqueConstraint("version_id", "area_id"),
        Index(None, "area_id"),
        {"info": app_may("SELECT", "INSERT", "DELETE")},
    )

    id: Mapped[Id]
    version_id: Mapped[UUID] = mapped_column(ForeignKey("layer_version.id"))
    area_id: Mapped[UUID] = mapped_column(ForeignKey("area.id"))
    also_covers: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), default=list)
    area_km2: Mapped[float | None]
    place: Mapped[WKBElement] = mapped_column(Geometry("GEOMETRY", srid=4326, spatial_index=True))


def area_by_code(session: Session, level: Level, code: str) -> Area | None:
    """The area with that official code."""
    return session.scalars(select(Area).where(Area.level == level, Area.code == code)).one_or_none()


def areas(session: Session, level: Level) -> Sequence[Area]:
    """All areas of a level, by code; there are at most some thousands."""
    return session.scalars(select(Area).where(Area.level == level).order_by(Area.code)).all()


def above(session: Session, area: Area) -> list[Area]:
    """The areas above, nearest first."""
    found: list[Area] = []
    parent: Any = area.parent_id
    while parent is not None:
        found.append(session.get_one(Area, parent))
        parent = found[-1].parent_id
    return found
