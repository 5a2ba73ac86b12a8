"""Choosing a language; the browser remembers it."""

from urllib.parse import urlsplit

from flask import Blueprint, current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from app.errors import NoSuchPage
from app.guards import public
from app.languages import COOKIE, LANGUAGES

language = Blueprint("language", __name__)
YEAR_S = 31_536_000


@language.get("/language/<code>")
@public
def choose(code: str) -> ResponseReturnValue:
    """Back to the page one came from, in the other language."""
    if code not in LANGUAGES:
        raise NoSuchPage
    answer = redirect(page_come_from() or url_for("door.show"))
    answer.set_cookie(COOKIE, code, max_age=YEAR_S, samesite="Lax", httponly=True)
    return answer


def page_come_from() -> str | None:
    """Where the reader was: a page of ours that can be asked for again."""
    came_from = urlsplit(request.referrer or "")
    path = came_from.path
    if came_from.netloc != request.host or not path.startswith("/") or path.startswith("//"):
        return None
    try:
        current_app.url_map.bind("").match(path, method="GET")
    except MethodNotAllowed:
        return None
    except HTTPException:
        pass  # to be said in the other language
    return path + (f"?{came_from.query}" if came_from.query else "")
