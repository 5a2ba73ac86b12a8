"""The cookie of a session."""

from __future__ import annotations

from flask import request
from werkzeug.wrappers import Response

from app import identity
from app.identity import cookie_name
from foundation.accounts import LONGEST


def give(answer: Response, secret: str) -> Response:
    """Let the browser keep a session's secret."""
    identity.forget()
    answer.set_cookie(
        cookie_name(),
        secret,
        max_age=int(LONGEST.total_seconds()),
        httponly=True,
        samesite="Lax",
        secure=request.is_secure,
        path="/",
    )
    return answer
