"""What goes wrong, for programs: problem details (RFC 9457) with a sentence in the caller's language."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any, Final

from apiflask.exceptions import HTTPError
from flask import Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from app.errors import AppError, BadRequestBody, NoSuchPage, WrongMethod
from app.languages import _, say, sentence
from app.maps import as_json
from foundation.errors import N_

PREFIX: Final = "/api/"
TYPE: Final = "application/problem+json"

# pydantic's sentences are English; what it says is told by their beginning.
_SENTENCES: Final = (
    (r"Field required", N_("is missing")),
    (r"Extra inputs are not permitted", N_("is not known here; look at the description of the interface")),
    (r"Input should be a valid integer", N_("must be a whole number")),
    (r"Input should be a valid number", N_("must be a number")),
    (r"Input should be a finite number", N_("must be a number")),
    (r"Input should be greater than or equal to (?P<limit>\S+)", N_("must be at least {limit}")),
    (r"Input should be greater than (?P<limit>\S+)", N_("must be more than {limit}")),
    (r"Input should be less than or equal to (?P<limit>\S+)", N_("must be at most {limit}")),
    (r"Input should be less than (?P<limit>\S+)", N_("must be less than {limit}")),
    (r"String should have at most (?P<limit>\d+) character", N_("is too long, at most {limit} characters")),
    (r"String should have at least (?P<limit>\d+) character", N_("is too short, at least {limit} characters")),
    (r"Input should be (?P<choices>'.*)", N_("must be one of {choices}")),
    (r"Input should be a valid UUID", N_("must be an identifier as this interface gives them")),
    (r"Input should be a valid (?:datetime|date)", N_("must be a time such as 2026-05-14T12:00:00Z")),
    (r"Input should be a valid string", N_("must be text")),
    (r"Input should be a valid list", N_("must be a list")),
    (r"Input should be a valid boolean", N_("must be true or false")),
)


def asks_as_program() -> bool:
    """Whether this request is for the interface for programs."""
    return request.path.startswith(PREFIX)


def problem(error: Exception, status: int) -> Response:
    """An error of one of our packages."""
    return _answer(status, type(error).__name__, sentence(error))


def from_http(error: HTTPException | HTTPError) -> Response:
    """An error of Flask's or APIFlask's own."""
    status = error.status_code if isinstance(error, HTTPError) else error.code or 500
    if isinstance(error, HTTPError) and isinstance(error.detail, dict) and error.detail:
        return _answer(422, "InvalidInput", _("Something in the request is not right."), _fields(error.detail))
    known: dict[int, AppError] = {404: NoSuchPage(), 405: WrongMethod(), 400: BadRequestBody(), 415: BadRequestBody()}
    found = known.get(status)
    answer = _answer(status, type(found or error).__name__, sentence(found) if found else HTTPStatus(status).phrase)
    if isinstance(error, MethodNotAllowed):
        answer.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
    return answer


def _fields(detail: dict[str, Any]) -> list[dict[str, str]]:
    found = []
    for place, fields in detail.items():
        for field, messages in fields.items() if isinstance(fields, dict) else [("", fields)]:
            for message in messages if isinstance(messages, list) else [messages]:
                found.append({"in": str(place), "field": str(field), "problem": _said(str(message))})
    return found


def _said(message: str) -> str:
    for pattern, text in _SENTENCES:
        found = re.match(pattern, message)
        if found:
            return say(text, found.groupdict())
    return _("is not right") if message else ""


def _answer(status: int, code: str, detail: str, fields: list[dict[str, str]] | None = None) -> Response:
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    if fields:
        body["errors"] = fields
    return Response(as_json(body), status=status, content_type=TYPE)
