"""The bare address."""

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue

from app.guards import public
from app.spaces import OPERATIONAL_PATH

home = Blueprint("home", __name__)


@home.get("/")
@public
def show() -> ResponseReturnValue:
    """The map is where one begins."""
    return redirect(url_for("map.show", space=OPERATIONAL_PATH))
