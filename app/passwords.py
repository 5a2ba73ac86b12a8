"""Passwords, kept with Argon2id (OWASP's parameters as argon2-cffi sets them); which ones may be chosen.

The rules are those of ASVS 5.0, V6.2: length alone, at least twelve where eight are demanded; nothing is asked for of
the kinds of characters, nothing is cut off; not the common ones, nor what others know about the person.
"""

from __future__ import annotations

import gzip
import re
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.errors import CommonPassword, PasswordAboutYou, PasswordTooLong, WeakPassword
from app.names import folded

FEWEST: Final = 12
MOST: Final = 200
FEWEST_DIFFERENT: Final = 5
COMMON: Final = Path(__file__).parent / "vendor/django-5.2.8/common-passwords.txt.gz"
PROGRAM: Final = "spremnost"
_ROWS: Final = (
    "01234567890123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertzuiopasdfghjklyxcvbnm",
    "qwertyuiopasdfghjklzxcvbnm",
)
"""What lies side by side on a keyboard or in the alphabet."""

_HASHER = PasswordHasher()


def hashed(password: str) -> str:
    """How a password is kept."""
    return _HASHER.hash(_normal(password))


def is_right(password: str, kept: str | None) -> bool:
    """Whether that is the password. Without one it takes as long, so that nobody learns which accounts there are."""
    try:
        return _HASHER.verify(kept or _nobodys(), _normal(password)) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(kept: str) -> bool:
    """Whether a kept password should be hashed again, with today's parameters."""
    return _HASHER.check_needs_rehash(kept)


def insist_on_a_good_one(password: str, *, name: str, email: str | None) -> None:
    """Refuse what is guessed too soon. Raises WeakPassword, which says why."""
    if len(password) < FEWEST:
        raise WeakPassword(fewest=FEWEST)
    if len(password) > MOST:
        raise PasswordTooLong(most=MOST)
    plain = folded(password).replace(" ", "")
    known = [word for word in folded(f"{name} {(email or '').partition('@')[0]}").split() if len(word) > 3]
    rest = plain
    for word in [*known, PROGRAM]:
        rest = rest.replace(word, "")
    if len(rest) < FEWEST // 2 and rest != plain:
        raise PasswordAboutYou
    # "password1234" is as well known as "password", and so is "passwordpassword".
    stem = re.sub(r"[\d_\W]+$", "", plain)
    half = plain[: len(plain) // 2]
    if (
        len(set(password.casefold())) < FEWEST_DIFFERENT
        or not _common().isdisjoint({password.casefold(), plain, stem})
        or (plain == half * 2 and half in _common())
        or any(plain in row or plain in row[::-1] for row in _ROWS)
    ):
        raise CommonPassword


@lru_cache(maxsize=1)
def _common() -> frozenset[str]:
    with gzip.open(COMMON, "rt", encoding="utf-8") as lines:
        return frozenset(line.strip() for line in lines)


def _normal(password: str) -> bytes:
    # One keyboard sends č as one character, another as two.
    return unicodedata.normalize("NFKD", password).encode()


@lru_cache(maxsize=1)
def _nobodys() -> str:
    return _HASHER.hash(b"nobody's")
