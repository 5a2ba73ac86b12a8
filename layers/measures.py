"""How exposure is measured: from which value of a hazard people count, in which classes, and by which rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from foundation.errors import N_
from layers.catalogue import Kind

METHOD: Final = N_(
    "people × share of the cell inside × flooded share of the cell; settlements known only as points share their "
    "municipality, everybody with the nearest one"
)

CARRYING_CELLS: Final = 10
"""So many of the cells that carry most of a number are kept with it."""

FEW_CELLS: Final = 10
OFF_ESTIMATE: Final = 0.1
JUMP: Final = 5.0
JUMP_PEOPLE: Final = 500.0


@dataclass(frozen=True)
class Measure:
    """From which value of a hazard people count as exposed, and the classes; in the hazard's own unit."""

    threshold: float
    edges: tuple[float, ...]
    unit: str


MEASURES: Final = {
    Kind.FLOOD_DEPTH: Measure(0.3, (0.3, 0.5, 1.0, 2.0), "m"),
    Kind.FLOOD_EXTENT: Measure(0.0, (), ""),
    Kind.FIRE_DANGER: Measure(38.0, (5.2, 11.2, 21.3, 38.0, 50.0), "FWI"),
}
HAZARDS: Final = tuple(MEASURES)
