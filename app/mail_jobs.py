"""E-mails: written in the receiver's language in the caller's transaction, sent by the worker."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from procrastinate import JobContext
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.jobs import enqueue, queue
from app.keys import cipher
from app.languages import say, speaking
from app.mails import PURPOSE, send_due
from app.settings import Settings
from foundation import mails
from foundation.mails import Mail
from foundation.people import Locale
from foundation.spaces import Space

SEND: Final = "mail.send"

log = structlog.get_logger(__name__)


def write_mail(
    session: Session,
    settings: Settings,
    *,
    space: UUID,
    to: str,
    locale: Locale,
    template: str,
    subject: str,
    body: str,
    at: datetime,
    person_id: UUID | None = None,
    link: str | None = None,
    good_until: datetime | None = None,
    **parameters: object,
) -> Mail:
    """Let a mail wait, and have it sent when the session's transaction commits.

    subject, body: sentences marked with N_(), with {parameters}; `{link}` in the body is where the link goes.
    at: the real time.
    """
    with speaking(str(locale)):
        said = {"subject": say(subject, parameters), "body": say(body, {**parameters, "link": "{link}"})}
    mail = mails.append(
        session,
        space=space,
        to=to,
        locale=locale,
        template=template,
        subject=said["subject"],
        body=said["body"],
        domain=settings.mail_from.rpartition("@")[2] or urlsplit(settings.public_url).hostname or "localhost",
        at=at,
        person_id=person_id,
        link=None if link is None else cipher(settings, PURPOSE).enciphered(link),
        good_until=good_until,
    )
    enqueue(session, SEND, space_id=str(space))
    return mail


@queue.task(name=SEND, pass_context=True)
def send(context: JobContext, space_id: str) -> None:
    """Send what waits in a space."""
    send_due(context.additional_context["database"], context.additional_context["settings"], UUID(space_id))


@queue.task(name="mail.sweep", pass_context=True, queueing_lock="mail.sweep")
def sweep(context: JobContext) -> None:
    """Each minute, in every space: see to mails whose sender is gone, and send those that are due again."""
    database, settings = context.additional_context["database"], context.additional_context["settings"]
    with database.without_space() as session:
        spaces = session.scalars(select(Space.id)).all()
    for space_id in spaces:
        now = datetime.now(UTC)
        with database.transaction(space_id) as session:
            lost = mails.see_to_lost(session, space=space_id, at=now)
            mails.see_to_expired(session, space=space_id, at=now)
        if lost:
            log.warning("mails whose sender has gone", mails=lost)
        send_due(database, settings, space_id)
