"""Settings that administrators change while it runs: a row each; one that is not there has its default."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from foundation.audit import Actor, Subject, record
from foundation.database import Base, app_may
from foundation.errors import N_, FoundationError
from foundation.roles import Role


class WrongSettingValue(FoundationError):
    """A number outside of what is sensible."""

    text = N_("{name} must be a whole number from {lowest} to {highest}.")


class Setting(Base):
    """A value that differs from its default, or did."""

    __tablename__ = "setting"
    __table_args__ = ({"info": app_may("SELECT", "INSERT", "UPDATE")},)

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[Any] = mapped_column(JSONB)
    changed_at: Mapped[datetime]


@dataclass(frozen=True)
class Days:
    """How long something is kept. text says what it is."""

    name: str
    text: str
    default: int
    lowest: int
    highest: int


CODE_ROLES: Final = "roles_that_need_a_code"
"""The roles whose holders must sign in with a second factor."""

KEEP_SESSIONS: Final = Days("keep_sessions_days", N_("Sessions that have ended (browser, address)"), 30, 1, 366)
KEEP_ATTEMPTS: Final = Days("keep_attempts_days", N_("Failed tries to sign in"), 2, 1, 30)
KEEP_MAILS: Final = Days("keep_mails_days", N_("E-mails that were sent or given up"), 90, 1, 3660)
KEEP_NOTICES: Final = Days("keep_notices_days", N_("Notices"), 180, 7, 3660)
KEEP_ANSWERS: Final = Days("keep_answers_days", N_("Answers to programs, for when they ask again"), 2, 1, 30)
KEPT: Final = (KEEP_SESSIONS, KEEP_ATTEMPTS, KEEP_MAILS, KEEP_NOTICES, KEEP_ANSWERS)


def days(session: Session, setting: Days) -> int:
    """For how many days something is kept."""
    value = _value(session, setting.name)
    return value if isinstance(value, int) else setting.default


def set_days(session: Session, setting: Days, value: int, *, space: UUID, by: Actor, at: datetime) -> None:
    """Keep something longer or shorter from now on. Raises WrongSettingValue."""
    if not setting.lowest <= value <= setting.highest:
        raise WrongSettingValue(name=setting.text, lowest=setting.lowest, highest=setting.highest)
    if value != days(session, setting):
        _set(session, setting.name, value, space=space, by=by, at=at)


def code_roles(session: Session) -> frozenset[Role]:
    """The roles that need a second factor."""
    return frozenset(Role(word) for word in _value(session, CODE_ROLES) or () if word in set(Role))


def set_code_roles(session: Session, roles: frozenset[Role], *, space: UUID, by: Actor, at: datetime) -> None:
    """Ask holders of these roles for a second factor from now on."""
    if roles != code_roles(session):
        _set(session, CODE_ROLES, sorted(role.value for role in roles), space=space, by=by, at=at)


def _value(session: Session, name: str) -> Any:
    return session.scalar(select(Setting.value).where(Setting.name == name))


def _set(session: Session, name: str, value: Any, *, space: UUID, by: Actor, at: datetime) -> None:
    before = _value(session, name)
    session.merge(Setting(name=name, value=value, changed_at=at))
    session.flush()
    record(
        session,
        space=space,
        at=at,
        by=by,
        action="setting.changed",
        subject=Subject("setting", name),
        facts={"before": before, "value": value},
    )
