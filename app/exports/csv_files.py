"""A table as CSV: for programs, for a spreadsheet of the reader's country, or with HXL tags."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from app.exports.records import Cell, Column, Kind, Records, harmless

BOM: Final = "\ufeff"


class Form(StrEnum):
    """Who reads the file."""

    PROGRAMS = "plain"  # commas, decimal points, the header first
    SPREADSHEET = "excel"  # as Excel opens it with a double click in the reader's country
    HXL = "hxl"  # as for programs, with a row of hashtags below the header


def csv_file(records: Records, form: Form, decimal_sign: str = ".") -> bytes:
    """The table in UTF-8 with CRLF (RFC 4180); every text is quoted and harmless, what is not known is empty.

    For a spreadsheet the marks come first, numbers have the decimal sign of the reader's country, and cells are parted
    by semicolons where that is a comma: so Excel and LibreOffice in Bosnian, Croatian and Serbian take them for
    numbers. They need the byte order mark to see that it is UTF-8.
    """
    spreadsheet = form is Form.SPREADSHEET
    comma = spreadsheet and decimal_sign == ","
    imprint = records.imprint
    lines: list[list[str]] = []
    if spreadsheet:
        lines += [[_text(line)] for line in (*imprint.warnings, imprint.title, *imprint.lines)]
    lines.append([_text(column.words) for column in records.columns])
    if form is Form.HXL:
        lines.append([_quoted(column.tag) for column in records.columns])
    for row in records.rows:
        lines.append([_cell(column, value, comma) for column, value in zip(records.columns, row, strict=True)])
    return ((BOM if spreadsheet else "") + _joined(lines, ";" if comma else ",")).encode()


def _joined(lines: Iterable[Iterable[str]], separator: str) -> str:
    return "".join(separator.join(line) + "\r\n" for line in lines)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _text(text: str) -> str:
    return _quoted(harmless(text))


def _cell(column: Column, value: Cell, comma: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return _text(value)
    text = str(value) if isinstance(value, int) else f"{value:.{6 if column.kind is Kind.SHARE else 3}f}"
    return text.replace(".", ",") if comma else text
