"""Organisations, reference figures and the machine, as administrators look after them."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.factory import create_app
from foundation import audit, reference
from foundation.people import Organisation, OrganisationKind, seats
from foundation.roles import Role
from foundation.spaces import OPERATIONAL_SPACE_ID
from layers.jurisdictions import Jurisdiction
from tests.app.builders_map import close
from tests.app.builders_people import signed_in

pytestmark = pytest.mark.slow

NEW = {"name": "Grad Žepče", "kind": "municipality", "level": "municipality", "code": "10502"}


@pytest.fixture
def admin(country):
    app = create_app(country.settings)
    client = signed_in(app.test_client(), country.settings, Role.ADMINISTRATOR, organisation="Uprava", area=None)
    client.set_cookie("language", "en")
    yield client
    close(app)


def audited(change):
    return change(lambda session: [entry.action for entry in audit.entries(session, space=OPERATIONAL_SPACE_ID)])


def organisation(change, name):
    return change(lambda s: s.scalars(select(Organisation).where(Organisation.name == name)).one_or_none())


@pytest.mark.parametrize("path", ["organisations", "organisations/new", "figures", "figures/new", "machine"])
def test_only_administrators_see_these_pages(admin, client, path):
    assert admin.get(f"/admin/{path}").status_code == 200
    assert client.get(f"/admin/{path}").status_code == 403


def test_an_organisation_is_made_with_its_area(admin, change):
    answer = admin.post("/admin/organisations/new", data=NEW)
    assert answer.status_code == 303
    made = organisation(change, "Grad Žepče")
    assert change(lambda s: s.get(Jurisdiction, made.id).code) == "10502"
    assert "Žepče" in admin.get("/admin/organisations?q=zepce").text
    assert "organisation.made" in audited(change)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"name": "  "}, "Enter the organisation&#39;s name."),
        ({"name": "Uprava"}, "There is an organisation called Uprava already."),
        ({"code": "99999"}, "There is no area with the code 99999 at that level."),
        ({"code": ""}, "There is no area with the code – at that level."),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_made(admin, change, typed, sentence):
    answer = admin.post("/admin/organisations/new", data={**NEW, **typed})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert organisation(change, "Grad Žepče") is None
    assert audited(change) == []


def test_a_change_is_audited_with_what_was_and_the_same_again_is_not(admin, change):
    admin.post("/admin/organisations/new", data=NEW)
    made = organisation(change, "Grad Žepče")
    changed = {**NEW, "name": "Općina Žepče", "level": ""}
    for _ in range(2):
        assert admin.post(f"/admin/organisations/{made.id}", data=changed).status_code == 303
    assert change(lambda s: s.get(Jurisdiction, made.id)) is None
    assert audited(change) == ["organisation.changed", "organisation.made"]
    facts = change(lambda s: audit.entries(s, space=OPERATIONAL_SPACE_ID)[0].facts)
    assert facts["was"]["jurisdiction"] == "municipality 10502"
    assert facts["is"] == {"name": "Općina Žepče", "kind": "municipality", "jurisdiction": None}


def test_nobody_acts_for_a_closed_organisation_until_it_is_opened_again(admin, client, change):
    maglaj = organisation(change, "Općina Maglaj")
    assert client.get("/op/layers").status_code == 200
    admin.post(f"/admin/organisations/{maglaj.id}/close")
    assert client.get("/op/layers").status_code == 403
    admin.post(f"/admin/organisations/{maglaj.id}/open")
    assert client.get("/op/layers").status_code == 200
    assert audited(change) == ["organisation.opened", "organisation.closed"]


def test_nobody_closes_the_organisation_that_they_act_for(admin, change):
    own = organisation(change, "Uprava")
    answer = admin.post(f"/admin/organisations/{own.id}/close")
    assert answer.status_code == 422
    assert "Switch to another one" in answer.text
    assert organisation(change, "Uprava").deactivated_at is None


def test_seats_of_closed_organisations_are_none(change):
    def see(session):
        made = Organisation(name="X", kind=OrganisationKind.OTHER, created_at=datetime.now(UTC))
        made.deactivated_at = datetime.now(UTC)
        session.add(made)
        session.flush()
        return seats(session, made.id, OPERATIONAL_SPACE_ID, at=datetime.now(UTC))

    assert change(see) == []


# --- figures ----------------------------------------------------------------------------------------------------------


def newest(change, code):
    return change(lambda session: reference.figure(session, code))


@pytest.fixture
def code(change):
    """A standard that has no range."""
    figures = change(lambda session: reference.figures(session, kind=reference.FigureKind.STANDARD))
    return next(one.code for one in figures if one.upper is None)


def revision(**typed):
    return {"seen": "1", "value": "16,5", "source": "Zapisnik", "edition": "2026", "status": "official", **typed}


def test_an_edit_adds_a_revision_and_keeps_the_old_one(admin, change, code):
    assert admin.post(f"/admin/figures/{code}", data=revision()).status_code == 303
    found = newest(change, code)
    assert (found.revision, float(found.value), found.citation) == (2, 16.5, "Zapisnik, 2026")
    page = admin.get(f"/admin/figures/{code}").text
    assert "16.5" in page
    assert page.count('<th scope="row" class="number">') == 2
    assert audited(change) == ["figure.revised"]


@pytest.mark.parametrize(("typed", "shown"), [("100", "100"), ("2000", "2000"), ("0.050", "0.05"), ("0", "0")])
def test_the_form_holds_the_number_as_one_types_it(admin, code, typed, shown):
    admin.post(f"/admin/figures/{code}", data=revision(value=typed))
    assert f'value="{shown}"' in " ".join(admin.get(f"/admin/figures/{code}").text.split())


def test_two_edits_of_one_revision_do_not_overwrite_each_other(admin, change, code):
    admin.post(f"/admin/figures/{code}", data=revision())
    answer = admin.post(f"/admin/figures/{code}", data=revision(value="99"))
    assert answer.status_code == 409
    assert "was changed by someone else meanwhile" in answer.text
    assert float(newest(change, code).value) == 16.5


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"value": "much"}, "Enter a number of at least 0"),
        ({"value": "-1"}, "Enter a number of at least 0"),
        ({"value": "NaN"}, "Enter a number of at least 0"),
        ({"value": "1e99"}, "Enter a number of at least 0"),
        ({"upper": "20"}, "A range needs an upper value"),
        ({"source": " "}, "Fill this in"),
    ],
)
def test_a_figure_that_cannot_be_is_said(admin, change, code, typed, sentence):
    answer = admin.post(f"/admin/figures/{code}", data=revision(**typed))
    assert answer.status_code == 422
    assert sentence in answer.text
    assert newest(change, code).revision == 1


OWN = {
    "code": "own.rate",
    "name": "Stopa Maglaja",
    "profile": "Maglaj 2014",
    "kind": "displacement_rate",
    "rule": "exactly",
    "phase": "any",
    "unit": "share",
    "value": "0,4",
    "from_depth_m": "0.5",
    "to_depth_m": "1.5",
    "source": "Elaborat",
    "status": "official",
}


def test_a_figure_of_one_s_own_is_entered_once(admin, change):
    assert admin.post("/admin/figures/new", data=OWN).status_code == 303
    assert float(newest(change, "own.rate").value) == 0.4
    again = admin.post("/admin/figures/new", data=OWN)
    assert again.status_code == 409
    assert "There is already a figure own.rate" in again.text


@pytest.mark.parametrize(
    "typed",
    [{"value": "1.01"}, {"to_depth_m": "0.5"}, {"kind": "need"}, {"rule": "between"}, {"unit": ""}],
)
def test_a_new_figure_that_cannot_be_is_refused(admin, change, typed):
    assert admin.post("/admin/figures/new", data={**OWN, **typed}).status_code == 422
    assert audited(change) == []


def test_figures_are_filtered(admin, change, code):
    assert code in admin.get(f"/admin/figures?q={code}").text
    page = admin.get("/admin/figures?kind=displacement_rate").text
    assert code not in page
    assert "No figure answers" in admin.get("/admin/figures?q=nothing-of-that-name").text


# --- the machine ------------------------------------------------------------------------------------------------------


def test_the_machine_says_what_needs_attention_and_offers_no_backup_for_download(admin, country):
    folder = country.settings.data_dir / "backups"
    assert "No backup lies in the data folder" in admin.get("/admin/machine").text
    folder.mkdir()
    (folder / "before-migration-0001-to-0002-20260101T000000Z.spremnost").write_bytes(b"x" * 2500)
    page = admin.get("/admin/machine").text
    assert "Missing: worker" in page
    assert "before-migration-0001" in page
    assert '.spremnost"' not in page  # no link
    assert "GDAL" in page
    assert "PostGIS" in page
