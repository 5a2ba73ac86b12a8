"""What follows from several return periods together: expected annual people, and periods that do not fit each other.

Computed anew and stored whenever a counting was kept or a hazard withdrawn; earlier results stay, each naming the
countings that it rests on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid4

import numpy as np
from sqlalchemy import ForeignKey, Index, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from foundation.database import Base, Id, app_may
from foundation.errors import N_
from gis.annual import expected_annual_exposed
from layers.areas import Area, Boundary, Level
from layers.catalogue import FLOODS, LayerVersion, shown
from layers.exposure import TREE, Default, ExposureFigure, defaults, lock_results
from layers.findings import Finding, finding, listed
from layers.measures import JUMP, JUMP_PEOPLE

NOT_GROWING: Final = "not_growing"
LEAP: Final = "jump"
CODES: Final = {NOT_GROWING: "exposure_not_growing", LEAP: "exposure_jumps"}


class AnnualRun(Base):
    """The floods of all return periods taken together once. Never changed; superseded by a newer one."""

    __tablename__ = "annual_run"
    __table_args__ = (
        Index(None, "computed_at"),
        {"info": app_may("SELECT", "INSERT", "UPDATE")},
    )

    id: Mapped[Id]
    computed_at: Mapped[datetime]
    superseded_at: Mapped[datetime | None]


class AnnualFigure(Base):
    """Of one area the people expected to be exposed per year, unrounded; a lower bound.

    periods: [{"years", "run", "people", "mark"?}] by return period: the countings that it rests on; of what lies above
    the municipalities there are none, it is their sum. people: empty where a period does not model the area. without:
    municipalities below that are not in the sum.
    """

    __tablename__ = "annual_figure"
    __table_args__ = (
        Index(None, "area_id"),
        {"info": app_may("SELECT", "INSERT")},
    )

    annual_run_id: Mapped[UUID] = mapped_column(ForeignKey("annual_run.id"), primary_key=True)
    area_id: Mapped[UUID] = mapped_column(ForeignKey("area.id"), primary_key=True)
    people: Mapped[float | None]
    periods: Mapped[list[Any]] = mapped_column(JSONB, default=list)
    without: Mapped[int] = mapped_column(default=0)


@dataclass
class _Annual:
    people: float | None
    periods: list[dict[str, Any]]
    without: int = 0

    @classmethod
    def of(cls, periods: Sequence[tuple[float, UUID, float | None]]) -> _Annual:
        """From (years, run, people) by years."""
        kept = [{"years": years, "run": str(run), "people": people} for years, run, people in periods]
        for before, one in pairwise(kept):
            if mark := _mark(before["people"], one["people"]):
                one["mark"] = mark
        known = [people for _, _, people in periods if people is not None]
        if len(known) < len(periods):
            return cls(None, kept)
        expected = expected_annual_exposed([years for years, _, _ in periods], np.array([known]))
        return cls(float(expected[0]), kept)


def _mark(fewer: Any, more: Any) -> str | None:
    """How the people of a flood fit those of the next more frequent one."""
    if fewer is None or more is None:
        return None
    if more < fewer * (1 - 1e-9):
        return NOT_GROWING
    return LEAP if more > JUMP * fewer and more - fewer > JUMP_PEOPLE else None


def refresh(session: Session, *, at: datetime) -> None:
    """Compute and store what follows from the countings that are current; nothing where nothing changed.

    What does not fit is kept with the layers as findings, too.
    """
    lock_results(session)
    best = defaults(session, FLOODS)
    found = _areas(session, best)
    stored = session.scalars(select(AnnualFigure).join(AnnualRun).where(AnnualRun.superseded_at.is_(None))).all()
    if {f.area_id: (f.people, f.periods, f.without) for f in stored} != {
        area: (one.people, one.periods, one.without) for area, one in found.items()
    }:
        session.execute(update(AnnualRun).where(AnnualRun.superseded_at.is_(None)).values(superseded_at=at))
        if found:
            run = AnnualRun(id=uuid4(), computed_at=at)
            session.add(run)
            session.flush()
            session.add_all(
                AnnualFigure(
                    annual_run_id=run.id, area_id=area, people=one.people, periods=one.periods, without=one.without
                )
                for area, one in found.items()
            )
    _tell(session, best, found)
    session.flush()


def _areas(session: Session, best: Mapping[tuple[UUID, float], Default]) -> dict[UUID, _Annual]:
    runs: dict[UUID, list[tuple[float, UUID]]] = defaultdict(list)  # of each municipality, by years
    people: dict[tuple[UUID, UUID], float | None] = {}
    for (area, years), default in sorted(best.items(), key=lambda item: item[0][1]):
        runs[area].append((years, default.run.id))
        people[area, default.run.id] = default.figure.exposed
    below = select(Area.id, Area.parent_id).where(Area.level.in_([Level.SETTLEMENT, Level.LOCAL_COMMUNITY]))
    parents = {area: parent for area, parent in session.execute(below) if parent in runs}
    for area, run, exposed in session.execute(
        select(ExposureFigure.area_id, ExposureFigure.run_id, ExposureFigure.exposed)
        .join(Area, Area.id == ExposureFigure.area_id)
        .where(
            ExposureFigure.run_id.in_({default.run.id for default in best.values()}),
            Area.level.in_([Level.SETTLEMENT, Level.LOCAL_COMMUNITY]),
        )
    ):
        people[area, run] = exposed
    counted = {area for area, _ in people}
    found = {area: _Annual.of([(y, run, people[area, run]) for y, run in periods]) for area, periods in runs.items()}
    for area, parent in parents.items():
        if area in counted:
            found[area] = _Annual.of([(years, run, people.get((area, run))) for years, run in runs[parent]])
    boundaries = {default.run.boundary_version_id for default in best.values()}
    parts = session.scalars(select(Boundary.also_covers).where(Boundary.version_id.in_(boundaries)))
    elsewhere = {area for areas in parts for area in areas}
    return found | _sums(session, {area: one for area, one in found.items() if area in runs}, elsewhere)


def _sums(session: Session, municipalities: Mapping[UUID, _Annual], elsewhere: set[UUID]) -> dict[UUID, _Annual]:
    """What lies above, as the sums of its municipalities. elsewhere: those that are counted in another one."""
    areas = {a.id: a for a in session.scalars(select(Area).where(Area.level.in_(TREE)))}
    sums: dict[UUID, _Annual] = {}
    if not municipalities:
        return sums
    for area in areas.values():
        if area.level != Level.MUNICIPALITY or area.id in elsewhere:
            continue
        one = municipalities.get(area.id)
        parent = area.parent_id
        while parent is not None:
            total = sums.setdefault(parent, _Annual(None, []))
            if one is None or one.people is None:
                total.without += 1
            else:
                total.people = (total.people or 0.0) + one.people
            parent = areas[parent].parent_id
    return sums


def _tell(session: Session, best: Mapping[tuple[UUID, float], Default], found: Mapping[UUID, _Annual]) -> None:
    """Keep with each flood the municipalities where it does not fit the next more frequent one."""
    names = {
        a.id: f"{a.name} ({a.code})" for a in session.scalars(select(Area).where(Area.level == Level.MUNICIPALITY))
    }
    where: dict[tuple[UUID, str], list[str]] = defaultdict(list)
    for (area, years), default in best.items():
        periods = found[area].periods
        at = next(i for i, period in enumerate(periods) if period["years"] == years)
        if mark := periods[at].get("mark"):
            before = periods[at - 1]
            told = f"{before['people']:.0f} ({before['years']:g}) → {periods[at]['people']:.0f} ({years:g})"
            where[default.hazard.id, mark].append(f"{names[area]}: {told}")
    for version in (v for kind in FLOODS for v in shown(session, kind)):
        told_before = [f for f in version.findings if f["code"] not in CODES.values()]
        now = [*told_before, *_findings(version, where)]
        if now != version.findings:
            version.findings = now


def _findings(version: LayerVersion, where: Mapping[tuple[UUID, str], Sequence[str]]) -> list[Finding]:
    found = []
    for mark, text in (
        (
            NOT_GROWING,
            N_(
                "In {count} municipalities fewer people are exposed than by the next more frequent flood (people, "
                "return period in years): {names}."
            ),
        ),
        (
            LEAP,
            N_(
                "In {count} municipalities many more people are exposed than by the next more frequent flood (people, "
                "return period in years): {names}."
            ),
        ),
    ):
        if places := sorted(where.get((version.id, mark), ())):
            found.append(finding(CODES[mark], text, count=len(places), names=listed(places)))
    return found


def marks(session: Session, run_ids: set[UUID]) -> dict[tuple[UUID, UUID], str]:
    """{(area, counting): how it does not fit the next more frequent flood} of what is current."""
    rows = session.execute(
        select(AnnualFigure.area_id, AnnualFigure.periods).join(AnnualRun).where(AnnualRun.superseded_at.is_(None))
    )
    return {
        (area, UUID(period["run"])): period["mark"]
        for area, periods in rows
        for period in periods
        if "mark" in period and UUID(period["run"]) in run_ids
    }


def figures(session: Session, area_ids: Sequence[UUID]) -> dict[UUID, AnnualFigure]:
    """The current figures of some areas."""
    rows = session.scalars(
        select(AnnualFigure)
        .join(AnnualRun)
        .where(AnnualRun.superseded_at.is_(None), AnnualFigure.area_id.in_(area_ids))
    )
    return {figure.area_id: figure for figure in rows}


class Yearly(NamedTuple):
    """People expected per year; without: municipalities that are not in it."""

    people: float | None
    without: int


def people_of(session: Session, area_ids: Sequence[UUID]) -> Yearly:
    """The current number of an area, or the sum of several."""
    found = figures(session, area_ids)
    known = [f.people for f in found.values() if f.people is not None]
    without = sum(f.without for f in found.values()) + (len(area_ids) - len(known) if len(area_ids) > 1 else 0)
    return Yearly(sum(known) if known else None, without)
