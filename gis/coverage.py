"""Exact coverage fractions of polygons on a grid.

Each edge of a polygon adds, to the cells it passes, the signed area to its right, and to all cells further right in the
row its signed height; the running sum along a row is then the covered share of each cell. This is the accumulation that
font rasterisers use; it is exact up to rounding and costs only the cells on the boundary.
"""

from __future__ import annotations

import numba
import numpy as np
import shapely
from numpy.typing import NDArray

from gis.grid import NEGLIGIBLE, Grid


@numba.njit(cache=True, nogil=True)
def _add(pieces, used, row, column, height, area):  # type: ignore[no-untyped-def]
    if used == len(pieces):
        grown = np.empty((2 * used, 4))
        for i in range(used):
            for k in range(4):
                grown[i, k] = pieces[i, k]
        pieces = grown
    pieces[used, 0] = row
    pieces[used, 1] = column
    pieces[used, 2] = height
    pieces[used, 3] = area
    return pieces, used + 1


@numba.njit(cache=True, nogil=True)
def _edge_pieces(x, y, sign, ny, nx, pieces, used):  # type: ignore[no-untyped-def]
    """Cut a ring's edges at the cell boundaries. Pieces: row, column, signed height, signed area to the right."""
    for i in range(len(x) - 1):
        u0, v0, u1, v1, direction = x[i], y[i], x[i + 1], y[i + 1], sign
        if v0 == v1:
            continue
        if v0 > v1:  # always walked downwards: the same edge of two neighbours then cuts at the same points
            u0, v0, u1, v1, direction = u1, v1, u0, v0, -sign
        if v1 <= 0.0 or v0 >= ny:
            continue
        slope = (u1 - u0) / (v1 - v0)
        first = 0 if v0 < 0.0 else int(np.floor(v0))
        last = ny if v1 > ny else int(np.ceil(v1))
        for row in range(first, last):
            top = v0 if v0 > row else float(row)
            bottom = v1 if v1 < row + 1 else float(row + 1)
            ua = u0 if top == v0 else u0 + (top - v0) * slope
            ub = u1 if bottom == v1 else u0 + (bottom - v0) * slope
            height = bottom - top
            if height <= 0.0:
                continue
            low, high = (ua, ub) if ua <= ub else (ub, ua)
            if low >= nx:
                continue
            if high <= 0.0:
                pieces, used = _add(pieces, used, row, 0, direction * height, direction * height)
                continue
            width = high - low
            if int(np.floor(low)) == int(np.floor(high)) or width == 0.0:
                column = int(np.floor(low))
                if low < 0.0:
                    column = 0
                share = 1.0 - (0.5 * (low + high) - column)
                pieces, used = _add(pieces, used, row, column, direction * height, direction * height * share)
                continue
            per_width = height / width
            if low < 0.0:
                left = -low * per_width
                pieces, used = _add(pieces, used, row, 0, direction * left, direction * left)
                low = 0.0
            end = high if high < nx else float(nx)
            for column in range(int(np.floor(low)), int(np.ceil(end))):
                a = low if low > column else float(column)
                b = end if end < column + 1 else float(column + 1)
                part = (b - a) * per_width
                if part > 0.0:
                    share = 1.0 - (0.5 * (a + b) - column)
                    pieces, used = _add(pieces, used, row, column, direction * part, direction * part * share)
    return pieces, used


@numba.njit(cache=True, nogil=True)
def _lower_bound(values, start, end, wanted):  # type: ignore[no-untyped-def]
    while start < end:
        middle = (start + end) // 2
        if values[middle] < wanted:
            start = middle + 1
        else:
            end = middle
    return start


@numba.njit(cache=True, nogil=True)
def _sort_by_column(pieces, order, a, b):  # type: ignore[no-untyped-def]
    """Shell sort of order[a:b]: most rows have few pieces, and numba's own sort is slow to load from its cache."""
    for gap in (1750, 701, 301, 132, 57, 23, 10, 4, 1):
        for i in range(a + gap, b):
            j, moved = i, order[i]
            while j >= a + gap and pieces[order[j - gap], 1] > pieces[moved, 1]:
                order[j] = order[j - gap]
                j -= gap
            order[j] = moved


@numba.njit(cache=True, nogil=True)
def _room(cells, shares, used, size):  # type: ignore[no-untyped-def]
    more_cells = np.empty(size, np.int32)
    more_shares = np.empty(size, np.float64)
    for i in range(used):
        more_cells[i] = cells[i]
        more_shares[i] = shares[i]
    return more_cells, more_shares


@numba.njit(cache=True, nogil=True)
def _covered_cells(  # type: ignore[no-untyped-def]
    x, y, ring_start, polygon_start, geometry_start, ny, nx, row_start, column_of
):
    geometries = len(geometry_start) - 1
    starts = np.zeros(geometries + 1, np.int64)
    cells = np.empty(1024, np.int32)
    shares = np.empty(1024, np.float64)
    used_out = 0
    pieces = np.empty((1024, 4))
    for g in range(geometries):
        used = 0
        for p in range(geometry_start[g], geometry_start[g + 1]):
            for r in range(polygon_start[p], polygon_start[p + 1]):
                a, b = ring_start[r], ring_start[r + 1]
                doubled = 0.0
                for i in range(a, b - 1):
                    doubled += (x[i] - x[a]) * (y[i + 1] - y[a]) - (x[i + 1] - x[a]) * (y[i] - y[a])
                # Shells must add and holes take away, however the file winds them (y grows downwards here).
                sign = -1.0 if doubled > 0 else 1.0
                if r > polygon_start[p]:
                    sign = -sign
                pieces, used = _edge_pieces(x[a:b], y[a:b], sign, ny, nx, pieces, used)
        if used == 0:
            starts[g + 1] = used_out
            continue
        first, rows = ny, 0
        for i in range(used):
            first = min(first, int(pieces[i, 0]))
            rows = max(rows, int(pieces[i, 0]) + 1)
        rows -= first
        row_from = np.zeros(rows + 1, np.int64)
        for i in range(used):
            row_from[int(pieces[i, 0]) - first + 1] += 1
        for i in range(rows):
            row_from[i + 1] += row_from[i]
        order = np.empty(used, np.int64)
        for i in range(used):
            k = int(pieces[i, 0]) - first
            order[row_from[k]] = i
            row_from[k] += 1
        for k in range(rows, 0, -1):
            row_from[k] = row_from[k - 1]
        row_from[0] = 0
        for k in range(rows):
            a, b = row_from[k], row_from[k + 1]
            if a == b:
                continue
            _sort_by_column(pieces, order, a, b)
            row = first + k
            row_a, row_b = row_start[row], row_start[row + 1]
            at = row_a
            running = 0.0
            i = a
            while i < b:
                column = int(pieces[order[i], 1])
                height, area = 0.0, 0.0
                while i < b and int(pieces[order[i], 1]) == column:
                    height += pieces[order[i], 2]
                    area += pieces[order[i], 3]
                    i += 1
                at = _lower_bound(column_of, at, row_b, column)
                share = running + area
                until = at
                if at < row_b and column_of[at] == column:
                    until = at + 1
                running += height
                beyond = until
                if abs(running) > NEGLIGIBLE:
                    next_column = int(pieces[order[i], 1]) if i < b else nx
                    beyond = _lower_bound(column_of, until, row_b, next_column)
                needed = used_out + (beyond - at)
                if needed > len(cells):
                    cells, shares = _room(cells, shares, used_out, max(needed, 2 * len(cells)))
                if until > at and share > NEGLIGIBLE:
                    cells[used_out] = at
                    shares[used_out] = share if share < 1.0 - NEGLIGIBLE else 1.0
                    used_out += 1
                inner = min(max(running, 0.0), 1.0)
                if inner > 1.0 - NEGLIGIBLE:
                    inner = 1.0
                for cell in range(until, beyond):
                    cells[used_out] = cell
                    shares[used_out] = inner
                    used_out += 1
                at = beyond
        starts[g + 1] = used_out
    return starts, cells[:used_out], shares[:used_out]


def coverage_of_cells(
    polygons: NDArray[np.object_],
    grid: Grid,
    row_start: NDArray[np.int64],
    column: NDArray[np.int32],
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
    """Covered share of the chosen cells of a grid, per polygon: (start, cell, share).

    polygons: (n,) valid shapely (multi)polygons in the grid's CRS. Chosen cells: those of row r are
    column[row_start[r]:row_start[r + 1]], rising. Polygon i covers cell[start[i]:start[i + 1]] (positions among the
    chosen cells, rising) by share, 0 < share <= 1. Parts of a polygon outside the grid cover nothing.
    """
    parts = np.empty(len(polygons), dtype=object)
    parts[:] = [
        shapely.multipolygons([p]) if p.geom_type == "Polygon" else p for p in polygons
    ]  # one kind, so that they go into flat arrays in one step
    if not len(parts):
        return np.zeros(1, np.int64), np.empty(0, np.int32), np.empty(0)
    _, coordinates, (ring, polygon, geometry) = shapely.to_ragged_array(parts)
    x = (coordinates[:, 0] - grid.left) / grid.cell_width
    y = (grid.top - coordinates[:, 1]) / grid.cell_height
    start, cell, share = _covered_cells(
        x,
        y,
        ring.astype(np.int64),
        polygon.astype(np.int64),
        geometry.astype(np.int64),
        grid.ny,
        grid.nx,
        row_start,
        column,
    )
    return start, cell, share


def coverage_fraction(polygon: shapely.Geometry, grid: Grid) -> NDArray[np.float64]:
    """Share of each cell that the polygon covers, (ny, nx) in 0..1; the polygon is valid and in the grid's CRS."""
    row_start = np.arange(grid.ny + 1, dtype=np.int64) * grid.nx
    column = np.tile(np.arange(grid.nx, dtype=np.int32), grid.ny)
    fractions = np.zeros(grid.ny * grid.nx)
    _, cell, share = coverage_of_cells(np.array([polygon], dtype=object), grid, row_start, column)
    fractions[cell] = share
    return fractions.reshape(grid.shape)
