"""A person's tokens: what programs show when they act for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from app import signing_in
from app.db import without_space
from app.errors import AppError, NameMissing, NoScope, NoSuchPage, OrganisationMissing, WrongInput, status_of
from app.guards import in_browser, signed_in_person
from app.languages import _
from app.pages.account import changing, proving
from app.rights import Scope
from foundation.accounts import ApiToken, hash_of, new_secret
from foundation.errors import N_
from foundation.people import Organisation

tokens = Blueprint("tokens", __name__, url_prefix="/account/tokens")

DAYS: Final = (7, 30, 90, 365)
MOST: Final = 200
PREFIX: Final = "sprem_"
"""Lets whoever finds one in a file or a log know what it is."""
SCOPES: Final = {
    Scope.READ: N_("look at what I may see, and change nothing"),
    Scope.REPORT: N_("send gauge readings and figures of incidents"),
    Scope.WRITE: N_("do everything that I may do, but never administer"),
}


@tokens.get("")
@in_browser
def show() -> ResponseReturnValue:
    """The list, and the form of a new one."""
    return _page()


@tokens.post("")
@in_browser
def make() -> ResponseReturnValue:
    """A new token, which is shown this once; the present password is asked for."""
    who, secret = signed_in_person(), PREFIX + new_secret()
    name = " ".join(request.form.get("name", "").split())[:100]
    scopes = sorted({word for word in request.form.getlist("scope") if word in set(Scope)})
    seat = next((s for s in who.seats if str(s.organisation_id) == request.form.get("organisation")), None)
    days = request.form.get("days", 30, type=int)
    try:
        if not name:
            raise NameMissing
        if not scopes:
            raise NoScope
        if seat is None:
            raise OrganisationMissing
        with proving() as (session, person, now):
            session.add(
                ApiToken(
                    token_hash=hash_of(secret),
                    person_id=person.id,
                    organisation_id=seat.organisation_id,
                    name=name,
                    scopes=scopes,
                    made_at=now,
                    expires_at=now + timedelta(days=days if days in DAYS else min(DAYS)),
                )
            )
            signing_in.note(session, person.id, "person.token_made", at=now, facts={"scopes": scopes})
    except WrongInput as error:
        return _page(error)
    return _page(secret=secret)


@tokens.post("/<uuid:token_id>/revoke")
@in_browser
def revoke(token_id: UUID) -> ResponseReturnValue:
    """Let a token be good for nothing from now on."""
    with changing() as (session, person, now):
        found = session.get(ApiToken, token_id)
        if found is None or found.person_id != person.id:
            raise NoSuchPage
        if found.revoked_at is None:
            found.revoked_at = now
            signing_in.note(session, person.id, "person.token_revoked", at=now)
    flash(_("The token was revoked."))
    return redirect(url_for("tokens.show"), code=303)


def _page(problem: AppError | None = None, secret: str = "") -> Response:
    who, now = signed_in_person(), datetime.now(UTC)
    with without_space() as session:
        rows = session.execute(
            select(ApiToken, Organisation.name)
            .join(Organisation, Organisation.id == ApiToken.organisation_id)
            .where(ApiToken.person_id == who.person_id)
            .order_by(ApiToken.made_at.desc())
            .limit(MOST)
        ).all()
        answer = make_response(
            render_template(
                "account/tokens.html",
                rows=rows,
                secret=secret,
                scopes=SCOPES,
                days=DAYS,
                now=now,
                problems=[problem] if problem else [],
            ),
            status_of(problem) if problem else 200,
        )
    answer.headers["Cache-Control"] = "no-store"
    return answer
