"""Areas, gauges and readings for tests; each test names only what matters to it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from foundation.audit import Actor
from foundation.spaces import OPERATIONAL_SPACE_ID as OP
from layers import gauges, measuring
from layers.areas import Area, Level
from layers.gauges import DefenceLevel, StationFacts, ThresholdFacts
from layers.readings import Measured, ReadingSource

NOON = datetime(2026, 5, 14, 12, tzinfo=UTC)
DUTY = Actor("Amra Hodžić")
PLAN = "Local flood-defence plan"
DOBOJ = {
    DefenceLevel.REGULAR: 300,
    DefenceLevel.EXTRAORDINARY: 450,
    DefenceLevel.MOBILISE_COMPANIES: 480,
    DefenceLevel.MOBILISE_CITIZENS: 530,
    DefenceLevel.DECLARE: 550,
}


def an_area(session, code="20141", name="Doboj", *, level=Level.MUNICIPALITY, parent=None):
    area = Area(level=level, code=code, name=name, names={}, parent_id=parent)
    session.add(area)
    session.flush()
    return area


def some_facts(municipality_id, **other):
    facts = {
        "code": "BOS-DOBOJ",
        "river": "Bosna",
        "name": "Doboj",
        "lon": 18.09,
        "lat": 44.73,
        "municipality_id": municipality_id,
        "operator": "Vode Srpske",
        "source": "list of gauges",
    }
    return StationFacts(**(facts | other))


def a_station(session, municipality=None, *, limits=None, **other):
    """A gauge, with Doboj's thresholds or the given ones."""
    municipality = municipality or an_area(session)
    made = gauges.add_station(session, some_facts(municipality.id, **other), by=DUTY, at=NOON)
    limits = DOBOJ if limits is None else limits
    if limits:
        set_limits(session, made.id, limits)
    return made


def set_limits(session, station_id, limits, *, seen=None, **other):
    wanted = {level: a_limit(cm, **other) for level, cm in limits.items()}
    return gauges.set_thresholds(session, station_id, wanted, seen=seen or {}, by=DUTY, at=NOON)


def a_limit(cm, **other):
    return ThresholdFacts(value_cm=Decimal(cm), **({"source": PLAN, "edition": "27.3.2025"} | other))


def enter(session, station, *levels, first=NOON, every=timedelta(hours=1), at=None, space=OP, confirmed=False, **other):
    """Readings one after the other; at: the moment of the last, unless it is said."""
    measured = [Measured(station.id, first + i * every, Decimal(str(cm))) for i, cm in enumerate(levels)]
    at = at or measured[-1].observed_at
    source = other.pop("source", ReadingSource.FORM)
    return measuring.enter(session, space, measured, source=source, by=DUTY, at=at, confirmed=confirmed, **other)
