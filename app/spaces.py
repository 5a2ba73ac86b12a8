"""The space of a request: it stands in the address (`/op/…`, `/ex/<exercise>/…`) and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from flask import Blueprint, Flask, current_app, g, request
from werkzeug.routing import BaseConverter, Map

from app.db import without_space
from app.errors import NoSuchPage
from foundation.errors import NoSuchSpace
from foundation.spaces import OPERATIONAL_SPACE_ID, Space, SpaceState, space_by_slug

OPERATIONAL_PATH: Final = "op"
EXERCISES: Final = "ex/"


class SpacePath(BaseConverter):
    """The first part, or the first two parts, of an address in a space."""

    regex = r"op|ex/[a-z0-9][a-z0-9-]{0,62}"
    part_isolating = False


@dataclass(frozen=True)
class CurrentSpace:
    """The space that a request is in."""

    id: UUID
    path: str
    name: str
    clock_offset: timedelta = timedelta()
    is_open: bool = True

    @property
    def is_operational(self) -> bool:
        """Whether this is the real world."""
        return self.id == OPERATIONAL_SPACE_ID

    def time(self, now: datetime) -> datetime:
        """What the space's clock shows."""
        return now + self.clock_offset


OPERATIONAL: Final = CurrentSpace(OPERATIONAL_SPACE_ID, OPERATIONAL_PATH, "")


def init_app(app: Flask) -> None:
    """Let addresses carry the space, and let addresses made in a space stay in it."""
    app.url_map.converters["space"] = SpacePath
    app.url_value_preprocessor(_enter)
    app.url_defaults(_stay)


def register_in_spaces(app: Flask, blueprint: Blueprint, below: str = "") -> None:
    """Serve a blueprint in every space."""
    app.register_blueprint(blueprint, url_prefix=f"{below}/<space:space>{blueprint.url_prefix or ''}")


def current_space() -> CurrentSpace:
    """The space of this request; outside of spaces, such as at the door, the operational one."""
    return g.get("space") or OPERATIONAL


def space_now() -> datetime:
    """What the clock of this request's space shows."""
    return current_space().time(datetime.now(UTC))


def in_space(endpoint: str, url_map: Map) -> bool:
    """Whether an endpoint's address begins with a space."""
    return url_map.is_endpoint_expecting(endpoint, "space")


def _enter(endpoint: str | None, values: dict[str, Any] | None) -> None:
    path = (values or {}).pop("space", None)
    g.space = OPERATIONAL if path in (None, OPERATIONAL_PATH) else _exercise(path)


def _exercise(path: str) -> CurrentSpace:
    with without_space() as session:
        try:
            found: Space = space_by_slug(session, path.removeprefix(EXERCISES))
        except NoSuchSpace as error:
            raise NoSuchPage from error
        if found.is_operational:
            raise NoSuchPage
        return CurrentSpace(found.id, path, found.name, found.clock_offset, found.state is SpaceState.OPEN)


def _stay(endpoint: str, values: dict[str, Any]) -> None:
    if "space" not in values and in_space(endpoint, current_app.url_map):
        # An address of the real world is never made inside an exercise, unless it is asked for.
        values["space"] = current_space().path if request else OPERATIONAL_PATH
