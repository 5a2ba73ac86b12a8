import pytest
from flask import Flask
from sqlalchemy import NullPool, create_engine, text

from app.db import Database, driver_url, init_app, transaction, without_space
from foundation.spaces import OPERATIONAL_SPACE_ID, operational_space


@pytest.fixture
def application(database):
    opened = Database(database)
    application = Flask(__name__)
    init_app(application, opened)
    with application.app_context():
        yield application
    opened.close()


def the_space(session):
    return session.scalar(text("SELECT current_setting('app.space', true)"))


def test_a_page_works_in_the_space_that_it_names(application):
    with transaction(OPERATIONAL_SPACE_ID) as session:
        assert the_space(session) == str(OPERATIONAL_SPACE_ID)


def test_a_page_on_shared_rows_works_in_no_space(application):
    with without_space() as session:
        assert the_space(session) == ""


def test_what_was_done_is_kept_at_the_end(application):
    with without_space() as session:
        operational_space(session).name = "Doboj"
    with without_space() as session:
        assert operational_space(session).name == "Doboj"


def test_what_failed_leaves_nothing(application):
    def fail():
        with without_space() as session:
            operational_space(session).name = "half"
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with without_space() as session:
        assert operational_space(session).name == "Operational space"


def test_what_was_read_can_be_shown_after_the_transaction(application):
    with without_space() as session:
        space = operational_space(session)
    assert space.name == "Operational space"


def test_the_queue_s_functions_are_found_within_our_transaction(application):
    with without_space() as session:
        assert session.scalar(text("SELECT to_regproc('procrastinate_fetch_job_v2') IS NOT NULL"))
        assert session.scalar(text("SELECT current_schema()")) == "public"


def test_a_connection_that_the_server_closed_is_replaced(application, database):
    with without_space() as session:
        backend = session.scalar(text("SELECT pg_backend_pid()"))
    with create_engine(database.admin_database_url, poolclass=NullPool).connect() as owner:
        owner.execute(text("SELECT pg_terminate_backend(:backend, 5000)"), {"backend": backend})
    with without_space() as session:
        assert session.scalar(text("SELECT pg_backend_pid()")) != backend


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_usual_spelling_of_the_address_gets_our_driver(scheme):
    url = driver_url(f"{scheme}://web@/spremnost?host=/run/pg")
    assert (url.drivername, url.username, url.query["host"]) == ("postgresql+psycopg", "web", "/run/pg")
