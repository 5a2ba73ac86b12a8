"""What a file is made of: columns and rows with their words, sources, methods, and the imprint that marks it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from app.names import folded

Cell = str | int | float | None
MOST_NAME: Final = 120


class Kind(StrEnum):
    """What a column's cells are; None in any of them is "not known", never nought."""

    TEXT = "text"
    WHOLE = "whole"  # rounded so that parts add up
    EXACT = "exact"  # as it was counted
    SHARE = "share"  # 0 to 1


@dataclass(frozen=True)
class Column:
    """A column: its key for programs, its words for people, its HXL tag.

    machine: only in files that programs read. totalled: its sum means something. width: in characters, on a sheet.
    """

    key: str
    words: str
    kind: Kind = Kind.TEXT
    tag: str = ""
    width: int = 14
    machine: bool = False
    totalled: bool = False


@dataclass(frozen=True)
class Cited:
    """One version of a layer that the numbers rest on, in words."""

    layer: str
    kind: str
    producer: str
    vintage: str
    licence: str
    method: str
    note: str = ""
    version: int = 1
    file: str = ""
    sha256: str = ""
    crs: str = ""
    resolution: str = ""
    received: str = ""

    @property
    def line(self) -> str:
        """As it stands below a map."""
        return f"{self.layer}: {self.producer}, {self.vintage} ({self.method}). {self.licence}"


@dataclass(frozen=True)
class Imprint:
    """What no file may go without.

    lines: below the title. marks: sentences that must not be lost, worst first; mark_words: one word for each, for the
    file's name. band: the exercise's words, None for the real world. made: when, with its zone; author: person and
    organisation.
    """

    title: str
    lines: tuple[str, ...]
    made: datetime
    made_words: str
    author: str
    marks: tuple[str, ...] = ()
    mark_words: tuple[str, ...] = ()
    band: str | None = None
    band_word: str = ""

    @property
    def warnings(self) -> tuple[str, ...]:
        """The exercise first, then the marks."""
        return ((self.band,) if self.band else ()) + self.marks


@dataclass(frozen=True)
class Group:
    """Totals by a level above, as a table of their own."""

    title: str
    note: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Records:
    """A table with all that is needed to understand it away from the program.

    totals: key -> sum of the rows, for columns that have one. methods: (heading, sentence).
    """

    imprint: Imprint
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    totals: Mapping[str, Cell] = field(default_factory=dict)
    total_words: str = ""
    groups: tuple[Group, ...] = ()
    sources: tuple[Cited, ...] = ()
    methods: tuple[tuple[str, str], ...] = ()

    def dictionaries(self) -> list[dict[str, Cell]]:
        """The rows by key."""
        keys = [column.key for column in self.columns]
        return [dict(zip(keys, row, strict=True)) for row in self.rows]

    def for_people(self) -> tuple[list[Column], list[list[Cell]]]:
        """Columns and rows without what only programs read."""
        wanted = [i for i, column in enumerate(self.columns) if not column.machine]
        return [self.columns[i] for i in wanted], [[row[i] for i in wanted] for row in self.rows]


def file_name(parts: Sequence[str], imprint: Imprint, ending: str) -> str:
    """A name in plain letters with the marks in it: spremnost-…-EXERCISE-illustrative.csv.

    Any language and script is written in ASCII, so that no mail system or old disk spoils it.
    """
    words = ["spremnost", *parts]
    name = "-".join(filter(None, (_plain(word) for word in words)))[:MOST_NAME].rstrip("-")
    marked = ([imprint.band_word.upper()] if imprint.band_word else []) + list(imprint.mark_words)
    tail = "".join(f"-{_plain(word, keep_case=True)}" for word in marked)
    return f"{name}{tail}.{ending}"


def _plain(text: str, *, keep_case: bool = False) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", folded(text)).strip("-")
    return plain.upper() if keep_case and text.isupper() else plain


# What a spreadsheet may take for a formula: also after spaces and quotes and in full width, and also after a separator
# inside a text, where a program that splits elsewhere would begin a cell.
_BEFORE: Final = r"[\s\"'“”„«»‘’`\u200b\ufeff]*"
_SIGN: Final = r"[=+\-@＝＋－＠]"
_BEGINS: Final = re.compile(rf"[\t\r\n]|{_BEFORE}{_SIGN}")
_WITHIN: Final = re.compile(rf"([,;|\t\r\n]{_BEFORE})(?={_SIGN})")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def harmless(text: str) -> str:
    """The text as a spreadsheet may open it: no cell begins like a formula, and there are no control characters."""
    text = _CONTROL.sub("", text)
    begins = _BEGINS.match(text)
    text = _WITHIN.sub(r"\1'", text)
    return f"'{text}" if begins else text
