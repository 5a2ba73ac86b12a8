"""What can go wrong with gauges, warnings and incidents, as sentences that whoever shows them can translate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from foundation.errors import N_
from layers.errors import LayersError

HERE: Final = ZoneInfo("Europe/Sarajevo")
MOST_SAID: Final = 20


def said(moment: datetime) -> str:
    """A moment as a sentence names it, in any language: 2026-05-14 14:00 (UTC+02:00)."""
    return moment.astimezone(HERE).strftime("%Y-%m-%d %H:%M (%Z)")


class FieldError(LayersError):
    """The root of these."""

    text = N_("This could not be entered.")


class NotThere(FieldError):
    """What was asked for is not in this space."""

    text = N_("There is no such entry here.")


class Conflict(FieldError):
    """It contradicts what is there."""

    text = N_("This contradicts what is entered already.")


# --- gauges ----------------------------------------------------------------------------------------------------------


class NoSuchStation(NotThere):
    """No gauge has that id or code."""

    text = N_("There is no gauge {station}.")


class StationClosed(Conflict):
    """Nobody reads that gauge any more."""

    text = N_("{station} is read no more since {at}; look whether you mean another gauge.")


class StationExists(Conflict):
    """The code is taken."""

    text = N_("There is already a gauge with the code {code}: change that one, or choose another code.")


class ChangedMeanwhile(Conflict):
    """Someone else entered a newer revision since it was read."""

    text = N_("{what} was changed by someone else meanwhile. Look at what it says now, then change that.")


class NotAMunicipality(FieldError):
    """A gauge belongs to a municipality."""

    text = N_("{area} is no municipality: choose the municipality that follows this gauge.")


class WrongPlace(FieldError):
    """A point that is not in or near the country."""

    text = N_(
        "The place {lon}, {lat} is nowhere near the country: give longitude first, then latitude, in degrees "
        "(Doboj: 18.09, 44.73)."
    )


class Empty(FieldError):
    """Something that must be said was not."""

    text = N_("{field}: say something here; it must not stay empty.")


class OutOfBounds(FieldError):
    """A number that cannot be."""

    text = N_("{field}: {value} cannot be used; give a number from {lowest} to {highest}.")


class WrongThreshold(FieldError):
    """A threshold that no gauge has."""

    text = N_("{level}: {value} cm cannot be a threshold; give centimetres between {lowest} and {highest}.")


class ThresholdsOutOfOrder(FieldError):
    """A later level would be reached before an earlier one."""

    text = N_(
        "{later} at {later_cm} cm would come before {earlier} at {earlier_cm} cm; correct one of them, or change both "
        "together."
    )


class WrongTie(FieldError):
    """What a threshold is tied to does not make sense."""

    text = N_(
        "{level}: tie the threshold to one flood layer or to one return period, and give a rise in metres (0 to "
        "{most}) only together with it."
    )


class NoSource(FieldError):
    """Nothing says where a figure comes from."""

    text = N_("{what}: say where it comes from (the plan or decision, with its date or number).")


class NoSuchReading(NotThere):
    """No reading has that id in this space."""

    text = N_("There is no such reading here.")


class ReadingConflict(Conflict):
    """Another level is entered for that gauge and moment."""

    text = N_(
        "{station} has {known} cm at {at} already, entered by {by}; {given} cm contradicts it. If the earlier one is "
        "wrong, correct it and say why."
    )


class LevelOutOfRange(FieldError):
    """No river here stands so low or so high."""

    text = N_(
        "{station}, {at}: {value} cm is outside {lowest} to {highest} cm. Levels are in centimetres above the gauge's "
        "zero; look whether metres, millimetres or metres above sea level were written."
    )


class ReadingFromTheFuture(FieldError):
    """The moment has not come."""

    text = N_("{station}: {at} has not come yet; look at the date and at the time zone (local time or UTC).")


class ImplausibleReading(FieldError):
    """A level that does not follow from its neighbours."""

    text = N_(
        "{station}, {at}: {value} cm after {before} cm at {before_at} does not look right. Read the gauge again; if it "
        "is so, confirm it."
    )


class MetresTaken(ImplausibleReading):
    """A level that fits its neighbours when it is taken for metres."""

    text = N_(
        "{station}, {at}: {value} cm after {before} cm at {before_at} looks like metres. Write {as_cm} if that is "
        "meant; if the river really stands so low, confirm it."
    )


class LikeMetres(ImplausibleReading):
    """A small number with decimals, and nothing beside it to hold it against."""

    text = N_(
        "{station}, {at}: {value} cm looks like metres. Write {as_cm} if that is meant; if the river really stands so "
        "low, confirm it."
    )


class AlreadyCorrected(Conflict):
    """A reading may be corrected once; the correction can be corrected."""

    text = N_("This reading was corrected meanwhile. Look at what it says now, then correct that.")


class NoReason(FieldError):
    """A correction needs a reason."""

    text = N_("Say why, in a few words: what is corrected stays readable, with the reason beside it.")


class NoMoment(FieldError):
    """A text that is no date with a time."""

    text = N_("{value} is no date with a time; write 2026-05-14 12:00 or 14.05.2026 12:00.")


class SkippedHour(FieldError):
    """A local time that there never was."""

    text = N_("{value} does not exist in local time: the clocks were put forward over it. Look at the time zone.")


class DoubledHour(FieldError):
    """A local time that there was twice."""

    text = N_(
        "{value} came twice in local time, as the clocks were put back: write +02:00 (summer time) or +01:00 (winter "
        "time) behind it."
    )


class NoLevel(FieldError):
    """A text that is no level."""

    text = N_("{value} is no level; write a number such as 312 or 312.5, without a unit and without spaces.")


class Thousands(FieldError):
    """A number that can be read in two ways."""

    text = N_("{value} can be read in two ways; write the number without a separator of thousands.")


class TwiceInFile(FieldError):
    """Two rows contradict each other."""

    text = N_("row {row} of the same file says {value} cm for the same gauge and moment; one of the two is wrong.")


class ColumnsLacking(FieldError):
    """A table without what is needed."""

    text = N_("{file} lacks a column; it has {columns}. Name one of its columns: {missing}.")


class TooManyRows(FieldError):
    """A file that is too long to be checked while somebody waits."""

    text = N_("{file} has {count} rows; bring at most {most} at a time.")


@dataclass(frozen=True)
class RowProblem:
    """What is wrong, or odd, in a cell: the row as a spreadsheet numbers it, the column's name, the sentence."""

    row: int
    column: str
    error: FieldError

    def __str__(self) -> str:
        return f"row {self.row}, {self.column}: {self.error}"


class FileRefused(FieldError):
    """Nothing of a file was taken. problems: each cell with its own sentence."""

    text = N_("{file} was not taken, nothing of it was entered. {count} cells must be corrected ({problems}).")

    def __init__(self, file: str, problems: Sequence[RowProblem]) -> None:
        first = "; ".join(str(problem) for problem in problems[:MOST_SAID])
        more = f" … (+{len(problems) - MOST_SAID})" if len(problems) > MOST_SAID else ""
        super().__init__(file=file, count=len(problems), problems=first + more)
        self.problems = problems


class ToConfirm(FileRefused):
    """A file that is readable but holds what does not look right."""

    text = N_("{file} was not taken yet: {count} levels do not look right. Correct or confirm them ({problems}).")
