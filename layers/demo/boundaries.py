"""Approximate boundaries of municipalities, grown from their seats and settlements until their areas fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import rasterio.features
import shapely
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse import csgraph

from layers.demo import facts
from layers.demo.facts import Float, Municipality
from layers.demo.lattice import LEFT, TOP, Lattice

Labels = NDArray[np.int64]

LATTICE: Final = Lattice(200)
COARSE: Final = Lattice(100)
ROUNDS: Final = 60
FURTHEST_KM: Final = 8.0
SWAY_CELLS: Final = 0.45
HEAD_START_KM: Final = 400.0
"""Added to every weight: a path of length 0 would be none."""


def grow(random: np.random.Generator) -> list[shapely.Polygon]:
    """A polygon for each of facts.municipalities(), in their order: a coverage without gaps and overlaps, EPSG:4326.

    Each place goes to the municipality whose seat or settlement is nearest by a bumpy measure, with a head start for
    municipalities that would otherwise be too small; what hangs apart goes to its neighbours.
    """
    municipalities = facts.municipalities()
    bumps = LATTICE.noise(random, km=7, octaves=4)
    start = np.zeros(len(municipalities))
    best, owner = np.inf, np.empty(0, dtype=np.int64)
    for lattice, rounds in ((COARSE, ROUNDS), (LATTICE, 12)):
        ratio = LATTICE.per_degree // lattice.per_degree
        cost = np.exp(0.45 * bumps[::ratio, ::ratio])
        inside = inside_of(lattice)
        graph, number = neighbours(inside, cost, lattice)
        cell_km2 = lattice.cell_km[0] * lattice.cell_km[1] * _row_width(lattice)
        wanted = np.array([m.area_km2 for m in municipalities])
        wanted *= (cell_km2[:, None] * inside).sum() / wanted.sum()
        for i in range(rounds):
            grown = _whole(_assign(graph, number, inside, lattice, start), inside, municipalities, lattice)
            area = np.bincount(grown[inside], np.broadcast_to(cell_km2[:, None], inside.shape)[inside], len(start))
            off = float(np.abs(np.log(area / wanted)).sum())
            if lattice is LATTICE and off < best:
                best, owner = off, grown
            # Small steps: a municipality that reaches the seat of the next before that one does swallows it.
            start += (
                (0.25 if lattice is COARSE else 0.1)
                * 0.97**i
                * np.sqrt(wanted)
                * np.clip(np.sqrt(wanted / area) - 1, -0.25, 0.25)
            )
            start = np.clip(start - np.median(start), -FURTHEST_KM, FURTHEST_KM)
    sway = np.stack([LATTICE.noise(random, km=2.5, octaves=2) for _ in (0, 1)])
    return _polygons(owner, len(municipalities), SWAY_CELLS * sway)


def inside_of(lattice: Lattice) -> NDArray[np.bool_]:
    """Which cells lie in the country's outline, (ny, nx)."""
    return np.asarray(
        rasterio.features.rasterize([facts.outline()], lattice.shape, transform=lattice.affine, dtype="uint8").astype(
            bool
        )
    )


def _row_width(lattice: Lattice) -> Float:
    """How wide a cell is in each row, against one in the country's middle."""
    _, lat = lattice.centres()
    return np.asarray(np.cos(np.radians(lat)) / np.cos(np.radians(44.0)))


def neighbours(inside: NDArray[np.bool_], cost: Float, lattice: Lattice) -> tuple[sparse.csr_matrix, Labels]:
    """The cells inside as a graph, edges as long as the way costs; and the number of each cell in it, -1 outside."""
    number = np.full(inside.shape, -1)
    number[inside] = np.arange(inside.sum())
    height, width = lattice.cell_km
    rows, columns, lengths = [], [], []
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        a = (slice(0, inside.shape[0] - down), slice(max(0, -right), inside.shape[1] - max(0, right)))
        b = (slice(down, None), slice(max(0, right), inside.shape[1] + min(0, right)))
        both = inside[a] & inside[b]
        rows.append(number[a][both])
        columns.append(number[b][both])
        lengths.append((cost[a][both] + cost[b][both]) / 2 * np.hypot(down * height, right * width))
    i, j, d = np.concatenate(rows), np.concatenate(columns), np.concatenate(lengths)
    cells = int(inside.sum())
    return sparse.csr_matrix((np.r_[d, d], (np.r_[i, j], np.r_[j, i])), shape=(cells, cells)), number


def _seeds(lattice: Lattice, number: Labels) -> tuple[Labels, Labels, Float]:
    """Cells to grow from, whose they are, and how far behind the seat they start."""
    at = {m.code: i for i, m in enumerate(facts.municipalities())}
    places = [(m.lon, m.lat, at[m.code], 0.0) for m in facts.municipalities()]
    places += [(s.lon, s.lat, at[s.municipality], 1.0) for s in facts.settlements()]
    lon, lat, owner, behind = np.array(places).T
    cells = number[lattice.cell(lon, lat)]
    # A seat is mostly a settlement, too; the same way must not be told twice.
    _, once = np.unique(np.stack([cells, owner]), axis=1, return_index=True)
    once = once[cells[once] >= 0]
    return cells[once], owner[once].astype(np.int64), behind[once]


def _assign(
    graph: sparse.csr_matrix, number: Labels, inside: NDArray[np.bool_], lattice: Lattice, start: Float
) -> Labels:
    """The municipality nearest to each cell, -1 outside; start: head starts in km."""
    cells, owner, behind = _seeds(lattice, number)
    ways = sparse.csr_matrix(
        (HEAD_START_KM - start[owner] + behind, (owner, cells)), shape=(len(start), graph.shape[0])
    )
    whole = sparse.bmat([[graph, None], [ways, sparse.csr_matrix((len(start), len(start)))]], format="csr")
    first = graph.shape[0]
    _, _, sources = csgraph.dijkstra(
        whole, indices=np.arange(first, first + len(start)), return_predecessors=True, min_only=True
    )
    labels = np.full(inside.shape, -1)
    labels[inside] = sources[:first] - first
    return labels


def _whole(
    labels: Labels, inside: NDArray[np.bool_], municipalities: Sequence[Municipality], lattice: Lattice
) -> Labels:
    """Every municipality in one piece around its seat; the cells cut off go to the nearest cell that is not."""
    lon = np.array([m.lon for m in municipalities])
    lat = np.array([m.lat for m in municipalities])
    row, column = lattice.cell(lon, lat)
    labels = labels.copy()
    labels[row, column] = np.arange(len(municipalities))
    for _ in range(12):
        kept = np.zeros(inside.shape, dtype=bool)
        for i, box in enumerate(ndimage.find_objects(labels + 1, max_label=len(municipalities))):
            pieces, _ = ndimage.label(labels[box] == i)
            piece = pieces[row[i] - box[0].start, column[i] - box[1].start]
            kept[box] |= pieces == piece
        apart = inside & ~kept
        if not apart.any():
            break
        at = ndimage.distance_transform_edt(~kept, return_distances=False, return_indices=True)
        labels[apart] = labels[at[0], at[1]][apart]
    return labels


def _polygons(labels: Labels, count: int, sway: Float) -> list[shapely.Polygon]:
    """The labels' outlines, their stairs bent and smoothed together so that neighbours still share every point.

    sway: (2, ny, nx), how many columns and rows a point is moved.
    """
    found: list[shapely.Polygon] = [None] * count
    for shape, label in rasterio.features.shapes(labels.astype(np.int32), mask=labels >= 0, connectivity=4):
        # A corner at every cell: where three meet, the one that passes straight on must have the point, too.
        corners = shapely.segmentize(shapely.geometry.shape(shape), 1.0)
        found[int(label)] = shapely.transform(corners, lambda cells: _moved(np.asarray(np.round(cells)), sway))
    smoothed = shapely.coverage_simplify(np.array(found, dtype=object), 0.7)
    origin, step = np.array([LEFT, TOP]), np.array([1, -1]) / LATTICE.per_degree
    return [shapely.transform(p, lambda cells: np.round(origin + cells * step, 6)) for p in smoothed]


def _moved(corners: Float, sway: Float) -> Float:
    column, row = np.minimum(corners.astype(np.int64), np.array(sway.shape[:0:-1]) - 1).T
    return corners + sway[:, row, column].T
