"""Standards, needs and rates with their sources, for administrators. An edit adds a revision; none is lost."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.db import transaction, without_space
from app.errors import (
    FigureDepthsWrong,
    FigureIncomplete,
    FigureNumberWrong,
    FigureRateWrong,
    FigureUpperWrong,
    NoSuchPage,
    WrongInput,
    status_of,
)
from app.guards import needs, signed_in_person
from app.names import folded
from app.rights import Right
from foundation import reference
from foundation.errors import FigureChangedMeanwhile, FigureExists
from foundation.reference import Figure, FigureKind, FigureStatus, Phase, Rule
from foundation.spaces import OPERATIONAL_SPACE_ID

figures = Blueprint("figures", __name__, url_prefix="/admin/figures")

PAGE: Final = 100
MOST_TEXT: Final = 500
LARGEST: Final = Decimal("1e12")


@figures.get("")
@needs(Right.ADMINISTER)
def show() -> ResponseReturnValue:
    """The newest revision of each, by code."""
    asked = {name: request.args.get(name, "") for name in ("q", "kind", "profile")}
    page = max(request.args.get("page", 1, type=int), 1)
    with without_space() as session:
        everything = reference.figures(session)
    found = [
        one
        for one in everything
        if (not asked["kind"] or one.kind == asked["kind"])
        and (not asked["profile"] or one.profile == asked["profile"])
        and folded(asked["q"]) in folded(f"{one.code} {one.name} {one.source}")
    ]
    return render_template(
        "admin/figures.html",
        rows=found[PAGE * (page - 1) : PAGE * page],
        total=len(found),
        more=len(found) > PAGE * page,
        page=page,
        asked=asked,
        profiles=sorted({one.profile for one in everything}),
        kinds=FigureKind,
    )


@figures.get("/new")
@needs(Right.ADMINISTER)
def new() -> ResponseReturnValue:
    """The form of one of one's own."""
    return _new_form()


@figures.post("/new")
@needs(Right.ADMINISTER)
def enter() -> ResponseReturnValue:
    """Keep one of one's own."""
    try:
        made = _entered()
        with transaction(OPERATIONAL_SPACE_ID) as session:
            reference.enter(session, made, by=signed_in_person().actor, at=datetime.now(UTC))
    except (WrongInput, FigureExists) as error:
        return _new_form(error)
    return redirect(url_for(".one", code=made.code), code=303)


@figures.get("/<code>")
@needs(Right.ADMINISTER)
def one(code: str) -> ResponseReturnValue:
    """One figure, its revisions and the form for the next."""
    return _form(code)


@figures.post("/<code>")
@needs(Right.ADMINISTER)
def revise(code: str) -> ResponseReturnValue:
    """Enter the next revision of the one that was seen."""
    try:
        with transaction(OPERATIONAL_SPACE_ID) as session:
            asked = request.form.get("seen")
            seen = next((f for f in reference.history(session, code) if str(f.revision) == asked), None)
            if seen is None:
                raise NoSuchPage
            value, upper = _number("value"), _number("upper", optional=True)
            _insist(seen.kind, seen.rule, value, upper)
            reference.revise(
                session,
                seen,
                value=value,
                upper=upper,
                source=_text("source"),
                edition=_text("edition", optional=True),
                status=_word(FigureStatus, "status"),
                note=_text("note", optional=True),
                by=signed_in_person().actor,
                at=datetime.now(UTC),
            )
    except (WrongInput, FigureChangedMeanwhile) as error:
        return _form(code, error)
    return redirect(url_for(".one", code=code, saved=1), code=303)


def _entered() -> Figure:
    kind, rule = _word(FigureKind, "kind"), _word(Rule, "rule")
    value, upper = _number("value"), _number("upper", optional=True)
    _insist(kind, rule, value, upper)
    depths = _number("from_depth_m", optional=True), _number("to_depth_m", optional=True)
    if depths != (None, None) and kind is not FigureKind.DISPLACEMENT_RATE:
        raise FigureDepthsWrong
    if None not in depths and not depths[0] < depths[1]:  # type: ignore[operator]
        raise FigureDepthsWrong
    return Figure(
        code=_text("code"),
        kind=kind,
        profile=_text("profile"),
        name=_text("name"),
        value=value,
        upper=upper,
        unit=_text("unit"),
        rule=rule,
        phase=_word(Phase, "phase"),
        from_depth_m=depths[0],
        to_depth_m=depths[1],
        source=_text("source"),
        edition=_text("edition", optional=True) or None,
        status=_word(FigureStatus, "status"),
        note=_text("note", optional=True) or None,
    )


def _insist(kind: FigureKind, rule: Rule, value: Decimal | None, upper: Decimal | None) -> None:
    if value is None:
        raise FigureNumberWrong().at("value")
    if (rule is Rule.BETWEEN) != (upper is not None) or (upper is not None and upper <= value):
        raise FigureUpperWrong
    if kind is FigureKind.DISPLACEMENT_RATE and value > 1:
        raise FigureRateWrong


def _number(name: str, *, optional: bool = False) -> Decimal | None:
    typed = request.form.get(name, "").strip().replace(",", ".")
    if not typed and optional:
        return None
    try:
        number = Decimal(typed)
    except InvalidOperation:
        raise FigureNumberWrong().at(name) from None
    if not number.is_finite() or not 0 <= number <= LARGEST:
        raise FigureNumberWrong().at(name)
    return number


def _text(name: str, *, optional: bool = False) -> str:
    typed = " ".join(request.form.get(name, "").replace("\0", "").split())[:MOST_TEXT]
    if not typed and not optional:
        raise FigureIncomplete().at(name)
    return typed


def _word(words: Any, name: str) -> Any:
    typed = request.form.get(name, "")
    if typed not in set(words):
        raise NoSuchPage
    return words(typed)


def _form(code: str, problem: Exception | None = None) -> ResponseReturnValue:
    with without_space() as session:
        revisions = reference.history(session, code)
    if not revisions:
        raise NoSuchPage
    page = render_template(
        "admin/figure.html",
        figure=revisions[0],
        revisions=revisions,
        typed=request.form if problem else {},
        problems=[problem] if problem else [],
        statuses=FigureStatus,
        saved="saved" in request.args,
    )
    return page, status_of(problem) if problem else 200


def _new_form(problem: Exception | None = None) -> ResponseReturnValue:
    page = render_template(
        "admin/figure_new.html",
        typed=request.form if problem else {},
        problems=[problem] if problem else [],
        kinds=FigureKind,
        rules=Rule,
        phases=Phase,
        statuses=FigureStatus,
    )
    return page, status_of(problem) if problem else 200
