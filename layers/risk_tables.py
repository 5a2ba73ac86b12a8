"""A published table of the risk index, as a CSV: one column for each indicator, or one row for each number.

options, wide: {"columns": {"code": …}, "indicators": {column: indicator}}; long: {"columns": {"code": …, "indicator":
…, "value": …}, "indicators": {what the table calls it: indicator}}, where one that is not named here must be called by
its code. In place of code, name. An empty cell is missing, never nought.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from foundation.errors import N_
from foundation.folding import folded
from gis.errors import MissingColumns, SensitiveColumn
from layers import sources
from layers.catalogue import Method
from layers.errors import FileTooLarge
from layers.findings import Finding, finding, listed
from layers.risk_errors import NothingMapped, WrongRiskTable
from layers.riskindex import RiskIndicator, Taken
from layers.sources import Table

MOST_BYTES: Final = 5_000_000
MOST_NAMED: Final = 30


@dataclass
class _Problems:
    unknown: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def raise_any(self, file: str) -> None:
        if any((self.unknown, self.twice, self.bad, self.strangers)):
            said = {key: listed(found, MOST_NAMED) or "–" for key, found in vars(self).items()}
            raise WrongRiskTable(file=file, **said)


@dataclass(frozen=True)
class Place:
    """An area that a row may be about."""

    id: UUID
    code: str
    names: Sequence[str]


@dataclass(frozen=True)
class Read:
    """What a table says, and what is odd about it."""

    taken: list[Taken]
    findings: list[Finding]


def read_values(
    path: Path,
    file: str,
    *,
    places: Collection[Place],
    indicators: Collection[RiskIndicator],
    options: Mapping[str, Any],
    method: Method,
) -> Read:
    """The values of a table, all of them or none.

    Raises FileTooLarge, WrongFormat, Damaged, EmptyLayer, BadValues, MissingColumns, SensitiveColumn, NothingMapped,
    WrongRiskTable, which names each row.
    """
    if path.stat().st_size > MOST_BYTES:
        raise FileTooLarge(limit_mb=MOST_BYTES // 1_000_000)
    table = sources.read_table(path, file)
    roles = sources.mapped(file, table.columns, options.get("columns", {}), ("code", "name", "indicator", "value"))
    if "code" not in roles and "name" not in roles:
        raise MissingColumns(file=file, missing="code / name", columns=listed(table.columns))
    known = {one.code: one for one in indicators}
    problems = _Problems()
    areas = _areas(table, roles, places, problems)
    long = "indicator" in roles and "value" in roles
    cells = _long(table, roles, options, known, problems) if long else _wide(table, options, known, problems)
    seen: dict[tuple[str, UUID], int] = {}
    taken = []
    beyond: dict[str, int] = defaultdict(int)
    missing: dict[str, int] = defaultdict(int)
    for row, code, text in cells:
        area = areas.get(row)
        if area is None:
            continue
        value = None if not text.strip() else table.number(text)
        if value is not None and not math.isfinite(value):
            problems.bad.append(f"{row} ({code}: {text.strip()[:40]})")
            continue
        first = seen.setdefault((code, area), row)
        if first != row:
            problems.twice.append(f"{row} = {first} ({code})")
            continue
        if value is None:
            missing[code] += 1
        elif not known[code].low <= value <= known[code].high:
            beyond[code] += 1
        taken.append(Taken(code, area, value, method, {"file": file, "row": row}))
    problems.raise_any(file)
    return Read(taken, [*table.findings, *_findings(beyond, missing, len(places), areas)])


def _areas(table: Table, roles: Mapping[str, str], places: Collection[Place], problems: _Problems) -> dict[int, UUID]:
    """The area of each row."""
    by_code = {place.code: place.id for place in places}
    by_name: dict[str, set[UUID]] = defaultdict(set)
    for place in places:
        for name in place.names:
            by_name[folded(name)].add(place.id)
    found = {}
    for row, said in enumerate(table.columns[roles.get("code") or roles["name"]], 2):
        fits = {by_code[said.strip()]} if said.strip() in by_code else set()
        if "code" not in roles:
            fits = by_name.get(folded(said), set())
        if len(fits) == 1:
            found[row] = next(iter(fits))
        else:
            problems.unknown.append(f"{row} ({said.strip()[:40] or '–'})")
    return found


def _wide(
    table: Table, options: Mapping[str, Any], known: Mapping[str, RiskIndicator], problems: _Problems
) -> Iterator[tuple[int, str, str]]:
    columns = {str(column): str(code) for column, code in options.get("indicators", {}).items()}
    columns = columns or {column: column for column in table.columns if column in known}
    if not columns:
        raise NothingMapped(file=table.file, columns=listed(table.columns))
    for column, code in columns.items():
        if column not in table.columns:
            raise MissingColumns(file=table.file, missing=column, columns=listed(table.columns))
        if sources.sensitive(column):
            raise SensitiveColumn(file=table.file, column=column)
        if code not in known:
            problems.strangers.append(f"{column} = {code}")
            continue
        for row, text in enumerate(table.columns[column], 2):
            yield row, code, text


def _long(
    table: Table,
    roles: Mapping[str, str],
    options: Mapping[str, Any],
    known: Mapping[str, RiskIndicator],
    problems: _Problems,
) -> Iterator[tuple[int, str, str]]:
    called = {str(name).strip(): str(code) for name, code in options.get("indicators", {}).items()}
    strangers: dict[str, int] = {}
    rows = zip(table.columns[roles["indicator"]], table.columns[roles["value"]], strict=True)
    for row, (name, text) in enumerate(rows, 2):
        code = called.get(name.strip(), name.strip())
        if called and name.strip() not in called:
            continue  # a part of the table was asked for
        if code in known:
            yield row, code, text
        else:
            strangers.setdefault(code or "–", row)
    problems.strangers += [f"{row} ({name[:60]})" for name, row in strangers.items()]


def _findings(
    beyond: Mapping[str, int], missing: Mapping[str, int], count: int, areas: Mapping[int, UUID]
) -> list[Finding]:
    found = []
    if beyond:
        items = listed(f"{code}: {n}" for code, n in beyond.items())
        found.append(
            finding(
                "beyond_bounds",
                N_("Values beyond the bounds of their indicator, which count as the bound: {items}."),
                items=items,
            )
        )
    if missing:
        items = listed(f"{code}: {n}" for code, n in missing.items())
        found.append(
            finding("missing_values", N_("Empty cells, which are missing and never nought: {items}."), items=items)
        )
    without = count - len(set(areas.values()))
    if without:
        found.append(
            finding(
                "areas_without_row",
                N_("{count} areas are not in the table; they have no value from it."),
                count=without,
            )
        )
    return found
