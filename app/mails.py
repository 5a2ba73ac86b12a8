"""How e-mails look and how they are handed to the mail server.

What leaves an exercise says so in subject, first and last line: the sender adds that, whatever was written.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from functools import partial
from ipaddress import ip_address
from typing import Final
from urllib.parse import unquote, urlsplit
from uuid import UUID

import structlog

from app.db import Database
from app.keys import cipher
from app.languages import catalogue
from app.settings import Settings
from foundation import mails
from foundation.errors import N_
from foundation.mails import Mail, MailProblem
from foundation.spaces import Space

PURPOSE: Final = "links in mails"
TIMEOUT_S: Final = 30
MOST_PER_JOB: Final = 100
EXERCISE: Final = N_("EXERCISE")
NOT_REAL: Final = N_("EXERCISE – this is not a real event. It belongs to the exercise {name}.")

log = structlog.get_logger(__name__)


class NotTaken(Exception):
    """The mail server has not taken a mail, or nobody knows."""

    def __init__(self, problem: MailProblem, reply: str) -> None:
        super().__init__(reply)
        self.problem = problem
        self.reply = reply


class ClaimLost(Exception):
    """Another sender has this mail now."""


def link_of(mail: Mail, settings: Settings) -> str | None:
    """The link in a mail that has not left yet."""
    return None if mail.link is None else cipher(settings, PURPOSE).plain(mail.link)


def subject_of(mail: Mail, space: Space) -> str:
    """The subject as the receiver sees it."""
    if space.is_operational:
        return mail.subject
    return f"{catalogue(str(mail.locale)).gettext(EXERCISE)}: {mail.subject}"


def body_of(mail: Mail, space: Space, link: str | None) -> str:
    """The text as the receiver sees it."""
    body = mail.body.replace("{link}", link or "…")
    if space.is_operational:
        return body
    mark = str(catalogue(str(mail.locale)).gettext(NOT_REAL)).format(name=space.name)
    return f"{mark}\n\n{body}\n\n{mark}"


def message(mail: Mail, space: Space, settings: Settings, *, at: datetime) -> EmailMessage:
    """The mail as it goes to the server."""
    made = EmailMessage(policy=SMTP_POLICY)
    made["From"] = settings.mail_from
    made["To"] = mail.recipient
    made["Subject"] = subject_of(mail, space)
    made["Date"] = format_datetime(at)
    made["Message-ID"] = mail.message_id
    made["Auto-Submitted"] = "auto-generated"
    made["Content-Language"] = mail.locale.value.replace("_", "-")
    if not space.is_operational:
        made["X-Exercise"] = "yes"
    made.set_content(body_of(mail, space, link_of(mail, settings)), cte="quoted-printable")
    return made


def send_due(database: Database, settings: Settings, space_id: UUID, *, most: int = MOST_PER_JOB) -> int:
    """Send what waits in a space; gives how many were taken. A server that does not answer ends it for now."""
    if not settings.smtp_url:
        return 0
    sent = 0
    for _number in range(most):
        now = datetime.now(UTC)
        with database.transaction(space_id) as session:
            mails.see_to_expired(session, space=space_id, at=now)
            mail = mails.claim_next(session, space=space_id, at=now)
            space = session.get_one(Space, space_id)
        if mail is None:
            break
        try:
            text = message(mail, space, settings, at=now)
            reply = _deliver(settings, mail, text, partial(_last_word, database, mail))
        except ClaimLost:
            continue
        except NotTaken as error:
            log.warning("mail not taken", mail=str(mail.id), problem=error.problem.value, reply=error.reply)
            with database.transaction(space_id) as session:
                mails.note_problem(session, mail, error.problem, reply=error.reply, at=datetime.now(UTC))
            if error.problem is MailProblem.UNREACHABLE:
                break
            continue
        with database.transaction(space_id) as session:
            mails.note_sent(session, mail, reply=reply, at=datetime.now(UTC))
        sent += 1
    return sent


def _last_word(database: Database, mail: Mail) -> None:
    with database.transaction(mail.space_id) as session:
        if not mails.hand_over(session, mail, at=datetime.now(UTC)):
            raise ClaimLost


def _deliver(settings: Settings, mail: Mail, made: EmailMessage, before_data: Callable[[], None]) -> str:
    """Hand a mail to the server; gives its answer. Raises NotTaken, and what `before_data` raises."""
    try:
        server = _connect(settings.smtp_url)
    except (OSError, smtplib.SMTPException) as error:
        raise NotTaken(MailProblem.UNREACHABLE, str(error)) from error
    try:
        try:
            extended = (
                [] if mail.recipient.isascii() and settings.mail_from.isascii() else ["SMTPUTF8", "BODY=8BITMIME"]
            )
            if extended and not server.has_extn("smtputf8"):
                raise NotTaken(MailProblem.REFUSED, "SMTPUTF8")
            code, text = server.mail(settings.mail_from, extended)
            if code != 250:  # that is not the receiver's fault, and can be mended
                raise NotTaken(MailProblem.DEFERRED, f"{code} {text.decode(errors='replace')}")
            _expect(server.rcpt(mail.recipient))
        except (OSError, smtplib.SMTPException) as error:
            raise NotTaken(MailProblem.DEFERRED, str(error)) from error
        before_data()
        try:
            return _expect(server.data(made.as_bytes(policy=SMTP_POLICY.clone(utf8=bool(extended)))))
        except smtplib.SMTPDataError as error:
            raise _answered(error.smtp_code, error.smtp_error) from error
        except (OSError, smtplib.SMTPException) as error:
            raise NotTaken(MailProblem.UNCERTAIN, str(error)) from error
    finally:
        server.close()


def _connect(url: str) -> smtplib.SMTP:
    parts = urlsplit(url)
    host = parts.hostname or ""
    context = ssl.create_default_context()
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, parts.port or 465, timeout=TIMEOUT_S, context=context)
    else:
        server = smtplib.SMTP(host, parts.port or 587, timeout=TIMEOUT_S)
    try:
        server.ehlo_or_helo_if_needed()
        if parts.scheme == "smtp" and parts.query != "tls=off" and not _is_this_machine(host):
            server.starttls(context=context)
            server.ehlo()
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
    except BaseException:
        server.close()
        raise
    return server


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _expect(answer: tuple[int, bytes]) -> str:
    code, text = answer
    if code in (250, 251):
        return text.decode(errors="replace")
    raise _answered(code, text)


def _answered(code: int, text: bytes | str) -> NotTaken:
    said = text.decode(errors="replace") if isinstance(text, bytes) else text
    return NotTaken(MailProblem.REFUSED if 500 <= code < 600 else MailProblem.DEFERRED, f"{code} {said}")
