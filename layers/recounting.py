"""Stored countings read in another way: at another threshold, in other classes, after a rise of the water.

What a run keeps is memory-mapped and held within the process; a recount of the whole country takes some milliseconds,
and at the run's own threshold it is the stored number, bit by bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple, Self
from uuid import UUID

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from sqlalchemy.orm import Session

from foundation.errors import N_
from foundation.recent import Recent
from gis.exposure import ExposureIndex, Scores
from gis.gathered import load_hazard, load_index
from gis.polygons import Polygons
from gis.rise import HIGHEST_RISE_M, LOWEST_RISE_M, least_depth, risen_thresholds, without_ground
from gis.systems import same_crs
from gis.values import Chunk
from layers.answering import CountedAreas, FacilitiesAtHazard
from layers.areas import Level, boundaries
from layers.catalogue import Kind
from layers.errors import NoDepths, NoRise, RiseOutOfRange, ThresholdOutOfRange, WrongClasses
from layers.places import STRAIGHT_DEGREES
from layers.runs import Figure, Run, figures_of

HIGHEST: Final = {Kind.FLOOD_DEPTH: 30.0, Kind.FIRE_DANGER: 200.0}
"""Above these no layer has values (layers.rasters)."""

INTERIORS_MEET: Final = "T********"
MOST_CLASSES: Final = 12
MOST_RUNS: Final = 32
MOST_RECOUNTS: Final = 256
MOST_OUTLINES: Final = 2


class Spread(StrEnum):
    """How far a number after a rise tells of dry ground that the water would reach."""

    NOT_NEEDED = "not_needed"  # no rise, or a fall: what the layer shows says all
    BY_HEIGHT = "by_height"
    PARTLY = "partly"
    LOWER_BOUND = "lower_bound"


LOW_AND_DRY: Final = N_(
    "Of them, {people} live on ground that lies lower than the water and that the layer shows dry: behind dikes, or "
    "where elevation and layer disagree."
)
SPREAD_SENTENCES: Final = {
    Spread.BY_HEIGHT: N_(
        "The water is taken to rise by the same height everywhere and to spread by height above the drainage; dikes "
        "and time are not in it."
    ),
    Spread.PARTLY: N_(
        "LOWER BOUND, PARTLY WITHOUT SPREAD: where no elevation is known, only what is wet already deepens."
    ),
    Spread.LOWER_BOUND: N_(
        "LOWER BOUND, WITHOUT SPREAD: no elevation is loaded, so only what is wet already deepens; dry ground that the "
        "water would reach is not counted."
    ),
}


@dataclass(frozen=True)
class Reading:
    """How a hazard is read: from which value people count, in which classes, after which rise of the water (metres).

    What is not said is as the run has it.
    """

    threshold: float | None = None
    edges: tuple[float, ...] | None = None
    rise_m: float = 0.0

    @property
    def needs_values(self) -> bool:
        """Whether a hazard without depths cannot be read like this."""
        return self.threshold is not None or self.edges is not None or self.rise_m != 0

    def refuse_for(self, run: Run) -> None:
        """Raise NoDepths, NoRise, RiseOutOfRange, ThresholdOutOfRange, WrongClasses where the run cannot be read so."""
        kind, unit = run.hazard.kind, run.measure.unit
        if self.needs_values and kind not in HIGHEST:
            raise NoDepths(layer=run.hazard.layer)
        if self.rise_m != 0 and kind != Kind.FLOOD_DEPTH:
            raise NoRise(layer=run.hazard.layer)
        if not LOWEST_RISE_M <= self.rise_m <= HIGHEST_RISE_M:
            raise RiseOutOfRange(rise=self.rise_m, least=LOWEST_RISE_M, most=HIGHEST_RISE_M)
        if self.threshold is not None and not 0 < self.threshold <= HIGHEST[kind]:
            raise ThresholdOutOfRange(threshold=self.threshold, least=0.0, most=HIGHEST[kind], unit=unit)
        edges = self.edges or ()
        sound = all(0 < edge <= HIGHEST[kind] for edge in edges) and all(a < b for a, b in pairwise(edges))
        if not sound or len(edges) > MOST_CLASSES:
            raise WrongClasses(edges=list(edges), most=MOST_CLASSES)

    def data(self) -> dict[str, Any]:
        """As JSON knows it; only what was said."""
        said: dict[str, Any] = {} if self.threshold is None else {"threshold": self.threshold}
        if self.edges is not None:
            said["edges"] = list(self.edges)
        return said | ({"rise_m": self.rise_m} if self.rise_m else {})

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """What data() gave, to the millimetre. Raises ThresholdOutOfRange, WrongClasses, RiseOutOfRange."""
        threshold, edges, rise = data.get("threshold"), data.get("edges"), data.get("rise_m", 0.0)
        if threshold is not None and not _number(threshold):
            raise ThresholdOutOfRange(threshold=str(threshold)[:50], least=0.0, most=HIGHEST[Kind.FIRE_DANGER], unit="")
        if edges is not None and not (isinstance(edges, list | tuple) and all(_number(edge) for edge in edges)):
            raise WrongClasses(edges=str(edges)[:200], most=MOST_CLASSES)
        if not _number(rise):
            raise RiseOutOfRange(rise=str(rise)[:50], least=LOWEST_RISE_M, most=HIGHEST_RISE_M)
        return cls(
            None if threshold is None else round(float(threshold), 3),
            None if edges is None else tuple(round(float(edge), 3) for edge in edges),
            round(float(rise), 3) + 0.0,  # no -0
        )


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


class Number(NamedTuple):
    """People of an area, unrounded; exposed and by_class are None where nothing of it is modelled, never 0."""

    population: float
    exposed: float | None
    by_class: tuple[float, ...] | None
    not_modelled: float


@dataclass(frozen=True)
class Recount:
    """All areas of a run read in one way.

    areas: (n,) municipalities first; population, exposed (NaN: nothing modelled), not_modelled, low_and_dry (exposed
    people on ground that is lower than the water and dry in the layer), ground_unknown (modelled people on dry ground
    whose height is not known): (n,); by_class: (n, classes) or None.
    """

    areas: tuple[UUID, ...]
    municipalities: int
    above: Mapping[UUID, tuple[UUID, ...]]
    population: NDArray[np.float64]
    exposed: NDArray[np.float64]
    by_class: NDArray[np.float64] | None
    not_modelled: NDArray[np.float64]
    low_and_dry: NDArray[np.float64]
    ground_unknown: NDArray[np.float64]
    spread: Spread

    @cached_property
    def numbers(self) -> Mapping[UUID, Number]:
        """Of each area, and of everything above the municipalities as their sums."""
        classes = [None] * len(self.areas) if self.by_class is None else [tuple(c) for c in self.by_class.tolist()]
        found = {
            area: Number(people, None, None, missing)
            if math.isnan(exposed)
            else Number(people, exposed, split, missing)
            for area, people, exposed, split, missing in zip(
                self.areas,
                self.population.tolist(),
                self.exposed.tolist(),
                classes,
                self.not_modelled.tolist(),
                strict=True,
            )
        }
        for municipality in self.areas[: self.municipalities]:
            for over in self.above.get(municipality, ()):
                found[over] = added(found.get(over), found[municipality])
        return found


def added(total: Number | None, part: Number) -> Number:
    """The sum of two numbers: what is modelled counts, what is not is said."""
    population, exposed, by_class, not_modelled = total or Number(0.0, None, None, 0.0)
    if part.exposed is not None:
        exposed = (exposed or 0.0) + part.exposed
    if part.by_class is not None:
        classes = by_class or (0.0,) * len(part.by_class)
        by_class = tuple(a + b for a, b in zip(classes, part.by_class, strict=True))
    return Number(population + part.population, exposed, by_class, not_modelled + part.not_modelled)


@dataclass(frozen=True)
class KeptRun:
    """What a run keeps, memory-mapped.

    zone_of: of each area its place in the index; ground_unknown: share of each cell that is modelled, dry and of
    unknown height, (cells,), None where that is nowhere or nothing tells of the ground.
    """

    run: Run
    index: ExposureIndex
    areas: CountedAreas
    zone_of: Mapping[UUID, int]
    hazard: Chunk
    over_ground: Chunk | None
    ground_unknown: NDArray[np.float64] | None
    facilities: FacilitiesAtHazard | None

    def values(self, reading: Reading) -> tuple[Chunk, list[float]]:
        """(what is compared, the threshold and then the edges at which it is read like this)."""
        thresholds = [
            self.run.threshold if reading.threshold is None else reading.threshold,
            *(self.run.edges if reading.edges is None else reading.edges),
        ]
        spread = reading.rise_m > 0 and self.over_ground is not None
        chunk = self.over_ground if spread and self.over_ground is not None else self.hazard
        return chunk, risen_thresholds(thresholds, reading.rise_m, chunk, spread=spread)

    def spread(self, reading: Reading) -> Spread:
        """What a number read like this tells of dry ground."""
        if reading.rise_m <= 0:
            return Spread.NOT_NEEDED
        if self.over_ground is None:
            return Spread.LOWER_BOUND
        return Spread.BY_HEIGHT if self.ground_unknown is None else Spread.PARTLY

    def score(self, index: ExposureIndex, reading: Reading) -> tuple[Scores, NDArray[np.float64]]:
        """(people of the zones of an index of the same population, those of them on low and dry ground, (zones,)).

        Low and dry: lower than the water by the elevations, and yet dry in the layer.
        """
        chunk, at = self.values(reading)
        if chunk is not self.over_ground or at[0] > 0:
            return index.score_kept(chunk, at), np.zeros(index.zones)
        scores = index.score_kept(chunk, [*at, 0.0, least_depth(chunk)])
        low_and_dry = np.nan_to_num(scores.exposed[:, -2] - scores.exposed[:, -1])
        return Scores(scores.population, scores.exposed[:, :-2], scores.not_modelled), low_and_dry


def by_class(scores: Scores) -> NDArray[np.float64] | None:
    """People from each edge up to the next, (zones, edges); None where there are no edges."""
    if scores.exposed.shape[1] == 1:
        return None
    at = scores.exposed[:, 1:]
    return np.hstack([at[:, :-1] - at[:, 1:], at[:, -1:]])


@dataclass(frozen=True)
class Outlines:
    """The municipalities of a version of the boundaries in the reference system of a population, by code.

    overlapping: of each that shares land with others their positions; most files have none.
    """

    areas: tuple[UUID, ...]
    geometry: NDArray[np.object_]
    tree: shapely.STRtree
    crs: CRS
    overlapping: Mapping[int, frozenset[int]]

    def to_crs(self, place: shapely.Geometry) -> shapely.Geometry:
        """A place given in degrees."""
        wgs84 = CRS.from_epsg(4326)
        if not same_crs(wgs84, self.crs):
            place = shapely.segmentize(place, STRAIGHT_DEGREES)
        return Polygons("", wgs84, np.array([place], dtype=object), {}).to_crs(self.crs).geometry[0]


class KeptRuns:
    """The runs that were asked last, and their recounts; one for each process, used by its threads."""

    def __init__(self, path: Callable[[str], Path]) -> None:
        """path: where the file of a hash lies (layers.files.FileStore.path)."""
        self._path = path
        self._runs: Recent[UUID, KeptRun] = Recent(MOST_RUNS)
        self._indexes: Recent[str, tuple[ExposureIndex, CountedAreas, dict[UUID, int]]] = Recent(MOST_RUNS)
        self._recounts: Recent[tuple[UUID, Reading, bool], Recount] = Recent(MOST_RECOUNTS)
        self._figures: Recent[UUID, dict[UUID, Figure]] = Recent(4 * MOST_RUNS)
        self._outlines: Recent[tuple[UUID, str], Outlines] = Recent(MOST_OUTLINES)

    def run(self, run: Run) -> KeptRun:
        """What a run keeps. Raises FileVanished, FormatTooOld."""
        return self._runs.get(run.id, lambda: self._opened(run))

    def _opened(self, run: Run) -> KeptRun:
        files = run.files
        index, areas, zone_of = self._indexes.get(files.index_file, lambda: self._index(files.index_file))
        over = load_hazard(self._path(files.over_ground_file)) if files.over_ground_file else None
        unknown = None if over is None else without_ground(over)
        return KeptRun(
            run=run,
            index=index,
            areas=areas,
            zone_of=zone_of,
            hazard=load_hazard(self._path(files.gathered_file)),
            over_ground=over,
            ground_unknown=unknown if unknown is not None and unknown.any() else None,
            facilities=FacilitiesAtHazard.load(self._path(files.facilities_file)) if files.facilities_file else None,
        )

    def _index(self, digest: str) -> tuple[ExposureIndex, CountedAreas, dict[UUID, int]]:
        index, zones = load_index(self._path(digest))
        areas = CountedAreas.from_data(zones)
        return index, areas, {area: zone for zone, area in enumerate(areas.areas)}

    def recount(self, run: Run, reading: Reading, *, settlements: bool = False) -> Recount:
        """All municipalities of a run (and the areas below them) read in a way.

        Raises what Reading.refuse_for raises, FileVanished, FormatTooOld.
        """
        reading.refuse_for(run)
        return self._recounts.get((run.id, reading, settlements), lambda: self._recounted(run, reading, settlements))

    def _recounted(self, run: Run, reading: Reading, settlements: bool) -> Recount:
        kept = self.run(run)
        zones = range(len(kept.areas.areas) if settlements else kept.areas.municipalities)
        index = kept.index.only(zones)
        scores, low_and_dry = kept.score(index, reading)
        unknown = np.zeros(len(zones))
        if kept.ground_unknown is not None and reading.rise_m > 0:
            unknown = people_in(index, kept.ground_unknown)
        return Recount(
            areas=kept.areas.areas[: len(zones)],
            municipalities=kept.areas.municipalities,
            above=kept.areas.above,
            population=scores.population,
            exposed=scores.exposed[:, 0],
            by_class=by_class(scores),
            not_modelled=scores.not_modelled,
            low_and_dry=low_and_dry,
            ground_unknown=unknown,
            spread=kept.spread(reading),
        )

    def figures(self, session: Session, run: Run) -> Mapping[UUID, Figure]:
        """Of each municipality of a run whether it is modelled and covered wholly."""
        return self._figures.get(run.id, lambda: figures_of(session, run.id))

    def outlines(self, session: Session, run: Run) -> Outlines:
        """The municipalities that a run was counted by, in its population's reference system."""
        crs = self.run(run).index.population.grid.crs
        return self._outlines.get(
            (run.boundaries.version_id, crs.to_wkt()), lambda: _outlines(session, run.boundaries.version_id, crs)
        )


def people_in(index: ExposureIndex, share: NDArray[np.float64]) -> NDArray[np.float64]:
    """People of each zone in a share of each cell, (zones,)."""
    first, end = index.used
    weighted = index.entry_people[first:end] * share[index.entry_cell[first:end]]
    return np.array([weighted[a - first : b - first].sum() for a, b in pairwise(index.zone_start.tolist())])


def _outlines(session: Session, version_id: UUID, crs: CRS) -> Outlines:
    found = boundaries(session, version_id, Level.MUNICIPALITY)
    geometry = Polygons("", CRS.from_epsg(4326), found.geometry, {}).to_crs(crs).geometry
    tree = shapely.STRtree(geometry)
    one, other = tree.query(geometry, predicate="intersects")
    inside = (one != other) & shapely.relate_pattern(geometry[one], geometry[other], INTERIORS_MEET)
    pairs = list(zip(one[inside].tolist(), other[inside].tolist(), strict=True))
    overlapping = {i: frozenset(k for j, k in pairs if j == i) for i, _ in pairs}
    return Outlines(tuple(found.area_ids), geometry, tree, crs, overlapping)
