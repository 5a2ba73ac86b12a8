"""A hazard's values at populated cells: what is kept of a hazard once it has been held against people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


@numba.njit(cache=True, nogil=True)
def _flooded_share(cells, first, cell, value, share, thresholds):  # type: ignore[no-untyped-def]
    """Share of each cell at or above each threshold, (cells, thresholds)."""
    flooded = np.zeros((cells, len(thresholds)))
    for i in range(len(cell)):
        for t in range(len(thresholds)):
            if value[i] >= thresholds[t]:
                flooded[cell[i] - first, t] += share[i]
    return flooded


@numba.njit(cache=True, nogil=True)
def grown(cell, value, share, size):  # type: ignore[no-untyped-def]
    """The three arrays of entries with room for more."""
    more_cell = np.empty(size, cell.dtype)
    more_value = np.empty(size, value.dtype)
    more_share = np.empty(size, share.dtype)
    more_cell[: len(cell)] = cell
    more_value[: len(value)] = value
    more_share[: len(share)] = share
    return more_cell, more_value, more_share


def comparable(
    thresholds: Sequence[float], stored_dtype: np.dtype[Any], value_dtype: np.dtype[Any]
) -> NDArray[np.floating]:
    """The thresholds as the hazard's cells hold numbers, so that a float32 0.7 meets 0.7 and an integer 1 meets 0.3.

    stored_dtype: of the file's numbers; value_dtype: of the values compared, which hold the stored ones exactly.
    """
    exact = np.asarray(thresholds, dtype=np.float64)
    with np.errstate(over="ignore"):  # infinity, which no cell reaches
        exact = np.ceil(exact) if stored_dtype.kind in "iu" else exact.astype(stored_dtype)
        return exact.astype(value_dtype)


@dataclass(frozen=True)
class Chunk:
    """A hazard's values at the populated cells first … first + cells - 1.

    Dense (cell and share are None): value (cells,), one a cell, NaN = no data = dry. Otherwise entries (cell, value,
    share), cell rising: hazard values and the area share of the population cell that each has; what is left is dry.
    inside: (cells,) share of each cell within the hazard's bounds, None where the whole population is.
    stored_dtype: how the hazard's file holds its numbers.
    """

    first: int
    cells: int
    value: NDArray[np.floating]
    stored_dtype: np.dtype[Any]
    cell: NDArray[np.int32] | None = None
    share: Float | None = None
    inside: Float | None = None

    @property
    def dense(self) -> bool:
        return self.cell is None

    def comparable(self, thresholds: Sequence[float]) -> NDArray[np.floating]:
        """The thresholds in the hazard's own precision."""
        return comparable(thresholds, self.stored_dtype, self.value.dtype)

    def flooded_share(self, thresholds: NDArray[np.floating]) -> Float:
        """Area share of each cell at or above each threshold (comparable), (cells, thresholds) in 0..1."""
        if self.cell is None or self.share is None:
            return np.asarray(self.value[:, None] >= thresholds, dtype=np.float64)
        share: Float = _flooded_share(self.cells, self.first, self.cell, self.value, self.share, thresholds)
        if self.inside is not None:
            np.minimum(share, self.inside[:, None], out=share)
        return np.minimum(share, 1.0, out=share)

    def by_cell(self) -> tuple[NDArray[np.int64], NDArray[np.floating], Float]:
        """(cell_start, value, share): the entries of cell i are cell_start[i]:cell_start[i + 1]."""
        if self.cell is None or self.share is None:
            wet = ~np.isnan(self.value)
            start = np.concatenate([[0], np.cumsum(wet)])
            return start, self.value[wet], np.ones(int(wet.sum()))
        counts = np.bincount(self.cell - self.first, minlength=self.cells)
        return np.concatenate([[0], np.cumsum(counts)]), self.value, self.share

    def part(self, first: int, end: int) -> Chunk:
        """The cells first … end - 1 of it, without copying."""
        if self.cell is None or self.share is None:
            entries, cell, share = slice(first - self.first, end - self.first), None, None
        else:
            entries = slice(*np.searchsorted(self.cell, [first, end]).tolist())
            cell, share = self.cell[entries], self.share[entries]
        inside = None if self.inside is None else self.inside[first - self.first : end - self.first]
        return Chunk(first, end - first, self.value[entries], self.stored_dtype, cell, share, inside)

    def cut(self, cells: int) -> Iterator[Chunk]:
        """All of it in parts of at most so many cells: what is computed of each needs little memory."""
        end = self.first + self.cells
        for first in range(self.first, end, cells):
            yield self.part(first, min(first + cells, end))

    def within(self, footprint: Float) -> Chunk:
        """The same values where only a share of each populated cell, (all cells,), is modelled."""
        cell_start, value, share = self.by_cell()
        position = np.repeat(np.arange(self.cells, dtype=np.int32), np.diff(cell_start))
        inside = footprint[self.first : self.first + self.cells]
        value, share = value.copy(), np.where(inside[position] > 0, share, 0.0)
        for i in np.flatnonzero((inside > 0) & (inside < 1)):  # few: the cells that the footprint's edge cuts
            entries = slice(cell_start[i], cell_start[i + 1])
            falling = np.argsort(-value[entries], kind="stable")
            value[entries] = value[entries][falling]
            capped = np.minimum(np.cumsum(share[entries][falling]), inside[i])
            share[entries] = np.diff(capped, prepend=0.0)
        return replace(self, cell=self.first + position, value=value, share=share, inside=inside)


def gathered(chunks: Iterable[Chunk]) -> Chunk:
    """All chunks of a hazard as one, to be kept: any threshold is then answered without the hazard's file."""
    parts = list(chunks)
    if len(parts) == 1:
        return parts[0]
    sparse = [p for p in parts if p.cell is not None]
    inside = None if parts[0].inside is None else np.concatenate([p.inside for p in parts if p.inside is not None])
    return Chunk(
        first=parts[0].first,
        cells=sum(p.cells for p in parts),
        value=np.concatenate([p.value for p in parts]),
        stored_dtype=parts[0].stored_dtype,
        cell=np.concatenate([p.cell for p in sparse if p.cell is not None]) if sparse else None,
        share=np.concatenate([p.share for p in sparse if p.share is not None]) if sparse else None,
        inside=inside,
    )
