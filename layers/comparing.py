"""All municipalities under a hazard as it is read, and two of them side by side.

Each municipality is counted by the run that answers for it (layers.runs); what lies above is the sum of its
municipalities, so that every level adds up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.orm import Session

from layers.questions import Choice, edges_of, reading_for
from layers.recounting import KeptRuns, Number, Reading, Spread, added
from layers.runs import Hazard, Run, Source, runs_of


@dataclass(frozen=True)
class Everywhere:
    """A hazard, read in one way, in every municipality and everything above.

    numbers: by area; by_run: of each municipality the run that answers, None where nothing models it; above: of each
    what lies over it, nearest first. low_and_dry: by area, exposed people on ground that is lower than the water and
    dry in the layer. ground_unknown: people on dry ground of unknown height, whom a rise may reach.
    """

    hazard: Hazard
    reading: Reading
    runs: tuple[Run, ...]
    edges: tuple[float, ...]
    numbers: Mapping[UUID, Number]
    by_run: Mapping[UUID, Run | None]
    above: Mapping[UUID, tuple[UUID, ...]]
    spread: Spread
    low_and_dry: Mapping[UUID, float]
    ground_unknown: float

    @property
    def municipalities(self) -> tuple[UUID, ...]:
        """By code."""
        return tuple(self.by_run)

    @property
    def sources(self) -> tuple[Source, ...]:
        """All that the numbers rest on, each once."""
        answering = {run.id: run for run in self.by_run.values() if run} or {run.id: run for run in self.runs[:1]}
        rests = [source for run in answering.values() for source in run.sources]
        if self.reading.rise_m > 0:
            rests += [run.elevation for run in answering.values() if run.elevation]
        return tuple({source.version_id: source for source in rests}.values())


def everywhere(session: Session, kept: KeptRuns, hazard: Hazard, reading: Reading | None = None) -> Everywhere:
    """Every municipality under a hazard, at another threshold or after a rise of the water where one is asked for.

    Raises NothingCounted, CountedByOlderEdition, NoDepths, NoRise, RiseOutOfRange, ThresholdOutOfRange, WrongClasses.
    """
    reading = reading or Reading()
    runs = runs_of(session, hazard, with_depths=reading.needs_values)
    for able in runs:
        reading.refuse_for(able)
    choose = Choice(session, kept, runs, single=hazard.single)
    numbers: dict[UUID, Number] = {}
    by_run: dict[UUID, Run | None] = {}
    above: dict[UUID, tuple[UUID, ...]] = {}
    low_and_dry: dict[UUID, float] = {}
    spreads: set[Spread] = set()
    unknown = 0.0
    for counting in runs:
        areas = kept.run(counting).areas
        for area in areas.areas[: areas.municipalities]:
            if area in by_run:
                continue
            run = choose.answering(area)
            found = kept.recount(run or counting, reading_for(reading, runs, run or counting))
            position = kept.run(run or counting).zone_of.get(area)
            if position is None or position >= found.municipalities:
                continue
            number = found.numbers[area]
            by_run[area] = run
            above[area] = found.above.get(area, ())
            if run is None:
                numbers[area] = Number(number.population, None, None, number.population)
                continue
            numbers[area] = number
            for one in (area, *above[area]):
                low_and_dry[one] = low_and_dry.get(one, 0.0) + float(found.low_and_dry[position])
            people = float(found.ground_unknown[position])
            unknown += people
            spreads.add(Spread.BY_HEIGHT if found.spread == Spread.PARTLY and people == 0 else found.spread)
    for area in by_run:
        for over in above[area]:
            numbers[over] = added(numbers.get(over), numbers[area])
    nothing = Spread.NOT_NEEDED if reading.rise_m <= 0 else Spread.LOWER_BOUND
    return Everywhere(
        hazard=hazard,
        reading=reading,
        runs=tuple(runs),
        edges=edges_of(reading, runs),
        numbers=numbers,
        by_run=by_run,
        above=above,
        spread=nothing if not spreads else spreads.pop() if len(spreads) == 1 else Spread.PARTLY,
        low_and_dry=low_and_dry,
        ground_unknown=unknown,
    )


@dataclass(frozen=True)
class Row:
    """A municipality on both sides; a number is None where it is not modelled there, the change where on either."""

    area_id: UUID
    population_a: float | None
    population_b: float | None
    exposed_a: float | None
    exposed_b: float | None

    @property
    def change(self) -> float | None:
        """People more on the second side than on the first."""
        return None if self.exposed_a is None or self.exposed_b is None else self.exposed_b - self.exposed_a


@dataclass
class Total:
    """Sums of rows; exposed_b - exposed_a is change + only_b - only_a.

    exposed_a, exposed_b: None where no row is modelled on that side; change: over the rows that both model, None where
    there are none; only_a, only_b: exposed people of rows that one side alone models.
    """

    rows: int = 0
    both: int = 0
    exposed_a: float | None = None
    exposed_b: float | None = None
    change: float | None = None
    only_a: float = 0.0
    only_b: float = 0.0

    def add(self, row: Row) -> None:
        """Count a row in."""
        self.rows += 1
        if row.exposed_a is not None:
            self.exposed_a = (self.exposed_a or 0.0) + row.exposed_a
        if row.exposed_b is not None:
            self.exposed_b = (self.exposed_b or 0.0) + row.exposed_b
        if row.change is not None:
            self.both += 1
            self.change = (self.change or 0.0) + row.change
        else:
            self.only_a += row.exposed_a or 0.0
            self.only_b += row.exposed_b or 0.0


@dataclass(frozen=True)
class Comparison:
    """Two hazards, periods, versions, runs or readings side by side.

    rows: every municipality of either side; totals: by every area above. same_people, same_boundaries: whether both
    sides rest on the same; where they do not, a change is not the hazard's alone.
    """

    a: Everywhere
    b: Everywhere
    rows: tuple[Row, ...]
    totals: Mapping[UUID, Total] = field(default_factory=dict)

    @property
    def same_people(self) -> bool:
        return _used(self.a, "population") == _used(self.b, "population")

    @property
    def same_boundaries(self) -> bool:
        return _used(self.a, "boundaries") == _used(self.b, "boundaries")

    def total(self, rows: Iterable[Row] | None = None) -> Total:
        """The sum of some rows, by default of all."""
        total = Total()
        for row in self.rows if rows is None else rows:
            total.add(row)
        return total


def compare(session: Session, kept: KeptRuns, a: tuple[Hazard, Reading], b: tuple[Hazard, Reading]) -> Comparison:
    """Two ways of looking at every municipality, side by side. Raises what everywhere() raises."""
    one, other = everywhere(session, kept, *a), everywhere(session, kept, *b)
    rows = tuple(_row(area, one, other) for area in dict.fromkeys([*one.municipalities, *other.municipalities]))
    totals: dict[UUID, Total] = {}
    for row in rows:
        # Where the tree was another on the two sides, the second one's holds: it is as a rule the newer.
        for over in other.above.get(row.area_id) or one.above.get(row.area_id, ()):
            totals.setdefault(over, Total()).add(row)
    return Comparison(one, other, rows, totals)


def _row(area: UUID, a: Everywhere, b: Everywhere) -> Row:
    left, right = a.numbers.get(area), b.numbers.get(area)
    return Row(
        area,
        left.population if left else None,
        right.population if right else None,
        left.exposed if left else None,
        right.exposed if right else None,
    )


def _used(side: Everywhere, which: str) -> set[UUID]:
    return {getattr(run, which).version_id for run in side.by_run.values() if run}
