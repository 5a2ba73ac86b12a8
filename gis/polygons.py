"""Untrusted files of polygons: recognised by their content, opened by the driver that fits, repaired, reprojected."""

from __future__ import annotations

import stat
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from lzma import LZMAError
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyogrio.raw
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError
from pyogrio.util import vsi_path
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError

from gis.errors import (
    N_,
    CoordinatesOffEarth,
    CoordinatesTooFar,
    Damaged,
    EmptyLayer,
    FileNotUsable,
    MemberIsLink,
    MemberOutside,
    NoSuchLayer,
    NotOneShapefile,
    TooManyMembers,
    UnknownCrs,
    UnpacksTooLarge,
    UnpacksTooMuch,
    WhichLayer,
    WrongFormat,
    WrongGeometry,
)
from gis.files import local_file, unreadable
from gis.systems import same_crs, system

DRIVERS = {"GeoJSON", "GPKG", "ESRI Shapefile", "FlatGeobuf"}
EXPECTED = N_("a GeoPackage, GeoJSON, FlatGeobuf or (zipped) Shapefile")
FARTHEST = 1e9
"""No place on Earth has a coordinate beyond, in metres or feet; with much larger ones, areas lose their digits."""

MAX_ZIP_MEMBERS = 200
MAX_ZIP_RATIO = 100
MAX_ZIP_BYTES = 4 * 2**30
SHAPEFILE_PARTS = {".shp", ".shx", ".dbf", ".prj", ".cpg", ".qix", ".sbn", ".sbx", ".qpj"}


@dataclass(frozen=True)
class Polygons:
    """Valid polygons of one layer, in file order.

    geometry: (n,) shapely Polygon or MultiPolygon; fields: name -> (n,) values; repaired: 1-based numbers of the
    features whose geometry was invalid and was repaired.
    """

    file: str
    crs: CRS
    geometry: NDArray[np.object_]
    fields: dict[str, NDArray[Any]]
    repaired: tuple[int, ...] = ()

    def to_crs(self, crs: CRS) -> Polygons:
        """The same polygons, each vertex moved to another CRS (edges between them stay straight there).

        Raises UnknownCrs where a vertex has no place in it.
        """
        if same_crs(self.crs, crs):
            return self
        try:
            transformer = Transformer.from_crs(self.crs, crs, always_xy=True)
            x, y = transformer.transform(*shapely.get_coordinates(self.geometry).T)
        except ProjError as error:
            raise UnknownCrs(file=self.file) from error
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise UnknownCrs(file=self.file)
        moved, _ = repair(shapely.set_coordinates(self.geometry.copy(), np.column_stack([x, y])))
        return replace(self, crs=crs, geometry=moved)


def read_polygons(path: Path | str, layer: str | None = None) -> Polygons:
    """The polygons of a file with their fields; invalid ones are repaired.

    Raises FileMissing, NotALocalFile, WrongFormat, HostileArchive, Damaged, WhichLayer, NoSuchLayer, EmptyLayer,
    WrongGeometry, NoCrs, CoordinatesOffEarth, CoordinatesTooFar.
    """
    source = local_file(path)
    name = source.name
    with source.open("rb") as file:
        start = file.read(100)
    if start.startswith(b"PK\x03\x04"):
        with tempfile.TemporaryDirectory(prefix="spremnost-zip-") as folder:
            return _read(unpack_shapefile(source, Path(folder)), name, layer)
    if not _recognised(start, source):
        raise WrongFormat(file=name, expected=EXPECTED)
    if vsi_path(source) != str(source):
        raise FileNotUsable(
            file=name, reason=N_("in its path !, ; or the ending .zip would be taken for an archive; rename it.")
        )
    return _read(source, name, layer)


def _recognised(start: bytes, source: Path) -> bool:
    return (
        (start.startswith(b"SQLite format 3\0") and start[68:70] == b"GP")
        or start.startswith(b"fgb\x03")
        or (start.startswith(b"\x00\x00\x27\x0a") and source.suffix.lower() == ".shp")
        or start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")
    )


def unpack_shapefile(source: Path, folder: Path) -> Path:
    """Unpack a zipped Shapefile after looking at what the archive declares; the path of its .shp.

    Raises HostileArchive, WrongFormat, Damaged.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            members = [m for m in archive.infolist() if not m.is_dir()]
            _refuse_hostile(source.name, members)
            wanted = [m for m in members if Path(m.filename).suffix.lower() in SHAPEFILE_PARTS]
            shapes = [m for m in wanted if m.filename.lower().endswith(".shp")]
            if len(shapes) != 1:
                raise NotOneShapefile(file=source.name, shapes=len(shapes))
            stem = shapes[0].filename[:-4]
            for member in wanted:
                if member.filename[: -len(Path(member.filename).suffix)] == stem:
                    target = folder / ("layer" + Path(member.filename).suffix.lower())
                    with archive.open(member) as packed, target.open("wb") as unpacked:
                        left = member.file_size
                        while left and (chunk := packed.read(min(left, 2**20))):
                            unpacked.write(chunk)
                            left -= len(chunk)
    except (zipfile.BadZipFile, zlib.error, LZMAError, EOFError, OSError, RuntimeError, ValueError) as error:
        raise Damaged(file=source.name, detail=str(error)) from error
    return folder / "layer.shp"


def _refuse_hostile(file: str, members: Sequence[zipfile.ZipInfo]) -> None:
    if len(members) > MAX_ZIP_MEMBERS:
        raise TooManyMembers(file=file, members=len(members), limit=MAX_ZIP_MEMBERS)
    for member in members:
        parts = Path(member.filename.replace("\\", "/")).parts
        if ".." in parts or member.filename.startswith(("/", "\\")) or ":" in member.filename:
            raise MemberOutside(file=file, member=repr(member.filename))
        if stat.S_ISLNK(member.external_attr >> 16):
            raise MemberIsLink(file=file, member=repr(member.filename))
    # Of the whole archive: a table of blank texts alone packs more than a hundredfold, without being hostile.
    unpacked, packed = sum(m.file_size for m in members), sum(m.compress_size for m in members)
    if unpacked > MAX_ZIP_RATIO * max(packed, 1):
        raise UnpacksTooMuch(file=file, limit=MAX_ZIP_RATIO)
    if unpacked > MAX_ZIP_BYTES:
        raise UnpacksTooLarge(file=file, limit_gib=MAX_ZIP_BYTES // 2**30)


def _read(path: Path, name: str, layer: str | None) -> Polygons:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # GDAL's remarks on odd fields; what matters is checked below
            layers = pyogrio.list_layers(path)
            spatial = [str(n) for n, kind in layers if kind is not None]
            if path.suffix.lower() == ".shp":
                layer = None
            elif layer is None and len(spatial) > 1:
                raise WhichLayer(file=name, layers=", ".join(spatial))
            elif layer is None and not spatial:
                raise WrongGeometry(file=name, feature=1, found=N_("missing"))
            elif layer is not None and layer not in [str(n) for n, _ in layers]:
                raise NoSuchLayer(file=name, layer=layer, layers=", ".join(spatial))
            layer = layer or spatial[0]
            about = pyogrio.read_info(path, layer=layer)
            if about["driver"] not in DRIVERS:
                raise WrongFormat(file=name, expected=EXPECTED)
            meta, _, wkb, values = pyogrio.raw.read(path, layer=layer, force_2d=True)
    except (DataSourceError, DataLayerError, RuntimeError, UnicodeDecodeError, ValueError) as error:
        raise unreadable(name, error) from error
    if wkb is None or not len(wkb):
        raise EmptyLayer(file=name)
    crs = system(name, about["crs"])
    geometry = _polygons(name, wkb)
    refuse_coordinates_off_earth(name, crs, geometry)
    geometry, repaired = repair(geometry)
    return Polygons(
        file=name,
        crs=crs,
        geometry=geometry,
        fields=dict(zip([str(f) for f in meta["fields"]], values, strict=True)),
        repaired=tuple(int(i) + 1 for i in repaired),
    )


def _polygons(name: str, wkb: NDArray[np.object_]) -> NDArray[np.object_]:
    try:
        with np.errstate(invalid="ignore"):  # coordinates that are no numbers are refused below
            geometry: NDArray[np.object_] = shapely.from_wkb(wkb)
    except shapely.errors.GEOSException as error:
        raise unreadable(name, error) from error
    kinds = shapely.get_type_id(geometry)
    wrong = np.flatnonzero(~np.isin(kinds, (3, 6)) | shapely.is_empty(geometry))
    if len(wrong):
        found = geometry[wrong[0]]
        raise WrongGeometry(
            file=name,
            feature=int(wrong[0]) + 1,
            found=N_("missing") if found is None or found.is_empty else found.geom_type,
        )
    return geometry


def refuse_coordinates_off_earth(name: str, crs: CRS, geometry: NDArray[np.object_]) -> None:
    """Raises Damaged where a coordinate is no finite number, CoordinatesOffEarth where degrees are beyond the globe."""
    coordinates = shapely.get_coordinates(geometry)
    if not np.isfinite(coordinates).all():
        raise Damaged(file=name, detail=N_("a coordinate is not a finite number"))
    if (far := np.abs(coordinates) > FARTHEST).any():
        raise CoordinatesTooFar(file=name, value=f"{coordinates[far][0]:g}")
    degrees = crs.is_geographic and "degree" in crs.axis_info[0].unit_name
    if degrees and (off := np.abs(coordinates) > (360, 90.0000001)).any():
        raise CoordinatesOffEarth(file=name, value=f"{coordinates[off][0]:g}")


def repair(geometry: NDArray[np.object_]) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """(valid polygons, positions of those that were not). What is left of a repair without area is an empty polygon."""
    invalid = np.flatnonzero(~shapely.is_valid(geometry))
    if not len(invalid):
        return geometry, invalid
    repaired = geometry.copy()
    for i in invalid:
        repaired[i] = areas(shapely.make_valid(geometry[i], method="structure", keep_collapsed=False))
    return repaired, invalid


def areas(geometry: shapely.Geometry) -> shapely.Geometry:
    """What has area of a geometry, as one polygon or multipolygon."""
    parts = [p for p in shapely.get_parts(geometry) if p.geom_type in ("Polygon", "MultiPolygon")]
    return shapely.union_all(parts) if parts else shapely.Polygon()
