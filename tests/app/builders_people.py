"""People of the tests, and how they sign in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy import select

from app.db import Database
from app.identity import COOKIE
from app.settings import Settings
from foundation import accounts
from foundation.people import Membership, Organisation, OrganisationKind, Person
from foundation.roles import EXERCISE_ROLES, Role
from foundation.spaces import OPERATIONAL_SPACE_ID, Space, SpaceState
from layers.areas import Level
from layers.jurisdictions import Jurisdiction

YESTERDAY = datetime.now(UTC) - timedelta(days=1)


def a_signed_in_person(
    settings: Settings,
    *roles: Role,
    organisation: str = "Općina Maglaj",
    area: tuple[Level, str] | None = (Level.MUNICIPALITY, "11053"),
    exercise: str | None = None,
    name: str = "Amra Hodžić",
) -> str:
    """The secret for the cookie of somebody new with these roles in that organisation (and exercise)."""
    database = Database(settings, pool_size=1)
    try:
        with database.transaction(OPERATIONAL_SPACE_ID) as session:
            body = session.scalars(select(Organisation).where(Organisation.name == organisation)).one_or_none()
            if body is None:
                body = Organisation(name=organisation, kind=OrganisationKind.MUNICIPALITY, created_at=YESTERDAY)
                session.add(body)
                session.flush()
                if area is not None:
                    session.add(Jurisdiction(organisation_id=body.id, level=area[0], code=area[1]))
            person = Person(name=name, email=None, created_at=YESTERDAY)
            session.add(person)
            session.flush()
            space = an_exercise(session, exercise) if exercise else None
            for role in roles:
                session.add(
                    Membership(
                        person_id=person.id,
                        organisation_id=body.id,
                        role=role,
                        exercise_id=space if role in EXERCISE_ROLES else None,
                        since=YESTERDAY,
                    )
                )
            return accounts.begin_session(
                session, person.id, at=datetime.now(UTC), address="127.0.0.1", browser="a test"
            )
    finally:
        database.close()


def an_exercise(session, slug: str) -> UUID:
    """The id of the exercise's space, made on first use."""
    found = session.scalars(select(Space).where(Space.slug == slug)).one_or_none()
    if found is None:
        found = Space(slug=slug, name=slug, state=SpaceState.OPEN, created_at=YESTERDAY)
        session.add(found)
        session.flush()
    return found.id


def signed_in(client: FlaskClient, settings: Settings, *roles: Role, **options) -> FlaskClient:
    """The client, with the cookie of somebody with these roles; forms need no token in tests that are not about it."""
    client.application.config["WTF_CSRF_METHODS"] = set()
    client.set_cookie(COOKIE, a_signed_in_person(settings, *(roles or (Role.DUTY_OFFICER,)), **options))
    return client
