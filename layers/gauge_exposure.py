"""People exposed under what a gauge's threshold is tied to, in the municipality that follows the gauge.

A version or a return period is looked up in the stored exposure. A rise above it is counted by a job (rises_to_count,
count_rise, keep_rise) and stored, too: nothing is computed while somebody waits for the state of a river.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import numpy as np
from sqlalchemy import ForeignKey, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from foundation.database import Base, app_may
from gis.gathered import load_hazard, load_index
from gis.rise import risen_thresholds, without_ground
from layers.answering import CountedAreas
from layers.catalogue import Kind, Layer, LayerVersion, State, precedence
from layers.exposure import ExposureFigure, ExposureRun
from layers.files import FileStore
from layers.gauges import Station, StationThreshold, stations, thresholds


class Known(StrEnum):
    """Whether a number of people can be given, and why not."""

    COUNTED = "counted"
    NOT_TIED = "not_tied"  # nobody said which flood the threshold stands for
    NOT_MODELLED = "not_modelled"  # no layer of that flood covers the municipality
    NOT_COUNTED = "not_counted"  # the count is still to be made
    WITHDRAWN = "withdrawn"  # the layer was taken out of use


@dataclass(frozen=True)
class Exposed:
    """People of the gauge's municipality. people: unrounded, only where COUNTED; never 0 for what is not modelled.

    lower_bound: of a rise where the height of some ground is not known: there only wet cells deepen.
    """

    known: Known
    people: float | None = None
    population: float | None = None
    not_modelled: float | None = None
    covered: bool | None = None
    lower_bound: bool = False
    hazard: LayerVersion | None = None
    run_id: UUID | None = None


class RiseExposure(Base):
    """People under a run's flood risen by so much, counted for one area; goes with its run."""

    __tablename__ = "rise_exposure"
    __table_args__ = ({"info": app_may("SELECT", "INSERT")},)

    run_id: Mapped[UUID] = mapped_column(ForeignKey("exposure_run.id"), primary_key=True)
    area_id: Mapped[UUID] = mapped_column(ForeignKey("area.id"), primary_key=True)
    rise_m: Mapped[float] = mapped_column(primary_key=True)
    exposed: Mapped[float | None]
    population: Mapped[float]
    not_modelled: Mapped[float]
    lower_bound: Mapped[bool]
    computed_at: Mapped[datetime]


Pair = tuple[Station, StationThreshold]


def exposed(session: Session, pairs: Sequence[Pair]) -> dict[UUID, Exposed]:
    """What is known of the people under each threshold, by the threshold's id."""
    based = _bases(session, pairs)
    rises = _rises(session, [(run.id, s.municipality_id) for s, t in pairs if (run := based.runs.get(t.id))])
    found: dict[UUID, Exposed] = {}
    for station, threshold in pairs:
        run, figure, hazard = based.runs.get(threshold.id), based.figures.get(threshold.id), based.hazards
        if threshold.hazard_version_id is None and threshold.return_period_years is None:
            found[threshold.id] = Exposed(Known.NOT_TIED)
        elif (pinned := threshold.hazard_version_id) and hazard[pinned].state == State.WITHDRAWN:
            found[threshold.id] = Exposed(Known.WITHDRAWN, hazard=hazard[pinned])
        elif run is None or figure is None:
            # Of a return period only what covers the municipality is looked at; a version may be waiting for its job.
            known = Known.NOT_COUNTED if threshold.hazard_version_id else Known.NOT_MODELLED
            found[threshold.id] = Exposed(known, hazard=hazard.get(threshold.hazard_version_id or UUID(int=0)))
        else:
            found[threshold.id] = _of(threshold, run, figure, hazard[run.hazard_version_id], rises, station)
    return found


def _of(
    threshold: StationThreshold,
    run: ExposureRun,
    figure: ExposureFigure,
    hazard: LayerVersion,
    rises: dict[tuple[UUID, UUID, float], RiseExposure],
    station: Station,
) -> Exposed:
    people, lower_bound = figure.exposed, False
    population, not_modelled = figure.population, figure.not_modelled
    if threshold.rise_m and hazard.layer.kind != Kind.FLOOD_DEPTH:
        return Exposed(Known.NOT_MODELLED, hazard=hazard, run_id=run.id)  # an outline has no depth that could rise
    if threshold.rise_m:
        risen = rises.get((run.id, station.municipality_id, threshold.rise_m))
        if risen is None:
            return Exposed(Known.NOT_COUNTED, hazard=hazard, run_id=run.id)
        people, lower_bound = risen.exposed, risen.lower_bound
        population, not_modelled = risen.population, risen.not_modelled
    if people is None:
        return Exposed(Known.NOT_MODELLED, hazard=hazard, run_id=run.id, population=population)
    return Exposed(Known.COUNTED, people, population, not_modelled, figure.covered, lower_bound, hazard, run.id)


@dataclass
class _Bases:
    runs: dict[UUID, ExposureRun]
    figures: dict[UUID, ExposureFigure]
    hazards: dict[UUID, LayerVersion]


def _bases(session: Session, pairs: Sequence[Pair]) -> _Bases:
    """For each threshold the current run that it is tied to, with the municipality's figure."""
    pinned = {t.hazard_version_id for _, t in pairs if t.hazard_version_id}
    periods = {t.return_period_years for _, t in pairs if t.return_period_years}
    areas = {s.municipality_id for s, t in pairs if t.hazard_version_id or t.return_period_years}
    hazards = {v.id: v for v in session.scalars(select(LayerVersion).where(LayerVersion.id.in_(pinned)))}
    by_version: dict[tuple[UUID, UUID], tuple[ExposureFigure, ExposureRun]] = {}
    by_period: dict[tuple[UUID, float], tuple[ExposureFigure, ExposureRun]] = {}
    for figure, run, version in _figures(session, areas, pinned, periods):
        hazards[version.id] = version
        by_version[figure.area_id, version.id] = figure, run
        years = version.layer.return_period_years
        if years is not None and figure.covered and figure.exposed is not None and version.state == State.READY:
            by_period.setdefault((figure.area_id, years), (figure, run))
    bases = _Bases({}, {}, hazards)
    for station, threshold in pairs:
        found = None
        if threshold.hazard_version_id:
            found = by_version.get((station.municipality_id, threshold.hazard_version_id))
        elif threshold.return_period_years:
            found = by_period.get((station.municipality_id, threshold.return_period_years))
        if found:
            bases.figures[threshold.id], bases.runs[threshold.id] = found
    return bases


def _figures(
    session: Session, areas: Collection[UUID], pinned: Collection[UUID], periods: Collection[float]
) -> list[tuple[ExposureFigure, ExposureRun, LayerVersion]]:
    """Current figures of floods, the best layer first."""
    if not areas:
        return []
    rows = session.execute(
        select(ExposureFigure, ExposureRun, LayerVersion)
        .join(ExposureRun, ExposureRun.id == ExposureFigure.run_id)
        .join(LayerVersion, LayerVersion.id == ExposureRun.hazard_version_id)
        .join(Layer, Layer.id == LayerVersion.layer_id)
        .where(
            ExposureFigure.area_id.in_(areas),
            ExposureRun.superseded_at.is_(None),
            LayerVersion.id.in_(pinned) | Layer.return_period_years.in_(periods),
        )
    )
    found = [(figure, run, version) for figure, run, version in rows]
    return sorted(found, key=lambda r: precedence(r[2]))


def _rises(session: Session, wanted: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID, float], RiseExposure]:
    runs = {run for run, _ in wanted}
    if not runs:
        return {}
    rows = session.scalars(select(RiseExposure).where(RiseExposure.run_id.in_(runs)))
    return {(r.run_id, r.area_id, r.rise_m): r for r in rows}


# --- rises -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RiseTask:
    """A rise to be counted; nothing in it is tied to a session."""

    run_id: UUID
    area_id: UUID
    rise_m: float
    threshold: float
    index_file: str
    gathered_file: str
    over_ground_file: str | None


@dataclass(frozen=True)
class RiseCount:
    """What was counted of a RiseTask."""

    exposed: float | None
    population: float
    not_modelled: float
    lower_bound: bool


def rises_to_count(session: Session) -> list[RiseTask]:
    """The rises that thresholds in force are tied to and that nobody has counted yet."""
    read = {s.id: s for s in stations(session)}
    pairs = [(read[i], t) for i, limits in thresholds(session, list(read)).items() for t in limits if t.rise_m]
    bases, known = _bases(session, pairs), exposed(session, pairs)
    found: dict[tuple[UUID, UUID, float], RiseTask] = {}
    for station, threshold in pairs:
        run = bases.runs.get(threshold.id)
        if run is None or threshold.rise_m is None or known[threshold.id].known != Known.NOT_COUNTED:
            continue
        if run.index_file is None:  # of an older edition; its count is to be made anew
            continue
        found[run.id, station.municipality_id, threshold.rise_m] = RiseTask(
            run.id,
            station.municipality_id,
            threshold.rise_m,
            run.threshold,
            run.index_file,
            run.gathered_file,
            run.over_ground_file,
        )
    return list(found.values())


def count_rises(tasks: Sequence[RiseTask], store: FileStore) -> list[RiseCount]:
    """People under each rise. With elevation the water spreads to what it reaches; without, wet cells deepen only.

    Raises GisError, FileVanished where a kept file cannot be used.
    """
    return [_count(task, store) for task in tasks]


def keep_rises(session: Session, tasks: Sequence[RiseTask], counts: Sequence[RiseCount], *, at: datetime) -> None:
    """Store what was counted; what another worker has stored meanwhile is the same."""
    for task, count in zip(tasks, counts, strict=True):
        row = {
            "run_id": task.run_id,
            "area_id": task.area_id,
            "rise_m": task.rise_m,
            "computed_at": at,
            **asdict(count),
        }
        session.execute(insert(RiseExposure).values(row).on_conflict_do_nothing())


def _count(task: RiseTask, store: FileStore) -> RiseCount:
    index, zones = load_index(store.path(task.index_file))
    zone = CountedAreas.from_data(zones).areas.index(task.area_id)
    spread = task.over_ground_file is not None
    hazard = load_hazard(store.path(task.over_ground_file or task.gathered_file))
    scores = index.score([hazard], risen_thresholds([task.threshold], task.rise_m, hazard, spread=spread))
    people = float(scores.exposed[zone, 0])
    entries = slice(index.zone_start[zone], index.zone_start[zone + 1])
    unknown = without_ground(hazard)[index.entry_cell[entries]] if spread else np.ones(1)
    return RiseCount(
        exposed=None if math.isnan(people) else people,
        population=float(scores.population[zone]),
        not_modelled=float(scores.not_modelled[zone]),
        lower_bound=bool(unknown.any()),
    )
