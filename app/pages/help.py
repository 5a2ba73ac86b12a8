"""How to use it: what a page is for, the keys, the words."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from app.guards import signed_in

help_ = Blueprint("help", __name__)


@help_.get("/help")
@signed_in
def show() -> ResponseReturnValue:
    """Short answers, keys and words."""
    return render_template("help.html")
