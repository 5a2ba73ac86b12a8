"""Illustrative terrain: plains along the rivers, ridges between them, the Dinarides from north-west to south-east."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from layers.demo import facts
from layers.demo.facts import Float
from layers.demo.lattice import KM_PER_DEGREE, Lattice
from layers.demo.rivers import Valley

STAGE_SHARE: Mapping[float, float] = {10: 0.45, 20: 0.60, 50: 0.82, 100: 1.0, 200: 1.17, 500: 1.40}
"""How far the flood of a return period (years) rises, as a share of the one of 100 years."""


@dataclass(frozen=True)
class Terrain:
    """By cell, (ny, nx). river_km: distance to the nearest river; plain: 1 in the plains of rivers, 0 in the hills."""

    elevation_m: Float
    river_km: Float
    plain: Float


def bank_height_m(valley: Valley, roughness: Float) -> Float:
    """How high the ground lies above the bank of the valley's river, in metres, (ny, nx).

    Rises slowly within the plain and steeply beyond it; roughness (about 0) makes the plain uneven.
    """
    across = valley.distance_km / valley.plain_km * np.exp(0.28 * roughness)
    # The flood of 100 years fills about half of the plain, the one of 10 years a fifth.
    slope = valley.stage_m * (0.2 + 2.2 * across**1.5)
    result: Float = slope + 30 * np.maximum(across - 1.4, 0) ** 1.3
    return result


def flood_depths(
    valleys: Sequence[Valley], roughness: Float, periods: Sequence[float] = tuple(STAGE_SHARE)
) -> dict[float, Float]:
    """Depth of water in metres by return period (years), (ny, nx), to a centimetre; 0 is dry, never less when rarer."""
    depths: dict[float, Float] = {period: np.zeros(roughness.shape) for period in periods}
    for valley in valleys:
        height = bank_height_m(valley, roughness)
        for period in periods:
            np.maximum(depths[period], valley.stage_m * STAGE_SHARE[period] - height, out=depths[period])
    return {period: np.asarray(np.round(np.where(depth < 0.05, 0.0, depth), 2)) for period, depth in depths.items()}


def terrain(valleys: Sequence[Valley], roughness: Float, lattice: Lattice, random: np.random.Generator) -> Terrain:
    """Ground above the sea, (ny, nx): river plains that fall with their rivers, hills and mountains between them."""
    ridge = _ridges(lattice)
    relief = 1 - np.abs(lattice.noise(random, km=9, octaves=5, along=2.2)) / 1.6
    # The floor of all valleys, without steps where the nearest river changes.
    nearest = np.argmin([v.distance_km for v in valleys], axis=0)
    bed = np.choose(nearest, [v.bed_m for v in valleys])
    floor = ndimage.gaussian_filter(np.minimum(bed, 0.8 * ridge), 5 / lattice.cell_km[0])
    river_km = np.min([v.distance_km for v in valleys], axis=0)
    plain_km = np.choose(nearest, [v.plain_km for v in valleys])
    away = np.maximum(river_km - plain_km, 0)
    rise = 1 - np.exp(-((away / 3.2) ** 1.2))
    hills = floor + np.maximum(ridge - floor, 25) * rise * np.clip(0.55 + 0.5 * relief, 0.12, 1.08)
    heights = [v.bed_m + bank_height_m(v, roughness) for v in valleys]
    low = np.min(heights, axis=0)
    across = np.min([v.distance_km / v.plain_km for v in valleys], axis=0)
    share = np.clip((across - 0.9) / 1.1, 0, 1)
    share = share * share * (3 - 2 * share)
    plain = 1 - share
    ground: Float = plain * np.minimum(low, bed + 60) + share * hills
    return Terrain(np.maximum(ground, 0.0), river_km, plain)


def _ridges(lattice: Lattice) -> Float:
    """How high ridges are, (ny, nx): the uplands' levels smoothed, with mountains that stretch from north-west."""
    coarse = Lattice(100)
    lon, lat = coarse.centres()
    x, y = lon[None, :] * np.cos(np.radians(44.0)) * KM_PER_DEGREE, lat[:, None] * KM_PER_DEGREE
    weights = np.full(coarse.shape, 1e-12)
    level = np.zeros(coarse.shape)
    for u, v, metres in facts.uplands():
        near = np.exp(
            -((x - u * np.cos(np.radians(44.0)) * KM_PER_DEGREE) ** 2 + (y - v * KM_PER_DEGREE) ** 2) / (2 * 15.0**2)
        )
        weights += near
        level += near * metres
    level /= weights
    raised = np.zeros(coarse.shape)
    for u, v, metres in facts.peaks():
        dx, dy = x - u * np.cos(np.radians(44.0)) * KM_PER_DEGREE, y - v * KM_PER_DEGREE
        along, across = (dx - dy) / np.sqrt(2), (dx + dy) / np.sqrt(2)
        raised = np.maximum(
            raised, (metres - level) * np.exp(-0.5 * ((along / 9.0) ** 2 + (across / 4.5) ** 2)) * (metres > level)
        )
    ratio = lattice.per_degree // coarse.per_degree
    zoomed: Float = ndimage.zoom(level + raised, ratio, order=1, mode="nearest", grid_mode=True)
    return np.asarray(ndimage.gaussian_filter(zoomed, 1.0 / lattice.cell_km[0]))
