"""Once a day: what is older than administrators want it kept is deleted. The audit never is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

from procrastinate import JobContext
from sqlalchemy import ColumnElement, CursorResult, and_, delete, or_, select
from sqlalchemy.orm import Session

from app.db import Database
from app.jobs import queue
from foundation.accounts import IDLE, LONGEST, OneTimeLink, SignInAttempt, SignInSession
from foundation.answered import forget_answers
from foundation.audit import Actor, Subject, record
from foundation.database import Base
from foundation.mails import Mail, MailState
from foundation.notices import Notice
from foundation.settings import KEEP_ANSWERS, KEEP_ATTEMPTS, KEEP_MAILS, KEEP_NOTICES, KEEP_SESSIONS, days
from foundation.spaces import OPERATIONAL_SPACE_ID, Space

WORKER = Actor("worker")


@queue.periodic(cron="17 3 * * *")
@queue.task(name="data.clean", pass_context=True, queueing_lock="data.clean")
def clean_daily(context: JobContext, timestamp: int) -> None:
    """Delete what is too old, at night."""
    clean(context.additional_context["database"], at=datetime.now(UTC))


def clean(database: Database, *, at: datetime) -> dict[str, int]:
    """Delete what is too old; gives how many rows of what. A second call finds nothing."""
    with database.transaction(OPERATIONAL_SPACE_ID) as session:
        ended = at - timedelta(days=days(session, KEEP_SESSIONS))
        deleted = {
            "sessions": _delete(
                session,
                SignInSession,
                or_(
                    SignInSession.ended_at < ended,
                    SignInSession.seen_at < ended - IDLE,
                    SignInSession.began_at < ended - LONGEST,
                ),
            ),
            "links": _delete(session, OneTimeLink, OneTimeLink.expires_at < ended),
            "attempts": _delete(
                session, SignInAttempt, SignInAttempt.at < at - timedelta(days=days(session, KEEP_ATTEMPTS))
            ),
            "mails": 0,
            "notices": 0,
            "answers": 0,
        }
        answers = timedelta(days=days(session, KEEP_ANSWERS))
        mails, notices = timedelta(days=days(session, KEEP_MAILS)), timedelta(days=days(session, KEEP_NOTICES))
        spaces = session.scalars(select(Space)).all()
    for space in spaces:
        with database.transaction(space.id) as session:
            gone = and_(Mail.state.in_([MailState.SENT, MailState.FAILED]), Mail.created_at < at - mails)
            deleted["mails"] += _delete(session, Mail, gone)
            deleted["answers"] += forget_answers(session, before=at - answers)
            deleted["notices"] += _delete(session, Notice, Notice.created_at < space.time(at) - notices)
    if any(deleted.values()):
        with database.transaction(OPERATIONAL_SPACE_ID) as session:
            record(
                session,
                space=OPERATIONAL_SPACE_ID,
                at=at,
                by=WORKER,
                action="data.cleaned",
                subject=Subject("installation", "data"),
                facts=deleted,
            )
    return deleted


def _delete(session: Session, table: type[Base], which: ColumnElement[bool]) -> int:
    done = session.execute(delete(table).where(which).execution_options(synchronize_session=False))
    return cast("CursorResult[Any]", done).rowcount
