"""A raster hazard in another CRS than the population, by nearest neighbour on a grid nested in the population's cells.

Each population cell is cut into equal parts, at most half a hazard cell wide; each part takes the hazard cell that
holds its centre. Where the centres lie in the hazard is computed exactly at nodes of the population's grid and
interpolated in between, with nodes so dense that it is right within TOLERANCE of a hazard cell. Nodes belong to the
grid, not to the window being read: the result does not depend on windows.
"""

from __future__ import annotations

from collections.abc import Iterator

import numba
import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer
from pyproj.exceptions import ProjError

from gis.errors import UnknownCrs
from gis.population import Population
from gis.source import Source
from gis.values import Chunk, grown

TOLERANCE = 0.01
"""Of a hazard cell, where a centre may be misplaced."""

MAX_STEP = 16
MAX_TILE = 512


@numba.njit(cache=True, nogil=True)
def _nearest(  # type: ignore[no-untyped-def]
    window, window_row, window_column, shape, rows, columns, row_start, column, parts_y, parts_x, nodes_y, nodes_x, step
):
    """(cell, value, share) of the hazard cells that hold the centres of the parts of each populated cell; inside."""
    size = 1024
    cell = np.empty(size, np.int32)
    value = np.empty(size, window.dtype)
    share = np.empty(size)
    used = 0
    first = row_start[rows[0]]
    inside = np.zeros(row_start[rows[1]] - first)
    one = 1.0 / (parts_y * parts_x)
    for row in range(rows[0], rows[1]):
        for i in range(row_start[row], row_start[row + 1]):
            c = column[i]
            if c < columns[0] or c >= columns[1]:
                continue
            begin = used
            within = 0
            for part_y in range(parts_y):
                v = (row + (part_y + 0.5) / parts_y) / step
                n = int(v)
                v -= n
                for part_x in range(parts_x):
                    u = (c + (part_x + 0.5) / parts_x) / step
                    m = int(u)
                    u -= m
                    a, b = (1.0 - v) * (1.0 - u), (1.0 - v) * u
                    d, e = v * (1.0 - u), v * u
                    hy = a * nodes_y[n, m] + b * nodes_y[n, m + 1] + d * nodes_y[n + 1, m] + e * nodes_y[n + 1, m + 1]
                    hx = a * nodes_x[n, m] + b * nodes_x[n, m + 1] + d * nodes_x[n + 1, m] + e * nodes_x[n + 1, m + 1]
                    if not (0.0 <= hy < shape[0] and 0.0 <= hx < shape[1]):  # also where it is NaN
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
        grid = population.grid
        try:
            self._transformer = Transformer.from_crs(grid.crs, source.crs, always_xy=True)
        except ProjError as error:
            raise UnknownCrs(file=source.name) from error
        step = MAX_STEP
        while True:
            y, x = self._at(*self._nodes(step))
            over = self._over(y, x)
            if not over.any() or step == 1 or self._error(step, y, x, over) <= TOLERANCE:
                break
            step //= 2
        self.nowhere = not over.any()
        self._step, self._y, self._x = step, y, x
        self._parts_y = _parts(y, x, over, axis=0, step=step)
        self._parts_x = _parts(y, x, over, axis=1, step=step)

    def _nodes(self, step: int, shift: float = 0.0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Rows and columns (1-D, in cells) of the nodes; with shift 0.5, of the middles between them."""
        ny, nx = self.population.grid.shape
        rows = np.arange(-(-ny // step) + (not shift), dtype=np.float64)
        columns = np.arange(-(-nx // step) + (not shift), dtype=np.float64)
        return (rows + shift) * step, (columns + shift) * step

    def _at(
        self, rows: NDArray[np.float64], columns: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Row and column in the source, (rows, columns) each, of places in the population's grid; NaN where none."""
        grid, p = self.population.grid, self.source.placement
        x, y = np.meshgrid(grid.left + columns * grid.cell_width, grid.top - rows * grid.cell_height)
        x, y = (np.asarray(place, dtype=np.float64) for place in self._transformer.transform(x, y))
        x, y = np.where(np.isfinite(x), x, np.nan) - p.c, np.where(np.isfinite(y), y, np.nan) - p.f
        determinant = p.a * p.e - p.b * p.d
        return np.asarray((p.a * y - p.d * x) / determinant), np.asarray((p.e * x - p.b * y) / determinant)

    def _over(self, y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which meshes between four nodes may touch the source's extent."""
        ny, nx = self.source.shape
        low_y, high_y = _corners(y)
        low_x, high_x = _corners(x)
        return np.asarray((low_y <= ny) & (high_y >= 0) & (low_x <= nx) & (high_x >= 0))

    def _error(self, step: int, y: NDArray[np.float64], x: NDArray[np.float64], over: NDArray[np.bool_]) -> float:
        """Largest misplacement of the middles between the nodes, in cells of the source."""
        exact_y, exact_x = self._at(*self._nodes(step, 0.5))
        error = np.hypot(_middles(y) - exact_y, _middles(x) - exact_x)[over]
        return float(np.max(error, initial=0.0, where=np.isfinite(error)))

    def chunks(self, window_cells: int) -> Iterator[Chunk]:
        """The values at all populated cells, strip by strip; at most about window_cells cells of the source at once."""
        people = self.population
        ny, nx = people.grid.shape
        side = int(np.sqrt(window_cells) * 2 / max(self._parts_y, self._parts_x))
        side = min(max(side, 1), MAX_TILE)
        for first in range(0, ny, side):
            rows = first, min(first + side, ny)
            a, b = int(people.row_start[rows[0]]), int(people.row_start[rows[1]])
            if a == b:
                continue
            cells, values, shares = [np.empty(0, np.int32)], [np.empty(0, self.source.dtype)], [np.empty(0)]
            inside = np.zeros(b - a)
            for tile in np.unique(people.column[a:b] // side):
                columns = int(tile) * side, min((int(tile) + 1) * side, nx)
                window, y, x = self._window(rows, columns)
                if window is None:
                    continue
                cell, value, share, within = _nearest(
                    window,
                    y,
                    x,
                    self.source.shape,
                    rows,
                    columns,
                    people.row_start,
                    people.column,
                    self._parts_y,
                    self._parts_x,
                    self._y,
                    self._x,
                    self._step,
                )
                cells.append(cell)
                values.append(value)
                shares.append(share)
                inside += within
            cell = np.concatenate(cells)
            order = np.argsort(cell, kind="stable")
            yield Chunk(
                a,
                b - a,
                np.concatenate(values)[order],
                self.source.stored_dtype,
                cell[order],
                np.concatenate(shares)[order],
                inside,
            )

    def _window(self, rows: tuple[int, int], columns: tuple[int, int]) -> tuple[NDArray[np.floating] | None, int, int]:
        """The source's cells under a tile of the population (None where there are none), their first row and column."""
        part = (
            slice(rows[0] // self._step, -(-rows[1] // self._step) + 1),
            slice(columns[0] // self._step, -(-columns[1] // self._step) + 1),
        )
        y, x = self._y[part], self._x[part]
        if not (np.isfinite(y).any() and np.isfinite(x).any()):
            return None, 0, 0
        ny, nx = self.source.shape
        top, bottom = max(0, int(np.nanmin(y))), min(ny, int(np.nanmax(y)) + 1)
        left, right = max(0, int(np.nanmin(x))), min(nx, int(np.nanmax(x)) + 1)
        if top >= bottom or left >= right:
            return None, 0, 0
        return self.source.read(top, left, bottom - top, right - left), top, left


def _corners(nodes: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    four = np.stack([nodes[:-1, :-1], nodes[:-1, 1:], nodes[1:, :-1], nodes[1:, 1:]])
    return four.min(axis=0), four.max(axis=0)


def _middles(nodes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((nodes[:-1, :-1] + nodes[:-1, 1:] + nodes[1:, :-1] + nodes[1:, 1:]) / 4)


def _parts(y: NDArray[np.float64], x: NDArray[np.float64], over: NDArray[np.bool_], *, axis: int, step: int) -> int:
    """Into how many parts to cut a population cell so that a part is at most half a hazard cell long."""
    length = np.hypot(np.diff(y, axis=axis), np.diff(x, axis=axis)) / step
    length = np.maximum(length[:-1], length[1:]) if axis else np.maximum(length[:, :-1], length[:, 1:])
    longest = float(np.max(length[over], initial=0.5, where=np.isfinite(length[over])))
    return int(np.ceil(2 * longest - 1e-6))
