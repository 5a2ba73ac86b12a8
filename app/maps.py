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
HAZARD: Final = "hazard"
PLACES: Final = "places"
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
    band: str = ""  # of an exercise
    imprint: str = ""  # who made it, and when
    municipalities: str = ""
    names: str = ""
    layers: str = ""
    zoom_in: str = ""
    zoom_out: str = ""
    legends: Sequence[tuple[str, Sequence[tuple[str, str]]]] = ()  # (heading, (colour, words)) of what lies over it


@dataclass(frozen=True)
class Overlay:
    """A picture over the map: a PNG whose pixels are web mercator's; bounds: left, bottom, right, top in degrees."""

    name: str
    png: bytes
    bounds: tuple[float, float, float, float]


@dataclass(frozen=True)
class Place:
    """A point, line or area (GeoJSON geometry, degrees) with a title and what is said of it as (word, value)."""

    geometry: Mapping[str, Any]
    title: str
    lines: Sequence[tuple[str, str]] = ()
    colour: str | None = None  # its own, where it tells a state


@dataclass(frozen=True)
class PlaceLayer:
    """Gauges, fires, warnings, incidents: whatever is to be seen as places of one kind. Switched on or off by name."""

    name: str
    colour: str
    places: Sequence[Place]
    shown: bool = True


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
    overlays: Sequence[Overlay] = (),
    layers: Sequence[PlaceLayer] = (),
    names: Sequence[tuple[str, float, float]] = (),
) -> str:
    """A single page with the map in it that opens from a disk, without a network.

    shapes: GeoJSON geometries by area. tips: what stands beside a municipality, as (word, value). labels: of the
    classes. name: gives an area's name. framed: with marks and legend. overlays, layers: what lies over it, the first
    lowest. names: written on the map at (longitude, latitude). All text is escaped here.
    """
    # Half a second of imports that only this page needs.
    import folium
    from branca.element import Element

    features = []
    for row in rows:
        if row.area.id not in shapes:
            continue
        tip = _tip(name(row.area), tips[row.area.id])
        properties = {"colour": classes.colour_of(row.exposed), "tip": tip}
        features.append({"type": "Feature", "geometry": shapes[row.area.id], "properties": properties})
    page = folium.Map(tiles=None, location=[44.0, 17.8], zoom_start=8, attribution_control=False)
    # Everything that folium would fetch from other servers; Leaflet's own is written into the page.
    page.default_js, page.default_css = [], []
    if features:
        collection = {"type": "FeatureCollection", "features": features}
        layer = folium.GeoJson(
            collection, style_function=_style, name=html.escape(text.municipalities or text.title), embed=True
        )
        _with_tips(layer).add_to(page)
        page.fit_bounds(_bounds(features))
    # Leaflet draws areas over pictures unless a picture lies on a pane of its own.
    folium.map.CustomPane(HAZARD, z_index=420).add_to(page)
    folium.map.CustomPane(PLACES, z_index=450, pointer_events=True).add_to(page)
    for overlay in overlays:
        left, bottom, right, top = overlay.bounds
        folium.raster_layers.ImageOverlay(
            "data:image/png;base64," + b64encode(overlay.png).decode(),
            [[bottom, left], [top, right]],
            name=html.escape(overlay.name),
            pane=HAZARD,
        ).add_to(page)
    for one in layers:
        _places(one).add_to(page)
    if names:
        written = folium.FeatureGroup(name=html.escape(text.names))
        for word, longitude, latitude in names:
            icon = folium.DivIcon(html=f"<span>{html.escape(word)}</span>", class_name="name", icon_size=(1, 1))
            folium.Marker([latitude, longitude], icon=icon, interactive=False, keyboard=False).add_to(written)
        written.add_to(page)
    if overlays or layers or names:
        # What is added after it is not in it.
        folium.LayerControl(position="topleft").add_to(page)
    figure: Any = page.get_root()
    titles = {
        ".leaflet-control-zoom-in": text.zoom_in,
        ".leaflet-control-zoom-out": text.zoom_out,
        ".leaflet-control-layers-toggle": text.layers,
    }
    # Leaflet's own words are English.
    name_them = (
        "for (const [one, word] of Object.entries(%s)) for (const e of document.querySelectorAll(one)) e.title = word;"
    )
    figure.script.add_child(Element("{% raw %}" + name_them % _in_script(titles) + "{% endraw %}"), name="titles")
    figure.header.add_child(
        Element("<style>{% raw %}" + _styles() + _switch(text.layers) + "{% endraw %}</style>"), name="portable_css"
    )
    figure.header.add_child(Element("<script>{% raw %}" + _leaflet() + "{% endraw %}</script>"), name="leaflet_js")
    if framed:
        figure.html.add_child(Element("{% raw %}" + _frame(classes, text, labels) + "{% endraw %}"), name="frame")
    result: str = figure.render()
    # folium's page is in no language and has no title.
    result = result.replace("<html>", f'<html lang="{html.escape(text.language)}">', 1)
    result = result.replace("<head>", f"<head><title>{html.escape(text.title)}</title>", 1)
    return re.sub(r'<script src="[^"]*"></script>|<link rel="stylesheet" href="[^"]*"\s*/>', "", result)


def _in_script(value: object) -> str:
    """JSON that cannot end the script that it stands in."""
    return as_json(value).replace("<", "\\u003c")


def _tip(title: str, lines: Sequence[tuple[str, str]]) -> str:
    cells = "".join(f"<tr><th>{html.escape(w)}</th><td>{html.escape(v)}</td></tr>" for w, v in lines)
    return f"<b>{html.escape(title)}</b><table>{cells}</table>"


def _with_tips(layer: Any) -> Any:
    import folium

    layer.add_child(folium.GeoJsonTooltip(fields=["tip"], labels=False, sticky=True))
    layer.add_child(folium.GeoJsonPopup(fields=["tip"], labels=False))
    return layer


def _places(layer: PlaceLayer) -> Any:
    import folium

    features = [
        {
            "type": "Feature",
            "geometry": place.geometry,
            "properties": {"colour": place.colour or layer.colour, "tip": _tip(place.title, place.lines)},
        }
        for place in layer.places
    ]
    dot = folium.CircleMarker(radius=7, weight=2, color="#1d2733", fill=True, fill_opacity=0.95)
    dot.options["pane"] = PLACES  # which it does not take as an argument
    drawn = folium.GeoJson(
        {"type": "FeatureCollection", "features": features},
        name=html.escape(layer.name),
        show=layer.shown,
        marker=dot,
        pane=PLACES,
        style_function=_place_style,
        embed=True,
    )
    return _with_tips(drawn) if features else drawn


def _place_style(feature: Mapping[str, Any]) -> dict[str, Any]:
    colour, kind = feature["properties"]["colour"], feature["geometry"]["type"]
    if kind.endswith("LineString"):
        return {"color": colour, "weight": 2, "fill": False}
    edge = "#1d2733" if kind.endswith("Point") else colour
    return {"color": edge, "fillColor": colour, "fillOpacity": 0.95 if kind.endswith("Point") else 0.3, "weight": 2}


def script_hashes(page: str) -> list[str]:
    """The sources of a Content-Security-Policy that let exactly the scripts in the page run."""
    found = re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL)
    return [f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in found]


def sealed(page: str) -> str:
    """The page with a policy of its own: opened from a disk it can run its own scripts and fetch nothing."""
    policy = f"default-src 'none'; script-src {' '.join(script_hashes(page))}; style-src 'unsafe-inline'; img-src data:"
    return page.replace(
        "<head>", f'<head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">', 1
    )


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
    """Marks, legend and imprint over the map."""
    lines = [(f"background:{s.colour}", label) for s, label in zip(classes.swatches, labels, strict=True)]
    lines = [(f"background:{NOBODY}", text.nobody), *lines, ("border-style:dashed", text.not_modelled)]
    legend = _swatches(lines)
    for heading, swatches in text.legends:
        legend += f"<p>{html.escape(heading)}</p>"
        legend += _swatches([(f"background:{html.escape(colour)}", words) for colour, words in swatches])
    banner = f'<p class="banner">{html.escape(text.banner)}</p>' if text.banner else ""
    imprint = f"<p>{html.escape(text.imprint)}</p>" if text.imprint else ""
    band = f'<div class="stripes"></div><p class="band">{html.escape(text.band)}</p>' if text.band else ""
    return (
        f'{band}<div class="frame">{banner}<details open><summary><h1>{html.escape(text.title)}</h1></summary>'
        f"<p>{html.escape(text.unit)}</p>{legend}<p>{html.escape(text.source)}</p>{imprint}</details></div>"
    )


def _switch(word: str) -> str:
    """The button that opens the list of layers has a word: Leaflet's picture is another file."""
    letters = "".join(f"\\{ord(letter):x} " for letter in word)
    return f'.leaflet-control-layers-toggle::after{{content:"\\2630  {letters}"}}'


def _swatches(lines: Iterable[tuple[str, str]]) -> str:
    return "<ul>" + "".join(f'<li><i style="{style}"></i>{html.escape(label)}</li>' for style, label in lines) + "</ul>"


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
        ".frame{position:fixed;z-index:1000;right:8px;bottom:24px;max-width:15rem;max-height:calc(100% - 56px);"
        "overflow:auto;padding:8px 12px;background:#fff;border:1px solid #c9d1d9}"
        ".stripes{position:fixed;inset:0;z-index:1100;pointer-events:none;border:10px solid;border-image:"
        "repeating-linear-gradient(45deg,#ffb300 0 12px,#1d2733 12px 24px) 10}"
        ".band{position:fixed;z-index:1101;top:0;left:50%;transform:translateX(-50%);margin:0;padding:6px 16px;"
        "background:#ffb300;color:#000;font-weight:bold;text-align:center}"
        ".leaflet-control-layers .leaflet-control-layers-toggle{width:auto;height:36px;padding:0 10px;line-height:36px;"
        "color:#1d2733;text-decoration:none}"
        ".leaflet-control-layers-expanded .leaflet-control-layers-toggle{display:none}"
        ".leaflet-control-layers-expanded{max-width:16rem;font-size:13px}"
        ".frame h1{display:inline}summary{cursor:pointer}"
        ".name span{position:absolute;transform:translate(-50%,-50%);white-space:nowrap;font-size:11px;"
        "text-shadow:0 0 2px #fff,0 0 2px #fff,0 0 3px #fff}"
        "@media(max-width:600px){.frame{max-height:40%;bottom:16px}}"
        ".frame h1{font-size:16px;margin:0}.frame p{margin:4px 0}.frame ul{list-style:none;margin:8px 0;padding:0}"
        ".frame i{display:inline-block;width:24px;height:14px;margin-right:8px;border:1px solid #5b6673;"
        "vertical-align:middle}.banner{background:#fff4d6;color:#8a5a00;font-weight:bold;padding:4px 8px}"
        "th{text-align:left;font-weight:normal;padding-right:8px}td{text-align:right}"
    )


def as_json(value: object) -> str:
    """Compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
