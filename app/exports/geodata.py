"""The table with its shapes: GeoJSON (RFC 7946) and GeoPackage."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray

from app.exports.records import Kind, Records

DIGITS: Final = 5
"""Decimals of a degree in GeoJSON, about a metre: RFC 7946, section 11.2, warns of more than are meant."""

TYPES: Final = {Kind.TEXT: "object", Kind.WHOLE: "Int64", Kind.EXACT: "Float64", Kind.SHARE: "Float64"}
"""Of pandas: integers with holes must not become floats, nor holes noughts."""

LAYER: Final = "exposure"


def geojson(records: Records, shapes: Mapping[str, Any]) -> bytes:
    """A FeatureCollection in longitude and latitude; rows without a shape have the geometry null.

    shapes: shapely polygons in EPSG:4326 by the rows' first column. Rings run as RFC 7946 wants them, outer ones
    against the clock; each feature and the collection have a bbox. What is not known is null.
    """
    features = []
    rounded: list[Any] = []
    for row in records.dictionaries():
        code = str(row[records.columns[0].key])
        shape = _rounded(shapes[code]) if code in shapes else None
        feature: dict[str, Any] = {"type": "Feature", "id": code}
        if shape is not None:
            rounded.append(shape)
            feature["bbox"] = _box(shape.bounds)
        feature["geometry"] = None if shape is None else _geometry(shape)
        feature["properties"] = row
        features.append(feature)
    collection: dict[str, Any] = {"type": "FeatureCollection"}
    if rounded:
        collection["bbox"] = _box(shapely.total_bounds(rounded))
    # A foreign member (RFC 7946, section 6.1): readers that do not know it leave it.
    collection["about"] = about(records)
    collection["features"] = features
    return json.dumps(collection, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def geopackage(records: Records, shapes: Mapping[str, Any]) -> bytes:
    """A GeoPackage: the layer exposure (multipolygons, EPSG:4326) and the tables sources and about.

    shapes: as for geojson, here in full detail. The layer's description carries the marks, as does every row.
    """
    # A second of imports that only a GeoPackage needs.
    import geopandas
    import pandas

    imprint = records.imprint
    rows = pandas.DataFrame(
        {
            c.key: pandas.Series([row[i] for row in records.rows], dtype=TYPES[c.kind])
            for i, c in enumerate(records.columns)
        }
    )
    codes = [str(row[0]) for row in records.rows]
    geometry: NDArray[np.object_] = np.array([_multi(shapes.get(code)) for code in codes] + [None], dtype=object)[:-1]
    frame = geopandas.GeoDataFrame(rows, geometry=geometry, crs=4326)
    sources = pandas.DataFrame([vars(source) for source in records.sources], dtype="object")
    facts = about(records)
    lines = [
        (key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for key, value in facts.items()
    ]
    description = " · ".join((*imprint.warnings, *imprint.lines, imprint.author, imprint.made_words))
    with tempfile.TemporaryDirectory(prefix="spremnost-") as folder:
        path = Path(folder) / "file.gpkg"
        pyogrio.write_dataframe(
            frame,
            path,
            layer=LAYER,
            driver="GPKG",
            geometry_type="MultiPolygon",
            layer_options={"IDENTIFIER": imprint.title[:200], "DESCRIPTION": description[:2000]},
            dataset_metadata={key.upper(): value[:2000] for key, value in lines},
        )
        for name, table in (("sources", sources), ("about", pandas.DataFrame(lines, columns=["name", "value"]))):
            if len(table):
                pyogrio.write_dataframe(table, path, layer=name, driver="GPKG", append=True)
        return path.read_bytes()


def about(records: Records) -> dict[str, Any]:
    """What one must know of the numbers, for programs and for people."""
    imprint = records.imprint
    return {
        "title": imprint.title,
        "lines": list(imprint.lines),
        "marks": list(imprint.marks),
        "exercise": imprint.band,
        "made": imprint.made.isoformat(),
        "author": imprint.author,
        "columns": {column.key: column.words for column in records.columns},
        "methods": [f"{heading}: {sentence}" for heading, sentence in records.methods],
        "sources": [source.line for source in records.sources],
    }


def _multi(shape: Any) -> Any:
    if shape is None:
        return None
    return shapely.multipolygons([shape]) if shape.geom_type == "Polygon" else shape


def _rounded(shape: Any) -> Any:
    """To so many digits, and still a valid shape."""
    rounded = shapely.transform(shape, lambda xy: np.round(xy, DIGITS))
    if not shapely.is_valid(rounded):
        rounded = shapely.set_precision(shape, 10.0**-DIGITS)
    return shapely.orient_polygons(rounded)


def _geometry(shape: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(shapely.to_geojson(shape))
    return found


def _box(bounds: Sequence[float]) -> list[float]:
    return [round(float(v), DIGITS) for v in bounds]
