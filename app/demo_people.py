"""The made organisations and people of the demonstration: one sign-in for each role."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import passwords
from foundation.accounts import Account
from foundation.audit import Actor, Subject, record
from foundation.errors import N_
from foundation.people import Membership, Organisation, OrganisationKind, Person, person_by_email
from foundation.roles import EXERCISE_ROLES, Role
from foundation.spaces import OPERATIONAL_SPACE_ID, Space, SpaceState
from layers.areas import Level
from layers.jurisdictions import Jurisdiction

MAKER: Final = Actor("demonstration")
EXERCISE: Final = ("proba", "Poplava – probna vježba")


@dataclass(frozen=True)
class MadeOrganisation:
    """An organisation and where it is competent."""

    name: str
    kind: OrganisationKind
    level: Level | None = None
    code: str = ""


@dataclass(frozen=True)
class MadePerson:
    """A person, where they belong and what they do; `what` is for the sign-in page."""

    email: str
    name: str
    organisation: str
    role: Role
    what: str


MAGLAJ, DOBOJ = "Općina Maglaj", "Grad Doboj"
CANTON, FEDERATION = "Kantonalna uprava civilne zaštite ZDK", "Federalna uprava civilne zaštite"
SRPSKA, BRCKO = "Republička uprava civilne zaštite", "Odjeljenje za javnu bezbjednost Brčko distrikta"
STATE, RED_CROSS = "Ministarstvo sigurnosti BiH, Sektor za zaštitu i spašavanje", "Crveni križ Maglaj"

ORGANISATIONS: Final = (
    MadeOrganisation(MAGLAJ, OrganisationKind.MUNICIPALITY, Level.MUNICIPALITY, "10634"),
    MadeOrganisation(DOBOJ, OrganisationKind.MUNICIPALITY, Level.MUNICIPALITY, "20141"),
    MadeOrganisation(CANTON, OrganisationKind.CIVIL_PROTECTION, Level.CANTON, "BA-04"),
    MadeOrganisation(FEDERATION, OrganisationKind.CIVIL_PROTECTION, Level.ENTITY, "BA-BIH"),
    MadeOrganisation(SRPSKA, OrganisationKind.CIVIL_PROTECTION, Level.ENTITY, "BA-SRP"),
    MadeOrganisation(BRCKO, OrganisationKind.CIVIL_PROTECTION, Level.ENTITY, "BA-BRC"),
    MadeOrganisation(STATE, OrganisationKind.CIVIL_PROTECTION, Level.COUNTRY, "BA"),
    MadeOrganisation(RED_CROSS, OrganisationKind.RED_CROSS),
)
PEOPLE: Final = tuple(
    MadePerson(f"{address}@demo.example", name, organisation, role, what)
    for address, name, organisation, role, what in (
        ("administrator", "Ana Administrator", FEDERATION, Role.ADMINISTRATOR, N_("administrator")),
        ("dezurni.maglaj", "Dino Dežurni", MAGLAJ, Role.DUTY_OFFICER, N_("duty officer, municipal")),
        ("dezurni.doboj", "Dragana Dežurna", DOBOJ, Role.DUTY_OFFICER, N_("duty officer, municipal")),
        ("kanton", "Kenan Kantonalni", CANTON, Role.DUTY_OFFICER, N_("headquarters, cantonal")),
        ("federacija", "Fata Federalna", FEDERATION, Role.DUTY_OFFICER, N_("headquarters, Federation")),
        ("srpska", "Srđan Republički", SRPSKA, Role.DUTY_OFFICER, N_("headquarters, Republika Srpska")),
        ("brcko", "Branka Brčanska", BRCKO, Role.DUTY_OFFICER, N_("headquarters, Brčko District")),
        ("drzava", "Davor Državni", STATE, Role.DUTY_OFFICER, N_("headquarters, state")),
        ("opcina", "Omer Općinski", MAGLAJ, Role.MUNICIPAL_OFFICER, N_("municipal officer")),
        ("skladiste", "Senad Skladištar", MAGLAJ, Role.CUSTODIAN, N_("custodian")),
        ("odobrava", "Nermina Načelnica", MAGLAJ, Role.APPROVER, N_("approver")),
        ("crveni.kriz", "Petra Partnerica", RED_CROSS, Role.PARTNER, N_("partner")),
        ("instruktor", "Ivana Instruktorica", FEDERATION, Role.TRAINER, N_("trainer")),
        ("gledalac", "Goran Gledalac", MAGLAJ, Role.VIEWER, N_("viewer")),
        ("rukovodstvo", "Rusmir Rukovodilac", FEDERATION, Role.CONTROLLER, N_("controller, in an exercise")),
        ("ocjenjivac", "Olga Ocjenjivačica", FEDERATION, Role.EVALUATOR, N_("evaluator, in an exercise")),
        ("igrac", "Igor Igrač", MAGLAJ, Role.PLAYER, N_("player, in an exercise")),
        ("posmatrac", "Pero Posmatrač", DOBOJ, Role.OBSERVER, N_("observer, in an exercise")),
    )
)


def make(session: Session, password: str, *, at: datetime) -> None:
    """Make who is missing, in a transaction of the operational space; everybody gets that password."""
    organisations = {found.name: found for found in session.scalars(select(Organisation))}
    for wanted in ORGANISATIONS:
        if wanted.name in organisations:
            continue
        made = organisations[wanted.name] = Organisation(name=wanted.name, kind=wanted.kind, created_at=at)
        session.add(made)
        session.flush()
        if wanted.level is not None:
            session.add(Jurisdiction(organisation_id=made.id, level=wanted.level, code=wanted.code))
    exercise = session.scalars(select(Space).where(Space.slug == EXERCISE[0])).one_or_none()
    if exercise is None:
        exercise = Space(slug=EXERCISE[0], name=EXERCISE[1], state=SpaceState.OPEN, created_at=at)
        session.add(exercise)
        session.flush()
    kept = passwords.hashed(password)
    for one in PEOPLE:
        person = person_by_email(session, one.email)
        if person is not None:
            # What is printed at this start is what opens.
            session.merge(Account(person_id=person.id, password_hash=kept, password_set_at=at))
        else:
            person = Person(name=one.name, email=one.email, created_at=at)
            session.add(person)
            session.flush()
            session.add(
                Membership(
                    person_id=person.id,
                    organisation_id=organisations[one.organisation].id,
                    role=one.role,
                    exercise_id=exercise.id if one.role in EXERCISE_ROLES else None,
                    since=at,
                )
            )
            session.add(Account(person_id=person.id, password_hash=kept, password_set_at=at))
            record(
                session,
                space=OPERATIONAL_SPACE_ID,
                at=at,
                by=MAKER,
                action="person.made",
                subject=Subject("person", person.id),
                facts={"role": one.role.value},
            )
    session.flush()


def kept_password(data_dir: Path) -> str:
    """The password of all made people: another one in each installation, kept in the data folder."""
    path = data_dir / "demo-password"
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write("-".join(secrets.token_hex(2) for _ in range(4)))
    return path.read_text().strip()
