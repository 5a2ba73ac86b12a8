"""A small country for the pages: nine municipalities in a lattice, a flood in two return periods, a fire."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
from flask import Flask
from geoalchemy2 import WKTElement
from rasterio.transform import Affine
from shapely import Polygon, box
from shapely.geometry.base import BaseGeometry
from sqlalchemy.orm import Session

from gis.classes import DEPTH_STEPS, FWI_STEPS, Steps
from gis.raster import RasterFile
from gis.tiles import Rule, build
from layers import annual
from layers.areas import Area, Boundary, Level
from layers.catalogue import Kind, Layer, LayerVersion, Method, State
from layers.exposure import ExposureFigure, ExposureRun
from layers.features import Shape
from layers.files import FileStore
from layers.measures import METHOD
from layers.shapes import BANDS, coverages
from tests.builders import a_raster

NOON = datetime(2026, 5, 14, 12, tzinfo=UTC)
LEFT, TOP, SIDE = 17.0, 44.9, 0.3

# code, name, entity, canton, place in the lattice, people
MUNICIPALITIES: Sequence[tuple[str, str, str, str | None, tuple[int, int], float]] = (
    ("11053", "Maglaj", "BA-BIH", "BA-04", (1, 1), 23_146.4),
    ("10502", "Žepče", "BA-BIH", "BA-04", (1, 2), 30_219.3),
    ("11550", "Tešanj", "BA-BIH", "BA-04", (2, 1), 43_063.2),
    ("11428", "Široki Brijeg", "BA-BIH", "BA-08", (0, 2), 28_929.1),
    ("20141", "Doboj", "BA-SRP", None, (1, 0), 71_441.0),
    ("20508", "Šamac", "BA-SRP", None, (2, 0), 17_273.0),
    ("20494", "Teslić", "BA-SRP", None, (0, 1), 38_536.0),
    ("30058", "Brčko", "BA-BRC", None, (3, 0), 83_516.0),
    ("10847", "Olovo", "BA-BIH", "BA-04", (2, 2), 10_175.0),
)
# code -> exposed people, by class; those that are missing here are not modelled
FLOOD_100: Mapping[str, tuple[float, list[float]]] = {
    "11053": (6_412.4, [1_000.2, 2_000.1, 2_412.1, 1_000.0]),
    "10502": (1_207.5, [500.5, 407.0, 200.0, 100.0]),
    "11550": (88.2, [50.0, 38.2, 0.0, 0.0]),
    "11428": (0.0, [0.0, 0.0, 0.0, 0.0]),
    "20141": (21_884.3, [5_000.0, 6_000.0, 7_000.0, 3_884.3]),
    "20508": (9_310.6, [1_310.6, 2_000.0, 3_000.0, 3_000.0]),
    "20494": (640.1, [600.0, 40.1, 0.0, 0.0]),
    "30058": (15_020.9, [10_000.0, 5_020.9, 0.0, 0.0]),
}


class Country:
    """What was put in, to be asked for in tests."""

    def __init__(self) -> None:
        self.areas: dict[str, Area] = {}
        self.versions: dict[str, LayerVersion] = {}
        self.runs: dict[str, ExposureRun] = {}

    def id(self, code: str) -> UUID:
        return self.areas[code].id


def a_country(
    session: Session,
    store: FileStore | None = None,
    *,
    method: Method = Method.MODEL,
    shapes: Mapping[str, BaseGeometry] | None = None,
    municipalities: Sequence[tuple[str, str, str, str | None, tuple[int, int], float]] = MUNICIPALITIES,
) -> Country:
    """Areas and their boundaries; with floods and a fire if there is a store for their tiles."""
    country = Country()
    top = _area(session, country, Level.COUNTRY, "BA", "Bosna i Hercegovina", None)
    for code, name, names in (
        ("BA-BIH", "Federacija Bosne i Hercegovine", {"en": "Federation of Bosnia and Herzegovina"}),
        ("BA-SRP", "Republika Srpska", {}),
        ("BA-BRC", "Brčko distrikt Bosne i Hercegovine", {"en": "Brčko District"}),
    ):
        _area(session, country, Level.ENTITY, code, name, top, names)
    for code, name in (("BA-04", "Zeničko-dobojski"), ("BA-08", "Zapadnohercegovački")):
        _area(session, country, Level.CANTON, code, name, country.areas["BA-BIH"])
    for code, name, entity, canton, _place, _people in municipalities:
        _area(session, country, Level.MUNICIPALITY, code, name, country.areas[canton or entity])
    session.flush()
    boundaries = a_version(session, country, Kind.MUNICIPALITIES, "Općine", method=method)
    a_version(session, country, Kind.POPULATION_RASTER, "Stanovništvo", method=method)
    session.flush()
    places = shapes or {code: cell(*place) for code, _n, _e, _c, place, _p in municipalities}
    _shapes(session, country, boundaries, places)
    if store is not None:
        full = {code: (exposed, by_class, True, 0.0) for code, (exposed, by_class) in FLOOD_100.items()}
        half = {
            code: (exposed / 2, [people / 2 for people in by_class], True, 0.0)
            for code, (exposed, by_class) in FLOOD_100.items()
        }
        for years, figures in ((20.0, half), (100.0, full)):
            a_hazard(session, country, store, f"Poplava 1/{years:g}", years=years, figures=figures, method=method)
    return country


def cell(column: int, row: int) -> Polygon:
    """A municipality of the lattice."""
    return box(LEFT + column * SIDE, TOP - (row + 1) * SIDE, LEFT + (column + 1) * SIDE, TOP - row * SIDE)


def a_version(
    session: Session,
    country: Country,
    kind: Kind,
    name: str,
    *,
    years: float | None = None,
    event: str | None = None,
    method: Method = Method.MODEL,
    state: State = State.READY,
    facts: dict[str, object] | None = None,
    findings: list[dict[str, object]] | None = None,
) -> LayerVersion:
    """A layer with one version."""
    layer = Layer(kind=kind, name=name, return_period_years=years, event=event)
    version = LayerVersion(
        layer=layer,
        number=1,
        state=state,
        producer="Agencija za vode",
        licence="CC BY 4.0",
        vintage="2013",
        method=method,
        method_note="",
        file_name="file.tif",
        file_hash=hashlib.sha256(name.encode()).hexdigest(),
        file_bytes=123_456,
        options={},
        findings=findings or [],
        facts=facts or {},
        received_at=NOON,
        received_by="operator",
        ready_at=NOON,
    )
    session.add(version)
    session.flush()
    country.versions[name] = version
    return version


def a_hazard(
    session: Session,
    country: Country,
    store: FileStore | None,
    name: str,
    *,
    figures: Mapping[str, tuple[float | None, list[float] | None, bool, float]],
    years: float | None = None,
    event: str | None = None,
    kind: Kind = Kind.FLOOD_DEPTH,
    method: Method = Method.MODEL,
    raster: np.ndarray | None = None,
    bounds: tuple[float, float, float, float] = (LEFT, TOP - 3 * SIDE, LEFT + 4 * SIDE, TOP),
) -> ExposureRun:
    """A hazard with its counted exposure: code -> (exposed, by class, covered, people not modelled)."""
    facts: dict[str, object] = {}
    if store is not None:
        facts["files"] = {
            "pyramid": a_pyramid(store, raster, bounds, FWI_STEPS if kind == Kind.FIRE_DANGER else DEPTH_STEPS)
        }
    hazard = a_version(session, country, kind, name, years=years, event=event, method=method, facts=facts)
    depth = kind == Kind.FLOOD_DEPTH
    run = ExposureRun(
        id=uuid4(),
        hazard_version_id=hazard.id,
        population_version_id=country.versions["Stanovništvo"].id,
        boundary_version_id=country.versions["Općine"].id,
        threshold=0.3 if depth else 38.0,
        edges=[0.3, 0.5, 1.0, 2.0] if depth else [5.2, 11.2, 21.3, 38.0, 50.0],
        gathered_file="0" * 64,
        method=METHOD,
        computed_at=NOON,
    )
    session.add(run)
    session.flush()
    country.runs[name] = run
    people = {code: number for code, _n, _e, _c, _p, number in MUNICIPALITIES}
    for code, area in country.areas.items():
        if area.level != Level.MUNICIPALITY:
            continue
        population = people.get(code, 1000.0)
        exposed, by_class, covered, missing = figures.get(code, (None, None, False, population))
        session.add(
            ExposureFigure(
                run_id=run.id,
                area_id=area.id,
                population=population,
                exposed=exposed,
                not_modelled=missing,
                by_class=by_class,
                covered=covered,
                facilities={},
                marks=["partly_covered"] if exposed is not None and not covered else [],
                cells=[],
            )
        )
    session.flush()
    annual.refresh(session, at=NOON)
    return run


def a_pyramid(
    store: FileStore, values: np.ndarray | None, bounds: tuple[float, float, float, float], steps: Steps
) -> str:
    """The hash of a tile pyramid: by default a river that runs from north to south, deepest in the middle."""
    if values is None:
        across = np.abs(np.linspace(-1, 1, 400))[None, :] + 0.1 * np.sin(np.linspace(0, 12, 300))[:, None]
        values = np.clip(3.0 - 12.0 * np.abs(across), 0, None).astype(np.float32)
    left, bottom, right, top = bounds
    ny, nx = values.shape
    with store.part() as folder:
        folder.mkdir()
        across, down = (right - left) / nx, (top - bottom) / ny
        path = a_raster(
            Path(folder) / "hazard.tif", values, transform=Affine(across, 0, left, 0, -down, top), nodata=-9999
        )
        made = Path(folder) / "pyramid"
        with RasterFile(path) as raster:
            build(raster, made, steps=steps, rule=Rule.MAXIMUM)
        return store.put(made)


def _area(
    session: Session,
    country: Country,
    level: Level,
    code: str,
    name: str,
    parent: Area | None,
    names: dict[str, str] | None = None,
) -> Area:
    area = Area(
        id=uuid4(), level=level, code=code, name=name, names=names or {}, parent_id=parent.id if parent else None
    )
    session.add(area)
    session.flush()
    country.areas[code] = area
    return area


def _shapes(session: Session, country: Country, version: LayerVersion, places: Mapping[str, BaseGeometry]) -> None:
    codes = list(places)
    boundaries = {}
    for code in codes:
        boundary = Boundary(
            id=uuid4(),
            version_id=version.id,
            area_id=country.id(code),
            also_covers=[],
            area_km2=700.0,
            place=WKTElement(places[code].wkt, srid=4326),
        )
        boundaries[code] = boundary
        session.add(boundary)
    session.flush()
    bands = coverages(np.array([places[code] for code in codes], dtype=object))
    for (first, last), simplified in zip(BANDS, bands, strict=True):
        for code, shape in zip(codes, simplified, strict=True):
            session.add(
                Shape(
                    item_id=boundaries[code].id,
                    min_zoom=first,
                    max_zoom=last,
                    version_id=version.id,
                    place=WKTElement(shape.wkt, srid=3857),
                )
            )
    session.flush()


def close(app: Flask) -> None:
    """Close what the application has opened."""
    if "spremnost.tiles" in app.extensions:
        app.extensions["spremnost.tiles"].close()
    app.extensions["spremnost.database"].close()
