"""What is odd about a file that is kept all the same: a code, a text to translate, its parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pyproj import CRS

from foundation.errors import N_, Marked
from gis.systems import datum_unknown

Finding = dict[str, Any]
MOST_LISTED = 100


def finding(code: str, text: Marked, **parameters: Any) -> Finding:
    """One finding as it is kept with the version; as_text() makes the English sentence of it."""
    return {"code": code, "text": text, "parameters": parameters}


def told(error: Exception) -> dict[str, Any]:
    """What an error of one of our packages says, as it is kept: its text and parameters."""
    text, parameters = getattr(error, "text", ""), getattr(error, "parameters", {})
    plain = {k: v if isinstance(v, int | float) else str(v) for k, v in parameters.items()}
    return {"text": text, "parameters": plain} if text else {"text": "{said}", "parameters": {"said": str(error)}}


def as_text(facts: Mapping[str, Any]) -> str:
    """The English sentence of a finding, or of what told() gave."""
    return str(facts["text"]).format(**facts["parameters"])


def listed(items: Iterable[object], most: int = MOST_LISTED) -> str:
    """The items as one text; what is beyond the most is counted only."""
    words = [str(item) for item in items]
    more = f" … (+{len(words) - most})" if len(words) > most else ""
    return ", ".join(words[:most]) + more


def datum_findings(crs: CRS, x: float, y: float) -> list[Finding]:
    """What to say of a file around x, y where nobody told how its system's datum lies on the Earth."""
    if not datum_unknown(crs, CRS.from_epsg(4326), x, y):
        return []
    return [
        finding(
            "datum_unknown",
            N_("How the datum of {system} lies to WGS 84 is not known; places may be some hundred metres off."),
            system=crs.name,
        )
    ]


def spans(cells: Sequence[tuple[int, str, str]], most: int = MOST_LISTED) -> str:
    """Rows with their column and value, rows that follow each other with the same value together.

    cells: (row as a spreadsheet numbers it, column, value), by row.
    """
    groups: list[list[Any]] = []
    for row, column, value in cells:
        if groups and groups[-1][2:] == [column, value] and groups[-1][1] == row - 1:
            groups[-1][1] = row
        else:
            groups.append([row, row, column, value])
    words = [
        f"{'row ' + str(first) if first == last else f'rows {first}–{last}'}, {column}: {value or '–'}"
        for first, last, column, value in groups[:most]
    ]
    more = f"; … (+{len(groups) - most})" if len(groups) > most else ""
    return "; ".join(words) + more
