"""A place that is asked about: drawn, uploaded, a circle, or the surroundings of a point or a line; in degrees."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from pyproj import CRS, Geod, Transformer

from foundation.errors import N_
from gis import polygons
from layers import sources
from layers.country import BOUNDS
from layers.errors import (
    PlaceNotUnderstood,
    PlaceOutside,
    PlaceSwapped,
    PlaceTangled,
    PlaceTooLarge,
    PlaceTooSmall,
    PlaceWithoutArea,
    ReaderDied,
    TooLong,
    TooManyCorners,
    TooMuchMemory,
    WrongDistance,
)
from layers.findings import Finding, finding
from layers.sandbox import Limits, run

MOST_CORNERS: Final = 20_000
LEAST_M2: Final = 100.0
MOST_KM2: Final = 500_000.0
LEAST_DISTANCE_M, MOST_DISTANCE_M = 1.0, 100_000.0
CIRCLE_CORNERS: Final = 256  # its area is 0.01 % short of the circle's
STRAIGHT_DEGREES: Final = 0.02
"""Longer edges get corners in between before another projection bends them; they are straight in degrees."""

ROUGH: Final = 0.002
"""The surroundings of a line are drawn to so much of their width."""

WIDEST_DEGREES, LONGEST_DEGREES = 40.0, 2000.0
METRES_PER_DEGREE: Final = 111_320.0
TAME_CORNERS: Final = 200
"""Up to so many corners, even the most tangled outline is repaired in a tenth of a second."""

LIMITS: Final = Limits(memory_bytes=2**30, cpu_seconds=60)
TANGLED: Final = Limits(memory_bytes=2**30, cpu_seconds=15)
EARTH: Final = Geod(ellps="WGS84")


@dataclass(frozen=True)
class Place:
    """A valid polygon or multipolygon in degrees, with what had to be done to it."""

    geometry: shapely.Geometry
    area_km2: float
    findings: tuple[Finding, ...] = ()

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """left, bottom, right, top in degrees."""
        return tuple(float(v) for v in self.geometry.bounds)  # type: ignore[return-value]

    def geojson(self) -> dict[str, Any]:
        """As a GeoJSON geometry."""
        return dict(json.loads(shapely.to_geojson(self.geometry)))


def drawn(geojson: Mapping[str, Any], buffer_m: float | None = None) -> Place:
    """The place of a GeoJSON geometry, feature or collection of polygons; with buffer_m also of points and lines.

    buffer_m: all that lies within so many metres belongs to it, too. Self-intersections are repaired and told.
    Raises PlaceNotUnderstood, PlaceWithoutArea, TooManyCorners, PlaceTangled, WrongDistance, PlaceTooSmall,
    PlaceTooLarge.
    """
    try:
        geometry = shapely.force_2d(shapely.from_geojson(json.dumps(geojson)))
    except (shapely.errors.GEOSException, TypeError, ValueError, RecursionError) as error:
        raise PlaceNotUnderstood(reason=_reason(error)) from error
    if geometry is None or geometry.is_empty:
        raise PlaceNotUnderstood(reason=N_("it is empty"))
    parts = shapely.get_parts(shapely.get_parts(geometry))
    _refuse_parts(parts, buffer_m)
    if shapely.get_num_coordinates(parts).sum() > TAME_CORNERS and not _tame(parts, buffer_m):
        return _place_of_sandbox(parts, buffer_m)
    return _place(parts, buffer_m)


def circle(longitude: float, latitude: float, radius_m: float) -> Place:
    """All that lies within so many metres of a point, on the ellipsoid. Raises as drawn()."""
    return drawn({"type": "Point", "coordinates": [longitude, latitude]}, radius_m)


def uploaded(path: Path, name: str, options: Mapping[str, Any] | None = None) -> Place:
    """The place of an untrusted file of polygons, read in the sandbox; several polygons are one place.

    name: the file as its owner calls it. options: layer, crs, only (layers.sources). Raises what sources.read_features
    raises, TooMuchMemory, TooLong, ReaderDied, and as drawn().
    """
    read = run(
        "layers.places:read_polygons",
        {"path": str(path), "name": name, "options": dict(options or {})},
        files=[name],
        limits=LIMITS,
        reads=[path],
    )
    place = drawn(read["geometry"])
    return Place(place.geometry, place.area_km2, (*read["findings"], *place.findings))


def read_polygons(*, path: str, name: str, options: dict[str, Any]) -> dict[str, Any]:
    """Runs in the sandbox: {"geometry": GeoJSON of all polygons of the file as one, "findings"}.

    Raises TooManyCorners and what sources.read_features raises.
    """
    features = sources.read_features(path, name, needed="polygons", options=options)
    _refuse_corners(features.geometry)
    findings = list(features.findings)
    if len(features) > 1:
        findings.append(
            finding("joined", N_("The {count} polygons of the file were taken together."), count=len(features))
        )
    whole = polygons.areas(shapely.union_all(features.geometry))
    return {"geometry": json.loads(shapely.to_geojson(whole)), "findings": findings}


def refuse_outside(place: Place) -> None:
    """Raise PlaceOutside of a place outside the country, PlaceSwapped where longitude and latitude are exchanged."""
    left, bottom, right, top = place.bounds
    found = f"{left:.4g}–{right:.4g}° E, {bottom:.4g}–{top:.4g}° N"
    if shapely.box(bottom, left, top, right).intersects(shapely.box(*BOUNDS)):
        raise PlaceSwapped(found=found)
    raise PlaceOutside(found=found)


def _tame(parts: Any, buffer_m: float | None) -> bool:
    """True where nothing has to be joined, repaired or widened: what takes time as the square of the corners."""
    return buffer_m is None and len(parts) == 1 and bool(shapely.is_valid(parts[0]))


def _place_of_sandbox(parts: Any, buffer_m: float | None) -> Place:
    asked = {"parts": shapely.to_wkb(parts, hex=True).tolist(), "buffer_m": buffer_m}
    try:
        read = run("layers.places:place_of_parts", asked, files=["–"], limits=TANGLED)
    except (TooLong, TooMuchMemory, ReaderDied) as error:
        raise PlaceTangled from error
    return Place(shapely.from_wkb(read["geometry"]), read["area_km2"], tuple(read["findings"]))


def place_of_parts(*, parts: list[str], buffer_m: float | None) -> dict[str, Any]:
    """Runs in the sandbox: what _place() makes of polygons, lines and points given as WKB."""
    place = _place(np.array(shapely.from_wkb(parts), dtype=object), buffer_m)
    return {
        "geometry": shapely.to_wkb(place.geometry, hex=True),
        "area_km2": place.area_km2,
        "findings": list(place.findings),
    }


def _refuse_parts(parts: Any, buffer_m: float | None) -> None:
    _refuse_corners(parts)
    if not np.isfinite(shapely.get_coordinates(parts)).all():
        raise PlaceNotUnderstood(reason=N_("a corner is no pair of numbers"))
    left, bottom, right, top = shapely.total_bounds(parts)
    if max(abs(left), abs(right)) > 180 or max(abs(bottom), abs(top)) > 90:
        raise PlaceNotUnderstood(reason=N_("a corner is not on Earth"))
    if shapely.length(parts).sum() > LONGEST_DEGREES:
        raise PlaceTangled
    if max(right - left, top - bottom) > WIDEST_DEGREES:
        raise PlaceTooLarge(km2=(right - left) * (top - bottom) * 8000, most=MOST_KM2)
    if buffer_m is None and not np.isin(shapely.get_type_id(parts), (sources.POLYGON, sources.MULTIPOLYGON)).all():
        raise PlaceWithoutArea
    if buffer_m is not None and not LEAST_DISTANCE_M <= buffer_m <= MOST_DISTANCE_M:
        raise WrongDistance(metres=buffer_m, least=LEAST_DISTANCE_M, most=MOST_DISTANCE_M)


def _place(parts: Any, buffer_m: float | None) -> Place:
    findings: list[Finding] = []
    areal = np.isin(shapely.get_type_id(parts), (sources.POLYGON, sources.MULTIPOLYGON))
    if (areal & ~shapely.is_valid(parts)).any():
        parts = parts.copy()
        parts[areal], _ = polygons.repair(parts[areal])
        text = N_("The outline crossed itself and was repaired; look whether the area is the one that you meant.")
        findings.append(finding("invalid_repaired", text))
    geometry = shapely.union_all(parts)
    if buffer_m is not None:
        geometry = _around(geometry, buffer_m)
    geometry = polygons.areas(geometry)
    _refuse_corners(geometry)
    km2 = _km2(geometry)
    # Of a sliver, what it measures is how its edges bend: in degrees they do not.
    if min(km2 * 1e6, float(geometry.area) * METRES_PER_DEGREE**2) < LEAST_M2:
        raise PlaceTooSmall(least_m2=LEAST_M2)
    if km2 > MOST_KM2:
        raise PlaceTooLarge(km2=km2, most=MOST_KM2)
    return Place(geometry, km2, tuple(findings))


def _refuse_corners(parts: Any) -> None:
    corners = int(shapely.get_num_coordinates(parts).sum())
    if corners > MOST_CORNERS:
        raise TooManyCorners(corners=corners, most=MOST_CORNERS)


def _around(geometry: shapely.Geometry, distance_m: float) -> shapely.Geometry:
    """What lies within a distance; a point's circle exactly, everything else in a projection centred on it."""
    if geometry.geom_type == "Point":
        bearings = np.linspace(360.0, 0.0, CIRCLE_CORNERS, endpoint=False)
        here = np.full(CIRCLE_CORNERS, geometry.x), np.full(CIRCLE_CORNERS, geometry.y)
        longitude, latitude, _ = EARTH.fwd(*here, bearings, np.full(CIRCLE_CORNERS, distance_m))
        return shapely.Polygon(np.column_stack([longitude, latitude]))
    middle = geometry.envelope.centroid
    local = CRS.from_proj4(f"+proj=aeqd +lat_0={middle.y!r} +lon_0={middle.x!r} +datum=WGS84 +units=m")
    there = Transformer.from_crs(4326, local, always_xy=True)
    back = Transformer.from_crs(local, 4326, always_xy=True)
    flat = shapely.transform(shapely.segmentize(geometry, STRAIGHT_DEGREES), _pairs(there))
    around = shapely.simplify(shapely.buffer(flat, distance_m, quad_segs=16), distance_m * ROUGH)
    return polygons.areas(shapely.make_valid(shapely.transform(around, _pairs(back))))


def _pairs(transformer: Transformer) -> Any:
    return lambda xy: np.column_stack(transformer.transform(*xy.T))


def _km2(geometry: shapely.Geometry) -> float:
    """Area on the ellipsoid of what is straight in degrees."""
    fine = shapely.segmentize(geometry, STRAIGHT_DEGREES)
    return float(shapely.area(shapely.transform(fine, _pairs(_equal_area())))) / 1e6


@lru_cache(maxsize=1)
def _equal_area() -> Transformer:
    return Transformer.from_crs(4326, CRS.from_proj4("+proj=cea +datum=WGS84 +units=m"), always_xy=True)


def _reason(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
