"""Made files at national scale for benchmarks/exposure.py: people, six flood depths, zones. Seeded, kept in var/."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
import shapely
from numpy.typing import NDArray
from rasterio.transform import from_origin
from scipy.ndimage import gaussian_filter

NY, NX = 3360, 4800
LEFT, TOP, CELL = 15.7, 45.3, 1 / 1200  # 3 arc seconds over Bosnia and Herzegovina
RETURN_PERIODS_YEARS = (10, 20, 50, 100, 200, 500)
FOLDER = Path(__file__).resolve().parent.parent / "var" / "benchmarks" / "exposure-1"


def inputs(scale: int = 1) -> Path:
    """The folder with population.tif, depth_<T>.tif, zones.gpkg; scale 4 has 16 times the cells. Made when missing."""
    folder = FOLDER / f"x{scale * scale}"
    if not (folder / "done").exists():
        folder.mkdir(parents=True, exist_ok=True)
        if scale == 1:
            _make(folder)
        else:
            _enlarge(inputs(1), folder, scale)
        (folder / "done").touch()
    return folder


def partition(zones: int) -> NDArray[np.object_]:
    """A country cut into so many zones, of 500 to 3,000 vertices where there are 145; neighbours share vertices."""
    rng = np.random.default_rng(zones)
    middle = np.array([LEFT + NX * CELL / 2, TOP - NY * CELL / 2])
    country = shapely.Point(0, 0).buffer(1, quad_segs=64)
    country = shapely.transform(country, lambda c: c * (1.75, 1.2) + middle)
    seeds = shapely.points(middle + rng.uniform(-1, 1, (zones * 2, 2)) * (1.75, 1.2))
    seeds = seeds[shapely.contains(country, seeds)][:zones]
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(seeds), extend_to=country))
    cells = shapely.intersection(cells, country)
    perimeter = np.median(shapely.length(cells))
    fine = shapely.segmentize(cells, perimeter / 1400 if zones < 1000 else perimeter / 100)

    def winding(c: NDArray[np.float64]) -> NDArray[np.float64]:
        x, y = c[:, 0], c[:, 1]
        dx, dy = np.zeros_like(x), np.zeros_like(x)
        for k, size in ((40, 4e-3), (170, 8e-4), (700, 1.5e-4), (2500, 4e-5)):
            dx += size * np.sin(k * y + 0.3 * k * x)
            dy += size * np.cos(k * x - 0.2 * k * y)
        return np.round(np.column_stack([x + dx, y + dy]), 9)

    wound = shapely.transform(shapely.transform(fine, lambda c: np.round(c, 9)), winding)
    assert shapely.is_valid(wound).all()
    return np.asarray(wound)


def write_zones(path: Path, zones: NDArray[np.object_]) -> None:
    import pyogrio.raw

    names = np.array([f"zone {i}" for i in range(len(zones))], dtype=object)
    pyogrio.raw.write(
        path, shapely.to_wkb(zones), [names], ["name"], driver="GPKG", geometry_type="Polygon", crs="EPSG:4326"
    )


def _make(folder: Path) -> None:
    rng = np.random.default_rng(2014)
    noise = gaussian_filter(rng.standard_normal((NY, NX), dtype=np.float32), 6)
    noise /= noise.std()
    y, x = np.mgrid[-1 : 1 : complex(NY), -1 : 1 : complex(NX)]
    inside = (x / 0.875) ** 2 + (y / 0.857) ** 2 < 1
    settled = inside & (noise > 1.06)
    people = np.where(settled, np.exp(1.5 * (noise - 1.06)) * rng.gamma(2.0, 1.2, (NY, NX)), -99999).astype(np.float32)
    people[people == 0] = -99999
    _write(folder / "population.tif", people, -99999)
    valley = np.abs(gaussian_filter(rng.standard_normal((NY, NX), dtype=np.float32), 25))
    valley /= valley.std()
    for years in RETURN_PERIODS_YEARS:
        depth = (0.06 * np.log(years) - valley) * 14
        _write(folder / f"depth_{years}.tif", np.where(depth > 0, depth, -9999).astype(np.float32), -9999)
    write_zones(folder / "zones.gpkg", partition(145))
    (folder / "about.json").write_text(json.dumps({"populated_cells": int(settled.sum())}))


def _write(path: Path, values: NDArray[np.float32], nodata: float, cell: float = CELL) -> None:
    plain = path.with_suffix(".plain.tif")
    profile = {
        "driver": "GTiff",
        "height": values.shape[0],
        "width": values.shape[1],
        "count": 1,
        "dtype": "float32",
        "crs": "EPSG:4326",
        "transform": from_origin(LEFT, TOP, cell, cell),
        "nodata": nodata,
        "tiled": True,
    }
    with rasterio.open(plain, "w", **profile) as raster:
        raster.write(values, 1)
    rasterio.shutil.copy(plain, path, driver="COG", compress="DEFLATE", predictor="YES", overviews="NONE")
    plain.unlink()


def _enlarge(source: Path, folder: Path, scale: int) -> None:
    """Each cell cut into scale x scale cells; people shared equally."""
    for path in sorted(source.glob("*.tif")):
        with rasterio.open(path) as raster:
            values, nodata = raster.read(1), raster.nodata
        if path.name == "population.tif":
            values = np.where(values == nodata, values, values / scale**2)
        _write(folder / path.name, values.repeat(scale, axis=0).repeat(scale, axis=1), nodata, CELL / scale)
    (folder / "zones.gpkg").write_bytes((source / "zones.gpkg").read_bytes())
