"""The description of the interface for programs, for people: made from the OpenAPI document, without a script."""

from __future__ import annotations

from flask import Blueprint, current_app, render_template
from flask.typing import ResponseReturnValue

from app.guards import signed_in

interface = Blueprint("interface", __name__)


@interface.get("/api")
@signed_in
def show() -> ResponseReturnValue:
    """Each address with what it takes and gives."""
    spec = current_app.spec  # type: ignore[attr-defined]  # APIFlask's
    return render_template("interface.html", spec=spec)
