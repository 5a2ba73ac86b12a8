"""Makes the web application from settings that are handed in."""

import gzip
import time
import uuid
from importlib.metadata import version
from typing import Any, cast

import structlog
from apiflask import APIFlask, HTTPError
from flask import Flask, Response, current_app, g, render_template, request
from flask.sessions import SecureCookieSessionInterface
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from app import db, guards, identity, languages, limits, metrics, navigation, spaces
from app.api import describe, problems
from app.errors import (
    KNOWN_ERRORS,
    AppError,
    BadRequestBody,
    DatabaseUnavailable,
    NoSuchPage,
    TooLarge,
    WrongMethod,
    status_of,
)
from app.keys import kept_secret_key
from app.settings import Settings

HEADERS = {
    # MapLibre draws its pictures from blobs and its controls from data URLs; its worker is a file of ours.
    "Content-Security-Policy": "default-src 'self'; script-src 'self'; worker-src 'self'; object-src 'none'; "
    "img-src 'self' data: blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
# Asked for often, and by machines: they would bury everything else.
QUIET = frozenset({"health", "tiles", "metrics"})
PACKED = frozenset({"text/html", "application/json", "image/svg+xml", "text/csv"})
WORTH_PACKING_BYTES = 2000
YEAR_S = 31_536_000

log = structlog.get_logger(__name__)


class SecureWhereItCan(SecureCookieSessionInterface):
    """The cookie of a page that came encrypted never goes back in the clear."""

    def get_cookie_secure(self, app: Flask) -> bool:
        """Whether this request is encrypted."""
        return request.is_secure


def create_app(settings: Settings) -> Flask:
    """The web application with these settings."""
    from app.api import routes
    from app.pages import IN_SPACES, OUTSIDE, admin_words, trust, view
    from app.pages.appearance import init_app as init_appearance
    from app.pages.gauges import init_app as init_gauges
    from app.pages.incidents import init_app as init_incidents
    from app.pages.warnings import init_app as init_warnings

    app = APIFlask(
        __name__,
        title="Spremnost",
        version=version("spremnost"),
        spec_path="/api/openapi.json",
        docs_path=None,
        json_errors=False,
    )
    app.config.update(describe.CONFIG)
    app.security_schemes = describe.SECURITY
    app.spec_processor(describe.finish)
    app.secret_key = settings.secret_key or kept_secret_key(settings.data_dir)
    app.config.update(SESSION_COOKIE_SAMESITE="Lax")
    app.session_interface = SecureWhereItCan()
    if settings.proxies:
        # Only as many as are said to be there: anybody may send such headers.
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=settings.proxies, x_proto=settings.proxies, x_host=settings.proxies
        )
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    app.extensions["spremnost.settings"] = settings
    db.init_app(app, db.Database(settings))
    languages.init_app(app)
    app.url_value_preprocessor(_begin)  # before the space is looked for, which may not be there
    spaces.init_app(app)
    identity.init_app(app)
    view.init_app(app)
    admin_words.init_app(app)
    navigation.init_app(app)
    init_appearance(app)
    init_gauges(app)
    init_incidents(app)
    init_warnings(app)
    trust.init_app(app)
    limits.init_app(app)
    guards.init_app(app)
    for blueprint in IN_SPACES:
        spaces.register_in_spaces(app, blueprint)
    for blueprint in OUTSIDE:
        app.register_blueprint(blueprint)
    spaces.register_in_spaces(app, routes.api, below="/api/v1")
    guards.public(app.view_functions["openapi.spec"])
    for kind in KNOWN_ERRORS:
        app.register_error_handler(kind, _say)
    app.register_error_handler(OperationalError, _say_unreachable)
    for kind in (HTTPException, HTTPError):  # APIFlask answers its own otherwise
        app.register_error_handler(kind, _say_http)
    app.after_request(_end)
    return app


def current_settings() -> Settings:
    """The current application's settings."""
    return cast(Settings, current_app.extensions["spremnost.settings"])


def _say(error: Exception) -> ResponseReturnValue:
    if problems.asks_as_program():
        return problems.problem(error, status_of(error))
    return render_template("error.html", sentence=languages.sentence(error)), status_of(error)


def _say_http(error: HTTPException | HTTPError) -> ResponseReturnValue:
    if isinstance(error, HTTPException) and (error.code is None or error.code < 400):
        return error  # a redirection
    if isinstance(error, HTTPError) or problems.asks_as_program():
        return problems.from_http(error)
    known: dict[int, AppError] = {404: NoSuchPage(), 405: WrongMethod(), 413: TooLarge()}
    return _say(known.get(error.code or 500, BadRequestBody()))


def _say_unreachable(error: OperationalError) -> ResponseReturnValue:
    # The driver's message names hosts and roles: it is for the log.
    log.warning("database not reachable", reason=str(error.orig).splitlines()[0])
    return _say(DatabaseUnavailable(reason=languages._("see Status")))


def _begin(_endpoint: str | None, _values: dict[str, Any] | None) -> None:
    g.began = time.monotonic()
    if request.blueprint == "tiles":
        return  # hundreds for each view of the map
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=uuid.uuid4().hex)


def _end(response: Response) -> Response:
    if request.blueprint != "tiles":  # served faster than they could be counted
        metrics.note(request.endpoint, request.method, response.status_code, time.monotonic() - g.began)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if current_settings().is_https:
        response.headers["Strict-Transport-Security"] = f"max-age={YEAR_S}"
    if request.endpoint == "static" and "/vendor/" in request.path and response.status_code == 200:
        # The folder's name carries the version.
        response.headers["Cache-Control"] = f"public, max-age={YEAR_S}, immutable"
    if response.mimetype == "text/html":
        # What somebody saw must not be seen by who comes after them.
        response.headers.setdefault("Cache-Control", "private, no-cache")
    _pack(response)
    if request.blueprint in QUIET and response.status_code < 400:
        return response
    log.info(
        "request",
        method=request.method,
        path=request.path,
        status=response.status_code,
        ms=round(1000 * (time.monotonic() - g.get("began", time.monotonic())), 1),
    )
    return response


def _pack(response: Response) -> None:
    if response.mimetype not in PACKED or response.direct_passthrough or response.status_code != 200:
        return
    response.vary.add("Accept-Encoding")
    response.vary.update(("Cookie", "Accept-Language"))  # the language
    if request.accept_encodings["gzip"] > 0 and len(response.get_data()) > WORTH_PACKING_BYTES:
        response.set_data(gzip.compress(response.get_data(), compresslevel=5, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
