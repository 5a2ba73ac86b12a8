"""Files become layers, and people are counted: the whole way, with real files, sandbox and database."""

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from procrastinate import PsycopgConnector
from shapely import box
from sqlalchemy import select, text

from app import importing, layer_jobs
from app.db import Database
from app.jobs import queue
from app.settings import libpq_url
from foundation.audit import Actor
from foundation.spaces import OPERATIONAL_SPACE_ID
from gis.errors import GisError
from layers import catalogue, counting, exposure
from layers.areas import Area, Level
from layers.catalogue import Kind, Method, State
from layers.errors import Cancelled, FileTooLarge
from layers.findings import as_text
from tests.builders import a_raster, polygons_file

OPERATOR = Actor("operator")
PLACE = {"left": 17.0, "bottom": 44.0, "cell": 0.1}
PEOPLE = np.full((10, 10), 5, dtype=np.float32)
DEPTH = np.zeros((10, 10), dtype=np.float32)
DEPTH[:, :2] = 1.5  # the two western columns of cells


class Imports:
    """What an operator does, and what they see then."""

    def __init__(self, database, data_dir):
        self.db = Database(database, pool_size=5)
        self.data_dir = data_dir

    def receive(self, path, kind, **told):
        incoming = importing.Incoming(path, kind, path.stem, "producer", "licence", "2019", Method.MODEL)
        return importing.receive(
            self.db, self.data_dir, replace(incoming, **told), by=OPERATOR, most_bytes=importing.UPLOAD_BYTES
        )

    def read_in(self, version_id, tell=lambda share: None):
        hazards = []
        importing.read_in(
            self.db, self.data_dir, version_id, by=OPERATOR, then=lambda _, wanted: hazards.extend(wanted), tell=tell
        )
        for hazard in hazards:
            importing.count_exposure(self.db, self.data_dir, hazard)
        return version_id

    def bring(self, path, kind, **told):
        return self.read_in(self.receive(path, kind, **told))

    def version(self, version_id):
        with self.db.without_space() as session:
            return catalogue.version(session, version_id)

    def exposed(self, years=100.0):
        with self.db.without_space() as session:
            codes = {a.id: a.code for a in exposure_areas(session)}
            return {
                codes[area]: default.figure.exposed
                for (area, period), default in exposure.defaults(session, [Kind.FLOOD_DEPTH]).items()
                if period == years
            }


def exposure_areas(session):
    return session.scalars(select(Area).where(Area.level == Level.MUNICIPALITY)).all()


@pytest.fixture
def imports(database, tmp_path):
    made = Imports(database, tmp_path / "data")
    yield made
    made.db.close()


@pytest.fixture
def files(tmp_path):
    """Two municipalities side by side, people, and a flood in the west of the western one."""
    folder = tmp_path / "received"
    folder.mkdir()
    return {
        Kind.MUNICIPALITIES: polygons_file(
            folder / "municipalities.gpkg",
            [box(17.0, 44.0, 17.5, 45.0), box(17.5, 44.0, 18.0, 45.0)],
            {"code": ["10001", "20001"], "name": ["Zapad", "Istok"], "entity": ["FBiH", "RS"]},
        ),
        Kind.POPULATION_RASTER: a_raster(folder / "people.tif", PEOPLE, nodata=-1, **PLACE),
        Kind.FLOOD_DEPTH: a_raster(folder / "rp100.tif", DEPTH, nodata=-1, **PLACE),
    }


COLUMNS = {"columns": {"code": "code", "name": "name", "entity": "entity"}}


def bring_all(imports, files):
    imports.bring(files[Kind.MUNICIPALITIES], Kind.MUNICIPALITIES, options=COLUMNS)
    imports.bring(files[Kind.POPULATION_RASTER], Kind.POPULATION_RASTER)
    return imports.bring(files[Kind.FLOOD_DEPTH], Kind.FLOOD_DEPTH, return_period_years=100.0)


def test_files_become_layers_and_exposed_people(imports, files):
    hazard = bring_all(imports, files)
    assert imports.version(hazard).state == State.READY
    assert imports.exposed() == {"10001": pytest.approx(100.0), "20001": pytest.approx(0.0)}


@pytest.mark.slow
def test_the_order_in_which_files_come_does_not_matter(imports, files):
    imports.bring(files[Kind.FLOOD_DEPTH], Kind.FLOOD_DEPTH, return_period_years=100.0)
    imports.bring(files[Kind.POPULATION_RASTER], Kind.POPULATION_RASTER)
    assert imports.exposed() == {}
    imports.bring(files[Kind.MUNICIPALITIES], Kind.MUNICIPALITIES, options=COLUMNS)
    assert imports.exposed() == {"10001": pytest.approx(100.0), "20001": pytest.approx(0.0)}


@pytest.mark.slow
def test_a_replaced_population_counts_anew_and_keeps_the_old_result(imports, files):
    bring_all(imports, files)
    denser = a_raster(files[Kind.POPULATION_RASTER], PEOPLE * 2, nodata=-1, **PLACE)
    imports.bring(denser, Kind.POPULATION_RASTER)
    assert imports.exposed()["10001"] == pytest.approx(200.0)
    with imports.db.without_space() as session:
        assert len(session.scalars(select(exposure.ExposureRun)).all()) == 2


def test_a_file_that_cannot_be_used_is_refused_with_a_sentence_and_leaves_nothing(imports, tmp_path):
    not_a_raster = tmp_path / "depth.tif"
    not_a_raster.write_text(json.dumps({"type": "FeatureCollection", "features": []}))
    version_id = imports.receive(not_a_raster, Kind.FLOOD_DEPTH, return_period_years=100.0)
    with pytest.raises(GisError, match=r"depth\.tif is not a GeoTIFF"):
        imports.read_in(version_id)
    version = imports.version(version_id)
    assert version.state == State.REFUSED
    assert as_text(version.refusal).startswith("depth.tif is not a GeoTIFF")
    assert version.facts == {}


def test_a_file_that_cannot_be_received_does_not_stop_the_command_from_taking_the_others(database, files, tmp_path):
    environ = replace(database, data_dir=tmp_path / "data").as_environ()

    def spremnost(*words):
        return subprocess.run(
            [sys.executable, "-m", "app.cli", *map(str, words)],
            env=os.environ | environ,
            capture_output=True,
            text=True,
        )

    said = ("--producer", "p", "--licence", "l", "--vintage", "2024", "--method", "model", "--return-period", "100")
    done = spremnost("layers", "import", "flood_depth", tmp_path / "gone.tif", files[Kind.FLOOD_DEPTH], *said)
    assert done.returncode == 2
    assert "gone.tif" in done.stderr
    assert "rp100" in spremnost("layers", "list").stdout
    # The same layer under another period is a taken slot; the file behind it still comes in.
    other = files[Kind.FLOOD_DEPTH].with_name("rp100_too.tif")
    other.write_bytes(files[Kind.FLOOD_DEPTH].read_bytes())
    taken = spremnost("layers", "import", "flood_depth", files[Kind.FLOOD_DEPTH], other, *said[:-1], "20")
    assert taken.returncode == 2
    assert "rp100_too" in spremnost("layers", "list").stdout


def test_a_file_over_the_limit_is_not_received(imports, files):
    with pytest.raises(FileTooLarge):
        importing.receive(
            imports.db,
            imports.data_dir,
            importing.Incoming(files[Kind.FLOOD_DEPTH], Kind.FLOOD_DEPTH, "n", "p", "l", "v", Method.MODEL, event="e"),
            by=OPERATOR,
            most_bytes=10,
        )
    with imports.db.without_space() as session:
        assert not catalogue.versions(session)


@pytest.mark.slow
def test_a_version_withdrawn_while_it_is_read_stays_withdrawn(imports, files):
    version_id = imports.receive(files[Kind.POPULATION_RASTER], Kind.POPULATION_RASTER)

    def withdraw(share):
        if imports.version(version_id).state != State.WITHDRAWN:
            with imports.db.transaction(OPERATIONAL_SPACE_ID) as session:
                catalogue.withdraw(
                    session, version_id, by=OPERATOR, at=catalogue.version(session, version_id).received_at
                )
        else:
            raise AssertionError("it went on after it was withdrawn")

    with pytest.raises((Cancelled, catalogue.WrongState)):
        imports.read_in(version_id, tell=withdraw)
    assert imports.version(version_id).state == State.WITHDRAWN


@pytest.mark.slow
def test_an_import_that_a_crash_interrupted_is_done_again(imports, files):
    version_id = imports.receive(files[Kind.POPULATION_RASTER], Kind.POPULATION_RASTER)

    class Crash(BaseException):
        pass

    def crash(share):
        raise Crash

    with pytest.raises(Crash):
        imports.read_in(version_id, tell=crash)
    assert imports.version(version_id).state == State.CHECKING
    imports.read_in(version_id)
    assert imports.version(version_id).state == State.READY


@pytest.mark.slow
def test_sweeping_leaves_every_file_that_a_layer_needs(imports, files):
    hazard = bring_all(imports, files)
    store = importing.file_store(imports.data_dir)
    with store.part() as part:
        part.write_bytes(b"left over")
        stray = store.put(part)
    assert importing.sweep(imports.db, imports.data_dir, older_than_s=-1) == 1
    assert store.path(imports.version(hazard).file_hash).exists()
    with pytest.raises(Exception, match=stray[:12]):
        store.path(stray)


def waiting(imports):
    """The hazards whose counting waits in the queue."""
    query = "SELECT args->>'hazard_id' FROM procrastinate.procrastinate_jobs WHERE task_name = 'exposure.count'"
    with imports.db.without_space() as session:
        return sorted(session.scalars(text(query + " AND status::text = 'todo'")))


@pytest.mark.slow
def test_many_imports_leave_one_counting_of_each_hazard_waiting(imports, files):
    bring_all(imports, files)
    other = a_raster(files[Kind.FLOOD_DEPTH].with_name("rp500.tif"), DEPTH * 2, nodata=-1, **PLACE)
    versions = [imports.receive(other, Kind.FLOOD_DEPTH, return_period_years=500.0)]
    for factor in (2, 3):
        denser = a_raster(
            files[Kind.POPULATION_RASTER].with_name(f"p{factor}.tif"), PEOPLE * factor, nodata=-1, **PLACE
        )
        versions.append(imports.receive(denser, Kind.POPULATION_RASTER, name="people"))
    for version in versions:
        importing.read_in(imports.db, imports.data_dir, version, by=OPERATOR, then=layer_jobs.count_later)
    with imports.db.without_space() as session:
        hazards = sorted(str(v.id) for v in catalogue.shown(session, Kind.FLOOD_DEPTH))
    assert len(hazards) == 2
    assert waiting(imports) == hazards


@pytest.mark.slow
def test_what_is_replaced_while_it_is_counted_is_counted_again_before_anything_is_kept(imports, files, monkeypatch):
    bring_all(imports, files)
    denser = a_raster(files[Kind.POPULATION_RASTER].with_name("denser.tif"), PEOPLE * 2, nodata=-1, **PLACE)
    third = a_raster(files[Kind.POPULATION_RASTER].with_name("third.tif"), PEOPLE * 3, nodata=-1, **PLACE)
    ready = imports.receive(denser, Kind.POPULATION_RASTER, name="people")
    late = imports.receive(third, Kind.POPULATION_RASTER, name="people")
    nobody_counts = {"by": OPERATOR, "then": lambda _session, _hazards: None}
    importing.read_in(imports.db, imports.data_dir, ready, **nobody_counts)
    counted = []

    def compute(plan, *rest):
        if not counted:  # in the middle of the first counting
            importing.read_in(imports.db, imports.data_dir, late, **nobody_counts)
        counted.append(plan)
        return counting.compute(plan, *rest)

    monkeypatch.setattr(importing, "compute", compute)
    with imports.db.without_space() as session:
        (hazard,) = exposure.outdated(session)
    importing.count_exposure(imports.db, imports.data_dir, hazard)
    assert [plan.inputs.population for plan in counted] == [ready, late]
    assert imports.exposed()["10001"] == pytest.approx(300.0)
    with imports.db.without_space() as session:
        assert len(session.scalars(select(exposure.ExposureRun)).all()) == 2
        assert exposure.outdated(session) == []


@pytest.mark.slow
def test_what_was_counted_already_is_not_counted_again_unless_that_is_asked_for(imports, files):
    hazard = bring_all(imports, files)

    def runs():
        with imports.db.without_space() as session:
            return len(session.scalars(select(exposure.ExposureRun)).all())

    importing.count_exposure(imports.db, imports.data_dir, hazard)
    assert runs() == 1
    importing.count_exposure(imports.db, imports.data_dir, hazard, anew=True)
    assert runs() == 2


@pytest.mark.slow
def test_when_a_layer_is_withdrawn_what_rested_on_it_waits_to_be_counted_with_the_one_before(imports, files):
    hazard = bring_all(imports, files)
    denser = a_raster(files[Kind.POPULATION_RASTER].with_name("denser.tif"), PEOPLE * 2, nodata=-1, **PLACE)
    newer = imports.bring(denser, Kind.POPULATION_RASTER, name="people")
    assert imports.exposed()["10001"] == pytest.approx(200.0)
    with imports.db.transaction(OPERATIONAL_SPACE_ID) as session:
        importing.withdraw(session, newer, by=OPERATOR, at=datetime.now(UTC), then=layer_jobs.count_later)
    assert waiting(imports) == [str(hazard)]
    importing.count_exposure(imports.db, imports.data_dir, hazard)
    assert imports.exposed()["10001"] == pytest.approx(100.0)


@pytest.mark.slow
def test_a_worker_that_starts_queues_what_nobody_queued(imports, files):
    for kind in (Kind.MUNICIPALITIES, Kind.POPULATION_RASTER, Kind.FLOOD_DEPTH):
        told = {"options": COLUMNS} if kind == Kind.MUNICIPALITIES else {}
        years = {"return_period_years": 100.0} if kind == Kind.FLOOD_DEPTH else {}
        version = imports.receive(files[kind], kind, **told, **years)
        importing.read_in(imports.db, imports.data_dir, version, by=OPERATOR, then=lambda _session, _hazards: None)
    assert waiting(imports) == []
    layer_jobs.count_outdated_later(imports.db)
    assert waiting(imports) == [str(version)]


def test_the_worker_reads_a_received_file_and_counts_what_follows(imports, files, database):
    imports.bring(files[Kind.MUNICIPALITIES], Kind.MUNICIPALITIES, options=COLUMNS)
    imports.bring(files[Kind.POPULATION_RASTER], Kind.POPULATION_RASTER)
    version_id = imports.receive(files[Kind.FLOOD_DEPTH], Kind.FLOOD_DEPTH, return_period_years=100.0)
    with imports.db.transaction(OPERATIONAL_SPACE_ID) as session:
        layer_jobs.read_in_later(session, version_id)
    work_off(replace(database, data_dir=imports.data_dir), imports.db)
    assert imports.version(version_id).state == State.READY
    assert imports.exposed()["10001"] == pytest.approx(100.0)


def work_off(settings, db):
    """A worker that ends when nothing is left to do."""

    async def work():
        connector = PsycopgConnector(
            conninfo=libpq_url(settings.database_url),
            kwargs={"options": "-csearch_path=public,procrastinate"},
            min_size=1,
            max_size=3,
        )
        app = queue.with_connector(connector)
        async with app.open_async():
            await app.run_worker_async(
                wait=False,
                install_signal_handlers=False,
                additional_context={"database": db, "settings": settings},
            )

    asyncio.run(work())
