"""The plain page that says what is running."""

from datetime import UTC, datetime
from importlib.metadata import version

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from app.factory import current_settings
from app.guards import public
from app.identity import me
from app.rights import Right
from app.status import look, sandbox

status = Blueprint("status", __name__)


@status.get("/status")
@public
def show() -> ResponseReturnValue:
    """What is running, in which version, and since when the worker has been silent."""
    now = datetime.now(UTC)
    settings = current_settings()
    status_now = look(settings, now)
    # Without a database nobody can be asked who they are; then only who sits at the machine sees more.
    reached = "database" not in status_now.missing
    who = me() if reached and status_now.migrated else None
    return render_template(
        "status.html",
        details=who is not None and who.may(Right.ADMINISTER),
        status=status_now,
        now=now,
        demo=settings.demo,
        version=version("spremnost"),
        sandbox=sandbox(),
    )
