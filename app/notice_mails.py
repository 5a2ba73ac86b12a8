"""Urgent notices also go out by e-mail, to whoever has an address."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.languages import say, speaking
from app.mail_jobs import write_mail
from app.notifying import Announcement
from app.settings import Settings
from foundation.errors import N_
from foundation.people import Person

SUBJECT: Final = N_("Urgent: {sentence}")
BODY: Final = N_("Good day, {name}.\n\n{sentence}\n\nIt stands among your notices in Spremnost.")


def post(session: Session, settings: Settings, space: UUID, announcement: Announcement) -> int:
    """Write a mail for each person of an urgent announcement, in the transaction that makes the notices.

    Each in the reader's language; gives how many. That they belong to an exercise is said by whoever sends them.
    """
    if not announcement.urgent:
        return 0
    people = session.scalars(
        select(Person)
        .where(Person.id.in_(set(announcement.people)), Person.email.is_not(None), Person.deactivated_at.is_(None))
        .order_by(Person.id)
    ).all()
    for person in people:
        with speaking(str(person.locale)):
            sentence = say(announcement.text, dict(announcement.parameters))
        write_mail(
            session,
            settings,
            space=space,
            to=str(person.email),
            locale=person.locale,
            template="notice",
            subject=SUBJECT,
            body=BODY,
            at=datetime.now(UTC),
            person_id=person.id,
            name=person.name,
            sentence=" ".join(sentence.split()),
        )
    return len(people)
