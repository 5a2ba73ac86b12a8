"""Active fires as NASA's FIRMS gives them out, of MODIS and of VIIRS; runs in the sandbox.

Times are UTC. acq_time is hours and minutes without leading zeros in some files (26 is 00:26). The confidence is a
percentage for MODIS, a word for VIIRS. Source: FIRMS, "Active Fire Data Attributes".
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from foundation.errors import N_
from gis.errors import BadValues, MangledDates, MissingColumns
from layers.findings import Finding, finding, listed, spans
from layers.sources import Features, text_of

NEEDED = ("acq_date", "acq_time", "confidence", "satellite")
WORDS = {"l": "low", "n": "nominal", "h": "high", "low": "low", "nominal": "nominal", "high": "high"}
SATELLITES = {
    "A": "Aqua",
    "T": "Terra",
    "N": "Suomi NPP",
    "N20": "NOAA-20",
    "1": "NOAA-20",
    "N21": "NOAA-21",
    "2": "NOAA-21",
}
ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Fire:
    """One pixel in which a satellite saw fire."""

    sensor: str  # MODIS or VIIRS
    observed_at: datetime
    radiative_power_mw: float | None
    properties: dict[str, Any]


def fires(features: Features) -> tuple[list[Fire], list[Finding]]:
    """The fires of a file, each with its moment. Raises MissingColumns, MangledDates, BadValues."""
    columns = {column.lower(): values for column, values in features.fields.items()}
    brightness = next((c for c in ("bright_ti4", "brightness") if c in columns), None)
    lacking = [c for c in NEEDED if c not in columns] + ([] if brightness else ["brightness / bright_ti4"])
    if lacking or brightness is None:
        raise MissingColumns(file=features.file, missing=listed(lacking), columns=listed(features.fields))
    sensor = "VIIRS" if brightness == "bright_ti4" else "MODIS"
    rows = features.numbers.tolist()

    dates = [text_of(v)[:10] if ISO_DATE.match(text_of(v)) else text_of(v) for v in columns["acq_date"]]
    mangled = [(n, "acq_date", d) for n, d in zip(rows, dates, strict=True) if not ISO_DATE.fullmatch(d)]
    if mangled:
        raise MangledDates(file=features.file, count=len(mangled), values=spans(mangled))

    found: list[Fire] = []
    bad: list[tuple[int, str, str]] = []
    powers = columns.get("frp", [""] * len(rows))
    for i, row in enumerate(rows):
        moment = _moment(dates[i], text_of(columns["acq_time"][i]))
        if moment is None:
            bad.append((row, "acq_date acq_time", f"{dates[i]} {text_of(columns['acq_time'][i])}"))
        confidence = _confidence(text_of(columns["confidence"][i]), sensor)
        if confidence is None:
            bad.append((row, "confidence", text_of(columns["confidence"][i])))
        power, heat = _number(powers[i]), _number(columns[brightness][i])
        for column, value, said in (("frp", power, powers[i]), (brightness, heat, columns[brightness][i])):
            if text_of(said) and (value is None or (column == brightness and value <= 0)):
                bad.append((row, column, text_of(said)))
        if moment is None or confidence is None:
            continue
        satellite = text_of(columns["satellite"][i])
        properties = {
            "satellite": SATELLITES.get(satellite.upper(), satellite),
            "confidence": confidence,
            "confidence_percent": int(text_of(columns["confidence"][i])) if sensor == "MODIS" else None,
            "brightness_k": heat,
            "daynight": _cell(columns, "daynight", i),
            "version": _cell(columns, "version", i),
            "type": _cell(columns, "type", i),
        }
        found.append(Fire(sensor, moment, power, {k: v for k, v in properties.items() if v is not None}))
    if bad:
        raise BadValues(file=features.file, count=len(bad), values=spans(bad))
    return found, _odd(features, found)


def _moment(date: str, time: str) -> datetime | None:
    digits = time.replace(":", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 4):
        return None
    hour, minute = divmod(int(digits), 100)
    try:
        return datetime.fromisoformat(date).replace(hour=hour, minute=minute, tzinfo=UTC)
    except ValueError:
        return None


def _confidence(said: str, sensor: str) -> str | None:
    """low, nominal or high; of a percentage, the classes of FIRMS: below 30, to below 80, and above."""
    if sensor == "VIIRS":
        return WORDS.get(said.lower())
    if not (said.isascii() and said.isdigit() and int(said) <= 100):
        return None
    return "low" if int(said) < 30 else "nominal" if int(said) < 80 else "high"


def _number(said: Any) -> float | None:
    try:
        number = float(text_of(said))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _cell(columns: Mapping[str, Sequence[Any]], column: str, i: int) -> str | None:
    return text_of(columns[column][i]) or None if column in columns else None


def _odd(features: Features, found: Sequence[Fire]) -> list[Finding]:
    seen = Counter(
        (place.x, place.y, fire.observed_at, fire.properties["satellite"])
        for place, fire in zip(features.geometry, found, strict=True)
    )
    again = sum(n - 1 for n in seen.values())
    if not again:
        return []
    text = N_("{count} fires come more than once: same place, moment, satellite.")
    return [finding("fires_twice", text, count=again)]
