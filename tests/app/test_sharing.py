"""The page on which an organisation says what others see of its stock."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.factory import create_app
from foundation.people import Organisation, OrganisationKind
from foundation.roles import Role
from layers.sharing import Audience, Visibility, may_be_copied, rules_of, visible_level
from tests.app.builders_map import close
from tests.app.builders_people import signed_in


@pytest.fixture
def approver(country):
    app = create_app(country.settings)
    client = signed_in(app.test_client(), country.settings, Role.APPROVER, Role.PLAYER, exercise="proba")
    client.set_cookie("language", "en")
    yield client
    close(app)


@pytest.fixture
def ids(approver, change):
    """Maglaj's id, and another organisation's."""

    def make(session):
        other = Organisation(name="Grad Doboj", kind=OrganisationKind.MUNICIPALITY, created_at=datetime.now(UTC))
        session.add(other)
        session.flush()
        maglaj = session.scalars(select(Organisation).where(Organisation.name == "Općina Maglaj")).one()
        return maglaj.id, other.id

    return change(make)


def test_an_approver_says_what_groups_see_and_consents_to_exercises(approver, ids, change):
    sent = {"upward": "free", "everybody": "nothing", "exercises": "yes"}
    assert approver.post("/op/organisation", data=sent).status_code == 303
    kept = {rule.audience: rule.level for rule in change(lambda session: rules_of(session, ids[0]))}
    assert kept == {Audience.UPWARD: Visibility.FREE, Audience.EVERYBODY: Visibility.NOTHING}
    assert change(lambda session: may_be_copied(session, ids[0]))
    approver.post("/op/organisation", data={})
    assert change(lambda session: rules_of(session, ids[0])) == []
    assert not change(lambda session: may_be_copied(session, ids[0]))


def test_one_organisation_is_named_and_taken_away_again(approver, ids, change):
    approver.post("/op/organisation/one", data={"viewer": ids[1], "level": "full"})
    assert change(lambda session: visible_level(session, *ids)) is Visibility.FULL
    assert "Grad Doboj: everything" in " ".join(approver.get("/op/organisation").text.split())
    approver.post("/op/organisation/one", data={"viewer": ids[1], "level": ""})
    assert change(lambda session: visible_level(session, *ids)) is Visibility.NOTHING


@pytest.mark.parametrize("typed", [{"viewer": "x"}, {"viewer": "00000000-0000-4000-8000-000000000009"}, {}])
def test_what_the_form_does_not_offer_is_refused(approver, ids, typed):
    assert approver.post("/op/organisation/one", data={**typed, "level": "full"}).status_code == 404
    assert approver.post("/op/organisation", data={"upward": "all"}).status_code == 404


def test_nobody_changes_it_from_within_an_exercise(approver, ids, change):
    assert approver.get("/ex/proba/organisation").status_code == 404
    assert approver.post("/ex/proba/organisation", data={"everybody": "full"}).status_code == 404
    assert change(lambda session: rules_of(session, ids[0])) == []
    assert "/organisation" not in approver.get("/ex/proba/table").text


def test_who_does_not_bind_the_organisation_does_not_see_the_page(client):
    assert client.get("/op/organisation").status_code == 403
