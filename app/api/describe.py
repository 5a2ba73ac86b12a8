"""What the OpenAPI document says of the whole."""

from __future__ import annotations

from typing import Any, Final

DESCRIPTION: Final = """\
Exposed people, layers, areas and what goes with them, for programs. Send a personal token as
`Authorization: Bearer …`; it acts for one organisation and within its scopes. `space` is `op` for the real world or
`ex/<exercise>`. Lists come in parts: follow `next`. A request that changes something may carry an `Idempotency-Key`:
sent again with the same key it is answered as the first time and done once. Errors are problem details (RFC 9457) in
the language of the person, or of `Accept-Language`. A number that is null is not known or not modelled; it is not zero.
"""


_WORD: Final = {"type": "string"}
# Written out: APIFlask makes an empty one of a pydantic model here.
PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "description": "Problem details (RFC 9457).",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": _WORD,
        "title": _WORD,
        "status": {"type": "integer"},
        "code": _WORD,
        "detail": _WORD,
        "errors": {
            "type": "array",
            "items": {"type": "object", "properties": {"in": _WORD, "field": _WORD, "problem": _WORD}},
        },
    },
}
SECURITY: Final[dict[str, Any]] = {"token": {"type": "http", "scheme": "bearer"}}
CONFIG: Final[dict[str, Any]] = {
    "DESCRIPTION": DESCRIPTION,
    "OPENAPI_VERSION": "3.1.0",
    "LICENSE": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
    "AUTO_404_RESPONSE": False,
    "VALIDATION_ERROR_DESCRIPTION": "Something in the request is not right.",
    "VALIDATION_ERROR_SCHEMA": PROBLEM,
    "HTTP_ERROR_SCHEMA": PROBLEM,
}


def finish(spec: Any) -> Any:
    """What every operation has: the token, and the answers to somebody who may not."""
    spec["security"] = [{"token": []}]
    problem = {"application/problem+json": {"schema": PROBLEM}}
    for operations in spec["paths"].values():
        for operation in operations.values():
            answers = operation["responses"]
            answers.setdefault("401", {"description": "Nobody is signed in.", "content": problem})
            answers.setdefault("403", {"description": "Not for the one who asks.", "content": problem})
            answers.setdefault("404", {"description": "There is no such thing, or no such space.", "content": problem})
            if "422" in answers:
                answers["422"]["content"] = problem
    return spec
