"""The second factor: turning it on and off, and the second step at the door."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import joining, second_factor, session_cookie, signing_in
from app.db import transaction, without_space
from app.errors import AppError, CodeNeeded, NoSuchPage, NotSignedIn, WrongCode, WrongInput, status_of
from app.factory import current_settings
from app.guards import in_browser, public, signed_in_person
from app.identity import cookie_name
from app.languages import _
from app.pages.account import changing, proving, renewed_session
from app.pages.sign_in import wanted
from foundation import accounts
from foundation.accounts import Account, SignInSession
from foundation.people import Person, roles_of
from foundation.settings import code_roles
from foundation.spaces import OPERATIONAL_SPACE_ID

code = Blueprint("code", __name__)

PATIENCE: Final = timedelta(minutes=10)


@code.get("/sign-in/code")
@public
def ask() -> ResponseReturnValue:
    """The second step at the door."""
    if _waiting() is None:
        return redirect(url_for("sign_in.show", next=request.args.get("next", "")))
    return _ask()


@code.post("/sign-in/code")
@public
def check() -> ResponseReturnValue:
    """Look at the code; the session that comes out of it is another one than the one that waited."""
    waiting, now, address = _waiting(), datetime.now(UTC), request.remote_addr or ""
    if waiting is None:
        raise NotSignedIn
    opened, person = waiting
    counted = f"code {person.id}"
    try:
        with without_space() as session:
            signing_in.slow_down(session, counted, address=address, at=now)
        with transaction(OPERATIONAL_SPACE_ID) as session:
            account = session.get_one(Account, person.id)
            how = second_factor.check(session, current_settings(), account, request.form.get("code", "")[:100], at=now)
            accounts.end_session(session, opened.id, at=now)
            if how == "recovery":
                signing_in.note(session, person.id, "person.recovery_code_used", at=now)
            secret = signing_in.sign_in(
                session, person, at=now, address=address, browser=request.user_agent.string, waits_for_code=False
            )
    except AppError as error:
        if isinstance(error, WrongCode):
            with without_space() as session:
                signing_in.note_failure(session, counted, address=address, at=now)
        return _ask(error)
    return session_cookie.give(redirect(wanted(), code=303), secret)


@code.get("/account/code")
@in_browser
def show() -> ResponseReturnValue:
    """Whether it is on, and how to turn it on."""
    return _page()


@code.post("/account/code/begin")
@in_browser
def begin() -> ResponseReturnValue:
    """A new secret, for the phone's camera; the present password is asked for."""
    try:
        with proving() as (session, person, _now):
            account = session.get_one(Account, person.id)
            if account.totp_since is not None:
                raise NoSuchPage
            second_factor.begin(session, current_settings(), account)
    except WrongInput as error:
        return _page(error)
    return redirect(url_for("code.show"), code=303)


@code.post("/account/code/confirm")
@in_browser
def confirm() -> ResponseReturnValue:
    """The phone shows a code: from now on one is asked for. The codes for a lost phone are shown this once."""
    now, address = datetime.now(UTC), request.remote_addr or ""
    counted = f"code {signed_in_person().person_id}"
    with without_space() as session:
        signing_in.slow_down(session, counted, address=address, at=now)
    try:
        with changing() as (session, person, now):
            account = session.get_one(Account, person.id)
            if account.totp_since is not None:
                raise NoSuchPage
            codes = second_factor.confirm(
                session, current_settings(), account, request.form.get("code", "")[:100], at=now
            )
            signing_in.note(session, person.id, "person.code_on", at=now)
            joining.tell(session, current_settings(), person, "person.code_on", at=now)
            secret = renewed_session(session, person, now)
    except WrongCode as error:
        with without_space() as session:
            signing_in.note_failure(session, counted, address=address, at=now)
        return _page(error)
    return session_cookie.give(_codes(codes), secret)


@code.post("/account/code/recovery")
@in_browser
def renew() -> ResponseReturnValue:
    """New codes for a lost phone."""
    try:
        with proving() as (session, person, now):
            if session.get_one(Account, person.id).totp_since is None:
                raise NoSuchPage
            codes = second_factor.renew_recovery_codes(session, person.id)
            signing_in.note(session, person.id, "person.recovery_codes_renewed", at=now)
    except WrongInput as error:
        return _page(error)
    return _codes(codes)


@code.post("/account/code/off")
@in_browser
def turn_off() -> ResponseReturnValue:
    """Ask for no codes any more, where no role needs them."""
    try:
        with proving() as (session, person, now):
            if code_roles(session) & roles_of(session, person.id, at=now):
                raise CodeNeeded
            second_factor.turn_off(session, session.get_one(Account, person.id))
            signing_in.note(session, person.id, "person.code_off", at=now)
            joining.tell(session, current_settings(), person, "person.code_off", at=now)
    except WrongInput as error:
        return _page(error)
    flash(_("Signing in asks for no code any more."))
    return redirect(url_for("account.show"), code=303)


def _waiting() -> tuple[SignInSession, Person] | None:
    secret, now = request.cookies.get(cookie_name()), datetime.now(UTC)
    if not secret:
        return None
    with without_space() as session:
        found = accounts.open_session(session, secret, at=now)
    if found is None or not found[0].waits_for_code or found[0].began_at < now - PATIENCE:
        return None
    return found


def _ask(problem: AppError | None = None) -> ResponseReturnValue:
    page = render_template(
        "account/ask_code.html", problems=[problem] if problem else [], next=request.values.get("next", "")
    )
    return page, status_of(problem) if problem else 200


def _codes(codes: list[str]) -> Response:
    answer = make_response(render_template("account/recovery.html", codes=codes))
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _page(problem: AppError | None = None) -> ResponseReturnValue:
    who = signed_in_person()
    with changing() as (session, person, now):
        account = session.get(Account, who.person_id)
        secret = None
        if account is not None and account.totp_since is None:
            secret = second_factor.secret_of(current_settings(), account)
        page = render_template(
            "account/code.html",
            account=account,
            secret=secret,
            picture=second_factor.picture(secret, person) if secret else "",
            left=second_factor.recovery_codes_left(session, person.id),
            must=bool(code_roles(session) & roles_of(session, person.id, at=now)),
            problems=[problem] if problem else [],
        )
    return page, status_of(problem) if problem else 200, {"Cache-Control": "no-store"}
