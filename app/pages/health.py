"""For machines that watch: whether the process lives, and whether it can do its work."""

from datetime import UTC, datetime

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.factory import current_settings
from app.guards import public
from app.status import look

health = Blueprint("health", __name__, url_prefix="/health")


@health.get("/live")
@public
def live() -> ResponseReturnValue:
    """200 as long as the process answers."""
    return {"status": "live"}


@health.get("/ready")
@public
def ready() -> ResponseReturnValue:
    """200 when database, migrations and worker are there, else 503 and the names of those that are not."""
    missing = look(current_settings(), datetime.now(UTC)).missing
    if missing:
        return {"status": "not ready", "missing": list(missing)}, 503
    return {"status": "ready", "missing": []}
