"""Every route, every role, another organisation, another space: who is let in, and that nobody else is."""

import re
from uuid import UUID

import pytest

from app.factory import create_app
from app.guards import SAFE_METHODS, guard_of
from app.identity import COOKIE
from app.rights import OF_ROLE, OPERATIONAL_ONLY, Right
from app.spaces import in_space
from foundation.roles import EXERCISE_ROLES, Role
from tests.app.builders_map import close
from tests.app.builders_people import a_signed_in_person

# Whoever comes may see these; a new one is added here on purpose or not at all.
PUBLIC = {
    "static",
    "door.show",
    "status.show",
    "language.choose",
    "appearance.choose",
    "health.live",
    "health.ready",
    "sign_in.show",
    "sign_in.check",
    "sign_in.demo",
    "joining.show",
    "joining.choose",
    "joining.forgot",
    "joining.ask",
    "metrics.show",  # on the machine itself, or with a key
    "openapi.spec",
    "code.ask",
    "code.check",
    "sign_in.other",
    "sign_in.back",
    "trust.show",  # what a phone must have before it can trust us
    "trust.certificate",
}
# What everybody who is signed in may change: it is their own.
PERSONAL = {"sign_in.leave", "sign_in.act", "notices.read", "notices.save", "api.read"}
LOOKS_ONLY = (Role.VIEWER, Role.OBSERVER)
NOBODY = UUID(int=0)
FILLED = {"uuid": str(NOBODY), "int": "1", "float": "1", "path": "x", "string": "x", "default": "x"}


@pytest.fixture(scope="module")
def asked():
    """What a rule's address is, with every hole filled by what leads to nothing."""

    def address(rule, space="op"):
        def fill(match):
            converter = match.group(1) or "default"
            if converter.startswith("any("):
                return converter[4:].split(",")[0].strip(" )")
            return space if converter == "space" else FILLED[converter.split("(")[0]]

        return re.sub(r"<(?:(\w+(?:\([^)]*\))?):)?\w+>", fill, rule.rule)

    return address


@pytest.fixture
def house(database):
    app = create_app(database)
    app.config["WTF_CSRF_METHODS"] = set()
    yield app
    close(app)


def rules(app):
    """(rule, method) of everything that can be asked."""
    return [
        (rule, method)
        for rule in sorted(app.url_map.iter_rules(), key=lambda r: (r.endpoint, r.rule))
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"})
    ]


def answers(app, who, asked, space, only=None):
    """{(endpoint, method): status} that somebody gets, of the rules that are asked for."""
    client = app.test_client()
    if who:
        client.set_cookie(COOKIE, who)
    found = {}
    for rule, method in rules(app):
        if rule.endpoint == "static" or (only and not only(rule)):
            continue
        found[rule.endpoint, method] = client.open(
            asked(rule, space), method=method, headers={"Accept": "application/json"}
        ).status_code
    return found


def test_what_whoever_comes_may_see_is_a_short_list(house):
    public = {rule.endpoint for rule, _ in rules(house) if guard_of(house, rule.endpoint).public}
    assert public == PUBLIC


def test_nobody_who_is_not_signed_in_gets_anything_else(house, asked):
    found = answers(house, None, asked, "op", only=lambda rule: rule.endpoint not in PUBLIC)
    assert {where: status for where, status in found.items() if status not in (401, 403)} == {}


def test_administration_is_for_administrators(house):
    for rule, _ in rules(house):
        if rule.rule.startswith("/admin"):
            assert guard_of(house, rule.endpoint).rights <= {Right.ADMINISTER, Right.COORDINATE}, rule.endpoint
            assert Right.ADMINISTER in guard_of(house, rule.endpoint).rights, rule.endpoint


def test_who_only_looks_changes_nothing_but_their_own(house):
    for rule, method in rules(house):
        if method in SAFE_METHODS or rule.endpoint in PUBLIC | PERSONAL:
            continue
        if guard_of(house, rule.endpoint).browser:  # one's own account
            continue
        rights = guard_of(house, rule.endpoint).rights
        for role in LOOKS_ONLY:
            assert rights, (rule.endpoint, role)
            assert not rights & OF_ROLE[role], (rule.endpoint, role)


def closed_to(house, role, space):
    """The endpoints whose guard does not let somebody with that role in."""
    rights = OF_ROLE[role] - (frozenset() if space == "op" else OPERATIONAL_ONLY)
    return {
        rule.endpoint
        for rule, _ in rules(house)
        for guard in [guard_of(house, rule.endpoint)]
        if not guard.public and guard.rights and not guard.rights & rights
    }


@pytest.mark.parametrize("role", sorted(set(Role) - EXERCISE_ROLES))
def test_a_role_of_the_real_world_is_kept_out_where_its_rights_end(house, database, asked, role):
    closed = closed_to(house, role, "op")
    found = answers(house, a_signed_in_person(database, role), asked, "op", only=lambda rule: rule.endpoint in closed)
    assert {where: status for where, status in found.items() if status != 403} == {}


@pytest.mark.parametrize("role", sorted(EXERCISE_ROLES))
def test_a_role_of_an_exercise_is_kept_out_where_its_rights_end_and_of_every_other_space(house, database, asked, role):
    who = a_signed_in_person(database, role, exercise="prva")
    a_signed_in_person(database, role, exercise="druga", organisation="Druga")
    closed = closed_to(house, role, "ex")
    inside = answers(
        house,
        who,
        asked,
        "ex/prva",
        only=lambda rule: rule.endpoint in closed and in_space(rule.endpoint, house.url_map),
    )
    assert {where: status for where, status in inside.items() if status != 403} == {}
    for elsewhere in ("op", "ex/druga"):
        found = answers(
            house,
            who,
            asked,
            elsewhere,
            only=lambda rule: in_space(rule.endpoint, house.url_map) and guard_of(house, rule.endpoint).rights,
        )
        assert {where: status for where, status in found.items() if status != 403} == {}, elsewhere


def test_a_real_role_opens_no_exercise_without_being_cast(house, database, asked):
    a_signed_in_person(database, Role.PLAYER, exercise="prva", organisation="Igrači")
    who = a_signed_in_person(database, Role.DUTY_OFFICER, Role.APPROVER, Role.CUSTODIAN)
    found = answers(
        house,
        who,
        asked,
        "ex/prva",
        only=lambda rule: in_space(rule.endpoint, house.url_map) and guard_of(house, rule.endpoint).rights,
    )
    assert {where: status for where, status in found.items() if status != 403} == {}


def test_what_a_role_may_see_does_not_fail(house, database, asked):
    who = a_signed_in_person(database, Role.DUTY_OFFICER, Role.ADMINISTRATOR, Role.APPROVER, Role.TRAINER)
    client = house.test_client()
    client.set_cookie(COOKIE, who)
    for rule, method in rules(house):
        if method == "GET" and rule.endpoint != "static":
            status = client.get(asked(rule)).status_code
            assert status < 500 or rule.endpoint == "health.ready", rule.endpoint
            assert status not in (401,), rule.endpoint
