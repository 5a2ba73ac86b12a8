"""Questions about the real municipalities, held against exactextract; the people and the water are made."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import shapely
from exactextract import exact_extract
from exactextract.raster import NumPyRasterSource
from shapely.geometry import mapping

from layers.areas import Level
from layers.asking import ask
from layers.catalogue import Kind
from layers.cells import cells
from layers.exposure import ExposureFigure
from layers.questions import Question
from layers.recounting import KeptRuns, Reading
from layers.runs import Family, Hazard
from tests.layers import builders_exposure
from tests.layers.builders_exposure import World
from tests.layers.test_asking import geojson

DATA = Path(os.environ.get("SPREMNOST_REAL_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
OUTLINES = DATA / "admin" / "geoBoundaries-BIH-ADM3.geojson"
pytestmark = pytest.mark.skipif(not OUTLINES.is_file(), reason=f"{OUTLINES} is not here")

FLOOD = Hazard(Family.FLOOD, years=100.0)
LEFT, BOTTOM, CELL, NY, NX = 15.7, 42.5, 0.02, 145, 200


@pytest.fixture
def country(session, store, operator, noon, tmp_path, monkeypatch):
    monkeypatch.setattr(builders_exposure, "PLACE", {"left": LEFT, "bottom": BOTTOM, "cell": CELL})
    made = World(session, store, operator, noon, tmp_path)
    rng = np.random.default_rng(14)
    made.people = rng.gamma(0.5, 200.0, (NY, NX)).astype(np.float32)
    made.depth = np.where(rng.random((NY, NX)) < 0.3, rng.gamma(2.0, 0.5, (NY, NX)), 0).astype(np.float32)
    made.country = made.area(Level.COUNTRY, "BA")
    boundaries = made.layer(Kind.MUNICIPALITIES, "geoBoundaries")
    collection = json.loads(OUTLINES.read_text())
    made.outlines = {}
    for number, feature in enumerate(collection["features"]):
        outline = shapely.make_valid(shapely.geometry.shape(feature["geometry"]))
        area = made.area(Level.MUNICIPALITY, f"{number:03d}", made.country)
        made.boundary(boundaries, area, outline)
        made.outlines[area] = outline
    made.layer(Kind.POPULATION_RASTER, "people", values=made.people)
    made.count(made.layer(Kind.FLOOD_DEPTH, "rp100", years=100.0, values=made.depth))
    made.kept = KeptRuns(store.path)
    return made


def by_exactextract(country, place, threshold):
    """(people, exposed) of a place by another tool."""
    there = country.people * (country.depth >= np.float32(threshold))
    box = (LEFT, BOTTOM, LEFT + NX * CELL, BOTTOM + NY * CELL)
    sources = [NumPyRasterSource(values, *box, name=name) for name, values in (("all", country.people), ("wet", there))]
    feature = {"type": "Feature", "properties": {}, "geometry": mapping(place)}
    found = exact_extract(sources, [feature], "sum")[0]["properties"]
    return found["all_sum"], found["wet_sum"]


def test_the_answer_for_every_real_outline_is_its_stored_number(country):
    figures = {f.area_id: f for f in country.session.query(ExposureFigure)}
    assert len(country.outlines) == 142
    for area, outline in country.outlines.items():
        question = Question(FLOOD, geometry=geojson(outline))
        answer = ask(country.session, country.kept, question)
        assert (answer.people, answer.exposed) == (figures[area].population, figures[area].exposed)
        assert answer.exposed == pytest.approx(by_exactextract(country, outline, 0.3)[1], rel=1e-6)


def test_drawn_places_are_what_exactextract_counts_within_the_country(country):
    whole = shapely.union_all(list(country.outlines.values()))
    rng = np.random.default_rng(1992)
    for _ in range(25):
        x, y, radius, threshold = *rng.uniform((15.9, 42.8), (19.4, 45.1)), rng.uniform(0.05, 0.6), rng.uniform(0.1, 2)
        angle = np.sort(rng.uniform(0, 2 * np.pi, 30))
        away = radius * rng.uniform(0.4, 1.0, 30)
        drawn = shapely.Polygon(np.column_stack([x + away * np.cos(angle), y + away * np.sin(angle)]))
        inside = shapely.intersection(drawn, whole)
        if inside.is_empty or not drawn.is_valid:
            continue
        question = Question(FLOOD, Reading(threshold=round(threshold, 3)), geometry=geojson(drawn))
        answer = ask(country.session, country.kept, question)
        people, exposed = by_exactextract(country, inside, round(threshold, 3))
        assert answer.people == pytest.approx(people, rel=1e-6)
        assert answer.exposed == pytest.approx(exposed, rel=1e-6)
        page = cells(country.session, country.kept, question)
        if page.total <= 2000:
            assert sum(cell.exposed for cell in page.cells) == pytest.approx(answer.exposed, rel=1e-9)
