"""What stands in the main navigation: what the person may open in this space."""

from __future__ import annotations

from typing import Final

from flask import Flask, current_app

from app.db import transaction
from app.guards import guard_of
from app.identity import me
from app.languages import _
from app.rights import Right
from app.spaces import current_space, space_now
from foundation import notices
from foundation.errors import N_

ENTRIES: Final = (
    ("home.show", N_("Home")),
    ("map.show", N_("Map")),
    ("table.show", N_("Table")),
    ("gauges.show", N_("Gauges")),
    ("warnings.show", N_("Warnings")),
    ("incidents.show", N_("Incidents")),
    ("layers.show", N_("Layers")),
)
MORE: Final = (
    ("risk.show", N_("Risk index")),
    ("jobs.show", N_("Jobs")),
    ("sharing.show", N_("Sharing")),
    ("status.show", N_("Status")),
    ("people.show", N_("Administration")),
)
"""What is opened more seldom stands in the menu."""
REAL_WORLD: Final = frozenset({"sharing.show"})
"""What is settled in the real world also for exercises."""
ADMINISTRATION: Final = (
    ("people.show", N_("People and roles")),
    ("organisations.show", N_("Organisations")),
    ("figures.show", N_("Reference figures")),
    ("mails.show", N_("E-mails")),
    ("audit.show", N_("Audit")),
    ("settings.show", N_("Settings")),
    ("machine.show", N_("Machine")),
)


def navigation() -> list[tuple[str, str]]:
    """(endpoint, word) of what whoever asks may open."""
    return _open_to_me(ENTRIES)


def seldom() -> list[tuple[str, str]]:
    """(endpoint, word) of what whoever asks may open from the menu."""
    return _open_to_me(MORE)


def administration() -> list[tuple[str, str]]:
    """(endpoint, word) of what whoever asks may look after."""
    return _open_to_me(ADMINISTRATION)


def _open_to_me(entries: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    who = me()
    if who is None:
        return []
    found = []
    for endpoint, word in entries:
        guard = guard_of(current_app, endpoint)
        if endpoint in REAL_WORLD and not current_space().is_operational:
            continue
        if guard is not None and guard.lets(who):
            found.append((endpoint, _(word)))
    return found


def unread_notices() -> int:
    """How many notices wait for whoever asks, in this space."""
    who, space = me(), current_space()
    if who is None or not who.may(Right.SEE):
        return 0
    with transaction(space.id) as session:
        return notices.unread(session, space=space.id, person=who.person_id)


def init_app(app: Flask) -> None:
    """Let every page show it."""
    app.jinja_env.globals.update(
        administration=administration,
        navigation=navigation,
        seldom=seldom,
        space_now=space_now,
        unread_notices=unread_notices,
    )
