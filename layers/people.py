"""Population tables: people by area, sex and age, from a census or an official estimate."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base, Id, app_may


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
