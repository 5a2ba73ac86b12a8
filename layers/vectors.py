"""Vector layers: from an untrusted file to areas with boundaries, or to features, with shapes for the map.

prepare() runs in the sandbox and leaves rows in a folder; context() and load() know the database.

Options of all kinds: layer (of several in the file), crs (where the file has none), only {column: [values]}, columns.
Municipalities and settlements have their own (layers/municipalities.py, layers/settlements.py). Features: columns
name, category, value, and x, y of a CSV; category (one for all); properties (the columns to keep, default all).
Flood extents also: footprint, the area that was examined: a WKT in degrees, or "hull" for the hull of the polygons.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import shapely
from sqlalchemy import select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from foundation.errors import N_
from gis.errors import BadValues, MissingColumns, WrongOption
from layers import fires, municipalities, settlements, shapes, sources
from layers.areas import Area, CityMember, Level, boundaries
from layers.catalogue import Kind, LayerVersion, shown
from layers.findings import Finding, finding, listed, spans
from layers.rows import copy_rows, read_rows, write_rows
from layers.sandbox import tell_progress
from layers.sources import LINE, MULTILINE, POINT, Features, text_of

AREAS = {Kind.MUNICIPALITIES: municipalities.read, Kind.SETTLEMENTS: settlements.read}
NEEDED = {
    Kind.FLOOD_EXTENT: N_("polygons"),
    Kind.ACTIVE_FIRES: N_("points"),
    Kind.FACILITIES: N_("points or polygons"),
    Kind.ROADS: N_("lines"),
    Kind.RIVERS: N_("lines"),
    Kind.VETO_AREAS: N_("polygons"),
}
NEEDED_COLUMNS = {Kind.FACILITIES: ("category",)}
Result = dict[str, Any]


# --- in the sandbox --------------------------------------------------------------------------------------------------


def prepare(
    *, path: str, name: str, kind: str, options: dict[str, Any], context: dict[str, Any], folder: str
) -> Result:
    """Check the file and write its rows into the folder; what is to be told of it. Raises GisError."""
    if Kind(kind) in AREAS:
        return _prepare_areas(path, name, Kind(kind), options, context, Path(folder))
    return _prepare_features(path, name, Kind(kind), options, context, Path(folder))


def _prepare_areas(
    path: str, name: str, kind: Kind, options: dict[str, Any], context: dict[str, Any], folder: Path
) -> Result:
    read = AREAS[kind](path, name, options, context)
    tell_progress(0.8)
    write_rows(folder / "areas.jsonl", (u.row() for u in read.units))
    write_rows(folder / "cities.jsonl", read.cities)
    write_rows(folder / "shapes.jsonl", read.shapes)
    return {
        "crs": read.features.crs,
        "resolution": None,
        "findings": read.findings,
        "facts": read.facts,
        "footprint": read.footprint or None,
        "files": {},
    }


def _prepare_features(
    path: str, name: str, kind: Kind, options: dict[str, Any], context: dict[str, Any], folder: Path
) -> Result:
    features = sources.read_features(path, name, needed=NEEDED[kind], options=options)
    tell_progress(0.4)
    outside = sources.beside(features, context)
    findings = [*features.findings, *sources.outside_finding(features, outside)]
    if kind is Kind.ACTIVE_FIRES:
        rows, told = _fire_rows(features)
    else:
        rows, told = _feature_rows(features, kind, options)
    findings += told
    values = np.array([math.nan if r["value"] is None else r["value"] for r in rows])
    write_rows(folder / "items.jsonl", rows)
    tell_progress(0.6)
    items = [r["id"] for r in rows]
    points = shapely.get_type_id(features.geometry) == POINT
    # The strongest fires first, so that they are the ones that are seen from afar.
    order = np.argsort(-np.nan_to_num(values[points]), kind="stable")
    write_rows(
        folder / "shapes.jsonl",
        [
            *shapes.point_rows([i for i, p in zip(items, points, strict=True) if p], features.geometry[points], order),
            *shapes.rows([i for i, p in zip(items, points, strict=True) if not p], features.geometry[~points]),
        ],
    )
    footprint, told = _footprint(features, kind, options, context)
    facts: dict[str, Any] = {
        "features": len(features),
        "outside_country": int(outside.sum()),
        "bounds": [round(float(v), 6) for v in shapely.total_bounds(features.geometry)],
        "by_category": dict(Counter(r["category"] or "" for r in rows).most_common(50)),
    }
    if np.isfinite(values).any():
        facts["values"] = [float(np.nanmin(values)), float(np.nanmax(values))]
    if kind is Kind.ACTIVE_FIRES:
        facts["observed"] = [min(r["observed_at"] for r in rows), max(r["observed_at"] for r in rows)]
    kinds = shapely.get_type_id(features.geometry)
    if np.isin(kinds, (LINE, MULTILINE)).any():
        in_metres = sources.moved(name, features.geometry, sources.WGS84, sources.EQUAL_AREA)
        facts["length_km"] = float(shapely.length(in_metres).sum() / 1000)
    elif not points.any():
        facts["area_km2"] = float(sources.areas_km2(features.geometry).sum())
    return {
        "crs": features.crs,
        "resolution": None,
        "findings": [*findings, *told],
        "facts": facts,
        "footprint": footprint,
        "files": {},
    }


def _fire_rows(features: Features) -> tuple[list[dict[str, Any]], list[Finding]]:
    found, findings = fires.fires(features)
    return [
        {
            "id": str(uuid4()),
            "number": number,
            "name": None,
            "category": fire.sensor,
            "value": fire.radiative_power_mw,
            "observed_at": fire.observed_at.isoformat(),
            "properties": fire.properties,
            "place": shapes.ewkb(place, 4326),
        }
        for number, fire, place in zip(features.numbers.tolist(), found, features.geometry, strict=True)
    ], findings


def _feature_rows(
    features: Features, kind: Kind, options: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], list[Finding]]:
    columns = options.get("columns", {})
    roles = sources.mapped(features.file, features.fields, columns, ("name", "category"))
    if "value" in columns:  # many files have a column of that name that holds words
        roles["value"] = str(columns["value"])
    lacking = [r for r in NEEDED_COLUMNS.get(kind, ()) if r not in roles and not options.get(r)]
    if lacking:
        raise MissingColumns(file=features.file, missing=listed(lacking), columns=listed(features.fields))
    findings = []
    kept = [
        c for c in _wanted(features, options) if c not in roles.values() and not sources.sensitive(c)
    ]  # what tells of ethnicity is not even read further
    hidden = [c for c in _wanted(features, options) if sources.sensitive(c)]
    if hidden:
        text = N_("{count} columns that tell of ethnicity, faith or language were left out: {columns}.")
        findings.append(finding("columns_left_out", text, count=len(hidden), columns=listed(hidden)))
    values = _values(features, roles.get("value"))
    names = [text_of(v) for v in features.fields[roles["name"]]] if "name" in roles else [""] * len(features)
    categories = (
        [text_of(v) for v in features.fields[roles["category"]]]
        if "category" in roles
        else [str(options.get("category") or "")] * len(features)
    )
    if kind in NEEDED_COLUMNS and (empty := [n for n, c in zip(features.numbers, categories, strict=True) if not c]):
        text = N_("{count} features have no category: {numbers}.")
        findings.append(finding("no_category", text, count=len(empty), numbers=listed(empty, 20)))
    if kind is Kind.FACILITIES and (unnamed := sum(not n for n in names)):
        text = N_("{count} of {all} facilities have no name.")
        findings.append(finding("no_name", text, count=unnamed, all=len(names)))
    rows = []
    for i, (number, place) in enumerate(zip(features.numbers.tolist(), features.geometry, strict=True)):
        properties = {c: sources.plain(features.fields[c][i]) for c in kept}
        rows.append(
            {
                "id": str(uuid4()),
                "number": number,
                "name": names[i] or None,
                "category": categories[i] or None,
                "value": values[i],
                "observed_at": None,
                "properties": {c: v for c, v in properties.items() if v is not None and v != ""},
                "place": shapes.ewkb(place, 4326),
            }
        )
    return rows, findings


def _wanted(features: Features, options: Mapping[str, Any]) -> list[str]:
    said = options.get("properties")
    if said is None:
        return list(features.fields)
    return list(sources.mapped(features.file, features.fields, {c: c for c in said}, list(said)))


def _values(features: Features, column: str | None) -> list[float | None]:
    if column is None:
        return [None] * len(features)
    found: list[float | None] = []
    bad = []
    for number, cell in zip(features.numbers.tolist(), features.column(column), strict=True):
        text = text_of(cell)
        try:
            value = float(text) if text else None
        except ValueError:
            value = math.nan
        if value is not None and not math.isfinite(value):
            bad.append((number, column, text))
        found.append(value)
    if bad:
        raise BadValues(file=features.file, count=len(bad), values=spans(bad, 50))
    return found


def _footprint(
    features: Features, kind: Kind, options: Mapping[str, Any], context: Mapping[str, Any]
) -> tuple[str | None, list[Finding]]:
    """(the area in which a place without a polygon is known to be dry, what to say of it)."""
    if kind is not Kind.FLOOD_EXTENT:
        return None, []
    said = options.get("footprint")
    if not said:
        text = N_(
            "The file does not say which area was examined; outside its polygons nobody is known to be safe, and no "
            "municipality counts as covered. Give the footprint."
        )
        return None, [finding("footprint_unknown", text)]
    if said == "hull":
        area = shapely.convex_hull(shapely.union_all(features.geometry))
    else:
        try:
            area = shapely.from_wkt(said)
        except (shapely.errors.GEOSException, TypeError) as error:
            raise WrongOption(
                option="footprint", value=str(said)[:40], expected=N_("give a WKT polygon or hull")
            ) from error
    if area is None or area.geom_type not in ("Polygon", "MultiPolygon") or area.is_empty or not area.is_valid:
        raise WrongOption(option="footprint", value=str(said)[:40], expected=N_("give a WKT polygon or hull"))
    findings = []
    beyond = int((~shapely.covered_by(features.geometry, shapely.buffer(area, 1e-6))).sum())
    if beyond:
        text = N_("{count} flooded polygons reach beyond the footprint.")
        findings.append(finding("beyond_footprint", text, count=beyond))
    partly = []
    for one in context.get("municipalities", []):
        place = shapely.from_wkb(one["place"])
        if area.intersects(place) and not area.covers(place):
            partly.append(f"{one['name']} ({one['code']})")
    if partly:
        text = N_("{count} municipalities are covered in part only: {names}.")
        findings.append(finding("partial_coverage", text, count=len(partly), names=listed(partly)))
    return municipalities.multi_wkt(area), findings


# --- with the database -----------------------------------------------------------------------------------------------


def context(session: Session, version: LayerVersion) -> dict[str, Any]:
    """What prepare() must know: the areas with their parents, the municipalities' boundaries, the country's outline."""
    kind = version.layer.kind
    found: dict[str, Any] = {"country": None}
    best = next((v for v in shown(session, Kind.MUNICIPALITIES) if v.id != version.id), None)
    if best is not None:
        whole = boundaries(session, best.id, Level.COUNTRY)
        found["country"] = shapely.to_wkb(whole.geometry[0], hex=True) if len(whole.geometry) else None
        if kind in (Kind.MUNICIPALITIES, Kind.SETTLEMENTS, Kind.FLOOD_EXTENT):
            parts = boundaries(session, best.id, Level.MUNICIPALITY)
            inside = {i for ids in parts.also_covers for i in ids}
            codes = {i: code for i, code in session.execute(select(Area.id, Area.code).where(Area.id.in_(inside)))}  # noqa: C416
            found["municipalities"] = [
                {"code": code, "name": name, "place": place, "also_covers": [codes[i] for i in also]}
                for code, name, place, also in zip(
                    parts.codes,
                    parts.names,
                    shapely.to_wkb(parts.geometry, hex=True).tolist(),
                    parts.also_covers,
                    strict=True,
                )
            ]
    if kind in AREAS:
        found["areas"] = known_areas(session)
    return found


def known_areas(session: Session) -> list[dict[str, Any]]:
    """The areas down to the municipalities, each with its parent's level and code."""
    rows = session.execute(
        select(Area.id, Area.level, Area.code, Area.name, Area.parent_id)
        .where(Area.level.in_([Level.COUNTRY, Level.ENTITY, Level.CANTON, Level.MUNICIPALITY]))
        .order_by(Area.level, Area.code)
    ).all()
    keys = {row.id: (row.level.value, row.code) for row in rows}
    return [{"level": r.level.value, "code": r.code, "name": r.name, "parent": keys.get(r.parent_id)} for r in rows]


def load(session: Session, version: LayerVersion, folder: Path, result: Mapping[str, Any]) -> None:
    """Put the rows of the folder into the database. Areas keep their id; a new code is a new area."""
    if version.layer.kind in AREAS:
        _load_areas(session, version, folder)
    else:
        columns = ("number", "name", "category", "value", "observed_at")
        copy_rows(
            session,
            "feature (id, version_id, number, name, category, value, observed_at, properties, place)",
            (
                (r["id"], version.id, *(r[c] for c in columns), json.dumps(r["properties"]), r["place"])
                for r in read_rows(folder / "items.jsonl")
            ),
        )
    copy_rows(
        session,
        "shape (item_id, min_zoom, max_zoom, version_id, place)",
        ((r["item"], r["min_zoom"], r["max_zoom"], version.id, r["place"]) for r in read_rows(folder / "shapes.jsonl")),
    )


def _load_areas(session: Session, version: LayerVersion, folder: Path) -> None:
    rename = bool(version.options.get("rename"))
    by_level: dict[Level, list[dict[str, Any]]] = {}
    for row in read_rows(folder / "areas.jsonl"):
        by_level.setdefault(Level(row["level"]), []).append(row)
    ids: dict[tuple[str, str], UUID] = {}
    for level, rows in by_level.items():
        keys = {(r["parent"][0], r["parent"][1]) for r in rows if r["parent"]} - ids.keys()
        if keys:
            ids |= _ids(session, keys)
        ids |= _settle(session, level, rows, ids, rename=rename)
    municipal = {code for rows in by_level.values() for r in rows for code in r["also_covers"]}
    ids |= _ids(session, {(Level.MUNICIPALITY.value, code) for code in municipal})
    copy_rows(
        session,
        "boundary (id, version_id, area_id, also_covers, area_km2, place)",
        (
            (
                r["id"],
                version.id,
                ids[r["level"], r["code"]],
                [str(ids[Level.MUNICIPALITY.value, code]) for code in r["also_covers"]],
                r["area_km2"],
                r["place"],
            )
            for rows in by_level.values()
            for r in rows
        ),
    )
    cities = list(read_rows(folder / "cities.jsonl"))
    found = _settle(session, Level.CITY, [{**c, "parent": None} for c in cities], ids, rename=rename)
    for city in cities:
        members = [
            {"city_id": found[Level.CITY.value, city["code"]], "municipality_id": ids[Level.MUNICIPALITY.value, m]}
            for m in city["members"]
        ]
        session.execute(insert(CityMember).on_conflict_do_nothing(), members)
    session.flush()


def _settle(
    session: Session,
    level: Level,
    rows: list[dict[str, Any]],
    ids: Mapping[tuple[str, str], UUID],
    *,
    rename: bool,
) -> dict[tuple[str, str], UUID]:
    """The areas of one level: those that are known keep their id (and name), the others are made."""
    if not rows:
        return {}
    made = [
        {
            "id": uuid4(),
            "level": level,
            "code": r["code"],
            "name": r["name"],
            "names": r["names"],
            "parent_id": ids[r["parent"][0], r["parent"][1]] if r["parent"] else None,
        }
        for r in rows
    ]
    session.execute(insert(Area).on_conflict_do_nothing(index_elements=["level", "code"]), made)
    known = {
        area.code: area
        for area in session.execute(
            select(Area.id, Area.code, Area.name, Area.names, Area.parent_id).where(
                Area.level == level, Area.code.in_([r["code"] for r in rows])
            )
        )
    }
    for new in made:
        old = known[new["code"]]
        changes: dict[str, Any] = {}
        if new["parent_id"] is not None and old.parent_id != new["parent_id"]:
            changes["parent_id"] = new["parent_id"]
        if rename and old.name != new["name"]:
            changes["name"] = new["name"]
        if extra := {k: v for k, v in new["names"].items() if k not in old.names or (rename and old.names[k] != v)}:
            changes["names"] = {**old.names, **extra}
        if changes:
            session.execute(update(Area).where(Area.id == old.id).values(**changes))
    return {(level.value, code): area.id for code, area in known.items()}


def _ids(session: Session, keys: set[tuple[str, str]]) -> dict[tuple[str, str], UUID]:
    rows = session.execute(
        select(Area.level, Area.code, Area.id).where(
            tuple_(Area.level, Area.code).in_([(Level(level), code) for level, code in keys])
        )
    )
    return {(level.value, code): area for level, code, area in rows}
