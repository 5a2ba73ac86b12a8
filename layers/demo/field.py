"""Gauges, a warning and incidents for the made country, so that every page has something to show.

Real are rivers and places, and Doboj's thresholds with the plan that they come from. Every reading, the warning and the
incidents are made and marked so; the tie of thresholds to return periods is made, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Final
from uuid import UUID

import shapely
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from foundation.audit import Actor
from layers import declaring, diary, evacuations, feeds, gauges, incident_figures, incident_marks, measuring
from layers.areas import Area, Level, area_by_code
from layers.catalogue import Method
from layers.declaring import IncidentFacts
from layers.demo import facts
from layers.demo.facts import rows
from layers.evacuations import EvacuationState
from layers.gauges import DefenceLevel, Station, StationFacts, ThresholdFacts
from layers.incident_figures import FigureKind
from layers.incidents import Incident, IncidentKind
from layers.readings import Measured, Reading, ReadingSource
from layers.warning_store import store
from layers.warning_tables import WarningMessage

MADE: Final = "Demonstration"
HOURS: Final = 30
RISE_HOURS: Final = 12
RETURN_PERIODS: Final = {
    DefenceLevel.REGULAR: 10.0,
    DefenceLevel.EXTRAORDINARY: 20.0,
    DefenceLevel.MOBILISE_COMPANIES: 50.0,
    DefenceLevel.MOBILISE_CITIZENS: 100.0,
    DefenceLevel.DECLARE: 200.0,
}
STEPS: Final = {
    DefenceLevel.REGULAR: "Uvesti redovnu odbranu od poplava: dežurstvo, očitavanje vodostaja svaki sat.",
    DefenceLevel.EXTRAORDINARY: "Uvesti vanrednu odbranu od poplava: sazvati štab, obići nasipe.",
    DefenceLevel.MOBILISE_COMPANIES: "Mobilisati pravna lica po planu.",
    DefenceLevel.MOBILISE_CITIZENS: "Mobilisati građane po planu.",
    DefenceLevel.DECLARE: "Proglasiti stanje prirodne nesreće.",
}
NOTE: Final = "Steps and the tie to a return period are illustrative; the plan itself decides."
INCIDENT: Final = "Poplava uz Bosnu kod Maglaja (prikaz)"
MAGLAJ: Final = "10634"
VALLEY: Final = ((17.95, 44.40), (18.20, 44.40), (18.25, 44.80), (17.98, 44.80), (17.95, 44.40))


@dataclass(frozen=True)
class Gauge:
    """A gauge of the table; from_cm, to_cm: its level before and after the made rise, none where nobody reads it."""

    code: str
    river: str
    municipality: str
    from_cm: int | None
    to_cm: int | None
    hours_ago: int
    limits: dict[DefenceLevel, int]
    method: Method
    source: str
    edition: str | None


@cache
def table() -> tuple[Gauge, ...]:
    """The gauges, with their thresholds."""
    return tuple(
        Gauge(
            r["code"],
            r["river"],
            r["municipality"],
            int(r["from_cm"]) if r["from_cm"] else None,
            int(r["to_cm"]) if r["to_cm"] else None,
            int(r["hours_ago"] or 0),
            {level: int(r[level.value]) for level in DefenceLevel},
            Method(r["method"]),
            r["source"],
            r["edition"] or None,
        )
        for r in rows("gauges.csv")
    )


def make(session: Session, space: UUID, *, by: Actor, at: datetime) -> None:
    """Add what is missing of it to the operational space; what is there stays. The municipalities must be there."""
    for gauge in table():
        station = _station(session, gauge, by=by, at=at)
        if gauge.from_cm is not None and not _was_read(session, space, station):
            _read(session, space, station, gauge, by=by, at=at)
    warning = _warning(session, space, by=by, at=at)
    title = select(Incident.id).where(Incident.space_id == space, Incident.title == INCIDENT)
    if not session.scalar(select(exists(title))):
        _incident(session, space, warning, by=by, at=at)


# --- gauges ----------------------------------------------------------------------------------------------------------


def _station(session: Session, gauge: Gauge, *, by: Actor, at: datetime) -> Station:
    found = session.scalars(select(Station).where(Station.code == gauge.code)).one_or_none()
    if found is not None:
        return found
    place = next(m for m in facts.municipalities() if m.code == gauge.municipality)
    new = gauges.add_station(
        session,
        StationFacts(
            code=gauge.code,
            river=gauge.river,
            name=place.seat,
            lon=place.lon,
            lat=place.lat,
            municipality_id=_municipality(session, gauge.municipality).id,
            operator=MADE,
            source=f"{MADE}: placed at the town, not where the real gauge stands",
            method=Method.ILLUSTRATIVE,
        ),
        by=by,
        at=at,
    )
    limits = {
        level: ThresholdFacts(
            Decimal(cm),
            gauge.source,
            gauge.edition,
            STEPS[level],
            return_period_years=RETURN_PERIODS[level],
            method=gauge.method,
            note=NOTE,
        )
        for level, cm in gauge.limits.items()
    }
    gauges.set_thresholds(session, new.id, limits, seen={}, by=by, at=at)
    return new


def _was_read(session: Session, space: UUID, station: Station) -> bool:
    read = select(Reading.id).where(Reading.space_id == space, Reading.station_id == station.id)
    return bool(session.scalar(select(exists(read))))


def _read(session: Session, space: UUID, station: Station, gauge: Gauge, *, by: Actor, at: datetime) -> None:
    """Hours of a level that begins to rise; one after the other, as they would have come."""
    last = at.replace(minute=0, second=0, microsecond=0) - timedelta(hours=gauge.hours_ago)
    measured = [
        Measured(station.id, last - timedelta(hours=HOURS - 1 - hour), cm) for hour, cm in enumerate(_levels(gauge))
    ]
    measuring.enter(session, space, measured, source=ReadingSource.ILLUSTRATIVE, by=by, at=at)


def _levels(gauge: Gauge) -> Iterator[Decimal]:
    low, high = gauge.from_cm or 0, gauge.to_cm or 0
    for hour in range(HOURS):
        risen = max(0.0, (hour - (HOURS - 1 - RISE_HOURS)) / RISE_HOURS)
        yield Decimal(round(low + (high - low) * risen * risen * (3 - 2 * risen)))


# --- a warning -------------------------------------------------------------------------------------------------------


def _warning(session: Session, space: UUID, *, by: Actor, at: datetime) -> WarningMessage:
    made = select(WarningMessage).where(WarningMessage.space_id == space, WarningMessage.illustrative).limit(1)
    found = session.scalars(made).one_or_none()
    if found is None:
        alerts = feeds.read(_cap(at).encode(), "demonstration.cap").alerts
        found = store(session, space, alerts, source="demonstration", by=by, at=at, illustrative=True).new[0]
    return found


def _cap(at: datetime) -> str:
    polygon = " ".join(f"{lat},{lon}" for lon, lat in VALLEY)
    sent = at.replace(microsecond=0)
    infos = "".join(
        f"<info><language>{language}</language><category>Met</category><event>{event}</event>"
        "<urgency>Expected</urgency><severity>Severe</severity><certainty>Likely</certainty>"
        f"<effective>{sent.isoformat()}</effective><onset>{sent.isoformat()}</onset>"
        f"<expires>{(sent + timedelta(hours=36)).isoformat()}</expires><senderName>Spremnost</senderName>"
        f"<headline>{headline}</headline><description>{description}</description>"
        "<parameter><valueName>awareness_level</valueName><value>3; orange; Severe</value></parameter>"
        "<parameter><valueName>awareness_type</valueName><value>10; rain</value></parameter>"
        f"<area><areaDesc>{area}</areaDesc><polygon>{polygon}</polygon></area></info>"
        for language, event, headline, description, area in (
            (
                "bs",
                "Kiša, narandžasto upozorenje",
                "PRIKAZ, nije stvarno upozorenje: obilna kiša u dolini Bosne",
                "Izmišljeno upozorenje za prikaz programa. Očekuje se 60 do 80 l/m² u 24 sata.",
                "Dolina Bosne",
            ),
            (
                "en",
                "Rain, orange warning",
                "ILLUSTRATIVE, no real warning: heavy rain in the valley of the Bosna",
                "A made warning to show the program. 60 to 80 l/m² are expected within 24 hours.",
                "Valley of the Bosna",
            ),
        )
    )
    return (
        '<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>spremnost.demonstration.1</identifier>'
        f"<sender>demonstration@spremnost.invalid</sender><sent>{sent.isoformat()}</sent><status>Actual</status>"
        f"<msgType>Alert</msgType><scope>Public</scope>{infos}</alert>"
    )


# --- an incident -----------------------------------------------------------------------------------------------------


def _incident(session: Session, space: UUID, warning: WarningMessage, *, by: Actor, at: datetime) -> None:
    maglaj = _municipality(session, MAGLAJ)
    began = at - timedelta(hours=6)

    def hour(n: float) -> datetime:
        return began + timedelta(hours=n)

    one = declaring.propose(
        session,
        space,
        IncidentFacts(
            IncidentKind.FLOOD,
            INCIDENT,
            frozenset([maglaj.id]),
            shapely.box(18.07, 44.53, 18.12, 44.57),
        ),
        by=by,
        at=began,
        now=at,
        reason="Prikaz: rijeka raste.",
        illustrative=True,
    )
    commander = "Komandant štaba (prikaz)"
    declaring.declare(session, space, one.id, decided_by=commander, decision="PRIKAZ-1", at=hour(1), by=by, now=at)
    station = gauges.station_by_code(session, "BOSNA-MAGLAJ")
    incident_marks.link(session, space, one.id, station_id=station.id, by=by, at=at)
    incident_marks.link(session, space, one.id, warning_id=warning.id, by=by, at=at)
    for n, text in (
        (1, "Prikaz: štab sazvan u 40 minuta, svi prisutni."),
        (2.5, "Prikaz: poziv iz Liješnice, voda na 20 m od kuća."),
    ):
        kind = diary.EntryKind.NOTE if n == 1 else diary.EntryKind.CALL
        diary.write(session, space, maglaj.id, text, happened_at=hour(n), by=by, at=at, kind=kind, incident_id=one.id)
    diary.hand_over(
        session,
        space,
        maglaj.id,
        from_person="Prva smjena (prikaz)",
        to_person="Druga smjena (prikaz)",
        open_points=["Vreće s pijeskom za Liješnicu", "Javiti se domu zdravlja"],
        by=by,
        at=at,
        incident_id=one.id,
    )
    for name, state, n, to_move, moved in (
        ("Liješnica", EvacuationState.ORDERED, 3, 120, None),
        ("Liješnica", EvacuationState.UNDER_WAY, 4, None, 45),
        ("Misurići", EvacuationState.ORDERED, 5, 60, None),
    ):
        settlement = session.scalars(
            select(Area).where(Area.level == Level.SETTLEMENT, Area.parent_id == maglaj.id, Area.name == name)
        ).first()
        evacuations.step(
            session,
            space,
            one.id,
            state,
            area_id=None if settlement is None else settlement.id,
            place=name,
            people_to_move=to_move,
            people_moved=moved,
            source="Mjesna zajednica (prikaz)",
            at=hour(n),
            by=by,
            now=at,
        )
    for figure, value, source in (
        (FigureKind.EVACUATED, 45, "Mjesna zajednica (prikaz)"),
        (FigureKind.EVACUATED, 52, "Crveni križ (prikaz)"),
        (FigureKind.INTERVENTIONS, 7, "Vatrogasna jedinica (prikaz)"),
    ):
        incident_figures.report(session, space, one.id, figure, value, as_of=hour(5), source=source, by=by, at=at)
    line = shapely.LineString([(18.075, 44.515), (18.083, 44.522), (18.09, 44.53)])
    incident_marks.sketch(session, space, one.id, line, "Nasip od vreća (prikaz)", by=by, at=at)


def _municipality(session: Session, code: str) -> Area:
    found = area_by_code(session, Level.MUNICIPALITY, code)
    if found is None:
        raise LookupError(f"the made country has no municipality {code}")
    return found
