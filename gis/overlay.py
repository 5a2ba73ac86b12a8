"""A raster hazard over a population grid in the same CRS: exact area shares, whatever the two grids."""

from __future__ import annotations

from collections.abc import Iterator

import numba
import numpy as np
from numpy.typing import NDArray

from gis.grid import Axis, axes
from gis.population import Population
from gis.source import Source
from gis.values import Chunk, grown


@numba.njit(cache=True, nogil=True)
def _take(window, window_row, window_column, rows, row_start, column):  # type: ignore[no-untyped-def]
    """Values at the populated cells of rows, NaN outside; window_row, window_column: the cell it begins at."""
    first = row_start[rows[0]]
    values = np.empty(row_start[rows[1]] - first, window.dtype)
    for row in range(rows[0], rows[1]):
        y = row - window_row
        for i in range(row_start[row], row_start[row + 1]):
            x = column[i] - window_column
            if 0 <= y < window.shape[0] and 0 <= x < window.shape[1]:
                values[i - first] = window[y, x]
            else:
                values[i - first] = np.nan
    return values


@numba.njit(cache=True, nogil=True)
def _overlaps(  # type: ignore[no-untyped-def]
    window, window_row, window_column, rows, columns, row_start, column, row_edges, column_edges, row_from, column_from
):
    """(cell, value, share) of the hazard cells over the populated cells in rows x columns; equal neighbours joined."""
    size = 1024
    cell = np.empty(size, np.int32)
    value = np.empty(size, window.dtype)
    share = np.empty(size)
    used = 0
    for row in range(rows[0], rows[1]):
        for i in range(row_start[row], row_start[row + 1]):
            c = column[i]
            if c < columns[0] or c >= columns[1]:
                continue
            begin = used
            y = row_from[row]
            while y < len(row_edges) - 1 and row_edges[y] < row + 1:
                height = min(row_edges[y + 1], row + 1.0) - max(row_edges[y], float(row))
                x = column_from[c]
                while x < len(column_edges) - 1 and column_edges[x] < c + 1:
                    width = min(column_edges[x + 1], c + 1.0) - max(column_edges[x], float(c))
                    v = window[y - window_row, x - window_column]
                    if height > 0.0 and width > 0.0 and not np.isnan(v):
                        if used > begin and value[used - 1] == v:
                            share[used - 1] += height * width
                        else:
                            if used == size:
                                size *= 2
                                cell, value, share = grown(cell, value, share, size)
                            cell[used], value[used], share[used] = i, v, height * width
                            used += 1
                    x += 1
                y += 1
    return cell[:used].copy(), value[:used].copy(), share[:used].copy()


class Overlay:
    """A source on the grid of a population with the same CRS.

    nowhere: True where the source's extent and the population's grid have nothing in common.
    """

    def __init__(self, source: Source, population: Population) -> None:
        self.source, self.population = source, population
        self._rows, self._columns = axes(population.grid, source.placement.grid(source.crs, source.shape))
        self._inside_rows, self._inside_columns = self._rows.inside(), self._columns.inside()
        self.nowhere = not (self._inside_rows.any() and self._inside_columns.any())
        self._row_from, self._column_from = self._rows.first_over(), self._columns.first_over()

    def chunks(self, window_cells: int) -> Iterator[Chunk]:
        """The values at all populated cells, strip by strip; at most about window_cells cells of the source at once."""
        people = self.population
        whole = bool(self._inside_rows.min() == 1 and self._inside_columns.min() == 1)
        one_to_one = self._rows.one_to_one and self._columns.one_to_one
        for rows in self._strips(window_cells):
            a, b = int(people.row_start[rows[0]]), int(people.row_start[rows[1]])
            if a == b:
                continue
            columns = people.column[a:b]
            inside = None
            if not whole:
                row = np.repeat(np.arange(*rows), np.diff(people.row_start[rows[0] : rows[1] + 1]))
                inside = self._inside_rows[row] * self._inside_columns[columns]
            if one_to_one:
                yield Chunk(a, b - a, self._taken(rows, columns), self.source.stored_dtype, inside=inside)
            else:
                cell, value, share = self._shares(rows, columns, window_cells)
                yield Chunk(a, b - a, value, self.source.stored_dtype, cell, share, inside)

    def _strips(self, window_cells: int) -> Iterator[tuple[int, int]]:
        """(first, end) rows of the population: as many as a window holds, ending where the source's blocks end."""
        ny, nx = self.population.grid.shape
        width = max(1, self._columns.until(nx) - int(self._column_from[0]))
        block = self.source.block_rows
        rows = window_cells // width // block * block or (block if block * width <= 4 * window_cells else 1)
        until = np.searchsorted(self._rows.edges[:-1], np.arange(1, ny + 1), side="left")
        most = max(1, window_cells // nx)
        first = 0
        while first < ny:
            limit = (int(self._row_from[first]) // rows + 1) * rows
            end = min(max(int(np.searchsorted(until, limit, side="right")), first + 1), first + most, ny)
            yield first, end
            first = end

    def _taken(self, rows: tuple[int, int], columns: NDArray[np.int32]) -> NDArray[np.floating]:
        left, right = int(columns.min()), int(columns.max()) + 1
        y, height = self._window(self._rows, self._row_from, *rows)
        x, width = self._window(self._columns, self._column_from, left, right)
        window = self.source.read(y, x, height, width) if height and width else np.empty((0, 0), self.source.dtype)
        shift_row, shift_column = -int(self._rows.edges[0]), -int(self._columns.edges[0])
        taken: NDArray[np.floating] = _take(
            window,
            y - shift_row,
            x - shift_column,
            rows,
            self.population.row_start,
            self.population.column,
        )
        return taken

    def _shares(
        self, rows: tuple[int, int], columns: NDArray[np.int32], window_cells: int
    ) -> tuple[NDArray[np.int32], NDArray[np.floating], NDArray[np.float64]]:
        cells, values, shares = [np.empty(0, np.int32)], [np.empty(0, self.source.dtype)], [np.empty(0)]
        y, height = self._window(self._rows, self._row_from, *rows)
        for left, right in self._tiles(columns, max(1, 4 * window_cells // max(height, 1))):
            x, width = self._window(self._columns, self._column_from, left, right)
            if not (height and width):
                continue
            cell, value, share = _overlaps(
                self.source.read(y, x, height, width),
                y,
                x,
                rows,
                (left, right),
                self.population.row_start,
                self.population.column,
                self._rows.edges,
                self._columns.edges,
                self._row_from,
                self._column_from,
            )
            cells.append(cell)
            values.append(value)
            shares.append(share)
        cell = np.concatenate(cells)
        order = np.argsort(cell, kind="stable") if len(cells) > 2 else slice(None)
        return cell[order], np.concatenate(values)[order], np.concatenate(shares)[order]

    def _tiles(self, columns: NDArray[np.int32], most: int) -> Iterator[tuple[int, int]]:
        """(first, end) columns of the population under at most `most` columns of the source, where there are people."""
        populated = np.unique(columns)
        i = 0
        while i < len(populated):
            limit = int(self._column_from[populated[i]]) + most
            j = i + 1
            while j < len(populated) and self._columns.until(int(populated[j]) + 1) <= limit:
                j += 1
            yield int(populated[i]), int(populated[j - 1]) + 1
            i = j

    @staticmethod
    def _window(axis: Axis, first_over: NDArray[np.int64], first: int, end: int) -> tuple[int, int]:
        """(start, count) of the source's cells over cells first … end - 1 of the population."""
        start = int(first_over[first])
        return start, max(0, axis.until(end) - start)
