"""E-mails against a real mail server and a real database."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from app.db import Database
from app.factory import create_app
from app.mail_jobs import sweep, write_mail
from app.mails import send_due
from foundation import mails
from foundation.audit import entries
from foundation.errors import N_
from foundation.mails import Mail, MailProblem, MailState
from foundation.people import Locale
from foundation.roles import Role
from foundation.spaces import OPERATIONAL_SPACE_ID as OP
from tests.app.builders_mail import a_mail_server
from tests.app.builders_map import close
from tests.app.builders_people import an_exercise, signed_in

# Sentences of the application, so that they are in its catalogues.
SUBJECT, BODY = N_("E-mails"), N_("Receiver")

AN_HOUR_AGO = datetime.now(UTC) - timedelta(hours=1)


@pytest.fixture
def postbox():
    with a_mail_server() as box:
        yield box


@pytest.fixture
def settings(database, postbox):
    return replace(database, smtp_url=f"smtp://127.0.0.1:{postbox.port}", mail_from="spremnost@example.org")


@pytest.fixture
def db(database):
    opened = Database(database, pool_size=3)
    yield opened
    opened.close()


def a_mail(db, settings, *, space=OP, to="amra@maglaj.example", locale=Locale.BOSNIAN, **more):
    with db.transaction(space) as session:
        return write_mail(
            session,
            settings,
            space=space,
            to=to,
            locale=locale,
            template="test",
            subject=more.pop("subject", SUBJECT),
            body=more.pop("body", BODY),
            at=more.pop("at", datetime.now(UTC)),
            **more,
        )


def kept(db, mail):
    with db.transaction(mail.space_id) as session:
        return session.get(Mail, (mail.space_id, mail.id))


def test_a_mail_exists_if_and_only_if_its_transaction_is_committed(db, settings, postbox):
    with db.transaction(OP) as session:
        write_mail(
            session, settings, space=OP, to="a@b.example", locale=Locale.ENGLISH, template="t", subject=SUBJECT,
            body=BODY, at=datetime.now(UTC),
        )  # fmt: skip
        session.rollback()
    assert send_due(db, settings, OP) == 0
    assert postbox.seen == []


def test_a_mail_arrives_once_in_the_receivers_language(db, settings, postbox):
    mail = a_mail(db, settings)
    assert send_due(db, settings, OP) == 1
    assert send_due(db, settings, OP) == 0
    (arrived,) = postbox.taken
    assert arrived["Subject"] == "E-poruke"
    assert arrived["To"] == "amra@maglaj.example"
    assert arrived["Message-ID"] == mail.message_id
    assert arrived["Auto-Submitted"] == "auto-generated"
    assert arrived.get_content().strip() == "Primalac"
    assert kept(db, mail).state is MailState.SENT


def test_what_leaves_an_exercise_says_so_whatever_was_written(db, settings, postbox):
    with db.without_space() as session:
        space = an_exercise(session, "proba")
    a_mail(db, settings, space=space, locale=Locale.ENGLISH)
    a_mail(db, settings, space=space)
    send_due(db, settings, space)
    english, bosnian = sorted(postbox.taken, key=lambda m: m["Subject"])
    assert english["Subject"] == "EXERCISE: E-mails"
    lines = english.get_content().strip().splitlines()
    assert lines[0] == lines[-1] == "EXERCISE – this is not a real event. It belongs to the exercise proba."
    assert bosnian["Subject"] == "VJEŽBA: E-poruke"
    assert bosnian.get_content().startswith("VJEŽBA – ")


def test_mails_of_one_space_are_not_sent_with_anothers(db, settings, postbox):
    with db.without_space() as session:
        space = an_exercise(session, "proba")
    a_mail(db, settings, space=space)
    assert send_due(db, settings, OP) == 0
    assert send_due(db, settings, space) == 1


def test_a_link_is_readable_in_the_mail_and_nowhere_in_the_database(db, settings, postbox):
    link = "https://spremnost.example/invitation/geheim"
    mail = a_mail(db, settings, body="{link}", link=link)
    assert "geheim" not in str(vars(kept(db, mail)))
    send_due(db, settings, OP)
    assert postbox.taken[0].get_content().strip() == link
    assert kept(db, mail).link is None


@pytest.mark.parametrize(
    ("answer", "state", "problem"),
    [
        ("451 come again", MailState.WAITING, MailProblem.DEFERRED),
        ("552 too big", MailState.FAILED, MailProblem.REFUSED),
    ],
)
def test_what_the_server_does_not_take_is_tried_again_or_given_up_as_it_says(
    db, settings, postbox, answer, state, problem
):
    mail = a_mail(db, settings)
    postbox.answer = answer
    assert send_due(db, settings, OP) == 0
    found = kept(db, mail)
    assert (found.state, found.problem, found.attempts, found.reply) == (state, problem, 1, answer)
    assert found.next_try_at > datetime.now(UTC)


def test_an_address_that_the_server_refuses_is_not_tried_again(db, settings, postbox):
    mail = a_mail(db, settings)
    postbox.receiver = "550 nobody here"
    send_due(db, settings, OP)
    assert kept(db, mail).problem is MailProblem.REFUSED
    assert postbox.seen == []


def test_after_a_pause_the_same_mail_goes_out_under_the_same_id(db, settings, postbox):
    mail = a_mail(db, settings)
    postbox.answer = "451 come again"
    send_due(db, settings, OP)
    postbox.answer = "250 taken"
    assert send_due(db, settings, OP) == 0  # not before its time
    with db.transaction(OP) as session:
        session.execute(update(Mail).values(next_try_at=datetime.now(UTC)))
    assert send_due(db, settings, OP) == 1
    assert postbox.seen == [mail.message_id] * 2
    assert len(postbox.taken) == 1


def test_pauses_grow_to_an_hour_and_end_after_a_dozen_tries(db, settings):
    assert [mails.wait_after(n) for n in (1, 2, 3, 6, 7, 11)] == [timedelta(minutes=m) for m in (1, 2, 4, 30, 60, 60)]
    mail = a_mail(db, settings)
    nowhere = replace(settings, smtp_url="smtp://127.0.0.1:1")
    for number in range(1, mails.MOST_ATTEMPTS + 1):
        assert send_due(db, nowhere, OP) == 0
        found = kept(db, mail)
        assert (found.attempts, found.problem) == (number, MailProblem.UNREACHABLE)
        with db.transaction(OP) as session:
            session.execute(update(Mail).values(next_try_at=datetime.now(UTC)))
    assert found.state is MailState.FAILED


def test_a_line_that_breaks_after_the_text_is_never_followed_by_a_second_mail(db, settings, postbox):
    mail = a_mail(db, settings)
    postbox.break_the_line = True
    assert send_due(db, settings, OP) == 0
    found = kept(db, mail)
    assert (found.state, found.problem) == (MailState.FAILED, MailProblem.UNCERTAIN)
    assert len(postbox.taken) == 1  # as it happens the server had it
    postbox.break_the_line = False
    assert send_due(db, settings, OP) == 0
    assert len(postbox.taken) == 1


def test_a_mail_whose_sender_died_before_the_text_is_sent_by_the_next_sweep(db, settings, postbox):
    mail = a_mail(db, settings, at=AN_HOUR_AGO)
    with db.transaction(OP) as session:
        assert mails.claim_next(session, space=OP, at=datetime.now(UTC) - mails.CLAIM)
    assert send_due(db, settings, OP) == 0
    sweep.func(Context(db, settings))
    assert kept(db, mail).state is MailState.SENT
    assert len(postbox.taken) == 1


def test_a_mail_whose_sender_died_with_the_text_is_left_to_a_person(db, settings, postbox):
    mail = a_mail(db, settings, at=AN_HOUR_AGO)
    with db.transaction(OP) as session:
        claimed = mails.claim_next(session, space=OP, at=datetime.now(UTC) - mails.CLAIM)
    with db.transaction(OP) as session:
        assert mails.hand_over(session, claimed, at=datetime.now(UTC))
    sweep.func(Context(db, settings))
    assert kept(db, mail).problem is MailProblem.UNCERTAIN
    assert postbox.seen == []


def test_a_sender_that_was_given_up_cannot_hand_over_any_more(db, settings):
    a_mail(db, settings, at=AN_HOUR_AGO)
    with db.transaction(OP) as session:
        slow = mails.claim_next(session, space=OP, at=datetime.now(UTC) - mails.CLAIM)
    with db.transaction(OP) as session:
        mails.see_to_lost(session, space=OP, at=datetime.now(UTC))
    with db.transaction(OP) as session:
        assert mails.claim_next(session, space=OP, at=datetime.now(UTC)) is not None
    with db.transaction(OP) as session:
        assert not mails.hand_over(session, slow, at=datetime.now(UTC))


def test_four_senders_at_once_send_each_mail_once(db, settings, postbox):
    sent = {a_mail(db, settings).message_id for _number in range(12)}
    senders = [threading.Thread(target=send_due, args=(db, settings, OP)) for _number in range(4)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert sorted(postbox.seen) == sorted(sent)


def test_a_mail_that_waited_too_long_is_not_sent_and_forgets_its_link(db, settings, postbox):
    mail = a_mail(db, settings, body="{link}", link="https://x.example/1", good_until=datetime.now(UTC))
    send_due(db, settings, OP)
    found = kept(db, mail)
    assert (found.state, found.problem, found.link) == (MailState.FAILED, MailProblem.EXPIRED, None)
    assert postbox.seen == []


def test_without_a_mail_server_mails_wait_and_an_administrator_sees_the_link_which_is_audited(db, database):
    mail = a_mail(db, database, body="{link}", link="https://spremnost.example/invitation/geheim")
    assert send_due(db, database, OP) == 0
    app = create_app(database)
    officer = signed_in(app.test_client(), database, Role.DUTY_OFFICER)
    assert officer.get(f"/admin/mails/{mail.id}").status_code == 403
    client = signed_in(app.test_client(), database, Role.ADMINISTRATOR)
    client.set_cookie("language", "en")
    page = client.get("/admin/mails").text
    assert "No mail server is set" in page
    assert "amra@maglaj.example" in page
    assert "geheim" not in client.get(f"/admin/mails/{mail.id}").text
    assert "https://spremnost.example/invitation/geheim" in client.post(f"/admin/mails/{mail.id}/link").text
    with db.transaction(OP) as session:
        (entry,) = entries(session, space=OP)
    assert (entry.action, entry.subject_id) == ("mail.link_shown", str(mail.id))
    close(app)


def test_an_administrator_sends_again_what_could_not_go(db, settings, postbox):
    mail = a_mail(db, settings)
    postbox.receiver = "550 nobody here"
    send_due(db, settings, OP)
    app = create_app(settings)
    client = signed_in(app.test_client(), settings, Role.ADMINISTRATOR)
    assert client.post(f"/admin/mails/{mail.id}/again").status_code == 303
    postbox.receiver = ""
    assert send_due(db, settings, OP) == 1
    with db.transaction(OP) as session:
        assert session.scalars(select(Mail.state)).all() == [MailState.SENT]
    close(app)


class Context:
    """What a job is handed."""

    def __init__(self, database, settings):
        self.additional_context = {"database": database, "settings": settings}
