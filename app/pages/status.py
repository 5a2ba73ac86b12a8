"""The plain page that says what is running."""

from datetime import UTC, datetime
from importlib.metadata import version

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from app.factory import current_settings
from app.guards import public
from app.status import look, sandbox

status = Blueprint("status", __name__)


@status.get("/status")
@public
def show() -> ResponseReturnValue:
    """What is running, in which version, and since when the worker has been silent."""
    now = datetime.now(UTC)
    settings = current_settings()
    return render_template(
        "status.html",
        status=look(settings, now),
        now=now,
        demo=settings.demo,
        version=version("spremnost"),
        sandbox=sandbox(),
    )
