"""Answers: how many people a hazard reaches at a place, where most of them live, and what stands there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from layers.catalogue import Kind, Method, version
from layers.cells import Cell, Cells, cells_of
from layers.features import Feature
from layers.findings import Finding
from layers.households import Households, households_of
from layers.measures import FEW_CELLS
from layers.places import Place
from layers.questions import Asked, Question, Stretch, asked
from layers.recounting import SPREAD_SENTENCES, KeptRuns, Number, Reading, Spread, added, by_class, people_in
from layers.runs import Run, Source

CARRYING_CELLS: Final = 10
MOST_NAMED: Final = 200
"""So many facilities at risk are named; all are counted."""


@dataclass(frozen=True)
class Part:
    """What a place has of a municipality (or of an area below it). run: None where nothing models it."""

    area_id: UUID
    whole: bool
    number: Number
    run: Run | None


@dataclass(frozen=True)
class FacilitiesOfKind:
    """Facilities of one category in a place: exposed of all; not_modelled lie where the hazard says nothing."""

    category: str
    exposed: int
    all: int
    not_modelled: int


@dataclass(frozen=True)
class FacilityAtRisk:
    """An exposed facility; value: the hazard's at it after the rise, None where it has none.

    low_and_dry: lower than the water, and yet dry in the layer.
    """

    category: str
    name: str | None
    longitude: float
    latitude: float
    value: float | None
    low_and_dry: bool


@dataclass(frozen=True)
class Answer:
    """People of a place, unrounded, with all that the numbers rest on.

    exposed and by_class (people from each edge up to the next) are None where nothing is modelled, never 0;
    unclassed: exposed people under layers without values. share: of the people who are modelled. low_and_dry: exposed
    people on ground that is lower than the water by the elevations, and dry in the layer: behind dikes, or where the
    two disagree. ground_unknown: people on dry ground of unknown height, whom a rise may reach. households: estimated,
    or None with the reason. cells: those that carry most. marks: what asks for a second look (layers.exposure).
    findings: what had to be done to the place.
    """

    place: Place | None
    area_id: UUID | None
    people: float
    exposed: float | None
    by_class: tuple[float, ...] | None
    unclassed: float
    not_modelled: float
    threshold: float
    edges: tuple[float, ...]
    unit: str
    rise_m: float
    spread: Spread
    low_and_dry: float
    ground_unknown: float
    parts: tuple[Part, ...]
    cells: tuple[Cell, ...]
    carrying_cells: int
    households: Households | None
    no_households: Finding | None
    facilities: tuple[FacilitiesOfKind, ...] | None
    at_risk: tuple[FacilityAtRisk, ...]
    sources: tuple[Source, ...]
    method: str
    marks: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def share(self) -> float | None:
        """Exposed of those who are modelled; None where nobody is."""
        modelled = self.people - self.not_modelled
        return self.exposed / modelled if self.exposed is not None and modelled > 0 else None

    @property
    def runs(self) -> tuple[Run, ...]:
        """The countings that answered, each once."""
        return tuple({part.run.id: part.run for part in self.parts if part.run}.values())

    @property
    def illustrative(self) -> bool:
        """Whether anything that it rests on is only illustrative."""
        return any(source.method == Method.ILLUSTRATIVE for source in self.sources)

    @property
    def estimated(self) -> bool:
        """Whether anything that it rests on is an estimate."""
        return any(source.method == Method.ESTIMATED for source in self.sources)

    @property
    def spread_sentence(self) -> str | None:
        """What a reader must know of the rise, to be translated; None where there is nothing to say.

        Of low_and_dry people, recounting.LOW_AND_DRY tells.
        """
        return SPREAD_SENTENCES.get(self.spread)

    def data(self) -> dict[str, Any]:
        """As JSON knows it: what is saved with a question and what machines get."""
        return {
            "people": self.people,
            "exposed": self.exposed,
            "by_class": None if self.by_class is None else list(self.by_class),
            "unclassed": self.unclassed,
            "not_modelled": self.not_modelled,
            "share": self.share,
            "threshold": self.threshold if math.isfinite(self.threshold) else None,
            "edges": list(self.edges),
            "unit": self.unit,
            "rise_m": self.rise_m,
            "spread": self.spread.value,
            "low_and_dry": self.low_and_dry,
            "ground_unknown": self.ground_unknown,
            "area_km2": None if self.place is None else self.place.area_km2,
            "parts": [_part_data(part) for part in self.parts],
            "cells": [cell.data() for cell in self.cells],
            "carrying_cells": self.carrying_cells,
            "households": None if self.households is None else self.households.data(),
            "no_households": self.no_households,
            "facilities": None if self.facilities is None else [vars(f) for f in self.facilities],
            "at_risk": [vars(f) for f in self.at_risk],
            "sources": [source.data() for source in self.sources],
            "runs": [_run_data(run) for run in self.runs],
            "method": self.method,
            "illustrative": self.illustrative,
            "estimated": self.estimated,
            "marks": list(self.marks),
            "findings": list(self.findings),
        }


def _part_data(part: Part) -> dict[str, Any]:
    number = part.number
    return {
        "area": str(part.area_id),
        "whole": part.whole,
        "people": number.population,
        "exposed": number.exposed,
        "not_modelled": number.not_modelled,
        "run": str(part.run.id) if part.run else None,
    }


def _run_data(run: Run) -> dict[str, Any]:
    return {
        "run": str(run.id),
        "hazard": str(run.hazard.version_id),
        "threshold": run.threshold,
        "computed_at": run.computed_at.isoformat(),
    }


def ask(session: Session, kept: KeptRuns, question: Question) -> Answer:
    """The answer to a question.

    Raises NothingCounted, CountedByOlderEdition, NoDepths, NoRise, RiseOutOfRange, ThresholdOutOfRange, WrongClasses;
    of an area NoSuchArea, NoBoundary, CountedInAnother; of a place PlaceOutside, PlaceSwapped and what drawn() raises.
    """
    found = asked(session, kept, question)
    counted = [_counted(found, stretch) for stretch in found.stretches]
    parts = [part for of_stretch, _ in counted for part in of_stretch]
    order = {area: i for i, area in enumerate(a for s in found.stretches for a in s.kept.areas.areas)}
    parts.sort(key=lambda part: order[part.area_id])
    total = Number(0.0, None, None, 0.0)
    for part in parts:
        total = added(total, part.number)
    cells = cells_of(found)
    first = found.runs[0]
    facilities, at_risk, facility_source = _facilities(session, found)
    spread, unknown = _spread(found)
    households, no_households = households_of(session, [(part.area_id, part.number) for part in parts])
    return Answer(
        place=found.place,
        area_id=question.area_id,
        people=total.population,
        exposed=total.exposed,
        by_class=total.by_class,
        unclassed=sum(p.number.exposed or 0.0 for p in parts if p.number.by_class is None),
        not_modelled=total.not_modelled,
        threshold=first.threshold if question.reading.threshold is None else question.reading.threshold,
        edges=found.edges,
        unit=next((run.measure.unit for run in found.runs if run.edges), first.measure.unit),
        rise_m=question.reading.rise_m,
        spread=spread,
        low_and_dry=sum(low_and_dry for _, low_and_dry in counted),
        ground_unknown=unknown,
        parts=tuple(parts),
        cells=tuple(cells.largest(CARRYING_CELLS)),
        carrying_cells=len(cells),
        households=households,
        no_households=no_households,
        facilities=facilities,
        at_risk=at_risk,
        sources=_sources(session, found, facility_source),
        method=first.method,
        marks=_marks(found, total, cells),
        findings=found.findings,
    )


def _counted(found: Asked, stretch: Stretch) -> tuple[list[Part], float]:
    """(the parts of a stretch, their people on low and dry ground)."""
    run = stretch.kept.run
    if not stretch.modelled:
        people = stretch.index.people.tolist()
        nobody = [Number(n, None, None, n) for n in people]
        return [Part(a, stretch.whole, n, None) for a, n in zip(stretch.areas, nobody, strict=True)], 0.0
    scores, low_and_dry = stretch.kept.score(stretch.index, found.reading_for(run))
    classes = by_class(scores)
    parts = []
    for i, area in enumerate(stretch.areas):
        exposed = float(scores.exposed[i, 0])
        nothing = math.isnan(exposed)
        number = Number(
            float(scores.population[i]),
            None if nothing else exposed,
            None if nothing or classes is None else tuple(classes[i].tolist()),
            float(scores.not_modelled[i]),
        )
        parts.append(Part(area, stretch.whole, number, run))
    return parts, float(low_and_dry.sum())


def _spread(found: Asked) -> tuple[Spread, float]:
    """(what the number tells of dry ground, people on dry ground of unknown height)."""
    reading = found.question.reading
    kinds: set[Spread] = set()
    unknown = 0.0
    for stretch in found.stretches:
        if not stretch.modelled:
            continue
        if stretch.kept.ground_unknown is None or reading.rise_m <= 0:
            kinds.add(stretch.kept.spread(reading))
            continue
        people = float(people_in(stretch.index, stretch.kept.ground_unknown).sum())
        kinds.add(Spread.PARTLY if people > 0 else Spread.BY_HEIGHT)
        unknown += people
    if not kinds:
        return Spread.NOT_NEEDED if reading.rise_m <= 0 else Spread.LOWER_BOUND, 0.0
    return (kinds.pop() if len(kinds) == 1 else Spread.PARTLY), unknown


def _facilities(
    session: Session, found: Asked
) -> tuple[tuple[FacilitiesOfKind, ...] | None, tuple[FacilityAtRisk, ...], UUID | None]:
    """(counts by category, None where no facilities are known; those at risk; the version of their layer)."""
    counts: dict[str, list[int]] = {}
    at_risk: dict[int, tuple[float, bool]] = {}
    version_id: UUID | None = None
    for stretch in found.stretches:
        there = stretch.kept.facilities
        if there is None:
            continue
        version_id = version_id or there.version_id
        if there.version_id != version_id:  # one run was counted with newer ones: never both
            continue
        at = there.of_zones([stretch.kept.zone_of[area] for area in stretch.areas])
        if found.place is not None and not stretch.whole:
            at = at[shapely.intersects_xy(found.place.geometry, there.longitude[at], there.latitude[at])]
        reached = _reached(stretch, found.reading_for(stretch.kept.run))[at]
        modelled = there.modelled[at] & stretch.modelled
        categories = _categories(session, version_id, there.number[at])
        for category, is_reached, is_modelled in zip(categories, reached.tolist(), modelled.tolist(), strict=True):
            count = counts.setdefault(category, [0, 0, 0])
            count[0] += is_reached and is_modelled
            count[1] += 1
            count[2] += not is_modelled
        for i in at[reached & modelled].tolist():
            dry = not there.value[i] > 0 and stretch.kept.run.hazard.kind == Kind.FLOOD_DEPTH
            value = float(there.over_ground_m[i] if dry else there.value[i]) + found.question.reading.rise_m
            at_risk[int(there.number[i])] = value, dry and there.over_ground_m[i] == 0
    if version_id is None:
        return None, (), None
    kinds = tuple(FacilitiesOfKind(category, *counts[category]) for category in sorted(counts))
    return kinds, _named(session, version_id, at_risk), version_id


def _reached(stretch: Stretch, reading: Reading) -> NDArray[np.bool_]:
    """Which of all facilities the hazard reaches, read like this, (n,)."""
    there, (chunk, thresholds) = stretch.kept.facilities, stretch.kept.values(reading)
    assert there is not None  # noqa: S101  the caller asked
    at = float(chunk.comparable(thresholds[:1])[0])
    if chunk is stretch.kept.over_ground:
        return np.asarray(np.where(np.isnan(there.over_ground_m), there.value, there.over_ground_m) >= at)
    return np.asarray(there.value >= at)


def _categories(session: Session, version_id: UUID, numbers: NDArray[np.int64]) -> list[str]:
    rows = session.execute(
        select(Feature.number, Feature.category).where(
            Feature.version_id == version_id, Feature.number.in_(numbers.tolist())
        )
    )
    known = {number: category or "" for number, category in rows}
    return [known.get(number, "") for number in numbers.tolist()]


def _named(session: Session, version_id: UUID, at_risk: Mapping[int, tuple[float, bool]]) -> tuple[FacilityAtRisk, ...]:
    rows = session.execute(
        select(Feature.number, Feature.category, Feature.name, Feature.place)
        .where(Feature.version_id == version_id, Feature.number.in_(list(at_risk)))
        .order_by(Feature.category, Feature.name.nulls_last(), Feature.number)
        .limit(MOST_NAMED)
    )
    found = []
    for number, category, name, place in rows:
        centre = shapely.from_wkb(bytes(place.data)).centroid
        value, low_and_dry = at_risk[number]
        known = round(value, 6) if math.isfinite(value) else None
        found.append(FacilityAtRisk(category or "", name, centre.x, centre.y, known, bool(low_and_dry)))
    return tuple(found)


def _sources(session: Session, found: Asked, facility_version: UUID | None) -> tuple[Source, ...]:
    """All that the numbers rest on, each once."""
    rests = [source for s in found.stretches if s.modelled for source in s.kept.run.sources]
    if not rests:
        rests = list(found.stretches[0].kept.run.sources[1:])
    if found.question.reading.rise_m > 0:
        rests += [s.kept.run.elevation for s in found.stretches if s.modelled and s.kept.run.elevation]
    if facility_version is not None:
        rests.append(Source.of(version(session, facility_version)))
    return tuple({source.version_id: source for source in rests}.values())


def _marks(found: Asked, total: Number, cells: Cells) -> tuple[str, ...]:
    marks = []
    if total.exposed and len(cells) < FEW_CELLS:
        marks.append("few_cells")
    if total.not_modelled > 0:
        marks.append("partly_covered")
    return (*marks, *found.marks)
