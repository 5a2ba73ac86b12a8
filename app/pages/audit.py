"""Who did what: administrators see everything, duty officers what was done in their own organisation's name."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from io import StringIO
from typing import Any, Final
from uuid import UUID

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.audit_words import action_name
from app.db import transaction
from app.exports.records import harmless
from app.guards import needs, signed_in_person
from app.languages import ZONE, _
from app.names import matches
from app.pages.view import role_name
from app.rights import Right
from foundation.audit import AuditEntry, Wanted, actions, search
from foundation.people import Organisation, Person
from foundation.roles import Role
from foundation.spaces import OPERATIONAL_SPACE_ID

audit = Blueprint("audit", __name__, url_prefix="/admin/audit")

PAGE: Final = 100
MOST_IN_A_FILE: Final = 10_000
BATCH: Final = 500
FIELDS: Final = ("person", "organisation", "action", "subject_kind", "subject_id", "since", "until")


@dataclass(frozen=True)
class Said:
    """An entry in words."""

    entry: AuditEntry
    who: str
    organisation: str
    did: str
    subject: str
    facts: Sequence[tuple[str, str]]


@audit.get("")
@needs(Right.ADMINISTER, Right.COORDINATE)
def show() -> ResponseReturnValue:
    """The entries, newest first; the next page begins before a number."""
    with transaction(OPERATIONAL_SPACE_ID) as session:
        wanted = _wanted(session)
        before = request.args.get("before", type=int)
        found = search(session, wanted, space=OPERATIONAL_SPACE_ID, before=before, limit=PAGE + 1)
        asked = {name: request.args.get(name, "") for name in FIELDS}
        return render_template(
            "admin/audit.html",
            entries=_said(session, found[:PAGE]),
            following=found[PAGE - 1].number if len(found) > PAGE else None,
            before=before,
            asked=asked,
            actions=[(action, action_name(action)) for action in actions(session, space=OPERATIONAL_SPACE_ID)],
            organisations=_organisations(session) if signed_in_person().may(Right.ADMINISTER) else [],
            most=MOST_IN_A_FILE,
        )


@audit.get("/audit.csv")
@needs(Right.ADMINISTER, Right.COORDINATE)
def csv_file() -> Response:
    """The same as a file, at most 10,000 entries."""
    text = StringIO()
    rows = csv.writer(text, lineterminator="\r\n", quoting=csv.QUOTE_NONNUMERIC)
    rows.writerow(["number", "at", "recorded_at", "person", "organisation", "action", "subject", "facts", "request"])
    before, written = None, 0
    with transaction(OPERATIONAL_SPACE_ID) as session:
        wanted = _wanted(session)
        while written < MOST_IN_A_FILE:
            found = search(session, wanted, space=OPERATIONAL_SPACE_ID, before=before, limit=BATCH)
            for one in _said(session, found):
                entry = one.entry
                rows.writerow(
                    [
                        entry.number,
                        entry.at.isoformat(),
                        entry.recorded_at.isoformat(),
                        harmless(one.who),
                        harmless(one.organisation),
                        entry.action,
                        harmless(f"{entry.subject_kind} {entry.subject_id}"),
                        harmless("; ".join(f"{key}: {value}" for key, value in one.facts)),
                        entry.request_id or "",
                    ]
                )
            written += len(found)
            if len(found) < BATCH:
                break
            before = found[-1].number
    return Response(
        "\ufeff" + text.getvalue(),
        mimetype="text/csv",
        headers={"Content-Disposition": 'attachment; filename="audit.csv"', "Cache-Control": "no-store"},
    )


def _wanted(session: Session) -> Wanted:
    """What is asked for; whoever does not administer sees their own organisation's only."""
    who = signed_in_person()
    people = None
    typed = request.args.get("person", "").strip()
    if typed:
        everybody = session.execute(select(Person.id, Person.name).where(Person.name != "").limit(20_000))
        people = frozenset(row.id for row in everybody if matches(row.name, typed) is not None)
    organisation = _id("organisation") if who.may(Right.ADMINISTER) else who.organisation_id
    until = _day("until")
    return Wanted(
        people=people,
        organisation_id=organisation,
        action=request.args.get("action") or None,
        subject_kind=request.args.get("subject_kind", "").strip() or None,
        subject_id=request.args.get("subject_id", "").strip() or None,
        since=_day("since"),
        until=until + timedelta(days=1) if until else None,
    )


def _id(name: str) -> UUID | None:
    try:
        return UUID(request.args.get(name, ""))
    except ValueError:
        return None


def _day(name: str) -> datetime | None:
    try:
        return datetime.combine(date.fromisoformat(request.args.get(name, "")), time(), tzinfo=ZONE)
    except ValueError:
        return None


def _organisations(session: Session) -> Sequence[Organisation]:
    return session.scalars(select(Organisation).order_by(Organisation.name).limit(2000)).all()


def _said(session: Session, found: Sequence[AuditEntry]) -> list[Said]:
    """The entries with the names that people and organisations have today."""
    ids = {entry.person_id for entry in found if entry.person_id}
    ids |= {UUID(entry.subject_id) for entry in found if entry.subject_kind == "person" and _is_id(entry.subject_id)}
    people = {
        row.id: row.name or _("erased person")
        for row in session.execute(select(Person.id, Person.name).where(Person.id.in_(ids)))
    }
    bodies = {entry.organisation_id for entry in found if entry.organisation_id}
    bodies |= {UUID(word) for entry in found if _is_id(word := str(entry.facts.get("organisation", "")))}
    organisations = {
        row.id: row.name
        for row in session.execute(select(Organisation.id, Organisation.name).where(Organisation.id.in_(bodies)))
    }
    return [_in_words(entry, people, organisations) for entry in found]


def _in_words(entry: AuditEntry, people: Mapping[UUID, str], organisations: Mapping[UUID, str]) -> Said:
    about = ""
    if entry.subject_kind == "person" and _is_id(entry.subject_id):
        subject = UUID(entry.subject_id)
        about = people.get(subject, "") if subject != entry.person_id else ""
    facts = []
    for key, value in entry.facts.items():
        if key == "organisation" and _is_id(str(value)):
            value = organisations.get(UUID(str(value)), value)
        elif key == "role" and value in set(Role):
            value = role_name(Role(value))
        facts.append((key, _plain(value)))
    return Said(
        entry=entry,
        who=people.get(entry.person_id, "") if entry.person_id else entry.actor,
        organisation=organisations.get(entry.organisation_id, "") if entry.organisation_id else "",
        did=action_name(entry.action),
        subject=about or ("" if entry.subject_kind == "person" else f"{entry.subject_kind} {entry.subject_id}"),
        facts=facts,
    )


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return "–" if value is None else str(value)


def _is_id(word: str) -> bool:
    try:
        UUID(word)
    except ValueError:
        return False
    return True
