"""Several arrays in one file, memory-mapped when read: what can be kept under one content hash."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gis.errors import FormatTooOld

MAGIC = b"SPRARR1\n"
ALIGNED = 64


def save(path: Path, kind: str, arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any]) -> None:
    """Write the arrays and what is to be known about them (JSON). kind: what the file is, asked for by load()."""
    places: dict[str, tuple[str, tuple[int, ...], int]] = {}
    end = 0
    for name, array in arrays.items():
        places[name] = array.dtype.str, array.shape, end
        end += -(-array.nbytes // ALIGNED) * ALIGNED
    head = json.dumps({"kind": kind, "about": dict(about), "arrays": places}).encode()
    head += b" " * (-(len(MAGIC) + 4 + len(head)) % ALIGNED)
    with path.open("wb") as file:
        file.write(MAGIC + struct.pack("<I", len(head)) + head)
        for array in arrays.values():
            file.write(np.ascontiguousarray(array).data)
            file.write(bytes(-array.nbytes % ALIGNED))


def load(path: Path | str, kind: str) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """(arrays, about) of a file that save() wrote; changes to the arrays do not reach the file.

    Raises FormatTooOld where it is none of that kind, or OSError.
    """
    path = Path(path)
    with path.open("rb") as file:
        start = file.read(len(MAGIC) + 4)
        if start[: len(MAGIC)] != MAGIC:
            raise FormatTooOld(file=path.name)
        (length,) = struct.unpack("<I", start[len(MAGIC) :])
        head = json.loads(file.read(length))
    if head["kind"] != kind:
        raise FormatTooOld(file=path.name)
    # Mapped copy-on-write, as plain arrays: numba would compile everything again for read-only ones.
    data = np.asarray(np.memmap(path, np.uint8, mode="c", offset=len(start) + length)) if head["arrays"] else None
    arrays: dict[str, NDArray[Any]] = {}
    for name, (dtype, shape, offset) in head["arrays"].items():
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        if data is None or not size:
            arrays[name] = np.empty(shape, dtype)
        else:
            arrays[name] = data[offset : offset + size].view(dtype).reshape(shape)
    return arrays, head["about"]
