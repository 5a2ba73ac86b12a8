"""The risk index as a file to take away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app import languages
from app.exports.records import Cell, Column, Kind, Records
from app.languages import _
from app.pages.records import maker, stamped
from app.pages.risk_words import category_name, class_name, dimension_name, direction_name
from app.pages.view import area_name
from layers.catalogue import Method
from layers.inform import Dimension
from layers.riskindex import Indexed, RiskIndicator, RiskModel


def risk_records(of: RiskModel, indicators: Sequence[RiskIndicator], found: Sequence[Indexed]) -> Records:
    """A model's indices as a table, with every indicator's value and what is missing."""
    by = maker()
    said = f"{of.source}, {of.edition}. {of.licence}"
    title = _("Risk index")
    stamp = stamped(f"{title} · {of.name}", (said,), methods_of(found), by)
    score = Kind.EXACT
    columns = (
        Column("code", _("code"), tag="#adm3+code", width=9),
        Column("municipality", _("municipality"), tag="#adm3+name", width=24),
        Column("risk", _("risk index (0–10)"), score, "#indicator+risk+num", 12),
        Column("class", _("class"), tag="#indicator+risk+class", width=12),
        *(Column(d.value, dimension_name(d), score, f"#indicator+{d.value}+num", 14) for d in Dimension),
        Column("known", _("indicators known"), Kind.WHOLE, "#meta+known+num", 11),
        Column("all", _("of all"), Kind.WHOLE, "#meta+all+num", 8),
        Column("missing", _("missing"), tag="#meta+missing", width=40),
        *(
            Column(
                f"value_{one.code}", f"{one.name} ({one.unit})", score, f"#indicator+{one.code.replace('-', '_')}", 16
            )
            for one in indicators
        ),
        Column("mark", _("mark"), tag="#meta+mark", width=30),
        Column("exercise", _("exercise"), tag="#meta+exercise", machine=True),
    )
    names = {one.code: one.name for one in indicators} | {d.value: dimension_name(d) for d in Dimension}
    rows = []
    for one in found:
        values: list[Cell] = [one.values[i.code].value if i.code in one.values else None for i in indicators]
        rows.append(
            (
                one.area.code,
                area_name(one.area),
                one.index.score,
                class_name(one.classed) if one.classed else "",
                *(part.score for part in one.index.parts),
                one.index.known,
                one.index.all,
                "; ".join(names.get(code, code) for code in one.index.missing),
                *values,
                "; ".join(stamp.marks),
                by.band or "",
            )
        )
    methods = (
        (
            _("Risk index"),
            _(
                "The cube root of hazard and exposure × vulnerability × lack of coping capacity, each 0–10, as INFORM "
                "reckons it (doi:10.2760/094023). The higher the worse."
            ),
        ),
        (
            _("Missing"),
            _(
                "An empty number is not known and never nought. Without a whole category there is no dimension, and "
                "without a dimension no index."
            ),
        ),
        *((one.name, _said(one)) for one in indicators),
    )
    return Records(imprint=stamp, columns=columns, rows=tuple(rows), methods=methods)


def _said(one: RiskIndicator) -> str:
    bounds = f"{languages.decimal(one.low, 6)}–{languages.decimal(one.high, 6)} {one.unit}"
    place = f"{dimension_name(one.dimension)} › {category_name(one.category)} › {one.component}"
    return f"{one.code}: {place}; {bounds}, {direction_name(one.direction)}; {one.source} {one.edition}"


def methods_of(found: Iterable[Indexed]) -> set[Method]:
    """How sure the values are that anything is joined from."""
    return {value.method for one in found for value in one.values.values() if value.value is not None}


def _tag(code: str) -> str:
    return code.replace("-", "_")
