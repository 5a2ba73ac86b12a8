"""The municipalities as a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.db import without_space
from app.exposed import NOT_MODELLED, Row, total, totals
from app.guards import needs
from app.names import area_matches, in_order, sorted_by_name
from app.pages.view import View, area_name, class_names, look, rests_on
from app.rights import Right
from layers.areas import Area, Level

table = Blueprint("table", __name__, url_prefix="/table")
SIZES = (25, 50, 100, 200)
SIZE = 50
LEVELS = (Level.ENTITY, Level.CANTON)

SORTS: dict[str, Callable[[Row], Any]] = {
    "name": lambda row: in_order(area_name(row.area)),
    "canton": lambda row: _over(row, Level.CANTON),
    "entity": lambda row: _over(row, Level.ENTITY),
    "people": lambda row: row.population,
    "exposed": lambda row: row.exposed,
    "share": lambda row: row.share,
}
NUMBERS = frozenset({"people", "exposed", "share"})


def _over(row: Row, level: Level) -> tuple[bool, Any]:
    area = row.over(level)
    return area is None, in_order(area_name(area)) if area else ()


@dataclass(frozen=True)
class Asked:
    """What the address asks for; what it does not understand it ignores."""

    sort: str
    down: bool
    typed: str
    entity: str
    canton: str
    state: str
    page: int
    size: int

    @classmethod
    def read(cls) -> Asked:
        """From the address."""
        args = request.args
        sort = args.get("sort", "exposed")
        sort = sort if sort in SORTS else "exposed"
        size = args.get("size", SIZE, type=int)
        return cls(
            sort=sort,
            down=args.get("order", "down" if sort in NUMBERS else "up") == "down",
            typed=args.get("q", "")[:100].strip(),
            entity=args.get("entity", ""),
            canton=args.get("canton", ""),
            state=args.get("state", ""),
            page=max(1, args.get("page", 1, type=int)),
            size=size if size in SIZES else SIZE,
        )

    def rows(self, view: View) -> list[Row]:
        """The rows that are asked for, all pages of them."""
        found = [row for row in view.situation.rows if self._wants(row)]
        key = SORTS[self.sort]
        known = [row for row in found if key(row) is not None]
        unknown = [row for row in found if key(row) is None]  # always last
        return [*sorted(known, key=key, reverse=self.down), *unknown]

    def _wants(self, row: Row) -> bool:
        if self.typed and area_matches(row.area, self.typed) is None and not row.area.code.startswith(self.typed):
            return False
        for level, code in ((Level.ENTITY, self.entity), (Level.CANTON, self.canton)):
            over = row.over(level)
            if code and (over is None or over.code != code):
                return False
        return not (self.state == "modelled" and row.state == NOT_MODELLED) and not (
            self.state == "not_modelled" and row.state != NOT_MODELLED
        )


@table.get("")
@needs(Right.SEE)
def show() -> ResponseReturnValue:
    """One page of the table, sorted and filtered by the address."""
    with without_space() as session:
        view = look(session)
        asked = Asked.read()
        rows = asked.rows(view)
        pages = max(1, -(-len(rows) // asked.size))
        page = min(asked.page, pages)
        return render_template(
            "table.html",
            view=view,
            asked=asked,
            rows=rows[(page - 1) * asked.size : page * asked.size],
            count=len(rows),
            page=page,
            pages=pages,
            sizes=SIZES,
            total=total(rows),
            levels=[(level, totals(rows, level)) for level in LEVELS],
            over={level: _above(view, level) for level in LEVELS},
            classes=class_names(view.situation.run),
            sources=rests_on(view),
            address=_address,
            Level=Level,
        )


def _above(view: View, level: Level) -> list[Area]:
    return sorted_by_name(a for a in view.tree.areas.values() if a.level == level)


def _address(**changes: Any) -> str:
    """This table's address with some of it changed."""
    asked = {**request.args.to_dict(), **changes}
    endpoint = str(asked.pop("endpoint", "table.show"))
    return url_for(endpoint, **{k: v for k, v in asked.items() if v not in ("", None)})
