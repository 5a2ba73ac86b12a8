"""Which counting answers for a hazard: by return period or event for each municipality the best one, or one by name.

For a return period or an event, each municipality takes the highest-ranked layer that covers it wholly, never two of
them; where none does, it is not modelled. A layer or a run that was chosen itself counts where it covers in part, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Self
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from layers.answering import KeptFiles
from layers.areas import Area, Level
from layers.catalogue import Kind, LayerVersion, Method, State, precedence, shown
from layers.errors import CountedByOlderEdition, NoDepths, NothingCounted
from layers.exposure import ExposureFigure, ExposureRun
from layers.measures import MEASURES, Measure


class Family(StrEnum):
    """Hazards that stand for one another."""

    FLOOD = "flood"
    FIRE = "fire"


FAMILIES: Final = {Kind.FLOOD_DEPTH: Family.FLOOD, Kind.FLOOD_EXTENT: Family.FLOOD, Kind.FIRE_DANGER: Family.FIRE}


@dataclass(frozen=True)
class Hazard:
    """What is asked about: a family with return period or event, or one layer's version, or one run of it.

    event: also the name of a layer that has neither return period nor event.
    """

    family: Family | None = None
    years: float | None = None
    event: str | None = None
    version_id: UUID | None = None
    run_id: UUID | None = None

    @property
    def single(self) -> bool:
        """Whether one layer was chosen itself."""
        return self.family is None

    def data(self) -> dict[str, Any]:
        """As JSON knows it; only what was said."""
        said = {
            "family": self.family.value if self.family else None,
            "years": self.years,
            "event": self.event,
            "version": str(self.version_id) if self.version_id else None,
            "run": str(self.run_id) if self.run_id else None,
        }
        return {key: value for key, value in said.items() if value is not None}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """What data() gave. Raises NothingCounted where it names no hazard."""
        try:
            found = cls(
                family=Family(data["family"]) if "family" in data else None,
                years=float(data["years"]) if "years" in data else None,
                event=str(data["event"]) if "event" in data else None,
                version_id=UUID(data["version"]) if "version" in data else None,
                run_id=UUID(data["run"]) if "run" in data else None,
            )
        except (ValueError, TypeError, AttributeError) as error:
            raise NothingCounted from error
        if sum(chosen is not None for chosen in (found.family, found.version_id, found.run_id)) != 1:
            raise NothingCounted
        return found


@dataclass(frozen=True)
class Source:
    """A layer's version that a number rests on, as it was called when the number was made."""

    version_id: UUID
    kind: Kind
    layer: str
    number: int
    producer: str
    licence: str
    vintage: str
    method: Method

    @classmethod
    def of(cls, version: LayerVersion) -> Self:
        """What is said of a version."""
        v = version
        return cls(v.id, v.layer.kind, v.layer.name, v.number, v.producer, v.licence, v.vintage, v.method)

    def data(self) -> dict[str, Any]:
        """As JSON knows it."""
        return {
            "version": str(self.version_id),
            "kind": self.kind.value,
            "layer": self.layer,
            "number": self.number,
            "producer": self.producer,
            "licence": self.licence,
            "vintage": self.vintage,
            "method": self.method.value,
        }


@dataclass(frozen=True)
class Run:
    """A stored counting with what it rests on; its files are kept as long as it is."""

    id: UUID
    hazard: Source
    population: Source
    boundaries: Source
    elevation: Source | None
    years: float | None
    event: str | None
    threshold: float
    edges: tuple[float, ...]
    method: str
    computed_at: datetime
    files: KeptFiles

    @property
    def measure(self) -> Measure:
        """Threshold and classes of its kind, with their unit."""
        return MEASURES[self.hazard.kind]

    @property
    def sources(self) -> tuple[Source, ...]:
        """All that its stored numbers rest on."""
        return self.hazard, self.population, self.boundaries


@dataclass(frozen=True)
class Figure:
    """Of a stored figure what decides whether it is shown."""

    modelled: bool
    covered: bool
    marks: tuple[str, ...]


def runs_of(session: Session, hazard: Hazard, *, with_depths: bool = False) -> list[Run]:
    """The runs that may answer, the best first. with_depths: those that are asked for a threshold or a rise.

    Raises NothingCounted, CountedByOlderEdition; NoDepths where a threshold or a rise has no layer to answer it.
    """
    rows = _rows(session, hazard)
    if not rows:
        raise NothingCounted
    able = [row for row in rows if not with_depths or row[1].layer.kind != Kind.FLOOD_EXTENT]
    if not able:
        raise NoDepths(layer=rows[0][1].layer.name)
    kept = [row for row in able if row[0].index_file is not None]
    if not kept:
        raise CountedByOlderEdition(layer=able[0][1].layer.name)
    others = {
        i for run, _ in kept for i in (run.population_version_id, run.boundary_version_id, run.elevation_version_id)
    }
    versions = {v.id: v for v in session.scalars(select(LayerVersion).where(LayerVersion.id.in_(others)))}
    return [_run(run, hazard_version, versions) for run, hazard_version in kept]


def _rows(session: Session, hazard: Hazard) -> list[tuple[ExposureRun, LayerVersion]]:
    query = select(ExposureRun, LayerVersion).join(LayerVersion, LayerVersion.id == ExposureRun.hazard_version_id)
    if hazard.run_id is not None:
        return [(run, version) for run, version in session.execute(query.where(ExposureRun.id == hazard.run_id))]
    if hazard.version_id is not None:
        newest = query.where(LayerVersion.id == hazard.version_id).order_by(ExposureRun.computed_at.desc()).limit(1)
        return [(run, version) for run, version in session.execute(newest)]
    kinds = [kind for kind, family in FAMILIES.items() if family == hazard.family]
    wanted = {v.id for kind in kinds for v in shown(session, kind) if _is_meant(v, hazard)}
    rows = session.execute(query.where(LayerVersion.id.in_(wanted), ExposureRun.superseded_at.is_(None)))
    ready = [(run, version) for run, version in rows if version.state == State.READY]
    return sorted(ready, key=lambda r: precedence(r[1]))


def _is_meant(version: LayerVersion, hazard: Hazard) -> bool:
    layer = version.layer
    if hazard.years is not None:
        return layer.return_period_years == hazard.years
    return layer.return_period_years is None and (layer.event or layer.name) == hazard.event


def _run(run: ExposureRun, hazard: LayerVersion, versions: Mapping[UUID, LayerVersion]) -> Run:
    return Run(
        id=run.id,
        hazard=Source.of(hazard),
        population=Source.of(versions[run.population_version_id]),
        boundaries=Source.of(versions[run.boundary_version_id]),
        elevation=Source.of(versions[run.elevation_version_id]) if run.elevation_version_id else None,
        years=hazard.layer.return_period_years,
        event=hazard.layer.event,
        threshold=run.threshold,
        edges=tuple(run.edges),
        method=run.method,
        computed_at=run.computed_at,
        files=KeptFiles(
            run.gathered_file, run.over_ground_file, run.over_ground_pyramid, str(run.index_file), run.facilities_file
        ),
    )


def figures_of(session: Session, run_id: UUID) -> dict[UUID, Figure]:
    """Of each municipality of a run whether it is modelled and covered wholly. Stored figures never change."""
    rows = session.execute(
        select(
            ExposureFigure.area_id, ExposureFigure.exposed.is_not(None), ExposureFigure.covered, ExposureFigure.marks
        )
        .join(Area, Area.id == ExposureFigure.area_id)
        .where(ExposureFigure.run_id == run_id, Area.level == Level.MUNICIPALITY)
    )
    return {area: Figure(modelled, covered, tuple(marks)) for area, modelled, covered, marks in rows}


def answering(
    runs: Sequence[Run], figures: Mapping[UUID, Mapping[UUID, Figure]], municipality: UUID, *, single: bool
) -> Run | None:
    """The run that answers for a municipality; None where nothing models it.

    figures: of each run (figures_of); single: one layer was chosen itself.
    """
    for run in runs:
        figure = figures[run.id].get(municipality)
        if figure is not None and figure.modelled and (figure.covered or single):
            return run
    return None


def methods(sources: Iterable[Source]) -> set[Method]:
    """How what a number rests on came about."""
    return {source.method for source in sources}


@dataclass(frozen=True)
class RisenPicture:
    """Whose tiles show a flood after a rise: of the run, spread by height; or of the version, deepened where it is wet.

    The latter is a lower bound, without spread.
    """

    version_id: UUID
    run_id: UUID | None

    @property
    def spread(self) -> bool:
        """Whether dry ground that the water reaches is drawn."""
        return self.run_id is not None


def risen_picture(run: Run) -> RisenPicture | None:
    """How the hazard of a run is drawn after a rise; None where it has no depths."""
    if run.hazard.kind != Kind.FLOOD_DEPTH:
        return None
    return RisenPicture(run.hazard.version_id, run.id if run.files.over_ground_pyramid else None)
