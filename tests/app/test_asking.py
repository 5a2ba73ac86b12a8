"""What was chosen on the map is what is asked about."""

from datetime import timedelta

import pytest

from app.asking import current_kept, hazard_of
from app.exposed import choices
from app.factory import create_app
from layers.catalogue import Kind, Method
from layers.exposure import ExposureRun
from layers.runs import runs_of
from tests.app.builders_map import FLOOD_100, a_hazard, close


@pytest.fixture
def several(country, change):
    """Two layers of one period, an event and a fire beside the small country's floods, all countable."""

    def add(session):
        full = {code: (exposed, by_class, True, 0.0) for code, (exposed, by_class) in FLOOD_100.items()}
        for name, more in (
            ("Službena 1/100", {"years": 100.0, "method": Method.OFFICIAL}),
            ("Maj 2014", {"event": "Maj 2014"}),
            ("Suhi august", {"kind": Kind.FIRE_DANGER}),
        ):
            a_hazard(session, country, country.store, name, figures=full, **more)
        for i, run in enumerate(session.query(ExposureRun).order_by(ExposureRun.id)):
            run.index_file, run.computed_at = "0" * 64, run.computed_at + timedelta(minutes=i)

    change(add)


def test_the_same_runs_answer_in_the_same_order_as_the_map_shows(several, change):
    def hold(session):
        options = choices(session)
        assert len(options) >= 6
        for choice in options:
            asked = runs_of(session, hazard_of(choice))
            assert [run.id for run in asked] == [run.id for run in choice.runs], choice.key

    change(hold)


def test_an_application_keeps_one_memory_of_the_countings(country):
    app = create_app(country.settings)
    with app.app_context():
        assert current_kept() is current_kept()
    close(app)
