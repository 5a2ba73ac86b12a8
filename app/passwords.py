"""Passwords, kept with Argon2id (OWASP's parameters as argon2-cffi sets them)."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

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


def _normal(password: str) -> bytes:
    # One keyboard sends č as one character, another as two.
    return unicodedata.normalize("NFKD", password).encode()


@lru_cache(maxsize=1)
def _nobodys() -> str:
    return _HASHER.hash(b"nobody's")
