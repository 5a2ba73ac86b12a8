"""People and their roles, for administrators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app import joining, members, personal_data
from app.db import current_database, transaction, without_space
from app.errors import AppError, NoSuchPage, PersonErased, WrongInput, status_of
from app.factory import current_settings
from app.guards import needs, signed_in_person
from app.joining import Invitation
from app.languages import chosen
from app.names import matches
from app.pages.account import insist_on_the_name
from app.rights import Right
from foundation.accounts import Account, LinkKind, open_sessions
from foundation.folding import alphabetical
from foundation.people import Locale, Membership, Organisation, Person
from foundation.roles import EXERCISE_ROLES, Role
from foundation.spaces import OPERATIONAL_SPACE_ID, Space, SpaceKind

people = Blueprint("people", __name__, url_prefix="/admin/people")

PAGE: Final = 50
MOST: Final = 20_000
STATES: Final = ("active", "invited", "closed")


@dataclass(frozen=True)
class Listed:
    """A person with the parts that they play now."""

    person: Person
    has_password: bool
    roles: Sequence[tuple[str, Role]]

    @property
    def state(self) -> str:
        if not self.person.is_active:
            return "closed"
        return "active" if self.has_password else "invited"


@people.get("")
@needs(Right.ADMINISTER)
def show() -> ResponseReturnValue:
    """The list, by name."""
    asked = {name: request.args.get(name, "") for name in ("q", "organisation", "role", "state")}
    page = max(request.args.get("page", 1, type=int), 1)
    with without_space() as session:
        found = [one for one in _listed(session, datetime.now(UTC)) if _answers(one, asked)]
        return render_template(
            "admin/people.html",
            people=found[PAGE * (page - 1) : PAGE * page],
            total=len(found),
            more=len(found) > PAGE * page,
            page=page,
            asked=asked,
            organisations=_organisations(session),
        )


@people.get("/new")
@needs(Right.ADMINISTER)
def new() -> ResponseReturnValue:
    """The form of an invitation."""
    return _invitation()


@people.post("/new")
@needs(Right.ADMINISTER)
def invite() -> ResponseReturnValue:
    """Invite somebody; the link is shown this once."""
    try:
        with transaction(OPERATIONAL_SPACE_ID) as session:
            person, link = joining.invite(
                session,
                current_settings(),
                Invitation(
                    name=request.form.get("name", ""),
                    email=request.form.get("email", "")[:320],
                    organisation_id=_id("organisation"),
                    roles=_roles(),
                    exercise_id=_id("exercise"),
                    locale=_locale(),
                ),
                by=signed_in_person().actor,
                at=datetime.now(UTC),
            )
    except WrongInput as error:
        return _invitation(error)
    return _one(person.id, link=link)


@people.get("/<uuid:person_id>")
@needs(Right.ADMINISTER)
def one(person_id: UUID) -> ResponseReturnValue:
    """One person: roles now and before, and what can be done."""
    return _one(person_id)


@people.post("/<uuid:person_id>/roles")
@needs(Right.ADMINISTER)
def give_role(person_id: UUID) -> ResponseReturnValue:
    """Give a person another part to play."""
    try:
        with transaction(OPERATIONAL_SPACE_ID) as session:
            members.give_roles(
                session,
                _person(session, person_id),
                _id("organisation"),
                _roles(),
                exercise_id=_id("exercise"),
                by=signed_in_person().actor,
                at=datetime.now(UTC),
            )
    except WrongInput as error:
        return _one(person_id, problem=error)
    return _back(person_id)


@people.post("/<uuid:person_id>/roles/<uuid:membership_id>/end")
@needs(Right.ADMINISTER)
def end_role(person_id: UUID, membership_id: UUID) -> ResponseReturnValue:
    """End a part."""
    with transaction(OPERATIONAL_SPACE_ID) as session:
        membership = session.get(Membership, membership_id)
        if membership is None or membership.person_id != person_id:
            raise NoSuchPage
        members.end_role(session, membership, by=signed_in_person().actor, at=datetime.now(UTC))
    return _back(person_id)


@people.post("/<uuid:person_id>/link")
@needs(Right.ADMINISTER)
def send_link(person_id: UUID) -> ResponseReturnValue:
    """A new link to choose a password, by e-mail and shown this once."""
    with transaction(OPERATIONAL_SPACE_ID) as session:
        person = _person(session, person_id)
        if not person.is_active:
            raise PersonErased if person.is_erased else NoSuchPage
        account = session.get(Account, person_id)
        kind = LinkKind.RESET if account is not None and account.password_hash else LinkKind.INVITATION
        link = joining.send_link(
            session, current_settings(), person, kind, by=signed_in_person().actor, at=datetime.now(UTC)
        )
    return _one(person_id, link=link)


@people.post("/<uuid:person_id>/deactivate")
@needs(Right.ADMINISTER)
def deactivate(person_id: UUID) -> ResponseReturnValue:
    """Close a person's access."""
    with transaction(OPERATIONAL_SPACE_ID) as session:
        person = _person(session, person_id)
        members.deactivate(session, person, by=signed_in_person().actor, at=datetime.now(UTC))
    return _back(person_id)


@people.post("/<uuid:person_id>/reactivate")
@needs(Right.ADMINISTER)
def reactivate(person_id: UUID) -> ResponseReturnValue:
    """Let a person in again."""
    try:
        with transaction(OPERATIONAL_SPACE_ID) as session:
            person = _person(session, person_id)
            members.reactivate(session, person, by=signed_in_person().actor, at=datetime.now(UTC))
    except WrongInput as error:
        return _one(person_id, problem=error)
    return _back(person_id)


@people.post("/<uuid:person_id>/sign-out")
@needs(Right.ADMINISTER)
def sign_out(person_id: UUID) -> ResponseReturnValue:
    """End all of a person's sessions."""
    with transaction(OPERATIONAL_SPACE_ID) as session:
        person = _person(session, person_id)
        members.sign_out_everywhere(session, person, by=signed_in_person().actor, at=datetime.now(UTC))
    return _back(person_id)


@people.post("/<uuid:person_id>/code-off")
@needs(Right.ADMINISTER)
def code_off(person_id: UUID) -> ResponseReturnValue:
    """For somebody who lost their phone and the codes for that; they are told by e-mail, and signed out."""
    with transaction(OPERATIONAL_SPACE_ID) as session:
        joining.code_off(
            session, current_settings(), _person(session, person_id), by=signed_in_person().actor, at=datetime.now(UTC)
        )
    return _back(person_id)


@people.post("/<uuid:person_id>/erase")
@needs(Right.ADMINISTER)
def erase(person_id: UUID) -> ResponseReturnValue:
    """Take a person's name, address and account away for good; the name is typed to confirm."""
    try:
        with without_space() as session:
            insist_on_the_name(_person(session, person_id))
        personal_data.erase(current_database(), person_id, by=signed_in_person().actor, at=datetime.now(UTC))
    except WrongInput as error:
        return _one(person_id, problem=error)
    return redirect(url_for("people.show"), code=303)


def _back(person_id: UUID) -> ResponseReturnValue:
    return redirect(url_for("people.one", person_id=person_id), code=303)


def _one(person_id: UUID, *, link: str = "", problem: AppError | None = None) -> ResponseReturnValue:
    now = datetime.now(UTC)
    with without_space() as session:
        person = _person(session, person_id)
        roles = session.execute(
            select(Membership, Organisation.name, Space.name.label("exercise"))
            .join(Organisation, Organisation.id == Membership.organisation_id)
            .outerjoin(Space, Space.id == Membership.exercise_id)
            .where(Membership.person_id == person_id)
            .order_by(Membership.until.desc().nulls_first(), Membership.since.desc())
            .limit(500)
        ).all()
        account = session.get(Account, person_id)
        page = render_template(
            "admin/person.html",
            person=person,
            account=account,
            roles=roles,
            sessions=open_sessions(session, person_id, at=now),
            link=link,
            problems=[problem] if problem else [],
            now=now,
            **_choices(session),
        )
    return page, status_of(problem) if problem else 200


def _invitation(problem: AppError | None = None) -> ResponseReturnValue:
    with without_space() as session:
        page = render_template(
            "admin/invite.html",
            problems=[problem] if problem else [],
            form=request.form,
            locale=_locale(),
            **_choices(session),
        )
    return page, status_of(problem) if problem else 200


def _choices(session: Session) -> dict[str, Any]:
    exercises = session.scalars(
        select(Space).where(Space.kind == SpaceKind.EXERCISE).order_by(Space.created_at.desc()).limit(200)
    ).all()
    return {
        "organisations": _organisations(session),
        "exercises": exercises,
        "roles_to_choose": [role for role in Role if exercises or role not in EXERCISE_ROLES],
        "chosen_roles": set(request.form.getlist("role")),
    }


def _organisations(session: Session) -> Sequence[Organisation]:
    return session.scalars(select(Organisation).order_by(alphabetical(Organisation.name)).limit(2000)).all()


def _listed(session: Session, at: datetime) -> list[Listed]:
    passwords = set(session.scalars(select(Account.person_id).where(Account.password_hash.is_not(None))))
    parts: dict[UUID, list[tuple[str, Role]]] = {}
    for person_id, organisation, role in session.execute(
        select(Membership.person_id, Organisation.name, Membership.role)
        .join(Organisation, Organisation.id == Membership.organisation_id)
        .where(Membership.since <= at, or_(Membership.until.is_(None), Membership.until > at))
        .order_by(alphabetical(Organisation.name), Membership.role)
    ):
        parts.setdefault(person_id, []).append((organisation, role))
    everybody = session.scalars(
        select(Person).where(Person.name != "").order_by(alphabetical(Person.name), Person.id).limit(MOST)
    )
    return [Listed(person, person.id in passwords, parts.get(person.id, ())) for person in everybody]


def _answers(one: Listed, asked: dict[str, str]) -> bool:
    if (
        asked["q"]
        and matches(one.person.name, asked["q"]) is None
        and matches(one.person.email or "", asked["q"]) is None
    ):
        return False
    if asked["organisation"] and asked["organisation"] not in {name for name, _role in one.roles}:
        return False
    if asked["role"] and asked["role"] not in {role.value for _name, role in one.roles}:
        return False
    return not asked["state"] or asked["state"] == one.state


def _person(session: Session, person_id: UUID) -> Person:
    person = session.get(Person, person_id)
    if person is None:
        raise NoSuchPage
    return person


def _id(name: str) -> UUID | None:
    try:
        return UUID(request.form.get(name, ""))
    except ValueError:
        return None


def _roles() -> set[Role]:
    return {Role(word) for word in request.form.getlist("role") if word in set(Role)}


def _locale() -> Locale:
    wanted = request.form.get("locale") or chosen()
    return Locale(wanted) if wanted in set(Locale) else Locale.BOSNIAN
