"""Accounts of the tests: people with passwords, and forms that carry our token."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from app import passwords
from foundation.accounts import Account
from foundation.people import Membership, Organisation, OrganisationKind, Person
from foundation.roles import Role
from foundation.spaces import OPERATIONAL_SPACE_ID

PASSWORD = "četiri konja pod vrbom"  # noqa: S105


def a_person(
    db, *roles, email="amra@maglaj.example", name="Amra Hodžić", organisation="Općina Maglaj", password=PASSWORD
):
    """Somebody with a password and roles."""
    at = datetime.now(UTC) - timedelta(days=1)
    with db.transaction(OPERATIONAL_SPACE_ID) as session:
        body = an_organisation(session, organisation)
        person = Person(name=name, email=email, created_at=at)
        session.add(person)
        session.flush()
        for role in roles or (Role.VIEWER,):
            session.add(Membership(person_id=person.id, organisation_id=body.id, role=role, since=at))
        if password:
            session.add(Account(person_id=person.id, password_hash=passwords.hashed(password), password_set_at=at))
        return person


def an_organisation(session, name):
    """The organisation of that name, made on first use."""
    body = session.scalars(select(Organisation).where(Organisation.name == name)).one_or_none()
    if body is None:
        body = Organisation(name=name, kind=OrganisationKind.MUNICIPALITY, created_at=datetime.now(UTC))
        session.add(body)
        session.flush()
    return body


def csrf(client, path):
    """What the forms of a page of ours carry."""
    return re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text).group(1)


def sign_in(client, email, password=PASSWORD):
    """The answer of the door."""
    return client.post("/sign-in", data={"csrf_token": csrf(client, "/sign-in"), "email": email, "password": password})
