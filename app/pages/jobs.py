"""Work that is waiting, running or has failed."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app import importing, joblist, layer_jobs
from app.db import transaction, without_space
from app.guards import needs, signed_in_person
from app.rights import Right
from foundation.spaces import OPERATIONAL_SPACE_ID

jobs = Blueprint("jobs", __name__, url_prefix="/jobs")


@jobs.get("")
@needs(Right.MANAGE_LAYERS)
def show() -> ResponseReturnValue:
    """The jobs with their progress."""
    now = datetime.now(UTC)
    with without_space() as session:
        return render_template("jobs.html", jobs=joblist.overview(session), now=now)


@jobs.post("/<uuid:version_id>/cancel")
@needs(Right.MANAGE_LAYERS)
def cancel(version_id: UUID) -> ResponseReturnValue:
    """Stop reading a layer's file: the version is withdrawn, which the reader notices."""
    with transaction(OPERATIONAL_SPACE_ID) as session:
        at = datetime.now(UTC)
        importing.withdraw(session, version_id, by=signed_in_person().actor, at=at, then=layer_jobs.count_later)
    return redirect(url_for("jobs.show"), code=303)
