"""The function folded(text): names as people type them, without marks and in either script (foundation/folding.py)."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

CAPITALS, SMALL = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"
CYRILLIC, LATIN = "абвгдђежзијклмнопрстћуфхцчш", "abvgddezzijklmnoprstcufhccs"
MARKS = "".join(map(chr, range(0x300, 0x370)))  # beyond the other side's end: translate() drops them
SEVERAL = {"љ": "lj", "Љ": "lj", "њ": "nj", "Њ": "nj", "џ": "dz", "Џ": "dz"}
SEVERAL |= {"ß": "ss", "æ": "ae", "Æ": "ae", "œ": "oe", "Œ": "oe", "dj": "d"}


def upgrade() -> None:
    """Bound at once to PostgreSQL's own functions, whatever search_path a reader has."""
    taken = CAPITALS + "đĐøØłŁı" + CYRILLIC + CYRILLIC.upper() + MARKS
    given = SMALL + "ddoolli" + LATIN + LATIN
    letters = f"translate(normalize(value, NFKD), '{taken}', '{given}')"
    for letter, plain in SEVERAL.items():
        letters = f"replace({letters}, '{letter}', '{plain}')"
    op.execute(
        "CREATE FUNCTION folded(value text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE "
        f"RETURN btrim(regexp_replace({letters}, '[^a-z0-9]+', ' ', 'g'), ' ')"
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION folded(text)")
