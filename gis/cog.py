"""Cloud-optimised GeoTIFFs made anew from what was read: the original cells, CRS and nodata, nothing else of a file."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.shutil import copy
from rasterio.transform import Affine
from rasterio.windows import Window

from gis.grid import Placement
from gis.raster import RasterFile

TILE = 512
OVERVIEWS = "nearest"
"""No value is invented. The overviews serve other tools; our own maps have pyramids with a rule for each kind."""


class CogWriter:
    """A COG in the making, written window by window; finish() makes it. Use it as a context manager.

    The cells are told as they are: integers stay integers where the file declares its nodata value or has no cell
    without data; scaled numbers are kept as what they mean.
    """

    def __init__(self, target: Path, like: RasterFile) -> None:
        self.target = target
        self._draft = target.with_name(target.name + ".draft")
        keep = not like.scaled and (like.dtype == like.stored_dtype or not like.masked_otherwise)
        self._dtype = like.stored_dtype if keep else like.dtype
        # A value that no cell of the type can have marks none; GDAL would not write it.
        self._nodata = like.nodata if keep and like.nodata is not None and _fits(like.nodata, self._dtype) else None
        if self._nodata is None and self._dtype.kind == "f":
            self._nodata = float("nan")
        self._dataset = rasterio.open(
            self._draft,
            "w",
            driver="GTiff",
            width=like.shape[1],
            height=like.shape[0],
            count=1,
            dtype=self._dtype.name,
            crs=like.crs.to_wkt(),
            transform=affine(like.placement),
            nodata=self._nodata,
            tiled=True,
            blockxsize=TILE,
            blockysize=TILE,
            compress="deflate",
            zlevel=1,
            bigtiff="if_safer",
            sparse_ok=True,
        )

    def write(self, row: int, column: int, values: NDArray[Any]) -> None:
        """A window of cells as RasterFile.read gives them, NaN without data."""
        if self._nodata is not None and not np.isnan(self._nodata):
            values = np.where(np.isnan(values), self._dtype.type(self._nodata), values)
        window = Window(column, row, values.shape[1], values.shape[0])
        self._dataset.write(values.astype(self._dtype, copy=False), 1, window=window)

    def finish(self) -> None:
        """Turn the draft into the COG."""
        self._dataset.close()
        copy(
            self._draft,
            self.target,
            driver="COG",
            compress="DEFLATE",
            predictor="YES",
            blocksize=TILE,
            overview_resampling=OVERVIEWS,
            bigtiff="IF_SAFER",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._dataset.close()
        self._draft.unlink(missing_ok=True)


def _fits(value: float, dtype: np.dtype[Any]) -> bool:
    if dtype.kind == "f":
        return not np.isfinite(value) or abs(value) <= np.finfo(dtype).max
    limits = np.iinfo(dtype)
    return bool(limits.min <= value <= limits.max and value == int(value))


def affine(placement: Placement) -> Affine:
    """The placement as rasterio takes it."""
    return Affine(placement.a, placement.b, placement.c, placement.d, placement.e, placement.f)
