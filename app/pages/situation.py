"""The situation map: one file with the map in it that opens from a disk, for where there is no network."""

from __future__ import annotations

import json
from typing import Any

import shapely
from pyproj import Transformer
from sqlalchemy import text
from sqlalchemy.orm import Session

from app import languages
from app.exports.drawing import POINT_MM, Frame, Name, labels
from app.exports.records import Imprint
from app.languages import _, ours
from app.maps import Overlay, Place, PlaceLayer, PortableText, portable_map, sealed
from app.pages.field_places import field_places
from app.pages.map import tip
from app.pages.records import Maker, cited, lines_of, methods_of, not_modelled_hazards, stamped
from app.pages.tiles import current_tiles
from app.pages.view import (
    View,
    area_name,
    choice_name,
    facility_name,
    legend_class_name,
    rests_on,
    shapes_as,
    swatch_name,
    threshold_name,
)
from app.tilestore import legend_of_version
from gis.classes import Legend
from gis.mosaic import cased, mosaic
from gis.palettes import Palette
from gis.tiles import png
from layers.catalogue import Kind, LayerVersion, shown
from layers.features import Feature, features

SHAPES_ZOOM = 8
PIXEL_M = 120.0
"""Of web mercator: the finest at which a country's hazard stays below a megabyte or so."""

HAZARD_OPACITY = 0.85
MOST_PLACES = 3000
DIGITS = 4
OPENS_PIXEL_M = 40_075_016.7 / 256 / 2**8
"""A pixel at the zoom at which the country fills a screen, in metres of web mercator."""

NAMES_PX = 11.0
_TO_DEGREES = Transformer.from_crs(3857, 4326, always_xy=True)
_TO_MERCATOR = Transformer.from_crs(4326, 3857, always_xy=True)


def situation_map(session: Session, view: View, by: Maker) -> tuple[str, Imprint]:
    """The page, and its imprint: the chosen hazard, and what is known in this request's space now."""
    versions = rests_on(view)
    geometries = f"ST_AsGeoJSON(ST_Transform(shape.place, 4326), {DIGITS})"
    found = shapes_as(session, view.boundaries.id, SHAPES_ZOOM, geometries) if view.boundaries else {}
    shapes = {area: json.loads(shape) for area, shape in found.items()}
    overlays, legends = _overlays(view, shapes)
    layers = [one for part in (_floods, _rivers, _veto_areas, _facilities, _fires) for one in part(session, view)]
    field = field_places(session, shapes)
    layers += field.layers
    stamp = stamped(_("Situation map"), lines_of(view), methods_of(view, versions) | field.methods, by)
    page = portable_map(
        view.situation.rows,
        shapes,
        view.classes,
        PortableText(
            title=choice_name(view.choice) if view.choice else _("No exposure has been counted yet"),
            banner=" · ".join(stamp.marks),
            nobody=_("nobody exposed"),
            not_modelled=_("NOT MODELLED"),
            unit=_("people exposed") + (f" ({threshold_name(view.situation.run)})" if view.situation.run else ""),
            source="; ".join(cited(version).line for version in versions),
            language=languages.language_tag(),
            band=stamp.band or "",
            imprint=" ".join(
                [
                    *field.notes,
                    _("What no layer here models: %(hazards)s.", hazards=", ".join(not_modelled_hazards())),
                    _("Made %(when)s by %(author)s with Spremnost.", when=stamp.made_words, author=stamp.author),
                ]
            ),
            municipalities=_("Municipalities"),
            names=_("Names"),
            layers=_("Layers"),
            zoom_in=_("Zoom in"),
            zoom_out=_("Zoom out"),
            legends=[_in_words(legend) for legend in legends],
        ),
        {row.area.id: tip(row) for row in view.situation.rows},
        [swatch_name(s) for s in view.classes.swatches],
        area_name,
        overlays=overlays,
        layers=[layer for layer in layers if layer.places],
        names=_names(view, shapes),
    )
    return sealed(page), stamp


def _overlays(view: View, shapes: dict[Any, Any]) -> tuple[list[Overlay], list[Legend]]:
    """The hazard's rasters as pictures, and their legends."""
    overlays: list[Overlay] = []
    legends: list[Legend] = []
    if not view.choice or not shapes:
        return overlays, legends
    left, bottom, right, top = shapely.total_bounds([shapely.geometry.shape(shape) for shape in shapes.values()])
    x, y = _TO_MERCATOR.transform([left, right], [bottom, top])
    for version in reversed(view.choice.hazards):
        digest = (version.facts.get("files") or {}).get("pyramid")
        if digest is None:
            continue
        legend = legend_of_version(version.layer.kind, version.facts)
        pyramid = current_tiles().pyramid(digest)
        part = mosaic(pyramid, (x[0], y[0], x[1], y[1]), PIXEL_M)
        if legend not in legends:
            legends.append(legend)
        if part is not None:
            (west, east), (south, north) = _TO_DEGREES.transform(part.box[::2], part.box[1::2])
            palette = Palette.of(legend, pyramid.steps, HAZARD_OPACITY)
            picture = png(*cased(part.indices, palette))
            overlays.append(Overlay(ours(version.layer.name), picture, (west, south, east, north)))
    return overlays, legends


def _in_words(legend: Legend) -> tuple[str, list[tuple[str, str]]]:
    title = {"m": _("Flood depth") + " (m)", "FWI": _("Fire danger") + " (FWI)"}.get(legend.unit, legend.unit)
    return title, [(one.colour, legend_class_name(one, legend.unit)) for one in legend.classes]


def _names(view: View, shapes: dict[Any, Any]) -> list[tuple[str, float, float]]:
    """Names of municipalities that do not run into each other when the map opens; the others come with the mouse."""
    points = []
    for row in view.situation.rows:
        if row.area.id in shapes:
            place = shapely.point_on_surface(shapely.geometry.shape(shapes[row.area.id]))
            x, y = _TO_MERCATOR.transform(place.x, place.y)
            points.append(Name(area_name(row.area), x, y, float(row.exposed or 0) + (row.population or 0) / 1e6))
    if not points:
        return []
    x, y = [p.x for p in points], [p.y for p in points]
    left, bottom, right, top = min(x) - 1e5, min(y) - 1e5, max(x) + 1e5, max(y) + 1e5
    frame = Frame(left, bottom, right, top, (right - left) / OPENS_PIXEL_M, (top - bottom) / OPENS_PIXEL_M)
    found = labels(frame, points, NAMES_PX / POINT_MM)  # a pixel stands for a millimetre
    x = [frame.left + label.x * frame.per_mm for label in found]
    y = [frame.top - label.y * frame.per_mm for label in found]
    places = zip(*_TO_DEGREES.transform(x, y), strict=True)
    return [
        (label.text, round(lon, DIGITS), round(lat, DIGITS)) for label, (lon, lat) in zip(found, places, strict=True)
    ]


def _floods(session: Session, view: View) -> list[PlaceLayer]:
    """The chosen hazard where it is areas and not a raster."""
    hazards = view.choice.hazards if view.choice else ()
    return [
        PlaceLayer(ours(v.layer.name), "#3182bd", _shapes(session, v))
        for v in hazards
        if v.layer.kind == Kind.FLOOD_EXTENT
    ]


def _rivers(session: Session, view: View) -> list[PlaceLayer]:
    rivers = shown(session, Kind.RIVERS)
    return [PlaceLayer(_("Rivers"), "#0b5c8a", _shapes(session, rivers[0]))] if rivers else []


def _veto_areas(session: Session, view: View) -> list[PlaceLayer]:
    """Suspected minefields: they stop routes and crews."""
    word = _("Suspected minefields")
    return [
        PlaceLayer(f"{word}: {ours(version.layer.name)}", "#b3261e", _shapes(session, version))
        for version in shown(session, Kind.VETO_AREAS)
    ]


def _facilities(session: Session, view: View) -> list[PlaceLayer]:
    """What matters in a disaster; all of them would hide the map."""
    found = shown(session, Kind.FACILITIES)
    wanted = {"hospital", "fire_station", "civil_protection", "clinic"}
    places = [
        Place(
            _rounded(feature), feature.name or facility_name(feature.category), [(facility_name(feature.category), "")]
        )
        for feature in (_all(session, found[0], wanted) if found else [])
    ]
    return [PlaceLayer(_("Hospitals, fire stations, civil protection"), "#1b6b3a", places, shown=False)]


def _fires(session: Session, view: View) -> list[PlaceLayer]:
    fires = shown(session, Kind.ACTIVE_FIRES)
    layers = []
    for version in fires:
        places = [
            Place(_rounded(feature), _("Active fire"), [(_("Seen"), languages.moment(feature.observed_at))])
            for feature in _all(session, version, None)
        ]
        word = _("Active fires")
        layers.append(PlaceLayer(f"{word}: {ours(version.layer.name)}", "#e3342f", places))
    return layers


def _all(session: Session, version: LayerVersion, categories: set[str] | None) -> list[Feature]:
    found: list[Feature] = []
    after = 0
    while len(found) < MOST_PLACES:
        page = features(session, version.id, after=after)
        if not page:
            break
        after = page[-1].number
        found += [feature for feature in page if categories is None or feature.category in categories]
    return found[:MOST_PLACES]


def _rounded(feature: Feature) -> dict[str, Any]:
    point = shapely.from_wkb(bytes(feature.place.data)).centroid
    return {"type": "Point", "coordinates": [round(point.x, DIGITS), round(point.y, DIGITS)]}


def _shapes(session: Session, version: LayerVersion) -> list[Place]:
    """Lines and areas as the map of a canton draws them."""
    rows = session.execute(
        text(
            "SELECT feature.name, ST_AsGeoJSON(ST_Transform(shape.place, 4326), :digits) "
            "FROM shape JOIN feature ON feature.id = shape.item_id WHERE shape.version_id = :version "
            "AND shape.min_zoom <= :zoom AND shape.max_zoom >= :zoom ORDER BY feature.number LIMIT :most"
        ),
        {"digits": DIGITS, "version": version.id, "zoom": SHAPES_ZOOM, "most": MOST_PLACES},
    )
    return [Place(json.loads(shape), name or ours(version.layer.name)) for name, shape in rows if shape]
