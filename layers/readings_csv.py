"""Readings from a CSV: the whole file is checked first, then all of it is entered or nothing.

Columns, in any order: the gauge's code; the moment, or date and time apart; the level. Their names are those of ROLES.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from foundation.audit import Actor
from foundation.folding import folded
from layers.field_errors import (
    ColumnsLacking,
    FieldError,
    FileRefused,
    NoLevel,
    NoSuchStation,
    RowProblem,
    Thousands,
    ToConfirm,
    TooManyRows,
    TwiceInFile,
)
from layers.findings import Finding, listed
from layers.gauges import Station
from layers.measuring import Kept, conflict, enter, refusal, refuse_impossible
from layers.moments import moment
from layers.readings import Measured, ReadingSource, doubts, known
from layers.sources import Table, table_of

MOST_ROWS: Final = 50_000
ROLES: Final = {
    "station": ("station", "code", "gauge", "stanica", "sifra", "sifra stanice", "vodomjer", "postaja"),
    "moment": ("moment", "observed at", "datetime", "datum i vrijeme", "datum vrijeme", "termin", "time utc"),
    "date": ("date", "datum"),
    "time": ("time", "vrijeme", "sat"),
    "level": ("level", "level cm", "level m", "vodostaj", "vodostaj cm", "vodostaj m", "h cm", "stage"),
}
Unit = Literal["cm", "m"]
NUMBER: Final = re.compile(r"[+-]?\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Checked:
    """A file whose every row can be entered. rows: of each reading; odd: what must be confirmed."""

    file: str
    measured: list[Measured]
    rows: list[int]
    odd: list[RowProblem]
    findings: list[Finding]


def bring(
    session: Session,
    space: UUID,
    data: bytes,
    name: str,
    *,
    zone: str,
    unit: Unit = "cm",
    by: Actor,
    at: datetime,
    confirmed: bool = False,
) -> tuple[Kept, list[Finding]]:
    """Enter what a file holds: all of it, or nothing and the sentences that say why.

    zone: a key of layers.moments.ZONES, for moments without an offset. confirmed: also what does not look right.
    Raises what check() does, and ToConfirm.
    """
    checked = check(session, space, data, name, zone=zone, unit=unit, at=at)
    if checked.odd and not confirmed:
        raise ToConfirm(name, checked.odd)
    kept = enter(
        session, space, checked.measured, source=ReadingSource.CSV, by=by, at=at, confirmed=confirmed, file=name
    )
    return kept, checked.findings


def check(
    session: Session, space: UUID, data: bytes, name: str, *, zone: str, unit: Unit = "cm", at: datetime
) -> Checked:
    """Read a file and hold it against the gauges and what is known. Writes nothing.

    Raises WrongFormat, Damaged, EmptyLayer, ColumnsLacking, BadValues (torn rows), TooManyRows, FileRefused.
    """
    table = table_of(data, name)
    if len(table) > MOST_ROWS:
        raise TooManyRows(file=name, count=len(table), most=MOST_ROWS)
    columns = _columns(table)
    by_code = {s.code: s for s in session.scalars(select(Station).where(Station.closed_at.is_(None)))}
    measured, rows, problems = _read(table, columns, by_code, zone, _unit(columns["level"], unit), at)
    problems += _contradictions(session, space, measured, rows, by_code, columns["level"])
    if problems:
        raise FileRefused(name, sorted(problems, key=lambda p: p.row))
    stations = {s.id: s for s in by_code.values()}
    row_of = {(m.station_id, m.observed_at): row for m, row in zip(measured, rows, strict=True)}
    odd = [
        RowProblem(
            row_of[d.measured.station_id, d.measured.observed_at],
            columns["level"],
            refusal(d, stations[d.measured.station_id]),
        )
        for d in doubts(session, space, measured)
    ]
    return Checked(name, measured, rows, odd, list(table.findings))


def _columns(table: Table) -> dict[str, str]:
    """Which column holds what. Raises ColumnsLacking."""
    found: dict[str, str] = {}
    for column in table.columns:
        for role, names in ROLES.items():
            if folded(column) in names and role not in found:
                found[role] = column
    if "moment" not in found and "time" in found and "date" not in found:
        found["moment"] = found.pop("time")
    if "moment" not in found and "date" in found and "time" not in found:
        found["moment"] = found.pop("date")
    lacking = [r for r in ("station", "level") if r not in found]
    if "moment" not in found and not {"date", "time"} <= found.keys():
        lacking.append("moment")
    if lacking:
        wanted = "; ".join(" / ".join(ROLES[role]) for role in lacking)
        raise ColumnsLacking(file=table.file, missing=wanted, columns=listed(table.columns))
    return found


def _unit(column: str, said: Unit) -> Unit:
    """A column that names its unit is believed."""
    last = folded(column).split()[-1]
    return "m" if last == "m" else "cm" if last == "cm" else said


def _read(
    table: Table,
    columns: Mapping[str, str],
    by_code: Mapping[str, Station],
    zone: str,
    unit: Unit,
    at: datetime,
) -> tuple[list[Measured], list[int], list[RowProblem]]:
    measured: list[Measured] = []
    rows: list[int] = []
    problems: list[RowProblem] = []
    when = columns.get("moment", columns.get("time", ""))
    for i in range(len(table)):
        cells = {role: table.columns[column][i].strip() for role, column in columns.items()}
        text = cells["moment"] if "moment" in cells else f"{cells['date']} {cells['time']}"
        station = by_code.get(cells["station"])
        wrong: list[tuple[str, FieldError]] = []
        observed_at = level = None
        if station is None:
            wrong.append((columns["station"], NoSuchStation(station=cells["station"] or "–")))
        try:
            observed_at = moment(text, zone)
        except FieldError as error:
            wrong.append((when, error))
        try:
            level = _level(cells["level"], table.decimal_comma, unit)
        except FieldError as error:
            wrong.append((columns["level"], error))
        if station is not None and observed_at is not None and level is not None:
            one = Measured(station.id, observed_at, level)
            try:
                refuse_impossible(one, station, at)
            except FieldError as error:
                wrong.append((columns["level"], error))
            measured.append(one)
            rows.append(i + 2)
        problems += [RowProblem(i + 2, column, error) for column, error in wrong]
    return measured, rows, problems


def _level(text: str, decimal_comma: bool, unit: Unit) -> Decimal:
    """Centimetres. Raises NoLevel, Thousands."""
    if decimal_comma and re.fullmatch(r"[+-]?\d{1,3}(\.\d{3})+(,\d+)?", text):
        raise Thousands(value=text)
    if decimal_comma and "." not in text:
        text = text.replace(",", ".")
    if not NUMBER.fullmatch(text):
        raise NoLevel(value=text or "–")
    try:
        return Decimal(text) * (100 if unit == "m" else 1)
    except InvalidOperation:
        raise NoLevel(value=text) from None


def _contradictions(
    session: Session,
    space: UUID,
    measured: Sequence[Measured],
    rows: Sequence[int],
    by_code: Mapping[str, Station],
    column: str,
) -> list[RowProblem]:
    """Rows that say otherwise than another row, or than what is known."""
    stations = {s.id: s for s in by_code.values()}
    before = known(session, space, measured)
    first: dict[tuple[UUID, datetime], tuple[int, Decimal]] = {}
    problems = []
    for one, row in zip(measured, rows, strict=True):
        key = one.station_id, one.observed_at
        other, level = first.setdefault(key, (row, one.level_cm))
        if level != one.level_cm:
            problems.append(RowProblem(row, column, TwiceInFile(row=other, value=level)))
        elif key in before and before[key].level_cm != one.level_cm:
            problems.append(RowProblem(row, column, conflict(one, before[key], stations[one.station_id])))
    return problems
