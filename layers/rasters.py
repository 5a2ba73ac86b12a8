"""Rasters: what a sound one of each kind is, and what is made of it once at import.

Made are a COG ("cog": the cells as received), a tile pyramid ("pyramid"), of people also the populated cells
("population", gis.gathered), of elevation also the terrain ("terrain", gis.terrain).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from shapely.errors import ShapelyError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from foundation.errors import N_
from gis import classes, terrain
from gis.classes import Legend, Steps
from gis.cog import TILE, CogWriter
from gis.errors import (
    GisError,
    LegendMissing,
    NegativeDepth,
    NoElevation,
    NoFireWeatherIndex,
    NotNearTheCountry,
    NoValues,
    TooDeep,
    UndeclaredNodata,
    UnknownLegend,
    WrongFootprint,
    WrongNumber,
    WrongUnit,
)
from gis.gathered import save_population
from gis.hazard import USUAL_FILLS
from gis.population import Population, cell_areas_km2, read_population
from gis.raster import RasterFile
from gis.tiles import Meaning, Rule, build, outline_degrees
from layers import catalogue, off_estimate
from layers.areas import Boundary
from layers.catalogue import Kind, LayerVersion
from layers.country import BOUNDS
from layers.findings import Finding, datum_findings, finding

PIXELS_OF_UPLOADS = 2 * 10**8
PIXELS_OF_OPERATORS = 2 * 10**10
WINDOW_COLUMNS = 16384

DEEPEST_M = 30.0
HIGHEST_FWI = 200.0
LOWEST_M, HIGHEST_M = -500.0, 9000.0
NEGATIVE_FILLS = (-32768.0, -9999.0, -99999.0, -3.4028234663852886e38)
UNITS = ("persons", "persons/km2")

WHOLE = 0.999
"""Share of the country from which it counts as covered: outlines of two sources never lie exactly on each other."""

# Classes of the land cover maps most in use, so that nobody has to type them (ESA WorldCover 2021 v200 user manual).
WORLDCOVER = Legend.from_data(
    {
        "unit": "",
        "classes": [
            {"value": 10, "colour": "#006400", "label": "tree cover"},
            {"value": 20, "colour": "#ffbb22", "label": "shrubland"},
            {"value": 30, "colour": "#ffff4c", "label": "grassland"},
            {"value": 40, "colour": "#f096ff", "label": "cropland"},
            {"value": 50, "colour": "#fa0000", "label": "built-up"},
            {"value": 60, "colour": "#b4b4b4", "label": "bare or sparse vegetation"},
            {"value": 70, "colour": "#f0f0f0", "label": "snow and ice"},
            {"value": 80, "colour": "#0064c8", "label": "permanent water"},
            {"value": 90, "colour": "#0096a0", "label": "herbaceous wetland"},
            {"value": 95, "colour": "#00cf75", "label": "mangroves"},
            {"value": 100, "colour": "#fae6a0", "label": "moss and lichen"},
        ],
    }
)
NAMED_LEGENDS: dict[str, tuple[Legend, Steps]] = {
    "effis_fwi": (classes.FWI, classes.FWI_STEPS),
    "efis_fwi": (classes.FWI, classes.FWI_STEPS),
    "esa_worldcover": (WORLDCOVER, Steps.of(WORLDCOVER)),
}


def context(session: Session, version: LayerVersion) -> dict[str, Any]:
    """What prepare() must know: {"outline": WKT or None}, of people also "estimates" (layers.off_estimate)."""
    known: dict[str, Any] = {"outline": _outline(session)}
    if version.layer.kind == Kind.POPULATION_RASTER:
        known["estimates"] = off_estimate.estimates(session)
    return known


def _outline(session: Session) -> str | None:
    for municipalities in catalogue.shown(session, Kind.MUNICIPALITIES):
        joined = func.ST_SimplifyPreserveTopology(func.ST_Union(Boundary.place), 0.001)
        outline = session.scalar(select(func.ST_AsText(joined)).where(Boundary.version_id == municipalities.id))
        if outline:
            return str(outline)
    return None


def load(session: Session, version: LayerVersion, folder: Path, result: Mapping[str, Any]) -> None:
    """Nothing: a raster lies in its files."""


@dataclass(frozen=True)
class Sort:
    """How a kind of raster is looked at and drawn."""

    unit: str
    legend: Legend
    steps: Steps
    rule: Rule
    refuse: Callable[[Measured, RasterFile, NDArray[np.floating], int, int], None]


@dataclass
class Measured:
    """What was found while the file was read, window by window."""

    cells: int = 0
    total: float = 0.0
    minimum: float = np.inf
    maximum: float = -np.inf
    outside_legend: int = 0
    wrong: dict[type[GisError], dict[str, Any]] = field(default_factory=dict)

    def note(self, values: NDArray[np.floating], legend: Legend) -> None:
        """Count a window in."""
        known = values[~np.isnan(values)]
        if not len(known):
            return
        self.cells += len(known)
        self.total += float(known.sum(dtype=np.float64))
        self.minimum = min(self.minimum, float(known.min()))
        self.maximum = max(self.maximum, float(known.max()))
        self.outside_legend += int((legend.class_of(known) < 0).sum())

    def mark(
        self,
        kind: type[GisError],
        wrong: NDArray[np.bool_],
        values: NDArray[np.floating],
        place: tuple[int, int],
        **more: float,
    ) -> None:
        """Count cells that the file must not have; the first is remembered, rows and columns counted from 1."""
        if not wrong.any():
            return
        row, column = np.argwhere(wrong)[0]
        first = {
            "cells": 0,
            "value": f"{float(values[row, column]):.7g}",
            "row": place[0] + int(row) + 1,
            "column": place[1] + int(column) + 1,
            **more,
        }
        self.wrong.setdefault(kind, first)["cells"] += int(wrong.sum())


def prepare(
    *, path: str, name: str, kind: str, options: dict[str, Any], context: dict[str, Any], folder: str
) -> dict[str, Any]:
    """Read an untrusted GeoTIFF and make of it what is kept; runs in the sandbox, knows no database.

    options: "unit" of people (persons, persons/km2) and "warn_share" (layers.off_estimate); "legend" (effis_fwi,
    esa_worldcover or classes) of fire danger and land cover; "footprint" (WKT, degrees) where less than the raster's
    extent was modelled; "stream_km2" from which upstream area a stream begins; "operator": true lifts the limit of
    cells for files from the command line.
    Raises GisError, with the user's name of the file in its sentence.
    """
    try:
        return _prepare(Path(path), name, Kind(kind), options, context, Path(folder))
    except GisError as error:
        _rename(error, Path(path), name)


def _rename(error: GisError, path: Path, name: str) -> NoReturn:
    """The same error about the file as its owner calls it: it lies here under its hash."""
    told = {
        k: v.replace(str(path.resolve()), name).replace(str(path), name).replace(path.name, name)
        if isinstance(v, str)
        else v
        for k, v in error.parameters.items()
    }
    if "file" in told:
        told["file"] = name
    raise type(error)(**told) from error


def _prepare(
    path: Path, name: str, kind: Kind, options: Mapping[str, Any], context: Mapping[str, Any], folder: Path
) -> dict[str, Any]:
    sort = _sort(kind, options, name)
    findings: list[Finding] = []
    with RasterFile(path, max_pixels=PIXELS_OF_OPERATORS if _yes(options, "operator") else PIXELS_OF_UPLOADS) as raster:
        footprint = _footprint(raster, options, name)
        country = _country(context)
        if not footprint.intersects(country):
            raise NotNearTheCountry(file=name, found=_degrees(footprint))
        measured = _copy(raster, sort, folder / "cog.tif")
        facts: dict[str, Any] = {
            "shape": list(raster.shape),
            "bounds": [round(v, 7) for v in footprint.bounds],
            "cells": raster.shape[0] * raster.shape[1],
            "cells_with_data": measured.cells,
            "minimum": measured.minimum,
            "maximum": measured.maximum,
            "mean": measured.total / measured.cells,
            "dtype": raster.stored_dtype.name,
            "nodata": raster.nodata if raster.nodata is None or np.isfinite(raster.nodata) else str(raster.nodata),
            "unit": sort.unit,
            "legend": sort.legend.data(),
            "overview_rule": sort.rule.value,
        }
        crs, resolution = _crs(raster.crs), _resolution(raster)
        findings += datum_findings(raster.crs, *raster.centre)
    if context.get("outline"):
        findings += _coverage(footprint, country)
    if measured.minimum == measured.maximum:
        findings.append(finding("constant", N_("Every cell with data has the value {value}."), value=measured.minimum))
    if measured.outside_legend and kind in (Kind.FIRE_DANGER, Kind.LAND_COVER):
        findings.append(
            finding(
                "outside_legend",
                N_("{cells} cells have values that the legend does not name; they are not drawn."),
                cells=measured.outside_legend,
            )
        )
    files = {"cog": "cog.tif", "pyramid": "pyramid"}
    meaning: Meaning | None = None
    if kind == Kind.POPULATION_RASTER:
        population = read_population(folder / "cog.tif", options.get("unit", "persons"))
        save_population(population, folder / "population")
        files["population"] = "population"
        facts |= {"people": population.total, "populated_cells": len(population.people)}
        findings += off_estimate.off(population, options, context.get("estimates"))
        meaning = _density if sort.unit == "persons/km2" else _density_of(population)
    if kind == Kind.ELEVATION:
        files["terrain"] = "terrain"
        with RasterFile(folder / "cog.tif") as raster:
            about, odd = _terrain(raster, options, folder / "terrain")
        facts["terrain"] = about
        findings += odd
    with RasterFile(folder / "cog.tif") as raster:
        facts["zooms"] = list(build(raster, folder / "pyramid", steps=sort.steps, rule=sort.rule, meaning=meaning))
    return {
        "crs": crs,
        "resolution": resolution,
        "findings": findings,
        "facts": facts,
        "footprint": shapely.to_wkt(_multi(footprint), rounding_precision=7),
        "files": files,
    }


def _yes(options: Mapping[str, Any], key: str) -> bool:
    return options.get(key) in (True, "true", "yes", "1")


def _copy(raster: RasterFile, sort: Sort, target: Path) -> Measured:
    """Read every cell once: judged, measured and written to our own COG."""
    measured = Measured()
    ny, nx = raster.shape
    with CogWriter(target, raster) as cog:
        for row in range(0, ny, TILE):
            for column in range(0, nx, WINDOW_COLUMNS):
                values = raster.read(row, column, min(TILE, ny - row), min(WINDOW_COLUMNS, nx - column))
                sort.refuse(measured, raster, values, row, column)
                measured.note(values, sort.legend)
                if not measured.wrong:
                    cog.write(row, column, values)
        for kind, parameters in measured.wrong.items():
            raise kind(file=raster.name, **parameters)
        if not measured.cells:
            raise NoValues(file=raster.name)
        cog.finish()
    return measured


def _refuse_fills(raster: RasterFile, values: NDArray[np.floating]) -> None:
    fill = raster.fill(values, USUAL_FILLS)
    if not raster.declares_nodata:
        fill |= np.isin(values, np.array(NEGATIVE_FILLS).astype(values.dtype))
    if fill.any():
        raise UndeclaredNodata(file=raster.name, cells=int(fill.sum()), value=f"{values[fill][0]:.9g}")


def _people_refused(
    measured: Measured, raster: RasterFile, values: NDArray[np.floating], row: int, column: int
) -> None:
    """read_population judges the copy."""


def _depth_refused(measured: Measured, raster: RasterFile, values: NDArray[np.floating], row: int, column: int) -> None:
    _refuse_fills(raster, values)
    measured.mark(TooDeep, values > DEEPEST_M, values, (row, column), limit=DEEPEST_M)
    measured.mark(NegativeDepth, values < 0, values, (row, column))


def _fwi_refused(measured: Measured, raster: RasterFile, values: NDArray[np.floating], row: int, column: int) -> None:
    _refuse_fills(raster, values)
    wrong = (values < 0) | (values > HIGHEST_FWI)
    measured.mark(NoFireWeatherIndex, wrong, values, (row, column), limit=HIGHEST_FWI)


def _height_refused(
    measured: Measured, raster: RasterFile, values: NDArray[np.floating], row: int, column: int
) -> None:
    _refuse_fills(raster, values)
    wrong = (values < LOWEST_M) | (values > HIGHEST_M)
    measured.mark(NoElevation, wrong, values, (row, column), low=LOWEST_M, high=HIGHEST_M)


def _code_refused(measured: Measured, raster: RasterFile, values: NDArray[np.floating], row: int, column: int) -> None:
    if not raster.declares_nodata:
        fill = raster.fill(values)
        if fill.any():
            raise UndeclaredNodata(file=raster.name, cells=int(fill.sum()), value=f"{values[fill][0]:.9g}")


def _sort(kind: Kind, options: Mapping[str, Any], name: str) -> Sort:
    if kind == Kind.FLOOD_DEPTH:
        return Sort("m", classes.DEPTH, classes.DEPTH_STEPS, Rule.MAXIMUM, _depth_refused)
    if kind == Kind.ELEVATION:
        return Sort("m", classes.ELEVATION, classes.ELEVATION_STEPS, Rule.AVERAGE, _height_refused)
    if kind == Kind.POPULATION_RASTER:
        unit = options.get("unit", "persons")
        if unit not in UNITS:
            raise WrongUnit(file=name, unit=str(unit)[:50], units=", ".join(UNITS))
        return Sort(unit, classes.DENSITY, classes.DENSITY_STEPS, Rule.AVERAGE, _people_refused)
    legend, steps = _legend(options, name)
    if kind == Kind.LAND_COVER:
        return Sort(legend.unit, legend, steps, Rule.NEAREST, _code_refused)
    refuse = _fwi_refused if legend == classes.FWI else _code_refused
    return Sort(legend.unit, legend, steps, Rule.MAXIMUM, refuse)


def _legend(options: Mapping[str, Any], name: str) -> tuple[Legend, Steps]:
    given = options.get("legend")
    if not given:
        raise LegendMissing(file=name)
    if isinstance(given, str):
        if given in NAMED_LEGENDS:
            return NAMED_LEGENDS[given]
        try:
            given = json.loads(given)
        except ValueError as error:
            known = ", ".join(sorted(set(NAMED_LEGENDS) - {"efis_fwi"}))
            raise UnknownLegend(file=name, given=repr(given[:50]), known=known) from error
    legend = Legend.from_data(given, name)
    return legend, Steps.of(legend)


def _density(cells: NDArray[np.floating], row: int, column: int) -> NDArray[np.floating]:
    """Nobody where nothing is known, so that averages are not of the populated cells only."""
    return np.asarray(np.nan_to_num(cells, nan=0.0))


def _density_of(population: Population) -> Meaning:
    """People of cells as people/km²."""
    grid = population.grid
    by_row = cell_areas_km2(grid, 0, grid.ny) if grid.crs.is_geographic else None

    def density(cells: NDArray[np.floating], row: int, column: int) -> NDArray[np.floating]:
        rows, columns = cells.shape
        if by_row is not None:
            return _density(cells / by_row[row : row + rows], row, column)
        return _density(cells / cell_areas_km2(grid, row, row + rows)[:, column : column + columns], row, column)

    return density


def _footprint(raster: RasterFile, options: Mapping[str, Any], name: str) -> shapely.Geometry:
    """What the raster speaks about, degrees: its extent, or what was given, cut to it."""
    longitude, latitude = outline_degrees(raster)
    if not (np.isfinite(longitude).all() and np.isfinite(latitude).all()):
        raise NotNearTheCountry(file=name, found="?")
    extent = shapely.make_valid(shapely.Polygon(np.column_stack([longitude, latitude])))
    given = options.get("footprint")
    if not given:
        return extent
    try:
        polygon = shapely.from_wkt(str(given))
    except ShapelyError as error:
        raise WrongFootprint(file=name) from error
    if polygon.geom_type not in ("Polygon", "MultiPolygon") or polygon.is_empty:
        raise WrongFootprint(file=name)
    return extent.intersection(shapely.make_valid(polygon))


def _country(context: Mapping[str, Any]) -> shapely.Geometry:
    outline = context.get("outline")
    return shapely.make_valid(shapely.from_wkt(outline)) if outline else shapely.box(*BOUNDS)


def _multi(geometry: shapely.Geometry) -> shapely.Geometry:
    """As one multipolygon; what is left of a cut as line or point is no area."""
    parts = [p for p in shapely.get_parts(shapely.get_parts(geometry)) if p.geom_type == "Polygon"]
    return shapely.multipolygons(parts)


def _degrees(geometry: shapely.Geometry) -> str:
    left, bottom, right, top = geometry.bounds
    return f"{left:.2f}–{right:.2f}° E, {bottom:.2f}–{top:.2f}° N"


def _coverage(footprint: shapely.Geometry, country: shapely.Geometry) -> list[Finding]:
    whole, covered = _area_km2(country), _area_km2(country.intersection(footprint))
    if covered >= WHOLE * whole:
        return []
    return [
        finding(
            "partial_coverage",
            N_("The raster covers {share_percent} % of the country; {missing_km2} km² are not covered."),
            share_percent=round(100 * covered / whole, 1),
            missing_km2=round(whole - covered),
        )
    ]


def _area_km2(geometry: shapely.Geometry) -> float:
    """Area of a geometry in degrees, by an equal-area projection (EPSG:3035)."""
    to_metres = Transformer.from_crs(4326, 3035, always_xy=True)
    projected = shapely.transform(geometry.segmentize(0.1), lambda x, y: to_metres.transform(x, y), interleaved=False)
    return float(projected.area) / 1e6


def _terrain(raster: RasterFile, options: Mapping[str, Any], target: Path) -> tuple[dict[str, Any], list[Finding]]:
    if raster.placement.rotated:
        text = N_("The grid is rotated: heights above the rivers were not computed; warp it to a north-up grid.")
        return {}, [finding("no_terrain", text)]
    made = terrain.of_elevation(raster, stream_km2=_stream_km2(raster, options))
    made.save(target)
    findings = []
    if made.coarser > 1:
        findings.append(
            finding(
                "coarser_terrain",
                N_("Heights above the rivers were computed on cells of {factor} × {factor} of the file's."),
                factor=made.coarser,
            )
        )
    about = {"stream_km2": made.stream_km2, "coarser": made.coarser, "streams": made.streams}
    return about, findings


def _stream_km2(raster: RasterFile, options: Mapping[str, Any]) -> float:
    given = options.get("stream_km2", terrain.STREAM_KM2)
    try:
        number = float(given)
    except (TypeError, ValueError):
        number = np.nan
    if not 0 < number < np.inf:
        raise WrongNumber(file=raster.name, option="stream_km2", value=str(given)[:50])
    return number


def _crs(crs: CRS) -> str:
    code = crs.to_epsg()
    return f"EPSG:{code}" if code else crs.name


def _resolution(raster: RasterFile) -> str:
    p = raster.placement
    sizes = float(np.hypot(p.a, p.d)), float(np.hypot(p.b, p.e))
    if raster.crs.is_geographic:
        sizes = sizes[0] * 3600, sizes[1] * 3600
        unit = "arcsec"
    else:
        unit = raster.crs.axis_info[0].unit_name.replace("metre", "m")
    words = [f"{size:.5g}" for size in sizes]
    return f"{words[0]} {unit}" if words[0] == words[1] else f"{words[0]} × {words[1]} {unit}"
