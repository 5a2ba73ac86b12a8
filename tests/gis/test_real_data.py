"""Real files, where they lie beside the checkout; expected numbers are published or other tools' own."""

import os
from pathlib import Path

import numpy as np
import pytest

from gis.polygons import read_polygons
from gis.population import read_population
from gis.validation import CENSUS_2013, against_exactextract, against_rasterstats, balance, country, jakarta

DATA = Path(os.environ.get("SPREMNOST_REAL_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data in {DATA}")


@pytest.fixture(scope="module")
def the_country():
    return country(DATA)


def test_jakarta_by_cell_centre_is_what_inasafe_published():
    found = jakarta(DATA)
    assert round(found.people) == 162_565
    assert round(found.exposed_by_cell_centre) == 133_837
    assert -(-found.people // 1000) == 163
    assert -(-found.exposed_by_cell_centre // 1000) == 134


def test_jakarta_by_coverage_differs_by_the_cut_cells_alone():
    found = jakarta(DATA)
    assert found.exposed == pytest.approx(
        found.exposed_by_cell_centre + found.centre_dry_but_partly_flooded - found.centre_flooded_but_partly_dry
    )


def test_every_municipality_agrees_with_exactextract(the_country):
    for agreement in against_exactextract(the_country, DATA):
        assert agreement.largest_relative < 1e-6, agreement.what
        assert agreement.theirs.sum() > 0


@pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")  # rasterstats' own
def test_every_municipality_agrees_with_rasterstats_within_its_cell_centre_rule(the_country):
    found = against_rasterstats(the_country)
    assert found.within
    assert found.rasterstats.sum() > 0


def test_municipalities_and_the_people_outside_them_are_all_people(the_country):
    found = balance(the_country)
    assert found.raster == pytest.approx(CENSUS_2013, rel=1e-12)
    assert found.error < 1e-6


def test_the_142_municipalities_are_read_whole():
    municipalities = read_polygons(DATA / "admin" / "geoBoundaries-BIH-ADM3.geojson")
    assert len(municipalities.geometry) == 142
    assert not municipalities.repaired


def test_98_invalid_geometries_of_the_emergency_service_are_repaired_and_said():
    assert len(read_polygons(DATA / "flood" / "cems_EMSR332_veneto_2018_observed_event.gpkg").repaired) == 98


def test_a_raster_without_declared_nodata_keeps_its_zeros_as_empty():
    population = read_population(DATA / "pairs" / "pop_clip_flood_test.tif")
    assert population.grid.shape == (17, 24)
    assert (population.people > 0).all()
    assert len(population.people) < 17 * 24
    assert np.isclose(population.total, 162_564.9, atol=0.1)
