"""Exposure against rasterstats and exactextract, on the same files in one run.

python benchmarks/exposure.py [--quick]

Population and six flood depths: 4800 x 3360 cells, float32, COG; 145 zones of 500 to 3,000 vertices. Each peer is
called as its documentation recommends, with the people of dry cells masked beforehand. Prints a table and, as the last
line, one JSON object. Quick leaves out the sixteen times larger grid.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
from exposure_inputs import RETURN_PERIODS_YEARS, inputs, partition

THRESHOLD = 0.3
PEERS_IN_A_PROCESS = "exactextract-files"


def best_of(rounds: int, call: Callable[[], object]) -> float:
    """Seconds of the fastest of so many calls."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def read(path: Path) -> tuple[np.ndarray, object]:
    import rasterio

    with rasterio.open(path) as raster:
        values = raster.read(1)
        values[values == raster.nodata] = np.nan
        return values, raster


def masked_people(folder: Path) -> tuple[list[np.ndarray], tuple[float, float, float, float], str]:
    """People at or above the threshold of each hazard (0 elsewhere), bounds, CRS."""
    people, raster = read(folder / "population.tif")
    people = np.nan_to_num(people)
    masked = [
        np.where(read(folder / f"depth_{years}.tif")[0] >= np.float32(THRESHOLD), people, np.float32(0))
        for years in RETURN_PERIODS_YEARS
    ]
    return masked, raster.bounds, raster.crs.to_wkt()


def by_exactextract(
    masked: list[np.ndarray], bounds: tuple[float, float, float, float], wkt: str, zones: object
) -> np.ndarray:
    """People per zone and hazard; all rasters in one call, so that coverage is computed once."""
    from exactextract import exact_extract
    from exactextract.raster import NumPyRasterSource

    sources = [NumPyRasterSource(m, *bounds, name=f"h{i}", srs_wkt=wkt) for i, m in enumerate(masked)]
    table = exact_extract(sources, zones, "sum", output="pandas")
    return table[[f"h{i}_sum" for i in range(len(masked))]].to_numpy()


def exactextract_from_files(folder: Path) -> None:
    """In a process of its own: files to result, then seconds are the caller's and the peak is printed."""
    import geopandas

    masked, bounds, wkt = masked_people(folder)
    by_exactextract(masked, bounds, wkt, geopandas.read_file(folder / "zones.gpkg"))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def run(command: list[str], **environment: str) -> tuple[float, float]:
    """(seconds, peak MiB of the largest process) of a fresh process."""
    program = (
        "import resource, subprocess, sys, time; start = time.perf_counter();"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL);"
        "print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)"
    )
    out = subprocess.run(
        [sys.executable, "-c", program, *command],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    ).stdout
    seconds, peak = out.split()
    return float(seconds), float(peak)


def ours_from_files(folder: Path, rounds: int) -> tuple[float, float]:
    """The command itself, each time with an empty cache of indexes."""
    command = [sys.executable, "-m", "app.cli", "exposure", "--zones", str(folder / "zones.gpkg")]
    command += ["--population", str(folder / "population.tif"), "--zone-field", "name"]
    for years in RETURN_PERIODS_YEARS:
        command += ["--hazard", str(folder / f"depth_{years}.tif")]
    results = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as cache:
            results.append(run(command, XDG_CACHE_HOME=cache))
    return min(r[0] for r in results), max(r[1] for r in results)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--exactextract-files", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.exactextract_files:
        exactextract_from_files(arguments.exactextract_files)
        return
    quick = arguments.quick
    folder = inputs()

    # Fresh processes first, while this one is small.
    ours_from_files(folder, 1)  # the files' pages and numba's cache are warm for everybody
    cold, cold_peak = ours_from_files(folder, 3)
    theirs = [run([sys.executable, __file__, "--exactextract-files", str(folder)]) for _ in range(3)]
    cold_exactextract, peak_exactextract = min(t[0] for t in theirs), min(t[1] for t in theirs)
    large = None if quick else ours_from_files(inputs(4), 1)

    import geopandas
    from rasterstats import zonal_stats

    from gis.exposure import ExposureIndex, ThresholdTable
    from gis.hazard import RasterHazard
    from gis.population import read_population
    from gis.source import ArraySource
    from gis.values import gathered

    population = read_population(folder / "population.tif")
    zones = geopandas.read_file(folder / "zones.gpkg")
    index = ExposureIndex.build(population, zones.geometry.to_numpy())
    many = ExposureIndex.build(population, partition(6000))
    depths = [read(folder / f"depth_{years}.tif")[0] for years in RETURN_PERIODS_YEARS]
    hazards = [RasterHazard(ArraySource(d, population.grid), population) for d in depths]
    masked, bounds, wkt = masked_people(folder)
    _, raster = read(folder / "population.tif")

    def ours(index: ExposureIndex) -> np.ndarray:
        return index.score_all([h.chunks() for h in hazards], [THRESHOLD])

    warm = best_of(7, lambda: ours(index))
    warm_6000 = best_of(7, lambda: ours(many))
    warm_exactextract = best_of(2, lambda: by_exactextract(masked, bounds, wkt, zones))

    def rasterstats() -> list:
        return [zonal_stats(zones, m, affine=raster.transform, stats=["sum"], nodata=-1) for m in masked]

    warm_rasterstats = best_of(1 if quick else 2, rasterstats)
    exact = by_exactextract(masked, bounds, wkt, zones)
    difference = np.abs(
        np.column_stack([s.exposed[:, 0] for s in ours(index)]) / np.maximum(exact, 1) - exact / np.maximum(exact, 1)
    ).max()
    kept = gathered(hazards[3].chunks())
    table = ThresholdTable.build(index, kept)
    vector = kept.value
    thresholds = iter(np.linspace(0.05, 4, 400))
    stored = best_of(200, lambda: table.score([next(thresholds)]))
    plain = best_of(200, lambda: vector.sum())

    rows = [
        ("re-score six hazards in memory, 145 zones", warm, "s"),
        ("  exactextract", warm_exactextract, "s"),
        ("  rasterstats", warm_rasterstats, "s"),
        ("re-score six hazards in memory, 6,000 zones", warm_6000, "s"),
        ("a kept hazard at a threshold", stored, "s"),
        ("  plain read of its vector", plain, "s"),
        ("files to result, fresh process", cold, "s"),
        ("  exactextract", cold_exactextract, "s"),
        ("peak memory of that", cold_peak, "MiB"),
        ("  exactextract", peak_exactextract, "MiB"),
        ("largest relative difference from exactextract", difference, ""),
    ]
    if large:
        rows += [("files to result, 16 times the cells", large[0], "s"), ("peak memory of that", large[1], "MiB")]
    for name, value, unit in rows:
        print(f"{name:48s} {value:12.6g} {unit}")
    figures = {
        "warm_vs_rasterstats": warm_rasterstats / warm,
        "warm_vs_exactextract": warm_exactextract / warm,
        "stored_vs_plain_read": stored / plain,
        "cold_vs_exactextract": cold / cold_exactextract,
        "peak_memory_vs_exactextract": cold_peak / peak_exactextract,
        "cells_16x_time_ratio": large[0] / cold if large else None,
        "peak_gib_16x": large[1] / 1024 if large else None,
        "zones_6000_time_ratio": warm_6000 / warm,
    }
    print(json.dumps({k: None if v is None else round(v, 4) for k, v in figures.items()}))


if __name__ == "__main__":
    main()
