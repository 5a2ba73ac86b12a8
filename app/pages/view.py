"""What several pages show: the chosen hazard, the tree of municipalities, words for states and marks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any
from uuid import UUID

from flask import Flask, request
from sqlalchemy import text
from sqlalchemy.orm import Session

from app import exposed, languages
from app.asking import current_kept
from app.exposed import FLOOD, Choice, Row, Run, Situation, Tree
from app.languages import _, ours
from app.maps import Classes, Swatch, classes_of
from app.names import in_script, name_of
from app.pages.admin_words import figure_status
from foundation.reference import Figure
from foundation.roles import Role
from gis.classes import LegendClass
from gis.rise import HIGHEST_RISE_M, LOWEST_RISE_M
from layers.areas import Area, Level
from layers.catalogue import KIND_WORDS, STATE_WORDS, Kind, LayerVersion, Method, State, shown
from layers.recounting import LOW_AND_DRY, SPREAD_SENTENCES


@dataclass(frozen=True)
class View:
    """One request's picture of the country."""

    choices: list[Choice]
    choice: Choice | None
    boundaries: LayerVersion | None
    tree: Tree
    situation: Situation
    classes: Classes

    @property
    def illustrative(self) -> bool:
        """Whether anything shown is only illustrative."""
        return bool(self.choice and self.choice.illustrative) or is_illustrative(self.boundaries)


def look(session: Session, key: str | None = None) -> View:
    """The picture for a chosen hazard, by default the one in the address."""
    choices = exposed.choices(session)
    choice = exposed.chosen(choices, key if key is not None else request.args.get("hazard"))
    rise_cm = asked_rise_cm()
    if choice is not None and choice.can_rise and rise_cm:
        choice = replace(choice, rise_m=rise_cm / 100)
    found = shown(session, Kind.MUNICIPALITIES)
    boundaries = found[0] if found else None
    tree = Tree.load(session, boundaries)
    situation = exposed.situation(session, choice, tree, current_kept())
    return View(choices, choice, boundaries, tree, situation, classes_of(situation.rows))


RISE_STEP_CM = 5


def asked_rise_cm() -> int:
    """The rise of the water in the address, in the steps that can be drawn; what is no number is none."""
    asked = request.args.get("rise", 0, type=int)
    least, most = round(100 * LOWEST_RISE_M), round(100 * HIGHEST_RISE_M)
    return max(least, min(most, RISE_STEP_CM * round(asked / RISE_STEP_CM)))


def spread_sentence(view: View) -> str:
    """What a number after a rise leaves out, and how many of its people live where the layer contradicts the ground."""
    situation = view.situation
    told = [SPREAD_SENTENCES.get(situation.spread, "")] if situation.spread else []
    said = [languages.say(text) for text in told if text]
    if situation.low_and_dry >= 1:
        said.append(languages.say(LOW_AND_DRY, {"people": languages.whole(situation.low_and_dry)}))
    return " ".join(said)


def is_illustrative(version: LayerVersion | None) -> bool:
    """Whether a version is only there to show what the program does."""
    return version is not None and version.method == Method.ILLUSTRATIVE


def area_name(area: Area) -> str:
    """In the reader's language."""
    return name_of(area)


SHORT = {"BA-BIH": "FBiH", "BA-SRP": "RS", "BA-BRC": "BD"}


def short_name(area: Area) -> str:
    """As it is written where there is little room."""
    short = SHORT.get(area.code)
    return in_script(short) if short else area_name(area)


def choice_name(choice: Choice, *, with_family: bool = True) -> str:
    """The hazard as one says it."""
    family = _("Flood") if choice.family == FLOOD else _("Wildfire danger")
    if choice.years:
        what = _("return period %(years)s years", years=languages.decimal(choice.years, 1))
    else:
        what = ours(choice.event)
    parts = (
        ([family] if with_family else []) + ([what] if what else []) + ([ours(choice.layer)] if choice.layer else [])
    )
    if choice.rise_m:
        parts.append(
            _("water %(rise)s m", rise=f"{'+' if choice.rise_m > 0 else '−'}{languages.decimal(abs(choice.rise_m), 2)}")
        )
    return " · ".join(parts) or family


def threshold_name(run: Run) -> str:
    """From where on people count as exposed."""
    if run.hazard.layer.kind == Kind.FLOOD_EXTENT:
        return _("in the flooded area")
    if run.hazard.layer.kind == Kind.FIRE_DANGER:
        return _("fire danger (FWI) from %(value)s", value=languages.decimal(run.threshold, 2))
    return _("water from %(value)s m deep", value=languages.decimal(run.threshold, 2))


def class_names(run: Run | None) -> list[str]:
    """The limits of the classes, with their unit."""
    if run is None or not run.edges:
        return []
    numbers = [languages.decimal(edge, 2) for edge in run.edges]
    closed = [f"{low}–{high} {run.unit}" for low, high in pairwise(numbers)]
    return [*closed, f"≥ {numbers[-1]} {run.unit}"]


def swatch_name(swatch: Swatch) -> str:
    """A class of the map's legend."""
    low = languages.whole(swatch.low)
    if swatch.high is None:
        return f"≥ {low}"
    return low if swatch.low == swatch.high else f"{low}–{languages.whole(swatch.high)}"


def legend_class_name(found: LegendClass, unit: str) -> str:
    """A class of a hazard's legend: a word with its limits where the field has words, else the limits."""
    if unit not in ("m", "FWI") or found.low is None:
        return found.label
    low = languages.decimal(found.low, 2)
    limits = f"≥ {low}" if found.high is None else f"{low}–{languages.decimal(found.high, 2)}"
    in_words = found.label and found.label[0] not in "≥<0123456789"
    return f"{_(found.label)} ({limits})" if in_words else limits


def method_name(method: Method) -> str:
    """How sure a layer is."""
    return {
        Method.OFFICIAL: _("official"),
        Method.MODEL: _("model"),
        Method.ESTIMATED: _("estimated"),
        Method.ILLUSTRATIVE: _("illustrative"),
    }[method]


METHOD_SIGNS = {Method.OFFICIAL: "✓", Method.MODEL: "◆", Method.ESTIMATED: "≈", Method.ILLUSTRATIVE: "▲"}


def role_name(role: Role) -> str:
    """The part that somebody plays."""
    return {
        Role.ADMINISTRATOR: _("administrator"),
        Role.DUTY_OFFICER: _("duty officer"),
        Role.MUNICIPAL_OFFICER: _("municipal officer"),
        Role.CUSTODIAN: _("custodian"),
        Role.APPROVER: _("approver"),
        Role.TRAINER: _("trainer"),
        Role.PARTNER: _("partner"),
        Role.VIEWER: _("viewer"),
        Role.CONTROLLER: _("controller"),
        Role.EVALUATOR: _("evaluator"),
        Role.PLAYER: _("player"),
        Role.OBSERVER: _("observer"),
    }[role]


def state_name(state: State) -> str:
    """Where a version stands."""
    return _(STATE_WORDS[state])


STATE_SIGNS = {
    State.RECEIVED: "…",
    State.CHECKING: "⟳",
    State.READY: "✓",
    State.REFUSED: "✗",
    State.WITHDRAWN: "–",
}


def kind_name(kind: Kind) -> str:
    """What a layer holds."""
    return _(KIND_WORDS[kind])


def level_name(level: Level) -> str:
    """The word for a unit of that level."""
    return {
        Level.COUNTRY: _("country"),
        Level.ENTITY: _("entity"),
        Level.CANTON: _("canton"),
        Level.MUNICIPALITY: _("municipality"),
        Level.SETTLEMENT: _("settlement"),
        Level.LOCAL_COMMUNITY: _("local community"),
        Level.CITY: _("city"),
    }[level]


def facility_name(category: str | None) -> str:
    """What kind of facility it is; a kind that nobody has put into words is said as it came."""
    if not category:
        return "–"
    words = {
        "hospital": _("hospital"),
        "clinic": _("health centre"),
        "doctors": _("doctor"),
        "pharmacy": _("pharmacy"),
        "school": _("school"),
        "kindergarten": _("kindergarten"),
        "college": _("college"),
        "university": _("university"),
        "fire_station": _("fire station"),
        "police": _("police"),
        "civil_protection": _("civil protection"),
        "sports_hall": _("sports hall"),
        "community_centre": _("community centre"),
        "nursing_home": _("home for the elderly"),
        "social_facility": _("social facility"),
        "place_of_worship": _("place of worship"),
        "townhall": _("town hall"),
        "fuel": _("petrol station"),
    }
    return words.get(category, category.replace("_", " "))


def mark_name(mark: Any) -> str:
    """What asks for a second look at a number."""
    words = {
        "few_cells": _("rests on a few cells of the population grid only"),
        "partly_covered": _("the hazard layer covers the municipality only in part"),
        "off_estimate": _("the population grid is far off the newest official estimate"),
        "jump": _("jumps from one return period to the next"),
        "not_growing": _("does not grow with the return period"),
    }
    if isinstance(mark, dict):
        return languages.localised(mark)
    return words.get(str(mark), str(mark))


def why_not(row: Row) -> str:
    """Why there is no number."""
    if row.counted_in is not None:
        return _(
            "The boundaries in use have no outline for it; its people are counted in %(name)s.",
            name=area_name(row.counted_in),
        )
    if row.population is None:
        return _("Nothing has been counted for it yet.")
    if row.area.level in (Level.COUNTRY, Level.ENTITY, Level.CANTON, Level.CITY):
        return _("No hazard layer of this choice covers any of its municipalities wholly.")
    return _("No hazard layer of this choice covers the whole municipality.")


def figure_told(figure: Figure) -> str:
    """Where a figure is from, which revision of it was used, and how far it may be trusted."""
    revision = _("revision %(number)s", number=figure.revision)
    return f"{figure.citation} · {revision} · {figure_status(figure.status)}"


def method_sentence(method: str) -> str:
    """How a run counted, in the reader's language."""
    return _(method)


def sources(runs: Iterable[Run], boundaries: LayerVersion | None = None) -> list[LayerVersion]:
    """The versions behind what is shown, each once."""
    found: dict[UUID, LayerVersion] = {}
    for run in runs:
        found.update((v.id, v) for v in run.versions)
    if boundaries is not None:
        found.setdefault(boundaries.id, boundaries)
    return list(found.values())


def rests_on(view: View) -> list[LayerVersion]:
    """The versions behind the numbers of a view, and the hazards that are drawn though nothing is counted of them."""
    found = sources(used_runs(view.situation), view.boundaries)
    return [*found, *uncounted(view)]


def uncounted(view: View) -> list[LayerVersion]:
    """The hazards of the choice that are drawn and not counted."""
    counted = {run.hazard.id for run in view.choice.runs} if view.choice else set()
    return [v for v in view.choice.hazards if v.id not in counted] if view.choice else []


def used_runs(situation: Situation) -> list[Run]:
    """The runs that any row is from."""
    return list({row.run.id: row.run for row in situation.rows if row.run}.values())


def shapes_as(session: Session, version_id: UUID, zoom: int, expression: str) -> dict[UUID, str]:
    """{area: its boundary at a zoom in the form of that SQL expression of shape.place}."""
    rows = session.execute(
        text(
            f"SELECT boundary.area_id, {expression} FROM shape JOIN boundary ON boundary.id = shape.item_id "  # noqa: S608
            "WHERE shape.version_id = :version AND shape.min_zoom <= :zoom AND shape.max_zoom >= :zoom"
        ),
        {"version": version_id, "zoom": zoom},
    )
    return {area: shape for area, shape in rows if shape}


def init_app(app: Flask) -> None:
    """Let every template use these words."""
    app.jinja_env.filters["in_script"] = in_script
    app.jinja_env.globals.update(
        area_name=area_name,
        choice_name=choice_name,
        class_names=class_names,
        facility_name=facility_name,
        figure_told=figure_told,
        kind_name=kind_name,
        legend_class_name=legend_class_name,
        level_name=level_name,
        mark_name=mark_name,
        method_name=method_name,
        method_sentence=method_sentence,
        method_signs=METHOD_SIGNS,
        role_name=role_name,
        short_name=short_name,
        spread_sentence=spread_sentence,
        state_name=state_name,
        state_signs=STATE_SIGNS,
        swatch_name=swatch_name,
        threshold_name=threshold_name,
        why_not=why_not,
    )
