"""What map, table and card show: for a chosen hazard, the people of each municipality, rounded once for all of them.

A number is rounded here and nowhere else, from the country down, so that every page says the same and adds up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.names import folded, in_order, name_of, sorted_by_name
from app.numbers import rounded, rounded_tree
from layers import annual
from layers.areas import Area, Boundary, Level
from layers.catalogue import Kind, LayerVersion, Method, State, precedence, shown
from layers.exposure import ExposureFigure, ExposureRun
from layers.measures import MEASURES
from layers.recounting import KeptRuns, Reading, Spread
from layers.runs import Hazard, runs_of

FLOOD: Final = "flood"
FIRE: Final = "fire"
FAMILIES: Final = {Kind.FLOOD_DEPTH: FLOOD, Kind.FLOOD_EXTENT: FLOOD, Kind.FIRE_DANGER: FIRE}
TREE: Final = (Level.COUNTRY, Level.ENTITY, Level.CANTON, Level.MUNICIPALITY)

MODELLED: Final = "modelled"
PARTLY: Final = "partly"
NOT_MODELLED: Final = "not_modelled"


@dataclass(frozen=True)
class Run:
    """A current run with the versions that it rests on."""

    id: UUID
    hazard: LayerVersion
    population: LayerVersion
    boundaries: LayerVersion
    threshold: float
    edges: tuple[float, ...]
    computed_at: datetime
    method: str

    @property
    def unit(self) -> str:
        """Of threshold and edges."""
        measure = MEASURES.get(self.hazard.layer.kind)
        return measure.unit if measure else ""

    @property
    def versions(self) -> tuple[LayerVersion, ...]:
        """All that it rests on."""
        return self.hazard, self.population, self.boundaries


@dataclass(frozen=True)
class Choice:
    """A hazard that can be chosen: a return period or an event of a family, from its best layers or from one of them.

    layer: the name of the one layer; None where each municipality takes the best that covers it wholly. hazards: its
    layers, the best first; runs: of those that are counted.
    """

    key: str
    family: str
    years: float | None
    event: str | None
    layer: str | None
    hazards: tuple[LayerVersion, ...]
    runs: tuple[Run, ...]
    rise_m: float = 0.0  # the flood after its water has risen by so much

    @property
    def can_rise(self) -> bool:
        """Whether any of its layers has depths."""
        return any(run.hazard.layer.kind == Kind.FLOOD_DEPTH for run in self.runs)

    @property
    def illustrative(self) -> bool:
        """Whether anything that it rests on is only illustrative."""
        rests_on = [*self.hazards, *(v for run in self.runs for v in run.versions)]
        return any(v.method == Method.ILLUSTRATIVE for v in rests_on)


@dataclass(frozen=True)
class Exact:
    """The numbers as they were counted, unrounded: for files that programs read."""

    population: float
    exposed: float | None
    by_class: tuple[float, ...] | None
    not_modelled: float


@dataclass(frozen=True)
class Row:
    """One municipality. Numbers are whole and add up; exposed and by_class are None where it is not modelled."""

    area: Area
    above: tuple[Area, ...]  # nearest first
    state: str
    population: int | None
    exposed: int | None
    share: float | None
    by_class: tuple[int, ...] | None
    not_modelled: int
    marks: tuple[str, ...]
    run: Run | None
    counted_in: Area | None = None  # it has no boundary of its own: its people are that one's
    exact: Exact | None = None  # None where nothing has been counted for it

    def over(self, level: Level) -> Area | None:
        """What lies over it on that level; nothing where the tree has no such level here."""
        return next((a for a in self.above if a.level == level), None)


@dataclass(frozen=True)
class Situation:
    """All municipalities under one choice, by name."""

    choice: Choice | None
    rows: tuple[Row, ...]
    spread: Spread | None = None  # how far a rise tells of dry ground
    low_and_dry: float = 0.0  # of the exposed after a rise: on ground below the water that the layer shows dry

    @cached_property
    def by_area(self) -> Mapping[UUID, Row]:
        """The rows by area."""
        return {row.area.id: row for row in self.rows}

    @property
    def run(self) -> Run | None:
        """The run that most rests on; its classes head the table."""
        return self.choice.runs[0] if self.choice and self.choice.runs else None


@dataclass
class Total:
    """Sums of rows as they are shown."""

    area: Area | None
    rows: int = 0
    not_modelled_rows: int = 0
    population: int = 0
    exposed: int = 0
    not_modelled: int = 0
    modelled_population: int = 0
    by_class: list[int] = field(default_factory=list)

    def add(self, row: Row) -> None:
        """Count a row in."""
        self.rows += 1
        self.population += row.population or 0
        self.not_modelled += row.not_modelled
        if row.exposed is None:
            self.not_modelled_rows += 1
            return
        self.exposed += row.exposed
        self.modelled_population += row.population or 0
        for i, people in enumerate(row.by_class or ()):
            if i == len(self.by_class):
                self.by_class.append(0)
            self.by_class[i] += people

    @property
    def share(self) -> float | None:
        """Of the people of the rows that are modelled."""
        return self.exposed / self.modelled_population if self.modelled_population else None


def current_runs(session: Session) -> list[Run]:
    """The runs in force, best method first."""
    rows = session.scalars(select(ExposureRun).where(ExposureRun.superseded_at.is_(None))).all()
    ids = {i for r in rows for i in (r.hazard_version_id, r.population_version_id, r.boundary_version_id)}
    versions = {v.id: v for v in session.scalars(select(LayerVersion).where(LayerVersion.id.in_(ids)))}
    newest = {v.id for kind in FAMILIES for v in shown(session, kind)}
    runs = [
        Run(
            id=r.id,
            hazard=versions[r.hazard_version_id],
            population=versions[r.population_version_id],
            boundaries=versions[r.boundary_version_id],
            threshold=r.threshold,
            edges=tuple(r.edges),
            computed_at=r.computed_at,
            method=r.method,
        )
        for r in rows
        if r.hazard_version_id in newest and versions[r.hazard_version_id].state == State.READY
    ]
    return sorted(runs, key=lambda run: precedence(run.hazard))


def choices(session: Session) -> list[Choice]:
    """What can be chosen: floods by return period, events, fire danger; then the single layers where there are more.

    A layer that is not counted can be chosen, too: it is drawn, and nobody is said to be exposed or not.
    """
    counted = {run.hazard.id: run for run in current_runs(session)}
    groups: dict[tuple[str, float, str], list[LayerVersion]] = {}
    for version in sorted((v for kind in FAMILIES for v in shown(session, kind)), key=precedence):
        layer = version.layer
        event = layer.event or ("" if layer.return_period_years else layer.name)
        groups.setdefault((FAMILIES[layer.kind], layer.return_period_years or 0.0, event), []).append(version)

    def choice(key: str, group: tuple[str, float, str], layer: str | None, hazards: Sequence[LayerVersion]) -> Choice:
        family, years, event = group
        runs = tuple(counted[v.id] for v in hazards if v.id in counted)
        return Choice(key, family, years or None, event or None, layer, tuple(hazards), runs)

    found: list[Choice] = []
    singles: list[Choice] = []
    for group in sorted(groups, key=lambda g: (g[0] != FLOOD, bool(g[2]), g[1], g[2])):
        family, years, event = group
        key = f"{family}-{years:g}" if years else f"{family}-{folded(event).replace(' ', '-')}"
        found.append(choice(key, group, None, groups[group]))
        if len(groups[group]) > 1:
            singles += [choice(f"layer-{v.layer.id}", group, v.layer.name, [v]) for v in groups[group]]
    return found + singles


def chosen(options: Sequence[Choice], key: str | None) -> Choice | None:
    """The choice of that key; else the counted flood nearest to 1 in 100 years, or the first there is."""
    for choice in options:
        if choice.key == key:
            return choice
    floods = [c for c in options if c.family == FLOOD and c.years and c.runs]
    if floods:
        return min(floods, key=lambda c: abs((c.years or 0) - 100))
    return next((c for c in options if c.runs), options[0] if options else None)


@dataclass(frozen=True)
class Tree:
    """The municipalities and what lies above them."""

    areas: Mapping[UUID, Area]
    counted_in: Mapping[UUID, Area]

    @classmethod
    def load(cls, session: Session, boundaries: LayerVersion | None) -> Tree:
        """The tree of today; with the boundaries' version, who is counted in whose."""
        found = {a.id: a for a in session.scalars(select(Area).where(Area.level.in_(TREE)))}
        counted_in: dict[UUID, Area] = {}
        if boundaries is not None:
            rows = session.execute(
                select(Boundary.area_id, Boundary.also_covers).where(
                    Boundary.version_id == boundaries.id, Boundary.also_covers != []
                )
            )
            counted_in = {part: found[area] for area, parts in rows if area in found for part in parts}
        return cls(found, counted_in)

    @cached_property
    def municipalities(self) -> list[Area]:
        """By name, as the alphabet of the country has it."""
        return sorted_by_name(a for a in self.areas.values() if a.level == Level.MUNICIPALITY)

    def above(self, area: Area) -> tuple[Area, ...]:
        """What lies above, nearest first."""
        found: list[Area] = []
        parent = area.parent_id
        while parent is not None and parent in self.areas and len(found) < len(TREE):
            found.append(self.areas[parent])
            parent = found[-1].parent_id
        return tuple(found)


def situation(session: Session, choice: Choice | None, tree: Tree, kept: KeptRuns | None = None) -> Situation:
    """Every municipality under a choice. kept: what countings keep, for a flood whose water has risen.

    Raises what layers.recounting raises where a counting cannot be read like that.
    """
    figures = _figures(session, choice)
    spread, low_and_dry = None, 0.0
    if choice is not None and choice.rise_m and kept is not None:
        figures, spread, low_and_dry = _risen(session, choice, figures, kept)
    unfitting = annual.marks(session, {run.id for _, run in figures.values() if run})
    above = {a.id: [o.id for o in tree.above(a)] for a in tree.municipalities}
    population = rounded_tree({a: f.population for a, (f, _) in figures.items()}, above)
    exposed = rounded_tree({a: f.exposed for a, (f, run) in figures.items() if run and f.exposed is not None}, above)
    missing = rounded_tree(
        {a: f.population if run is None else f.not_modelled for a, (f, run) in figures.items()}, above
    )
    rows = []
    for area in tree.municipalities:
        figure, run = figures.get(area.id, (None, None))
        number = exposed.get(area.id)
        state = NOT_MODELLED if number is None else (MODELLED if figure and figure.covered else PARTLY)
        modelled = figure is not None and number is not None
        rows.append(
            Row(
                area=area,
                above=tree.above(area),
                state=state,
                population=population.get(area.id),
                exposed=number,
                share=figure.exposed / figure.population
                if modelled and figure and figure.population and figure.exposed is not None
                else None,
                by_class=_classes(figure, run, number) if modelled and figure and run else None,
                not_modelled=missing.get(area.id, 0),
                marks=_marks(area, figure, run, unfitting) if modelled and figure and run else (),
                run=run,
                counted_in=tree.counted_in.get(area.id) if figure is None else None,
                exact=_exact(figure, run),
            )
        )
    return Situation(choice, tuple(rows), spread, low_and_dry)


def totals(rows: Iterable[Row], level: Level) -> list[Total]:
    """Sums by what lies over the rows on that level, by name; rows without such a level are left out."""
    sums: dict[UUID, Total] = {}
    for row in rows:
        area = row.over(level)
        if area is not None:
            sums.setdefault(area.id, Total(area)).add(row)
    return sorted(sums.values(), key=lambda t: in_order(name_of(t.area)) if t.area else ())


def total(rows: Iterable[Row]) -> Total:
    """The sum of the rows."""
    result = Total(None)
    for row in rows:
        result.add(row)
    return result


@dataclass(frozen=True, slots=True)
class _Figure:
    population: float
    exposed: float | None
    not_modelled: float
    by_class: Sequence[float] | None
    covered: bool
    marks: Sequence[Any]


def _figures(session: Session, choice: Choice | None) -> dict[UUID, tuple[_Figure, Run | None]]:
    """Of each municipality its figure and the run it is from; without a run nothing models it.

    The best layer that covers it wholly, never two of them; a layer that was chosen itself counts where it covers in
    part, too.
    """
    if choice is None:
        return {}
    # A rise is told by depths only; an extent says nothing of it.
    able = [r for r in choice.runs if not choice.rise_m or r.hazard.layer.kind == Kind.FLOOD_DEPTH]
    runs = {run.id: (rank, run) for rank, run in enumerate(able)}
    rows = session.execute(
        select(
            ExposureFigure.run_id,
            ExposureFigure.area_id,
            ExposureFigure.population,
            ExposureFigure.exposed,
            ExposureFigure.not_modelled,
            ExposureFigure.by_class,
            ExposureFigure.covered,
            ExposureFigure.marks,
        )
        .join(Area, Area.id == ExposureFigure.area_id)
        .where(ExposureFigure.run_id.in_(list(runs)), Area.level == Level.MUNICIPALITY)
    ).all()
    best: dict[UUID, tuple[int, _Figure, Run | None]] = {}
    for run_id, area, *values in rows:
        rank, run = runs[run_id]
        figure = _Figure(*values)
        usable = figure.exposed is not None and (figure.covered or choice.layer is not None)
        # What cannot be used still says how many people there are.
        rank = rank if usable else rank + len(runs)
        if area not in best or rank < best[area][0]:
            best[area] = (rank, figure, run if usable else None)
    return {area: (figure, run) for area, (_, figure, run) in best.items()}


def _risen(
    session: Session, choice: Choice, figures: Mapping[UUID, tuple[_Figure, Run | None]], kept: KeptRuns
) -> tuple[dict[UUID, tuple[_Figure, Run | None]], Spread, float]:
    """The figures counted anew after the rise, from what each run keeps.

    With them the least that any run tells of dry ground, and the people on low ground that its layer shows dry.
    """
    reading = Reading(rise_m=choice.rise_m)
    recounts = {}
    for run_id in {run.id for _, run in figures.values() if run}:
        (stored,) = runs_of(session, Hazard(run_id=run_id), with_depths=True)
        recounts[run_id] = kept.recount(stored, reading)
    found: dict[UUID, tuple[_Figure, Run | None]] = {}
    low = {run_id: dict(zip(one.areas, one.low_and_dry.tolist(), strict=True)) for run_id, one in recounts.items()}
    low_and_dry = 0.0
    for area, (figure, run) in figures.items():
        if run is None:
            found[area] = figure, None
            continue
        number = recounts[run.id].numbers[area]
        low_and_dry += low[run.id][area]
        risen = _Figure(
            number.population, number.exposed, number.not_modelled, number.by_class, figure.covered, figure.marks
        )
        found[area] = risen, run
    order = list(Spread)
    spreads = [recount.spread for recount in recounts.values()]
    return found, max(spreads, key=order.index, default=Spread.NOT_NEEDED), low_and_dry


def _exact(figure: _Figure | None, run: Run | None) -> Exact | None:
    """Unrounded, with the same holes: what no run models is all not modelled."""
    if figure is None:
        return None
    if run is None or figure.exposed is None:
        return Exact(figure.population, None, None, figure.population)
    return Exact(
        figure.population,
        figure.exposed,
        None if figure.by_class is None else tuple(figure.by_class),
        figure.not_modelled,
    )


def _marks(area: Area, figure: _Figure, run: Run, unfitting: Mapping[tuple[UUID, UUID], str]) -> tuple[str, ...]:
    mark = unfitting.get((area.id, run.id))
    return (*figure.marks, *([mark] if mark else []))


def _classes(figure: _Figure, run: Run, exposed: int | None) -> tuple[int, ...] | None:
    """People by class, whole; those from the threshold on add up to the exposed."""
    if figure.by_class is None or exposed is None:
        return None
    below = [people for edge, people in zip(run.edges, figure.by_class, strict=True) if edge < run.threshold]
    counted = list(figure.by_class[len(below) :])
    fits = abs(sum(counted) - (figure.exposed or 0.0)) < 0.5
    return (*rounded(below), *rounded(counted, exposed if fits else None))
