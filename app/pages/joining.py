"""Coming in by an invitation, and back in by a link when the password is forgotten."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import joining, passwords
from app.db import transaction
from app.errors import AppError, TooManyTries, WrongEmail, WrongInput, status_of
from app.factory import current_settings
from app.guards import public
from app.settings import is_mail_address
from foundation.people import normal_email
from foundation.spaces import OPERATIONAL_SPACE_ID

joining_ = Blueprint("joining", __name__)


@joining_.get("/join/<secret>")
@public
def show(secret: str) -> ResponseReturnValue:
    """Where a link leads: choose a password."""
    return _choose(secret)


@joining_.post("/join/<secret>")
@public
def choose(secret: str) -> ResponseReturnValue:
    """Take the password; it is then used at the door."""
    try:
        with transaction(OPERATIONAL_SPACE_ID) as session:
            joining.choose(
                session,
                current_settings(),
                secret,
                request.form.get("password", "")[:1000],
                request.form.get("again", "")[:1000],
                at=datetime.now(UTC),
            )
    except WrongInput as error:
        return _choose(secret, error)
    return redirect(url_for("sign_in.show", chosen=1), code=303)


@joining_.get("/forgot")
@public
def forgot() -> ResponseReturnValue:
    """Ask for a link."""
    return render_template("account/forgot.html", problems=[], email="", asked=False)


@joining_.post("/forgot")
@public
def ask() -> ResponseReturnValue:
    """Send a link, if there is such a person; the answer is the same if not."""
    email = request.form.get("email", "")[:320]
    problem: AppError | None = None if is_mail_address(normal_email(email)) else WrongEmail()
    if problem is None:
        try:
            with transaction(OPERATIONAL_SPACE_ID) as session:
                joining.ask_for_reset(
                    session, current_settings(), email, address=request.remote_addr or "", at=datetime.now(UTC)
                )
        except TooManyTries as error:
            problem = error
    page = render_template(
        "account/forgot.html", problems=[problem] if problem else [], email=email, asked=problem is None
    )
    return page, status_of(problem) if problem else 200


def _choose(secret: str, problem: AppError | None = None) -> ResponseReturnValue:
    with transaction(OPERATIONAL_SPACE_ID) as session:
        _link, person = joining.opened(session, secret, at=datetime.now(UTC))
    page = render_template(
        "account/choose.html",
        person=person,
        problems=[problem] if problem else [],
        secret=secret,
        fewest=passwords.FEWEST,
        most=passwords.MOST,
    )
    return page, status_of(problem) if problem else 200
