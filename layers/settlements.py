"""A file of settlements or local communities (mjesne zajednice) becomes identities below the municipalities.

options.level: settlement (default) or local_community. options.columns: code, name, names {language: column},
municipality (its official code). Where the file does not say the municipality, the place says it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
import shapely

from foundation.errors import N_
from gis.errors import DuplicateCodes, EmptyCode, MissingColumns, NoMunicipality, WrongOption
from layers import shapes, sources
from layers.areas import Level
from layers.findings import finding, listed
from layers.municipalities import Read, Unit, multi_wkt
from layers.sources import POINT, text_of

ROLES = ("code", "name", "municipality")


def read(path: str, name: str, options: Mapping[str, Any], context: Mapping[str, Any]) -> Read:
    """The settlements of a file, each in its municipality; those in none are left out and told.

    Raises what sources.read_features does, MissingColumns, EmptyCode, DuplicateCodes, WrongOption, NotNearTheCountry,
    NoMunicipality.
    """
    level = _level(options)
    features = sources.read_features(path, name, needed=N_("points or polygons"), options=options)
    sources.beside(features, context)
    columns = options.get("columns", {})
    roles = sources.mapped(name, features.fields, columns, ROLES)
    if lacking := [r for r in ("code", "name") if r not in roles]:
        raise MissingColumns(file=name, missing=listed(lacking), columns=listed(features.fields))
    languages = sources.mapped(name, features.fields, columns.get("names", {}), list(columns.get("names", {})))
    codes = [text_of(v) for v in features.fields[roles["code"]]]
    for number, code in zip(features.numbers.tolist(), codes, strict=True):
        if not code:
            raise EmptyCode(file=name, where=f"#{number}")
    if twice := sorted(c for c, n in Counter(codes).items() if n > 1):
        raise DuplicateCodes(file=name, codes=listed(twice))

    findings = list(features.findings)
    said = (
        [text_of(v) for v in features.fields[roles["municipality"]]] if "municipality" in roles else [""] * len(codes)
    )
    known = {a["code"] for a in context.get("areas", []) if a["level"] == Level.MUNICIPALITY.value}
    if unmatched := sorted({s for s in said if s and s not in known}):
        text = N_("{count} codes of municipalities are not known; the place was used instead: {codes}.")
        findings.append(finding("unmatched_codes", text, count=len(unmatched), codes=listed(unmatched)))
    by_place = _municipality_by_place(features, context)
    parents = [s if s in known else p for s, p in zip(said, by_place, strict=True)]
    hosts = {m["code"]: {m["code"], *m.get("also_covers", [])} for m in context.get("municipalities", [])}
    elsewhere = [
        f"{codes[i]} ({said[i]}, {by_place[i]})"
        for i in range(len(codes))
        if said[i] in known and by_place[i] and said[i] not in hosts[by_place[i]]
    ]
    if elsewhere:
        text = N_("{count} settlements lie in another municipality than the file says; the file was followed: {names}.")
        findings.append(finding("another_municipality", text, count=len(elsewhere), names=listed(elsewhere, 20)))

    kept = np.array([bool(p) for p in parents])
    if not kept.any():
        raise NoMunicipality(file=name)
    if not kept.all():
        text = N_("{count} of {all} places lie in no municipality known here and were left out: {numbers}.")
        numbers = listed(features.numbers[~kept].tolist(), 20)
        findings.append(finding("outside_country", text, count=int((~kept).sum()), all=len(features), numbers=numbers))
    units = [
        Unit(
            level,
            codes[i],
            text_of(features.fields[roles["name"]][i]) or codes[i],
            (Level.MUNICIPALITY.value, parents[i]),
            {k: text_of(features.fields[c][i]) for k, c in languages.items() if text_of(features.fields[c][i])},
            features.geometry[i],
        )
        for i in np.flatnonzero(kept).tolist()
    ]
    unnamed = [u.code for u in units if u.name == u.code]
    if unnamed:
        text = N_("{count} settlements have no name and are called by their code: {codes}.")
        findings.append(finding("no_name", text, count=len(unnamed), codes=listed(unnamed, 20)))
    findings += _names_twice(units)
    features = features.keep(kept)
    points = shapely.get_type_id(features.geometry) == POINT
    items = [u.item for u in units]
    rows = list(
        shapes.point_rows(
            [i for i, p in zip(items, points, strict=True) if p],
            features.geometry[points],
            np.arange(int(points.sum())),
        )
    )
    rows += shapes.rows([i for i, p in zip(items, points, strict=True) if not p], features.geometry[~points])
    facts = {
        "bounds": [round(float(v), 6) for v in shapely.total_bounds(features.geometry)],
        "areas": {level.value: len(units)},
        "points": int(points.sum()),
    }
    whole = "" if points.any() else multi_wkt(shapely.union_all(features.geometry))
    return Read(features, units, [], rows, findings, facts, whole)


def _level(options: Mapping[str, Any]) -> Level:
    said = options.get("level", Level.SETTLEMENT.value)
    if said not in (Level.SETTLEMENT.value, Level.LOCAL_COMMUNITY.value):
        raise WrongOption(option="level", value=said, expected=N_("give settlement or local_community"))
    return Level(said)


def _municipality_by_place(features: sources.Features, context: Mapping[str, Any]) -> list[str]:
    """For each feature the code of the municipality that its point, or a point within it, lies in; else empty."""
    around = context.get("municipalities", [])
    found = [""] * len(features)
    if not around:
        return found
    tree = shapely.STRtree([shapely.from_wkb(m["place"]) for m in around])
    at, inside = tree.query(shapely.point_on_surface(features.geometry), predicate="intersects")
    for i, j in zip(at.tolist(), inside.tolist(), strict=True):
        found[i] = found[i] or around[j]["code"]
    return found


def _names_twice(units: list[Unit]) -> list[dict[str, Any]]:
    codes = defaultdict(list)
    for unit in units:
        if unit.name != unit.code:
            codes[unit.parent, unit.name].append(unit.code)
    twice = [f"{name} ({', '.join(c)})" for (_, name), c in sorted(codes.items(), key=str) if len(c) > 1]
    if not twice:
        return []
    text = N_("{count} names stand for more than one settlement of the same municipality: {names}.")
    return [finding("names_twice", text, count=len(twice), names=listed(twice, 50))]
