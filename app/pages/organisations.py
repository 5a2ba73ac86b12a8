"""Organisations, where they are competent and who belongs to them, for administrators."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app import organisations as bodies
from app.db import transaction, without_space
from app.errors import AppError, NoSuchPage, OwnOrganisation, WrongInput, status_of
from app.guards import needs, signed_in_person
from app.names import folded
from app.rights import Right
from foundation.people import Membership, Organisation, OrganisationKind, Person
from foundation.roles import Role
from foundation.spaces import OPERATIONAL_SPACE_ID
from layers.areas import Area, Level
from layers.jurisdictions import Jurisdiction

organisations = Blueprint("organisations", __name__, url_prefix="/admin/organisations")

PAGE: Final = 50
MOST: Final = 5000
MOST_PEOPLE: Final = 200
LEVELS: Final = (Level.COUNTRY, Level.ENTITY, Level.CANTON, Level.MUNICIPALITY)


@organisations.get("")
@needs(Right.ADMINISTER)
def show() -> ResponseReturnValue:
    """The list: the whole country first, then each level below, by name."""
    asked = request.args.get("q", "")
    page = max(request.args.get("page", 1, type=int), 1)
    with without_space() as session:
        query = (
            select(Organisation, Jurisdiction, Area)
            .outerjoin(Jurisdiction, Jurisdiction.organisation_id == Organisation.id)
            .outerjoin(Area, (Area.level == Jurisdiction.level) & (Area.code == Jurisdiction.code))
            .limit(MOST)
        )
        found = [row for row in session.execute(query) if folded(asked) in folded(row[0].name)]
    order = {level: number for number, level in enumerate(LEVELS)}
    found.sort(key=lambda row: (order.get(row[1].level, 9) if row[1] else 9, folded(row[0].name)))
    return render_template(
        "admin/organisations.html",
        rows=found[PAGE * (page - 1) : PAGE * page],
        total=len(found),
        more=len(found) > PAGE * page,
        page=page,
        q=asked,
    )


@organisations.get("/new")
@needs(Right.ADMINISTER)
def new() -> ResponseReturnValue:
    """The form of a new one."""
    return _form(None)


@organisations.post("/new")
@needs(Right.ADMINISTER)
def make() -> ResponseReturnValue:
    """Make one."""
    try:
        with transaction(OPERATIONAL_SPACE_ID) as session:
            made = bodies.make(session, *_typed(), by=signed_in_person().actor, at=datetime.now(UTC))
    except WrongInput as error:
        return _form(None, problem=error)
    return redirect(url_for(".one", organisation_id=made.id), code=303)


@organisations.get("/<uuid:organisation_id>")
@needs(Right.ADMINISTER)
def one(organisation_id: UUID) -> ResponseReturnValue:
    """One of them."""
    return _form(organisation_id)


@organisations.post("/<uuid:organisation_id>")
@needs(Right.ADMINISTER)
def change(organisation_id: UUID) -> ResponseReturnValue:
    """Give it another name, kind or area."""
    try:
        with transaction(OPERATIONAL_SPACE_ID) as session:
            found = _organisation(session, organisation_id)
            bodies.change(session, found, *_typed(), by=signed_in_person().actor, at=datetime.now(UTC))
    except WrongInput as error:
        return _form(organisation_id, problem=error)
    return redirect(url_for(".one", organisation_id=organisation_id, saved=1), code=303)


@organisations.post("/<uuid:organisation_id>/close")
@needs(Right.ADMINISTER)
def close(organisation_id: UUID) -> ResponseReturnValue:
    """Let nobody act in its name any more."""
    who = signed_in_person()
    try:
        if who.organisation_id == organisation_id:
            raise OwnOrganisation
        with transaction(OPERATIONAL_SPACE_ID) as session:
            bodies.close(session, _organisation(session, organisation_id), by=who.actor, at=datetime.now(UTC))
    except WrongInput as error:
        return _form(organisation_id, problem=error)
    return redirect(url_for(".one", organisation_id=organisation_id), code=303)


@organisations.post("/<uuid:organisation_id>/open")
@needs(Right.ADMINISTER)
def open_again(organisation_id: UUID) -> ResponseReturnValue:
    """Let people act in its name again."""
    with transaction(OPERATIONAL_SPACE_ID) as session:
        found = _organisation(session, organisation_id)
        bodies.open_again(session, found, by=signed_in_person().actor, at=datetime.now(UTC))
    return redirect(url_for(".one", organisation_id=organisation_id), code=303)


def _typed() -> tuple[str, OrganisationKind, tuple[Level, str] | None]:
    kind, level = request.form.get("kind", ""), request.form.get("level", "")
    if kind not in set(OrganisationKind) or (level and level not in set(LEVELS)):
        raise NoSuchPage
    code = request.form.get("code", "").strip()[:20]
    return request.form.get("name", ""), OrganisationKind(kind), (Level(level), code) if level else None


def _organisation(session: Session, organisation_id: UUID) -> Organisation:
    found = session.get(Organisation, organisation_id)
    if found is None:
        raise NoSuchPage
    return found


def _people(session: Session, organisation_id: UUID, now: datetime) -> Sequence[tuple[Person, Role]]:
    return [
        (row[0], row[1])
        for row in session.execute(
            select(Person, Membership.role)
            .join(Membership, Membership.person_id == Person.id)
            .where(
                Membership.organisation_id == organisation_id,
                Membership.since <= now,
                or_(Membership.until.is_(None), Membership.until > now),
                Person.deactivated_at.is_(None),
            )
            .order_by(Person.name, Membership.role)
            .limit(MOST_PEOPLE)
        )
    ]


def _form(organisation_id: UUID | None, problem: AppError | None = None) -> ResponseReturnValue:
    typed: dict[str, Any]
    with without_space() as session:
        found = _organisation(session, organisation_id) if organisation_id else None
        place = session.get(Jurisdiction, organisation_id) if organisation_id else None
        if problem is not None and "name" in request.form:
            typed = request.form.to_dict()
        else:
            typed = {
                "name": found.name if found else "",
                "kind": found.kind.value if found else OrganisationKind.MUNICIPALITY.value,
                "level": place.level.value if place else "",
                "code": place.code if place else "",
            }
        areas = session.scalars(select(Area).where(Area.level.in_(LEVELS)).order_by(Area.name).limit(1000)).all()
        people = _people(session, organisation_id, datetime.now(UTC)) if organisation_id else []
    page = render_template(
        "admin/organisation.html",
        organisation=found,
        typed=typed,
        problems=[problem] if problem else [],
        levels=LEVELS,
        kinds=OrganisationKind,
        areas=areas,
        people=people,
        saved="saved" in request.args,
    )
    return page, status_of(problem) if problem else 200
