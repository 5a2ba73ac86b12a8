"""Who asks."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import BaseModel

from app.api.blueprint import api
from app.guards import signed_in, signed_in_person


class Organisation(BaseModel):
    """An organisation in whose name the person may act in this space."""

    id: UUID
    name: str
    roles: list[str]


class Me(BaseModel):
    """The person whose token it is, and in whose name the program acts."""

    id: UUID
    name: str
    locale: str
    acting: Organisation | None
    organisations: list[Organisation]
    rights: list[str]


@api.get("/me")
@signed_in
@api.output(Me)
@api.doc(summary="Who asks, and what they may do in this space")
def me() -> Any:
    """The person and their rights."""
    who = signed_in_person()
    seats = [Organisation(id=s.organisation_id, name=s.name, roles=sorted(s.roles)) for s in who.seats]
    acting = next((s for s in seats if s.id == who.organisation_id), None)
    return Me(
        id=who.person_id,
        name=who.name,
        locale=who.locale,
        acting=acting,
        organisations=seats,
        rights=sorted(who.rights),
    )
