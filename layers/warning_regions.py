"""Regions that warnings name by codes, such as MeteoAlarm's EMMA_ID: where they lie, or which municipalities they are.

MeteoAlarm has ten for all of Bosnia and Herzegovina, each over a dozen municipalities and more: too coarse to say who
is meant, and everything that was placed by them says so.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import shapely
from geoalchemy2 import Geometry, WKBElement
from geoalchemy2.shape import from_shape
from shapely.errors import ShapelyError
from sqlalchemy import UniqueConstraint, func, select, tuple_
from sqlalchemy.orm import Mapped, Session, mapped_column

from foundation.audit import Actor, Subject, record
from foundation.database import Base, Facts, Id, app_may
from foundation.spaces import OPERATIONAL_SPACE_ID
from layers.areas import Area, Level
from layers.catalogue import Method
from layers.field_errors import NoSource
from layers.warning_errors import WrongRegions

EMMA: Final = "EMMA_ID"
OUR_PREFIX: Final = "BA"
MOST_BYTES: Final = 20 * 2**20
MOST_REGIONS: Final = 5000
Code = tuple[str, str]


class WarningRegion(Base):
    """A region. place: EPSG:4326, where it was brought in; shares: {municipality's code: share of it that lies inside}.

    Where there is a place, it counts; the shares are for those of which nobody has brought one.
    """

    __tablename__ = "warning_region"
    __table_args__ = (
        UniqueConstraint("scheme", "code"),
        {"info": app_may("SELECT", "INSERT", "UPDATE")},
    )

    id: Mapped[Id]
    scheme: Mapped[str]
    code: Mapped[str]
    name: Mapped[str]
    shares: Mapped[Facts]
    place: Mapped[WKBElement | None] = mapped_column(Geometry("GEOMETRY", srid=4326, spatial_index=True))
    source: Mapped[str]
    edition: Mapped[str | None]
    method: Mapped[Method]
    entered_at: Mapped[datetime] = mapped_column(server_default=func.now())


def regions(session: Session, codes: Collection[Code]) -> dict[Code, WarningRegion]:
    """The regions of these schemes and codes that are known."""
    if not codes:
        return {}
    wanted = tuple_(WarningRegion.scheme, WarningRegion.code).in_(list(codes))
    return {(r.scheme, r.code): r for r in session.scalars(select(WarningRegion).where(wanted))}


def abroad(code: Code) -> bool:
    """Whether the code itself says that the region is of another country."""
    return code[0] == EMMA and not code[1].upper().startswith(OUR_PREFIX)


@dataclass(frozen=True)
class Loaded:
    """How many regions were new, and how many changed."""

    new: int
    changed: int


def load_regions(
    session: Session, data: bytes, name: str, *, source: str, edition: str | None, by: Actor, at: datetime
) -> Loaded:
    """Take the regions of a GeoJSON: polygons with emma_id (or code) and area (or name). All or none.

    Only in a transaction of the operational space. Warnings that are stored stay where they were put until they are
    placed anew (layers.warnings.relocate). Raises WrongRegions, NoSource.
    """
    if not source.strip():
        raise NoSource(what=name)
    found = _read(data, name)
    known = regions(session, [(EMMA, code) for code in found])
    for code, (title, shape) in found.items():
        region = known.get((EMMA, code)) or WarningRegion(scheme=EMMA, code=code, shares={})
        region.name, region.place = title, from_shape(shape, srid=4326)
        region.source, region.edition, region.method, region.entered_at = source.strip(), edition, Method.OFFICIAL, at
        session.add(region)
    session.flush()
    facts = {"file": name, "regions": len(found), "source": source, "edition": edition}
    subject = Subject("warning_regions", EMMA)
    record(
        session, space=OPERATIONAL_SPACE_ID, at=at, by=by, action="warning_regions.loaded", subject=subject, facts=facts
    )
    return Loaded(len(found) - len(known), len(known))


def municipality_shares(session: Session, region: WarningRegion) -> dict[UUID, float]:
    """The municipalities of a region of which nobody has brought a place, with the share of each that lies inside."""
    rows = session.execute(
        select(Area.code, Area.id).where(Area.level == Level.MUNICIPALITY, Area.code.in_(list(region.shares)))
    )
    return {area: float(region.shares[code]) for code, area in rows}


def _read(data: bytes, name: str) -> dict[str, tuple[str, shapely.Geometry]]:
    if len(data) > MOST_BYTES:
        raise WrongRegions(file=name, reason=f"{len(data) // 2**20} MB.")
    try:
        content = json.loads(data)
        features: list[Any] = content["features"]
        found = {}
        for feature in features[: MOST_REGIONS + 1]:
            facts = feature["properties"]
            code = str(facts.get("emma_id") or facts["code"]).strip()
            shape = shapely.make_valid(shapely.from_geojson(json.dumps(feature["geometry"])))
            left, bottom, right, top = shape.bounds
            if not (-180 <= left <= right <= 180 and -90 <= bottom <= top <= 90) or shape.area == 0:
                raise WrongRegions(file=name, reason=f"{code}: {shape.bounds}.")
            if code in found:
                raise WrongRegions(file=name, reason=f"{code} × 2.")
            found[code] = (str(facts.get("area") or facts.get("name") or code), shape)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, ShapelyError) as error:
        raise WrongRegions(file=name, reason=f"{type(error).__name__}: {str(error)[:150]}.") from None
    if not found or len(found) > MOST_REGIONS:
        raise WrongRegions(file=name, reason=f"{len(found)} regions.")
    return found
