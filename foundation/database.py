"""Where the database begins: the base of all tables, their column types, and keys that cannot leave a space."""

from __future__ import annotations

import enum
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, ClassVar
from uuid import UUID, uuid4

from sqlalchemy import (
    Boolean,
    DateTime,
    Enum,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    Interval,
    MetaData,
    Numeric,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: aware on the way in, UTC on the way out. A naive datetime is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.utcoffset() is None:
            raise ValueError(f"{value.isoformat()} has no time zone; a moment is kept in UTC")
        return value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """The base of every table.

    `__table_args__ = ({"info": app_may("SELECT", …)},)` says what the serving role may do with a table;
    the migrations grant that and nothing else.
    """

    metadata = MetaData(naming_convention=NAMES)
    # A closed list of words is text with a check: a new word is one changed constraint, not ALTER TYPE.
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        bool: Boolean(),
        datetime: UtcDateTime(),
        Decimal: Numeric(),
        dict[str, Any]: JSONB(),
        enum.Enum: Enum(
            enum.Enum,
            native_enum=False,
            create_constraint=True,
            length=32,
            values_callable=lambda words: [word.value for word in words],
        ),
        int: Integer(),
        str: Text(),
        timedelta: Interval(),
        UUID: Uuid(),
    }


def app_may(*privileges: str) -> dict[str, frozenset[str]]:
    """A table's `info`: the privileges of the role that serves the web and the jobs."""
    return {"app_may": frozenset(privileges)}


Id = Annotated[UUID, mapped_column(primary_key=True, default=uuid4)]
Facts = Annotated[dict[str, Any], mapped_column(JSONB, default=dict)]


class InSpace:
    """A row that belongs to one space; the table needs row-level security, which a test insists on.

    The space leads every key, so that a reference (`same_space`) cannot point into another space:
    PostgreSQL checks foreign keys past the policies, only the composite key holds there.
    """

    space_id: Mapped[UUID] = mapped_column(ForeignKey("space.id"), primary_key=True, sort_order=-2)


class InSpaceById(InSpace):
    """The usual row in a space: its key is `(space_id, id)`."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4, sort_order=-1)


def same_space(column: str, table: str) -> ForeignKeyConstraint:
    """A reference from `column` to a row of `table` (key `(space_id, id)`) that stays within the space."""
    return ForeignKeyConstraint(["space_id", column], [f"{table}.space_id", f"{table}.id"])
