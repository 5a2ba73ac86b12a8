"""A table as an XLSX workbook: the table, totals, sources and methods, each on a sheet that prints on A4."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Final

import xlsxwriter
from xlsxwriter.utility import xl_rowcol_to_cell

from app.exports.records import Cell, Column, Kind, Records, harmless
from app.languages import _

A4: Final = 9
INK, LINE, PALE, WARNING, ON_WARNING = "#1d2733", "#c9d1d9", "#f5f7f9", "#8a5a00", "#fff4d6"
FORMATS: Final = {Kind.WHOLE: "#,##0", Kind.EXACT: "#,##0.0", Kind.SHARE: "0.0%"}
MOST_SHEET_NAME: Final = 31
SUM: Final = 109  # SUBTOTAL's sum of the rows that a filter leaves


def workbook(records: Records) -> bytes:
    """The table as people read it. Texts are never formulas or links; the sum follows the filter."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(
        file,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "default_date_format": "yyyy-mm-dd",
        },
    )
    imprint = records.imprint
    book.set_properties(
        {
            "title": imprint.title,
            "author": imprint.author,
            "comments": " · ".join(imprint.warnings),
            "created": imprint.made.replace(tzinfo=None),
        }
    )
    writer = _Writer(book, records)
    writer.table(_("Table"), *records.for_people(), totals=True)
    if records.groups:
        writer.groups(_("Totals"))
    writer.sources(_("Sources"))
    writer.methods(_("Methods"))
    book.close()
    return file.getvalue()


class _Writer:
    def __init__(self, book: Any, records: Records) -> None:
        self.book, self.records = book, records
        base = {"font_name": "Calibri", "font_size": 11, "font_color": INK, "valign": "top"}
        head = {**base, "bold": True, "bg_color": PALE, "border": 1, "border_color": LINE, "text_wrap": True}
        cell = {**base, "border": 1, "border_color": LINE}
        make = book.add_format
        self.plain = make(base)
        self.title = make({**base, "bold": True, "font_size": 16})
        self.heading = make({**base, "bold": True, "font_size": 13})
        self.warning = make({**base, "bold": True, "font_color": WARNING, "bg_color": ON_WARNING})
        self.head = make(head)
        self.head_number = make({**head, "align": "right"})
        self.text = make({**cell, "quote_prefix": True})
        self.wrapped = make({**cell, "text_wrap": True, "quote_prefix": True})
        self.numbers = {kind: make({**cell, "num_format": form}) for kind, form in FORMATS.items()}
        self.total_text = make({**cell, "bold": True, "top": 2, "bg_color": PALE})
        self.total_numbers = {
            kind: make({**cell, "bold": True, "top": 2, "bg_color": PALE, "num_format": form})
            for kind, form in FORMATS.items()
        }

    def table(
        self, name: str, columns: Sequence[Column], rows: Sequence[Sequence[Cell]], *, totals: bool = False
    ) -> None:
        sheet, row = self._sheet(name)
        self._header(sheet, row, columns)
        for i, column in enumerate(columns):
            sheet.set_column(i, i, column.width)
        first, last = row + 1, row + len(rows)
        for r, cells in enumerate(rows, first):
            self._cells(sheet, r, columns, cells)
        # The last column stays in reach; the first tells whose numbers they are.
        sheet.freeze_panes(first, min(2, len(columns) - 1))
        if rows:
            sheet.autofilter(row, 0, last, len(columns) - 1)
        if totals and rows:
            self._totals(sheet, columns, first, last)
        sheet.repeat_rows(row)

    def groups(self, name: str) -> None:
        sheet, row = self._sheet(name)
        for group in self.records.groups:
            sheet.write_string(row, 0, harmless(group.title), self.heading)
            row += 1
            if group.note:
                sheet.write_string(row, 0, harmless(group.note), self.plain)
                row += 1
            self._header(sheet, row, group.columns)
            for i, column in enumerate(group.columns):
                sheet.set_column(i, i, max(column.width, 12))
            for cells in group.rows:
                row += 1
                self._cells(sheet, row, group.columns, cells)
            row += 2

    def sources(self, name: str) -> None:
        columns = [
            Column("layer", _("layer"), width=34),
            Column("kind", _("kind"), width=18),
            Column("producer", _("producer"), width=28),
            Column("vintage", _("vintage"), width=14),
            Column("licence", _("licence"), width=22),
            Column("method", _("method"), width=14),
            Column("note", _("note on the method"), width=48),
            Column("version", _("version"), Kind.WHOLE, width=8),
            Column("file", _("file"), width=28),
            Column("crs", _("coordinate system"), width=16),
            Column("resolution", _("resolution"), width=16),
            Column("received", _("received"), width=22),
            Column("sha256", "SHA-256", width=24),
        ]
        rows = [[getattr(source, column.key) for column in columns] for source in self.records.sources]
        sheet, row = self._sheet(name)
        self._header(sheet, row, columns)
        for i, column in enumerate(columns):
            sheet.set_column(i, i, column.width)
        for r, cells in enumerate(rows, row + 1):
            self._cells(sheet, r, columns, cells, self.wrapped)
        sheet.freeze_panes(row + 1, 1)

    def methods(self, name: str) -> None:
        sheet, row = self._sheet(name)
        sheet.set_column(0, 0, 34)
        sheet.set_column(1, 1, 110)
        for heading, sentence in self.records.methods:
            sheet.write_string(row, 0, harmless(heading), self.head)
            sheet.write_string(row, 1, harmless(sentence), self.wrapped)
            row += 1

    def _sheet(self, name: str) -> tuple[Any, int]:
        """A sheet with its imprint; the row below it."""
        imprint = self.records.imprint
        sheet = self.book.add_worksheet(name[:MOST_SHEET_NAME])
        sheet.set_landscape()
        sheet.set_paper(A4)
        sheet.set_margins(left=0.4, right=0.4, top=0.8, bottom=0.7)
        sheet.fit_to_pages(1, 0)
        said = " · ".join(imprint.warnings).replace("&", "&&")
        sheet.set_header(f"&L&B{said[:200]}&R{imprint.title.replace('&', '&&')[:40]}")
        sheet.set_footer(f"&L{imprint.author.replace('&', '&&')[:100]} · {imprint.made_words}&R&P / &N")
        row = 0
        for line in imprint.warnings:
            sheet.write_string(row, 0, harmless(line), self.warning)
            row += 1
        sheet.write_string(row, 0, harmless(imprint.title), self.title)
        for line in (*imprint.lines, f"{imprint.author} · {imprint.made_words}"):
            row += 1
            sheet.write_string(row, 0, harmless(line), self.plain)
        return sheet, row + 2

    def _header(self, sheet: Any, row: int, columns: Sequence[Column]) -> None:
        for i, column in enumerate(columns):
            head = self.head if column.kind is Kind.TEXT else self.head_number
            sheet.write_string(row, i, harmless(column.words), head)

    def _cells(
        self, sheet: Any, row: int, columns: Sequence[Column], cells: Sequence[Cell], text: Any | None = None
    ) -> None:
        for i, (column, value) in enumerate(zip(columns, cells, strict=True)):
            if value is None:
                sheet.write_blank(row, i, None, self.numbers.get(column.kind, self.text))
            elif isinstance(value, str):
                sheet.write_string(row, i, harmless(value), text or self.text)
            else:
                sheet.write_number(row, i, value, self.numbers[column.kind])

    def _totals(self, sheet: Any, columns: Sequence[Column], first: int, last: int) -> None:
        row = last + 1
        for i, column in enumerate(columns):
            value = self.records.totals.get(column.key)
            if i == 0:
                sheet.write_string(row, i, harmless(self.records.total_words), self.total_text)
            elif column.totalled and isinstance(value, int):
                cells = f"{xl_rowcol_to_cell(first, i)}:{xl_rowcol_to_cell(last, i)}"
                sheet.write_formula(row, i, f"=SUBTOTAL({SUM},{cells})", self.total_numbers[column.kind], value)
            elif isinstance(value, int | float):
                sheet.write_number(row, i, value, self.total_numbers[column.kind])
            else:
                sheet.write_blank(row, i, None, self.total_text)
