"""The facts of the demonstration, read from the tables beside this file; docs/demo.md tells where they come from."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import shapely
from numpy.typing import NDArray

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Municipality:
    """One of the 143: official code, name, where its seat is; area without the parts that left it."""

    code: str
    name: str
    name_en: str
    entity: str  # FBiH, RS or BD
    canton: str  # code of the canton, "" outside the Federation
    seat: str
    lon: float
    lat: float
    area_km2: float
    people_2013: int
    note: str


@dataclass(frozen=True)
class Settlement:
    """A settlement with its code of the 1991 list; people_1991 only says which settlements are large."""

    code: str
    municipality: str
    name: str
    lon: float
    lat: float
    people_1991: int


@dataclass(frozen=True)
class River:
    """A river's course, downstream. points: (n, 2) lon, lat; bed_m: (n,) level of the bank; plain_km: (n,) half-width.

    stage_m: how far the flood of 100 years rises above the bank. seats: codes of municipalities whose seat it passes.
    """

    name: str
    stage_m: float
    seats: tuple[str, ...]
    points: Float
    bed_m: Float
    plain_km: Float


@dataclass(frozen=True)
class Road:
    """A road by the seats that it joins."""

    number: str
    category: str
    name: str
    stops: tuple[str, ...]


def rows(table: str) -> Iterator[dict[str, str]]:
    """The rows of a table beside this file."""
    text = (files("layers.demo") / table).read_text(encoding="utf-8")
    return csv.DictReader(text.splitlines())


@cache
def municipalities() -> tuple[Municipality, ...]:
    """All 143, by code."""
    return tuple(
        Municipality(
            r["code"],
            r["name"],
            r["name_en"] or r["name"],
            r["entity"],
            r["canton"],
            r["seat"],
            float(r["lon"]),
            float(r["lat"]),
            float(r["area_km2"]),
            int(r["people_2013"]),
            r["note"],
        )
        for r in rows("municipalities.csv")
    )


@cache
def settlements() -> tuple[Settlement, ...]:
    """The main settlements, up to a dozen of each municipality."""
    return tuple(
        Settlement(
            r["code"], r["municipality_code"], r["name"], float(r["lon"]), float(r["lat"]), int(r["people_1991"])
        )
        for r in rows("settlements.csv")
    )


@cache
def rivers() -> tuple[River, ...]:
    """The named rivers."""
    points: dict[str, list[list[float]]] = {}
    for r in rows("river_points.csv"):
        points.setdefault(r["river"], []).append([float(r[c]) for c in ("lon", "lat", "bed_m", "plain_km")])
    found = []
    for r in rows("rivers.csv"):
        course = np.array(points[r["river"]])
        found.append(
            River(r["river"], float(r["stage_m"]), tuple(r["seats"].split()), course[:, :2], course[:, 2], course[:, 3])
        )
    return tuple(found)


@cache
def roads() -> tuple[Road, ...]:
    """The main roads."""
    return tuple(Road(r["number"], r["class"], r["name"], tuple(r["stops"].split())) for r in rows("roads.csv"))


@cache
def peaks() -> Float:
    """Mountains: (n, 3) lon, lat, elevation in metres."""
    return np.array([[float(r[c]) for c in ("lon", "lat", "elevation_m")] for r in rows("peaks.csv")])


@cache
def uplands() -> Float:
    """How high the ridges are thereabouts: (n, 3) lon, lat, metres."""
    return np.array([[float(r[c]) for c in ("lon", "lat", "ridge_m")] for r in rows("uplands.csv")])


@cache
def outline() -> shapely.Polygon:
    """The country, drawn by hand to about two kilometres."""
    return shapely.Polygon([(float(r["lon"]), float(r["lat"])) for r in rows("outline.csv")])
