"""Hazards held against people: rasters in any CRS and on any grid, and polygons."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely

from gis.coverage import coverage_of_cells
from gis.errors import NoOverlap, UndeclaredNodata
from gis.grid import Float, extent_share
from gis.overlay import Overlay
from gis.polygons import Polygons, areas
from gis.population import Population
from gis.source import Source
from gis.systems import same_crs
from gis.values import Chunk
from gis.warp import Warp

WINDOW_CELLS = 4 * 2**20
"""About so many cells of a hazard are held at once."""

USUAL_FILLS = (9999.0, 99999.0)


class RasterHazard:
    """A raster held against a population.

    Same CRS: every population cell takes the hazard cells over it by their exact area share. Another CRS (or a rotated
    raster): nearest neighbour on a grid nested in the population's cells (gis.warp). Without data inside the raster's
    extent is dry; a footprint (polygons in the population's CRS) replaces the extent as what is modelled. Where the
    footprint cuts a population cell, no more of the cell than lies in it is flooded.

    Raises NoOverlap where the raster lies nowhere over the population's grid.
    """

    def __init__(
        self,
        source: Source,
        population: Population,
        footprint: Polygons | None = None,
        window_cells: int = WINDOW_CELLS,
    ) -> None:
        self.source = source
        self.population = population
        self.window_cells = window_cells
        self._footprint = None if footprint is None else union_share(footprint, population)
        nested = not source.placement.rotated and same_crs(source.crs, population.grid.crs)
        self._overlay: Overlay | Warp = Overlay(source, population) if nested else Warp(source, population)
        if self._overlay.nowhere:
            raise NoOverlap(file=source.name)

    def chunks(self) -> Iterator[Chunk]:
        """The values at all populated cells, strip by strip from north to south. Raises UndeclaredNodata, Damaged."""
        doubtful, doubted, others = self.source.doubtful, 0, False
        for chunk in self._overlay.chunks(self.window_cells):
            fill = self.source.fill(chunk.value, USUAL_FILLS)
            if fill.any():
                raise UndeclaredNodata(
                    file=self.source.name, cells=int(fill.sum()), value=f"{chunk.value[fill][0]:.9g}"
                )
            if doubtful is not None:
                there = chunk.value[~np.isnan(chunk.value)]
                doubted += int((there == doubtful).sum())
                others = others or bool(((there != doubtful) & (there != 0)).any())
            yield chunk if self._footprint is None else chunk.within(self._footprint)
        if doubted and others:
            raise UndeclaredNodata(file=self.source.name, cells=doubted, value=f"{doubtful:.9g}")


class PolygonHazard:
    """Hazard polygons held against a population: flooded share = exact coverage fraction, overlaps counted once.

    polygons: in the population's CRS. Their common bounding box is what is modelled, unless a footprint replaces it.
    Raises NoOverlap where that box lies nowhere over the population's grid.
    """

    def __init__(self, polygons: Polygons, population: Population, footprint: Polygons | None = None) -> None:
        self.population = population
        grid = population.grid
        left, bottom, right, top = shapely.total_bounds(polygons.geometry)
        rows = extent_share((grid.top - top) / grid.cell_height, (grid.top - bottom) / grid.cell_height, grid.ny)
        columns = extent_share((left - grid.left) / grid.cell_width, (right - grid.left) / grid.cell_width, grid.nx)
        if shapely.is_empty(polygons.geometry).all() or not (rows.any() and columns.any()):
            raise NoOverlap(file=polygons.file)
        flooded = shapely.union_all(polygons.geometry)
        if footprint is None:
            self._inside = _inside(population, rows, columns)
        else:
            modelled = shapely.union_all(footprint.geometry)
            flooded = areas(shapely.intersection(flooded, modelled))
            self._inside = _share(modelled, population)
        self._covered = _share(flooded, population)

    def chunks(self) -> Iterator[Chunk]:
        """One chunk; a covered share has the value infinity, which meets every threshold."""
        covered = np.flatnonzero(self._covered)
        yield Chunk(
            first=0,
            cells=len(self.population.people),
            value=np.full(len(covered), np.inf, dtype=np.float32),
            stored_dtype=np.dtype(np.float32),
            cell=covered.astype(np.int32),
            share=self._covered[covered],
            inside=self._inside,
        )


def union_share(polygons: Polygons, population: Population) -> Float:
    """Share of each populated cell that any of the polygons covers, (cells,)."""
    return _share(shapely.union_all(polygons.geometry), population)


def _share(polygon: shapely.Geometry, population: Population) -> Float:
    share = np.zeros(len(population.people))
    _, cell, covered = coverage_of_cells(
        np.array([polygon], dtype=object), population.grid, population.row_start, population.column
    )
    share[cell] = covered
    return share


def _inside(population: Population, rows: Float, columns: Float) -> Float | None:
    if rows.min() == 1 and columns.min() == 1:
        return None
    return np.asarray(rows[population.row] * columns[population.column])
