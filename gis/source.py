"""Where a raster hazard's values come from: a file or an array."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from gis.errors import GridMismatch
from gis.grid import Grid, Placement


class Source(Protocol):
    """Where a raster hazard's values come from: a file or an array."""

    name: str
    crs: CRS
    placement: Placement
    shape: tuple[int, int]
    dtype: np.dtype[Any]

    @property
    def stored_dtype(self) -> np.dtype[Any]: ...

    @property
    def doubtful(self) -> float | None: ...

    @property
    def block_rows(self) -> int: ...

    def read(self, row: int, column: int, rows: int, columns: int) -> NDArray[Any]: ...

    def fill(self, values: NDArray[Any], also: tuple[float, ...] = ()) -> NDArray[np.bool_]: ...


class ArraySource:
    """Hazard values in memory, (ny, nx) on a north-up grid, NaN without data: a frame, or a raster read before."""

    def __init__(self, values: NDArray[Any], grid: Grid, name: str = "array") -> None:
        if values.shape != grid.shape:
            raise GridMismatch(found=values.shape, expected=grid.shape)
        self.stored_dtype = values.dtype
        self.dtype = np.dtype(np.float32 if values.dtype.itemsize <= 2 or values.dtype == np.float32 else np.float64)
        self.values = values.astype(self.dtype, copy=False)
        self.name, self.crs, self.shape, self.block_rows = name, grid.crs, grid.shape, grid.ny
        self.doubtful = None
        self.placement = Placement(grid.cell_width, 0.0, grid.left, 0.0, -grid.cell_height, grid.top)

    def read(self, row: int, column: int, rows: int, columns: int) -> NDArray[Any]:
        return self.values[row : row + rows, column : column + columns]

    def fill(self, values: NDArray[Any], also: tuple[float, ...] = ()) -> NDArray[np.bool_]:
        return np.asarray(values >= 1e20)
