"""Names of places for a reader: in their language and script, found as they type, in the order of the alphabet."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from app.languages import CYRILLIC, LATIN, chosen
from app.transliteration import cyrillic
from foundation.folding import folded, matches
from layers.areas import Area

# With the four letters of other languages where readers here look for them.
ALPHABETS: Final = (
    (*"abcčćd", "dž", *"đefghijkl", "lj", *"mn", "nj", *"opqrsštuvwxyzž"),
    (*"абвгдђежзијклљмнњопрстћуфхцчџш",),
)
PLACES: Final = {letter: place for alphabet in ALPHABETS for place, letter in enumerate(alphabet, 1)}
LETTER: Final = re.compile("dž|lj|nj|.", re.DOTALL)


def name_of(area: Area, language: str | None = None) -> str:
    """The area's name for a reader of that language, by default the one who asks."""
    language = language or chosen()
    own = area.names.get(language)
    if own or language != CYRILLIC:
        return str(own or area.name)
    return cyrillic(str(area.names.get(LATIN) or area.name))


def in_script(text: str) -> str:
    """A name that is written in Latin letters, in those of the reader."""
    return cyrillic(text) if chosen() == CYRILLIC else text


def area_matches(area: Area, typed: str) -> int | None:
    """How well any of the area's names answers what was typed, as `matches` says."""
    found = [matches(str(name), typed) for name in {area.name, *area.names.values()}]
    return min((how for how in found if how is not None), default=None)


def in_order(name: str) -> tuple[tuple[int, int, str], ...]:
    """A key that sorts names as the alphabet of their script does: č after c, nj after n; digits before letters."""
    return tuple(_place(letter) for letter in LETTER.findall(name.casefold()))


def _place(letter: str) -> tuple[int, int, str]:
    if letter in PLACES:
        return 2, PLACES[letter], letter
    plain = folded(letter)
    return (2, PLACES.get(plain, 0), letter) if plain.isalpha() else (1 if plain else 0, 0, letter)


def sorted_by_name(areas: Iterable[Area]) -> list[Area]:
    """The areas in the order of their names for the reader."""
    return sorted(areas, key=lambda area: in_order(name_of(area)))


__all__ = ["area_matches", "folded", "in_order", "in_script", "matches", "name_of", "sorted_by_name"]
