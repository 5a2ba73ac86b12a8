"""People exposed to a hazard, per zone.

exposed(zone) = sum over population cells of people * coverage fraction of the zone * flooded share of the cell, where
the flooded share is the area share of the hazard's own cells at or above the threshold (threshold first, then share).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Self

import numba
import numpy as np
from numpy.typing import NDArray

from gis.coverage import coverage_of_cells
from gis.grid import NEGLIGIBLE
from gis.population import Population
from gis.values import Chunk, comparable

CELLS_AT_ONCE = 2**17
"""So many cells of a kept hazard are looked at together: their shares then stay in the processor's cache."""


@numba.njit(cache=True, nogil=True)
def _add_dense(zone_start, entry_cell, entry_people, first, value, thresholds, exposed):  # type: ignore[no-untyped-def]
    """Add, per zone and threshold, the people in cells first… whose value reaches the threshold (NaN never does)."""
    end = first + len(value)
    for zone in range(len(zone_start) - 1):
        a, b = _range(entry_cell, zone_start[zone], zone_start[zone + 1], first, end)
        for t in range(len(thresholds)):
            threshold = thresholds[t]
            total = exposed[zone, t]
            for i in range(a, b):
                if value[entry_cell[i] - first] >= threshold:
                    total += entry_people[i]
            exposed[zone, t] = total


@numba.njit(cache=True, nogil=True)
def _add_shares(zone_start, entry_cell, entry_people, first, share, exposed):  # type: ignore[no-untyped-def]
    """Add, per zone and column of share (cells, columns), people times share."""
    end = first + share.shape[0]
    for zone in range(len(zone_start) - 1):
        a, b = _range(entry_cell, zone_start[zone], zone_start[zone + 1], first, end)
        for t in range(share.shape[1]):
            total = exposed[zone, t]
            for i in range(a, b):
                total += entry_people[i] * share[entry_cell[i] - first, t]
            exposed[zone, t] = total


@numba.njit(cache=True, nogil=True)
def _people(zone_start, entry_people):  # type: ignore[no-untyped-def]
    """People of each zone, added up in the order in which score() adds them."""
    people = np.zeros(len(zone_start) - 1)
    for zone in range(len(people)):
        total = 0.0
        for i in range(zone_start[zone], zone_start[zone + 1]):
            total += entry_people[i]
        people[zone] = total
    return people


@numba.njit(cache=True, nogil=True)
def _range(entry_cell, a, b, first, end):  # type: ignore[no-untyped-def]
    low, high = a, b
    while low < high:
        middle = (low + high) // 2
        if entry_cell[middle] < first:
            low = middle + 1
        else:
            high = middle
    start = low
    high = b
    while low < high:
        middle = (low + high) // 2
        if entry_cell[middle] < end:
            low = middle + 1
        else:
            high = middle
    return start, low


@numba.njit(cache=True, nogil=True)
def _join(zone_start, entry_cell, entry_people, cell_start, value, share):  # type: ignore[no-untyped-def]
    """Per zone, the values of its cells and the people that each stands for: (start, value, people)."""
    zones = len(zone_start) - 1
    start = np.zeros(zones + 1, np.int64)
    for zone in range(zones):
        count = 0
        for i in range(zone_start[zone], zone_start[zone + 1]):
            count += cell_start[entry_cell[i] + 1] - cell_start[entry_cell[i]]
        start[zone + 1] = start[zone] + count
    values = np.empty(start[zones], value.dtype)
    people = np.empty(start[zones])
    k = 0
    for zone in range(zones):
        for i in range(zone_start[zone], zone_start[zone + 1]):
            for j in range(cell_start[entry_cell[i]], cell_start[entry_cell[i] + 1]):
                values[k] = value[j]
                people[k] = entry_people[i] * share[j]
                k += 1
    return start, values, people


@numba.njit(cache=True, nogil=True)
def _look_up(start, value, people, thresholds):  # type: ignore[no-untyped-def]
    zones = len(start) - 1
    exposed = np.zeros((zones, len(thresholds)))
    for zone in range(zones):
        a, b = start[zone], start[zone + 1]
        for t in range(len(thresholds)):
            low, high = a, b
            while low < high:
                middle = (low + high) // 2
                if value[middle] < thresholds[t]:
                    low = middle + 1
                else:
                    high = middle
            if low < b:
                exposed[zone, t] = people[low]
    return exposed


@dataclass(frozen=True)
class Scores:
    """People per zone. Unrounded persons; NaN in `exposed` means that nothing of a populated zone is modelled.

    population: (zones,); exposed: (zones, thresholds); not_modelled: (zones,) people outside the hazard's bounds.
    """

    population: NDArray[np.float64]
    exposed: NDArray[np.float64]
    not_modelled: NDArray[np.float64]


@dataclass(frozen=True)
class ExposureIndex:
    """The people of a set of zones, cell by cell, ready to be held against any hazard.

    Zone z has the entries zone_start[z]:zone_start[z + 1]: entry_cell (position among the populated cells, rising) and
    entry_people (people of the cell times the coverage fraction of the zone).
    """

    population: Population
    zone_start: NDArray[np.int64]
    entry_cell: NDArray[np.int32]
    entry_people: NDArray[np.float64]

    @classmethod
    def build(cls, population: Population, zones: NDArray[np.object_]) -> Self:
        """Index of zones: (n,) valid polygons in the population's CRS; they may overlap."""
        start, cell, share = coverage_of_cells(zones, population.grid, population.row_start, population.column)
        share *= population.people[cell]
        return cls(population, start, cell, share)

    @property
    def zones(self) -> int:
        return len(self.zone_start) - 1

    @property
    def used(self) -> tuple[int, int]:
        """(first, end) of the entries that belong to its zones: of only() a range there are more."""
        return int(self.zone_start[0]), int(self.zone_start[-1])

    @cached_property
    def people(self) -> NDArray[np.float64]:
        """Population of each zone, (zones,)."""
        people: NDArray[np.float64] = _people(self.zone_start, self.entry_people)
        return people

    def only(self, zones: Sequence[int] | range) -> Self:
        """The same for some of the zones, in that order; those that follow each other are not copied."""
        if len(zones) and list(zones) == list(range(zones[0], zones[-1] + 1)):
            zones = range(zones[0], zones[-1] + 1)
        if isinstance(zones, range) and zones.step == 1:
            start = self.zone_start[zones.start : zones.stop + 1]
            return type(self)(self.population, start, self.entry_cell, self.entry_people)
        parts = [slice(*self.zone_start[z : z + 2].tolist()) for z in zones]
        start = np.cumsum([0, *(p.stop - p.start for p in parts)], dtype=np.int64)
        cell = np.concatenate([np.empty(0, np.int32), *(self.entry_cell[p] for p in parts)])
        people = np.concatenate([np.empty(0), *(self.entry_people[p] for p in parts)])
        return type(self)(self.population, start, cell, people)

    @property
    def _entries(self) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
        return self.zone_start, self.entry_cell, self.entry_people

    def score(self, chunks: Iterable[Chunk], thresholds: Sequence[float]) -> Scores:
        """People exposed at or above each threshold, and people not modelled.

        chunks: a hazard's values at the populated cells, each cell in exactly one, in any cut (hazard.chunks(), or a
        kept hazard as one chunk). The result does not depend on the cut.
        """
        exposed = np.zeros((self.zones, len(thresholds)))
        outside = np.zeros((self.zones, 1))
        inside = np.zeros((self.zones, 1))
        all_inside = True
        for chunk in chunks:
            at = chunk.comparable(thresholds)
            if chunk.dense:
                _add_dense(*self._entries, chunk.first, chunk.value, at, exposed)
            else:
                _add_shares(*self._entries, chunk.first, chunk.flooded_share(at), exposed)
            if chunk.inside is not None:
                all_inside = False
                _add_shares(*self._entries, chunk.first, 1.0 - chunk.inside[:, None], outside)
                _add_shares(*self._entries, chunk.first, chunk.inside[:, None], inside)
        if not all_inside:
            exposed[(self.people > 0) & (inside[:, 0] <= NEGLIGIBLE * self.people)] = np.nan
        return Scores(self.people, exposed, outside[:, 0])

    def score_kept(self, hazard: Chunk, thresholds: Sequence[float]) -> Scores:
        """score() of a kept hazard, bit by bit the same; looks only at the stretch of cells that the zones lie in."""
        some = np.diff(self.zone_start) > 0
        if not some.any():
            return self.score([hazard.part(hazard.first, hazard.first)], thresholds)
        first = int(self.entry_cell[self.zone_start[:-1][some]].min())
        end = int(self.entry_cell[self.zone_start[1:][some] - 1].max()) + 1
        return self.score(hazard.part(first, end).cut(CELLS_AT_ONCE), thresholds)

    def score_all(self, hazards: Sequence[Iterable[Chunk]], thresholds: Sequence[float]) -> list[Scores]:
        """score() of several hazards, on all processors."""
        with ThreadPoolExecutor(min(len(hazards), os.cpu_count() or 1)) as pool:
            return list(pool.map(lambda chunks: self.score(chunks, thresholds), hazards))


@dataclass(frozen=True)
class ThresholdTable:
    """A kept hazard joined with an index: people at or above any threshold, at once and exactly.

    Zone z has start[z]:start[z + 1]: value, rising, and people, the persons at this value or above.
    """

    start: NDArray[np.int64]
    value: NDArray[np.floating]
    people: NDArray[np.float64]
    population: NDArray[np.float64]
    not_modelled: NDArray[np.float64]
    nothing_modelled: NDArray[np.bool_]
    stored_dtype: np.dtype[np.generic]

    @classmethod
    def build(cls, index: ExposureIndex, hazard: Chunk) -> Self:
        """hazard: all populated cells of the index's population as one chunk (gathered())."""
        cell_start, value, share = hazard.by_cell()
        start, value, people = _join(index.zone_start, index.entry_cell, index.entry_people, cell_start, value, share)
        for a, b in pairwise(start):
            order = np.argsort(value[a:b], kind="stable")
            value[a:b] = value[a:b][order]
            people[a:b] = np.cumsum(people[a:b][order][::-1])[::-1]
        scores = index.score([hazard], [np.inf])
        return cls(
            start,
            value,
            people,
            scores.population,
            scores.not_modelled,
            np.isnan(scores.exposed[:, 0]),
            hazard.stored_dtype,
        )

    def score(self, thresholds: Sequence[float]) -> Scores:
        """The same as ExposureIndex.score of the hazard, by looking up."""
        exposed = _look_up(
            self.start, self.value, self.people, comparable(thresholds, self.stored_dtype, self.value.dtype)
        )
        exposed[self.nothing_modelled] = np.nan
        return Scores(self.population, exposed, self.not_modelled)
