"""Moments as people and files write them. A time without an offset needs a zone that was chosen, not guessed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final

from layers.field_errors import HERE, DoubledHour, NoMoment, SkippedHour

ZONES: Final[dict[str, tzinfo]] = {
    "Europe/Sarajevo": HERE,
    "UTC": UTC,
    "UTC+1": timezone(timedelta(hours=1)),  # winter time all the year, as hydrological services keep it
}
BY_DAY: Final = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})\.?(?:\s+|T)(.*)")
CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?\s*(Z|[+-]\d{2}:?\d{2})?")


def moment(text: str, zone: str) -> datetime:
    """The moment that a text says, in UTC: 2026-05-14 12:00, 14.05.2026 12:00, either with Z or +02:00 behind it.

    zone: a key of ZONES, for texts without an offset. Raises NoMoment, SkippedHour, DoubledHour.
    """
    written = " ".join(text.split())
    by_day = BY_DAY.fullmatch(written)
    if by_day:
        day, month, year, clock = by_day.groups()
    else:
        date, _, clock = written.replace("T", " ", 1).partition(" ")
        parts = date.split("-")
        if len(parts) != 3 or len(parts[0]) != 4 or not all(p.isascii() and p.isdigit() for p in parts):
            raise NoMoment(value=text.strip() or "–")
        year, month, day = parts
    time = CLOCK.fullmatch(clock.strip())
    if time is None:
        raise NoMoment(value=text.strip())
    try:
        naive = datetime(int(year), int(month), int(day), int(time[1]), int(time[2]), int(time[3] or 0))  # noqa: DTZ001  its zone follows
        if time[4]:
            sign, digits = time[4][0], time[4].replace(":", "")[1:]
            offset = timedelta() if sign == "Z" else timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
            return naive.replace(tzinfo=timezone(-offset if sign == "-" else offset)).astimezone(UTC)
        return local(naive, zone)
    except (ValueError, OverflowError):
        raise NoMoment(value=text.strip()) from None


def local(naive: datetime, zone: str) -> datetime:
    """A wall clock's time in a zone, as UTC. Raises SkippedHour, DoubledHour."""
    place = ZONES[zone]
    earlier, later = (naive.replace(tzinfo=place, fold=fold) for fold in (0, 1))
    if earlier.utcoffset() == later.utcoffset():
        return earlier.astimezone(UTC)
    shown = earlier.astimezone(UTC).astimezone(place).replace(tzinfo=None)
    raise (DoubledHour if shown == naive else SkippedHour)(value=naive.strftime("%Y-%m-%d %H:%M"))
