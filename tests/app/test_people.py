"""Inviting people, their roles, and their way in."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from app import joining, passwords
from app.db import Database
from app.errors import CommonPassword, PasswordAboutYou, PasswordTooLong, WeakPassword
from app.factory import create_app
from app.mails import link_of
from foundation.accounts import Account, OneTimeLink, SignInSession
from foundation.audit import entries
from foundation.mails import Mail
from foundation.people import Locale, Membership, Person
from foundation.roles import Role
from foundation.spaces import OPERATIONAL_SPACE_ID as OP
from tests.app.builders_accounts import PASSWORD, a_person, an_organisation, csrf, sign_in
from tests.app.builders_map import close
from tests.app.builders_people import signed_in


@pytest.fixture
def db(database):
    opened = Database(database, pool_size=3)
    yield opened
    opened.close()


@pytest.fixture
def app(database):
    made = create_app(replace(database, url="https://spremnost.example"))
    yield made
    close(made)


@pytest.fixture
def administrator(app, database):
    client = signed_in(app.test_client(), database, Role.ADMINISTRATOR, organisation="Spremnost", name="Ana")
    client.set_cookie("language", "en")
    return client


@pytest.fixture
def maglaj(db):
    with db.without_space() as session:
        return an_organisation(session, "Općina Maglaj").id


def a_client(app):
    client = app.test_client()
    client.set_cookie("language", "en")
    return client


def invite(administrator, maglaj, **more):
    return administrator.post(
        "/admin/people/new",
        data={
            "name": "Amra Hodžić",
            "email": "Amra@Maglaj.example",
            "organisation": str(maglaj),
            "role": ["duty_officer", "approver"],
            "locale": "bs",
            **more,
        },
    )


def link_in(page):
    return re.search(r"https://spremnost\.example(/join/[\w-]+)", page.text).group(1)


def test_an_invited_person_comes_in_by_the_link_once_and_has_the_roles(app, administrator, maglaj, db):
    page = invite(administrator, maglaj)
    assert page.status_code == 200
    link = link_in(page)
    client = a_client(app)
    assert "amra@maglaj.example" in client.get(link).text
    data = {"csrf_token": csrf(client, link), "password": PASSWORD, "again": PASSWORD}
    assert client.post(link, data=data).headers["Location"] == "/sign-in?chosen=1"
    assert client.post(link, data=data).status_code == 410
    assert client.get(link).status_code == 410
    assert sign_in(client, "amra@maglaj.example").status_code == 303
    page = client.get("/op/jobs")
    assert page.status_code == 200
    with db.transaction(OP) as session:
        roles = session.scalars(select(Membership.role).where(Membership.organisation_id == maglaj)).all()
        actions = {entry.action for entry in entries(session, space=OP)}
    assert set(roles) == {Role.DUTY_OFFICER, Role.APPROVER}
    assert {"person.made", "person.role_given", "person.invitation_sent", "person.password_chosen"} <= actions


def test_the_invitation_also_goes_out_by_mail_in_the_persons_language(app, administrator, maglaj, db):
    link = link_in(invite(administrator, maglaj, locale="sr_Cyrl_BA"))
    with db.transaction(OP) as session:
        (mail,) = session.scalars(select(Mail)).all()
    assert link_of(mail, app.extensions["spremnost.settings"]).endswith(link)
    assert mail.recipient == "amra@maglaj.example"
    assert re.search("[а-я]", mail.subject)


def test_a_link_is_shown_once_and_an_invitation_ends_after_three_days(app, administrator, maglaj, db):
    link = link_in(invite(administrator, maglaj))
    with db.without_space() as session:
        person = session.scalars(select(Person).where(Person.name == "Amra Hodžić")).one()
    assert "/join/" not in administrator.get(f"/admin/people/{person.id}").text
    with db.without_space() as session:
        kept = session.scalars(select(OneTimeLink)).one()
        assert kept.expires_at - kept.made_at == timedelta(hours=72)
        assert link.rpartition("/")[2] not in str(vars(kept))
        kept.expires_at = datetime.now(UTC)
    assert a_client(app).get(link).status_code == 410


def test_a_newer_link_makes_the_older_one_useless(app, administrator, maglaj, db):
    older = link_in(invite(administrator, maglaj))
    with db.without_space() as session:
        person = session.scalars(select(Person).where(Person.name == "Amra Hodžić")).one()
    newer = link_in(administrator.post(f"/admin/people/{person.id}/link"))
    assert a_client(app).get(older).status_code == 410
    assert a_client(app).get(newer).status_code == 200


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": " "}, "Enter first and last name."),
        ({"email": "amra"}, "Enter an e-mail address such as"),
        ({"email": "a@b.example\nBcc: c@d.example"}, "Enter an e-mail address such as"),
        ({"organisation": ""}, "Choose an organisation."),
        ({"role": []}, "Choose at least one role."),
        ({"role": ["player"]}, "Choose the exercise"),
    ],
)
def test_a_wrong_invitation_says_what_is_wrong_keeps_what_was_typed_and_makes_nobody(
    administrator, maglaj, db, wrong, sentence
):
    page = invite(administrator, maglaj, **wrong)
    assert page.status_code == 422
    assert sentence in page.text
    assert 'value="Amra Hodžić"' in page.text or "name" in wrong
    with db.transaction(OP) as session:
        assert session.scalars(select(Person.name).where(Person.email.is_not(None))).all() == []
        assert session.scalars(select(Mail)).all() == []


def test_two_active_people_cannot_have_one_address(administrator, maglaj):
    invite(administrator, maglaj)
    page = invite(administrator, maglaj, email="AMRA@maglaj.example")
    assert page.status_code == 422
    assert "is in already" in page.text


def test_people_are_found_by_folded_name_address_role_and_state(administrator, maglaj, db):
    a_person(db, Role.CUSTODIAN, name="Željko Đurić", email="zeljko@doboj.example", organisation="Grad Doboj")
    invite(administrator, maglaj)

    def names(**asked):
        page = administrator.get("/admin/people", query_string=asked).text
        return set(re.findall(r'<a href="/admin/people/[0-9a-f-]{36}">([^<]+)</a>', page))

    assert names() == {"Ana", "Željko Đurić", "Amra Hodžić"}
    assert names(q="zeljko djur") == {"Željko Đurić"}
    assert names(q="Жељко") == {"Željko Đurić"}
    assert names(q="maglaj.example") == {"Amra Hodžić"}
    assert names(role="custodian") == {"Željko Đurić"}
    assert names(organisation="Općina Maglaj") == {"Amra Hodžić"}
    assert names(state="invited") == {"Ana", "Amra Hodžić"}
    assert names(state="active") == {"Željko Đurić"}


def test_a_long_list_comes_in_pages(administrator, db):
    with db.without_space() as session:
        session.add_all([Person(name=f"Osoba {n:03}", created_at=datetime.now(UTC)) for n in range(120)])
    first, third = administrator.get("/admin/people").text, administrator.get("/admin/people?page=3").text
    assert "121 people" in first
    assert first.count("Osoba") == 49
    assert third.count("Osoba") == 21


def test_a_role_that_ended_stays_in_the_history_and_its_rights_end_at_once(app, administrator, db):
    person = a_person(db, Role.DUTY_OFFICER)
    client = a_client(app)
    sign_in(client, person.email)
    assert client.get("/op/jobs").status_code == 200
    with db.without_space() as session:
        membership = session.scalars(select(Membership).where(Membership.person_id == person.id)).one()
    assert administrator.post(f"/admin/people/{person.id}/roles/{membership.id}/end").status_code == 303
    assert client.get("/op/jobs").status_code == 403
    with db.without_space() as session:
        assert session.get(Membership, membership.id).until is not None
    data = {"organisation": str(membership.organisation_id), "role": "duty_officer"}
    assert administrator.post(f"/admin/people/{person.id}/roles", data=data).status_code == 303
    assert client.get("/op/jobs").status_code == 200
    again = administrator.post(f"/admin/people/{person.id}/roles", data=data)
    assert again.status_code == 422
    assert "has this role in this organisation already" in again.text


def test_whoever_is_deactivated_is_out_everywhere_and_comes_back_with_the_same_password(app, administrator, db):
    person = a_person(db, Role.DUTY_OFFICER)
    client = a_client(app)
    sign_in(client, person.email)
    administrator.post(f"/admin/people/{person.id}/deactivate")
    assert client.get("/op/jobs").status_code == 302 or client.get("/op/jobs").status_code == 401
    assert sign_in(client, person.email).status_code == 422
    administrator.post(f"/admin/people/{person.id}/reactivate")
    assert sign_in(client, person.email).status_code == 303


def test_nobody_comes_back_to_an_address_that_another_has_now(administrator, maglaj, db):
    person = a_person(db)
    administrator.post(f"/admin/people/{person.id}/deactivate")
    invite(administrator, maglaj, email=person.email)
    page = administrator.post(f"/admin/people/{person.id}/reactivate")
    assert page.status_code == 422
    assert "is in already" in page.text


def test_the_last_administrator_stays(administrator, db):
    with db.without_space() as session:
        mine = session.scalars(select(Membership).where(Membership.role == Role.ADMINISTRATOR)).one()
    for path in (f"roles/{mine.id}/end", "deactivate"):
        page = administrator.post(f"/admin/people/{mine.person_id}/{path}")
        assert page.status_code == 409
        assert "last administrator" in page.text
    a_person(db, Role.ADMINISTRATOR, email="second@x.example")
    assert administrator.post(f"/admin/people/{mine.person_id}/deactivate").status_code == 303


@pytest.mark.parametrize("path", ["", "/new"])
def test_only_administrators_look_after_people(app, database, path):
    for role in set(Role) - {Role.ADMINISTRATOR, Role.CONTROLLER, Role.EVALUATOR, Role.PLAYER, Role.OBSERVER}:
        client = signed_in(app.test_client(), database, role)
        assert client.get(f"/admin/people{path}").status_code == 403


def test_a_forgotten_password_is_renewed_and_all_sessions_end(app, db):
    person = a_person(db, Role.DUTY_OFFICER)
    old = a_client(app)
    sign_in(old, person.email)
    client = a_client(app)
    known = client.post("/forgot", data={"csrf_token": csrf(client, "/forgot"), "email": person.email})
    unknown = client.post("/forgot", data={"csrf_token": csrf(client, "/forgot"), "email": "nobody@maglaj.example"})
    assert known.status_code == unknown.status_code == 200
    assert known.text == unknown.text
    with db.transaction(OP) as session:
        (mail,) = session.scalars(select(Mail)).all()
    assert mail.good_until - mail.created_at == timedelta(hours=1)
    link = link_of(mail, app.extensions["spremnost.settings"]).removeprefix("https://spremnost.example")
    new = "pet bijelih golubova leti"
    client.post(link, data={"csrf_token": csrf(client, link), "password": new, "again": new})
    assert sign_in(client, person.email, PASSWORD).status_code == 422
    assert sign_in(client, person.email, new).status_code == 303
    assert old.get("/op/jobs").status_code in (302, 401)


def test_nobody_is_flooded_with_links(app, db):
    person = a_person(db)
    client = a_client(app)
    for _number in range(joining.MOST_RESETS + 2):
        answer = client.post("/forgot", data={"csrf_token": csrf(client, "/forgot"), "email": person.email})
        assert answer.status_code == 200
    with db.transaction(OP) as session:
        assert len(session.scalars(select(Mail)).all()) == joining.MOST_RESETS


@pytest.mark.parametrize(
    ("password", "error"),
    [
        ("kratka", WeakPassword),
        ("x" * 201, PasswordTooLong),
        ("password1234", CommonPassword),
        ("Passwordpassword", CommonPassword),
        ("aaaaaaaaaaaaaa", CommonPassword),
        ("123456789012", CommonPassword),
        ("qwertzuiopas", CommonPassword),
        ("AmraHodzic2026", PasswordAboutYou),
        ("amra.hodžić!", PasswordAboutYou),
        ("Spremnost2026", PasswordAboutYou),
        ("maglaj-civilna", None),
        ("četiri konja pod vrbom", None),
        ("kiša pada trava raste gora zeleni " * 2, None),
    ],
)
def test_a_password_is_long_and_neither_common_nor_about_its_owner(password, error):
    def choose():
        passwords.insist_on_a_good_one(password, name="Amra Hodžić", email="amra.hodzic@maglaj.example")

    if error is None:
        choose()
    else:
        with pytest.raises(error) as refused:
            choose()
        assert type(refused.value) is error


def a_signed_in_client(app, db, *roles, **more):
    person = a_person(db, *roles, **more)
    client = a_client(app)
    sign_in(client, person.email)
    return client, person


def change(client, what, **data):
    return client.post(f"/account/{what}", data={"csrf_token": csrf(client, "/account"), **data})


def test_whoever_changes_their_password_is_signed_out_elsewhere_and_told_by_mail(app, db):
    client, person = a_signed_in_client(app, db, Role.DUTY_OFFICER)
    elsewhere = a_client(app)
    sign_in(elsewhere, person.email)
    before = client.get_cookie("spremnost").value
    new = "pet bijelih golubova leti"
    assert change(client, "password", present="wrong", password=new, again=new).status_code == 422
    assert "not the same" in change(client, "password", present=PASSWORD, password=new, again=PASSWORD).text
    common = "password1234"
    assert "most common" in change(client, "password", present=PASSWORD, password=common, again="").text
    assert elsewhere.get("/account").status_code == 200
    assert change(client, "password", present=PASSWORD, password=new, again=new).status_code == 303
    assert client.get_cookie("spremnost").value != before
    assert "Your password was changed" in client.get("/account").text
    assert elsewhere.get("/account").status_code in (302, 401)
    with db.transaction(OP) as session:
        assert session.scalars(select(Mail.template)).all() == ["person.password_chosen"]


def test_an_address_changes_with_the_password_only_and_the_old_one_is_told(app, db):
    client, person = a_signed_in_client(app, db)
    assert "not your present password" in change(client, "email", present="wrong", email="new@maglaj.example").text
    assert change(client, "email", present=PASSWORD, email="New@maglaj.example").status_code == 303
    with db.transaction(OP) as session:
        assert session.get(Person, person.id).email == "new@maglaj.example"
        assert session.scalars(select(Mail.recipient)).all() == [person.email]


def test_guessing_the_present_password_is_slowed_down(app, db):
    client, _person = a_signed_in_client(app, db)
    for _number in range(10):
        change(client, "email", present="wrong", email="new@maglaj.example")
    assert change(client, "email", present=PASSWORD, email="new@maglaj.example").status_code == 429


def test_name_and_language_are_ones_own(app, db):
    client, person = a_signed_in_client(app, db)
    change(client, "name", name="  Amra   Begić ")
    change(client, "language", locale="sr_Cyrl_BA")
    with db.transaction(OP) as session:
        found = session.get(Person, person.id)
        audit = entries(session, space=OP)
    assert (found.name, found.locale) == ("Amra Begić", Locale.SERBIAN_CYRILLIC)
    assert 'lang="sr-Cyrl"' in client.get("/account").text
    assert not any("Amra" in str(entry.facts) for entry in audit)


def test_one_browser_or_all_others_are_signed_out_and_nobody_elses(app, db):
    client, person = a_signed_in_client(app, db)
    others = [a_client(app) for _number in range(3)]
    for other in others:
        sign_in(other, person.email)
    stranger, _someone = a_signed_in_client(app, db, email="other@x.example", name="Neko Drugi")
    with db.without_space() as session:
        theirs = session.scalars(
            select(SignInSession.id).where(SignInSession.person_id == person.id).order_by(SignInSession.began_at)
        ).all()
    assert change(stranger, f"sessions/{theirs[1]}/end").status_code == 404
    assert change(client, f"sessions/{theirs[1]}/end").status_code == 303
    assert [other.get("/account").status_code == 200 for other in others] == [False, True, True]
    assert change(client, "sessions/end-others").status_code == 303
    assert [other.get("/account").status_code == 200 for other in others] == [False, False, False]
    assert client.get("/account").status_code == 200
    assert stranger.get("/account").status_code == 200


def test_a_password_that_was_never_chosen_opens_nothing(app, administrator, maglaj, db):
    invite(administrator, maglaj)
    with db.without_space() as session:
        session.execute(update(Account).values(password_hash=None))
    for guess in ("", "None"):
        assert sign_in(a_client(app), "amra@maglaj.example", guess).status_code == 422
