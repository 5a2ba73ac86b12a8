"""The door: signing in and out, and in whose name one acts."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from app import demo_people, oidc, session_cookie, signing_in
from app.db import transaction, without_space
from app.errors import AppError, NoSuchPage, NotAllowed, OtherServerFailed, WrongCredentials, status_of
from app.factory import current_settings
from app.guards import comes_from_here, public, signed_in, signed_in_person
from app.identity import cookie_name, me
from foundation.accounts import Account
from foundation.people import Person, person_by_email
from foundation.spaces import OPERATIONAL_SPACE_ID

sign_in = Blueprint("sign_in", __name__)

OTHER = "other server"


@sign_in.get("/sign-in")
@public
def show() -> ResponseReturnValue:
    """The form."""
    if me() is not None:
        return redirect(wanted())
    return _form()


@sign_in.post("/sign-in")
@public
def check() -> ResponseReturnValue:
    """Look at address and password."""
    email, password = request.form.get("email", "")[:320], request.form.get("password", "")[:1000]
    address, now = request.remote_addr or "", datetime.now(UTC)
    try:
        with without_space() as db:
            signing_in.slow_down(db, email, address=address, at=now)
        with transaction(OPERATIONAL_SPACE_ID) as db:
            person, account = signing_in.known(db, email, password, at=now)
            waits_for_code = account.totp_since is not None
            secret = signing_in.sign_in(
                db,
                person,
                at=now,
                address=address,
                browser=request.user_agent.string,
                waits_for_code=waits_for_code,
            )
            if waits_for_code:
                return session_cookie.give(redirect(url_for("code.ask", next=wanted()), code=303), secret)
            return _begin(secret)
    except AppError as error:
        if isinstance(error, WrongCredentials):
            with without_space() as db:
                signing_in.note_failure(db, email, address=address, at=now)
        return _form(error, email)


@sign_in.post("/sign-in/demo")
@public
def demo() -> ResponseReturnValue:
    """Sign in as one of the made people with one click, on the machine itself."""
    if not _offers_demo():
        raise NotAllowed
    with transaction(OPERATIONAL_SPACE_ID) as db:
        person: Person | None = None
        if request.form.get("email", "") in {made.email for made in demo_people.PEOPLE}:
            person = person_by_email(db, request.form["email"])
        if person is None:
            raise WrongCredentials
        return _begin(
            signing_in.sign_in(
                db,
                person,
                at=datetime.now(UTC),
                address=request.remote_addr or "",
                browser=request.user_agent.string,
                waits_for_code=False,
            )
        )


@sign_in.get("/sign-in/other")
@public
def other() -> ResponseReturnValue:
    """To the other server."""
    if not oidc.is_offered(current_settings()):
        raise NoSuchPage
    try:
        where, asked = oidc.begin(current_settings(), wanted())
    except OtherServerFailed as error:
        return _form(error)
    session[OTHER] = asked.as_kept()
    return redirect(where)


@sign_in.get("/sign-in/other/back")
@public
def back() -> ResponseReturnValue:
    """Back from the other server."""
    if not oidc.is_offered(current_settings()):
        raise NoSuchPage
    kept, now = session.pop(OTHER, None), datetime.now(UTC)
    try:
        claims = oidc.finish(
            current_settings(), kept, state=request.args.get("state", ""), code=request.args.get("code", "")
        )
        with transaction(OPERATIONAL_SPACE_ID) as db:
            person = oidc.person_of(db, claims, at=now)
            account = db.get(Account, person.id)
            waits_for_code = account is not None and account.totp_since is not None
            secret = signing_in.sign_in(
                db,
                person,
                at=now,
                address=request.remote_addr or "",
                browser=request.user_agent.string,
                waits_for_code=waits_for_code,
            )
    except WrongCredentials as error:
        return _form(error)
    to = own_page(kept["next"])
    return session_cookie.give(redirect(url_for("code.ask", next=to) if waits_for_code else to, code=303), secret)


@sign_in.post("/sign-out")
@signed_in
def leave() -> ResponseReturnValue:
    """End this browser's session."""
    who = signed_in_person()
    if who.session_id is not None:
        with transaction(OPERATIONAL_SPACE_ID) as db:
            signing_in.sign_out(db, who.person_id, who.session_id, at=datetime.now(UTC))
    answer = redirect(url_for("sign_in.show"), code=303)
    answer.delete_cookie(cookie_name(), secure=request.is_secure, httponly=True, samesite="Lax")
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer


@sign_in.post("/acting")
@signed_in
def act() -> ResponseReturnValue:
    """Act for another of one's organisations."""
    who = signed_in_person()
    seat = next((s for s in who.seats if str(s.organisation_id) == request.form.get("organisation")), None)
    if seat is None or who.session_id is None:
        raise NotAllowed
    with without_space() as db:
        signing_in.act_for(db, who.session_id, UUID(str(seat.organisation_id)))
    return redirect(wanted(), code=303)


def _form(error: AppError | None = None, email: str = "") -> ResponseReturnValue:
    page = render_template(
        "sign_in.html",
        error=error,
        email=email,
        next=request.values.get("next", ""),
        by_other_server=oidc.is_offered(current_settings()),
        demo_people=demo_people.PEOPLE if _offers_demo() else (),
    )
    return page, status_of(error) if error else 200


def _offers_demo() -> bool:
    return current_settings().demo and comes_from_here(request)


def _begin(secret: str) -> ResponseReturnValue:
    return session_cookie.give(redirect(wanted(), code=303), secret)


def wanted() -> str:
    """Where the person wanted to go: a page of ours, or home."""
    return own_page(request.values.get("next", ""))


def own_page(asked: str) -> str:
    """That address, where it is one of ours; else home."""
    parts = urlsplit(asked)
    if parts.scheme or parts.netloc or not asked.startswith("/") or asked.startswith(("//", "/\\")):
        return url_for("door.show")
    return asked
