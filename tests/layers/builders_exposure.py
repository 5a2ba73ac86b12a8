"""Layers, areas and countings on a grid of four by four cells of a tenth of a degree, small enough to count by hand."""

from uuid import UUID

import numpy as np
from geoalchemy2.shape import from_shape
from shapely import MultiPolygon, box

from layers import catalogue, counting, exposure
from layers.areas import Area, Boundary, Level
from layers.catalogue import Kind, Method, State
from layers.counting import Counted
from tests.builders import a_raster

# West of 15.2 lies Zapad, east of it Istok.
PEOPLE = np.array([[10, 10, 1, 1], [10, 10, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1]], dtype=np.float32)
DEPTH = np.array([[0.3, 1.5, 0.5, -1], [-1, 0.2, -1, -1], [-1, -1, -1, -1], [-1, -1, -1, 3]], dtype=np.float32)
WEST, EAST = box(15.0, 44.6, 15.2, 45.0), box(15.2, 44.6, 15.4, 45.0)
PLACE = {"left": 15.0, "bottom": 44.6, "cell": 0.1}


class World:
    """Layers that are ready, as the import leaves them."""

    def __init__(self, session, store, operator, noon, tmp_path):
        self.session, self.store, self.operator, self.noon, self.tmp_path = session, store, operator, noon, tmp_path

    def layer(self, kind, name, *, method=Method.MODEL, years=None, event=None, values=None, footprint=None):
        files = {}
        if values is not None:
            with self.store.part() as part:
                a_raster(part, values, nodata=-1, **PLACE)
                files["cog"] = self.store.put(part)
        version = catalogue.receive(
            self.session,
            kind=kind,
            name=name,
            return_period_years=years,
            event=event,
            producer="p",
            licence="l",
            vintage="v",
            method=method,
            method_note="",
            file_name="f",
            file_hash="0" * 64,
            file_bytes=0,
            options={},
            by=self.operator,
            at=self.noon,
        )
        version.facts = {"files": files}
        if footprint is not None:
            version.footprint = from_shape(MultiPolygon([footprint]), srid=4326)
        version.become(State.CHECKING)
        catalogue.ready(self.session, version, by=self.operator, at=self.noon)
        return version

    def area(self, level, code, parent=None):
        area = Area(level=level, code=code, name=code, names={}, parent_id=parent)
        self.session.add(area)
        self.session.flush()
        return area.id

    def boundary(self, version, area, place, also_covers=()):
        place = from_shape(place, srid=4326)
        self.session.add(Boundary(version_id=version.id, area_id=area, also_covers=list(also_covers), place=place))
        self.session.flush()

    def count(self, hazard) -> dict[UUID, Counted]:
        plan = exposure.plan(self.session, hazard.id)
        counted = counting.compute(plan, self.store, self.tmp_path / "kept")
        assert exposure.keep(self.session, plan, counted, at=self.noon) is not None
        return counted.areas


def a_world(session, store, operator, noon, tmp_path):
    """Two municipalities, one of them in a canton, with people and boundaries."""
    made = World(session, store, operator, noon, tmp_path)
    made.country = made.area(Level.COUNTRY, "BA")
    made.entity = made.area(Level.ENTITY, "E", made.country)
    made.canton = made.area(Level.CANTON, "C", made.entity)
    made.west = made.area(Level.MUNICIPALITY, "Z", made.canton)
    made.east = made.area(Level.MUNICIPALITY, "I", made.entity)
    made.boundaries = made.layer(Kind.MUNICIPALITIES, "municipalities")
    made.boundary(made.boundaries, made.west, WEST)
    made.boundary(made.boundaries, made.east, EAST)
    made.population = made.layer(Kind.POPULATION_RASTER, "people", values=PEOPLE)
    return made
