"""From the outbox to people: each message of a space becomes notices for those whom it concerns.

A subject registers what a topic means:

    @announces("gauge.threshold_passed")
    def _passed(session, message): return [Announcement(...)]

The worker reads each open space's outbox every few seconds. A message is dealt with once: the notices and the place up
to which was read are kept in one transaction, so that a crash repeats nothing and loses nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.db import Database
from foundation import notices
from foundation.outbox import OutboxMessage, read_after
from foundation.spaces import Space, SpaceState

READER: Final = "notices"
LOOK_EVERY_S: Final = 2.0
AT_ONCE: Final = 200

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Announcement:
    """A sentence for some people, and where in the space it leads."""

    people: Iterable[UUID]
    text: str
    path: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    urgent: bool = False


Meaning = Callable[[Session, OutboxMessage], list[Announcement]]
_MEANINGS: dict[str, Meaning] = {}


def announces(topic: str) -> Callable[[Meaning], Meaning]:
    """Let a function say whom messages of that topic concern."""

    def register(meaning: Meaning) -> Meaning:
        _MEANINGS[topic] = meaning
        return meaning

    return register


Post = Callable[[Session, UUID, Announcement], object]
"""What else is done with an announcement, in the same transaction: its mails are written."""


def read_outbox(database: Database, space: UUID, post: Post = lambda *_: None) -> int:
    """Deal with the messages that have come; gives how many there were."""
    with database.transaction(space) as session:
        done = notices.read_up_to(session, READER, space=space)
        messages = read_after(session, done, space=space, limit=AT_ONCE)
        for message in messages:
            meaning = _MEANINGS.get(message.topic)
            for one in meaning(session, message) if meaning else []:
                notices.notify(
                    session,
                    space=space,
                    people=one.people,
                    text=one.text,
                    parameters=one.parameters,
                    path=one.path,
                    urgent=one.urgent,
                    at=message.created_at,
                )
                post(session, space, one)
        if messages:
            notices.has_read(session, READER, space=space, sequence=messages[-1].sequence)
        return len(messages)


def read_all(database: Database, post: Post = lambda *_: None) -> None:
    """Deal with what has come in every open space."""
    with database.without_space() as session:
        spaces = list(session.scalars(select(Space.id).where(Space.state != SpaceState.CLOSED)))
    for space in spaces:
        while read_outbox(database, space, post) == AT_ONCE:
            pass


async def keep_reading(database: Database, post: Post) -> None:
    """Until cancelled."""
    while True:
        try:
            await asyncio.to_thread(read_all, database, post)
        except SQLAlchemyError as error:
            log.warning("outbox not read", reason=str(error).splitlines()[0])
        await asyncio.sleep(LOOK_EVERY_S)
