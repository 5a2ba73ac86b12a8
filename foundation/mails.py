"""E-mails that wait, go out and have gone: a row each, written in the transaction of what it tells about.

A mail leaves once at most. Whoever sends it claims the row, says in the row that the text is about to be handed over,
and only then hands it over; each of these is committed before the next. When the sender dies, or the line breaks,
between the last two, nobody can know whether the mail was taken: it is then marked so, and a person decides whether to
send it again. In every other case a mail that was not taken is tried again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, UniqueConstraint, and_, case, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from foundation.database import Base, InSpaceById, app_may
from foundation.people import Locale

MOST_ATTEMPTS: Final = 12
CLAIM: Final = timedelta(minutes=5)
"""A sender that is silent for so long is gone; every step of its own takes less."""
_WAITS_MIN: Final = (1, 2, 4, 8, 15, 30, 60)
MOST_AT_ONCE: Final = 200


class MailState(StrEnum):
    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"


class MailProblem(StrEnum):
    UNREACHABLE = "unreachable"  # no mail server answered
    DEFERRED = "deferred"  # the server asked to come again
    REFUSED = "refused"  # the server wants none of it
    UNCERTAIN = "uncertain"  # handed over, but whether it was taken is not known
    EXPIRED = "expired"  # what it tells is no longer so


class Mail(InSpaceById, Base):
    """One e-mail to one receiver. `{link}` in the body stands for the link, which is kept apart and enciphered."""

    __tablename__ = "mail"
    __table_args__ = (
        UniqueConstraint("space_id", "message_id"),
        Index(None, "space_id", "state", "next_try_at"),
        Index(None, "space_id", "created_at"),
        Index(None, "person_id"),
        {"info": app_may("SELECT", "INSERT", "UPDATE", "DELETE")},
    )

    recipient: Mapped[str]
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    locale: Mapped[Locale]
    template: Mapped[str]
    subject: Mapped[str]
    body: Mapped[str]
    link: Mapped[str | None]
    message_id: Mapped[str]
    state: Mapped[MailState] = mapped_column(default=MailState.WAITING)
    attempts: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime]
    good_until: Mapped[datetime | None]
    claimed_at: Mapped[datetime | None]
    handed_over_at: Mapped[datetime | None]
    problem: Mapped[MailProblem | None]
    reply: Mapped[str | None]  # what the mail server said
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]


def append(
    session: Session,
    *,
    space: UUID,
    to: str,
    locale: Locale,
    template: str,
    subject: str,
    body: str,
    domain: str,
    at: datetime,
    person_id: UUID | None = None,
    link: str | None = None,
    good_until: datetime | None = None,
) -> Mail:
    """Let a mail wait. link: enciphered already. domain: of the Message-ID, which stays the same at every try."""
    identity = uuid4()
    mail = Mail(
        space_id=space,
        id=identity,
        recipient=to,
        person_id=person_id,
        locale=locale,
        template=template,
        subject=" ".join(subject.split()),
        body=body,
        link=link,
        message_id=f"<{identity}@{domain}>",
        next_try_at=at,
        good_until=good_until,
        created_at=at,
    )
    session.add(mail)
    session.flush()
    return mail


def claim_next(session: Session, *, space: UUID, at: datetime) -> Mail | None:
    """The next mail that is due, claimed for whoever asks; commit before doing anything with it."""
    due = (
        select(Mail.id)
        .where(Mail.space_id == space, Mail.state == MailState.WAITING, Mail.next_try_at <= at)
        .order_by(Mail.next_try_at, Mail.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    return session.scalars(
        update(Mail)
        .where(Mail.space_id == space, Mail.id == due)
        .values(
            state=MailState.SENDING,
            attempts=Mail.attempts + 1,
            claimed_at=at,
            handed_over_at=None,
            problem=None,
            reply=None,
        )
        .returning(Mail)
    ).one_or_none()


def hand_over(session: Session, claimed: Mail, *, at: datetime) -> bool:
    """Note that the text goes to the server now; False where the claim was lost meanwhile. Commit before sending."""
    return _of_this_claim(session, claimed, handed_over_at=at)


def note_sent(session: Session, claimed: Mail, *, reply: str, at: datetime) -> None:
    """The server has taken it."""
    _of_this_claim(session, claimed, state=MailState.SENT, sent_at=at, reply=reply[:500], link=None)


def note_problem(session: Session, claimed: Mail, problem: MailProblem, *, reply: str, at: datetime) -> None:
    """The server has not taken it, or nobody knows; what may be tried again waits longer each time."""
    again = problem in (MailProblem.UNREACHABLE, MailProblem.DEFERRED) and claimed.attempts < MOST_ATTEMPTS
    _of_this_claim(
        session,
        claimed,
        state=MailState.WAITING if again else MailState.FAILED,
        next_try_at=at + wait_after(claimed.attempts),
        problem=problem,
        reply=reply[:500],
        handed_over_at=None,
    )


def wait_after(attempts: int) -> timedelta:
    """How long a mail waits after so many tries."""
    return timedelta(minutes=_WAITS_MIN[min(attempts, len(_WAITS_MIN)) - 1])


def _of_this_claim(session: Session, claimed: Mail, **values: object) -> bool:
    done = session.execute(
        update(Mail)
        .where(
            Mail.space_id == claimed.space_id,
            Mail.id == claimed.id,
            Mail.state == MailState.SENDING,
            Mail.attempts == claimed.attempts,  # another sender would have counted one more
        )
        .values(**values)
        .returning(Mail.id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    return done is not None


def see_to_lost(session: Session, *, space: UUID, at: datetime) -> int:
    """Let mails whose sender is gone wait again, or mark them where nobody knows; gives how many there were."""
    handed_over = Mail.handed_over_at.is_not(None)
    return len(
        session.execute(
            update(Mail)
            .where(Mail.space_id == space, Mail.state == MailState.SENDING, Mail.claimed_at <= at - CLAIM)
            .values(
                state=case((handed_over, MailState.FAILED.value), else_=MailState.WAITING.value),
                problem=case((handed_over, MailProblem.UNCERTAIN.value), else_=None),
                next_try_at=at,
            )
            .returning(Mail.id)
        ).all()
    )


def see_to_expired(session: Session, *, space: UUID, at: datetime) -> int:
    """Give up what is no longer true, and forget its link."""
    return len(
        session.execute(
            update(Mail)
            .where(
                Mail.space_id == space,
                Mail.good_until <= at,
                or_(
                    Mail.state == MailState.WAITING,
                    and_(Mail.state == MailState.FAILED, Mail.link.is_not(None)),
                ),
            )
            .values(
                state=MailState.FAILED,
                problem=case(
                    (Mail.state == MailState.WAITING, MailProblem.EXPIRED.value), else_=Mail.__table__.c.problem
                ),
                link=None,
            )
            .returning(Mail.id)
        ).all()
    )


def send_again(session: Session, mail: Mail, *, at: datetime) -> None:
    """Let one that has failed be tried again, once at least; an expired one stays as it is."""
    if mail.state is MailState.FAILED and mail.problem is not MailProblem.EXPIRED:
        mail.state, mail.next_try_at = MailState.WAITING, at


def newest(session: Session, *, space: UUID, state: MailState | None, limit: int, offset: int = 0) -> list[Mail]:
    """A space's mails, newest first, at most 200 at once."""
    query = select(Mail).where(Mail.space_id == space)
    if state is not None:
        query = query.where(Mail.state == state)
    query = query.order_by(Mail.created_at.desc(), Mail.id).limit(min(limit, MOST_AT_ONCE)).offset(offset)
    return list(session.scalars(query))
