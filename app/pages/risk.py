"""The risk index by municipality: the table, what each index is joined from, and where its values are looked after."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import languages
from app.db import transaction, without_space
from app.errors import NoSuchPage, status_of
from app.exports.csv_files import Form, csv_file
from app.exports.records import file_name
from app.exports.workbook import workbook
from app.guards import needs, signed_in_person
from app.languages import _, ngettext
from app.names import in_order, sorted_by_name
from app.pages.away import TYPES, as_saved
from app.pages.risk_file import methods_of, risk_records
from app.pages.risk_words import WORDS, dimension_name
from app.pages.view import area_name
from app.rights import Right
from foundation.spaces import OPERATIONAL_SPACE_ID
from gis.errors import GisError
from layers import risk_offers, riskindex
from layers.areas import Area, Level
from layers.catalogue import Method
from layers.errors import LayersError
from layers.inform import CATEGORIES, Dimension, Direction, Join
from layers.risk_errors import NotANumber, RiskChangedMeanwhile, RiskError, TwoReadings
from layers.risk_tables import MOST_BYTES, Place, read_values
from layers.riskindex import Indexed, Origin, RiskModel

risk = Blueprint("risk", __name__, url_prefix="/risk")

SORTS: Final[dict[str, Callable[[Indexed], Any]]] = {
    "name": lambda one: in_order(area_name(one.area)),
    "risk": lambda one: one.index.score,
    **{d.value: lambda one, i=i: one.index.parts[i].score for i, d in enumerate(Dimension)},  # type: ignore[misc]
}
MOST_TEXT: Final = 500
HISTORY: Final = 50


# --- looking ---------------------------------------------------------------------------------------------------------


@risk.get("")
@needs(Right.SEE)
def show() -> ResponseReturnValue:
    """The municipalities under a model (?model=), by ?sort=; last those without an index, with what is missing."""
    with without_space() as session:
        models = riskindex.models(session)
        chosen = _chosen(models)
        found = riskindex.indices(session, chosen, _municipalities(session)) if chosen else []
        sort = request.args.get("sort", "risk")
        sort = sort if sort in SORTS else "risk"
        return render_template(
            "risk/index.html",
            models=models,
            model=chosen,
            rows=_sorted(found, sort),
            sort=sort,
            names=_names(session, chosen),
            illustrative=Method.ILLUSTRATIVE in methods_of(found),
            **WORDS,
        )


@risk.get("/table.<any(csv, xlsx):ending>")
@needs(Right.SEE)
def table(ending: str) -> ResponseReturnValue:
    """The same as a file, with every indicator's value and what is missing."""
    with without_space() as session:
        chosen = _chosen(riskindex.models(session))
        if chosen is None:
            raise NoSuchPage
        found = _sorted(riskindex.indices(session, chosen, _municipalities(session)), request.args.get("sort", "risk"))
        made = risk_records(chosen, riskindex.indicators(session, chosen.code), found)
        asked = request.args.get("for", "")
        form = Form(asked) if asked in set(Form) else Form.PROGRAMS
        content = workbook(made) if ending == "xlsx" else csv_file(made, form, languages.decimal_sign())
    return as_saved(content, file_name([_("Risk index"), chosen.name], made.imprint, ending), TYPES[ending])


@risk.get("/models/<model_code>/areas/<uuid:area_id>")
@needs(Right.SEE)
def area(model_code: str, area_id: UUID) -> ResponseReturnValue:
    """What a municipality's index is joined from, down to each value with its source."""
    with without_space() as session:
        model, place = riskindex.model(session, model_code), _area(session, area_id)
        found = riskindex.indices(session, model, [place])[0]
        return render_template(
            "risk/area.html",
            model=model,
            one=found,
            indicators={one.code: one for one in riskindex.indicators(session, model.code)},
            names=_names(session, model),
            illustrative=Method.ILLUSTRATIVE in methods_of([found]),
            **WORDS,
        )


@risk.get("/models/<model_code>")
@needs(Right.SEE)
def model(model_code: str) -> ResponseReturnValue:
    """A model: its indicators with bounds, direction and source; for those who may, what to change."""
    return _model(model_code)


# --- models and indicators -------------------------------------------------------------------------------------------


@risk.get("/new")
@needs(Right.MANAGE_LAYERS)
def new() -> ResponseReturnValue:
    """The form of a new model."""
    return _new()


@risk.post("/new")
@needs(Right.MANAGE_LAYERS)
def enter() -> ResponseReturnValue:
    """Keep a new model."""
    try:
        with transaction(OPERATIONAL_SPACE_ID) as session:
            made = riskindex.enter_model(session, code=_text("code"), **_model_fields(), **_by())
    except RiskError as problem:
        return _new(problem)
    return _back(made.code)


@risk.post("/models/<model_code>")
@needs(Right.MANAGE_LAYERS)
def revise(model_code: str) -> ResponseReturnValue:
    """The next revision of a model."""
    try:
        with transaction(OPERATIONAL_SPACE_ID) as session:
            seen = _seen(riskindex.model(session, model_code))
            joins = {
                c: Join(request.form[f"join-{c}"]) for c in CATEGORIES if request.form.get(f"join-{c}") in set(Join)
            }
            riskindex.revise_model(session, seen, joins=joins, **_model_fields(), **_by())
    except RiskError as problem:
        return _model(model_code, problem)
    return _back(model_code)


@risk.post("/models/<model_code>/indicators")
@needs(Right.MANAGE_LAYERS)
def add_indicator(model_code: str) -> ResponseReturnValue:
    """Keep a new indicator."""
    try:
        with transaction(OPERATIONAL_SPACE_ID) as session:
            of = riskindex.model(session, model_code)
            riskindex.enter_indicator(session, of, code=_text("code"), **_indicator_fields(), **_by())
    except RiskError as problem:
        return _model(model_code, problem)
    return _back(model_code)


@risk.get("/models/<model_code>/indicators/<code>")
@needs(Right.MANAGE_LAYERS)
def indicator(model_code: str, code: str) -> ResponseReturnValue:
    """The form of an indicator."""
    return _indicator(model_code, code)


@risk.post("/models/<model_code>/indicators/<code>")
@needs(Right.MANAGE_LAYERS)
def revise_indicator(model_code: str, code: str) -> ResponseReturnValue:
    """The next revision of an indicator, or its withdrawal."""
    try:
        with transaction(OPERATIONAL_SPACE_ID) as session:
            seen = _seen(riskindex.indicator(session, model_code, code))
            changed = {"withdrawn": True} if "withdraw" in request.form else {**_indicator_fields(), "withdrawn": False}
            riskindex.revise_indicator(session, seen, **changed, **_by())
    except RiskError as problem:
        return _indicator(model_code, code, problem)
    return _back(model_code)


# --- values ----------------------------------------------------------------------------------------------------------


@risk.get("/models/<model_code>/areas/<uuid:area_id>/<code>")
@needs(Right.SEE)
def value(model_code: str, area_id: UUID, code: str) -> ResponseReturnValue:
    """A value with everything that it was before; for those who may, the form to change it."""
    return _value(model_code, area_id, code)


@risk.post("/models/<model_code>/areas/<uuid:area_id>/<code>")
@needs(Right.MANAGE_LAYERS)
def set_value(model_code: str, area_id: UUID, code: str) -> ResponseReturnValue:
    """The next revision of a value; an empty one says that it is missing."""
    try:
        with transaction(OPERATIONAL_SPACE_ID) as session:
            riskindex.set_value(
                session,
                riskindex.indicator(session, model_code, code),
                _area(session, area_id).id,
                _number("value") if _text("value") else None,
                source=_text("source"),
                edition=_text("edition"),
                method=_method(),
                seen=request.form.get("seen", 0, type=int),
                note=_text("note"),
                **_by(),
            )
    except RiskError as problem:
        return _value(model_code, area_id, code, problem)
    return redirect(url_for(".area", model_code=model_code, area_id=area_id), code=303)


@risk.post("/models/<model_code>/table")
@needs(Right.MANAGE_LAYERS)
def bring(model_code: str) -> ResponseReturnValue:
    """A published table, all of it or nothing; every row that cannot be used is named."""
    file = request.files.get("file")
    name = Path(file.filename or "").name[:200] if file else ""
    if file is None or not name:
        return _model(model_code, NotANumber(indicator=_("File"), value="–"))
    try:
        with tempfile.TemporaryDirectory(prefix="spremnost-risk-") as folder:
            path = Path(folder) / "table.csv"
            path.write_bytes(file.stream.read(MOST_BYTES + 1))
            with transaction(OPERATIONAL_SPACE_ID) as session:
                of = riskindex.model(session, model_code)
                read = read_values(
                    path,
                    name,
                    places=[_place(one) for one in _municipalities(session)],
                    indicators=riskindex.indicators(session, of.code),
                    options=_mapping(),
                    method=_method(),
                )
                count = riskindex.take_values(
                    session,
                    of,
                    read.taken,
                    source=_text("source") or of.source,
                    edition=_text("edition") or of.edition,
                    origin=Origin.IMPORTED,
                    facts={"file": name},
                    **_by(),
                )
    except (LayersError, GisError) as problem:
        return _model(model_code, problem)
    flash(ngettext("%(num)s value was taken in.", "%(num)s values were taken in.", count))
    for one in read.findings:
        flash(languages.localised(one))
    return _back(model_code)


@risk.post("/models/<model_code>/offers/<offer_code>")
@needs(Right.MANAGE_LAYERS)
def take(model_code: str, offer_code: str) -> ResponseReturnValue:
    """Take an indicator from our own exposure; its bounds are those that somebody stands for."""
    try:
        with transaction(OPERATIONAL_SPACE_ID) as session:
            of = riskindex.model(session, model_code)
            offer = next((one for one in risk_offers.offers(session) if one.code == offer_code), None)
            if offer is None:
                raise NoSuchPage
            if offer.code not in {one.code for one in riskindex.indicators(session, of.code, withdrawn=True)}:
                riskindex.enter_indicator(
                    session,
                    of,
                    code=offer.code,
                    name=_(offer.name),
                    category=offer.category,
                    component=offer.component,
                    unit=_(offer.unit),
                    low=_number("low"),
                    high=_number("high"),
                    source=risk_offers.SOURCE,
                    **_by(),
                )
            count = riskindex.take_values(
                session,
                of,
                offer.taken(offer.code),
                source=risk_offers.SOURCE,
                edition=f"{datetime.now(UTC):%Y-%m-%d}",
                origin=Origin.DERIVED,
                facts={"offer": offer.code},
                **_by(),
            )
    except RiskError as problem:
        return _model(model_code, problem)
    flash(ngettext("%(num)s value was taken in.", "%(num)s values were taken in.", count))
    return _back(model_code)


# --- pages -----------------------------------------------------------------------------------------------------------


def _new(problem: RiskError | None = None) -> ResponseReturnValue:
    page = render_template("risk/new.html", problems=[problem] if problem else [], form=request.form, **WORDS)
    return page, status_of(problem) if problem else 200


def _model(code: str, problem: Exception | None = None) -> ResponseReturnValue:
    with without_space() as session:
        of = riskindex.model(session, code)
        indicators = riskindex.indicators(session, of.code, withdrawn=True)
        counts: dict[str, int] = {}
        for (indicator_code, _area_id), one in riskindex.values(session, of.code).items():
            counts[indicator_code] = counts.get(indicator_code, 0) + (one.value is not None)
        page = render_template(
            "risk/model.html",
            model=of,
            indicators=indicators,
            counts=counts,
            all=len(_municipalities(session)),
            offers=risk_offers.offers(session),
            problems=[problem] if problem else [],
            form=request.form,
            illustrative=of.method == Method.ILLUSTRATIVE,
            as_typed=as_typed,
            **WORDS,
        )
    return page, status_of(problem) if problem else 200


def _indicator(model_code: str, code: str, problem: RiskError | None = None) -> ResponseReturnValue:
    with without_space() as session:
        page = render_template(
            "risk/indicator.html",
            model=riskindex.model(session, model_code),
            one=riskindex.indicator(session, model_code, code),
            problems=[problem] if problem else [],
            form=request.form,
            as_typed=as_typed,
            **WORDS,
        )
    return page, status_of(problem) if problem else 200


def _value(model_code: str, area_id: UUID, code: str, problem: RiskError | None = None) -> ResponseReturnValue:
    with without_space() as session:
        of = riskindex.indicator(session, model_code, code)
        page = render_template(
            "risk/value.html",
            model=riskindex.model(session, model_code),
            indicator=of,
            area=_area(session, area_id),
            history=riskindex.history(session, model_code, code, area_id)[:HISTORY],
            problems=[problem] if problem else [],
            form=request.form,
            as_typed=as_typed,
            **WORDS,
        )
    return page, status_of(problem) if problem else 200


def _back(model_code: str) -> ResponseReturnValue:
    return redirect(url_for(".model", model_code=model_code), code=303)


# --- what was asked for and typed ------------------------------------------------------------------------------------


def _chosen(models: list[RiskModel]) -> RiskModel | None:
    asked = request.args.get("model")
    return next((one for one in models if one.code == asked), models[0] if models else None)


def _sorted(found: list[Indexed], sort: str) -> list[Indexed]:
    key = SORTS.get(sort, SORTS["risk"])
    known = [one for one in found if key(one) is not None]
    unknown = sorted((one for one in found if key(one) is None), key=SORTS["name"])
    return [*sorted(known, key=key, reverse=sort != "name"), *unknown]


def _municipalities(session: Session) -> list[Area]:
    found = session.scalars(select(Area).where(Area.level == Level.MUNICIPALITY)).all()
    return sorted_by_name(found)


def _place(one: Area) -> Place:
    return Place(one.id, one.code, [one.name, *map(str, one.names.values())])


def _area(session: Session, area_id: UUID) -> Area:
    found = session.get(Area, area_id)
    if found is None or found.level != Level.MUNICIPALITY:
        raise NoSuchPage
    return found


def _names(session: Session, of: RiskModel | None) -> dict[str, str]:
    """What codes are called: indicators by their own names, the rest by ours."""
    names = {one.code: one.name for one in riskindex.indicators(session, of.code, withdrawn=True)} if of else {}
    return {**{d.value: dimension_name(d) for d in Dimension}, **names}


def _text(name: str) -> str:
    return request.form.get(name, "").strip()[:MOST_TEXT]


def _number(name: str) -> float:
    """A number as somebody types it, with a decimal comma or point. Raises NotANumber, TwoReadings."""
    typed = _text(name)
    words = {"low": _("Lower bound"), "high": _("Upper bound"), "weight": _("Weight"), "value": _("Value")}
    sign = languages.decimal_sign()
    # In a country with a decimal comma 1.234 may be twelve hundred and thirty-four, and the reverse.
    if re.fullmatch(rf"-?\d{{1,3}}([.,](?<!\{sign})\d{{3}})+", typed):
        raise TwoReadings(indicator=words[name], value=typed)
    try:
        return float(typed.replace(",", ".")) if "_" not in typed else float("nan")
    except ValueError as error:
        raise NotANumber(indicator=words[name], value=typed or "–") from error


def as_typed(number: float | str | None) -> str:
    """A number as it stands in a field: all its digits, with the reader's decimal sign; what was typed stays."""
    if number is None or isinstance(number, str):
        return number or ""
    return f"{number:.15g}".replace(".", languages.decimal_sign())


def _method() -> Method:
    asked = request.form.get("method", "")
    return Method(asked) if asked in set(Method) else Method.MODEL


def _by() -> dict[str, Any]:
    return {"by": signed_in_person().actor, "at": datetime.now(UTC)}


def _seen(one: Any) -> Any:
    """The newest revision as the form saw it: what was changed since must not be lost."""
    one_seen = request.form.get("seen", type=int)
    if one_seen is not None and one_seen != one.revision:
        raise RiskChangedMeanwhile(code=one.code)
    return one


def _model_fields() -> dict[str, Any]:
    fields = {name: _text(name) for name in ("name", "source", "edition", "licence", "note")}
    return {**fields, "name": fields["name"] or _text("code"), "method": _method()}


def _indicator_fields() -> dict[str, Any]:
    direction = request.form.get("direction", "")
    return {
        **{name: _text(name) for name in ("name", "category", "component", "unit", "source", "edition", "note")},
        "low": _number("low"),
        "high": _number("high"),
        "weight": _number("weight") if _text("weight") else 1.0,
        "direction": Direction(direction) if direction in set(Direction) else Direction.WORSE,
    }


def _mapping() -> dict[str, Any]:
    """Which column holds what: the code's or name's, and lines "column = indicator"."""
    columns = {role: _text(role) for role in ("code", "name", "indicator", "value") if _text(role)}
    lines = [line.rpartition("=") for line in request.form.get("mapping", "")[:20_000].splitlines() if "=" in line]
    return {"columns": columns, "indicators": {column.strip(): code.strip() for column, _sign, code in lines}}
