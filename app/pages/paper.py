"""What goes on paper: the map with its key, the table, and the card of a municipality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log2
from typing import Any
from uuid import UUID

import shapely
from flask import render_template, url_for
from sqlalchemy import text
from sqlalchemy.orm import Session

from app import languages
from app.exports import drawing as on_paper
from app.exports.drawing import Drawing, Frame, Name, Picture
from app.exports.paper import BOTTOM_MM, SIDE_MM, TOP_MM, Paper, paper
from app.exports.records import Imprint, Records
from app.exposed import FIRE, FLOOD, Choice, Row, total
from app.languages import _, ours
from app.maps import NOBODY
from app.pages import consequences
from app.pages.map import series
from app.pages.records import Maker, cited, imprint, not_modelled_hazards
from app.pages.tiles import current_tiles
from app.pages.view import View, area_name, choice_name, class_names, is_illustrative, shapes_as, sources
from app.tilestore import legend_of_version
from gis.classes import Legend
from gis.mosaic import cased, mosaic
from gis.palettes import Palette
from gis.tiles import png
from layers.areas import Level
from layers.catalogue import Kind, LayerVersion, Method, shown

HEAD_MM, FOOT_MM = 16, 16
KEY_MM = {"a4": 62, "a3": 84}
KEY_BELOW_MM = {"a4": 62, "a3": 66}
NAMES_PT = {"a4": 5.5, "a3": 7.0}
DOTS_PER_MM = 8
"""200 dots an inch, as sharp as a hazard of 30 m cells can be on a national map."""

FINE_MM = 0.1
CARD_MAP_MM = (88.0, 78.0)
CARD_NAMES_PT = 5.0
CARD_SETTLEMENTS = 8
CARD_FACILITIES = 12
BAND_MM = 18.0
"""What a browser puts the marks into: it cannot print them in the margin."""

MOST_LINES = 20_000
MOST_SETTLEMENTS = 60
PLAIN = {True: "#ffffff", False: "#dfe4ea"}
HAZARD_OPACITY = 0.85


def stage(on: Paper, spare_mm: float = 0.0) -> tuple[float, float]:
    """Width and height of the map on that paper, in millimetres; the key beside or below it has its room."""
    width = on.width_mm - 2 * SIDE_MM
    height = on.height_mm - TOP_MM - BOTTOM_MM - HEAD_MM - FOOT_MM - spare_mm
    if on.landscape:
        return width - KEY_MM[on.name] - 4, height
    return width, height - KEY_BELOW_MM[on.name]


@dataclass(frozen=True)
class Drawn:
    """A drawing with the rows that are in it and the legends of what lies over it."""

    drawing: Drawing
    legends: list[Legend]
    sketched: bool


def draw(
    session: Session,
    view: View,
    size_mm: tuple[float, float],
    names_pt: float,
    *,
    within: UUID | None = None,
    alone: UUID | None = None,
    watermark: str = "",
) -> Drawn | None:
    """The map of the chosen hazard; None where there are no boundaries.

    within: an area on any level that fills the frame, by default all. alone: the municipality that it is about: it is
    outlined, has its settlements, and colours are left to the hazard.
    """
    if view.boundaries is None:
        return None
    rough = _shapes(session, view.boundaries.id, 7)
    inside = [row for row in view.situation.rows if row.area.id in rough and _lies_in(row, within)]
    if not inside:
        return None
    frame = Frame.around(_box(rough, inside), *size_mm)
    shapes = _shapes(session, view.boundaries.id, _zoom(frame))
    rows = [row for row in view.situation.rows if row.area.id in shapes]
    sketched = {row.area.id for row in rows if row.run and row.run.hazard.method == Method.ESTIMATED}
    areas = [
        on_paper.Area(
            path=frame.path(shapes[row.area.id]),
            fill=view.classes.colour_of(row.exposed) if alone is None else PLAIN[row.area.id == alone],
            sketched=alone is None and row.area.id in sketched,
            chosen=row.area.id == alone,
        )
        for row in rows
    ]
    overlays = list(reversed(view.choice.hazards)) if view.choice else []
    pictures, legends = _pictures(frame, overlays)
    floods = [
        path
        for version in overlays
        if version.layer.kind == Kind.FLOOD_EXTENT
        for path, _name, _shape in _features(session, version.id, frame)
    ]
    rivers = shown(session, Kind.RIVERS)
    courses = _features(session, rivers[0].id, frame) if rivers else []
    settlements = _settlements(session, alone) if alone else []
    names = _names(rows, shapes, within=within, alone=alone) + settlements + _river_names(frame, courses)
    return Drawn(
        Drawing(
            frame=frame,
            areas=[area for area in areas if area.path],
            pictures=pictures,
            floods=floods,
            rivers=[path for path, _name, _shape in courses],
            outlines=[path for path in _outlines(frame, rows, shapes) if path],
            dots=[frame.place(name.x, name.y) for name in settlements],
            labels=on_paper.labels(frame, names, names_pt),
            dotted=is_illustrative(view.boundaries),
            watermark=watermark,
        ),
        legends,
        bool(sketched),
    )


def map_page(
    session: Session,
    view: View,
    rows: Sequence[Row],
    found: Records,
    on: Paper,
    *,
    within: UUID | None = None,
    with_map: bool = True,
    with_table: bool = False,
    preview: Mapping[str, Any] | None = None,
) -> str:
    """The map, the table or both as one document. preview: what the browser's page offers besides; None for a PDF."""
    drawn = None
    if with_map:
        size = stage(on, BAND_MM if preview else 0.0)
        drawn = draw(session, view, size, NAMES_PT[on.name], within=within, watermark=found.imprint.band_word)
    return render_template(
        "paper/map.html",
        stylesheet=_stylesheet(preview),
        paper=on,
        preview=preview,
        imprint=found.imprint,
        records=found,
        view=view,
        rows=rows,
        total=total(rows),
        classes=class_names(view.situation.run),
        drawing=drawn.drawing if drawn else None,
        legends=drawn.legends if drawn else [],
        sketched=drawn.sketched if drawn else False,
        with_table=with_table,
        unmodelled=not_modelled_hazards(),
        NOBODY=NOBODY,
    )


def _stylesheet(preview: object) -> str:
    return url_for("static", filename="paper.css") if preview else "/static/paper.css"


def _lies_in(row: Row, area: UUID | None) -> bool:
    return area is None or row.area.id == area or any(above.id == area for above in row.above)


def _zoom(frame: Frame) -> int:
    """The zoom whose shapes are drawn to a tenth of a millimetre."""
    return max(0, min(22, ceil(log2(40_075_016.7 / 512 / (FINE_MM * frame.per_mm)))))


def _shapes(session: Session, version: UUID, zoom: int) -> dict[UUID, Any]:
    found: dict[UUID, Any] = shapes_as(session, version, zoom, "ST_AsBinary(shape.place)")
    return {area: shapely.from_wkb(bytes(shape)) for area, shape in found.items()}


def _box(shapes: Mapping[UUID, Any], rows: Sequence[Row]) -> on_paper.Box:
    left, bottom, right, top = shapely.total_bounds([shapes[row.area.id] for row in rows])
    return float(left), float(bottom), float(right), float(top)


def _outlines(frame: Frame, rows: Sequence[Row], shapes: Mapping[UUID, Any]) -> list[str]:
    """The boundaries of the entities."""
    parts: dict[UUID, list[Any]] = {}
    for row in rows:
        entity = row.over(Level.ENTITY)
        if entity is not None:
            parts.setdefault(entity.id, []).append(shapes[row.area.id])
    return [frame.path(shapely.boundary(shapely.union_all(found))) for found in parts.values()]


def _pictures(frame: Frame, overlays: Sequence[LayerVersion]) -> tuple[list[Picture], list[Legend]]:
    pictures, legends = [], []
    tiles = current_tiles()
    for version in overlays:
        digest = (version.facts.get("files") or {}).get("pyramid")
        if digest is None:
            continue
        legend = legend_of_version(version.layer.kind, version.facts)
        pyramid = tiles.pyramid(digest)
        found = mosaic(pyramid, frame.box, frame.per_mm / DOTS_PER_MM)
        if legend not in legends:
            legends.append(legend)
        if found is not None:
            palette = Palette.of(legend, pyramid.steps, HAZARD_OPACITY)
            pictures.append(Picture.of(frame, png(*cased(found.indices, palette)), found.box))
    return pictures, legends


def _features(session: Session, version: UUID, frame: Frame) -> list[tuple[str, str | None, Any]]:
    """(path, name, shape in EPSG:3857) of the lines or areas of a layer that lie in the frame."""
    rows = session.execute(
        text(
            "SELECT feature.name, ST_AsBinary(shape.place) FROM shape JOIN feature ON feature.id = shape.item_id "
            "WHERE shape.version_id = :version AND shape.min_zoom <= :zoom AND shape.max_zoom >= :zoom "
            "AND shape.place && ST_MakeEnvelope(:left, :bottom, :right, :top, 3857) ORDER BY feature.number LIMIT :most"
        ),
        {
            "version": version,
            "zoom": _zoom(frame),
            **dict(zip(("left", "bottom", "right", "top"), frame.box, strict=True)),
            "most": MOST_LINES,
        },
    )
    found = [(name, shapely.from_wkb(bytes(shape))) for name, shape in rows]
    drawn = [(frame.path(shape), name, shape) for name, shape in found]
    return [one for one in drawn if one[0]]


def _settlements(session: Session, municipality: UUID) -> list[Name]:
    """The settlements of a municipality, those with most people first."""
    rows = session.execute(
        text(
            "SELECT found.name, ST_X(found.at), ST_Y(found.at), found.people FROM ("
            " SELECT area.name, ST_Transform(ST_PointOnSurface(boundary.place), 3857) AS at,"
            "  (SELECT max(figure.population) FROM exposure_figure figure WHERE figure.area_id = area.id) AS people"
            " FROM area JOIN boundary ON boundary.area_id = area.id"
            " JOIN layer_version version ON version.id = boundary.version_id AND version.state = 'ready'"
            " WHERE area.parent_id = :municipality AND area.level IN ('settlement', 'local_community')"
            ") AS found ORDER BY found.people DESC NULLS LAST, found.name LIMIT :most"
        ),
        {"municipality": municipality, "most": MOST_SETTLEMENTS},
    )
    return [Name(name, x, y, 1e6 + (people or 0.0), "settlement") for name, x, y, people in rows]


def _names(rows: Sequence[Row], shapes: Mapping[UUID, Any], *, within: UUID | None, alone: UUID | None) -> list[Name]:
    """Municipalities where there is room, those with most people exposed first."""
    found = []
    for row in rows:
        if row.area.id == alone:
            continue  # its name is the heading
        point = shapely.point_on_surface(shapes[row.area.id])
        rank = float(row.exposed or 0) + (row.population or 0) / 1e6
        rank += 1e9 * (within is not None and _lies_in(row, within))
        found.append(Name(area_name(row.area), point.x, point.y, rank))
    return found


def _river_names(frame: Frame, courses: Sequence[tuple[str, str | None, Any]]) -> list[Name]:
    """Each river once, in the middle of its longest part within the frame; after all municipalities."""
    longest: dict[str, tuple[float, Any]] = {}
    for _path, name, shape in courses:
        if not name:
            continue
        for part in shapely.get_parts(shapely.clip_by_rect(shape, *frame.box)):
            if part.length > longest.get(name, (0.0, None))[0]:
                longest[name] = part.length, part
    found = []
    for name, (length, part) in longest.items():
        middle = shapely.line_interpolate_point(part, 0.5, normalized=True)
        found.append(Name(name, middle.x, middle.y, -1 / length, "river"))
    return found


def card_page(session: Session, view: View, row: Row, by: Maker) -> tuple[str, Imprint]:
    """The card of a municipality for one A4, and its imprint."""
    found = series(session, view, row)
    rests_on = sources([one.run for _choice, one in found if one and one.run], view.boundaries)
    stamp = imprint(view, rests_on, area_name(row.area), by)
    drawn = draw(
        session,
        view,
        CARD_MAP_MM,
        CARD_NAMES_PT,
        within=row.area.id,
        alone=row.area.id,
        watermark=stamp.band_word,
    )
    follows = consequences.of(session, view, row)
    settlements = follows.below.get(Level.SETTLEMENT, []) if follows else []
    facilities = sorted((follows.facilities if follows else {}).items(), key=lambda f: (-f[1][0], f[0]))
    page = render_template(
        "paper/card.html",
        stylesheet=_stylesheet(None),
        paper=paper("a4", landscape=False),
        preview=None,
        imprint=stamp,
        view=view,
        row=row,
        above=[*(area_name(a) for a in row.above if a.level != Level.COUNTRY), row.area.code],
        charts=_charts(found),
        classes=class_names(row.run),
        drawing=drawn.drawing if drawn else None,
        legends=drawn.legends if drawn else [],
        follows=follows,
        facilities=facilities[:CARD_FACILITIES],
        settlements=[part for part in settlements if part.area][:CARD_SETTLEMENTS],
        sources=[cited(v) for v in rests_on],
        unmodelled=not_modelled_hazards(),
    )
    return page, stamp


@dataclass(frozen=True)
class Chart:
    """Bars of one kind of hazard: (word, people exposed or None, share or None, length 0 to 1, chosen)."""

    heading: str
    bars: list[tuple[str, Row | None, float]]


def _charts(found: Sequence[tuple[Choice, Row | None]]) -> list[Chart]:
    """By return period, floods that happened, fire danger; each against its own longest bar."""
    groups = (
        (_("Flood, by return period in years"), [f for f in found if f[0].years and f[0].family == FLOOD]),
        (_("Flood event"), [f for f in found if not f[0].years and f[0].family == FLOOD]),
        (_("Wildfire danger"), [f for f in found if f[0].family == FIRE]),
    )
    charts = []
    for heading, group in groups:
        most = max((row.exposed or 0 for _choice, row in group if row), default=0)
        bars = [
            (
                languages.decimal(choice.years, 1) if choice.years else ours(choice.event) or choice_name(choice),
                row,
                (row.exposed or 0) / most if row and most else 0.0,
            )
            for choice, row in group
        ]
        if bars:
            charts.append(Chart(heading, bars))
    return charts
