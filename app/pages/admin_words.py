"""The words of the pages for administrators."""

from __future__ import annotations

from decimal import Decimal

from flask import Flask

from app import languages
from app.languages import _
from foundation.people import OrganisationKind
from foundation.reference import Figure, FigureKind, FigureStatus, Phase, Rule


def organisation_kind(kind: OrganisationKind) -> str:
    """What an organisation is."""
    return {
        OrganisationKind.MUNICIPALITY: _("municipality or city"),
        OrganisationKind.CIVIL_PROTECTION: _("civil protection"),
        OrganisationKind.FIRE_BRIGADE: _("fire brigade"),
        OrganisationKind.MOUNTAIN_RESCUE: _("mountain rescue"),
        OrganisationKind.RED_CROSS: _("Red Cross"),
        OrganisationKind.COMPANY: _("company"),
        OrganisationKind.DONOR: _("donor"),
        OrganisationKind.OTHER: _("other"),
    }[kind]


def figure_kind(kind: FigureKind) -> str:
    """What a figure is for."""
    return {
        FigureKind.STANDARD: _("standard"),
        FigureKind.NEED: _("need"),
        FigureKind.DISPLACEMENT_RATE: _("displacement rate"),
    }[kind]


def figure_status(status: FigureStatus) -> str:
    """How far a figure may be trusted."""
    return {
        FigureStatus.OFFICIAL: _("official"),
        FigureStatus.SECONDARY: _("read in another work"),
        FigureStatus.MEMORY: _("from memory, not checked"),
    }[status]


def figure_rule(rule: Rule) -> str:
    """How a measured value is held against a figure."""
    return {
        Rule.AT_LEAST: _("at least"),
        Rule.AT_MOST: _("at most"),
        Rule.BETWEEN: _("between the value and the upper value"),
        Rule.EXACTLY: _("exactly"),
    }[rule]


def figure_phase(phase: Phase) -> str:
    """When a figure holds."""
    return {
        Phase.ANY: _("any phase"),
        Phase.SURVIVAL: _("survival"),
        Phase.EMERGENCY: _("emergency"),
        Phase.POST_EMERGENCY: _("after the emergency"),
    }[phase]


def figure_value(figure: Figure) -> str:
    """The value with its rule, to as many places as it was entered with."""
    sign = {Rule.AT_LEAST: "≥ ", Rule.AT_MOST: "≤ "}.get(figure.rule, "")
    value = _plain(figure.value)
    return f"{value}–{_plain(figure.upper)}" if figure.upper is not None else f"{sign}{value}"


def figure_typed(value: Decimal) -> str:
    """The number as one types it: no power of ten, no zeros behind."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _plain(value: Decimal) -> str:
    places = len(figure_typed(value).partition(".")[2])
    return languages.decimal(float(value), places)


def filesize(size: int) -> str:
    """Bytes in the unit that keeps the number short."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6)):
        if size >= factor:
            return f"{languages.decimal(size / factor, 1)} {unit}"
    return f"{languages.decimal(size / 1000, 0)} kB"


def init_app(app: Flask) -> None:
    """Let the templates use them."""
    app.jinja_env.globals.update(
        organisation_kind=organisation_kind,
        figure_kind=figure_kind,
        figure_status=figure_status,
        figure_rule=figure_rule,
        figure_phase=figure_phase,
        figure_typed=figure_typed,
        figure_value=figure_value,
    )
    app.jinja_env.filters["filesize"] = filesize
