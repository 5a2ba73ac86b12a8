"""What can go wrong with layers, as sentences that whoever shows them can translate."""

from __future__ import annotations

from typing import ClassVar

from foundation.errors import N_


class LayersError(Exception):
    """The root: a text to translate and its parameters; as a string, the English sentence."""

    text: ClassVar[str] = N_("The layer could not be used.")

    def __init__(self, **parameters: object) -> None:
        super().__init__()
        self.parameters = parameters

    def __str__(self) -> str:
        return self.text.format(**self.parameters)


class TooMuchMemory(LayersError):
    """The files made the sandbox pass its limit of memory."""

    text = N_(
        "{files} cannot be read within {limit_gib:g} GiB of memory; cut them to the area needed or simplify them."
    )


class TooLong(LayersError):
    """The files kept the sandbox busy past its limit of time."""

    text = N_("{files} kept the reader busy for more than {limit_minutes:g} minutes; cut them to the area needed.")


class NoRoom(LayersError):
    """The folder for temporary files is full."""

    text = N_("There is no room left in {folder}; make some, or name another folder in TMPDIR.")


class ReaderDied(LayersError):
    """A library that read the files crashed."""

    text = N_("{files} made the reader stop ({reason}); one of them is damaged or hostile, get it again.")


class NoSuchLayer(LayersError):
    """No version of a layer has that id."""

    text = N_("There is no layer version {id}.")


class WrongState(LayersError):
    """A layer's version cannot take that step."""

    text = N_("{layer} is {state} and cannot become {wanted}.")


class SlotTaken(LayersError):
    """A layer of that name has another return period or event."""

    text = N_("{layer} exists with another return period or event; give this one another name.")


class FileTooLarge(LayersError):
    """More came than is taken."""

    text = N_("The file has more than {limit_mb} MB; cut it to the area needed.")


class FileVanished(LayersError):
    """A file that the catalogue names is not in the store."""

    text = N_("The file {hash}… of this layer is not in the data folder; restore it from a backup or import it again.")


class NothingToCount(LayersError):
    """Exposure needs a layer that is not there."""

    text = N_("Exposed people cannot be counted: there is no ready layer of the kind {kind}. Import one.")


class Cancelled(LayersError):
    """Somebody withdrew the layer while it was being read."""

    text = N_("{layer} was withdrawn while it was being read.")


class NoReturnPeriod(LayersError):
    """A flood layer does not say how often or when."""

    text = N_("{layer}: a flood layer needs a return period in years, or the name of the event that it shows.")


class WrongReturnPeriod(LayersError):
    """A return period that is no number of years."""

    text = N_("{layer}: the return period {years} must be a number of years above 0; 1-in-100 is 100.")


class PlaceNotUnderstood(LayersError):
    """What was drawn is no geometry."""

    text = N_("The area that was drawn cannot be read ({reason}); draw it again, or give it as a file.")


class PlaceWithoutArea(LayersError):
    """A point or a line was drawn, without a distance."""

    text = N_("A point or a line has no area: give the distance around it in metres, or draw a polygon.")


class TooManyCorners(LayersError):
    """An area with more corners than anybody draws."""

    text = N_("The area has {corners} corners, more than {most}; simplify it first.")


class PlaceTangled(LayersError):
    """An outline that crosses itself more often than can be repaired in reasonable time."""

    text = N_("The outline crosses itself so often that it cannot be repaired; simplify it, or draw it again.")


class WrongDistance(LayersError):
    """A radius or a buffer that is no distance to ask about."""

    text = N_("The distance around a point or a line must be from {least:g} to {most:g} metres, not {metres:g}.")


class PlaceTooSmall(LayersError):
    """Nothing is left of an area, or less than anybody asks about."""

    text = N_("The area that was drawn is smaller than {least_m2:g} m²; draw a larger one.")


class PlaceTooLarge(LayersError):
    """An area far larger than the country."""

    text = N_("The area has {km2:.0f} km², more than {most:g} km²; look whether its corners are right.")


class PlaceOutside(LayersError):
    """An area that lies wholly outside the country."""

    text = N_("The area ({found}) lies outside the country; nothing is known there. Draw it within the country.")


class PlaceSwapped(PlaceOutside):
    """An area that would lie in the country if longitude and latitude changed places."""

    text = N_("The area ({found}) lies outside the country: longitude and latitude are exchanged. Turn them round.")


class NoSuchArea(LayersError):
    """No area has that id."""

    text = N_("There is no area {id}.")


class NoBoundary(LayersError):
    """An area is not counted by itself in the layers that are shown."""

    text = N_("{area} has no boundary of its own in the layers that are shown; nothing is counted for it alone.")


class CountedInAnother(NoBoundary):
    """An area whose land lies in another's boundary."""

    text = N_("{area} has no boundary of its own in the layers that are shown; its people are counted in {host}.")


class NothingCounted(LayersError):
    """No exposed people are stored for the hazard that was chosen."""

    text = N_("For this hazard no exposed people have been counted; choose another, or wait until they are counted.")


class CountedByOlderEdition(LayersError):
    """The numbers were stored before their cells were kept with them."""

    text = N_("{layer} was counted by an older edition, which kept no cells: count it anew (spremnost layers count).")


class NoDepths(LayersError):
    """A threshold or a rise was asked of a hazard that has none."""

    text = N_("{layer} shows what is flooded, without depths: it has no threshold and no rise. Choose a depth layer.")


class NoRise(LayersError):
    """A rise of the water was asked of a fire."""

    text = N_("{layer} is no flood: its water cannot rise. Choose a flood, or ask for another threshold.")


class RiseOutOfRange(LayersError):
    """A rise beyond what the method says anything about."""

    text = N_(
        "The rise must be from {least:g} to {most:g} m, not {rise}: beyond that it is another flood, which a layer of "
        "another return period shows better."
    )


class ThresholdOutOfRange(LayersError):
    """A threshold that the hazard's values cannot have."""

    text = N_("The threshold must be above {least:g} and at most {most:g} {unit}, not {threshold}.")


class WrongClasses(LayersError):
    """Class limits that do not rise, or too many of them."""

    text = N_("The limits of the classes must rise, be above 0 and be at most {most}; {edges} do not.")


class WrongPage(LayersError):
    """A page of cells that is none."""

    text = N_("Give at most {most} cells at once, from the first one on.")


class NoSuchSavedAsk(LayersError):
    """No saved question has that id in this space."""

    text = N_("This saved question does not exist, or has been removed.")


class SavedAskInUse(LayersError):
    """An incident is about the saved question."""

    text = N_("{name} belongs to an incident and stays; take it off there first.")


class TooManySaved(LayersError):
    """An organisation has as many saved questions as it may have."""

    text = N_("Your organisation has saved {most} questions, the most that are kept; remove some first.")


class SavedAskWithoutName(LayersError):
    """A question to be saved has no name, or an endless one."""

    text = N_("Give the question a name of at most {most} characters.")


class NoteTooLong(LayersError):
    """A note that is a book."""

    text = N_("The note has more than {most} characters; shorten it.")
