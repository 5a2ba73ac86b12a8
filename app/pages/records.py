"""What the pages hand to the files: the table that is seen, with its words, sources, methods and marks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from app import languages
from app.exports.records import Cell, Cited, Column, Group, Imprint, Kind, Records
from app.exposed import NOT_MODELLED, PARTLY, Row, Run, Total, total, totals
from app.guards import signed_in_person
from app.languages import _, ours
from app.pages.view import (
    View,
    area_name,
    choice_name,
    class_names,
    kind_name,
    level_name,
    mark_name,
    method_name,
    method_sentence,
    rests_on,
    threshold_name,
)
from app.spaces import current_space, space_now
from layers.areas import Level
from layers.catalogue import LayerVersion, Method

LEVELS = (Level.ENTITY, Level.CANTON)


def state_word(row: Row) -> str:
    """Whether the row's number is one."""
    if row.state == NOT_MODELLED:
        return _("NOT MODELLED")
    return _("partly modelled") if row.state == PARTLY or row.not_modelled else _("modelled")


def name_parts(view: View) -> list[str]:
    """What a file of the view is called by."""
    return [_("Exposed people"), choice_name(view.choice) if view.choice else ""]


@dataclass(frozen=True)
class Maker:
    """Who makes a file, when, and in which exercise; band None in the real world."""

    author: str
    made: datetime
    band: str | None = None


def maker() -> Maker:
    """Whoever asks, now, in this space."""
    who, space = signed_in_person(), current_space()
    author = f"{who.name}, {who.acting.name}" if who.acting else who.name
    band = None
    if not space.is_operational:
        band = " · ".join([_("EXERCISE"), space.name, languages.moment(space_now())])
    return Maker(author, datetime.now(UTC), band)


def imprint(view: View, rests_on: Iterable[LayerVersion], title: str, by: Maker) -> Imprint:
    """Marks and words of a file made from a view."""
    return stamped(title, lines_of(view), methods_of(view, rests_on), by)


def lines_of(view: View) -> list[str]:
    """What a view shows, below its title."""
    lines = []
    if view.choice:
        lines.append(choice_name(view.choice))
    if view.situation.run:
        lines.append(_("Exposed means: %(what)s.", what=threshold_name(view.situation.run)))
    return lines


def methods_of(view: View, rests_on: Iterable[LayerVersion]) -> set[Method]:
    """How what a view rests on came about."""
    return {v.method for v in rests_on} | ({Method.ILLUSTRATIVE} if view.illustrative else set())


def stamped(title: str, lines: Sequence[str], methods: Collection[Method], by: Maker) -> Imprint:
    """The imprint of a file that rests on what came about by these methods."""
    marks, words = [], []
    if Method.ILLUSTRATIVE in methods:
        marks.append(_("Illustrative data, not for operations"))
        words.append(_("illustrative"))
    if Method.ESTIMATED in methods:
        marks.append(_("Estimated data: figures are approximate"))
        words.append(_("estimated"))
    return Imprint(
        title=title,
        lines=tuple(lines),
        made=by.made,
        made_words=languages.moment(by.made),
        author=by.author,
        marks=tuple(marks),
        mark_words=tuple(words),
        band=by.band,
        band_word=_("EXERCISE") if by.band else "",
    )


def exposure(view: View, rows: Sequence[Row], by: Maker) -> Records:
    """The rows of the table as they are seen, for every kind of file."""
    versions = rests_on(view)
    stamp = imprint(view, versions, _("Exposed people"), by)
    run = view.situation.run
    classes = class_names(run)
    columns = _columns(classes)
    sums = total(rows)
    return Records(
        imprint=stamp,
        columns=columns,
        rows=tuple(_row(view, stamp, row, len(classes)) for row in rows),
        totals=_totals(sums, len(classes)),
        total_words=_("All %(count)s rows", count=languages.whole(len(rows))),
        groups=tuple(_group(level, rows, classes) for level in LEVELS if totals(rows, level)),
        sources=tuple(cited(v) for v in versions),
        methods=methods(view, run, sums),
    )


def cited(version: LayerVersion) -> Cited:
    """A version in words."""
    return Cited(
        layer=ours(version.layer.name),
        kind=kind_name(version.layer.kind),
        producer=ours(version.producer),
        vintage=ours(version.vintage),
        licence=version.licence,
        method=method_name(version.method),
        note=ours(version.method_note),
        version=version.number,
        file=version.file_name,
        sha256=version.file_hash,
        crs=version.crs or "",
        resolution=version.resolution or "",
        received=languages.moment(version.received_at),
    )


def not_modelled_hazards() -> list[str]:
    """What no layer of the catalogue models, so that nobody takes its absence for safety."""
    return [
        _("flash floods of torrents"),
        _("debris flows"),
        _("landslides"),
        _("failure of dams and dikes"),
        _("rain that floods where it falls"),
    ]


def methods(view: View, run: Run | None, sums: Total) -> tuple[tuple[str, str], ...]:
    """How to read the numbers: (heading, sentence)."""
    found = []
    if run is not None:
        found += [
            (_("Exposed"), _("Exposed means: %(what)s.", what=threshold_name(run))),
            (_("How it was counted"), f"{method_sentence(run.method)}."),
            (_("Counted"), languages.moment(run.computed_at)),
        ]
    found += [
        (
            _("Which layer"),
            _(
                "Each municipality takes the best layer that covers it wholly: official before model before estimated "
                "before illustrative. Layers are never mixed inside one municipality."
            ),
        ),
        (
            _("Rounding"),
            _(
                "Whole numbers are rounded once for the whole country so that parts add up to their totals; files for "
                "programs also have the numbers as they were counted."
            ),
        ),
        (
            _("NOT MODELLED"),
            _(
                "An empty number means that nothing models the municipality. It is not nought: nobody knows how many "
                "people are at risk there. In this table: %(count)s of %(all)s.",
                count=languages.whole(sums.not_modelled_rows),
                all=languages.whole(sums.rows),
            ),
        ),
        (
            _("Not in any number"),
            _("What no layer here models: %(hazards)s.", hazards=", ".join(not_modelled_hazards())),
        ),
    ]
    return tuple(found)


def _columns(classes: Sequence[str]) -> tuple[Column, ...]:
    whole = Kind.WHOLE
    return (
        Column("code", _("code"), tag="#adm3+code", width=9),
        Column("municipality", _("municipality"), tag="#adm3+name", width=24),
        Column("canton", _("canton"), tag="#adm2+name", width=26),
        Column("entity", _("entity"), tag="#adm1+name", width=30),
        Column("hazard", _("hazard"), tag="#event", width=32, machine=True),
        Column("people", _("people"), whole, "#population", 11, totalled=True),
        Column("exposed", _("exposed"), whole, "#affected+ind", 11, totalled=True),
        Column("share", _("share (0–1)"), Kind.SHARE, "#indicator+share+value", 10),
        *(
            Column(f"class_{i}", name, whole, f"#affected+ind+class{i}", 11, totalled=True)
            for i, name in enumerate(classes, 1)
        ),
        Column("not_modelled", _("not modelled (people)"), whole, "#population+not_modelled", 13, totalled=True),
        Column("state", _("state"), tag="#status", width=18),
        Column("doubts", _("look twice"), tag="#meta+doubts", width=36),
        Column("people_unrounded", _("people, unrounded"), Kind.EXACT, "#population+unrounded", machine=True),
        Column("exposed_unrounded", _("exposed, unrounded"), Kind.EXACT, "#affected+ind+unrounded", machine=True),
        Column(
            "not_modelled_unrounded",
            _("not modelled, unrounded"),
            Kind.EXACT,
            "#population+not_modelled+unrounded",
            machine=True,
        ),
        Column("rounding", _("rounding"), tag="#meta+rounding", machine=True),
        Column("layer", _("hazard layer"), tag="#meta+source+layer", width=28),
        Column("producer", _("producer"), tag="#meta+source+org", width=24),
        Column("vintage", _("vintage"), tag="#date+vintage", width=12),
        Column("licence", _("licence"), tag="#meta+licence", width=16),
        Column("method", _("method"), tag="#meta+method", width=14),
        Column("mark", _("mark"), tag="#meta+mark", width=36),
        Column("exercise", _("exercise"), tag="#meta+exercise", machine=True),
    )


def _row(view: View, stamp: Imprint, row: Row, classes: int) -> tuple[Cell, ...]:
    canton, entity = row.over(Level.CANTON), row.over(Level.ENTITY)
    hazard = row.run.hazard if row.run else None
    by_class: Sequence[Cell] = row.by_class if row.by_class and len(row.by_class) == classes else [None] * classes
    doubts = [mark_name(mark) for mark in row.marks]
    exact = row.exact
    return (
        row.area.code,
        area_name(row.area),
        area_name(canton) if canton else "",
        area_name(entity) if entity else "",
        choice_name(view.choice) if view.choice else "",
        row.population,
        row.exposed,
        row.share,
        *by_class,
        row.not_modelled if row.population is not None else None,
        state_word(row),
        "; ".join(doubts),
        exact.population if exact else None,
        exact.exposed if exact else None,
        exact.not_modelled if exact else None,
        _("whole numbers add up; the unrounded ones are as counted"),
        ours(hazard.layer.name) if hazard else "",
        ours(hazard.producer) if hazard else "",
        ours(hazard.vintage) if hazard else "",
        hazard.licence if hazard else "",
        method_name(hazard.method) if hazard else "",
        "; ".join(stamp.marks),
        stamp.band or "",
    )


def _totals(sums: Total, classes: int) -> dict[str, Cell]:
    modelled = sums.not_modelled_rows < sums.rows
    found: dict[str, Cell] = {
        "people": sums.population,
        "exposed": sums.exposed if modelled else None,
        "share": sums.share,
        "not_modelled": sums.not_modelled,
    }
    for i in range(classes):
        found[f"class_{i + 1}"] = sums.by_class[i] if i < len(sums.by_class) else None
    return found


def _group(level: Level, rows: Sequence[Row], classes: Sequence[str]) -> Group:
    whole = Kind.WHOLE
    columns = (
        Column("name", level_name(level).capitalize(), width=34),
        Column("rows", _("municipalities"), whole),
        Column("without", _("of these NOT MODELLED"), whole),
        Column("people", _("people"), whole),
        Column("exposed", _("exposed"), whole),
        Column("share", _("share (0–1)"), Kind.SHARE),
        *(Column(f"class_{i}", name, whole) for i, name in enumerate(classes, 1)),
        Column("not_modelled", _("not modelled (people)"), whole),
    )
    found = []
    for sums in totals(rows, level):
        known = _totals(sums, len(classes))
        found.append(
            (
                area_name(sums.area) if sums.area else "",
                sums.rows,
                sums.not_modelled_rows,
                *(known[column.key] for column in columns[3:]),
            )
        )
    canton = level is Level.CANTON
    return Group(
        title=_("Totals by canton") if canton else _("Totals by entity"),
        note=_("Republika Srpska and Brčko District have no cantons; they are not in this table.") if canton else "",
        columns=columns,
        rows=tuple(found),
    )
