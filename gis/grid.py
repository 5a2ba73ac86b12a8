"""A raster's grid: where its cells lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

Float = NDArray[np.float64]

SNAP = 1e-6
"""Cell edges of two grids closer than this share of a cell are the same edge: files round their origins."""


NEGLIGIBLE = 1e-10
"""A share of a cell closer than this to none or to all of it differs by rounding only."""


@dataclass(frozen=True)
class Grid:
    """A north-up grid of ny rows and nx columns; cell (0, 0) is the upper left one.

    left, top: the outer corner, cell_width, cell_height: > 0, all in units of the CRS.
    """

    crs: CRS
    left: float
    top: float
    cell_width: float
    cell_height: float
    ny: int
    nx: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.ny, self.nx

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """left, bottom, right, top in units of the CRS."""
        return (
            self.left,
            self.top - self.ny * self.cell_height,
            self.left + self.nx * self.cell_width,
            self.top,
        )


@dataclass(frozen=True)
class Placement:
    """The affine transform of a raster: x = a*column + b*row + c, y = d*column + e*row + f."""

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float

    @property
    def rotated(self) -> bool:
        return self.b != 0 or self.d != 0

    def grid(self, crs: CRS, shape: tuple[int, int]) -> Grid:
        """The same as a north-up grid; only where it is not rotated."""
        return Grid(crs, self.c, self.f, self.a, -self.e, *shape)


@dataclass(frozen=True)
class Axis:
    """Where the cells of another grid begin and end along one axis, counted in cells of this grid.

    edges: (n + 1,), rising; n cells of the other grid. size: cells of this grid along the axis.
    """

    edges: Float
    size: int

    @classmethod
    def between(cls, start: float, step: float, count: int, size: int) -> Axis:
        """Edges at start + i * step, those within SNAP of a cell edge moved onto it."""
        edges = start + step * np.arange(count + 1)
        whole = np.round(edges)
        return cls(np.where(np.abs(edges - whole) < SNAP, whole, edges), size)

    def inside(self) -> Float:
        """Share of each cell of this grid that the other grid's extent covers, (size,)."""
        return extent_share(self.edges[0], self.edges[-1], self.size)

    @property
    def one_to_one(self) -> bool:
        """True where the cells of both grids coincide."""
        return bool((self.edges == self.edges[0] + np.arange(len(self.edges))).all() and self.edges[0] % 1 == 0)

    def first_over(self) -> NDArray[np.int64]:
        """For each cell of this grid, the first cell of the other grid over it, (size,); n where all lie before it."""
        return np.maximum(np.searchsorted(self.edges, np.arange(self.size), side="right") - 1, 0)

    def until(self, cell: int) -> int:
        """How many cells of the other grid begin before the given cell of this grid."""
        return int(np.searchsorted(self.edges[:-1], cell, side="left"))


def extent_share(start: float, end: float, size: int) -> Float:
    """Share of each of `size` unit cells that lies in [start, end], (size,) in 0..1."""
    cells = np.arange(size, dtype=np.float64)
    share = np.clip(np.minimum(end, cells + 1) - np.maximum(start, cells), 0.0, 1.0)
    return np.where(share < NEGLIGIBLE, 0.0, np.where(share > 1.0 - NEGLIGIBLE, 1.0, share))


def axes(grid: Grid, other: Grid) -> tuple[Axis, Axis]:
    """(rows, columns) of `other` as Axis on `grid`; both must have the same CRS."""
    rows = Axis.between(
        (grid.top - other.top) / grid.cell_height, other.cell_height / grid.cell_height, other.ny, grid.ny
    )
    columns = Axis.between(
        (other.left - grid.left) / grid.cell_width, other.cell_width / grid.cell_width, other.nx, grid.nx
    )
    return rows, columns
