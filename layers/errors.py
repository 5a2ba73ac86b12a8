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
