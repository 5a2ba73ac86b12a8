"""Coarse limits against floods: how often one address may ask, counted in the memory of each process.

Guessing of passwords, codes and links is slowed down apart from this, in the database. The machine itself is not
limited.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final

from flask import Flask, current_app, request
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter, RateLimitExceeded
from flask_limiter.util import get_remote_address

from app.errors import TooManyRequests
from app.guards import guard_of
from app.identity import SAFE_METHODS

LOOKS: Final = "3000 per minute"  # an office behind one address, not a person
WRITES: Final = "600 per minute"
AT_THE_DOOR: Final = "60 per minute"  # forms for whoever comes
FREE: Final = frozenset({"static"})
FREE_BLUEPRINTS: Final = frozenset({"tiles", "health"})


def init_app(app: Flask) -> None:
    """Count requests before anything else is done with them."""
    limiter = Limiter(
        get_remote_address,
        app=app,
        storage_uri="memory://",
        strategy="moving-window",
        application_limits=[_limit],
        application_limits_exempt_when=_is_free,
        application_limits_per_method=False,
    )
    app.extensions["spremnost.limiter"] = limiter
    app.register_error_handler(RateLimitExceeded, _say)


def _limit() -> str:
    if request.method in SAFE_METHODS:
        return LOOKS
    guard = guard_of(current_app, request.endpoint or "")
    return AT_THE_DOOR if guard is not None and guard.public else WRITES


def _is_free() -> bool:
    try:
        here = ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        here = False
    return here or request.endpoint in FREE or request.blueprint in FREE_BLUEPRINTS


def _say(error: RateLimitExceeded) -> ResponseReturnValue:
    answer = current_app.make_response(current_app.handle_user_exception(TooManyRequests()))
    answer.headers["Retry-After"] = "60"
    return answer
