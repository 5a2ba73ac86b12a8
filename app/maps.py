"""Classes, colours and the portable map: computed once, for the map in the browser, the picture and the single file."""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import shapely
from shapely.geometry import shape

from app.exposed import Row
from gis.classes import legend_of
from layers.areas import Area

# Cividis (Nuñez, Anderton and Renslow 2018, doi:10.1371/journal.pone.0199239), dark for many.
CIVIDIS: Final = ("#fee838", "#bcaf6f", "#7d7c78", "#434e6c", "#00224e")
NOBODY: Final = "#e4e9ee"
VENDOR: Final = Path(__file__).parent / "static" / "vendor"


@dataclass(frozen=True)
class Swatch:
    """A class of the legend: from low to high people, both included; high None is open."""

    low: int
    high: int | None
    colour: str


@dataclass(frozen=True)
class Classes:
    """How municipalities are coloured: nobody exposed, then up to five classes of about as many municipalities each."""

    swatches: tuple[Swatch, ...]

    def colour_of(self, exposed: int | None) -> str | None:
        """The colour of a number of people, None where it is not modelled."""
        if exposed is None:
            return None
        return next((s.colour for s in reversed(self.swatches) if exposed >= s.low), NOBODY)


def classes_of(rows: Iterable[Row]) -> Classes:
    """The classes of what is shown."""
    people = [row.exposed for row in rows if row.exposed]
    if not people:
        return Classes(())
    legend = legend_of(people, "", CIVIDIS).classes
    lows = [max(1, int(c.low or 0)) for c in legend]
    highs: list[int | None] = [low - 1 for low in lows[1:]] + [None]
    return Classes(tuple(Swatch(low, high, c.colour) for low, high, c in zip(lows, highs, legend, strict=True)))


@dataclass(frozen=True)
class PortableText:
    """The sentences of a portable map, in the reader's language."""

    title: str
    banner: str
    nobody: str
    not_modelled: str
    unit: str
    source: str
    language: str


def portable_map(
    rows: Sequence[Row],
    shapes: Mapping[UUID, Any],
    classes: Classes,
    text: PortableText,
    tips: Mapping[UUID, Sequence[tuple[str, str]]],
    labels: Sequence[str],
    name: Callable[[Area], str],
    *,
    framed: bool = True,
) -> str:
    """A single page with the map in it that opens from a disk, without a network.

    shapes: GeoJSON geometries by area. tips: what stands beside a municipality, as (word, value). labels: of the
    classes. name: gives an area's name. framed: with banner and legend. All text is escaped here.
    """
    # Half a second of imports that only this page needs.
    import folium
    from branca.element import Element

    features = []
    for row in rows:
        if row.area.id not in shapes:
            continue
        lines = "".join(f"<tr><th>{html.escape(w)}</th><td>{html.escape(v)}</td></tr>" for w, v in tips[row.area.id])
        features.append(
            {
                "type": "Feature",
                "geometry": shapes[row.area.id],
                "properties": {
                    "colour": classes.colour_of(row.exposed),
                    "tip": f"<b>{html.escape(name(row.area))}</b><table>{lines}</table>",
                },
            }
        )
    page = folium.Map(tiles=None, location=[44.0, 17.8], zoom_start=8)
    # Everything that folium would fetch from other servers; Leaflet's own is written into the page.
    page.default_js, page.default_css = [], []
    collection = {"type": "FeatureCollection", "features": features}
    if features:
        layer = folium.GeoJson(collection, style_function=_style, name=text.title, embed=True)
        layer.add_child(folium.GeoJsonTooltip(fields=["tip"], labels=False, sticky=True))
        layer.add_child(folium.GeoJsonPopup(fields=["tip"], labels=False))
        layer.add_to(page)
        page.fit_bounds(_bounds(features))
    figure: Any = page.get_root()
    figure.header.add_child(Element("<style>{% raw %}" + _styles() + "{% endraw %}</style>"), name="portable_css")
    figure.header.add_child(Element("<script>{% raw %}" + _leaflet() + "{% endraw %}</script>"), name="leaflet_js")
    if framed:
        figure.html.add_child(Element("{% raw %}" + _frame(classes, text, labels) + "{% endraw %}"), name="frame")
    result: str = figure.render()
    # folium's page is in no language and has no title.
    result = result.replace("<html>", f'<html lang="{html.escape(text.language)}">', 1)
    result = result.replace("<head>", f"<head><title>{html.escape(text.title)}</title>", 1)
    return re.sub(r'<script src="[^"]*"></script>|<link rel="stylesheet" href="[^"]*"\s*/>', "", result)


def script_hashes(page: str) -> list[str]:
    """The sources of a Content-Security-Policy that let exactly the scripts in the page run."""
    found = re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL)
    return [f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in found]


def _bounds(features: Sequence[Mapping[str, Any]]) -> list[list[float]]:
    """The south-western and north-eastern corner, latitude first."""
    left, bottom, right, top = shapely.total_bounds([shape(f["geometry"]) for f in features])
    return [[float(bottom), float(left)], [float(top), float(right)]]


def _style(feature: Mapping[str, Any]) -> dict[str, Any]:
    colour = feature["properties"]["colour"]
    return {
        "fillColor": colour or "#ffffff",
        "fillOpacity": 0.85 if colour else 0.2,
        "color": "#1d2733",
        "weight": 0.8,
        "dashArray": None if colour else "3 3",
    }


def _frame(classes: Classes, text: PortableText, labels: Sequence[str]) -> str:
    """Banner and legend over the map."""
    lines = [(f"background:{s.colour}", label) for s, label in zip(classes.swatches, labels, strict=True)]
    lines = [(f"background:{NOBODY}", text.nobody), *lines, ("border-style:dashed", text.not_modelled)]
    legend = "".join(f'<li><i style="{style}"></i>{html.escape(label)}</li>' for style, label in lines)
    banner = f'<p class="banner">{html.escape(text.banner)}</p>' if text.banner else ""
    return (
        f'<div class="frame">{banner}<h1>{html.escape(text.title)}</h1><p>{html.escape(text.unit)}</p>'
        f"<ul>{legend}</ul><p>{html.escape(text.source)}</p></div>"
    )


@lru_cache
def _leaflet() -> str:
    return (VENDOR / "leaflet-1.9.4" / "leaflet.js").read_text()


@lru_cache
def _styles() -> str:
    leaflet = (VENDOR / "leaflet-1.9.4" / "leaflet.css").read_text()
    # Its pictures are for markers and switches that this map has none of.
    leaflet = re.sub(r"url\([^)]*\)", "none", leaflet)
    return leaflet + (
        "body{font:14px/1.4 system-ui,sans-serif;color:#1d2733}"
        ".leaflet-container{background:#f5f7f9;font:inherit}"
        ".frame{position:fixed;z-index:1000;right:8px;bottom:24px;max-width:15rem;padding:8px 12px;background:#fff;"
        "border:1px solid #c9d1d9}"
        ".frame h1{font-size:16px;margin:0}.frame p{margin:4px 0}.frame ul{list-style:none;margin:8px 0;padding:0}"
        ".frame i{display:inline-block;width:24px;height:14px;margin-right:8px;border:1px solid #5b6673;"
        "vertical-align:middle}.banner{background:#fff4d6;color:#8a5a00;font-weight:bold;padding:4px 8px}"
        "th{text-align:left;font-weight:normal;padding-right:8px}td{text-align:right}"
    )


def as_json(value: object) -> str:
    """Compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
