"""What administrators set for the whole installation."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.db import transaction, without_space
from app.guards import needs, signed_in_person
from app.languages import _
from app.rights import Right
from foundation import settings as kept
from foundation.errors import FoundationError
from foundation.roles import Role
from foundation.settings import KEPT, WrongSettingValue
from foundation.spaces import OPERATIONAL_SPACE_ID

settings = Blueprint("settings", __name__, url_prefix="/admin/settings")


@settings.get("")
@needs(Right.ADMINISTER)
def show() -> ResponseReturnValue:
    """All of them."""
    return _page()


@settings.post("")
@needs(Right.ADMINISTER)
def save() -> ResponseReturnValue:
    """Keep those that were changed."""
    now, by = datetime.now(UTC), signed_in_person().actor
    try:
        with transaction(OPERATIONAL_SPACE_ID) as session:
            for one in KEPT:
                value = request.form.get(one.name, -1, type=int)
                kept.set_days(session, one, value, space=OPERATIONAL_SPACE_ID, by=by, at=now)
            roles = frozenset(Role(word) for word in request.form.getlist("code_role") if word in set(Role))
            kept.set_code_roles(session, roles, space=OPERATIONAL_SPACE_ID, by=by, at=now)
    except WrongSettingValue as error:
        return _page(WrongSettingValue(**{**error.parameters, "name": _(str(error.parameters["name"]))}))
    flash(_("The settings were saved."))
    return redirect(url_for("settings.show"), code=303)


def _page(problem: FoundationError | None = None) -> ResponseReturnValue:
    with without_space() as session:
        page = render_template(
            "admin/settings.html",
            kept=[(one, request.form.get(one.name, kept.days(session, one))) for one in KEPT],
            code_roles=kept.code_roles(session),
            problems=[problem] if problem else [],
        )
    return page, 422 if problem else 200
