"""Fire danger and land cover of the made country, from its terrain and its people."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from layers.demo.facts import Float
from layers.demo.lattice import Lattice

TREES, SHRUBS, GRASS, CROPS, BUILT, BARE, WATER, WETLAND = 10, 20, 30, 40, 50, 60, 80, 90
"""Class numbers of ESA WorldCover."""
WETLANDS = ((17.75, 43.05, 0.06), (17.45, 45.11, 0.04), (16.92, 43.74, 0.07))


def fire_danger(elevation_m: Float, lattice: Lattice, random: np.random.Generator) -> Float:
    """A summer's fire weather index, 0–80, (ny, nx): high in Herzegovina, low on mountains and in the north."""
    lon, lat = lattice.centres()
    # How far a place lies behind the line from Livno to Trebinje, in degrees towards the sea.
    south = (43.9 - lat)[:, None] + 0.62 * (17.0 - lon)[None, :] * 0.6 + 0.15
    index = 14 + 46 / (1 + np.exp(-4.5 * south)) + 4 * (45.0 - lat)[:, None]
    index = index - 9 * np.clip(elevation_m / 1000, 0, 2.2) + 3.5 * lattice.noise(random, km=25, octaves=4)
    return np.asarray(np.round(np.clip(index, 0, 80), 1))


def land_cover(
    elevation_m: Float, plain: Float, density_km2: Float, water: NDArray[np.bool_], lattice: Lattice, noise: Float
) -> NDArray[np.uint8]:
    """WorldCover's classes, (ny, nx). plain: 1 in river plains; water: cells with standing or flowing water."""
    lon, lat = lattice.centres()
    cover = np.full(lattice.shape, TREES, dtype=np.uint8)
    south = (43.75 - lat)[:, None] + 0.35 * (17.3 - lon)[None, :] > 0
    cover[(noise > 0.55) & (elevation_m > 300)] = GRASS
    cover[south & (elevation_m < 900) & (noise < 0.6)] = SHRUBS
    cover[(elevation_m < 320) & ~south & (noise > -0.35)] = CROPS
    cover[(plain > 0.4) & (elevation_m < 950)] = CROPS
    cover[(elevation_m > 1550) & (noise > -0.4)] = GRASS
    cover[elevation_m > 1950] = BARE
    for u, v, degrees in WETLANDS:
        near = np.hypot((lon - u)[None, :] * 0.72, (lat - v)[:, None]) < degrees * (1 + 0.25 * noise)
        cover[near & (plain > 0.2)] = WETLAND
    cover[density_km2 > 700] = BUILT
    cover[water] = WATER
    return cover
