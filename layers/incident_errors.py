"""What can go wrong with incidents, as sentences that whoever shows them can translate."""

from __future__ import annotations

from foundation.errors import N_
from layers.field_errors import Conflict, FieldError, NotThere


class NoIncident(NotThere):
    """No incident has that id in this space."""

    text = N_("There is no such incident here.")


class WrongIncidentStep(Conflict):
    """An incident cannot take that step."""

    text = N_("{incident} is {state} and cannot become {wanted}.")


class DecisionNumbered(Conflict):
    """There is no decision that still lacks its number."""

    text = N_("{incident}: the decision has its number already, or there is none.")


class NoIncidentArea(FieldError):
    """An incident is somewhere."""

    text = N_("Say where it is: choose the municipalities, or draw the area in the country.")


class UnusableShape(FieldError):
    """Something that was drawn cannot be used."""

    text = N_("What was drawn cannot be used; draw it again, inside the map and with fewer corners.")


class FromTheFuture(FieldError):
    """The moment has not come."""

    text = N_("{at} has not come yet; look at the date and the hour.")


class TooEarly(FieldError):
    """A step before the one that it follows."""

    text = N_("{at} is before the step that comes first ({before}); look at the date and the hour.")


class TooLong(FieldError):
    """A text that nobody could read."""

    text = N_("{field}: {count} letters are too many; at most {most}.")


class TooMany(FieldError):
    """More of something than a page can show."""

    text = N_("{what}: at most {most}.")


class NoSuchEntry(NotThere):
    """No entry of a diary has that id in this space."""

    text = N_("There is no such entry in the diary.")


class SamePerson(FieldError):
    """A shift is handed over to somebody else."""

    text = N_("{person} cannot take over from {person}; say who takes over.")


class WrongEvacuationStep(Conflict):
    """An evacuation cannot take that step."""

    text = N_("The evacuation of {place} is {state} and cannot become {wanted}.")


class EvacuatedTwice(Conflict):
    """People would be counted with a place and again with what it lies in."""

    text = N_(
        "{place} lies in {other}, which is entered as a whole already: its people would be counted twice. Enter either "
        "the whole or its parts."
    )


class WrongPlaceOfEvacuation(FieldError):
    """An evacuation needs one place."""

    text = N_("Choose a settlement, a local community or a municipality of the incident, or write the place's name.")


class WrongNumberOfPeople(FieldError):
    """A number of people that cannot be."""

    text = N_("{field}: {value} is no number of people; give a whole number from 0 on, or leave it open.")


class FallingNumber(FieldError):
    """Fewer than were entered before, without a word about it."""

    text = N_("{field}: {value} is less than {before}, which was entered before; say in the note why.")


class NoSuchSketch(NotThere):
    """No sketch has that id in this space."""

    text = N_("There is no such sketch here.")


class NoSuchLink(NotThere):
    """No link of an incident has that id in this space."""

    text = N_("This does not belong to the incident, or not any more.")


class AlreadyLinked(Conflict):
    """It hangs on the incident already."""

    text = N_("This belongs to the incident already.")
