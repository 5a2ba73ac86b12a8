"""A person's own account: who they are, how they sign in, and where they are signed in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app import joining, members, passwords, personal_data, session_cookie, signing_in
from app.db import current_database, transaction, without_space
from app.errors import AppError, NoSuchPage, NotConfirmed, WrongInput, WrongPassword, status_of
from app.factory import current_settings
from app.guards import in_browser, signed_in_person
from app.identity import cookie_name
from app.languages import COOKIE as LANGUAGE_COOKIE
from app.languages import _
from app.names import folded
from foundation import accounts
from foundation.accounts import Account, SignInSession, open_sessions
from foundation.people import Locale, Person
from foundation.spaces import OPERATIONAL_SPACE_ID

account = Blueprint("account", __name__, url_prefix="/account")


@account.get("")
@in_browser
def show() -> ResponseReturnValue:
    """All of it on one page."""
    return page()


@account.post("/name")
@in_browser
def change_name() -> ResponseReturnValue:
    """Another name."""
    try:
        with changing() as (session, person, now):
            person.name = members.good_name(request.form.get("name", ""))
            signing_in.note(session, person.id, "person.name_changed", at=now)
    except WrongInput as error:
        return page(error)
    return done(_("Your name was changed."))


@account.post("/language")
@in_browser
def change_language() -> ResponseReturnValue:
    """The language of pages and e-mails, on every device."""
    wanted = request.form.get("locale", "")
    if wanted not in set(Locale):
        raise NoSuchPage
    with changing() as (session, person, now):
        person.locale = Locale(wanted)
        signing_in.note(session, person.id, "person.language_changed", at=now)
    answer = redirect(url_for("account.show"), code=303)
    answer.delete_cookie(LANGUAGE_COOKIE)  # what was chosen in this browser before
    return answer


@account.post("/email")
@in_browser
def change_email() -> ResponseReturnValue:
    """Another address, with the present password; the old address is told."""
    try:
        with proving() as (session, person, now):
            old, person.email = (
                person.email,
                members.good_email(session, request.form.get("email", ""), person_id=person.id),
            )
            signing_in.note(session, person.id, "person.email_changed", at=now)
            joining.tell(session, current_settings(), person, "person.email_changed", at=now, email=old)
    except WrongInput as error:
        return page(error)
    return done(_("Your e-mail address was changed."))


@account.post("/password")
@in_browser
def change_password() -> ResponseReturnValue:
    """Another password, with the present one; every other session ends."""
    password, again = request.form.get("password", "")[:1000], request.form.get("again", "")[:1000]
    try:
        with proving() as (session, person, now):
            joining.set_password(session, current_settings(), person, password, again, at=now)
            secret = renewed_session(session, person, now)
    except WrongInput as error:
        return page(error)
    flash(_("Your password was changed, and you were signed out everywhere else."))
    return session_cookie.give(redirect(url_for("account.show"), code=303), secret)


@account.post("/sessions/<uuid:session_id>/end")
@in_browser
def end_session(session_id: UUID) -> ResponseReturnValue:
    """Sign one browser out."""
    with changing() as (session, person, now):
        found = session.get(SignInSession, session_id)
        if found is None or found.person_id != person.id:
            raise NoSuchPage
        signing_in.sign_out(session, person.id, session_id, at=now)
    return done(_("That browser was signed out."))


@account.post("/sessions/end-others")
@in_browser
def end_other_sessions() -> ResponseReturnValue:
    """Sign all other browsers out."""
    with changing() as (session, person, now):
        accounts.end_all_sessions(session, person.id, at=now, but=signed_in_person().session_id)
        signing_in.note(session, person.id, "person.signed_out_elsewhere", at=now)
    return done(_("Every other browser was signed out."))


@account.post("/data")
@in_browser
def take_data() -> ResponseReturnValue:
    """All that is kept about oneself, as a file."""
    packed = personal_data.export(current_database(), signed_in_person().person_id, at=datetime.now(UTC))
    headers = {"Content-Disposition": 'attachment; filename="spremnost.zip"', "Cache-Control": "no-store"}
    return Response(packed, mimetype="application/zip", headers=headers)


@account.post("/erase")
@in_browser
def erase() -> ResponseReturnValue:
    """Take oneself away, with the present password and the name typed once more."""
    try:
        with proving() as (_session, person, now):
            insist_on_the_name(person)
        personal_data.erase(current_database(), person.id, by=signed_in_person().actor, at=now)
    except WrongInput as error:
        return page(error)
    answer = redirect(url_for("sign_in.show"), code=303)
    answer.delete_cookie(cookie_name(), secure=request.is_secure, httponly=True, samesite="Lax")
    return answer


def insist_on_the_name(person: Person) -> None:
    """What cannot be undone is confirmed by typing the name. Raises NotConfirmed."""
    if folded(request.form.get("confirm", "")) != folded(person.name):
        raise NotConfirmed(name=person.name)


@contextmanager
def changing() -> Iterator[tuple[Session, Person, datetime]]:
    """A transaction in which the person who asks is changed."""
    now = datetime.now(UTC)
    with transaction(OPERATIONAL_SPACE_ID) as session:
        yield session, session.get_one(Person, signed_in_person().person_id), now


@contextmanager
def proving() -> Iterator[tuple[Session, Person, datetime]]:
    """The same, once the present password was typed rightly. Raises WrongPassword, TooManyTries."""
    who, now, address = signed_in_person(), datetime.now(UTC), request.remote_addr or ""
    counted = f"account {who.person_id}"
    with without_space() as session:
        signing_in.slow_down(session, counted, address=address, at=now)
        kept = session.get(Account, who.person_id)
    if not passwords.is_right(request.form.get("present", "")[:1000], kept.password_hash if kept else None):
        with without_space() as session:
            signing_in.note_failure(session, counted, address=address, at=now)
        raise WrongPassword
    with changing() as all_of_it:
        yield all_of_it


def renewed_session(session: Session, person: Person, now: datetime) -> str:
    """End every session and begin another one in this browser; gives its secret."""
    accounts.end_all_sessions(session, person.id, at=now)
    return accounts.begin_session(
        session, person.id, at=now, address=request.remote_addr or "", browser=request.user_agent.string
    )


def done(sentence: str) -> ResponseReturnValue:
    """Back to the page, which says what was done."""
    flash(sentence)
    return redirect(url_for("account.show"), code=303)


def page(problem: AppError | None = None) -> ResponseReturnValue:
    """The page, with what was wrong."""
    who, now = signed_in_person(), datetime.now(UTC)
    with without_space() as session:
        person = session.get_one(Person, who.person_id)
        text = render_template(
            "account/account.html",
            person=person,
            account=session.get(Account, who.person_id),
            sessions=open_sessions(session, who.person_id, at=now),
            problems=[problem] if problem else [],
            fewest=passwords.FEWEST,
            most=passwords.MOST,
        )
    return text, status_of(problem) if problem else 200
