"""Untrusted files of points, lines, polygons and tables, opened by what is in them; runs in the sandbox.

A file lies under its content hash, without a suffix; the user's name for it is for sentences only.
"""

from __future__ import annotations

import csv
import io
import math
import re
import shutil
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyogrio
import pyogrio.raw
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError

from foundation.errors import N_
from gis import polygons
from gis.errors import (
    BadValues,
    Damaged,
    EmptyLayer,
    MissingColumns,
    NoCrs,
    NoSuchLayer,
    NotNearTheCountry,
    SwappedAxes,
    UnknownCrs,
    WhichLayer,
    WrongFormat,
    WrongGeometryType,
    WrongOption,
)
from gis.systems import same_crs, system
from layers import country
from layers.findings import Finding, datum_findings, finding, listed, spans

WGS84: Final = CRS.from_epsg(4326)
EQUAL_AREA: Final = CRS.from_epsg(3035)
NEAR_DEGREES: Final = 0.5
EXPECTED: Final = N_("a GeoPackage, GeoJSON, FlatGeobuf, zipped Shapefile or CSV with coordinates")

# Ids of shapely's geometry types.
POINT, LINE, POLYGON, MULTIPOINT, MULTILINE, MULTIPOLYGON = 0, 1, 3, 4, 5, 6
TYPES: Final = {
    "points": {POINT, MULTIPOINT},
    "lines": {LINE, MULTILINE},
    "polygons": {POLYGON, MULTIPOLYGON},
    "points or polygons": {POINT, MULTIPOINT, POLYGON, MULTIPOLYGON},
}

# Whom a column counts or describes by ethnicity, faith or language is nobody's business here.
SENSITIVE: Final = re.compile(
    r"bo[sš]n?j?[nj]a[ck]|bosniak|\bhrvat|\bcroat|\bsrb[ie]\b|\bsrba\b|\bserb|muslim|ethni|etni[cčk]|nacional|nationalit"
    r"|narodn|vjera|vjersk|vjeroisp|relig|jezik|language|mother_?tongue",
    re.IGNORECASE,
)


def sensitive(column: str) -> bool:
    """True where a column's name tells of ethnicity, faith or language."""
    return bool(SENSITIVE.search(re.sub(r"[_\W\d]+", " ", column)) or SENSITIVE.search(column))


@dataclass(frozen=True)
class Table:
    """A CSV's cells as text: column -> values by record. Row 1 is the header, as a spreadsheet numbers it."""

    file: str
    columns: dict[str, list[str]]
    decimal_comma: bool
    findings: list[Finding] = field(default_factory=list)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def number(self, text: str) -> float:
        """The number that a cell says; NaN where it says none."""
        text = text.strip()
        if self.decimal_comma and "." not in text:
            text = text.replace(",", ".")
        try:
            return float(text) if "_" not in text else math.nan
        except ValueError:
            return math.nan


@dataclass(frozen=True)
class Features:
    """Valid features of one file in longitude and latitude, by file order.

    geometry: (n,) shapely; fields: column -> (n,) values; numbers: (n,) places in the file, from 1 (a CSV's rows).
    crs: as received.
    """

    file: str
    crs: str
    geometry: NDArray[np.object_]
    fields: dict[str, Sequence[Any]]
    numbers: NDArray[np.int64]
    findings: list[Finding]

    def __len__(self) -> int:
        return len(self.geometry)

    def keep(self, wanted: NDArray[np.bool_]) -> Features:
        """Only some of the features."""
        return replace(
            self,
            geometry=self.geometry[wanted],
            numbers=self.numbers[wanted],
            fields={k: [v for v, w in zip(values, wanted, strict=True) if w] for k, values in self.fields.items()},
        )

    def column(self, name: str) -> Sequence[Any]:
        """A column's values. Raises MissingColumns."""
        if name not in self.fields:
            raise MissingColumns(file=self.file, missing=name, columns=listed(self.fields))
        return self.fields[name]


def mapped(file: str, present: Mapping[str, Any], said: Mapping[str, Any], known: Sequence[str]) -> dict[str, str]:
    """Which column holds what: as said, else the one of the same name. Raises MissingColumns."""
    found = {}
    for role in known:
        column = said.get(role)
        if column is None and role in present:
            column = role
        if column is not None:
            if column not in present:
                raise MissingColumns(file=file, missing=str(column), columns=listed(present))
            found[role] = str(column)
    return found


def text_of(value: Any) -> str:
    """A cell as text: empty for nothing, whole numbers without a fraction."""
    if value is None or (isinstance(value, float | np.floating) and not math.isfinite(value)):
        return ""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        value = int(value)
    return str(value).replace("\0", "").strip()


def plain(value: Any) -> Any:
    """A cell as JSON knows it; None for what it does not."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return value.replace("\0", "")
    return value if isinstance(value, bool | int | float) else None


# --- tables ----------------------------------------------------------------------------------------------------


def read_table(path: Path | str, name: str) -> Table:
    """A CSV with a header, separated by commas, semicolons or tabs.

    Raises WrongFormat, Damaged, EmptyLayer.
    """
    return table_of(Path(path).read_bytes(), name)


def table_of(raw: bytes, name: str) -> Table:
    """The same of what a file holds."""
    if b"\0" in raw[:4096] or raw.startswith(b"PK\x03\x04"):
        raise WrongFormat(file=name, expected=N_("a CSV file"))
    findings = []
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        # What spreadsheets of the region write.
        text = raw.decode("cp1250", errors="replace")
        findings.append(
            finding(
                "encoding_guessed",
                N_("The file is not UTF-8; it was read as Windows-1250. Look whether č, ć, đ, š and ž are right."),
            )
        )
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        records = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise Damaged(file=name, detail=str(error)) from error
    header = [column.strip() for column in records[0]] if records else []
    if len(header) < 2 or len(set(header)) < len(header) or not all(header):
        raise WrongFormat(file=name, expected=N_("a CSV file whose first row names its columns, each differently"))
    while len(records) > 1 and not any(cell.strip() for cell in records[-1]):
        records.pop()
    if len(records) < 2:
        raise EmptyLayer(file=name)
    torn = [(n, "columns", str(len(r))) for n, r in enumerate(records[1:], 2) if len(r) != len(header)]
    if torn:
        raise BadValues(file=name, count=len(torn), values=spans(torn, 20))
    return Table(
        file=name,
        columns={column: list(cells) for column, cells in zip(header, zip(*records[1:], strict=True), strict=True)},
        decimal_comma=delimiter == ";",
        findings=findings,
    )


# --- features ----------------------------------------------------------------------------------------------------


def read_features(path: str, name: str, *, needed: str, options: Mapping[str, Any]) -> Features:
    """The features of a file, repaired, in longitude and latitude.

    needed: a key of TYPES. options: layer; crs of a file that does not say its own; columns x, y (or lon, lat) of a
    CSV; only: {column: [values]} to take a part.
    Raises WrongFormat, HostileArchive, Damaged, WhichLayer, NoSuchLayer, EmptyLayer, WrongGeometryType, NoCrs,
    UnknownCrs, CoordinatesOffEarth, MissingColumns, BadValues, WrongOption.
    """
    source = Path(path)
    with source.open("rb") as file:
        start = file.read(100)
    with tempfile.TemporaryDirectory(prefix="spremnost-read-") as made:
        folder = Path(made)
        if start.startswith(b"PK\x03\x04"):
            link = folder / (Path(name).name[:200] or "file")
            link.symlink_to(source.resolve())
            found = _open(polygons.unpack_shapefile(link, folder), name, needed, options)
        elif start.startswith(b"SQLite format 3\0"):
            copy = folder / "layer.gpkg"
            if start[18:20] == b"\x02\x02":  # a write-ahead log would be made beside the original
                shutil.copyfile(source, copy)
            else:
                copy.symlink_to(source.resolve())
            found = _open(copy, name, needed, options)
        elif start.startswith(b"fgb\x03"):
            copy = folder / "layer.fgb"
            copy.symlink_to(source.resolve())
            found = _open(copy, name, needed, options)
        elif start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
            copy = folder / "layer.geojson"
            copy.symlink_to(source.resolve())
            found = _open(copy, name, needed, options)
        elif not start or b"\0" in start:
            raise WrongFormat(file=name, expected=EXPECTED)
        else:
            found = _points_of(read_table(source, name), needed, options)
    return _only(found, options)


def _only(features: Features, options: Mapping[str, Any]) -> Features:
    wanted = np.ones(len(features), bool)
    for column, values in options.get("only", {}).items():
        words = set(values.split(",")) if isinstance(values, str) else {str(v) for v in values}
        wanted &= np.array([text_of(v) in words for v in features.column(column)])
    if wanted.all():
        return features
    if not wanted.any():
        raise EmptyLayer(file=features.file)
    left_out = finding(
        "left_out",
        N_("{count} features were left out, as asked for ({only})."),
        count=int((~wanted).sum()),
        only="; ".join(f"{c} = {v if isinstance(v, str) else listed(v)}" for c, v in options["only"].items()),
    )
    return replace(features.keep(wanted), findings=[*features.findings, left_out])


def _crs(name: str, said: str | None, options: Mapping[str, Any]) -> CRS:
    wanted = options.get("crs")
    if said or not wanted:
        return system(name, said)
    try:
        return system(name, str(wanted))
    except NoCrs as error:
        raise WrongOption(option="crs", value=wanted, expected=N_("give one like EPSG:3908")) from error


def _open(path: Path, name: str, needed: str, options: Mapping[str, Any]) -> Features:
    layer = options.get("layer")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # GDAL's remarks on odd fields; what matters is checked below
            layers = pyogrio.list_layers(path)
            spatial = [str(n) for n, kind in layers if kind is not None]
            if path.suffix == ".shp":
                layer = None
            elif layer is None and len(spatial) > 1:
                raise WhichLayer(file=name, layers=listed(spatial))
            elif not len(layers):
                raise Damaged(file=name, detail=N_("it has no layer"))
            elif layer is None and not spatial:
                raise EmptyLayer(file=name)
            elif layer is not None and layer not in [str(n) for n, _ in layers]:
                raise NoSuchLayer(file=name, layer=layer, layers=listed(spatial))
            layer = layer or spatial[0]
            about = pyogrio.read_info(path, layer=layer, force_feature_count=True)
            if about["driver"] not in polygons.DRIVERS:
                raise WrongFormat(file=name, expected=EXPECTED)
            meta, _, wkb, values = pyogrio.raw.read(path, layer=layer, force_2d=True, datetime_as_string=True)
    except (DataSourceError, DataLayerError, RuntimeError, UnicodeDecodeError, ValueError) as error:
        raise Damaged(file=name, detail=str(error).strip().splitlines()[0]) from error
    read = 0 if wkb is None else len(wkb)
    if about["features"] > read:
        raise Damaged(file=name, detail=f"{read} of {about['features']} features")
    if not read:
        raise EmptyLayer(file=name)
    try:
        geometry = shapely.from_wkb(wkb)
    except shapely.errors.GEOSException as error:
        raise Damaged(file=name, detail=str(error)) from error
    fields = dict(zip([str(f) for f in meta["fields"]], values, strict=True))
    crs = _crs(name, about["crs"], options)
    return _sound(name, crs, geometry, fields, np.arange(1, len(wkb) + 1), needed, [])


def _points_of(table: Table, needed: str, options: Mapping[str, Any]) -> Features:
    if POINT not in TYPES[needed]:
        raise WrongGeometryType(file=table.file, feature=1, found="Point (CSV)", needed=needed)
    said = options.get("columns", {})
    lower = {column.lower(): column for column in table.columns}
    x = said.get("x") or said.get("lon") or next((lower[w] for w in ("lon", "lng", "longitude", "x") if w in lower), "")
    y = said.get("y") or said.get("lat") or next((lower[w] for w in ("lat", "latitude", "y") if w in lower), "")
    missing = [w or r for w, r in ((x, "x / lon"), (y, "y / lat")) if w not in table.columns]
    if missing:
        raise MissingColumns(file=table.file, missing=listed(missing), columns=listed(table.columns))
    degrees = x.lower() in ("lon", "lng", "longitude") or "lon" in said
    crs = _crs(table.file, "EPSG:4326" if degrees and not options.get("crs") else None, options)
    places = np.array([[table.number(v) for v in table.columns[c]] for c in (x, y)])
    bad = [
        (int(n) + 2, c, table.columns[c][n]) for n in range(len(table)) for c, p in ((x, places[0]), (y, places[1]))
        if not math.isfinite(p[n])
    ]  # fmt: skip
    if bad:
        raise BadValues(file=table.file, count=len(bad), values=spans(bad, 50))
    fields: dict[str, Sequence[Any]] = {c: v for c, v in table.columns.items() if c not in (x, y)}
    return _sound(
        table.file,
        crs,
        shapely.points(places[0], places[1]),
        fields,
        np.arange(2, len(table) + 2),
        needed,
        table.findings,
    )


def _sound(
    name: str,
    crs: CRS,
    geometry: NDArray[np.object_],
    fields: dict[str, Sequence[Any]],
    numbers: NDArray[np.int64],
    needed: str,
    findings: list[Finding],
) -> Features:
    """Of the right type, on Earth, valid, in longitude and latitude; what had to be done is told."""
    findings = list(findings)
    repaired = N_("{count} features had an invalid geometry, which was repaired: {numbers}.")
    empty = shapely.is_missing(geometry) | shapely.is_empty(geometry)
    kinds = shapely.get_type_id(geometry)
    wrong = np.flatnonzero(~empty & ~np.isin(kinds, list(TYPES[needed])))
    for i in np.flatnonzero(~empty & (kinds == MULTIPOINT)):
        if shapely.get_num_geometries(geometry[i]) == 1:
            geometry[i] = shapely.get_geometry(geometry[i], 0)
        else:
            wrong = np.append(wrong, i)
    if len(wrong):
        first = int(wrong[0])
        raise WrongGeometryType(file=name, feature=int(numbers[first]), found=geometry[first].geom_type, needed=needed)
    if empty.all():
        raise EmptyLayer(file=name)
    polygons.refuse_coordinates_off_earth(name, crs, geometry[~empty])
    geometry[empty] = shapely.Point()
    invalid = ~shapely.is_valid(geometry)
    geometry = _repaired(geometry)
    if not same_crs(crs, WGS84):
        left, bottom, right, top = shapely.total_bounds(geometry)
        findings += datum_findings(crs, (left + right) / 2, (bottom + top) / 2)
        geometry = _repaired(moved(name, geometry, crs, WGS84))
    lost = ~empty & shapely.is_empty(geometry)
    for code, text, those in (
        ("no_geometry", N_("{count} features have no geometry and were left out: {numbers}."), empty),
        ("invalid_repaired", repaired, invalid & ~lost),
        ("invalid_left_out", N_("Of {count} features nothing was left after repairing: {numbers}."), lost),
    ):
        if those.any():
            findings.append(
                finding(code, text, count=int(those.sum()), numbers=listed(numbers[those].tolist(), most=200))
            )
    authority = crs.to_authority()
    found = Features(name, ":".join(authority) if authority else crs.name, geometry, fields, numbers, findings)
    if lost.all():
        raise EmptyLayer(file=name)
    return found.keep(~(empty | lost)) if (empty | lost).any() else found


def _repaired(geometry: NDArray[np.object_]) -> NDArray[np.object_]:
    areal = np.isin(shapely.get_type_id(geometry), (POLYGON, MULTIPOLYGON))
    geometry = geometry.copy()
    geometry[areal] = polygons.repair(geometry[areal])[0]
    for i in np.flatnonzero(~areal & ~shapely.is_valid(geometry)):
        parts = shapely.get_parts(shapely.make_valid(geometry[i]))
        lines = [p for p in parts if p.geom_type in ("LineString", "MultiLineString")]
        geometry[i] = shapely.union_all(lines) if lines else shapely.LineString()
    return geometry


def moved(name: str, geometry: NDArray[np.object_], crs: CRS, to: CRS) -> NDArray[np.object_]:
    """Each vertex in another CRS. Raises UnknownCrs where one has no place in it."""
    try:
        x, y = _transformer(crs, to).transform(*shapely.get_coordinates(geometry).T)
    except ProjError as error:
        raise UnknownCrs(file=name) from error
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise UnknownCrs(file=name)
    return np.asarray(shapely.set_coordinates(geometry.copy(), np.column_stack([x, y])))


@lru_cache(maxsize=8)
def _transformer(crs: CRS, to: CRS) -> Transformer:
    return Transformer.from_crs(crs, to, always_xy=True)  # a tenth of a second until it first answers


def areas_km2(geometry: NDArray[np.object_]) -> NDArray[np.float64]:
    """Areas of polygons given in degrees, measured in Europe's equal-area projection, EPSG:3035."""
    return np.asarray(shapely.area(moved("", geometry, WGS84, EQUAL_AREA)) / 1e6, dtype=np.float64)


# --- the country ----------------------------------------------------------------------------------------------------


def outline(context: Mapping[str, Any]) -> Any:
    """The country's outline as far as it is known: its boundary, else a rectangle around it."""
    known = context.get("country")
    found = shapely.from_wkb(known) if known else shapely.box(*country.BOUNDS)
    shapely.prepare(found)
    return found


def beside(features: Features, context: Mapping[str, Any]) -> NDArray[np.bool_]:
    """(n,) True where a feature lies wholly outside the country.

    Raises NotNearTheCountry, SwappedAxes where all lie far from it.
    """
    around = outline(context)
    left, bottom, right, top = around.bounds
    near = shapely.box(left - NEAR_DEGREES, bottom - NEAR_DEGREES, right + NEAR_DEGREES, top + NEAR_DEGREES)
    if not shapely.intersects(near, features.geometry).any():
        x0, y0, x1, y1 = shapely.total_bounds(features.geometry)
        found = f"{x0:.4g}–{x1:.4g}° E, {y0:.4g}–{y1:.4g}° N"
        if near.intersects(shapely.box(y0, x0, y1, x1)):
            raise SwappedAxes(file=features.file, found=found)
        raise NotNearTheCountry(file=features.file, found=found)
    return np.asarray(~shapely.intersects(around, features.geometry))


def outside_finding(features: Features, outside: NDArray[np.bool_]) -> list[Finding]:
    """What to say of the features outside the country."""
    if not outside.any():
        return []
    return [
        finding(
            "outside_country",
            N_("{count} of {all} features lie outside the country: {numbers}."),
            count=int(outside.sum()),
            all=len(features),
            numbers=listed(features.numbers[outside].tolist(), most=20),
        )
    ]
