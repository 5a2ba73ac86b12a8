"""Choosing a language; the browser remembers it."""

from urllib.parse import urlsplit

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.errors import NoSuchPage
from app.languages import COOKIE, LANGUAGES

language = Blueprint("language", __name__)
YEAR_S = 31_536_000


@language.get("/language/<code>")
def choose(code: str) -> ResponseReturnValue:
    """Back to the page one came from, in the other language."""
    if code not in LANGUAGES:
        raise NoSuchPage
    came_from = urlsplit(request.referrer or "")
    back = url_for("home.show")
    if came_from.netloc == request.host and came_from.path.startswith("/") and not came_from.path.startswith("//"):
        back = came_from.path + (f"?{came_from.query}" if came_from.query else "")
    answer = redirect(back)
    answer.set_cookie(COOKIE, code, max_age=YEAR_S, samesite="Lax", httponly=True)
    return answer
