"""What can go wrong with warnings, as sentences that whoever shows them can translate."""

from __future__ import annotations

from foundation.errors import N_
from layers.field_errors import FieldError, NotThere


class NoXml(FieldError):
    """A file that no XML reader takes."""

    text = N_("{file} is no sound XML ({reason}); get it again from whoever issues it.")


class HostileXml(FieldError):
    """A file that declares a document type or entities, as attacks do and warnings never need."""

    text = N_(
        "{file} declares a document type or entities, by which a file can read others or reach addresses; warnings "
        "need none. It was not read: ask whoever issues it."
    )


class XmlTooLarge(FieldError):
    """Larger or deeper than any collection of warnings."""

    text = N_("{file} is too large or too deep for a file of warnings ({what}); bring less at a time.")


class NotCap(FieldError):
    """XML or JSON of another kind."""

    text = N_(
        "{file} holds {found} and no warning; give a CAP 1.2 file, an Atom feed of such files or a MeteoAlarm feed."
    )


class WrongCap(FieldError):
    """A message that is not as CAP asks for."""

    text = N_("{file} is not as the Common Alerting Protocol asks for.")


class MissingInCap(WrongCap):
    """Something that must be said is not."""

    text = N_("{file}, line {line}: {parent} says no {element}, which CAP asks for.")


class TwiceInCap(WrongCap):
    """Something comes more than once."""

    text = N_("{file}, line {line}: {element} comes {count} times in one {parent}; it may come once.")


class WrongWordInCap(WrongCap):
    """A word that CAP does not know."""

    text = N_("{file}, line {line}: {element} is {value}; CAP allows {allowed}.")


class WrongMomentInCap(WrongCap):
    """A time that is none, or has no offset."""

    text = N_(
        "{file}, line {line}: {element} is {value}; CAP asks for a date and time with its offset, such as "
        "2026-05-14T12:00:00+02:00."
    )


class WrongNameInCap(WrongCap):
    """An identifier or sender that cannot be referred to."""

    text = N_("{file}, line {line}: {element} is {value}; CAP allows no blanks, commas, < or & in it.")


class NoReferences(WrongCap):
    """An update or cancellation of nothing."""

    text = N_("{file}, line {line}: a message of the kind {kind} must refer to an earlier one, and refers to none.")


class TooMuchInCap(WrongCap):
    """More than any warning has."""

    text = N_("{file}: one message has more than {infos} parts or {areas} areas; it was not read.")


class WrongJson(FieldError):
    """JSON that is not as MeteoAlarm publishes it."""

    text = N_("{file} is no MeteoAlarm feed ({reason}); get it again, or give the CAP files themselves.")


class EmptyFeed(FieldError):
    """A feed whose entries hold nothing."""

    text = N_("{file}: its {count} entries hold neither a warning nor the address of one.")


class WrongRegions(FieldError):
    """A file of warning regions that cannot be used."""

    text = N_("{file} cannot be used as warning regions: {reason}")


class NoSuchWarning(NotThere):
    """No warning has that id in this space."""

    text = N_("There is no such warning here.")
