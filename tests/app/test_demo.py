"""The demonstration country in a database of its own."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from app import demo
from app.db import Database
from app.errors import DatabaseNotEmpty
from foundation.audit import Actor
from foundation.spaces import OPERATIONAL_SPACE_ID
from layers import catalogue, exposure, gauge_states
from layers.areas import Area, Level
from layers.catalogue import Kind, LayerVersion, Method, State
from layers.exposure import ExposureFigure, ExposureRun
from layers.incidents import incidents
from layers.warnings import active

CENSUS_2013 = 3_531_159


@pytest.fixture
def db(database):
    opened = Database(database, pool_size=5)
    yield opened
    opened.close()


def test_it_is_asked_for_once_and_only_where_there_is_no_layer(db):
    assert demo.ask_for(db)
    assert not demo.ask_for(db)


def test_it_is_not_mixed_with_somebodys_layers(db, tmp_path):
    with db.transaction(OPERATIONAL_SPACE_ID) as session:
        catalogue.receive(
            session,
            kind=Kind.ROADS,
            name="roads",
            return_period_years=None,
            event=None,
            producer="road agency",
            licence="open",
            vintage="2024",
            method=Method.OFFICIAL,
            method_note="",
            file_name="roads.gpkg",
            file_hash="0" * 64,
            file_bytes=1,
            options={},
            by=Actor("somebody"),
            at=datetime(2026, 5, 14, tzinfo=UTC),
        )
    assert not demo.ask_for(db)
    with pytest.raises(DatabaseNotEmpty):
        demo.make(db, tmp_path)


class PowerCut(BaseException):
    pass


@pytest.mark.slow
def test_after_a_power_cut_it_goes_on_and_everybody_is_counted_once(db, tmp_path):
    def cut(sentence):
        if sentence.startswith("Bringing in 8 "):
            raise PowerCut

    with pytest.raises(PowerCut):
        demo.make(db, tmp_path, tell=cut)
    demo.make(db, tmp_path)
    with db.without_space() as session:
        versions = session.scalars(select(LayerVersion)).all()
        assert {v.state for v in versions} == {State.READY}
        assert {v.method for v in versions} == {Method.ILLUSTRATIVE}
        assert {v.number for v in versions} == {1}
        assert session.scalar(select(func.count()).where(Area.level == Level.MUNICIPALITY)) == 143
        runs = session.scalars(select(ExposureRun)).all()
        assert len(runs) == sum(len(catalogue.shown(session, kind)) for kind in exposure.HAZARDS) == 8
        country = session.scalars(
            select(ExposureFigure)
            .join(Area, Area.id == ExposureFigure.area_id)
            .join(ExposureRun, ExposureRun.id == ExposureFigure.run_id)
            .join(LayerVersion, LayerVersion.id == ExposureRun.hazard_version_id)
            .where(Area.level == Level.COUNTRY)
        ).all()
        assert all(f.population == pytest.approx(CENSUS_2013, abs=1) for f in country)
        by_period = {}
        for (_, years), default in exposure.defaults(session, [Kind.FLOOD_DEPTH]).items():
            by_period[years] = by_period.get(years, 0) + default.figure.exposed
        assert sorted(by_period) == [10, 20, 50, 100, 200, 500]
        assert sorted(by_period.values()) == [by_period[years] for years in sorted(by_period)]
        assert by_period[500] < CENSUS_2013
    with db.transaction(OPERATIONAL_SPACE_ID) as session:
        now = gauge_states.states(session, OPERATIONAL_SPACE_ID, datetime.now(UTC))
        [doboj] = [state for state in now if state.station.code == "BOSNA-DOBOJ"]
        assert doboj.passed.level == "regular"
        assert doboj.exposed_passed.people > 0
        assert doboj.exposed_passed.hazard.method is Method.ILLUSTRATIVE
        here = doboj.station.municipality_id
        assert [w.message.illustrative for w in active(session, OPERATIONAL_SPACE_ID, datetime.now(UTC), here)] == [
            True
        ]
        assert {i.illustrative for i in incidents(session, OPERATIONAL_SPACE_ID)} == {True}
