"""What administrators do with organisations: make, rename, place, close and open again; each with its audit entry."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import AreaUnknown, OrganisationNameMissing, OrganisationNameTaken
from foundation.audit import Actor, Subject, record
from foundation.people import Organisation, OrganisationKind
from foundation.spaces import OPERATIONAL_SPACE_ID
from layers.areas import Area, Level
from layers.jurisdictions import Jurisdiction

MOST_NAME = 200


def make(
    session: Session,
    name: str,
    kind: OrganisationKind,
    jurisdiction: tuple[Level, str] | None,
    *,
    by: Actor,
    at: datetime,
) -> Organisation:
    """A new organisation. Raises OrganisationNameMissing, OrganisationNameTaken, AreaUnknown."""
    made = Organisation(name=_good_name(session, name), kind=kind, created_at=at)
    session.add(made)
    session.flush()
    _place(session, made, jurisdiction)
    _note(session, "organisation.made", made, {"is": _facts(session, made)}, by=by, at=at)
    return made


def change(
    session: Session,
    organisation: Organisation,
    name: str,
    kind: OrganisationKind,
    jurisdiction: tuple[Level, str] | None,
    *,
    by: Actor,
    at: datetime,
) -> None:
    """Give it another name, kind or area. Raises OrganisationNameMissing, OrganisationNameTaken, AreaUnknown."""
    before = _facts(session, organisation)
    organisation.name, organisation.kind = _good_name(session, name, organisation.id), kind
    _place(session, organisation, jurisdiction)
    session.flush()
    after = _facts(session, organisation)
    if after != before:
        _note(session, "organisation.changed", organisation, {"was": before, "is": after}, by=by, at=at)


def close(session: Session, organisation: Organisation, *, by: Actor, at: datetime) -> None:
    """From now on nobody acts in its name; what it did and owns stays."""
    if organisation.deactivated_at is None:
        organisation.deactivated_at = at
        _note(session, "organisation.closed", organisation, {}, by=by, at=at)


def open_again(session: Session, organisation: Organisation, *, by: Actor, at: datetime) -> None:
    """Let people act in its name again."""
    if organisation.deactivated_at is not None:
        organisation.deactivated_at = None
        _note(session, "organisation.opened", organisation, {}, by=by, at=at)


def _good_name(session: Session, name: str, own: UUID | None = None) -> str:
    name = " ".join(name.split())[:MOST_NAME]
    if not name:
        raise OrganisationNameMissing
    other = session.scalars(select(Organisation).where(Organisation.name == name)).one_or_none()
    if other is not None and other.id != own:
        raise OrganisationNameTaken(name=name)
    return name


def _place(session: Session, organisation: Organisation, wanted: tuple[Level, str] | None) -> None:
    kept = session.get(Jurisdiction, organisation.id)
    if kept is not None and (wanted is None or (kept.level, kept.code) != wanted):
        session.delete(kept)
        session.flush()
        kept = None
    if wanted is not None and kept is None:
        level, code = wanted
        # Codes can be told before boundaries are brought in; once they are, a wrong one would mean nowhere.
        known = session.scalars(select(Area.code).where(Area.level == level)).all()
        if not code or (known and code not in known):
            raise AreaUnknown(code=code or "–")
        session.add(Jurisdiction(organisation_id=organisation.id, level=level, code=code))
    session.flush()


def _facts(session: Session, organisation: Organisation) -> dict[str, str | None]:
    kept = session.get(Jurisdiction, organisation.id)
    place = f"{kept.level.value} {kept.code}" if kept else None
    return {"name": organisation.name, "kind": organisation.kind.value, "jurisdiction": place}


def _note(
    session: Session, action: str, organisation: Organisation, facts: dict[str, Any], *, by: Actor, at: datetime
) -> None:
    record(
        session,
        space=OPERATIONAL_SPACE_ID,
        at=at,
        by=by,
        action=action,
        subject=Subject("organisation", organisation.id),
        facts=facts,
    )
