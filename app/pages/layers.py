"""The catalogue: which layers there are, what was found in them, and what they rest on."""

from __future__ import annotations

from itertools import groupby
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from app.db import without_space
from app.guards import needs
from app.pages.view import is_illustrative
from app.rights import Right
from layers import catalogue
from layers.catalogue import Kind, State

layers = Blueprint("layers", __name__, url_prefix="/layers")


@layers.get("")
@needs(Right.SEE)
def show() -> ResponseReturnValue:
    """The layers with their versions, the newest first."""
    asked = request.args.get("kind", "")
    kind = Kind(asked) if asked in set(Kind) else None
    with without_space() as session:
        found = catalogue.versions(session, kind=kind)
        groups = [(layer, list(versions)) for layer, versions in groupby(found, key=lambda v: v.layer)]
        return render_template(
            "layers.html",
            groups=groups,
            kinds=list(Kind),
            kind=kind,
            illustrative=any(is_illustrative(v) and v.state == State.READY for v in found),
        )


@layers.get("/<uuid:version_id>")
@needs(Right.SEE)
def one(version_id: UUID) -> ResponseReturnValue:
    """One version: where it is from, what was found, what was measured."""
    with without_space() as session:
        version = catalogue.version(session, version_id)
        siblings = [v for v in catalogue.versions(session, kind=version.layer.kind) if v.layer_id == version.layer_id]
        return render_template("layer.html", version=version, siblings=siblings, illustrative=is_illustrative(version))
