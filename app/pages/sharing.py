"""What one's own organisation lets others see of its stock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from app.db import transaction, without_space
from app.errors import NoSuchPage
from app.guards import acting_organisation, needs, signed_in_person
from app.rights import Right
from app.spaces import current_space
from foundation.people import Organisation
from foundation.spaces import OPERATIONAL_SPACE_ID
from layers import sharing as rules
from layers.sharing import Audience, Visibility

sharing = Blueprint("sharing", __name__, url_prefix="/organisation")

GROUPS: Final = (Audience.UPWARD, Audience.OWN_CANTON, Audience.OWN_ENTITY, Audience.EVERYBODY)
MOST: Final = 1000


@sharing.get("")
@needs(Right.APPROVE)
def show() -> ResponseReturnValue:
    """The rules as they are, and what may be changed."""
    _insist_on_the_real_world()
    owner = acting_organisation()
    with without_space() as session:
        kept = rules.rules_of(session, owner)
        others = session.scalars(
            select(Organisation)
            .where(Organisation.id != owner, Organisation.deactivated_at.is_(None))
            .order_by(Organisation.name)
            .limit(MOST)
        ).all()
        names = {one.id: one.name for one in others}
        return render_template(
            "sharing.html",
            groups=GROUPS,
            levels=Visibility,
            kept={rule.audience: rule.level for rule in kept if rule.viewer_id is None},
            named=sorted((names.get(rule.viewer_id, "–"), rule) for rule in kept if rule.viewer_id is not None),
            others=others,
            consents=rules.may_be_copied(session, owner),
            saved="saved" in request.args,
        )


@sharing.post("")
@needs(Right.APPROVE)
def save() -> ResponseReturnValue:
    """Keep the rules for groups, and the consent to exercises."""
    _insist_on_the_real_world()
    owner, by, now = acting_organisation(), signed_in_person().actor, datetime.now(UTC)
    wanted = {group: _level(group.value) for group in GROUPS}
    with transaction(OPERATIONAL_SPACE_ID) as session:
        for group, level in wanted.items():
            rules.share(session, owner, group, level, by=by, at=now)
        rules.consent_to_exercises(session, owner, request.form.get("exercises") == "yes", by=by, at=now)
    return redirect(url_for(".show", saved=1), code=303)


@sharing.post("/one")
@needs(Right.APPROVE)
def name_one() -> ResponseReturnValue:
    """Set, or take away, the rule for one named organisation."""
    _insist_on_the_real_world()
    owner = acting_organisation()
    try:
        viewer = UUID(request.form.get("viewer", ""))
    except ValueError:
        raise NoSuchPage from None
    with transaction(OPERATIONAL_SPACE_ID) as session:
        if viewer == owner or session.get(Organisation, viewer) is None:
            raise NoSuchPage
        by = signed_in_person().actor
        rules.share(session, owner, Audience.ONE, _level("level"), viewer=viewer, by=by, at=datetime.now(UTC))
    return redirect(url_for(".show", saved=1), code=303)


def _level(field: str) -> Visibility | None:
    typed = request.form.get(field, "")
    if typed and typed not in set(Visibility):
        raise NoSuchPage
    return Visibility(typed) if typed else None


def _insist_on_the_real_world() -> None:
    # Consent is shared by all spaces: nobody gives or takes it from within an exercise.
    if not current_space().is_operational:
        raise NoSuchPage
