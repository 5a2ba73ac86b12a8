"""Population tables: people by area, sex and age, from a CSV of a census or an official estimate.

prepare() runs in the sandbox; context() and load() know the database.

options.columns: code, or name where there are no codes; people; for a long table also sex and age; households.
options.figures: for a wide table, {column: "all" | "female" | "male 0-4" | "all 65+"} in place of columns.people.
options.level: municipality (default), settlement or local_community. options.crosswalk: as of municipalities, with
columns name and code, for names that are not the official ones. options.corrections: {code: people} for known errors
of a table. options.warn_share: by how much of it the sum may differ from the newest table (default 0.1).
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from foundation.errors import N_
from foundation.folding import folded
from gis.errors import (
    BadValues,
    DuplicateCodes,
    MissingColumns,
    SensitiveColumn,
    UnknownCodes,
    UnknownNames,
    WrongOption,
)
from layers import sources
from layers.areas import Area, Level
from layers.catalogue import LayerVersion
from layers.country import DOBOJ_WITHOUT_STANARI, MISPRINTS
from layers.findings import Finding, finding, listed, spans
from layers.municipalities import crosswalk_rows
from layers.people import Sex, estimates
from layers.rows import copy_rows, read_rows, write_rows
from layers.sources import Table

LEVELS = (Level.MUNICIPALITY, Level.SETTLEMENT, Level.LOCAL_COMMUNITY)
WARN_SHARE = 0.1
MOST_IN_A_HOUSEHOLD = 20
"""On average: more would be a column of something else."""

SEX_WORDS = {
    Sex.ALL: ("", "all", "total", "both", "ukupno", "svi", "oba"),
    Sex.FEMALE: ("female", "f", "women", "ž", "z", "žene", "zene", "ženski", "zenski", "žensko"),
    Sex.MALE: ("male", "m", "men", "muškarci", "muskarci", "muški", "muski", "muško"),
}
SEXES = {word: sex for sex, words in SEX_WORDS.items() for word in words}
ALL_AGES = ("", "all", "total", "ukupno", "svi")
AGES = re.compile(r"(\d{1,3})\s*(?:[-–]\s*(\d{1,3})|(\+|i više|i vise|and over))?")


class Group(NamedTuple):
    """Whom a figure counts; age_to None: and older; both None: all ages."""

    sex: Sex
    age_from: int | None
    age_to: int | None

    def __str__(self) -> str:
        if self.age_from is None:
            return self.sex.value
        return f"{self.sex.value} {self.age_from}{'+' if self.age_to is None else f'-{self.age_to}'}"


EVERYBODY = Group(Sex.ALL, None, None)
Figures = dict[str, dict[Group, float]]


def prepare(
    *, path: str, name: str, kind: str, options: dict[str, Any], context: dict[str, Any], folder: str
) -> dict[str, Any]:
    """Check the table and write its figures into the folder. Raises GisError."""
    table = sources.read_table(path, name)
    findings = list(table.findings)
    columns = options.get("columns", {})
    roles = sources.mapped(name, table.columns, columns, ("code", "name", "people", "sex", "age", "households"))
    for column in [*roles.values(), *options.get("figures", {})]:
        if sources.sensitive(column):
            raise SensitiveColumn(file=name, column=column)
    if "code" not in roles and "name" not in roles:
        raise MissingColumns(file=name, missing="code / name", columns=listed(table.columns))
    if "code" in roles:
        codes = [cell.strip() for cell in table.columns[roles["code"]]]
        _refuse_unknown(name, codes, context)
    else:
        codes, told = _codes_of_names(path, table, roles["name"], options, context)
        findings += told
    figures = _figures(table, roles, codes, options)
    findings += _correct(name, figures, options)
    findings += _misprints(figures)
    findings += _totals(figures)
    findings += _against_known(figures, options, context)
    households = _households(table, roles, codes, figures)
    write_rows(
        Path(folder) / "people.jsonl",
        (
            {
                "code": code,
                "sex": g.sex.value,
                "age_from": g.age_from,
                "age_to": g.age_to,
                "people": people,
                "households": households.get(code) if g == EVERYBODY else None,
            }
            for code, groups in figures.items()
            for g, people in groups.items()
        ),
    )
    groups = sorted({str(g) for of_area in figures.values() for g in of_area})
    people = sum(of_area.get(EVERYBODY, 0.0) for of_area in figures.values())
    facts: dict[str, Any] = {"areas": len(figures), "people": people, "groups": groups, "level": _level(options).value}
    if households:
        facts["households"] = sum(households.values())
    return {
        "crs": None,
        "resolution": None,
        "findings": findings,
        "facts": facts,
        "footprint": None,
        "files": {},
    }


# --- whose figures ---------------------------------------------------------------------------------------------------


def _level(options: Mapping[str, Any]) -> Level:
    said = options.get("level", Level.MUNICIPALITY.value)
    if said not in {level.value for level in LEVELS}:
        raise WrongOption(option="level", value=said, expected=N_("give municipality, settlement or local_community"))
    return Level(said)


def _refuse_unknown(name: str, codes: Sequence[str], context: Mapping[str, Any]) -> None:
    known = {area["code"] for area in context["areas"]}
    unknown = [f"{code or '–'} (row {row})" for row, code in enumerate(codes, 2) if code not in known]
    if unknown:
        raise UnknownCodes(file=name, codes=listed(unknown, 30))


def _codes_of_names(
    path: str, table: Table, column: str, options: Mapping[str, Any], context: Mapping[str, Any]
) -> tuple[list[str], list[Finding]]:
    """The code of each row's area by its name. A name that fits two areas fits none."""
    fitting: dict[str, set[str]] = defaultdict(set)
    for area in context["areas"]:
        for name in [area["name"], *area["names"]]:
            fitting[folded(name)].add(area["code"])
    if "crosswalk" in options:
        said = options["crosswalk"]
        rows = crosswalk_rows(path, said)
        roles = sources.mapped("crosswalk", rows[0] if rows else {}, said.get("columns", {}), ("name", "code"))
        if lacking := [r for r in ("name", "code") if r not in roles]:
            raise MissingColumns(file="crosswalk", missing=listed(lacking), columns=listed(rows[0] if rows else []))
        crossed: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            crossed[folded(row[roles["name"]])].add(row[roles["code"]])
        fitting.update(crossed)
    known = {area["code"]: area["name"] for area in context["areas"]}
    codes, lost, otherwise = [], [], []
    for number, name in enumerate(table.columns[column], 2):
        fits = fitting.get(folded(name), set()) & known.keys()
        if len(fits) != 1:
            lost.append(f"{name} (row {number}{', ' + ' / '.join(sorted(fits)) if fits else ''})")
            continue
        codes.append(fits.pop())
        if known[codes[-1]] != name.strip():
            otherwise.append(f"{name.strip()} → {known[codes[-1]]} ({codes[-1]})")
    if lost:
        raise UnknownNames(file=table.file, names=listed(lost, 50))
    text = N_("The table has no codes; its rows were matched by name.")
    findings = [finding("matched_by_name", text, count=len(codes))]
    if otherwise:
        text = N_("{count} areas are called otherwise in the table: {names}.")
        findings.append(finding("names_differ", text, count=len(otherwise), names=listed(otherwise)))
    return codes, findings


# --- figures ---------------------------------------------------------------------------------------------------------


def _figures(table: Table, roles: Mapping[str, str], codes: Sequence[str], options: Mapping[str, Any]) -> Figures:
    """The figures of each area. Raises MissingColumns, BadValues, DuplicateCodes, WrongOption."""
    wide: dict[str, Group] = {}
    for column, said in options.get("figures", {}).items():
        if column not in table.columns:
            raise MissingColumns(file=table.file, missing=column, columns=listed(table.columns))
        group = _group(*[*str(said).split(maxsplit=1), "", ""][:2])
        if group is None:
            raise WrongOption(option=f"figures.{column}", value=said, expected=N_("say for example: female 0-4"))
        wide[column] = group
    if not wide and "people" not in roles:
        raise MissingColumns(file=table.file, missing="people", columns=listed(table.columns))
    if len(set(wide.values())) < len(wide):
        raise WrongOption(option="figures", value=listed(wide), expected=N_("each group may have one column"))

    figures: Figures = {}
    bad: list[tuple[int, str, str]] = []
    twice: list[str] = []
    for i, code in enumerate(codes):
        groups: dict[str, Group | None] = dict(wide)
        if not wide:
            sex, age = (table.columns[roles[r]][i] if r in roles else "" for r in ("sex", "age"))
            group = _group(sex, age)
            groups = {roles["people"]: group}
            if group is None:
                bad.append((i + 2, f"{roles.get('sex', '')} {roles.get('age', '')}".strip(), f"{sex} {age}".strip()))
        for column, group in groups.items():
            people = table.number(table.columns[column][i])
            if not (math.isfinite(people) and people >= 0):
                bad.append((i + 2, column, table.columns[column][i].strip()))
            if group is None:
                continue
            if group in figures.setdefault(code, {}):
                twice.append(f"{code} {group if group != EVERYBODY else ''}".strip() + f" (row {i + 2})")
            figures[code][group] = people
    if bad:
        raise BadValues(file=table.file, count=len(bad), values=spans(bad, 50))
    if twice:
        raise DuplicateCodes(file=table.file, codes=listed(twice, 30))
    return figures


def _households(table: Table, roles: Mapping[str, str], codes: Sequence[str], figures: Figures) -> dict[str, float]:
    """The number of households of each area that has one. Raises BadValues where it cannot be theirs."""
    if "households" not in roles:
        return {}
    column = roles["households"]
    found: dict[str, float] = {}
    bad = []
    for row, (code, cell) in enumerate(zip(codes, table.columns[column], strict=True), 2):
        if not cell.strip():
            continue
        households = table.number(cell)
        people = figures[code].get(EVERYBODY)
        sound = math.isfinite(households) and households >= 0 and found.get(code, households) == households
        if not sound or (people is not None and not people / MOST_IN_A_HOUSEHOLD <= households <= people):
            bad.append((row, column, cell.strip()))
        found[code] = households
    if bad:
        raise BadValues(file=table.file, count=len(bad), values=spans(bad, 50))
    return found


def _group(sex: str, age: str) -> Group | None:
    """Whom the words mean; None where they mean nothing."""
    known = SEXES.get(sex.strip().casefold())
    age = age.strip().casefold()
    if known is None:
        return None
    if age in ALL_AGES:
        return Group(known, None, None)
    ages = AGES.fullmatch(age)
    if ages is None:
        return None
    first = int(ages[1])
    last = int(ages[2]) if ages[2] else None if ages[3] else first
    return None if last is not None and last < first else Group(known, first, last)


def _correct(name: str, figures: Figures, options: Mapping[str, Any]) -> list[Finding]:
    """Put the corrections that were asked for in place of the table's figures of all people."""
    corrected = []
    for code, said in options.get("corrections", {}).items():
        if code not in figures:
            raise UnknownCodes(file=name, codes=code)
        try:
            people = float(said)
        except (TypeError, ValueError):
            people = math.nan
        if not (math.isfinite(people) and people >= 0):
            raise WrongOption(option=f"corrections.{code}", value=said, expected=N_("give a number of people"))
        corrected.append(f"{code}: {figures[code].get(EVERYBODY, math.nan):g} → {people:g}")
        figures[code][EVERYBODY] = people
    if not corrected:
        return []
    text = N_("{count} figures of the table were corrected, as asked for: {figures}.")
    return [finding("corrected", text, count=len(corrected), figures=listed(corrected))]


def _misprints(figures: Figures) -> list[Finding]:
    """Known errors of published tables that nobody has corrected; their figures are kept as they came."""
    everybody = {code: groups.get(EVERYBODY) for code, groups in figures.items()}
    findings = [
        finding(
            "misprint",
            N_("{area} has {people} people here, a known misprint for {right}: correct it with {option}."),
            area=code,
            option=f"corrections.{code}",
            people=printed,
            right=right,
        )
        for code, (printed, right) in MISPRINTS.items()
        if everybody.get(code) == printed
    ]
    doboj, stanari, people, missing = DOBOJ_WITHOUT_STANARI
    if everybody.get(doboj) == people and stanari not in figures:
        text = N_("Doboj ({doboj}) has {people} people here, without Stanari ({stanari}), whose {missing} are missing.")
        findings.append(finding("without_stanari", text, doboj=doboj, stanari=stanari, people=people, missing=missing))
    return findings


def _totals(figures: Figures) -> list[Finding]:
    """Add up all people where the table has only parts of them; tell where parts and whole disagree."""
    derived, without, differing = [], [], []
    for code, groups in figures.items():
        parts = _sum_of_parts(groups)
        whole = groups.get(EVERYBODY)
        if whole is None and parts is None:
            without.append(code)
        elif whole is None:
            groups[EVERYBODY] = parts or 0.0
            derived.append(code)
        elif parts is not None and abs(parts - whole) > 0.5:
            differing.append(f"{code}: {parts:g} / {whole:g}")
    findings = []
    for name, text, items in (
        ("totals_derived", N_("{count} areas have parts only; all people are their sum."), derived),
        ("no_total", N_("{count} areas have parts that do not make up all people: {items}."), without),
        (
            "parts_differ",
            N_("In {count} areas the parts do not add up to all people (parts / all): {items}."),
            differing,
        ),
    ):
        if items:
            findings.append(finding(name, text, count=len(items), items=listed(items)))
    return findings


def _sum_of_parts(groups: Mapping[Group, float]) -> float | None:
    """People by both sexes, by all ages, or by both; None where the parts leave somebody out or count them twice."""
    by_sex = {s: _of_all_ages({g: p for g, p in groups.items() if g.sex is s}) for s in Sex}
    female, male = by_sex[Sex.FEMALE], by_sex[Sex.MALE]
    if female is not None and male is not None:
        return female + male
    return _of_all_ages({g: p for g, p in groups.items() if g.sex is Sex.ALL and g != EVERYBODY})


def _of_all_ages(groups: Mapping[Group, float]) -> float | None:
    for group, people in groups.items():
        if group.age_from is None:
            return people
    bands = sorted((g.age_from or 0, g.age_to) for g in groups)
    if not bands or bands[0][0] != 0 or bands[-1][1] is not None:
        return None
    closed = all(before[1] is not None and before[1] + 1 == after[0] for before, after in pairwise(bands))
    return sum(groups.values()) if closed else None


def _against_known(figures: Figures, options: Mapping[str, Any], context: Mapping[str, Any]) -> list[Finding]:
    """Areas without a figure, and a sum that is far off the newest tables'."""
    findings = []
    missing = [f"{a['name']} ({a['code']})" for a in context["areas"] if a["code"] not in figures]
    if missing:
        text = N_("{count} areas have no figure in the table: {names}.")
        findings.append(finding("missing_areas", text, count=len(missing), names=listed(missing)))
    newest = context.get("newest")
    try:
        most = float(options.get("warn_share", WARN_SHARE))
    except (TypeError, ValueError) as error:
        raise WrongOption(
            option="warn_share", value=options["warn_share"], expected=N_("give a share like 0.1")
        ) from error
    if not newest:
        return findings
    common = {code for code in newest["people"] if EVERYBODY in figures.get(code, {})}
    people = sum(figures[code][EVERYBODY] for code in common)
    before = sum(newest["people"][code] for code in common)
    if before and abs(people - before) > most * before:
        text = N_("The table has {people} people, {percent} % off the {before} of {table}.")
        percent = round(100 * (people - before) / before, 1)
        findings.append(
            finding("sum_differs", text, people=people, before=before, percent=percent, table=newest["table"])
        )
    return findings


# --- with the database -----------------------------------------------------------------------------------------------


def context(session: Session, version: LayerVersion) -> dict[str, Any]:
    """The areas of the table's level, and their people by the newest tables."""
    level = _level(version.options)
    areas = session.execute(
        select(Area.id, Area.code, Area.name, Area.names).where(Area.level == level).order_by(Area.code)
    ).all()
    codes = {area.id: area.code for area in areas}
    newest = {codes[area]: e for area, e in estimates(session).items() if area in codes}
    tables = {f"{e.table.layer.name} ({e.table.vintage})": None for e in newest.values()}
    return {
        "areas": [{"code": a.code, "name": a.name, "names": list(a.names.values())} for a in areas],
        "newest": {"table": "; ".join(tables), "people": {code: e.people for code, e in newest.items()}},
    }


def load(session: Session, version: LayerVersion, folder: Path, result: Mapping[str, Any]) -> None:
    """Put the figures of the folder into the database."""
    level = _level(version.options)
    ids = {code: area for code, area in session.execute(select(Area.code, Area.id).where(Area.level == level))}  # noqa: C416
    copy_rows(
        session,
        "people_figure (id, version_id, area_id, sex, age_from, age_to, people, households)",
        (
            (uuid4(), version.id, ids[r["code"]], r["sex"], r["age_from"], r["age_to"], r["people"], r["households"])
            for r in read_rows(folder / "people.jsonl")
        ),
    )
