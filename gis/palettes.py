"""Palettes: the colour of each index of a tile, as the chunks of a PNG that carry it."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from gis.classes import Legend, Steps


@dataclass(frozen=True)
class Palette:
    """(n, 4) uint8 red, green, blue, opacity of the indices 0..n-1; index 0, where nothing is, is transparent."""

    rgba: NDArray[np.uint8]

    @classmethod
    def of(cls, legend: Legend, steps: Steps, opacity: float = 1.0) -> Self:
        """The legend's colours for a pyramid of these steps; a step takes the class that its lower edge is in.

        opacity: 0..1. Steps in no class are transparent.
        """
        edges = np.array(steps.edges)
        classes = legend.class_of(np.where(np.isneginf(edges), np.finfo(np.float64).min, edges))
        rgba = np.zeros((len(edges) + 1, 4), np.uint8)
        for index, found in enumerate(classes, 1):
            if found >= 0:
                rgba[index] = (*bytes.fromhex(legend.classes[found].colour[1:]), round(255 * opacity))
        return cls(rgba)

    @cached_property
    def chunks(self) -> bytes:
        """PLTE and tRNS of a PNG."""
        return chunk(b"PLTE", self.rgba[:, :3].tobytes()) + chunk(b"tRNS", self.rgba[:, 3].tobytes())


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG: its length, kind, data and checksum (ISO/IEC 15948, 5.3)."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))
