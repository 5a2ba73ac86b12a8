"""Requests that change something: in one transaction, and once for each Idempotency-Key."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec

from flask import Response, request
from pydantic import BaseModel
from sqlalchemy.orm import Session

from app.db import transaction
from app.errors import KeyTooLong
from app.guards import signed_in_person
from app.maps import as_json
from app.spaces import current_space, space_now
from foundation.answered import keep_answer, kept_answer

HEADER: Final = "Idempotency-Key"
LONGEST_KEY: Final = 200
Arguments = ParamSpec("Arguments")
Work = Callable[Concatenate[Session, Arguments], tuple[BaseModel | dict[str, Any] | None, int]]


def once(work: Work[Arguments]) -> Callable[Arguments, Response]:
    """Let a view work in a transaction of the space, handed to it as `session`; it gives (answer, status).

    With a key, the first answer is kept in the same transaction and given again to the same request; another request
    with that key is refused. An error keeps nothing, so that the request can be sent again.
    """

    @wraps(work)
    def view(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Response:
        who, space, key = signed_in_person(), current_space(), request.headers.get(HEADER, "")
        if len(key) > LONGEST_KEY:
            raise KeyTooLong(most=LONGEST_KEY)
        with transaction(space.id) as session:
            request_hash = ""
            if key:
                asked = f"{request.method} {request.full_path}\n".encode() + request.get_data()
                request_hash = hashlib.sha256(asked).hexdigest()
                found = kept_answer(session, space=space.id, person=who.person_id, key=key, request_hash=request_hash)
                if found is not None:
                    return _answer(found.body, found.status, again=True)
            answer, status = work(session, *args, **kwargs)
            body = answer.model_dump(mode="json") if isinstance(answer, BaseModel) else answer
            if key:
                keep_answer(
                    session,
                    space=space.id,
                    person=who.person_id,
                    key=key,
                    request_hash=request_hash,
                    status=status,
                    body=body,
                    at=space_now(),
                )
        return _answer(body, status)

    return view


def _answer(body: Any, status: int, *, again: bool = False) -> Response:
    answer = Response(as_json(body) if body is not None else "", status=status, mimetype="application/json")
    if again:
        answer.headers["Idempotent-Replay"] = "true"
    return answer
