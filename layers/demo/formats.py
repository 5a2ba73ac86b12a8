"""Files in the formats that a layer comes in: GeoTIFF, GeoJSON, CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import rasterio
import shapely
from numpy.typing import NDArray

from layers.demo.lattice import Lattice
from layers.demo.places import Feature


def geotiff(path: Path, values: NDArray[Any], lattice: Lattice, nodata: float) -> Path:
    """One band, EPSG:4326, tiled and compressed."""
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=values.shape[0],
        width=values.shape[1],
        count=1,
        dtype=values.dtype,
        crs="EPSG:4326",
        transform=lattice.affine,
        nodata=nodata,
        tiled=True,
        blockxsize=256,
        blockysize=256,
        compress="deflate",
        zlevel=6,
        predictor=3 if values.dtype.kind == "f" else 2,
    ) as file:
        file.write(values, 1)
    return path


def geojson(path: Path, features: Iterable[Feature]) -> Path:
    """A collection in longitude and latitude."""
    collection = {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": dict(f.properties),
                "geometry": json.loads(shapely.to_geojson(f.shape)),
            }
            for f in features
        ],
    }
    path.write_text(json.dumps(collection, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
    return path


def table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    """A CSV in UTF-8."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    return path
