"""Where people live in the made country: at seats and settlements, in valleys, by municipality exactly the census."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import rasterio.features
import shapely
from numpy.typing import NDArray
from scipy import ndimage

from gis.exposure import ExposureIndex
from gis.population import population_from_array
from layers.demo import facts
from layers.demo.facts import Float
from layers.demo.lattice import KM_PER_DEGREE, Lattice

FEWEST = 0.08
"""Cells with fewer expected persons stay empty."""


@dataclass(frozen=True)
class Place:
    """A seat or settlement and its share of the municipality's people outside scattered houses."""

    lon: float
    lat: float
    share: float


def spread(
    polygons: Sequence[shapely.Polygon],
    suitable: Float,
    lattice: Lattice,
    random: np.random.Generator,
) -> NDArray[np.float32]:
    """Persons in each cell, (ny, nx): each polygon's sum by coverage is its municipality's census figure.

    polygons: of facts.municipalities(), in their order. suitable: how well one can live there, 0..1, (ny, nx).
    """
    owner = rasterio.features.rasterize(
        [(p, i) for i, p in enumerate(polygons)],
        lattice.shape,
        fill=-1,
        transform=lattice.affine,
        dtype="int16",
    )
    rough = np.exp(0.5 * random.standard_normal(lattice.shape)) * suitable
    hamlets = lattice.noise(random, km=1.6, octaves=3)
    scattered = rough * np.where(hamlets > 0.7, np.exp(1.2 * hamlets), 0.0)
    people = np.zeros(lattice.shape)
    boxes = ndimage.find_objects(owner.astype(np.int32) + 1, max_label=len(polygons))
    for i, municipality in enumerate(facts.municipalities()):
        box = boxes[i]
        own = owner[box] == i
        rural = 0.4 * np.exp(-municipality.people_2013 / municipality.area_km2 / 700)
        houses = scattered[box] * own + 1e-9 * own
        inside = houses / houses.sum() * rural
        for place in _places(municipality, polygons[i]):
            near = _around(place, municipality.people_2013 * (1 - rural), box, lattice) * own * (rough[box] + 1e-6)
            inside += (1 - rural) * place.share * near / max(near.sum(), 1e-30)
        people[box] += inside * municipality.people_2013 / inside.sum() * own
    people[people < FEWEST] = 0
    return _to_the_census(people, polygons, lattice)


def _places(municipality: facts.Municipality, polygon: shapely.Polygon) -> list[Place]:
    settlements = [s for s in facts.settlements() if s.municipality == municipality.code]
    others = [
        s
        for s in settlements
        if np.hypot(s.lon - municipality.lon, s.lat - municipality.lat) > 0.004
        and polygon.contains(shapely.Point(s.lon, s.lat))
    ]
    at_seat = sum(s.people_1991 for s in settlements) - sum(s.people_1991 for s in others)
    # Settlements that are not in the table live around the seat, and around the others by their size.
    weights = [max(at_seat, 500, 0.3 * sum(s.people_1991 for s in settlements))]
    weights += [s.people_1991 + 60.0 for s in others]
    points = [(municipality.lon, municipality.lat), *((s.lon, s.lat) for s in others)]
    total = sum(weights)
    return [Place(*point, weight / total) for point, weight in zip(points, weights, strict=True)]


def _around(place: Place, people: float, box: tuple[slice, slice], lattice: Lattice) -> Float:
    """How near the cells of a box are to the place; large places reach further."""
    reach_km = float(np.clip(0.3 * (place.share * people / 2000) ** 0.42, 0.25, 2.2))
    lon, lat = lattice.centres()
    x = (lon[box[1]] - place.lon) * KM_PER_DEGREE * np.cos(np.radians(44.0))
    y = (lat[box[0]] - place.lat) * KM_PER_DEGREE
    distance = np.hypot(x[None, :], y[:, None])
    near: Float = np.where(distance < 7 * reach_km, np.exp(-distance / reach_km), 0.0)
    return near


def _to_the_census(people: Float, polygons: Sequence[shapely.Polygon], lattice: Lattice) -> NDArray[np.float32]:
    """Scale cells until the coverage-weighted sum of each polygon is its census figure."""
    census = np.array([m.people_2013 for m in facts.municipalities()], dtype=np.float64)
    population = population_from_array(people, lattice.grid)
    index = ExposureIndex.build(population, np.array(polygons, dtype=object))
    zone = np.repeat(np.arange(index.zones), np.diff(index.zone_start))
    cell, cells = index.entry_cell, len(population.people)
    share = index.entry_people / population.people[cell]
    covered = np.bincount(cell, share, cells)
    # Nobody lives in cells that reach abroad: they would be counted in no municipality.
    inhabitants = np.where(covered > 1 - 1e-9, population.people, 0.0)
    for _ in range(25):
        factor = census / np.bincount(zone, share * inhabitants[cell], index.zones)
        inhabitants *= np.bincount(cell, share * factor[zone], cells) / np.maximum(covered, 1e-9)
    kept = inhabitants.astype(np.float32).astype(np.float64)
    inner = share > 1 - 1e-9
    missing = census - np.bincount(zone, share * kept[cell], index.zones)
    own = np.bincount(zone[inner], kept[cell[inner]], index.zones)
    kept[cell[inner]] *= 1 + (missing / own)[zone[inner]]
    result = np.zeros(lattice.shape, dtype=np.float32)
    result[population.row, population.column] = kept
    return result
