"""Municipalities and what lies above and below them: identities that stay, boundaries that change.

The tree is ragged: a municipality of the Federation has a canton above it, one of the Republika Srpska has not, and
Brčko District is a unit of its own at the level of the entities. Accounts, stock and history hang on the identity; a
boundary belongs to a version of a layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

import numpy as np
import shapely
from geoalchemy2 import Geometry, WKBElement
from numpy.typing import NDArray
from sqlalchemy import ForeignKey, Index, UniqueConstraint, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column
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


@dataclass(frozen=True)
class Boundaries:
    """Where the areas of a level lie in one version, by code.

    geometry: (n,) shapely, EPSG:4326; also_covers: ids of the areas whose land lies in that one's boundary.
    """

    area_ids: list[UUID]
    codes: list[str]
    names: list[str]
    also_covers: list[list[UUID]]
    geometry: NDArray[np.object_]


def boundaries(session: Session, version_id: UUID, level: Level) -> Boundaries:
    """The boundaries of a level's areas in a version."""
    rows = session.execute(
        select(Area.id, Area.code, Area.name, Boundary.also_covers, func.ST_AsBinary(Boundary.place))
        .join(Boundary, Boundary.area_id == Area.id)
        .where(Boundary.version_id == version_id, Area.level == level)
        .order_by(Area.code)
    ).all()
    return Boundaries(
        area_ids=[r[0] for r in rows],
        codes=[r[1] for r in rows],
        names=[r[2] for r in rows],
        also_covers=[list(r[3]) for r in rows],
        geometry=np.asarray(shapely.from_wkb([bytes(r[4]) for r in rows]), dtype=object),
    )


@dataclass
class Branch:
    """An area with what lies below it, by code."""

    area: Area
    below: list[Branch] = field(default_factory=list)


def tree(session: Session) -> list[Branch]:
    """From the country down to the municipalities; areas without a parent are roots. Cities are not in it."""
    levels = [Level.COUNTRY, Level.ENTITY, Level.CANTON, Level.MUNICIPALITY]
    branches = {
        area.id: Branch(area)
        for area in session.scalars(select(Area).where(Area.level.in_(levels)).order_by(Area.code))
    }
    roots: list[Branch] = []
    for branch in branches.values():
        parent = branches.get(branch.area.parent_id) if branch.area.parent_id else None
        (parent.below if parent else roots).append(branch)
    return roots


def municipalities_of(session: Session, area_id: UUID) -> list[UUID]:
    """The municipalities of an area at any level above, of a city, or the municipality itself; each once."""
    below = select(Area.id, Area.level).where(Area.id == area_id).cte("below", recursive=True)
    child = aliased(Area)
    below = below.union_all(select(child.id, child.level).join(below, child.parent_id == below.c.id))
    found = select(below.c.id).where(below.c.level == Level.MUNICIPALITY)
    of_city = select(CityMember.municipality_id).where(CityMember.city_id == area_id)
    return sorted(session.scalars(found.union(of_city)))
