"""E-mails that wait, have gone or could not go."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import transaction, without_space
from app.errors import NoSuchPage
from app.factory import current_settings
from app.guards import needs, signed_in_person
from app.jobs import enqueue
from app.mail_jobs import SEND
from app.mails import body_of, link_of, subject_of
from app.rights import Right
from foundation import mails
from foundation.audit import Subject, record
from foundation.errors import N_
from foundation.mails import Mail, MailProblem, MailState
from foundation.spaces import OPERATIONAL_SPACE_ID, Space

mails_ = Blueprint("mails", __name__, url_prefix="/admin/mails")

PAGE: Final = 50
MOST_SPACES: Final = 200
STATES: Final = {
    MailState.WAITING: ("…", N_("waiting")),
    MailState.SENDING: ("⟳", N_("being sent")),
    MailState.SENT: ("✓", N_("sent")),
    MailState.FAILED: ("✗", N_("not sent")),
}
PROBLEMS: Final = {
    MailProblem.UNREACHABLE: N_("The mail server does not answer; it is tried again."),
    MailProblem.DEFERRED: N_("The mail server asked to come again later."),
    MailProblem.REFUSED: N_("The mail server does not take it. Is the address right?"),
    MailProblem.UNCERTAIN: N_(
        "The line broke while it was handed over: nobody knows whether it was taken. "
        "Ask the receiver, or send it again."
    ),
    MailProblem.EXPIRED: N_("It waited until it was no longer true. Make a new one."),
}


@mails_.get("")
@needs(Right.ADMINISTER)
def show() -> ResponseReturnValue:
    """The list, newest first."""
    wanted = request.args.get("state", "")
    state = MailState(wanted) if wanted in set(MailState) else None
    page = max(request.args.get("page", 1, type=int), 1)
    space = _space()
    with transaction(space.id) as session:
        found = mails.newest(session, space=space.id, state=state, limit=PAGE + 1, offset=PAGE * (page - 1))
    with without_space() as session:
        spaces = session.scalars(select(Space).order_by(Space.kind.desc(), Space.slug).limit(MOST_SPACES)).all()
    return render_template(
        "admin/mails.html",
        mails=found[:PAGE],
        more=len(found) > PAGE,
        page=page,
        state=state,
        states=STATES,
        problems=PROBLEMS,
        of=space,
        spaces=spaces,
        subject_of=subject_of,
        sends=bool(current_settings().smtp_url),
    )


@mails_.get("/<uuid:mail_id>")
@needs(Right.ADMINISTER)
def one(mail_id: UUID) -> ResponseReturnValue:
    """One mail as its receiver sees it, without the link."""
    return _page(mail_id)


@mails_.post("/<uuid:mail_id>/link")
@needs(Right.ADMINISTER)
def show_link(mail_id: UUID) -> ResponseReturnValue:
    """The link of a mail that has not left, to be handed over in another way; looking is kept in the audit."""
    space = _space()
    with transaction(space.id) as session:
        mail = _mail(session, space, mail_id)
        link = link_of(mail, current_settings())
    if link is None:
        raise NoSuchPage
    _note("mail.link_shown", mail)
    return _page(mail_id, link)


@mails_.post("/<uuid:mail_id>/again")
@needs(Right.ADMINISTER)
def send_again(mail_id: UUID) -> ResponseReturnValue:
    """Try once more to send a mail that could not go."""
    space = _space()
    with transaction(space.id) as session:
        mail = _mail(session, space, mail_id)
        mails.send_again(session, mail, at=datetime.now(UTC))
        enqueue(session, SEND, space_id=str(space.id))
    _note("mail.sent_again", mail)
    return redirect(url_for("mails.one", mail_id=mail_id, of=space.slug), code=303)


def _page(mail_id: UUID, link: str | None = None) -> ResponseReturnValue:
    space = _space()
    with transaction(space.id) as session:
        mail = _mail(session, space, mail_id)
    return render_template(
        "admin/mail.html",
        mail=mail,
        subject=subject_of(mail, space),
        body=body_of(mail, space, link),
        link=link,
        states=STATES,
        problems=PROBLEMS,
        of=space,
    )


def _mail(session: Session, space: Space, mail_id: UUID) -> Mail:
    mail = session.get(Mail, (space.id, mail_id))
    if mail is None:
        raise NoSuchPage
    return mail


def _space() -> Space:
    with without_space() as session:
        return session.scalars(select(Space).where(Space.slug == request.values.get("of", "op"))).one_or_none() or (
            session.get_one(Space, OPERATIONAL_SPACE_ID)
        )


def _note(action: str, mail: Mail) -> None:
    now = datetime.now(UTC)
    with transaction(OPERATIONAL_SPACE_ID) as session:
        record(
            session,
            space=OPERATIONAL_SPACE_ID,
            at=now,
            by=signed_in_person().actor,
            action=action,
            subject=Subject("mail", mail.id),
            facts={"template": mail.template, "receiver": str(mail.person_id or "")},
        )
