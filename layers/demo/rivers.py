"""Rivers of the made country: courses that wind, and how high the ground lies above the nearest one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from layers.demo.facts import Float, River
from layers.demo.lattice import KM_PER_DEGREE, Lattice

STEP_KM = 0.15
WINDING_KM = 0.35
TIERS = (3.3, 2.3, 0.0)
"""Rivers whose flood of 100 years rises at least so far are looked at together, so that the plain of a large one is not
cut by the brook that is nearer."""


@dataclass(frozen=True)
class Course:
    """A river sampled every 150 m. points: (n, 2); bed_m, plain_km: (n,)."""

    river: River
    points: Float
    bed_m: Float
    plain_km: Float


@dataclass(frozen=True)
class Valley:
    """The nearest river of a tier by cell, (ny, nx): distance, its bank's level, half-width of its plain, stage."""

    distance_km: Float
    bed_m: Float
    plain_km: Float
    stage_m: Float


def wind(river: River, random: np.random.Generator) -> Course:
    """The course through the river's points, swaying no further than WINDING_KM and not at the points themselves."""
    scale = np.array([KM_PER_DEGREE * np.cos(np.radians(44.0)), KM_PER_DEGREE])
    km = river.points * scale
    legs = np.hypot(*np.diff(km, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(legs)])
    at = np.linspace(0, along[-1], max(2, int(along[-1] / STEP_KM)))
    straight = np.column_stack([np.interp(at, along, km[:, i]) for i in (0, 1)])
    smooth = ndimage.gaussian_filter1d(straight, 0.5 / STEP_KM, axis=0, mode="nearest")
    sway = ndimage.gaussian_filter1d(random.standard_normal((len(at), 2)), 0.8 / STEP_KM, axis=0, mode="nearest")
    sway *= WINDING_KM / 2 / max(sway.std(), 1e-9)
    ends = np.minimum(at, along[-1] - at)[:, None]
    points = (smooth + np.clip(sway, -WINDING_KM, WINDING_KM) * np.minimum(ends, 1.0)) / scale
    points[0], points[-1] = river.points[0], river.points[-1]
    return Course(river, points, np.interp(at, along, river.bed_m), np.interp(at, along, river.plain_km))


def valleys(courses: Sequence[Course], lattice: Lattice) -> list[Valley]:
    """For each tier of rivers, from the large to the small, the nearest river of each cell."""
    found = []
    upper = np.inf
    for lower in TIERS:
        chosen = [c for c in courses if lower <= c.river.stage_m < upper]
        upper = lower
        found.append(_nearest(chosen, lattice))
    return found


def _nearest(courses: Sequence[Course], lattice: Lattice) -> Valley:
    points = np.concatenate([c.points for c in courses])
    row, column = lattice.cell(points[:, 0], points[:, 1])
    wet = np.zeros(lattice.shape, dtype=bool)
    wet[row, column] = True
    which: NDArray[np.int64] = np.zeros(lattice.shape, dtype=np.int64)
    which[row, column] = np.arange(len(points))
    distance, at = ndimage.distance_transform_edt(~wet, sampling=lattice.cell_km, return_indices=True)
    nearest = which[at[0], at[1]]
    stage = np.concatenate([np.full(len(c.points), c.river.stage_m) for c in courses])
    return Valley(
        distance,
        np.concatenate([c.bed_m for c in courses])[nearest],
        np.concatenate([c.plain_km for c in courses])[nearest],
        stage[nearest],
    )
