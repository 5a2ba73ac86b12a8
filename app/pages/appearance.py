"""Light, dark or high contrast; the browser remembers it."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Flask, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.errors import NoSuchPage
from app.guards import public
from app.pages.language import page_come_from
from foundation.errors import N_

appearance = Blueprint("appearance", __name__)
COOKIE: Final = "appearance"
YEAR_S: Final = 31_536_000
APPEARANCES: Final = {
    "auto": N_("as the device"),
    "light": N_("light"),
    "dark": N_("dark"),
    "contrast": N_("high contrast"),
}


def init_app(app: Flask) -> None:
    """Give every page its appearance."""
    app.context_processor(lambda: {"appearance": chosen(), "appearances": APPEARANCES})


def chosen() -> str:
    """What the reader has chosen."""
    wanted = request.cookies.get(COOKIE, "")
    return wanted if wanted in APPEARANCES else "auto"


@appearance.get("/appearance/<name>")
@public
def choose(name: str) -> ResponseReturnValue:
    """Back to the page one came from, in the other appearance."""
    if name not in APPEARANCES:
        raise NoSuchPage
    answer = redirect(page_come_from() or url_for("door.show"))
    answer.set_cookie(COOKIE, name, max_age=YEAR_S, samesite="Lax", httponly=True)
    return answer
