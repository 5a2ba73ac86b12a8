"""Which paths may be opened at all."""

from __future__ import annotations

from pathlib import Path

from gis.errors import FileMissing, NotALocalFile


def local_file(path: Path | str) -> Path:
    """The path of an existing regular file on this machine.

    GDAL would take an address or a /vsi… name for a file; such names are refused. Raises NotALocalFile, FileMissing.
    """
    text = str(path)
    if "://" in text or text.startswith("/vsi") or "\0" in text:
        raise NotALocalFile(file=text)
    found = Path(text)
    if not found.is_file():
        raise FileMissing(file=text)
    return found.resolve()
