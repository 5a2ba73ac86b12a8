"""Pages of areas of every level, over countings made by hand: sums above, parts below, and what follows from them."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest
from geoalchemy2.shape import from_shape
from shapely import Point, box

from app.db import Database
from app.factory import create_app
from foundation import reference
from foundation.audit import Actor
from foundation.spaces import OPERATIONAL_SPACE_ID
from layers import annual
from layers.areas import CityMember, Level
from layers.catalogue import Kind
from layers.features import Feature
from layers.files import FileStore
from layers.people import PeopleFigure, Sex
from tests.app.builders_map import close
from tests.app.builders_people import signed_in
from tests.layers.builders_exposure import DEPTH, a_world

NOON = datetime(2026, 5, 14, 12, tzinfo=UTC)
ADMINISTRATOR = Actor("administrator")
HALF = np.where(DEPTH > 0, DEPTH / 2, -1).astype(np.float32)


@pytest.fixture
def made(database, tmp_path):
    """The small grid: 20 of 40 people flooded in Zapad 1 in 100 (10 below half a metre), 2 of 8 in Istok."""
    settings = replace(database, data_dir=tmp_path)
    opened = Database(settings, pool_size=3)
    with opened.transaction(OPERATIONAL_SPACE_ID) as session:
        world = a_world(session, FileStore(tmp_path / "layers"), ADMINISTRATOR, NOON, tmp_path)
        settlements = world.layer(Kind.SETTLEMENTS, "settlements")
        communities = world.layer(Kind.SETTLEMENTS, "communities")
        world.below = {}
        for level, version, code, place in (
            (Level.SETTLEMENT, settlements, "S1", Point(15.05, 44.8)),
            (Level.SETTLEMENT, settlements, "S2", Point(15.15, 44.8)),
            (Level.LOCAL_COMMUNITY, communities, "MZ1", box(15.0, 44.6, 15.1, 45.0)),
        ):
            world.below[code] = world.area(level, code, world.west)
            world.boundary(version, world.below[code], place)
        world.city = world.area(Level.CITY, "GRAD")
        session.add(CityMember(city_id=world.city, municipality_id=world.west))
        session.add(CityMember(city_id=world.city, municipality_id=world.east))
        facilities = world.layer(Kind.FACILITIES, "facilities")
        place = from_shape(Point(15.15, 44.95), srid=4326)
        session.add(Feature(version_id=facilities.id, number=1, category="hospital", properties={}, place=place))
        world.table = world.layer(Kind.POPULATION_TABLE, "Ages of Zapad")
        for sex, people in ((Sex.FEMALE, 30.0), (Sex.MALE, 10.0)):
            session.add(
                PeopleFigure(
                    version_id=world.table.id, area_id=world.west, sex=sex, age_from=0, age_to=None, people=people
                )
            )
        session.flush()
        world.floods = {
            years: world.layer(Kind.FLOOD_DEPTH, f"rp{years:g}", years=years, values=depth)
            for years, depth in ((10.0, HALF), (100.0, DEPTH))
        }
        for flood in world.floods.values():
            world.count(flood)
        annual.refresh(session, at=NOON)
        world.ids = {
            n: getattr(world, n) for n in ("country", "entity", "canton", "west", "east", "city")
        } | world.below
    world.settings, world.opened = settings, opened
    yield world
    opened.close()


@pytest.fixture
def page(made):
    """Asks for an area's page; gives its words without marks and double spaces."""
    app = create_app(made.settings)
    client = signed_in(app.test_client(), made.settings)
    client.set_cookie("language", "en")

    def ask(name, **asked):
        asked = "&".join(f"{k}={v}" for k, v in {"hazard": "flood-100", **asked}.items())
        answer = client.get(f"/op/areas/{made.ids[name]}?{asked}")
        assert answer.status_code == 200
        text = re.sub(r"<[^>]*>", " ", answer.text[answer.text.index("<main") :])
        return re.sub(r"\s+", " ", text)

    yield ask
    close(app)


def test_a_municipality_says_what_follows_with_its_parts_adding_up_to_it(page):
    text = page("west")
    assert "People 40 Exposed Flood · return period 100 years 20 Share 50.0 %" in text
    assert "Expected per year, over all return periods: 1.6 people." in text
    assert "By settlement" in text
    assert "S1 20 10 S2 20 10" in text
    assert "MZ1 20 10 elsewhere in the municipality 20 10" in text
    assert "hospital 1 0 1" in text
    assert "0+ 15 5" in text
    assert "Ages of Zapad" in text


def test_a_settlement_has_a_page_of_its_own(page):
    text = page("S2")
    assert "Settlement · C · E · S2" in text.replace("Z · ", "")
    assert "People 20 Exposed Flood · return period 100 years 10 Share 50.0 %" in text
    assert "Expected per year, over all return periods: 1 people." in text


@pytest.mark.parametrize(("name", "people", "exposed"), [("canton", 40, 20), ("entity", 48, 22), ("country", 48, 22)])
def test_every_level_above_has_the_sum(page, name, people, exposed):
    text = page(name)
    assert f"People {people} Exposed Flood · return period 100 years {exposed} " in text
    assert "By municipality" in text


def test_a_sum_says_of_whom_the_ages_are_not_known(page):
    assert "0+ 15 5" in page("country")
    assert "Exposed people of whose ages nothing is known: 2." in page("country")
    assert "ages nothing is known" not in page("canton")


def test_a_city_has_the_people_of_its_municipalities_and_adds_them_to_nobody(page):
    text = page("city")
    assert re.search(r"never added to them: Z ?, I ?\. ", text)
    assert "People 48 Exposed Flood · return period 100 years 22 " in text
    assert "Expected per year, over all return periods: 1.7 people." in text  # 1.55 + 0.155
    assert "People 48 Exposed Flood · return period 100 years 22 " in page("country")


def test_people_leave_by_the_depths_of_the_chosen_table_and_each_figure_is_named(page):
    """PetaBencana: from 0.1 m 1 %, from 0.7 m 3 %, from 1.5 m 5 %; in Zapad 10 people stand in 0.2 m, too."""
    text = page("west", rates="inasafe_petabencana", needs="bnpb_perka_7_2008")
    assert "0.1–0.7 m 20 1.0 % 0.2 InaSAFE, code: PetaBencana flood classes · revision 1 · read in another work" in text
    assert "≥ 1.5 m 10 5.0 % 0.5" in text
    assert "1 people would leave their homes by InaSAFE, code: PetaBencana flood classes." in text
    assert re.search(r"Rice 2(\.0)? kg/week BNPB Perka 7/2008.*revision 1", text)


@pytest.mark.parametrize(
    ("name", "deepest"), [("S2", "≥ 1.5 m 10"), ("canton", "≥ 1.5 m 10"), ("country", "≥ 1.5 m 11")]
)
def test_people_leave_on_every_level(page, name, deepest):
    assert deepest in page(name, rates="inasafe_petabencana")


def test_a_revised_rate_is_used_and_named(made, page):
    with made.opened.transaction(OPERATIONAL_SPACE_ID) as session:
        seen = reference.figure(session, "inasafe_petabencana.high")
        reference.revise(session, seen, by=ADMINISTRATOR, at=NOON, value=Decimal("0.5"), source="our own count")
    text = page("west", rates="inasafe_petabencana")
    assert re.search(r"≥ 1.5 m 10 50.0 % 5 our own count.* · revision 2 ·", text)


def test_after_a_rise_the_same_question_is_asked_of_the_risen_water(page):
    text = page("S1", rise=100, rates="inasafe_petabencana")
    # 1.3 m where there were 0.3 m: from 0.7 to 1.5 m.
    assert "0.7–1.5 m 10 3.0 % 0.3" in text
    assert "By age and sex" not in text
