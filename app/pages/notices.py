"""What a person was told in this space, and what they have typed and not sent yet."""

from __future__ import annotations

import json
from uuid import UUID

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.db import transaction
from app.errors import DraftTooLarge
from app.guards import needs, signed_in_person
from app.languages import moment
from app.maps import as_json
from app.rights import Right
from app.spaces import current_space, space_now
from foundation import drafts
from foundation import notices as kept

notices = Blueprint("notices", __name__, url_prefix="/notices")
MOST = 200
MOST_NAME = 200


@notices.get("")
@needs(Right.SEE)
def show() -> ResponseReturnValue:
    """The newest notices, read or not."""
    who, space = signed_in_person(), current_space()
    with transaction(space.id) as session:
        found = kept.notices(session, space=space.id, person=who.person_id, limit=MOST)
        return render_template("notices.html", notices=found, most=MOST)


@notices.get("/<uuid:notice_id>")
@needs(Right.SEE)
def follow(notice_id: UUID) -> ResponseReturnValue:
    """To what the notice is about; it is read by that."""
    who, space = signed_in_person(), current_space()
    with transaction(space.id) as session:
        notice = session.get(kept.Notice, (space.id, notice_id))
        path = notice.path if notice is not None and notice.person_id == who.person_id else None
        kept.mark_read(session, space=space.id, person=who.person_id, notice=notice_id, at=space_now())
    if path is None or not path.startswith("/") or path.startswith("//"):
        return redirect(url_for(".show"))
    return redirect(f"/{space.path}{path}")


@notices.post("/read")
@needs(Right.SEE)
def read() -> ResponseReturnValue:
    """All of them are read."""
    who, space = signed_in_person(), current_space()
    with transaction(space.id) as session:
        kept.mark_read(session, space=space.id, person=who.person_id, at=space_now())
    return redirect(url_for(".show"), code=303)


@notices.get("/drafts/<form>")
@needs(Right.SEE)
def draft(form: str) -> ResponseReturnValue:
    """What was typed into a form and not sent: {"entries", "saved"}, or {}."""
    who, space = signed_in_person(), current_space()
    with transaction(space.id) as session:
        found = drafts.draft(session, space=space.id, person=who.person_id, form=form[:MOST_NAME])
    data = {"entries": found.entries, "saved": moment(found.saved_at)} if found else {}
    return Response(as_json(data), mimetype="application/json", headers={"Cache-Control": "no-store"})


@notices.post("/drafts/<form>")
@needs(Right.SEE)
def save(form: str) -> ResponseReturnValue:
    """Keep what is typed: {field: value or [values]}. Without entries the draft is dropped."""
    who, space = signed_in_person(), current_space()
    entries = request.get_json()
    if not isinstance(entries, dict) or len(json.dumps(entries)) > drafts.MOST_BYTES:
        raise DraftTooLarge
    now = space_now()
    with transaction(space.id) as session:
        if entries:
            drafts.save(session, space=space.id, person=who.person_id, form=form[:MOST_NAME], entries=entries, at=now)
        else:
            drafts.drop(session, space=space.id, person=who.person_id, form=form[:MOST_NAME])
    return Response(as_json({"saved": moment(now)}), mimetype="application/json")
