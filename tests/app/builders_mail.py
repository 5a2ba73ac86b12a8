"""A real mail server on the loopback that can be told how to behave."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from aiosmtpd.controller import Controller


@dataclass
class Postbox:
    """What has arrived. answer: what the server says to the text; receiver: what it says to the address."""

    port: int = 0
    answer: str = "250 taken"
    receiver: str = ""
    taken: list[EmailMessage] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    break_the_line: bool = False

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if self.receiver:
            return self.receiver
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        mail = message_from_bytes(envelope.content, policy=default)
        self.seen.append(mail["Message-ID"])
        if self.answer.startswith("250"):
            self.taken.append(mail)
        if self.break_the_line:
            server.transport.abort()
        return self.answer


@contextmanager
def a_mail_server():
    """A running server; its port is in the postbox."""
    box = Postbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        box.port = controller.port
        yield box
    finally:
        controller.stop()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
