"""A file of municipalities becomes identities and boundaries of all levels; runs in the sandbox.

options.columns: shape (its key in the crosswalk), code, name, names {language: column}, entity, canton.
options.crosswalk: {"rows": [...]} or {"hash": of a CSV that is held beside the file}, with "columns" of its own (shape,
code, name, entity, canton), which then outrank the file's.
options.rename: take the file's names for areas that are known by another one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import shapely
from numpy.typing import NDArray

from foundation.errors import N_, Marked
from gis.errors import DuplicateCodes, EmptyCode, MissingColumns, UnknownCodes, WrongOption
from layers import country, shapes, sources
from layers.areas import Level
from layers.findings import Finding, finding, listed
from layers.sources import Features, text_of

ABOVE = (Level.COUNTRY, Level.ENTITY, Level.CANTON)
LEAST_KM2 = 0.001  # overlaps and gaps below are the rounding of coordinates
ROLES = ("shape", "code", "name", "entity", "canton")
Row = dict[str, Any]


@dataclass
class Unit:
    """An area as the file has it."""

    level: Level
    code: str
    name: str
    parent: tuple[str, str] | None
    names: dict[str, str] = field(default_factory=dict)
    place: Any = None
    also_covers: list[str] = field(default_factory=list)
    item: str = field(default_factory=lambda: str(uuid4()))

    @property
    def key(self) -> tuple[str, str]:
        return self.level.value, self.code

    def row(self) -> Row:
        """As load() takes it."""
        return {
            "id": self.item,
            "level": self.level.value,
            "code": self.code,
            "name": self.name,
            "names": self.names,
            "parent": self.parent,
            "also_covers": self.also_covers,
            "area_km2": float(sources.areas_km2(np.array([self.place], dtype=object))[0])
            if self.place.geom_type != "Point"
            else None,
            "place": shapes.ewkb(self.place, 4326),
        }


@dataclass(frozen=True)
class Read:
    """What became of the file."""

    features: Features
    units: list[Unit]  # from the country down
    cities: list[dict[str, Any]]
    shapes: list[shapes.Row]
    findings: list[Finding]
    facts: dict[str, Any]
    footprint: str


def read(path: str, name: str, options: Mapping[str, Any], context: Mapping[str, Any]) -> Read:
    """The municipalities of a file with all that lies above them.

    Raises what sources.read_features does, MissingColumns, EmptyCode, DuplicateCodes, UnknownCodes, NotNearTheCountry.
    """
    features = sources.read_features(path, name, needed=N_("polygons"), options=options)
    outside = sources.beside(features, context)
    findings = [*features.findings, *sources.outside_finding(features, outside)]
    columns = options.get("columns", {})
    roles = sources.mapped(name, features.fields, columns, ROLES)
    languages = sources.mapped(name, features.fields, columns.get("names", {}), list(columns.get("names", {})))
    cells = {role: [text_of(v) for v in features.fields[column]] for role, column in roles.items()}
    received = list(cells.get("name", []))
    if "crosswalk" in options:
        findings += _cross(path, name, features, cells, options["crosswalk"])
    if "code" not in cells or "name" not in cells:
        lacking = [r for r in ("code", "name") if r not in cells]
        raise MissingColumns(file=name, missing=listed(lacking), columns=listed(features.fields))
    _refuse_codes(name, features, cells["code"])
    findings += _names(received, cells)
    municipalities = [
        Unit(
            Level.MUNICIPALITY,
            cells["code"][i],
            cells["name"][i] or cells["code"][i],
            None,
            {k: text_of(features.fields[c][i]) for k, c in languages.items() if text_of(features.fields[c][i])},
            features.geometry[i],
        )
        for i in range(len(features))
    ]
    known = {(a["level"], a["code"]): a for a in context.get("areas", [])}
    above, told = _place_in_tree(name, municipalities, cells, known)
    findings += told
    findings += _against_known(municipalities, known, options)
    findings += _missing(municipalities, known, context)
    overlaps, odd = _coverage(municipalities)
    findings += odd
    whole = shapely.union_all(np.array([u.place for u in municipalities], dtype=object))
    findings += _partial(whole, context)
    _dissolve(above, municipalities)
    cities = _cities(municipalities)
    by_band = shapes.coverages(features.geometry)
    rows = list(shapes.coverage_rows([u.item for u in municipalities], by_band))
    counts = Counter(u.level.value for u in [*above, *municipalities])
    facts = {
        "bounds": [round(float(v), 6) for v in shapely.total_bounds(features.geometry)],
        "areas": {**counts, "city": len(cities)},
        "by_entity": dict(Counter(_entity_of(u, above) for u in municipalities)),
        "area_km2": float(sources.areas_km2(features.geometry).sum()),
        "overlap_km2": overlaps,
    }
    return Read(features, [*above, *municipalities], cities, rows, findings, facts, multi_wkt(whole))


def multi_wkt(shape: Any) -> str:
    """The shape as a MULTIPOLYGON's text."""
    return str(shapely.to_wkt(shapely.MultiPolygon(shapely.get_parts(shape).tolist()), rounding_precision=7))


# --- codes and names -------------------------------------------------------------------------------------------------


def crosswalk_rows(path: str, said: Mapping[str, Any]) -> list[dict[str, str]]:
    """The rows of a crosswalk given with the options or held as a file of its own. Raises WrongOption."""
    if "rows" in said:
        return [{str(k): text_of(v) for k, v in row.items()} for row in said["rows"]]
    digest = str(said.get("hash", ""))
    held = Path(path).parent.parent / digest[:2] / digest
    if len(digest) != 64 or not digest.isalnum() or not held.is_file():
        raise WrongOption(
            option="crosswalk", value=digest or "-", expected=N_("give its rows or the hash of a held CSV")
        )
    table = sources.read_table(held, "crosswalk")
    return [dict(zip(table.columns, cells, strict=True)) for cells in zip(*table.columns.values(), strict=True)]


def _cross(
    path: str, name: str, features: Features, cells: dict[str, list[str]], said: Mapping[str, Any]
) -> list[Finding]:
    """Put the crosswalk's codes, names, entities and cantons into the cells."""
    rows = crosswalk_rows(path, said)
    if "shape" not in cells:
        raise MissingColumns(file=name, missing="shape", columns=listed(features.fields))
    columns = sources.mapped("crosswalk", rows[0] if rows else {}, said.get("columns", {}), ROLES)
    for needed in ("shape", "code"):
        if needed not in columns:
            raise MissingColumns(file="crosswalk", missing=needed, columns=listed(rows[0] if rows else []))
    by_shape = {row[columns["shape"]]: row for row in rows}
    if len(by_shape) < len(rows):
        raise DuplicateCodes(file="crosswalk", codes=_twice([row[columns["shape"]] for row in rows]))
    lost = [s for s in cells["shape"] if s not in by_shape]
    if lost:
        raise UnknownCodes(file=name, codes=listed(lost, 20))
    for role in ("code", "name", "entity", "canton"):
        if role in columns:
            cells[role] = [by_shape[s][columns[role]] for s in cells["shape"]]
    unused = [by_shape[s][columns["code"]] for s in by_shape if s not in set(cells["shape"])]
    if not unused:
        return []
    text = N_("{count} rows of the crosswalk have no polygon: {codes}.")
    return [finding("unmatched_codes", text, count=len(unused), codes=listed(unused))]


def _refuse_codes(name: str, features: Features, codes: Sequence[str]) -> None:
    for number, code in zip(features.numbers.tolist(), codes, strict=True):
        if not code:
            raise EmptyCode(file=name, where=f"#{number}")
    if twice := _twice(codes):
        raise DuplicateCodes(file=name, codes=twice)


def _twice(words: Sequence[str]) -> str:
    return listed(sorted(w for w, n in Counter(words).items() if n > 1))


def _names(received: Sequence[str], cells: Mapping[str, Sequence[str]]) -> list[Finding]:
    """Names that were corrected, and names that occur twice as received or as corrected."""
    findings = []
    corrected = [
        f"{old} → {new} ({code})"
        for old, new, code in zip(received, cells["name"], cells["code"], strict=bool(received))
        if old != new
    ]
    if corrected:
        text = N_("{count} names of the file were corrected by the crosswalk: {names}.")
        findings.append(finding("names_corrected", text, count=len(corrected), names=listed(corrected)))
    for names, text in (
        (received, N_("The file has these names more than once: {names}.")),
        (cells["name"], N_("These names stand for more than one area: {names}.")),
    ):
        codes = defaultdict(list)
        for name, code in zip(names, cells["code"], strict=bool(names)):
            codes[name].append(code)
        twice = [f"{n} ({', '.join(c)})" for n, c in sorted(codes.items()) if len(c) > 1]
        if twice:
            findings.append(finding("names_twice", text, count=len(twice), names=listed(twice)))
        if received == cells["name"]:
            break
    return findings


# --- the tree --------------------------------------------------------------------------------------------------------


def _place_in_tree(
    name: str,
    municipalities: Sequence[Unit],
    cells: Mapping[str, Sequence[str]],
    known: Mapping[tuple[str, str], Row],
) -> tuple[list[Unit], list[Finding]]:
    """The units above, each municipality's parent set: as the file says, else as known, else by the code's digit."""
    top = Unit(Level.COUNTRY, country.COUNTRY.code, country.COUNTRY.name, None, country.COUNTRY.names)
    above = {top.key: top}
    renamed: dict[str, str] = {}
    odd: dict[str, list[str]] = defaultdict(list)

    def unit(level: Level, code: str, called: str, names: dict[str, str], parent: tuple[str, str]) -> tuple[str, str]:
        made = Unit(level, code, called, parent, names)
        found = above.setdefault(made.key, made)
        if found.parent != parent:
            odd["canton_in_two_entities"].append(called)
        return found.key

    for i, one in enumerate(municipalities):
        said = cells.get("entity", [""] * len(municipalities))[i]
        chain = _known_chain(one, known)
        entity = country.entity(said)
        if said and entity is None:
            odd["unknown_entity"].append(f"{said} ({one.code})")
        if entity is None and chain:
            one.parent = _add_chain(above, chain)
        else:
            entity = entity or country.entity(one.code)
            if entity is None:
                odd["no_entity"].append(f"{one.name} ({one.code})")
                one.parent = top.key
            else:
                one.parent = unit(Level.ENTITY, entity.code, entity.name, entity.names, top.key)
        if said := cells.get("canton", [""] * len(municipalities))[i]:
            canton = country.canton(said)
            if canton is None or entity != country.ENTITIES["1"]:
                odd["unknown_canton"].append(f"{said} ({one.code})")
            else:
                one.parent = unit(Level.CANTON, canton.code, canton.name, canton.names, one.parent)
                if said.casefold() in country.OLD_CANTON_NAMES:
                    renamed[said] = canton.name
        elif one.parent == (Level.ENTITY.value, country.ENTITIES["1"].code):
            known_canton = next((a for a in chain if a["level"] == Level.CANTON.value), None)
            if known_canton:
                one.parent = _add_chain(above, chain)
            else:
                odd["no_canton"].append(f"{one.name} ({one.code})")
    findings = []
    if renamed:
        text = N_("{count} cantons have an older name in the file; today's was taken: {names}.")
        pairs = [f"{old} → {new}" for old, new in sorted(renamed.items())]
        findings.append(finding("cantons_renamed", text, count=len(pairs), names=listed(pairs)))
    for code, text in (
        ("unknown_entity", N_("{count} entities are not known and were not used: {names}.")),
        ("no_entity", N_("{count} municipalities have no entity, neither in the file nor by their code: {names}.")),
        ("unknown_canton", N_("{count} cantons are not known, or not of the Federation, and were not used: {names}.")),
        ("no_canton", N_("{count} municipalities of the Federation have no canton: {names}.")),
        ("canton_in_two_entities", N_("{count} units have more than one parent; the first was taken: {names}.")),
    ):
        if odd[code]:
            findings.append(finding(code, text, count=len(odd[code]), names=listed(odd[code])))
    order = list(ABOVE)
    return sorted(above.values(), key=lambda u: (order.index(u.level), u.code)), findings


def _known_chain(one: Unit, known: Mapping[tuple[str, str], Row]) -> list[Row]:
    """The known areas above, nearest first."""
    chain = []
    at = known.get(one.key)
    while at and at.get("parent"):
        at = known.get((at["parent"][0], at["parent"][1]))
        if at:
            chain.append(at)
    return chain


def _add_chain(above: dict[tuple[str, str], Unit], chain: Sequence[Row]) -> tuple[str, str]:
    parent = None
    for area in reversed(chain):
        unit = Unit(Level(area["level"]), area["code"], area["name"], parent)
        parent = above.setdefault(unit.key, unit).key
    assert parent is not None  # noqa: S101  the chain is not empty
    return parent


def _entity_of(one: Unit, above: Sequence[Unit]) -> str:
    units = {u.key: u for u in above}
    at: Unit | None = one
    while at is not None and at.level is not Level.ENTITY:
        at = units.get(at.parent) if at.parent else None
    return at.code if at else "-"


def _against_known(
    municipalities: Sequence[Unit], known: Mapping[tuple[str, str], Row], options: Mapping[str, Any]
) -> list[Finding]:
    """Codes that are new here, and names that differ from those by which the areas are known."""
    findings = []
    before = [a for a in known.values() if a["level"] == Level.MUNICIPALITY.value]
    new = [f"{u.name} ({u.code})" for u in municipalities if u.key not in known]
    if before and new:
        text = N_("{count} municipalities are new here; look whether their codes are right: {names}.")
        findings.append(finding("new_areas", text, count=len(new), names=listed(new)))
    differing = [
        f"{known[u.key]['name']} / {u.name} ({u.code})"
        for u in municipalities
        if u.key in known and known[u.key]["name"] != u.name
    ]
    if differing:
        text = (
            N_("{count} municipalities took the file's name: {names}.")
            if options.get("rename")
            else N_("{count} municipalities are known by another name and keep it: {names}.")
        )
        findings.append(finding("names_differ", text, count=len(differing), names=listed(differing)))
    return findings


def _missing(
    municipalities: Sequence[Unit], known: Mapping[tuple[str, str], Row], context: Mapping[str, Any]
) -> list[Finding]:
    """Municipalities without a polygon; where it is known whose polygon has their land, that one also covers them."""
    by_code = {u.code: u for u in municipalities}
    without = {code: a for (level, code), a in known.items() if level == Level.MUNICIPALITY and code not in by_code}
    before = {
        m["code"]: shapely.from_wkb(m["place"]) for m in context.get("municipalities", []) if m["code"] in without
    }
    told, lost = [], []
    for code, area in without.items():
        host = by_code.get(country.LEFT.get(area["name"], "")) or _host(before.get(code), municipalities)
        if host is None:
            lost.append(f"{area['name']} ({code})")
        else:
            host.also_covers.append(code)
            told.append(f"{area['name']} ({code}) → {host.name} ({host.code})")
    names = {u.name for u in municipalities} | {a["name"] for a in without.values()}
    for name, code in country.LEFT.items():
        if name not in names and code in by_code:
            told.append(f"{name} → {by_code[code].name} ({code})")
    findings = []
    if told:
        text = N_("{count} municipalities have no polygon of their own; their land lies in another's: {names}.")
        findings.append(finding("covered_by_another", text, count=len(told), names=listed(told)))
    if lost:
        text = N_("{count} municipalities that are known here are missing in the file: {names}.")
        findings.append(finding("missing_areas", text, count=len(lost), names=listed(lost)))
    return findings


def _host(place: Any, municipalities: Sequence[Unit]) -> Unit | None:
    """Whose polygon has more than half of the place."""
    if place is None or place.area == 0:
        return None
    shares = shapely.area(shapely.intersection(place, np.array([u.place for u in municipalities], dtype=object)))
    best = int(np.argmax(shares))
    return municipalities[best] if shares[best] > place.area / 2 else None


def _dissolve(above: Sequence[Unit], municipalities: Sequence[Unit]) -> None:
    units = {u.key: u for u in above}
    members: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for one in municipalities:
        at = one.parent
        while at is not None:
            members[at].append(one.place)
            at = units[at].parent
    for unit in above:
        unit.place = shapely.union_all(np.array(members[unit.key], dtype=object))


def _cities(municipalities: Sequence[Unit]) -> list[dict[str, Any]]:
    present = {u.code for u in municipalities}
    return [
        {"code": c.code, "name": c.name, "names": c.names, "members": list(c.members)}
        for c in country.CITIES
        if present.issuperset(c.members)
    ]


# --- overlaps, gaps, coverage ----------------------------------------------------------------------------------------


def _coverage(municipalities: Sequence[Unit]) -> tuple[float, list[Finding]]:
    """(km² of overlaps, findings about overlaps and gaps): how large, between whom, where."""
    places: NDArray[np.object_] = np.array([u.place for u in municipalities], dtype=object)
    labels = [f"{u.name} ({u.code})" for u in municipalities]
    findings = []
    left, right = shapely.STRtree(places).query(places, predicate="intersects")
    pairs = left < right
    left, right = left[pairs], right[pairs]
    shared = np.array([_areal(s) for s in shapely.intersection(places[left], places[right])], dtype=object)
    overlapping = _told(shared, [f"{labels[i]} / {labels[j]}" for i, j in zip(left, right, strict=True)])
    total = sum(km2 for km2, _ in overlapping)
    if overlapping:
        text = N_("{count} overlaps between municipalities, {km2} km² together: {where}.")
        findings.append(_told_finding("overlaps", text, overlapping))
    whole = shapely.union_all(places)
    holes = [
        shapely.Polygon(ring) for part in shapely.get_parts(whole) for ring in shapely.get_rings(part)[1:]
    ]  # an enclave that is abroad would be one, too: that is for whoever reads the finding
    tree = shapely.STRtree(places)
    around = [" / ".join(labels[i] for i in sorted(tree.query(hole, predicate="intersects"))) for hole in holes]
    gaps = _told(np.array(holes, dtype=object), around)
    if gaps:
        text = N_("{count} gaps between municipalities, {km2} km² together: {where}.")
        findings.append(_told_finding("gaps", text, gaps))
    return float(total), findings


def _areal(shape: Any) -> Any:
    parts = [p for p in shapely.get_parts(shape) if p.geom_type == "Polygon"]
    if shape.geom_type == "GeometryCollection":
        parts += [q for p in shapely.get_parts(shape) for q in shapely.get_parts(p) if q.geom_type == "Polygon"]
    return shapely.MultiPolygon(parts) if len(parts) < 2 else shapely.union_all(parts)


def _told(places: NDArray[np.object_], whose: Sequence[str]) -> list[tuple[float, str]]:
    """(km², sentence) of those that are large enough to matter, the largest first."""
    if not len(places):
        return []
    found = []
    for place, km2, who in zip(places, sources.areas_km2(places).tolist(), whose, strict=True):
        if km2 >= LEAST_KM2:
            at = place.representative_point()
            found.append((km2, f"{who}, {km2:.3f} km², {at.x:.4f} {at.y:.4f}"))
    return sorted(found, reverse=True)


def _told_finding(code: str, text: Marked, told: Sequence[tuple[float, str]]) -> Finding:
    where = "; ".join(sentence for _, sentence in told[:50]) + (f"; … (+{len(told) - 50})" if len(told) > 50 else "")
    return finding(code, text, count=len(told), km2=round(sum(km2 for km2, _ in told), 3), where=where)


def _partial(whole: Any, context: Mapping[str, Any]) -> list[Finding]:
    """How much of the country as it is known lies in no municipality of the file."""
    if not context.get("country"):
        return []
    known = shapely.from_wkb(context["country"])
    share = float(shapely.intersection(known, whole).area / known.area)
    if share > 0.99:
        return []
    text = N_("The file covers {percent} % of the country as it is known here.")
    return [finding("partial_coverage", text, percent=round(100 * share, 1))]
