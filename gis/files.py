"""Which paths may be opened at all."""

from __future__ import annotations

import os
import re
from pathlib import Path

from gis.errors import (
    N_,
    Damaged,
    FileMissing,
    FileNotUsable,
    NotALocalFile,
)

ADDRESS = re.compile("[A-Za-z][A-Za-z0-9+.-]+:/")
"""Of which a Path leaves one slash."""


def local_file(path: Path | str) -> Path:
    """The path of an existing regular file on this machine that can be read.

    GDAL would take an address or a /vsi… name for a file; such names are refused. Raises NotALocalFile, FileMissing,
    FileNotUsable.
    """
    text = str(path)
    named = os.fsencode(text).decode(errors="replace")
    if "://" in text or text.startswith("/vsi") or "\0" in text:
        raise NotALocalFile(file=named)
    if not os.path.isfile(text):  # unlike Path.is_file, also of a name that is too long
        raise NotALocalFile(file=named) if ADDRESS.match(text) else FileMissing(file=named)
    found = Path(text).resolve()
    if os.fsencode(found).decode(errors="replace") != str(found):
        raise FileNotUsable(file=named, reason=N_("its name, or that of its folder, is not UTF-8; rename it."))
    try:
        found.open("rb").close()
    except OSError as error:
        raise FileNotUsable(file=named, reason=f"{error.strerror}.") from error
    return found


def unreadable(file: str, error: BaseException) -> Exception:
    """What a library's error about a file means: MemoryError where it was refused memory, else Damaged."""
    said = " ".join(str(error).split()) or type(error).__name__
    return (
        MemoryError(said) if "memory" in said.lower() or "bad_alloc" in said else Damaged(file=file, detail=said[:200])
    )
