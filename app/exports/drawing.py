"""The map as a drawing for paper: everything in millimetres, drawn by the server, without script or network."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import floor, log10
from typing import Any, Final

import numpy as np
import shapely
from pyproj import Geod, Transformer

Box = tuple[float, float, float, float]

MARGIN: Final = 0.03
"""Of the box's larger side, left free around what is shown."""

POINT_MM: Final = 25.4 / 72
LETTER_EM: Final = 0.62
"""About the mean width of a letter of DejaVu Sans, generously: names then never overlap."""

SMOOTH_MM: Final = 0.04
BAR_SHARE: Final = 0.3
_EARTH: Final = Geod(ellps="WGS84")
_TO_DEGREES: Final = Transformer.from_crs(3857, 4326, always_xy=True)
_TO_MERCATOR: Final = Transformer.from_crs(4326, 3857, always_xy=True)


def mercator(box: Box) -> Box:
    """Left, bottom, right, top in degrees as EPSG:3857."""
    left, bottom = _TO_MERCATOR.transform(box[0], box[1])
    right, top = _TO_MERCATOR.transform(box[2], box[3])
    return float(left), float(bottom), float(right), float(top)


@dataclass(frozen=True)
class ScaleBar:
    """A bar of a round length: metres on the ground at the map's middle, millimetres on paper, in so many parts."""

    metres: float
    mm: float
    parts: int

    @property
    def unit(self) -> str:
        return "km" if self.metres >= 1000 else "m"

    @property
    def steps(self) -> list[tuple[float, float]]:
        """(millimetres from the left, number in the unit) at the ends and between the parts."""
        most = self.metres / 1000 if self.unit == "km" else self.metres
        return [(self.mm * i / self.parts, most * i / self.parts) for i in range(self.parts + 1)]


@dataclass(frozen=True)
class Frame:
    """A part of the web-mercator plane (EPSG:3857, north up) on a rectangle of paper."""

    left: float
    bottom: float
    right: float
    top: float
    width_mm: float
    height_mm: float

    @classmethod
    def around(cls, box: Box, width_mm: float, height_mm: float) -> Frame:
        """The smallest frame of that paper that shows the box (EPSG:3857) with a margin."""
        left, bottom, right, top = box
        free = MARGIN * max(right - left, top - bottom)
        wide, high = right - left + 2 * free, top - bottom + 2 * free
        per_mm = max(wide / width_mm, high / height_mm)
        x, y = (left + right) / 2, (bottom + top) / 2
        wide, high = per_mm * width_mm, per_mm * height_mm
        return cls(x - wide / 2, y - high / 2, x + wide / 2, y + high / 2, width_mm, height_mm)

    @property
    def box(self) -> Box:
        """Left, bottom, right, top in EPSG:3857."""
        return self.left, self.bottom, self.right, self.top

    @property
    def per_mm(self) -> float:
        """Metres of the plane on a millimetre of paper."""
        return (self.right - self.left) / self.width_mm

    @cached_property
    def latitude(self) -> float:
        """Of the middle, in degrees: the scale is true there."""
        return float(_TO_DEGREES.transform((self.left + self.right) / 2, (self.bottom + self.top) / 2)[1])

    @property
    def ground_m_per_mm(self) -> float:
        """Metres on the ground on a millimetre of paper, in the middle and from west to east (WGS 84)."""
        middle, y = (self.left + self.right) / 2, (self.bottom + self.top) / 2
        half = self.per_mm / 2
        (west, east), (south, north) = _TO_DEGREES.transform([middle - half, middle + half], [y, y])
        return float(_EARTH.inv(west, south, east, north)[2])

    @property
    def scale(self) -> int:
        """1 : so many, to three digits."""
        exact = self.ground_m_per_mm * 1000
        unit = 10 ** max(0, floor(log10(exact)) - 2)
        return int(round(exact / unit) * unit)

    @property
    def bar(self) -> ScaleBar:
        """A round length of at most a third of the width."""
        most = self.ground_m_per_mm * self.width_mm * BAR_SHARE
        unit = 10.0 ** floor(log10(most))
        factor, parts = next((f, p) for f, p in ((5, 5), (2, 4), (1, 2)) if f * unit <= most)
        metres = factor * unit
        return ScaleBar(metres, metres / self.ground_m_per_mm, parts)

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Millimetres from the left and the top of a point in EPSG:3857."""
        return (x - self.left) / self.per_mm, (self.top - y) / self.per_mm

    def path(self, geometry: Any) -> str:
        """The data of an SVG path in millimetres, cut at the frame; empty where nothing is within."""
        cut = shapely.clip_by_rect(geometry, *self.box)
        on_paper = shapely.transform(
            cut, lambda xy: np.column_stack([(xy[:, 0] - self.left), (self.top - xy[:, 1])]) / self.per_mm
        )
        return _path(on_paper)

    def rectangle(self, box: Box) -> tuple[float, float, float, float]:
        """x, y, width and height in millimetres of a box in EPSG:3857."""
        x, y = self.place(box[0], box[3])
        return x, y, (box[2] - box[0]) / self.per_mm, (box[3] - box[1]) / self.per_mm


@dataclass(frozen=True)
class Area:
    """A municipality as it is drawn: fill None is hatched as not modelled. sketched: its number is an estimate."""

    path: str
    fill: str | None
    sketched: bool = False
    chosen: bool = False


@dataclass(frozen=True)
class Label:
    """A name with its middle at x, y in millimetres."""

    text: str
    x: float
    y: float
    size_mm: float
    kind: str = "place"


@dataclass(frozen=True)
class Picture:
    """An image over the map: a PNG as a data URL and its rectangle in millimetres."""

    url: str
    x: float
    y: float
    width: float
    height: float

    @classmethod
    def of(cls, frame: Frame, png: bytes, box: Box) -> Picture:
        """A PNG whose pixels fill the box (EPSG:3857)."""
        return cls("data:image/png;base64," + b64encode(png).decode(), *frame.rectangle(box))


@dataclass(frozen=True)
class Drawing:
    """All that the template draws, from the bottom up."""

    frame: Frame
    areas: Sequence[Area]
    pictures: Sequence[Picture] = ()
    floods: Sequence[str] = ()
    rivers: Sequence[str] = ()
    outlines: Sequence[str] = ()
    dots: Sequence[tuple[float, float]] = ()
    labels: Sequence[Label] = ()
    dotted: bool = False  # the boundaries are only illustrative
    watermark: str = ""


@dataclass(frozen=True)
class Name:
    """A name that wants a place: at x, y in EPSG:3857, the more important the higher its rank."""

    text: str
    x: float
    y: float
    rank: float
    kind: str = "place"


def labels(frame: Frame, names: Iterable[Name], size_pt: float) -> list[Label]:
    """Names that do not run into each other or out of the frame, the most important first.

    Each may move a little up or down from its point; one that finds no room is left out.
    """
    size = size_pt * POINT_MM
    taken: list[Box] = []
    placed = []
    for name in sorted(names, key=lambda n: (-n.rank, n.text)):
        x, y = frame.place(name.x, name.y)
        half = len(name.text) * LETTER_EM * size / 2
        above = 1.2 * size if name.kind == "settlement" else 0.0  # its dot stays free
        for dy in (-above, -0.8 * size - above, 0.8 * size + above, -1.6 * size - above, 1.6 * size + above):
            box = (x - half, y + dy - 0.7 * size, x + half, y + dy + 0.7 * size)
            inside = (
                box[0] >= 0.5 and box[1] >= 0.5 and box[2] <= frame.width_mm - 0.5 and box[3] <= frame.height_mm - 0.5
            )
            if inside and not any(_meet(box, other) for other in taken):
                taken.append(box)
                placed.append(Label(name.text, round(x, 2), round(y + dy, 2), round(size, 2), name.kind))
                break
    return placed


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _path(geometry: Any) -> str:
    parts = []
    for part in shapely.get_parts(geometry):
        if part.is_empty:
            continue
        if part.geom_type == "Polygon":
            rings = [shapely.get_exterior_ring(part), *part.interiors]
            parts += [_line(ring, closed=True) for ring in rings]
        elif part.geom_type in ("LineString", "LinearRing"):
            parts.append(_line(part, closed=False))
    return "".join(parts)


def _line(line: Any, *, closed: bool) -> str:
    thinned = shapely.simplify(line, SMOOTH_MM, preserve_topology=False)
    points = shapely.get_coordinates(thinned if not thinned.is_empty else line)
    if closed:
        points = points[:-1]
    if len(points) < (3 if closed else 2):
        return ""
    return "M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in points) + ("Z" if closed else "")
