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


class ReaderDied(LayersError):
    """A library that read the files crashed."""

    text = N_("{files} made the reader stop ({reason}); one of them is damaged or hostile, get it again.")
