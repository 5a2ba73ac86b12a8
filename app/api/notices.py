"""What the person was told."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from app.api.blueprint import MOST, USUAL, Asked, Listed, api
from app.api.once import once
from app.db import transaction
from app.guards import needs, signed_in_person
from app.languages import notice as sentence
from app.rights import Right
from app.spaces import current_space, space_now
from foundation import notices as kept


class NoticesAsked(Asked):
    """Which notices."""

    limit: int = Field(USUAL, ge=1, le=MOST, description="How many at most, the newest first.")
    unread: bool = Field(False, description="Only those that were not read.")


class Notice(BaseModel):
    """One thing that the person should know."""

    id: UUID
    sentence: str
    path: str
    urgent: bool
    created_at: datetime
    read_at: datetime | None


class Read(BaseModel):
    """How many notices became read."""

    read: int


class Notices(Listed[Notice]):
    """The newest notices."""


@api.get("/notices")
@needs(Right.SEE)
@api.input(NoticesAsked, location="query", arg_name="asked")
@api.output(Notices)
@api.doc(summary="The newest notices")
def notices(asked: NoticesAsked) -> Any:
    """The person's notices in this space."""
    who, space = signed_in_person(), current_space()
    with transaction(space.id) as session:
        found = kept.notices(session, space=space.id, person=who.person_id, only_unread=asked.unread, limit=asked.limit)
    items = [
        Notice(
            id=one.id,
            sentence=sentence(one),
            path=f"/{space.path}{one.path}",
            urgent=one.urgent,
            created_at=one.created_at,
            read_at=one.read_at,
        )
        for one in found
    ]
    return Notices(items=items, next=None)


@api.post("/notices/read")
@needs(Right.SEE)
@api.doc(summary="All notices are read", responses={200: "How many that changed."})
@once
def read(session: Session) -> tuple[Read, int]:
    """Mark all as read."""
    done = kept.mark_read(session, space=current_space().id, person=signed_in_person().person_id, at=space_now())
    return Read(read=done), 200
