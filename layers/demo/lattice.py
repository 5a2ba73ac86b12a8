"""The grid on which the made country is drawn, and the noise that keeps it from looking drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS
from rasterio.transform import Affine
from scipy import ndimage

from gis.grid import Grid

Float = NDArray[np.float64]

KM_PER_DEGREE: Final = 111.2
LEFT, TOP, WIDTH, HEIGHT = 15.6, 45.4, 4.15, 2.95


@dataclass(frozen=True)
class Lattice:
    """A grid over the country with `per_degree` cells to the degree; row 0 is north."""

    per_degree: int

    @property
    def shape(self) -> tuple[int, int]:
        return round(HEIGHT * self.per_degree), round(WIDTH * self.per_degree)

    @property
    def grid(self) -> Grid:
        step = 1 / self.per_degree
        return Grid(CRS.from_epsg(4326), LEFT, TOP, step, step, *self.shape)

    @property
    def affine(self) -> Affine:
        """From columns and rows to longitude and latitude."""
        return Affine(1 / self.per_degree, 0.0, LEFT, 0.0, -1 / self.per_degree, TOP)

    @property
    def cell_km(self) -> tuple[float, float]:
        """Height and width of a cell in the country's middle."""
        height = KM_PER_DEGREE / self.per_degree
        return height, height * float(np.cos(np.radians(44.0)))

    def cell(self, lon: float | Float, lat: float | Float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Row and column of the cell with the place, moved to the edge where it lies outside."""
        row = np.floor((TOP - np.asarray(lat)) * self.per_degree).astype(np.int64)
        column = np.floor((np.asarray(lon) - LEFT) * self.per_degree).astype(np.int64)
        return np.clip(row, 0, self.shape[0] - 1), np.clip(column, 0, self.shape[1] - 1)

    def centres(self) -> tuple[Float, Float]:
        """Longitude (nx,) and latitude (ny,) of the cells' centres."""
        ny, nx = self.shape
        return LEFT + (np.arange(nx) + 0.5) / self.per_degree, TOP - (np.arange(ny) + 0.5) / self.per_degree

    def noise(self, random: np.random.Generator, *, km: float, octaves: int = 4, along: float = 1.0) -> Float:
        """Smooth noise about 0 with standard deviation 1, features of `km` and halves of it, (ny, nx).

        along: how much longer the features are from north-west to south-east, as the Dinarides lie.
        """
        total: Float = np.zeros(self.shape)
        for octave in range(octaves):
            total += self._noise(random, max(km / 2**octave, self.cell_km[0]), along) / 2**octave
        return np.asarray((total - total.mean()) / total.std())

    def _noise(self, random: np.random.Generator, km: float, along: float) -> Float:
        side = int(np.hypot(WIDTH, HEIGHT) * KM_PER_DEGREE / km) + 6
        coarse = ndimage.spline_filter(random.standard_normal((side, side)), order=3)
        lon, lat = self.centres()
        x = (lon - LEFT)[None, :] * KM_PER_DEGREE * np.cos(np.radians(44.0))
        y = (TOP - lat)[:, None] * KM_PER_DEGREE
        turned = (x + y) / np.sqrt(2), (y - x) / np.sqrt(2) + WIDTH * KM_PER_DEGREE / np.sqrt(2)
        places = np.stack([turned[0] / (km * along) + 2, turned[1] / km + 2])
        found: Float = ndimage.map_coordinates(coarse, places, order=3, mode="mirror", prefilter=False)
        return found
