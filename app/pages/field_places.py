"""Gauges, warnings and incidents of a space as places on the situation map."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import shapely
from sqlalchemy.orm import Session

from app import languages
from app.languages import _
from app.maps import Place, PlaceLayer
from app.names import in_script
from app.pages.gauges import condition_name, level_name
from app.pages.incidents import kind_name, state_name
from app.pages.view import area_name
from app.pages.warnings import SIGNS, severity_name, words_of
from app.spaces import current_space, space_now
from layers import gauge_states, incidents, warnings
from layers.catalogue import Method
from layers.gauge_states import Condition, GaugeState
from layers.incidents import OPEN, IncidentState
from layers.warnings import ActiveWarning

DIGITS: Final = 4
MOST: Final = 500
UNKNOWN, CALM, PASSED = "#8895a3", "#1b6b3a", "#b3261e"
SEVERITIES: Final = {"extreme": "#7a1f8a", "severe": "#b3261e", "moderate": "#e07b00", "minor": "#e8c500"}


@dataclass
class FieldPlaces:
    """Layers of places; notes: what has no place and must be said all the same; methods: how sure what is shown is."""

    layers: list[PlaceLayer] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    methods: set[Method] = field(default_factory=set)


def field_places(session: Session, shapes: Mapping[UUID, Any]) -> FieldPlaces:
    """What is known in this space now. shapes: GeoJSON of the municipalities, for what has no drawn place."""
    found = FieldPlaces()
    _warnings(session, shapes, found)
    _incidents(session, shapes, found)
    _gauges(session, found)
    return found


def _gauges(session: Session, found: FieldPlaces) -> None:
    places = []
    for state in gauge_states.states(session, current_space().id, space_now()):
        if state.station.closed_at is not None:
            continue
        lon, lat = state.station.lon_lat
        found.methods.add(state.station.method)
        point = {"type": "Point", "coordinates": [round(lon, DIGITS), round(lat, DIGITS)]}
        places.append(Place(point, in_script(state.station.title), _said(state), _colour(state)))
    found.layers.append(PlaceLayer(_("Gauges"), CALM, places))


def _colour(state: GaugeState) -> str:
    if state.condition is not Condition.CURRENT:
        return UNKNOWN
    return PASSED if state.passed else CALM


def _said(state: GaugeState) -> list[tuple[str, str]]:
    lines = [(_("State"), condition_name(state))]
    if state.level_cm is not None:
        lines.append((_("Level"), f"{languages.decimal(float(state.level_cm), 1)} cm"))
    if state.trend is not None:
        lines.append((_("Trend"), f"{languages.decimal(state.trend.cm_per_hour, 1)} cm/h"))
    if state.last is not None:
        lines.append((_("Read"), languages.moment(state.last.observed_at)))
    if state.following is not None and state.to_following_cm is not None:
        to_it = f"{languages.decimal(float(state.to_following_cm), 1)} cm"
        lines.append((level_name(state.following.level), to_it))
    return lines


def _warnings(session: Session, shapes: Mapping[UUID, Any], found: FieldPlaces) -> None:
    places = []
    active = warnings.active(session, current_space().id, space_now(), real_at=datetime.now(UTC), limit=MOST)
    for one in active:
        if one.message.illustrative:
            found.methods.add(Method.ILLUSTRATIVE)
        title = words_of(one.part.texts).get("headline") or one.part.event
        drawn = _drawn([area.place for area in one.areas]) or _outlines(one.municipalities, shapes)
        severity = one.part.severity
        lines = [
            (_("Severity"), f"{SIGNS[severity]} {severity_name(severity)}"),
            (_("From"), languages.moment(one.part.begins_at)),
            (_("Until"), languages.moment(one.part.ends_at)),
            (_("Sender"), one.message.sender),
        ]
        colour = SEVERITIES.get(severity.value.lower())
        places += [Place(geometry, title, lines, colour) for geometry in drawn]
        if not drawn:
            found.notes.append(_unplaced(one, title))
    # The most severe is drawn last, so that it lies on top.
    found.layers.append(PlaceLayer(_("Warnings"), SEVERITIES["moderate"], places[::-1]))


def _unplaced(one: ActiveWarning, title: str) -> str:
    severity = severity_name(one.part.severity)
    return _("Warning without a known place: %(title)s (%(severity)s).", title=title, severity=severity)


def _incidents(session: Session, shapes: Mapping[UUID, Any], found: FieldPlaces) -> None:
    space = current_space().id
    opened = incidents.incidents(session, space, states=OPEN, limit=MOST)
    areas = incidents.municipalities(session, space, [one.id for one in opened])
    places = []
    for one in opened:
        if one.illustrative:
            found.methods.add(Method.ILLUSTRATIVE)
        mine = areas.get(one.id, [])
        drawn = _drawn([one.place]) or _outlines([area.id for area in mine], shapes)
        lines = [
            (kind_name(one.kind), state_name(one.state)),
            (_("Municipalities"), ", ".join(area_name(area) for area in mine)),
            (_("Since"), languages.moment(one.created_at)),
        ]
        colour = None if one.state is IncidentState.DECLARED else UNKNOWN
        places += [Place(geometry, f"#{one.number} {one.title}", lines, colour) for geometry in drawn]
        if not drawn:
            found.notes.append(_("Incident without a drawn place: %(title)s.", title=one.title))
    found.layers.append(PlaceLayer(_("Incidents"), "#0b5c8a", places))


def _drawn(places: Iterable[Any]) -> list[Any]:
    """Geometries of the database as GeoJSON, with so many digits; what is empty is left out."""
    shapes = [shapely.from_wkb(bytes(place.data)) for place in places if place is not None]
    rounded = [shapely.set_precision(shape, 10.0**-DIGITS) for shape in shapes]
    return [shapely.geometry.mapping(shape) for shape in rounded if not shape.is_empty]


def _outlines(areas: Iterable[UUID], shapes: Mapping[UUID, Any]) -> list[Any]:
    return [shapes[area] for area in areas if area in shapes]
