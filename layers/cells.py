"""A number opened down to the cells that it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from sqlalchemy.orm import Session

from gis.grid import Grid
from gis.population import Population
from gis.systems import same_crs
from layers.errors import WrongPage
from layers.questions import Asked, Question, asked
from layers.recounting import KeptRuns

MOST_CELLS: Final = 2000
"""So many cells are given at once."""


@dataclass(frozen=True)
class Cell:
    """A populated cell, or the part of it that lies in the place: its people, and the share of them that is exposed.

    x, y: its centre in degrees; corners: (4, 2) degrees, from the upper left one on.
    """

    x: float
    y: float
    people: float
    share: float
    exposed: float
    corners: NDArray[np.float64]

    def data(self) -> dict[str, float]:
        """As JSON knows it, without the corners."""
        return {"x": self.x, "y": self.y, "people": self.people, "share": self.share, "exposed": self.exposed}

    def feature(self) -> dict[str, Any]:
        """As a GeoJSON feature, a square for the map; rings run against the clock (RFC 7946)."""
        upper_left, upper_right, lower_right, lower_left = np.round(self.corners, 7).tolist()
        ring = [upper_left, lower_left, lower_right, upper_right, upper_left]
        return {
            "type": "Feature",
            "geometry": {"type": "Polygon", "coordinates": [ring]},
            "properties": {"people": self.people, "share": self.share, "exposed": self.exposed},
        }


@dataclass(frozen=True)
class _OfRun:
    """The cells of one run that carry any of the number: position among the populated cells, people, exposed."""

    population: Population
    cell: NDArray[np.integer]
    people: NDArray[np.float64]
    exposed: NDArray[np.float64]


@dataclass(frozen=True)
class Cells:
    """All cells that carry any of a number."""

    of_runs: tuple[_OfRun, ...]

    def __len__(self) -> int:
        return sum(len(part.cell) for part in self.of_runs)

    def largest(self, count: int, *, after: int = 0) -> Iterator[Cell]:
        """So many of the cells that carry most, leaving out as many before; of equal ones the northern first."""
        exposed = np.concatenate([np.empty(0), *(part.exposed for part in self.of_runs)])
        wanted = min(after + count, len(exposed))
        if not wanted or after >= len(exposed):
            return
        least = np.partition(exposed, len(exposed) - wanted)[len(exposed) - wanted]
        candidates = np.flatnonzero(exposed >= least)
        chosen = candidates[np.argsort(-exposed[candidates], kind="stable")][after:wanted]
        start = np.cumsum([0, *(len(part.cell) for part in self.of_runs)])
        of_run = np.searchsorted(start, chosen, side="right") - 1
        for run, i in zip(of_run.tolist(), (chosen - start[of_run]).tolist(), strict=True):
            yield _cell(self.of_runs[run], i)


@dataclass(frozen=True)
class Page:
    """Some of the cells of a number, the largest first. total: how many carry any of it."""

    total: int
    after: int
    cells: tuple[Cell, ...]

    def geojson(self) -> dict[str, Any]:
        """As squares for the map."""
        return {"type": "FeatureCollection", "features": [cell.feature() for cell in self.cells]}


def cells(session: Session, kept: KeptRuns, question: Question, *, after: int = 0, limit: int = MOST_CELLS) -> Page:
    """The cells that carry the answer to a question, page by page. Raises WrongPage and as asking.ask()."""
    if not (after >= 0 and 1 <= limit <= MOST_CELLS):
        raise WrongPage(most=MOST_CELLS)
    found = cells_of(asked(session, kept, question))
    return Page(len(found), after, tuple(found.largest(limit, after=after)))


def cells_of(found: Asked) -> Cells:
    """The cells that carry any of the answer; what two municipalities share of a cell is taken together."""
    by_run: dict[Any, list[Any]] = {}
    for stretch in found.stretches:
        if stretch.modelled:
            by_run.setdefault(stretch.kept.run.id, []).append(stretch)
    parts = []
    for stretches in by_run.values():
        kept = stretches[0].kept
        chunk, thresholds = kept.values(found.reading_for(kept.run))
        entries = [(s.index.entry_cell[a:b], s.index.entry_people[a:b]) for s in stretches for a, b in [s.index.used]]
        cell = np.concatenate([cells for cells, _ in entries])
        if not len(cell):
            continue
        people = np.concatenate([weights for _, weights in entries])
        first, end = int(cell.min()), int(cell.max()) + 1
        part = chunk.part(first, end)
        share = part.flooded_share(part.comparable(thresholds[:1]))[:, 0]
        total = np.asarray(np.bincount(cell - first, people, minlength=end - first), np.float64)
        reached = total * share
        carrying = np.flatnonzero(reached > 0)
        parts.append(_OfRun(kept.index.population, carrying + first, total[carrying], reached[carrying]))
    return Cells(tuple(parts))


def _cell(part: _OfRun, i: int) -> Cell:
    population, cell = part.population, int(part.cell[i])
    row = int(np.searchsorted(population.row_start, cell, side="right")) - 1
    column = int(population.column[cell])
    across = np.array([column, column + 1, column + 1, column, column + 0.5])
    down = np.array([row, row, row + 1, row + 1, row + 0.5])
    places = _degrees(population.grid, across, down)
    people, exposed = float(part.people[i]), float(part.exposed[i])
    return Cell(float(places[4, 0]), float(places[4, 1]), people, exposed / people, exposed, places[:4])


def _degrees(grid: Grid, columns: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    x, y = grid.left + columns * grid.cell_width, grid.top - rows * grid.cell_height
    wgs84 = CRS.from_epsg(4326)
    if not same_crs(grid.crs, wgs84):
        x, y = Transformer.from_crs(grid.crs, wgs84, always_xy=True).transform(x, y)
    return np.column_stack([x, y])
