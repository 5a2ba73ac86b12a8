"""What stands in the main navigation: what the person may open in this space."""

from __future__ import annotations

from typing import Final

from flask import Flask, current_app

from app.guards import guard_of
from app.identity import me
from app.languages import _
from foundation.errors import N_

ENTRIES: Final = (
    ("map.show", N_("Map")),
    ("table.show", N_("Table")),
    ("layers.show", N_("Layers")),
    ("jobs.show", N_("Jobs")),
    ("status.show", N_("Status")),
    ("mails.show", N_("Administration")),
)
ADMINISTRATION: Final = (("mails.show", N_("E-mails")),)


def navigation() -> list[tuple[str, str]]:
    """(endpoint, word) of what whoever asks may open."""
    return _open_to_me(ENTRIES)


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
        if guard is not None and guard.lets(who):
            found.append((endpoint, _(word)))
    return found


def init_app(app: Flask) -> None:
    """Let every page show it."""
    app.jinja_env.globals.update(navigation=navigation, administration=administration)
