"""Where a warning holds: the shapes and regions that it names, and the municipalities that they touch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

import shapely
from geoalchemy2 import WKBElement
from geoalchemy2.shape import from_shape, to_shape
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from layers.areas import Area, Boundary, Level
from layers.cap import CapArea
from layers.catalogue import Kind, shown
from layers.warning_regions import Code, WarningRegion, abroad, municipality_shares, regions

LEAST_SHARE: Final = 0.001
"""Of a municipality's land; less is the thickness of two lines that were drawn differently."""

TOUCHED: Final = text(
    """
    SELECT boundary.area_id, boundary.also_covers,
           CASE WHEN ST_Dimension(warned.place) = 2
                THEN ST_Area(ST_Intersection(boundary.place, warned.place)) / ST_Area(boundary.place) END AS share
    FROM boundary
    JOIN area ON area.id = boundary.area_id AND area.level = 'municipality'
    CROSS JOIN (SELECT ST_GeomFromWKB(:place, 4326) AS place) AS warned
    WHERE boundary.version_id = :version AND boundary.place && warned.place
      AND ST_Intersects(boundary.place, warned.place)
    """
)
Touched = dict[UUID, tuple[float | None, bool]]


class Placed(StrEnum):
    """How a place was found."""

    SHAPE = "shape"  # a polygon or circle of the message
    REGION = "region"  # a code of a region that is known here: coarse
    ABROAD = "abroad"  # a code that says another country
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Where:
    """A place as it was found; shape: EPSG:4326."""

    placed: Placed
    shape: shapely.Geometry | None = None
    regions: tuple[WarningRegion, ...] = ()

    @property
    def element(self) -> WKBElement | None:
        return None if self.shape is None else from_shape(self.shape, srid=4326)


def shares_touched(session: Session, version_id: UUID, place: shapely.Geometry) -> dict[UUID, float | None]:
    """{municipality: share of its land in a place (EPSG:4326)} by a version's boundaries; None: point or line."""
    shares: dict[UUID, float | None] = {}
    parts = shapely.get_parts(place)
    # Areas before points: what an area covers is known better.
    for dimension in (2, 1, 0):
        alike = parts[shapely.get_dimensions(parts) == dimension]
        if not len(alike):
            continue
        wkb = shapely.union_all(alike).wkb
        for area_id, also_covers, share in session.execute(TOUCHED, {"place": wkb, "version": version_id}).all():
            if share is None or share >= LEAST_SHARE:
                shares.setdefault(area_id, share)
                # Of what lies somewhere in that boundary nobody knows which part is touched.
                for other in also_covers:
                    shares.setdefault(other, None)
    return shares


def municipalities_touched(session: Session, shape: shapely.Geometry) -> set[UUID]:
    """The municipalities that a shape (EPSG:4326) touches, as far as boundaries are known."""
    boundaries = shown(session, Kind.MUNICIPALITIES)
    return set(shares_touched(session, boundaries[0].id, shape)) if boundaries else set()


class Placing:
    """Finds the places of one lot of messages; what was found once is not looked for again."""

    def __init__(self, session: Session, areas: Sequence[CapArea]) -> None:
        self.session = session
        self.regions = regions(session, {code for area in areas for code in area.codes})
        boundaries = shown(session, Kind.MUNICIPALITIES)
        self.version: UUID | None = boundaries[0].id if boundaries else None
        self._shares: dict[bytes, dict[UUID, float | None]] = {}
        self._shapes: dict[Code, shapely.Geometry | None] = {}

    def areas(self, areas: Sequence[CapArea]) -> Iterator[tuple[CapArea, Where]]:
        """Each area with its place; of a hazard without any, one area that says nothing."""
        for area in areas or [CapArea("", (), None)]:
            yield area, self.where(area)

    def where(self, area: CapArea) -> Where:
        """A message's own shape before the regions that it names."""
        if area.shape is not None:
            return Where(Placed.SHAPE, area.shape)
        found = tuple(self.regions[code] for code in area.codes if code in self.regions)
        if found:
            shapes = [shape for region in found if (shape := self._shape(region)) is not None]
            return Where(Placed.REGION, shapely.union_all(shapes) if shapes else None, found)
        if area.codes and all(abroad(code) for code in area.codes):
            return Where(Placed.ABROAD)
        return Where(Placed.UNKNOWN)

    def municipalities(self, areas: Sequence[CapArea]) -> Touched:
        """{municipality: (the largest share of its land that an area covers, whether placed by regions only)}."""
        touched: Touched = {}
        for _, where in self.areas(areas):
            for area_id, (share, coarse) in self._touched_by(where).items():
                before = touched.get(area_id)
                if before is None or before[1] > coarse or (before[1] == coarse and (share or 0) > (before[0] or 0)):
                    touched[area_id] = (share, coarse)
        return touched

    def _touched_by(self, where: Where) -> Touched:
        if where.placed is Placed.SHAPE and where.shape is not None:
            return self._by_shape(where.shape, coarse=False)
        touched: Touched = {}
        for region in where.regions:
            if region.place is not None:
                touched |= self._by_shape(to_shape(region.place), coarse=True)
            else:
                shares = municipality_shares(self.session, region)
                touched |= {area: (share, True) for area, share in shares.items()}
        return touched

    def _by_shape(self, shape: shapely.Geometry, *, coarse: bool) -> Touched:
        if self.version is None:
            return {}
        key = shape.wkb
        if key not in self._shares:
            self._shares[key] = shares_touched(self.session, self.version, shape)
        return {area: (share, coarse) for area, share in self._shares[key].items()}

    def _shape(self, region: WarningRegion) -> shapely.Geometry | None:
        """The region's place, or about that: the municipalities that it is."""
        key = region.scheme, region.code
        if key not in self._shapes:
            if region.place is not None:
                self._shapes[key] = to_shape(region.place)
            else:
                self._shapes[key] = self._of_municipalities(region)
        return self._shapes[key]

    def _of_municipalities(self, region: WarningRegion) -> shapely.Geometry | None:
        mostly = [code for code, share in region.shares.items() if share >= 0.5]
        wkb = self.session.scalar(
            select(func.ST_AsBinary(func.ST_Union(Boundary.place)))
            .join(Area, Area.id == Boundary.area_id)
            .where(Boundary.version_id == self.version, Area.level == Level.MUNICIPALITY, Area.code.in_(mostly))
        )
        return None if wkb is None else shapely.from_wkb(bytes(wkb))
