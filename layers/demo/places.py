"""Points, lines and areas of the made country: roads, facilities, areas that nobody may enter, an event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import rasterio.features
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import csgraph

from layers.demo import facts
from layers.demo.boundaries import inside_of, neighbours
from layers.demo.facts import Float, Municipality
from layers.demo.lattice import KM_PER_DEGREE, Lattice

ROADS = Lattice(100)
HOSPITALS_FROM = 45_000
ONE_SCHOOL_PER = 7_000
VETO_AREAS = 40
DEPTH_CLASSES = (0.3, 0.7, 1.5)
"""Metres from which a flooded area is drawn as shallow, medium, deep."""


@dataclass(frozen=True)
class Feature:
    """A shape in EPSG:4326 with its properties."""

    shape: shapely.Geometry
    properties: Mapping[str, Any] = field(default_factory=dict)


# --- roads -----------------------------------------------------------------------------------------------------------


def roads(elevation_m: Float) -> list[Feature]:
    """Roads from seat to seat where the way is easiest; seats on no main road are joined to the nearest one that is.

    elevation_m: on ROADS.
    """
    by_code = {m.code: m for m in facts.municipalities()}
    slope = np.hypot(*np.gradient(elevation_m, ROADS.cell_km[0] * 1000, ROADS.cell_km[1] * 1000))
    hollow = elevation_m - ndimage.minimum_filter(elevation_m, 9)
    # Some seats lie on the river that is the border.
    inside = ndimage.binary_dilation(inside_of(ROADS), iterations=2)
    graph, number = neighbours(inside, 1 + 12 * slope + hollow / 250, ROADS)
    cell = {code: int(number[ROADS.cell(m.lon, m.lat)]) for code, m in by_code.items()}
    legs = [(r.number, r.category, r.name, a, b) for r in facts.roads() for a, b in zip(r.stops, r.stops[1:])]  # noqa: B905  pairs of neighbours
    joined = {code for r in facts.roads() for code in r.stops}
    for m in by_code.values():
        if m.code not in joined:
            end = min(joined, key=lambda code: (_apart(m, by_code[code]), code))
            legs.append(("R", "regional", f"{m.name} – {by_code[end].name}", m.code, end))
    starts = sorted({leg[3] for leg in legs})
    _, before = csgraph.dijkstra(graph, indices=[cell[c] for c in starts], return_predecessors=True)
    lon, lat = ROADS.centres()
    rows, columns = np.nonzero(inside)
    found = []
    for road, category, name, a, b in legs:
        path = [cell[b]]
        while path[-1] != cell[a]:
            path.append(int(before[starts.index(a), path[-1]]))
        line = np.column_stack([lon[columns[path]], lat[rows[path]]])
        line = ndimage.gaussian_filter1d(line, 1.2, axis=0, mode="nearest")
        line[0], line[-1] = (by_code[b].lon, by_code[b].lat), (by_code[a].lon, by_code[a].lat)
        shape = shapely.LineString(np.round(line, 4))
        found.append(Feature(shape, {"name": name, "category": category, "number": road}))
    return found


def _apart(one: Municipality, other: Municipality) -> float:
    return float(np.hypot((one.lon - other.lon) * 0.72, one.lat - other.lat))


# --- facilities ------------------------------------------------------------------------------------------------------


def facilities(polygons: Sequence[shapely.Polygon], random: np.random.Generator) -> list[Feature]:
    """Made hospitals, health centres, fire stations, schools, halls and headquarters near seats and settlements."""
    return [
        Feature(_near(place, polygon, random), {"name": f"{name} (demo)", "category": category, "demo": True})
        for municipality, polygon in zip(facts.municipalities(), polygons, strict=True)
        for name, category, place in _needed(municipality, polygon)
    ]


def _needed(municipality: Municipality, polygon: shapely.Polygon) -> Iterator[tuple[str, str, tuple[float, float]]]:
    """Name, category and about where."""
    seat = (municipality.lon, municipality.lat)
    if municipality.people_2013 >= HOSPITALS_FROM:
        yield f"Bolnica {municipality.name}", "hospital", seat
    yield f"Dom zdravlja {municipality.name}", "clinic", seat
    yield f"Vatrogasna stanica {municipality.name}", "fire_station", seat
    yield f"Policijska stanica {municipality.name}", "police", seat
    yield f"Štab {municipality.name}", "civil_protection", seat
    yield f"Sportska dvorana {municipality.name}", "sports_hall", seat
    settlements = [
        s
        for s in facts.settlements()
        if s.municipality == municipality.code and polygon.contains(shapely.Point(s.lon, s.lat))
    ]
    schools = 1 + municipality.people_2013 // ONE_SCHOOL_PER
    places = [(municipality.seat, seat), *((s.name, (s.lon, s.lat)) for s in settlements)]
    for i in range(min(schools, 14)):
        name, place = places[i % len(places)] if i < len(places) else places[0]
        yield f"Osnovna škola {i + 1} {name}", "school", place


def _near(
    place: tuple[float, float], polygon: shapely.Polygon, random: np.random.Generator, km: float = 0.6
) -> shapely.Point:
    for _ in range(20):
        lon = place[0] + random.normal(0, km) / KM_PER_DEGREE / 0.72
        lat = place[1] + random.normal(0, km) / KM_PER_DEGREE
        point = shapely.Point(round(lon, 5), round(lat, 5))
        if polygon.contains(point):
            return point
    return shapely.Point(place)


# --- areas -----------------------------------------------------------------------------------------------------------


def veto_areas(people: NDArray[np.float32], lattice: Lattice, random: np.random.Generator) -> list[Feature]:
    """Made suspected hazardous areas where nobody of the made country lives: none of them is a real one."""
    empty = ndimage.minimum_filter(people == 0, 13) & inside_of(lattice)
    rows, columns = np.nonzero(empty)
    lon, lat = lattice.centres()
    found = []
    for number, i in enumerate(random.choice(len(rows), VETO_AREAS, replace=False), 1):
        angles = np.linspace(0, 2 * np.pi, 14)[:-1]
        km = random.uniform(0.25, 0.75) * random.uniform(0.6, 1.2, len(angles))
        x = lon[columns[i]] + km * np.cos(angles) / KM_PER_DEGREE / 0.72
        y = lat[rows[i]] + km * np.sin(angles) / KM_PER_DEGREE
        shape = shapely.Polygon(np.round(np.column_stack([x, y]), 5))
        name = f"Sumnjiva površina {number} (demo)"
        found.append(Feature(shape, {"name": name, "category": "suspected_mined_area", "demo": True}))
    return found


def event(depth_m: Float, where: shapely.Polygon, lattice: Lattice) -> list[Feature]:
    """Flooded areas by depth class, from made depths inside a region."""
    step = 1 / lattice.per_degree
    place = lattice.affine
    region = rasterio.features.rasterize([where], lattice.shape, transform=place, dtype="uint8").astype(bool)
    classes = np.digitize(ndimage.gaussian_filter(np.where(region, depth_m, 0.0), 1.0), DEPTH_CLASSES).astype(np.uint8)
    found = []
    for shape, value in rasterio.features.shapes(classes, mask=classes > 0, connectivity=4, transform=place):
        polygon = shapely.simplify(shapely.geometry.shape(shape), 0.8 * step)
        if polygon.area > 12 * step * step:
            rounded = shapely.transform(polygon, lambda points: np.round(points, 5))
            if rounded.is_valid:
                found.append(Feature(rounded, {"depth_class": int(value), "event": "May 2014 (illustrative)"}))
    return found
