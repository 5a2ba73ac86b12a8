"""Questions about a place, and which counting answers for which part of it.

A place is an area or what was drawn. It is cut by the municipalities, and each part is counted by the run that answers
for its municipality: so the answer for a municipality's outline is the stored number, and the parts of a whole add up
to it. Nothing is read but what the countings keep (layers.answering).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self
from uuid import UUID

import numpy as np
import shapely
from sqlalchemy import select
from sqlalchemy.orm import Session

from foundation.errors import N_
from gis.exposure import ExposureIndex
from gis.polygons import areas as areal
from layers.areas import Area, Boundary, Level, municipalities_of
from layers.errors import CountedInAnother, NoBoundary, NoSuchArea, PlaceNotUnderstood
from layers.findings import Finding, finding
from layers.places import Place, drawn, refuse_outside
from layers.recounting import KeptRun, KeptRuns, Outlines, Reading
from layers.runs import Hazard, Run, answering, runs_of

BELOW: Final = (Level.SETTLEMENT, Level.LOCAL_COMMUNITY)
LEFT_OUT_SHARE: Final = 0.001
"""Outlines of two sources never lie exactly on each other: less than this beyond the border is not mentioned."""


@dataclass(frozen=True)
class Question:
    """Which hazard, how it is read, and where: an area, or a GeoJSON geometry with what lies within buffer_m of it."""

    hazard: Hazard
    reading: Reading = field(default_factory=Reading)
    area_id: UUID | None = None
    geometry: Mapping[str, Any] | None = None
    buffer_m: float | None = None

    def data(self) -> dict[str, Any]:
        """As JSON knows it."""
        where: dict[str, Any] = {"area": str(self.area_id)} if self.area_id else {"geometry": self.geometry}
        if self.buffer_m is not None:
            where["buffer_m"] = self.buffer_m
        return {"hazard": self.hazard.data(), "where": where, **self.reading.data()}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """What data() gave. Raises NothingCounted, PlaceNotUnderstood and what Reading.from_data raises."""
        where = data.get("where")
        if not isinstance(where, Mapping):
            raise PlaceNotUnderstood(reason=N_("no place is given"))
        buffer_m = where.get("buffer_m")
        try:
            area_id = UUID(where["area"]) if "area" in where else None
            buffer_m = None if buffer_m is None else float(buffer_m)
        except (ValueError, TypeError, AttributeError) as error:
            raise PlaceNotUnderstood(reason=N_("no place is given")) from error
        if (area_id is None) == ("geometry" not in where):
            raise PlaceNotUnderstood(reason=N_("give either an area or a geometry"))
        hazard = data.get("hazard")
        return cls(
            hazard=Hazard.from_data(hazard if isinstance(hazard, Mapping) else {}),
            reading=Reading.from_data(data),
            area_id=area_id,
            geometry=where.get("geometry"),
            buffer_m=buffer_m,
        )


@dataclass(frozen=True)
class Stretch:
    """Parts of a place that are counted together: of one run, as zones of its index or as polygons.

    run: whose population it is counted on; modelled: whether the run answers, or only says how many people there are.
    """

    kept: KeptRun
    modelled: bool
    areas: tuple[UUID, ...]
    whole: bool
    index: ExposureIndex


@dataclass(frozen=True)
class Asked:
    """A question with the stretches that answer it, before anything is counted."""

    question: Question
    place: Place | None
    runs: tuple[Run, ...]
    stretches: tuple[Stretch, ...]
    marks: tuple[str, ...]
    findings: tuple[Finding, ...]

    def reading_for(self, run: Run) -> Reading:
        """The question's reading, with the same classes for all runs that have any."""
        return reading_for(self.question.reading, self.runs, run)

    @property
    def edges(self) -> tuple[float, ...]:
        """The limits of the classes, in the hazard's unit."""
        return edges_of(self.question.reading, self.runs)


def edges_of(reading: Reading, runs: Sequence[Run]) -> tuple[float, ...]:
    """The limits of the classes: as asked for, or of the best run that has any."""
    return reading.edges if reading.edges is not None else next((run.edges for run in runs if run.edges), ())


def reading_for(reading: Reading, runs: Sequence[Run], run: Run) -> Reading:
    """How one of the runs is read, with the same classes for all that have any."""
    edges = edges_of(reading, runs)
    return replace(reading, edges=edges) if reading.edges is None and run.edges and run.edges != edges else reading


def asked(session: Session, kept: KeptRuns, question: Question) -> Asked:
    """Find what answers a question. Raises the errors of ask()."""
    runs = runs_of(session, question.hazard, with_depths=question.reading.needs_values)
    for run in runs:
        question.reading.refuse_for(run)
    choose = Choice(session, kept, runs, single=question.hazard.single)
    if question.area_id is not None:
        stretches = tuple(_of_area(session, choose, question.area_id))
        return Asked(question, None, tuple(runs), stretches, choose.marks(stretches), ())
    place = drawn(question.geometry or {}, question.buffer_m)
    stretches, left_out = _of_place(choose, place)
    findings = place.findings
    if left_out > LEFT_OUT_SHARE:
        text = N_("{km2} km² of the area lie outside the country and were left out.")
        findings += (finding("outside_country", text, km2=round(place.area_km2 * left_out, 1)),)
    return Asked(question, place, tuple(runs), stretches, choose.marks(stretches), findings)


class Choice:
    """Which run answers for which municipality, best first."""

    def __init__(self, session: Session, kept: KeptRuns, runs: Sequence[Run], *, single: bool) -> None:
        self.session, self.kept, self.runs, self.single = session, kept, runs, single
        self.figures = {run.id: kept.figures(session, run) for run in runs}

    def answering(self, municipality: UUID) -> Run | None:
        """The run that answers for a municipality; None where nothing models it."""
        return answering(self.runs, self.figures, municipality, single=self.single)

    def counting(self, area: UUID) -> Run | None:
        """The best run that counts the people of an area, whether it models it or not."""
        return next((run for run in self.runs if area in self.kept.run(run).zone_of), None)

    def marks(self, stretches: Iterable[Stretch]) -> tuple[str, ...]:
        """Marks that the stored figures of the municipalities have because of what they rest on."""
        for stretch in stretches:
            figures = self.figures[stretch.kept.run.id]
            if any("off_estimate" in figures[area].marks for area in stretch.areas if area in figures):
                return ("off_estimate",)
        return ()


def _of_area(session: Session, choose: Choice, area_id: UUID) -> Iterator[Stretch]:
    area = session.get(Area, area_id)
    if area is None:
        raise NoSuchArea(id=area_id)
    if area.level in BELOW:
        wanted = {area.id: None if area.parent_id is None else choose.answering(area.parent_id)}
    else:
        wanted = {m: choose.answering(m) for m in municipalities_of(session, area_id)}
    groups: dict[tuple[UUID, bool], list[UUID]] = {}
    for one, run in wanted.items():
        counting = run if run is not None and one in choose.kept.run(run).zone_of else choose.counting(one)
        if counting is not None:
            groups.setdefault((counting.id, counting is run), []).append(one)
    if not groups:
        raise _no_boundary(session, choose.runs, area)
    for run in choose.runs:
        kept = choose.kept.run(run)
        for modelled in (True, False):
            zones = sorted(kept.zone_of[one] for one in groups.get((run.id, modelled), ()))
            if zones:
                whole = tuple(kept.areas.areas[zone] for zone in zones)
                yield Stretch(kept, modelled, whole, True, kept.index.only(zones))


def _no_boundary(session: Session, runs: Sequence[Run], area: Area) -> NoBoundary:
    host = session.scalars(
        select(Area)
        .join(Boundary, Boundary.area_id == Area.id)
        .where(Boundary.version_id == runs[0].boundaries.version_id, Boundary.also_covers.contains([area.id]))
        .limit(1)
    ).one_or_none()
    return CountedInAnother(area=area.name, host=host.name) if host else NoBoundary(area=area.name)


def _of_place(choose: Choice, place: Place) -> tuple[tuple[Stretch, ...], float]:
    """(the stretches, share of the place that lies in no municipality)."""
    seen: dict[int, tuple[Outlines, shapely.Geometry, dict[UUID, int], set[int]]] = {}
    wanted: dict[UUID, tuple[Run, bool]] = {}
    for run in choose.runs:
        outlines = choose.kept.outlines(choose.session, run)
        if id(outlines) not in seen:
            here = outlines.to_crs(place.geometry)
            touched = outlines.tree.query(here, predicate="intersects").tolist()
            within = set(outlines.tree.query(here, predicate="contains").tolist())
            seen[id(outlines)] = outlines, here, {outlines.areas[i]: i for i in touched}, within
        for area in seen[id(outlines)][2]:
            if area not in wanted and area in choose.kept.run(run).zone_of:
                answering = choose.answering(area)
                counting = answering if answering and area in choose.kept.run(answering).zone_of else run
                wanted[area] = counting, counting is answering
    stretches: list[Stretch] = []
    covered = 0.0
    taken_of = {key: set(within) for key, (_, _, _, within) in seen.items()}
    for run in choose.runs:
        kept = choose.kept.run(run)
        key = id(choose.kept.outlines(choose.session, run))
        (outlines, here, touched, within), taken = seen[key], taken_of[key]
        for modelled in (True, False):
            mine = [a for a in touched if wanted.get(a) == (run, modelled)]
            inside = sorted(kept.zone_of[a] for a in mine if touched[a] in within)
            cut = sorted((a for a in mine if touched[a] not in within), key=lambda a: kept.zone_of[a])
            pieces = []
            for a in cut:
                piece = _piece(outlines, here, touched[a], taken)
                taken.add(touched[a])
                if not piece.is_empty:
                    pieces.append((a, piece))
            covered += sum(outlines.geometry[touched[a]].area for a in mine if touched[a] in within) / here.area
            covered += sum(piece.area for _, piece in pieces) / here.area
            if inside:
                areas = tuple(kept.areas.areas[z] for z in inside)
                stretches.append(Stretch(kept, modelled, areas, True, kept.index.only(inside)))
            if pieces:
                index = ExposureIndex.build(kept.index.population, np.array([p for _, p in pieces], dtype=object))
                stretches.append(Stretch(kept, modelled, tuple(a for a, _ in pieces), False, index))
    if not stretches:
        refuse_outside(place)
    return tuple(stretches), 1.0 - covered


def _piece(outlines: Outlines, here: shapely.Geometry, position: int, taken: Collection[int]) -> shapely.Geometry:
    """What a place has of a municipality, without land that it shares with one that was taken already."""
    piece = areal(shapely.intersection(here, outlines.geometry[position]))
    for other in outlines.overlapping.get(position, frozenset()).intersection(taken):
        piece = areal(shapely.difference(piece, outlines.geometry[other]))
    return piece
