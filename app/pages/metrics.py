"""For a Prometheus server: on the machine itself, or with the key for it."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST

from app.db import current_database
from app.errors import NoSuchPage
from app.factory import current_settings
from app.guards import comes_from_here, public
from app.metrics import text_of

metrics = Blueprint("metrics", __name__)


@metrics.get("/metrics")
@public
def show() -> ResponseReturnValue:
    """The measures. Whoever may not see them finds nothing here."""
    settings = current_settings()
    key = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    if settings.metrics_key:
        allowed = hmac.compare_digest(key.encode(), settings.metrics_key.encode())
    else:
        allowed = comes_from_here(request)
    if not allowed:
        raise NoSuchPage
    return Response(text_of(settings, current_database(), datetime.now(UTC)), content_type=CONTENT_TYPE_LATEST)
