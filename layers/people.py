"""Population tables: people by area, sex and age, from a census or an official estimate."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from foundation.database import Base, Id, app_may
from layers.catalogue import Kind, LayerVersion, Method, precedence, shown


class Sex(StrEnum):
    ALL = "all"
    FEMALE = "female"
    MALE = "male"


class PeopleFigure(Base):
    """People of an area in one version of a population table; age_to None: and older; both None: all ages.

    households: of all people of the area, where the table says how many there are.
    """

    __tablename__ = "people_figure"
    __table_args__ = (
        Index(
            None, "version_id", "area_id", "sex", "age_from", "age_to", unique=True, postgresql_nulls_not_distinct=True
        ),
        CheckConstraint("people >= 0", name="people"),
        CheckConstraint("age_to >= age_from", name="ages"),
        CheckConstraint("households >= 0", name="households"),
        {"info": app_may("SELECT", "INSERT", "DELETE")},
    )

    id: Mapped[Id]
    version_id: Mapped[UUID] = mapped_column(ForeignKey("layer_version.id"))
    area_id: Mapped[UUID] = mapped_column(ForeignKey("area.id"), index=True)
    sex: Mapped[Sex]
    age_from: Mapped[int | None]
    age_to: Mapped[int | None]
    people: Mapped[float]
    households: Mapped[float | None]


class AgeGroup(NamedTuple):
    """People of a sex and age, or their share; age_from None: of any age; age_to None: and older."""

    sex: Sex
    age_from: int | None
    age_to: int | None
    people: float

    @property
    def bounds(self) -> tuple[float, float]:
        """Sorts by age: those of any age first, the oldest last."""
        return -1 if self.age_from is None else self.age_from, math.inf if self.age_to is None else self.age_to


def tables(session: Session) -> list[LayerVersion]:
    """The population tables that are in use: real ones before illustrative ones, the newest years first."""
    return sorted(
        shown(session, Kind.POPULATION_TABLE),
        key=lambda v: (v.method == Method.ILLUSTRATIVE, -_year(v.vintage), precedence(v)),
    )


def _year(vintage: str) -> int:
    return max((int(year) for year in re.findall(r"\d{4}", vintage)), default=0)


class Estimate(NamedTuple):
    """All people of an area, and the table that says so."""

    people: float
    table: LayerVersion


def estimates(session: Session) -> dict[UUID, Estimate]:
    """All people of each area by the newest table that has it: the two entities publish tables of their own."""
    found: dict[UUID, Estimate] = {}
    for table in tables(session):
        rows = session.execute(
            select(PeopleFigure.area_id, PeopleFigure.people).where(
                PeopleFigure.version_id == table.id,
                PeopleFigure.sex == Sex.ALL,
                PeopleFigure.age_from.is_(None),
                PeopleFigure.age_to.is_(None),
            )
        )
        for area, people in rows:
            found.setdefault(area, Estimate(people, table))
    return found


def estimate_of(areas: Iterable[UUID], known: Mapping[UUID, Estimate]) -> float | None:
    """All people of areas under one outline (old Doboj's also covers Stanari); None where one has no estimate."""
    parts = [known.get(area) for area in areas]
    return sum(part.people for part in parts if part) if parts and all(parts) else None


class Shares(NamedTuple):
    """Shares of an area's people by age and sex, which add up to 1, and the table that they are from."""

    groups: list[AgeGroup]
    table_id: UUID


def shares(session: Session) -> dict[UUID, Shares]:
    """Of each area the shares of its people by the newest table that tells them apart.

    By sex and age where the table has both without gap or overlap, else by age, else by sex; areas without are left
    out.
    """
    found: dict[UUID, Shares] = {}
    for table in tables(session):
        rows: dict[UUID, list[AgeGroup]] = defaultdict(list)
        for row in session.scalars(select(PeopleFigure).where(PeopleFigure.version_id == table.id)):
            rows[row.area_id].append(AgeGroup(row.sex, row.age_from, row.age_to, row.people))
        for area, groups in rows.items():
            parts = _parts(groups)
            whole = sum(g.people for g in parts)
            if whole > 0:
                found.setdefault(area, Shares([g._replace(people=g.people / whole) for g in parts], table.id))
    return found


def _parts(groups: Sequence[AgeGroup]) -> list[AgeGroup]:
    of_sex = {sex: _closed([g for g in groups if g.sex == sex and g.age_from is not None]) for sex in Sex}
    if of_sex[Sex.FEMALE] and of_sex[Sex.MALE]:
        return of_sex[Sex.FEMALE] + of_sex[Sex.MALE]
    if of_sex[Sex.ALL]:
        return of_sex[Sex.ALL]
    by_sex = [g for g in groups if g.sex != Sex.ALL and g.age_from is None]
    return by_sex if len(by_sex) == 2 else []


def _closed(bands: Sequence[AgeGroup]) -> list[AgeGroup]:
    """The bands by age if together they are all ages once; else none."""
    found = sorted(bands, key=lambda g: g.age_from or 0)
    whole = bool(found) and found[0].age_from == 0 and found[-1].age_to is None
    joined = all(a.age_to is not None and a.age_to + 1 == b.age_from for a, b in pairwise(found))
    return found if whole and joined else []
