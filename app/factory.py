"""Makes the web application from settings that are handed in."""

import time
import uuid
from typing import cast

import structlog
from flask import Flask, Response, current_app, g, render_template, request
from flask.typing import ResponseReturnValue

from app import db
from app.errors import KNOWN_ERRORS, status_of
from app.keys import kept_secret_key
from app.settings import Settings

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

log = structlog.get_logger(__name__)


def create_app(settings: Settings) -> Flask:
    """The web application with these settings."""
    from app.pages.health import health
    from app.pages.status import status

    app = Flask(__name__)
    app.secret_key = settings.secret_key or kept_secret_key(settings.data_dir)
    app.config.update(SESSION_COOKIE_SAMESITE="Lax")
    app.extensions["spremnost.settings"] = settings
    db.init_app(app, db.Database(settings))
    app.register_blueprint(health)
    app.register_blueprint(status)
    for kind in KNOWN_ERRORS:
        app.register_error_handler(kind, _say)
    app.before_request(_begin)
    app.after_request(_end)
    return app


def current_settings() -> Settings:
    """The current application's settings."""
    return cast(Settings, current_app.extensions["spremnost.settings"])


def _say(error: Exception) -> ResponseReturnValue:
    return render_template("error.html", sentence=str(error)), status_of(error)


def _begin() -> None:
    g.began = time.monotonic()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=uuid.uuid4().hex)


def _end(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    # Health checks come every few seconds and would bury everything else.
    level = "debug" if request.blueprint == "health" and response.status_code < 400 else "info"
    getattr(log, level)(
        "request",
        method=request.method,
        path=request.path,
        status=response.status_code,
        ms=round(1000 * (time.monotonic() - g.began), 1),
    )
    return response
