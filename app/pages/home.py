"""The bare address."""

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue

home = Blueprint("home", __name__)


@home.get("/")
def show() -> ResponseReturnValue:
    """The map is where one begins."""
    return redirect(url_for("map.show"))
