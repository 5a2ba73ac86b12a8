"""Questions at national scale: how long a rise of the water and a drawn polygon take to be answered.

python benchmarks/ask.py [--quick]

Population and flood depth of benchmarks/exposure_inputs.py: 4800 x 3360 cells, about 1.4 million of them populated, 145
municipalities of 500 to 3,000 corners, in a database of its own, counted as an import counts them, with elevation. Two
floods: one on the population's own grid, one on a grid that is shifted against it, so that each cell has parts. Every
question is a new one: no answer is kept from an earlier one. "Rise": all municipalities, and everything above them,
after a rise. "Polygon": 5 to 200 corners, 4 to 60 km across, anywhere in the country, after a rise, with classes, cells
and what it rests on. Prints a table and, as the last line, one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from uuid import UUID

import numpy as np

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))
from benchmarks.exposure_inputs import CELL, LEFT, NX, NY, TOP, inputs  # noqa: E402

DATA = CHECKOUT / "var" / "benchmarks" / "ask-1"
YEARS = 100
SAME_GRID, OTHER_GRID = "flood on the people's grid", "flood on another grid"


def fill(database: object, folder: Path) -> None:
    """Layers as their import leaves them, and the countings."""
    import pyogrio.raw
    import shapely
    from geoalchemy2.shape import from_shape

    from app.importing import file_store, kept_indexes
    from foundation.audit import Actor
    from foundation.spaces import OPERATIONAL_SPACE_ID
    from layers import catalogue, counting, exposure
    from layers.areas import Area, Boundary, Level
    from layers.catalogue import Kind, Method, State

    store, now, by = file_store(DATA), datetime.now(UTC), Actor("benchmark")

    def layer(session: object, kind: Kind, name: str, files: dict[str, Path], years: float | None = None) -> UUID:
        said = dict.fromkeys(("producer", "licence", "vintage", "method_note", "file_name"), "–")
        period = {"return_period_years": years, "event": None}
        file = {"file_hash": "0" * 64, "file_bytes": 0, "options": {}}
        version = catalogue.receive(
            session, kind=kind, name=name, method=Method.MODEL, by=by, at=now, **said, **period, **file
        )
        version.facts = {"files": {}}
        for key, path in files.items():
            with store.part() as part:
                part.write_bytes(path.read_bytes())
                version.facts["files"][key] = store.put(part)
        version.become(State.CHECKING)
        catalogue.ready(session, version, by=by, at=now)
        return version.id

    _, _, wkb, _ = pyogrio.raw.read(folder / "zones.gpkg")
    zones = shapely.from_wkb(wkb)
    with database.transaction(OPERATIONAL_SPACE_ID) as session:
        country = Area(level=Level.COUNTRY, code="BA", name="BA", names={})
        session.add(country)
        session.flush()
        entities = [
            Area(level=Level.ENTITY, code=f"E{i}", name=f"E{i}", names={}, parent_id=country.id) for i in (1, 2)
        ]
        session.add_all(entities)
        session.flush()
        boundaries = layer(session, Kind.MUNICIPALITIES, "municipalities", {})
        for number, zone in enumerate(zones):
            parent = entities[number % 2].id
            area = Area(level=Level.MUNICIPALITY, code=f"{number:05d}", name=str(number), names={}, parent_id=parent)
            session.add(area)
            session.flush()
            session.add(
                Boundary(version_id=boundaries, area_id=area.id, also_covers=[], place=from_shape(zone, srid=4326))
            )
        layer(session, Kind.POPULATION_RASTER, "people", {"cog": folder / "population.tif"})
        layer(session, Kind.ELEVATION, "elevation", {"terrain": ground(folder)})
        floods = [
            layer(session, Kind.FLOOD_DEPTH, SAME_GRID, {"cog": folder / f"depth_{YEARS}.tif"}, YEARS),
            layer(session, Kind.FLOOD_DEPTH, OTHER_GRID, {"cog": shifted(folder)}, YEARS + 1),
        ]
    for flood in floods:
        with database.without_space() as session:
            plan = exposure.plan(session, flood)
        counted = counting.compute(plan, store, kept_indexes(DATA))
        with database.transaction(OPERATIONAL_SPACE_ID) as session:
            exposure.keep(session, plan, counted, at=now)


def ground(folder: Path) -> Path:
    """A made terrain of a quarter of the resolution, its valleys where the flood is."""
    import rasterio
    from scipy.ndimage import gaussian_filter

    from gis.grid import Grid
    from gis.terrain import terrain

    with rasterio.open(folder / "depth_500.tif") as raster:
        depth, crs = raster.read(1), raster.crs.to_wkt()
    wet = np.where(depth > 0, depth, 0).reshape(NY // 4, 4, NX // 4, 4).mean(axis=(1, 3))
    slope = 30.0 * (1 - gaussian_filter(wet, 3) / wet.max()) + np.linspace(200, 0, NY // 4)[:, None]
    from pyproj import CRS

    made = folder / "terrain"
    terrain(slope, Grid(CRS.from_wkt(crs), LEFT, TOP, CELL * 4, CELL * 4, NY // 4, NX // 4)).save(made)
    return made


def shifted(folder: Path) -> Path:
    """The flood, a third of a cell to the south-east."""
    import rasterio
    from rasterio.transform import from_origin

    made = folder / f"depth_{YEARS}_shifted.tif"
    with rasterio.open(folder / f"depth_{YEARS}.tif") as raster:
        place = from_origin(LEFT + CELL / 3, TOP - CELL / 3, CELL, CELL)
        profile = raster.profile | {"driver": "GTiff", "transform": place}
        with rasterio.open(made, "w", **profile) as target:
            target.write(raster.read())
    return made


def polygons(rng: np.random.Generator) -> Iterator[dict[str, object]]:
    """Drawn by somebody who clicks around a place, without crossing the line."""
    while True:
        corners = int(rng.choice([5, 8, 12, 20, 50, 200]))
        radius = rng.uniform(0.025, 0.4) * (0.6 + 0.4 * rng.random(corners))
        angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
        middle = np.array([17.7, 43.9]) + rng.uniform(-1, 1, 2) * (1.1, 0.75)
        ring = np.column_stack([np.cos(angle) * 1.4, np.sin(angle)]) * radius[:, None] + middle
        yield {"type": "Polygon", "coordinates": [[*ring.tolist(), ring[0].tolist()]]}


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def p95_ms(times: list[float]) -> float:
    return 1000 * float(np.quantile(times, 0.95))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer questions")
    quick = parser.parse_args().quick

    from app.db import Database
    from app.importing import file_store
    from app.migrate import upgrade
    from app.postgres import connected
    from app.settings import Settings
    from layers import exposure
    from layers.areas import Area, Level
    from layers.asking import ask
    from layers.cells import cells
    from layers.comparing import everywhere
    from layers.questions import Question
    from layers.recounting import KeptRuns, Reading
    from layers.runs import Family, Hazard

    folder = inputs()
    with connected(Settings(data_dir=DATA, secret_key="of the benchmark " * 3)) as settings:
        upgrade(settings)
        database = Database(settings)
        with database.without_space() as session:
            filled = bool(session.query(exposure.ExposureRun).count() == 2)
        if not filled:
            print("Counting, once: some minutes", file=sys.stderr, flush=True)
            fill(database, folder)
        with database.without_space() as session:
            country = session.query(Area).filter_by(level=Level.COUNTRY).one().id
        rng = np.random.default_rng(7)
        hazards = {
            SAME_GRID: Hazard(Family.FLOOD, years=float(YEARS)),
            OTHER_GRID: Hazard(Family.FLOOD, years=float(YEARS + 1)),
        }
        kept = KeptRuns(file_store(DATA).path)
        some_polygons, turn = polygons(rng), Lock()
        rises = iter(np.round(rng.permutation(np.arange(1, 4999)) / 1000, 3).tolist())

        def rise(hazard: Hazard) -> None:
            with database.without_space() as session:
                assert len(everywhere(session, kept, hazard, Reading(rise_m=next(rises))).numbers) == 148

        def polygon(hazard: Hazard) -> None:
            with turn:
                geometry = next(some_polygons)
            question = Question(hazard, Reading(rise_m=next(rises)), geometry=geometry)
            with database.without_space() as session:
                ask(session, kept, question).data()

        def whole(hazard: Hazard) -> None:
            with database.without_space() as session:
                ask(session, kept, Question(hazard, Reading(rise_m=next(rises)), area_id=country)).data()

        def opened(hazard: Hazard) -> None:
            with database.without_space() as session:
                cells(session, kept, Question(hazard, Reading(rise_m=next(rises)), area_id=country), after=1000)

        rows: list[tuple[str, float]] = []
        rows.append(("first rise of a process", 1000 * seconds(lambda: rise(hazards[SAME_GRID]))))
        rows.append(("first polygon of a process", 1000 * seconds(lambda: polygon(hazards[SAME_GRID]))))
        rounds = 40 if quick else 200
        worst: dict[str, float] = {}
        for name, hazard in hazards.items():
            for what, call, times in (
                ("rise", rise, rounds), ("polygon", polygon, rounds), ("the whole country", whole, rounds // 8),
                ("its cells, second page", opened, rounds // 8),
            ):  # fmt: skip
                call(hazard)
                measured = [seconds(lambda call=call, hazard=hazard: call(hazard)) for _ in range(times)]
                rows.append((f"{what}, {name}, p95", p95_ms(measured)))
                rows.append((f"{what}, {name}, median", 1000 * float(np.median(measured))))
                worst[what] = max(worst.get(what, 0.0), p95_ms(measured))
        with ThreadPoolExecutor(4) as pool:
            for what, call in (("rise", rise), ("polygon", polygon)):
                at_once = list(pool.map(lambda h, call=call: seconds(lambda: call(h)), list(hazards.values()) * rounds))
                rows.append((f"{what}, four at once, p95", p95_ms(at_once)))
        for label, value in rows:
            print(f"{label:56s} {value:10.1f} ms")
        print(json.dumps({"rise_p95_ms": round(worst["rise"], 1), "polygon_p95_ms": round(worst["polygon"], 1)}))
        database.close()


if __name__ == "__main__":
    main()
