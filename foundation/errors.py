"""What can go wrong here, as sentences that whoever shows them can translate."""

from __future__ import annotations

from typing import ClassVar, NewType

Marked = NewType("Marked", str)
"""A text that gettext has extracted, so that it can be translated where it is shown."""


def N_(text: str) -> Marked:  # noqa: N802  gettext's own name for it
    """The text itself, marked so that gettext extracts it."""
    return Marked(text)


class Word(str):
    """A parameter of a sentence that is itself to be translated, such as the name of a state."""

    __slots__ = ()


class FoundationError(Exception):
    """A text to translate and its parameters; as a string, the English sentence."""

    text: ClassVar[str] = N_("This could not be done.")

    def __init__(self, **parameters: object) -> None:
        super().__init__()
        self.parameters = parameters

    def __str__(self) -> str:
        return self.text.format(**self.parameters)


class NoSuchSpace(FoundationError):
    """No space answers to that short name."""

    text = N_("There is no space called {slug}.")


class NoSuchFigure(FoundationError):
    """No figure of that code is kept."""

    text = N_("There is no figure {code} in the reference tables.")


class FigureExists(FoundationError):
    """A new figure has the code of one that is kept already."""

    text = N_("There is already a figure {code}: change that one, or choose another code.")


class FigureChangedMeanwhile(FoundationError):
    """Someone else entered a newer revision since the figure was read."""

    text = N_("{code} was changed by someone else meanwhile. Look at its newest value, then change that.")


class KeyUsedForSomethingElse(FoundationError):
    """A key for doing things once came with another request before."""

    text = N_("The key {key} was used for another request already; take a new one for each request.")
