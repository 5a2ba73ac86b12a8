"""Polygons and circles as the Common Alerting Protocol writes them: latitude,longitude pairs separated by blanks."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import shapely
from pyproj import Geod

from foundation.errors import N_
from layers import country
from layers.findings import Finding, finding

MOST_POINTS: Final = 20_000
CIRCLE_POINTS: Final = 64
MOST_RADIUS_KM: Final = 2_000
MOST_CROSSING_POINTS: Final = 500
EARTH: Final = Geod(ellps="WGS84")
Read = tuple[shapely.Geometry | None, list[Finding]]


def polygon(text: str, where: str) -> Read:
    """(the polygon in longitude and latitude, valid; what is odd about it). Nothing where it cannot be read."""
    pairs = text.split()
    points = [point for pair in pairs[: MOST_POINTS + 1] if (point := _point(pair)) is not None]
    if len(points) != len(pairs) or len(points) < 3:
        return None, [_unreadable(where, text)]
    findings = []
    if points[0] != points[-1]:
        findings.append(finding("open_polygon", N_("{where}: the outline was not closed; it was."), where=where))
    ring = shapely.Polygon(points)
    if ring.convex_hull.area == 0:  # of its own area two loops that run against each other may be nothing
        return None, [_unreadable(where, text)]
    if not ring.is_valid:
        findings.append(
            finding(
                "crossing_polygon",
                N_("{where}: the outline crosses itself; what lies inside of it in any way was taken."),
                where=where,
            )
        )
        ring = _around(ring)
    return (None, [_unreadable(where, text)]) if ring.is_empty else (ring, findings + _swapped(ring, where))


def circle(text: str, where: str) -> Read:
    """(the circle as a polygon of 64 corners, or a point where the radius is 0; what is odd about it).

    Text: latitude,longitude radius in kilometres.
    """
    centre, _, radius = text.partition(" ")
    point = _point(centre)
    try:
        km = float(radius)
    except ValueError:
        km = math.nan
    if point is None or not 0 <= km <= MOST_RADIUS_KM:
        return None, [_unreadable(where, text)]
    lon, lat = point
    if km == 0:
        shape: shapely.Geometry = shapely.Point(lon, lat)
    else:
        around = np.linspace(0, 360, CIRCLE_POINTS, endpoint=False)
        many = np.ones(CIRCLE_POINTS)
        x, y, _back = EARTH.fwd(lon * many, lat * many, around, km * 1000 * many)
        shape = shapely.Polygon(np.column_stack([x, y]))
        if not shape.is_valid or np.ptp(x) > 180:  # around a pole, or over the date line
            return None, [_unreadable(where, text)]
    return shape, _swapped(shape, where)


def _around(ring: shapely.Polygon) -> shapely.Geometry:
    """Every place that an outline goes around, also in loops that run the other way: too much before too little.

    Of one with very many corners the hull: its crossings may be as many as the square of its corners.
    """
    if len(ring.exterior.coords) > MOST_CROSSING_POINTS:
        return ring.convex_hull
    return shapely.union_all(shapely.get_parts(shapely.polygonize([shapely.node(ring.exterior)])))


def near_country(shape: shapely.Geometry) -> bool:
    """Whether a shape's bounds meet those of the country."""
    return bool(shape.intersects(shapely.box(*country.BOUNDS)))


def _point(pair: str) -> tuple[float, float] | None:
    """(longitude, latitude)."""
    try:
        lat, lon = (float(number) for number in pair.split(","))
    except ValueError:
        return None
    return (lon, lat) if -90 <= lat <= 90 and -180 <= lon <= 180 else None


def _swapped(shape: shapely.Geometry, where: str) -> list[Finding]:
    """A shape that lies in the country when its coordinates are exchanged is not moved, only told."""
    if near_country(shape) or not near_country(shapely.transform(shape, lambda points: points[:, ::-1])):
        return []
    return [
        finding(
            "looks_swapped",
            N_(
                "{where} lies far away; with latitude and longitude exchanged it would lie in the country. "
                "Ask the sender."
            ),
            where=where,
        )
    ]


def _unreadable(where: str, text: str) -> Finding:
    return finding(
        "unreadable_shape", N_("{where}: its outline cannot be read ({outline})."), where=where, outline=text[:80]
    )
