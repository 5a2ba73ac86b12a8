"""A small country in a database, and the pages that show it."""

from dataclasses import replace

import pytest

from app.db import Database
from app.factory import create_app
from foundation.spaces import OPERATIONAL_SPACE_ID
from layers.files import FileStore
from tests.app.builders_map import a_country, close
from tests.app.builders_people import signed_in


@pytest.fixture
def country(database, tmp_path):
    """The small country, and settings that know where its files are."""
    settings = replace(database, data_dir=tmp_path)
    store = FileStore(tmp_path / "layers")
    opened = Database(settings, pool_size=2)
    with opened.transaction(OPERATIONAL_SPACE_ID) as session:
        made = a_country(session, store)
    opened.close()
    made.settings, made.store = settings, store
    return made


@pytest.fixture
def change(country):
    """A function that does something to the country in a transaction."""
    opened = Database(country.settings, pool_size=2)

    def do(what):
        with opened.transaction(OPERATIONAL_SPACE_ID) as session:
            return what(session)

    yield do
    opened.close()


@pytest.fixture
def client(country):
    app = create_app(country.settings)
    client = signed_in(app.test_client(), country.settings)
    client.set_cookie("language", "en")
    yield client
    close(app)
