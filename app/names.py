"""Names as people type them: without marks, with dj for đ, in either script."""

import re
import unicodedata

from layers.areas import Area

CYRILLIC = dict(
    zip(
        "абвгдђежзијклљмнњопрстћуфхцчџш",
        [*"abvgddezzijkl", "lj", "m", "n", "nj", *"oprstcufhcc", "dz", "s"],
        strict=True,
    )
)


def folded(name: str) -> str:
    """The name in small Latin letters without marks; Đ, Dj and Ђ are the same, and so are - and a space."""
    text = "".join(CYRILLIC.get(letter, letter) for letter in name.casefold())
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return re.sub(r"[\W_]+", " ", plain.replace("đ", "d").replace("dj", "d")).strip()


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


def name_of(area: Area, language: str) -> str:
    """The area's name for a reader of that language."""
    return str(area.names.get(language) or area.name)
