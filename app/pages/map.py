"""The map: municipalities coloured by people exposed, with the hazard over it."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import text
from sqlalchemy.orm import Session

from app import languages, levels
from app.asking import current_kept
from app.db import without_space
from app.exposed import NOT_MODELLED, Choice, Row, situation, total
from app.guards import needs
from app.languages import _, ours
from app.maps import NOBODY, PortableText, as_json, portable_map, script_hashes
from app.names import area_matches, folded, in_order, name_of
from app.pages.overlays import Overlay, described
from app.pages.overlays import overlays as overlays_of
from app.pages.tiles import current_tiles
from app.pages.view import (
    METHOD_SIGNS,
    View,
    area_name,
    choice_name,
    look,
    method_name,
    rests_on,
    shapes_as,
    spread_sentence,
    swatch_name,
    uncounted,
    used_runs,
)
from app.rights import Right
from app.tilestore import legend_of_version
from gis.classes import Legend
from layers.areas import Level, areas
from layers.catalogue import Kind, LayerVersion
from layers.country import BOUNDS
from layers.runs import Hazard, risen_picture, runs_of

map_ = Blueprint("map", __name__, url_prefix="/map")
MOST_FOUND = 12
WORST = 12
PICTURE_ZOOM = 7
PORTABLE_ZOOM = 8


@map_.get("")
@needs(Right.SEE)
def show() -> ResponseReturnValue:
    """The map page; the address holds the hazard, the selected municipality and the view."""
    with without_space() as session:
        view = look(session)
        groups = overlays_of(session)
        overlays = _overlays(view.choice)
        area = _row(view, request.args.get("area"))
        page = render_template(
            "map.html",
            view=view,
            overlays=overlays,
            legends=_legends(overlays),
            row=area,
            series=series(session, view, area) if area else [],
            sources=rests_on(view),
            **_summary(view),
            groups=groups,
            setup=_setup(session, view, groups),
            NOBODY=NOBODY,
        )
    return page


@map_.get("/exposure.json")
@needs(Right.SEE)
def exposure() -> ResponseReturnValue:
    """The chosen hazard's numbers, colours and legend: {"values": {area: [exposed or null, colour or null]}, …}."""
    with without_space() as session:
        view = look(session)
        overlays = _overlays(view.choice)
        data = {
            "choice": view.choice.key if view.choice else None,
            "title": choice_name(view.choice) if view.choice else "",
            "family": view.choice.family if view.choice else None,
            "values": {
                str(row.area.id): [row.exposed, view.classes.colour_of(row.exposed)] for row in view.situation.rows
            },
            "overlays": _overlay_sources(view.choice),
            "can_rise": bool(view.choice and view.choice.can_rise),
            "rise_cm": round(100 * view.choice.rise_m) if view.choice else 0,
            "spread": spread_sentence(view),
            "illustrative": view.illustrative,
            "summary": render_template("_summary.html", view=view, **_summary(view)),
            "rests": _rests(view),
            "legend": render_template(
                "_legend.html",
                view=view,
                overlays=overlays,
                legends=_legends(overlays),
                sources=rests_on(view),
                NOBODY=NOBODY,
            ),
        }
    answer = Response(as_json(data), mimetype="application/json")
    answer.headers["Cache-Control"] = "no-cache"
    answer.headers["ETag"] = f'"{sha256(answer.get_data()).hexdigest()[:32]}"'
    return answer.make_conditional(request)


@map_.get("/places/<uuid:version>.json")
@needs(Right.SEE)
def places(version: UUID) -> ResponseReturnValue:
    """Where each municipality's name stands and how far it reaches: [[id, name, lon, lat, box, km²]]."""
    with without_space() as session:
        rows = session.execute(
            text(
                """
                SELECT area.id, ST_X(p), ST_Y(p),
                       ARRAY[ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e)],
                       coalesce(boundary.area_km2, 0)
                FROM boundary JOIN area ON area.id = boundary.area_id,
                     LATERAL (SELECT ST_PointOnSurface(boundary.place) AS p, boundary.place AS e) AS at
                WHERE boundary.version_id = :version AND area.level = 'municipality' ORDER BY area.code
                """
            ),
            {"version": version},
        ).all()
        named = {area.id: name_of(area) for area in areas(session, Level.MUNICIPALITY)}
    data = [
        [str(i), named[i], round(x, 4), round(y, 4), [round(v, 4) for v in box], round(size)]
        for i, x, y, box, size in rows
    ]
    answer = Response(as_json(data), mimetype="application/json")
    answer.headers["Cache-Control"] = "private, max-age=86400"
    return answer


@map_.get("/search.json")
@needs(Right.SEE)
def search() -> ResponseReturnValue:
    """Municipalities whose name answers ?q=, best first: [{"id", "name", "above"}]."""
    typed = request.args.get("q", "")[:100]
    with without_space() as session:
        tree = look(session).tree
        found = []
        for area in tree.municipalities:
            match = area_matches(area, typed)
            if match is None and folded(typed) and area.code.startswith(typed.strip()):
                match = 1
            if match is not None:
                above = [a for a in tree.above(area) if a.level != Level.COUNTRY]
                found.append((match, in_order(area_name(area)), area, above))
    data = [
        {"id": str(area.id), "name": area_name(area), "above": " · ".join(area_name(a) for a in above)}
        for _match, _name, area, above in sorted(found, key=lambda f: f[:2])[:MOST_FOUND]
    ]
    return Response(as_json(data), mimetype="application/json")


@map_.get("/portable.html")
@needs(Right.SEE)
def portable() -> ResponseReturnValue:
    """The municipalities on a map that needs no network: what a browser without WebGL 2 gets."""
    with without_space() as session:
        view = look(session)
        geometries = "ST_AsGeoJSON(ST_Transform(shape.place, 4326), 4)"
        found = shapes_as(session, view.boundaries.id, PORTABLE_ZOOM, geometries) if view.boundaries else {}
    page = portable_map(
        view.situation.rows,
        {area: json.loads(shape) for area, shape in found.items()},
        view.classes,
        PortableText(
            title=choice_name(view.choice) if view.choice else _("No exposure has been counted yet"),
            banner=_("Illustrative data, not for operations") if view.illustrative else "",
            nobody=_("nobody exposed"),
            not_modelled=_("not modelled"),
            unit=_("people exposed"),
            source="; ".join(_cited(v) for v in rests_on(view)),
            language=languages.language_tag(),
            zoom_in=_("Zoom in"),
            zoom_out=_("Zoom out"),
        ),
        {row.area.id: tip(row) for row in view.situation.rows},
        [swatch_name(s) for s in view.classes.swatches],
        area_name,
        framed="bare" not in request.args,
    )
    answer = Response(page, mimetype="text/html")
    scripts = " ".join(script_hashes(page))
    answer.headers["Content-Security-Policy"] = (
        f"default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
    )
    return answer


@map_.get("/picture.svg")
@needs(Right.SEE)
def picture() -> ResponseReturnValue:
    """The map as a drawing, each municipality a link: for browsers without scripts, and for paper."""
    with without_space() as session:
        view = look(session)
        shapes: dict[UUID, str] = {}
        left, bottom, right, top = 0.0, 0.0, 1.0, 1.0
        if view.boundaries:
            shapes = shapes_as(session, view.boundaries.id, PICTURE_ZOOM, "ST_AsSVG(shape.place, 0, 0)")
            left, bottom, right, top = _extent(session, view.boundaries, 3857)
    box = (left, -top, right - left, top - bottom)
    svg = render_template("picture.svg", view=view, shapes=shapes, box=box)
    answer = Response(svg, mimetype="image/svg+xml")
    answer.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"
    return answer


def series(session: Session, view: View, row: Row) -> list[tuple[Choice, Row | None]]:
    """The same area under every choice."""
    found: list[tuple[Choice, Row | None]] = []
    for choice in view.choices:
        if choice.layer is not None:
            continue
        same = view.situation if choice is view.choice else situation(session, choice, view.tree)
        found.append((choice, levels.row_of(session, same, view.tree, row.area.id, current_kept())))
    return found


def _summary(view: View) -> dict[str, Any]:
    """The country's sum, the municipalities with most people exposed, and what it rests on in a line."""
    worst = sorted((row for row in view.situation.rows if row.exposed), key=lambda row: -(row.exposed or 0))
    return {"total": total(view.situation.rows), "worst": worst[:WORST], "rests": _rests(view)}


def _rests(view: View) -> str:
    """Hazard, producer, vintage and method in a line, for below the map."""
    versions = {v.id: v for v in (*(run.hazard for run in used_runs(view.situation)), *uncounted(view))}
    return "; ".join(
        f"{ours(v.layer.name)} · {ours(v.producer)} · {ours(v.vintage)} · "
        f"{METHOD_SIGNS[v.method]} {method_name(v.method)}"
        for v in versions.values()
    )


def _row(view: View, asked: str | None) -> Row | None:
    return next((row for row in view.situation.rows if asked in (row.area.code, str(row.area.id))), None)


def _overlays(choice: Choice | None) -> list[LayerVersion]:
    """The rasters and areas of the hazard itself, best last so that it lies on top."""
    return list(reversed(choice.hazards)) if choice else []


def _legends(overlays: list[LayerVersion]) -> list[Legend]:
    """The legends of what is drawn, each once."""
    found: list[Legend] = []
    for version in overlays:
        if version.layer.kind != Kind.FLOOD_EXTENT:
            legend = legend_of_version(version.layer.kind, version.facts)
            if legend not in found:
                found.append(legend)
    return found


def _overlay_sources(choice: Choice | None) -> list[dict[str, Any]]:
    """How the script draws the hazard, best layer last; after a rise as risen, where depths tell it."""
    if choice is None:
        return []
    runs = {run.hazard.id: run.id for run in choice.runs}
    found = [_overlay_source(v, runs.get(v.id), choice.rise_m) for v in reversed(choice.hazards)]
    return [source for source in found if source is not None]


def _overlay_source(version: LayerVersion, run_id: UUID | None, rise_m: float) -> dict[str, Any] | None:
    if version.layer.kind == Kind.FLOOD_EXTENT:
        return {"id": str(version.id), "type": "vector", "url": _address("tiles.features", "mvt", version=version.id)}
    digest = (version.facts.get("files") or {}).get("pyramid")
    if digest is None:
        return None
    url = _address("tiles.hazard", "png", version=version.id)
    rise_cm = round(100 * rise_m)
    if rise_cm and run_id is not None and version.layer.kind == Kind.FLOOD_DEPTH:
        with without_space() as session:
            (stored,) = runs_of(session, Hazard(run_id=run_id), with_depths=True)
        picture = risen_picture(stored)
        if picture is not None and picture.run_id is not None:
            digest = str(stored.files.over_ground_pyramid)
            url = _address("tiles.spread", "png", run=run_id, rise_cm=rise_cm)
        else:
            url = _address("tiles.deepened", "png", version=version.id, rise_cm=rise_cm)
    smallest, largest = current_tiles().zooms(digest)
    style = sha256(repr(legend_of_version(version.layer.kind, version.facts)).encode()).hexdigest()[:8]
    return {
        "id": str(version.id),
        "type": "raster",
        "url": f"{url}?style={style}",
        "minzoom": smallest,
        "maxzoom": largest,
        "bounds": version.facts.get("bounds"),
    }


def _address(endpoint: str, ending: str, **place: Any) -> str:
    """A tile's address with {z}/{x}/{y} left open."""
    begin = url_for(endpoint, **place, z=0, x=0, y=0)
    return begin.removesuffix(f"/0/0/0.{ending}") + "/{z}/{x}/{y}." + ending


def _setup(session: Session, view: View, groups: list[tuple[str, list[Overlay]]]) -> dict[str, Any]:
    """What the page's script needs to know."""
    bounds = list(BOUNDS)
    if view.boundaries:
        bounds = _extent(session, view.boundaries, 4326)
    return {
        "bounds": bounds,
        "boundaries": _address("tiles.boundaries", "mvt", version=view.boundaries.id) if view.boundaries else None,
        # Kept by the browser for a day: names in another language are at another address.
        "places": url_for("map.places", version=view.boundaries.id, language=languages.chosen())
        if view.boundaries
        else None,
        "layers": described(groups),
        "exposure": url_for("map.exposure"),
        "search": url_for("map.search"),
        "areas": url_for("areas.show", area_id=UUID(int=0)).replace(str(UUID(int=0)), "{id}"),
        "portable": url_for("map.portable"),
        "nobody": NOBODY,
        "words": {
            "people exposed": _("people exposed"),
            "not modelled": _("not modelled"),
            "nothing found": _("No municipality has such a name."),
            "found": _("found: {count}"),
            "no webgl": _("This browser cannot draw the fast map; this is the simple one."),
            "offline": _("The server does not answer. What is shown is from {time}."),
            "zoom in": _("Zoom in"),
            "zoom out": _("Zoom out"),
            "map": _(
                "Map of the municipalities. Arrow keys move it, plus and minus zoom, "
                "Enter opens the municipality in the middle."
            ),
            "close": _("Close"),
            "decimal": languages.decimal_sign(),
            "hours": _("{hours} h ago"),
            "days": _("{days} days ago"),
        },
    }


def _extent(session: Session, version: LayerVersion, srid: int) -> list[float]:
    """Left, bottom, right, top of a version's boundaries."""
    box = session.execute(
        text(
            "SELECT ST_XMin(b), ST_YMin(b), ST_XMax(b), ST_YMax(b) FROM "
            "(SELECT ST_Extent(ST_Transform(place, :srid)) AS b FROM boundary WHERE version_id = :version) AS found"
        ),
        {"version": version.id, "srid": srid},
    ).one()
    return [float(v) for v in box] if box[0] is not None else list(BOUNDS)


def tip(row: Row) -> list[tuple[str, str]]:
    """What stands beside a municipality on the portable maps."""
    lines = [(_("People"), languages.whole(row.population))]
    if row.state == NOT_MODELLED:
        return [*lines, (_("Exposed"), _("NOT MODELLED"))]
    return [*lines, (_("Exposed"), languages.whole(row.exposed)), (_("Share"), languages.percent(row.share))]


def _cited(version: LayerVersion) -> str:
    return f"{ours(version.layer.name)}, {ours(version.producer)}, {ours(version.vintage)}"


__all__ = ["map_", "series"]
