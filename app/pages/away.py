"""What people take away: the table as a file, the map and the card of a municipality on paper."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import shapely
from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app import languages
from app.db import transaction, without_space
from app.errors import NoSuchPage
from app.exports.csv_files import Form, csv_file
from app.exports.geodata import geojson, geopackage
from app.exports.paper import Paper, paper, pdf
from app.exports.records import Records, file_name
from app.exports.workbook import workbook
from app.guards import needs
from app.languages import _
from app.names import folded, in_order
from app.pages import records
from app.pages.paper import card_page, map_page
from app.pages.situation import situation_map
from app.pages.table import Asked
from app.pages.view import View, area_name, look, shapes_as
from app.rights import Right
from app.spaces import current_space
from layers.areas import Area, Level, boundaries

away = Blueprint("away", __name__, url_prefix="/files")

GEOJSON_ZOOM = 11
KEPT = ("hazard", "within", "paper", "turn", "table")
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "gpkg": "application/geopackage+sqlite3",
    "geojson": "application/geo+json",
    "pdf": "application/pdf",
    "html": "text/html; charset=utf-8",
}


@away.get("/table.<any(csv, xlsx, gpkg, geojson):ending>")
@needs(Right.SEE)
def table(ending: str) -> ResponseReturnValue:
    """All rows of the table as it is seen; a CSV with ?for=excel or ?for=hxl for those who read it."""
    with without_space() as session:
        view = look(session)
        found = records.exposure(view, Asked.read().rows(view), records.maker())
        return _as_file(_written(session, view, found, ending), records.name_parts(view), found, ending)


@away.get("/table.pdf")
@needs(Right.SEE)
def table_on_paper() -> ResponseReturnValue:
    """The table as it is seen, with totals, sources and methods."""
    with without_space() as session:
        view = look(session)
        rows = Asked.read().rows(view)
        found = records.exposure(view, rows, records.maker())
        page = map_page(session, view, rows, found, _paper(), with_map=False, with_table=True)
    return _as_file(pdf(page), records.name_parts(view), found, "pdf")


@away.get("/map")
@needs(Right.SEE)
def map_to_print() -> ResponseReturnValue:
    """The map as the browser prints it; from here it is saved as PDF."""
    with without_space() as session:
        view = look(session)
        return _map(session, view, preview=True)[0]


@away.get("/map.pdf")
@needs(Right.SEE)
def map_on_paper() -> ResponseReturnValue:
    """The map on A4 or A3 (?paper=, ?turn=), of a part of the country (?within=), with its table (?table=1)."""
    with without_space() as session:
        view = look(session)
        page, found, within = _map(session, view, preview=False)
    name = [_("Map"), *records.name_parts(view), area_name(within) if within else ""]
    return _as_file(pdf(page), name, found, "pdf")


@away.get("/areas/<uuid:area_id>.pdf")
@needs(Right.SEE)
def card(area_id: UUID) -> ResponseReturnValue:
    """The card of a municipality on one A4."""
    with without_space() as session:
        view = look(session)
        row = view.situation.by_area.get(area_id)
        if row is None:
            raise NoSuchPage
        page, stamp = card_page(session, view, row, records.maker())
    return as_saved(pdf(page), file_name([area_name(row.area), *records.name_parts(view)], stamp, "pdf"), TYPES["pdf"])


@away.get("/situation.html")
@needs(Right.SEE)
def situation() -> ResponseReturnValue:
    """The map with all that is known in this space now, in one file that opens from a disk with the network off."""
    with transaction(current_space().id) as session:
        view = look(session)
        page, stamp = situation_map(session, view, records.maker())
    return as_saved(
        page.encode(), file_name([_("Situation map"), *records.name_parts(view)], stamp, "html"), TYPES["html"]
    )


def _map(session: Session, view: View, *, preview: bool) -> tuple[str, Records, Area | None]:
    within = _within(view)
    rows = [
        row
        for row in view.situation.rows
        if within is None or row.area.id == within.id or within.id in {a.id for a in row.above}
    ]
    rows.sort(key=lambda row: (row.exposed is None, -(row.exposed or 0), folded(row.area.name)))
    found = records.exposure(view, rows, records.maker())
    kept: dict[str, Any] = {name: request.args[name] for name in KEPT if request.args.get(name)}
    page = map_page(
        session,
        view,
        rows,
        found,
        _paper(),
        within=within.id if within else None,
        with_table=request.args.get("table") == "1",
        preview={
            "hazard": view.choice.key if view.choice else "",
            "within": within.code if within else "",
            "parts": _parts(view, within),
            "pdf": url_for("away.map_on_paper", **kept),
            "back": url_for("map.show", hazard=view.choice.key if view.choice else None),
        }
        if preview
        else None,
    )
    return page, found, within


def _paper() -> Paper:
    return paper(request.args.get("paper", "a4"), landscape=request.args.get("turn", "landscape") != "portrait")


def _within(view: View) -> Area | None:
    """The part of the country that the address names by its code."""
    code = request.args.get("within")
    return next((area for area in view.tree.areas.values() if area.code == code and area.level != Level.COUNTRY), None)


def _parts(view: View, chosen: Area | None) -> list[Area]:
    """What can fill the paper: entities, cantons, and the municipality that was asked for."""
    found = [a for a in view.tree.areas.values() if a.level in (Level.ENTITY, Level.CANTON) or a is chosen]
    return sorted(found, key=lambda a: (a.level != Level.ENTITY, a.level != Level.CANTON, in_order(area_name(a))))


def _written(session: Session, view: View, found: Records, ending: str) -> bytes:
    if ending == "gpkg":
        return geopackage(found, _shapes(session, view, exactly=True))
    if ending == "geojson":
        return geojson(found, _shapes(session, view, exactly=False))
    if ending == "xlsx":
        return workbook(found)
    asked = request.args.get("for", "")
    return csv_file(found, Form(asked) if asked in set(Form) else Form.PROGRAMS, languages.decimal_sign())


def _shapes(session: Session, view: View, *, exactly: bool) -> dict[str, Any]:
    """Where the municipalities lie, in degrees, by code: as they came, or as the map of a canton draws them."""
    if view.boundaries is None:
        return {}
    if exactly:
        found = boundaries(session, view.boundaries.id, Level.MUNICIPALITY)
        return dict(zip(found.codes, found.geometry, strict=True))
    simpler = shapes_as(session, view.boundaries.id, GEOJSON_ZOOM, "ST_AsBinary(ST_Transform(shape.place, 4326))")
    codes = {area.id: area.code for area in view.tree.municipalities}
    return {codes[area]: _geometry(shape) for area, shape in simpler.items() if area in codes}


def _geometry(wkb: Any) -> Any:
    return shapely.from_wkb(bytes(wkb))


def _as_file(content: bytes, parts: list[str], found: Records, ending: str) -> Response:
    return as_saved(content, file_name(parts, found.imprint, ending), TYPES[ending])


def as_saved(content: bytes, name: str, kind: str) -> Response:
    """An answer that the browser saves under that name."""
    answer = Response(content, content_type=kind)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Cache-Control"] = "private, no-store"
    return answer
