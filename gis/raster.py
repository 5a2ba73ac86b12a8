"""Untrusted GeoTIFFs: checked before anything is read, then read window by window."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import rasterio
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from rasterio._err import CPLE_BaseError
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError, RasterioIOError
from rasterio.windows import Window

from gis.errors import (
    N_,
    BlocksTooLarge,
    NotGeoreferenced,
    TooLarge,
    WrongBands,
    WrongCellType,
    WrongFormat,
)
from gis.files import local_file, unreadable
from gis.grid import Grid, Placement
from gis.systems import system

MAX_PIXELS = 2 * 10**10
MAX_BLOCK_BYTES = 256 * 2**20
TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


class RasterFile:
    """An open GeoTIFF with one band of real numbers. Use it as a context manager.

    Cells without data (nodata value, mask, NaN) are read as NaN. Cell type: float32 where it holds every value of the
    file exactly (up to 16-bit integers, float32), else float64. Files stored south-up or right-to-left are read
    turned, so that row 0 is north and column 0 west, unless they are rotated.

    Raises WrongFormat, Damaged, TooLarge, BlocksTooLarge, WrongBands, WrongCellType, NoCrs, NotGeoreferenced.
    """

    def __init__(self, path: Path | str, *, max_pixels: int = MAX_PIXELS) -> None:
        self.path = local_file(path)
        self.name = self.path.name
        if not is_tiff(self.path):
            raise WrongFormat(file=self.name, expected=N_("a GeoTIFF"))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NotGeoreferencedWarning)  # said below, as a sentence
                self._dataset = rasterio.open(self.path, driver="GTiff", sharing=False)
        except (RasterioError, CPLE_BaseError) as error:
            raise unreadable(self.name, error) from error
        try:
            self._check(max_pixels)
        except CPLE_BaseError as error:  # from a property; rasterio translates only what its methods raise
            self.close()
            raise unreadable(self.name, error) from error
        except BaseException:
            self.close()
            raise

    def _check(self, max_pixels: int) -> None:
        dataset = self._dataset
        pixels = dataset.width * dataset.height
        if pixels > max_pixels:
            raise TooLarge(file=self.name, declared=pixels, limit=max_pixels)
        data_bands = [i for i, kind in enumerate(dataset.colorinterp, 1) if kind != ColorInterp.alpha]
        if len(data_bands) != 1:
            raise WrongBands(file=self.name, bands=len(data_bands))
        self._band = data_bands[0]
        self._alpha = next((i for i, kind in enumerate(dataset.colorinterp, 1) if kind == ColorInterp.alpha), None)
        dtype = dataset.dtypes[self._band - 1]
        if dtype.startswith("complex"):
            raise WrongCellType(file=self.name, dtype=dtype)
        self._stored_dtype = np.dtype(dtype)
        rows, columns = dataset.block_shapes[self._band - 1]
        block = rows * columns * self._stored_dtype.itemsize * dataset.count
        if block > MAX_BLOCK_BYTES:
            raise BlocksTooLarge(file=self.name, size_mb=block // 2**20)
        self.crs = system(self.name, dataset.crs and dataset.crs.to_wkt())
        transform = dataset.transform
        if transform.is_identity or not np.isfinite(tuple(transform)).all() or transform.determinant == 0:
            raise NotGeoreferenced(file=self.name)
        self.scale = float(dataset.scales[self._band - 1])
        self.offset = float(dataset.offsets[self._band - 1])
        self.dtype = np.dtype(
            np.float32
            if self._stored_dtype.itemsize <= 2 or self._stored_dtype == np.float32 or self.scaled
            else np.float64
        )
        self.shape: tuple[int, int] = dataset.height, dataset.width
        t = transform
        self._flip_rows = not (t.b or t.d) and t.e > 0
        self._flip_columns = not (t.b or t.d) and t.a < 0
        if self._flip_rows:
            t = t @ t.translation(0, self.shape[0]) @ t.scale(1, -1)
        if self._flip_columns:
            t = t @ t.translation(self.shape[1], 0) @ t.scale(-1, 1)
        self.placement = Placement(t.a, t.b, t.c, t.d, t.e, t.f)

    @property
    def scaled(self) -> bool:
        """True where the file says that its numbers mean number * scale + offset."""
        return self.scale != 1.0 or self.offset != 0.0

    @property
    def declares_nodata(self) -> bool:
        flags = self._dataset.mask_flag_enums[self._band - 1]
        return bool(flags != [MaskFlags.all_valid] or self._alpha)

    @property
    def meaning(self) -> str:
        """Where the cells lie and how their numbers are read; files beside the raster may have told some of it."""
        dataset = self._dataset
        return f"{self.placement} {self.shape} {self.crs.to_wkt()} {dataset.nodata} {self.scale} {self.offset}"

    @property
    def nodata(self) -> float | None:
        """The nodata value that the file declares."""
        value = self._dataset.nodatavals[self._band - 1]
        return None if value is None else float(value)

    @property
    def masked_otherwise(self) -> bool:
        """True where cells without data are told by something else than a nodata value: a mask or an alpha band."""
        flags = self._dataset.mask_flag_enums[self._band - 1]
        return bool(flags not in ([MaskFlags.all_valid], [MaskFlags.nodata]))

    @property
    def stored_dtype(self) -> np.dtype[Any]:
        """The precision in which the file tells its values."""
        return self.dtype if self.scaled else self._stored_dtype

    def fill(self, values: NDArray[Any], also: tuple[float, ...] = ()) -> NDArray[np.bool_]:
        """Which of the values read look like a nodata value that the file forgot to declare.

        Always: infinite or from 1e20. Where nothing is declared: the largest value of 16-bit and wider integers, and
        `also`.
        """
        fill: NDArray[np.bool_] = values >= 1e20
        if not self.declares_nodata:
            known = list(also)
            if self._stored_dtype.kind in "iu" and self._stored_dtype.itemsize >= 2:
                known.append(np.iinfo(self._stored_dtype).max * self.scale + self.offset)
            for value in known:
                fill |= values == self.dtype.type(value)
        return fill

    @property
    def doubtful(self) -> float | None:
        """What 255 means in an 8-bit file that declares no nodata: no data, unless the file is a mask of 0 and 255."""
        if self._stored_dtype != np.uint8 or self.declares_nodata:
            return None
        return float(self.dtype.type(255 * self.scale + self.offset))

    @property
    def centre(self) -> tuple[float, float]:
        """x, y of the middle of the extent, in units of the CRS."""
        p, (ny, nx) = self.placement, self.shape
        return (p.a * nx + p.b * ny) / 2 + p.c, (p.d * nx + p.e * ny) / 2 + p.f

    @property
    def block_rows(self) -> int:
        return int(self._dataset.block_shapes[self._band - 1][0])

    @property
    def grid(self) -> Grid:
        """The grid of a raster that is not rotated."""
        return self.placement.grid(self.crs, self.shape)

    def read(self, row: int, column: int, rows: int, columns: int) -> NDArray[Any]:
        """The cells of a window inside the raster, (rows, columns) of self.dtype, NaN without data. Raises Damaged."""
        first_row = self.shape[0] - row - rows if self._flip_rows else row
        first_column = self.shape[1] - column - columns if self._flip_columns else column
        window = Window(first_column, first_row, columns, rows)
        try:
            values = self._dataset.read(self._band, window=window)
            mask = None if self._all_told_by_nan() else self._dataset.read_masks(self._band, window=window)
            # GDAL takes an alpha band of real numbers for no mask.
            alpha = None if self._alpha is None else self._dataset.read(self._alpha, window=window)
        except (RasterioIOError, CPLE_BaseError) as error:
            raise unreadable(self.name, error) from error
        if self.scaled:
            result = (values * self.scale + self.offset).astype(self.dtype)
        else:
            result = values.astype(self.dtype, copy=False)
        for missing in (mask, alpha):
            if missing is not None:
                result[missing == 0] = np.nan
        if self._flip_rows:
            result = result[::-1]
        if self._flip_columns:
            result = result[:, ::-1]
        return np.ascontiguousarray(result)

    def _all_told_by_nan(self) -> bool:
        flags = self._dataset.mask_flag_enums[self._band - 1]
        nodata = self._dataset.nodata
        return flags == [MaskFlags.all_valid] or (flags == [MaskFlags.nodata] and bool(np.isnan(nodata)))

    def values_at(self, longitude: NDArray[np.float64], latitude: NDArray[np.float64]) -> NDArray[np.float64]:
        """The values of the cells that hold these places (EPSG:4326), (n,); NaN without data and outside."""
        row, column, inside = self._cells_at(longitude, latitude)
        values = np.full(len(row), np.nan)
        for i in np.flatnonzero(inside):
            values[i] = self.read(int(row[i]), int(column[i]), 1, 1)[0, 0]
        return values

    def holds(self, longitude: NDArray[np.float64], latitude: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which of these places (EPSG:4326) lie within the raster's extent, (n,)."""
        return self._cells_at(longitude, latitude)[2]

    def _cells_at(
        self, longitude: NDArray[np.float64], latitude: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
        to_raster = Transformer.from_crs(CRS.from_epsg(4326), self.crs, always_xy=True)
        x, y = to_raster.transform(longitude, latitude)
        p = self.placement
        x, y = np.asarray(x) - p.c, np.asarray(y) - p.f
        determinant = p.a * p.e - p.b * p.d
        column, row = (p.e * x - p.b * y) / determinant, (p.a * y - p.d * x) / determinant
        ny, nx = self.shape
        return row, column, (column >= 0) & (column < nx) & (row >= 0) & (row < ny)

    def close(self) -> None:
        self._dataset.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def is_tiff(path: Path | str) -> bool:
    """True where the file begins as a TIFF does, whatever its name says."""
    with local_file(path).open("rb") as file:
        return file.read(4) in TIFF_SIGNATURES


def strips(total_rows: int, rows: int) -> Iterator[tuple[int, int]]:
    """(first, end) of consecutive strips of at most `rows` rows."""
    for first in range(0, total_rows, rows):
        yield first, min(first + rows, total_rows)
