"""A raster hazard in another CRS than the population, by nearest neighbour on a grid nested in the population's cells.

Each population cell is cut into equal parts, at most half a hazard cell wide; each part takes the hazard cell that
holds its centre. Where the centres lie in the hazard is computed exactly at nodes of the population's grid and
interpolated in between by parabolas. In a mesh where that would be wrong by more than TOLERANCE of a hazard cell (where
two datum shifts meet, or a projection ends) every centre is computed exactly. Meshes belong to the grid, not to the
window being read: the result does not depend on windows.
"""

from __future__ import annotations

from collections.abc import Iterator

import numba
import numpy as np
import shapely
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from pyproj import Transformer
from pyproj.exceptions import ProjError

from gis.errors import UnknownCrs
from gis.grid import Float
from gis.population import Population
from gis.source import Source
from gis.values import Chunk, grown

TOLERANCE = 1e-6
"""Of a hazard cell, where a centre may be misplaced."""

MAX_STEP = 16
MAX_TILE = 512
BATCH = 2**20
PROBES = (0.25, 0.25), (0.25, 0.75)
"""Places in a mesh where a parabola through its edges and its middle is furthest from a smooth curve."""

Entries = tuple[NDArray[np.int32], NDArray[np.floating], Float]


@numba.njit(cache=True, nogil=True)
def _parabola(u):  # type: ignore[no-untyped-def]
    """What the values at 0, 1/2 and 1 count at u."""
    return (1.0 - u) * (1.0 - 2.0 * u), 4.0 * u * (1.0 - u), u * (2.0 * u - 1.0)


@numba.njit(cache=True, nogil=True)
def _nearest(  # type: ignore[no-untyped-def]
    window, window_row, window_column, shape, rows, columns, row_start, column, parts, nodes_y, nodes_x, step, smooth
):
    """(cell, value, share) of the hazard cells that hold the centres of the parts of each populated cell; inside.

    smooth: which meshes may be interpolated; nothing is told of cells in the others.
    """
    parts_y, parts_x = parts
    size = 1024
    cell = np.empty(size, np.int32)
    value = np.empty(size, window.dtype)
    share = np.empty(size)
    used = 0
    first = row_start[rows[0]]
    inside = np.zeros(row_start[rows[1]] - first)
    one = 1.0 / (parts_y * parts_x)
    for row in range(rows[0], rows[1]):
        n = row // step
        for i in range(row_start[row], row_start[row + 1]):
            c = column[i]
            m = c // step
            if c < columns[0] or c >= columns[1] or not smooth[n, m]:
                continue
            begin = used
            within = 0
            for part_y in range(parts_y):
                a, b, d = _parabola((row - n * step + (part_y + 0.5) / parts_y) / step)
                y, x = 2 * n, 2 * m
                y0 = a * nodes_y[y, x] + b * nodes_y[y + 1, x] + d * nodes_y[y + 2, x]
                y1 = a * nodes_y[y, x + 1] + b * nodes_y[y + 1, x + 1] + d * nodes_y[y + 2, x + 1]
                y2 = a * nodes_y[y, x + 2] + b * nodes_y[y + 1, x + 2] + d * nodes_y[y + 2, x + 2]
                x0 = a * nodes_x[y, x] + b * nodes_x[y + 1, x] + d * nodes_x[y + 2, x]
                x1 = a * nodes_x[y, x + 1] + b * nodes_x[y + 1, x + 1] + d * nodes_x[y + 2, x + 1]
                x2 = a * nodes_x[y, x + 2] + b * nodes_x[y + 1, x + 2] + d * nodes_x[y + 2, x + 2]
                for part_x in range(parts_x):
                    a, b, d = _parabola((c - m * step + (part_x + 0.5) / parts_x) / step)
                    hy = a * y0 + b * y1 + d * y2
                    hx = a * x0 + b * x1 + d * x2
                    if not (0.0 <= hy < shape[0] and 0.0 <= hx < shape[1]):
                        continue
                    within += 1
                    z = window[int(hy) - window_row, int(hx) - window_column]
                    if np.isnan(z):
                        continue
                    if used > begin and value[used - 1] == z:
                        share[used - 1] += one
                    else:
                        if used == size:
                            size *= 2
                            cell, value, share = grown(cell, value, share, size)
                        cell[used], value[used], share[used] = i, z, one
                        used += 1
            inside[i - first] = within / (parts_y * parts_x)
    return cell[:used].copy(), value[:used].copy(), share[:used].copy(), inside


class Warp:
    """A source in another CRS on a population's grid.

    nowhere: True where the source lies nowhere over the population's grid. Raises UnknownCrs.
    """

    def __init__(self, source: Source, population: Population) -> None:
        self.source, self.population = source, population
        try:
            self._transformer = Transformer.from_crs(population.grid.crs, source.crs, always_xy=True)
        except ProjError as error:
            raise UnknownCrs(file=source.name) from error
        ny, nx = population.grid.shape
        self._step = MAX_STEP
        while True:
            y, x = self._nodes(self._step)
            over = self._over(y, x)
            wrong = over & ~(self._error(y, x) <= TOLERANCE)
            self._parts = _parts(y, x, over, 0, self._step), _parts(y, x, over, 1, self._step)
            centres = wrong.sum() * self._step**2 * self._parts[0] * self._parts[1]
            if self._step == 1 or centres <= 16 * ny * nx / self._step**2:  # as many as the nodes of the next step
                break
            self._step //= 2
        self._y, self._x, self._smooth, self._exact = y, x, over & ~wrong, wrong
        self.nowhere = not over.any() or not self._outline_meets_source()

    def _nodes(self, step: int) -> tuple[Float, Float]:
        """Row and column in the source of the nodes: corners, middles of edges and middles of meshes of step cells."""
        ny, nx = self.population.grid.shape
        rows, columns = (np.arange(2 * -(-n // step) + 1) * (step / 2) for n in (ny, nx))
        return self._at(*np.meshgrid(rows, columns, indexing="ij"))

    def _at(self, rows: Float, columns: Float) -> tuple[Float, Float]:
        """Row and column in the source of places (in cells) in the population's grid; NaN where there are none."""
        grid, p = self.population.grid, self.source.placement
        x, y = self._transformer.transform(
            grid.left + columns * grid.cell_width, grid.top - rows * grid.cell_height, inplace=True
        )
        x, y = np.where(np.isfinite(x), x, np.nan) - p.c, np.where(np.isfinite(y), y, np.nan) - p.f
        determinant = p.a * p.e - p.b * p.d
        return np.asarray((p.a * y - p.d * x) / determinant), np.asarray((p.e * x - p.b * y) / determinant)

    def _over(self, y: Float, x: Float) -> NDArray[np.bool_]:
        """Which meshes may touch the source's extent, (meshes, meshes)."""
        over = np.ones((y.shape[0] // 2, y.shape[1] // 2), dtype=bool)
        for nodes, size in zip((y, x), self.source.shape, strict=True):
            low, high = _reach(nodes)
            over &= (low <= size) & (high >= 0)
        return over

    def _error(self, y: Float, x: Float) -> Float:
        """Largest misplacement found in each mesh, in cells of the source; NaN where a place has none."""
        n, m = np.indices((y.shape[0] // 2, y.shape[1] // 2))
        largest = np.zeros(n.shape)
        for v, u in PROBES:
            exact_y, exact_x = self._at((n + v) * self._step, (m + u) * self._step)
            error = np.hypot(_between(y, v, u) - exact_y, _between(x, v, u) - exact_x)
            largest = np.maximum(largest, error)
        return largest

    def _outline_meets_source(self) -> bool:
        """True where the population's grid and the source's extent have an area in common."""
        (ny, nx), (rows, columns) = self.population.grid.shape, self.source.shape
        along_y, along_x = np.linspace(0, ny, min(ny, 1000) + 1), np.linspace(0, nx, min(nx, 1000) + 1)
        y, x = self._at(
            np.concatenate([0 * along_x, along_y, ny + 0 * along_x, along_y[::-1]]),
            np.concatenate([along_x, nx + 0 * along_y, along_x[::-1], 0 * along_y]),
        )
        if not (np.isfinite(y).all() and np.isfinite(x).all()):
            return True  # the projection ends within the grid; what its nodes say has to do
        outline = shapely.make_valid(shapely.Polygon(np.column_stack([x, y])))
        return bool(shapely.area(shapely.intersection(outline, shapely.box(0, 0, columns, rows))) > 0)

    def chunks(self, window_cells: int) -> Iterator[Chunk]:
        """The values at all populated cells, strip by strip; at most about window_cells cells of the source at once."""
        people = self.population
        ny, nx = people.grid.shape
        side = int(np.sqrt(window_cells) * 2 / max(self._parts))
        side = min(max(side, 1), MAX_TILE)
        for first in range(0, ny, side):
            rows = first, min(first + side, ny)
            a, b = int(people.row_start[rows[0]]), int(people.row_start[rows[1]])
            if a == b:
                continue
            found: list[Entries] = [(np.empty(0, np.int32), np.empty(0, self.source.dtype), np.empty(0))]
            inside = np.zeros(b - a)
            for tile in np.unique(people.column[a:b] // side):
                columns = int(tile) * side, min((int(tile) + 1) * side, nx)
                found.append(self._interpolated(rows, columns, inside))
                found += self._exactly(rows, columns, inside)
            cell, value, share = (np.concatenate(parts) for parts in zip(*found, strict=True))
            order = np.argsort(cell, kind="stable")
            yield Chunk(a, b - a, value[order], self.source.stored_dtype, cell[order], share[order], inside)

    def _interpolated(self, rows: tuple[int, int], columns: tuple[int, int], inside: Float) -> Entries:
        """Entries of the cells in smooth meshes of a tile; adds to inside (of the rows' cells) what is of them."""
        n, m = (slice(a // self._step, -(-b // self._step)) for a, b in (rows, columns))
        smooth = self._smooth[n, m]
        bounds = []
        for nodes, size in zip((self._y, self._x), self.source.shape, strict=True):
            low, high = _reach(nodes[2 * n.start : 2 * n.stop + 1, 2 * m.start : 2 * m.stop + 1])
            start = max(0, int(np.min(low, initial=size, where=smooth)))
            bounds.append((start, min(size, int(np.max(high, initial=-1, where=smooth)) + 1) - start))
        (y, height), (x, width) = bounds
        if height <= 0 or width <= 0:
            return np.empty(0, np.int32), np.empty(0, self.source.dtype), np.empty(0)
        cell, value, share, within = _nearest(
            self.source.read(y, x, height, width),
            y,
            x,
            self.source.shape,
            rows,
            columns,
            self.population.row_start,
            self.population.column,
            self._parts,
            self._y,
            self._x,
            self._step,
            self._smooth,
        )
        inside += within
        return cell, value, share

    def _exactly(self, rows: tuple[int, int], columns: tuple[int, int], inside: Float) -> Iterator[Entries]:
        """The same of the cells in the other meshes of a tile."""
        people, step = self.population, self._step
        a, b = int(people.row_start[rows[0]]), int(people.row_start[rows[1]])
        if not self._exact[rows[0] // step : -(-rows[1] // step), columns[0] // step : -(-columns[1] // step)].any():
            return
        row = np.repeat(np.arange(*rows), np.diff(people.row_start[rows[0] : rows[1] + 1]))
        column = people.column[a:b]
        mesh = row // step * self._exact.shape[1] + column // step
        cells = np.flatnonzero((column >= columns[0]) & (column < columns[1]) & self._exact.ravel()[mesh])
        cells = cells[np.argsort(mesh[cells], kind="stable")]
        centres_y, centres_x = ((np.arange(parts) + 0.5) / parts for parts in self._parts)
        parts = len(centres_y) * len(centres_x)
        ends = np.flatnonzero(np.diff(mesh[cells], append=-1)) + 1
        start = 0
        while start < len(cells):  # never further than to the mesh's end: a batch's places lie close together
            end = min(start + max(1, BATCH // parts), int(ends[np.searchsorted(ends, start, side="right")]))
            batch = cells[start:end]
            start = end
            v, u = np.broadcast_arrays(
                (row[batch, None] + centres_y)[:, :, None], (column[batch, None] + centres_x)[:, None, :]
            )
            y, x = self._at(v, u)
            there = (y >= 0) & (y < self.source.shape[0]) & (x >= 0) & (x < self.source.shape[1])  # not where it is NaN
            inside[batch] = there.mean(axis=(1, 2))
            if not there.any():
                continue
            y, x = y[there].astype(np.int64), x[there].astype(np.int64)
            top, left = int(y.min()), int(x.min())
            window = self.source.read(top, left, int(y.max()) + 1 - top, int(x.max()) + 1 - left)
            value = window[y - top, x - left]
            cell = (a + np.broadcast_to(batch[:, None, None], there.shape)[there]).astype(np.int32)
            wet = ~np.isnan(value)
            yield cell[wet], value[wet], np.full(int(wet.sum()), 1.0 / parts)


def _meshes(nodes: Float) -> Float:
    """The 3 x 3 nodes of each mesh, (meshes, meshes, 3, 3)."""
    return sliding_window_view(nodes, (3, 3))[::2, ::2]


def _reach(nodes: Float) -> tuple[Float, Float]:
    """Lowest and highest that the parabolas of each mesh can get, with some to spare; NaN where no node has a place."""
    three = _meshes(nodes)
    low, high = np.fmin.reduce(three, axis=(2, 3)), np.fmax.reduce(three, axis=(2, 3))
    # Between its nodes a parabola leaves their range by an eighth of its second difference at most.
    bent = sum(np.abs(np.diff(three, 2, axis=axis)).max(axis=(2, 3)) for axis in (2, 3)) / 2
    bent = np.where(np.isnan(bent), high - low, bent)
    return low - bent, high + bent


def _between(nodes: Float, v: float, u: float) -> Float:
    """The parabolas of each mesh at one place in it, (meshes, meshes)."""
    return np.asarray(np.einsum("nmij,i,j->nm", _meshes(nodes), _parabola(v), _parabola(u)))


def _parts(y: Float, x: Float, over: NDArray[np.bool_], axis: int, step: int) -> int:
    """Into how many parts to cut a population cell so that a part is at most half a hazard cell long."""
    length = np.hypot(*(np.diff(_meshes(nodes), axis=2 + axis) for nodes in (y, x))).max(axis=(2, 3)) / (step / 2)
    longest = float(np.max(length, initial=0.5, where=over & np.isfinite(length)))
    return int(np.ceil(2 * longest - 1e-6))
