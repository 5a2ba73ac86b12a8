"""Text as people type it: without marks and case, with dj for đ, in either script; in Python and in SQL alike.

folded("Ђурђевик"), folded("Đurđevik") and folded("Djurdjevik") are "durdevik". In the database the same is the function
folded(text), IMMUTABLE, so that an index or a generated column may hold it. The result has only a–z, 0–9 and single
spaces: it means the same under every collation and needs no escaping in LIKE.

Row-level security keeps an index from answering LIKE before the policy is asked. In a space, a folded_column compared
by = or a range is served by one; LIKE reads the rows of the space.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Final

from sqlalchemy import ColumnElement, Computed, Text, case, collate, func
from sqlalchemy.orm import MappedColumn, mapped_column
from sqlalchemy.sql.elements import SQLColumnExpression

# One letter for one, after marks that can be taken off have been (č is c and ˇ; đ has nothing to take off).
SINGLE: Final = dict(
    zip(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZđĐøØłŁı" + "абвгдђежзијклмнопрстћуфхцчш" + "АБВГДЂЕЖЗИЈКЛМНОПРСТЋУФХЦЧШ",
        "abcdefghijklmnopqrstuvwxyzddoolli" + "abvgddezzijklmnoprstcufhccs" + "abvgddezzijklmnoprstcufhccs",
        strict=True,
    )
)
SEVERAL: Final = {"љ": "lj", "Љ": "lj", "њ": "nj", "Њ": "nj", "џ": "dz", "Џ": "dz"} | {
    "ß": "ss",
    "æ": "ae",
    "Æ": "ae",
    "œ": "oe",
    "Œ": "oe",
}
MARKS: Final = "".join(map(chr, range(0x300, 0x370)))

_LETTERS: Final = str.maketrans({**SINGLE, **SEVERAL, **dict.fromkeys(MARKS, "")})


def folded(text: str) -> str:
    """The text in small Latin letters without marks; Đ, Dj and Ђ are the same, and so are - and a space."""
    letters = unicodedata.normalize("NFKD", text).translate(_LETTERS).replace("dj", "d")
    return re.sub("[^a-z0-9]+", " ", letters).strip(" ")


def matches(name: str, typed: str) -> int | None:
    """How well a name answers what was typed: 0 begins with it, 1 a word does, 2 has it somewhere; None not at all."""
    name, typed = folded(name), folded(typed)
    if not typed:
        return None
    if name.startswith(typed):
        return 0
    if f" {typed}" in name:
        return 1
    return 2 if typed in name else None


def folded_in_sql(column: SQLColumnExpression[Any]) -> ColumnElement[str]:
    """The column folded by the database; an index on it needs the same expression."""
    return func.folded(column, type_=Text)


def folded_column(column: str) -> MappedColumn[str]:
    """A column that the database keeps as the folded text of another, for an index on it (text_pattern_ops)."""
    return mapped_column(Text, Computed(f"folded({column})", persisted=True))


def answers(folded_text: SQLColumnExpression[Any], typed: str) -> ColumnElement[bool]:
    """Whether an already folded column answers what was typed, as `matches` says; nothing typed is answered by none.

    Give it folded_in_sql(table.name) or a folded_column.
    """
    wanted = folded(typed)
    return folded_text.contains(wanted) if wanted else folded_text.is_(None) & folded_text.is_not(None)


def rank(folded_text: SQLColumnExpression[Any], typed: str) -> ColumnElement[int | None]:
    """How well it answers, for ORDER BY: what `matches` gives."""
    wanted = folded(typed)
    return case(
        (folded_text.startswith(wanted), 0), (folded_text.contains(f" {wanted}"), 1), (folded_text.contains(wanted), 2)
    )


def alphabetical(column: SQLColumnExpression[str]) -> ColumnElement[str]:
    """The column in the order of the country's alphabet, for ORDER BY: č after c, nj after n, Cyrillic after Latin.

    Databases here compare by code points, which keeps their indexes valid through upgrades but puts Č behind Z.
    """
    return collate(column, "bs-x-icu")
