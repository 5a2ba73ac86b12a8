"""What can go wrong with the risk index, as sentences that whoever shows them can translate."""

from __future__ import annotations

from foundation.errors import N_
from layers.errors import LayersError


class RiskError(LayersError):
    """The root of what concerns the risk index."""

    text = N_("The risk index could not be reckoned.")


class NoSuchRiskModel(RiskError):
    """No model has that code."""

    text = N_("There is no risk index {code}.")


class NoSuchIndicator(RiskError):
    """The model has no such indicator."""

    text = N_("The risk index {model} has no indicator {code}.")


class RiskExists(RiskError):
    """The code of something new is taken."""

    text = N_("There is already {code}: change that one, or choose another code.")


class RiskChangedMeanwhile(RiskError):
    """Somebody else entered a newer revision."""

    text = N_("{code} was changed by someone else meanwhile. Look at its newest value, then change that.")


class WrongRiskCode(RiskError):
    """A code that no address could carry."""

    text = N_("The code {code} must be of small letters a to z, digits, - and _, at most 64, like inform-bih-2025.")


class UnknownCategory(RiskError):
    """INFORM has no such category."""

    text = N_("{category} is no category of the risk index; choose one of: {known}.")


class WrongBounds(RiskError):
    """Nothing can be scaled between these."""

    text = N_("{indicator}: the lower bound {low} must be a number below the upper bound {high}.")


class WrongWeight(RiskError):
    """A weight that is none."""

    text = N_("{name}: the weight {weight} must be a number above 0.")


class NotANumber(RiskError):
    """A value that cannot be scaled."""

    text = N_("{indicator}: {value} is no number; leave it empty where it is not known.")


class TwoReadings(RiskError):
    """A number that somebody may mean a thousand times larger."""

    text = N_("{indicator}: {value} can be read in two ways; write it without a sign between the thousands.")


class WrongRiskTable(RiskError):
    """A table has rows that cannot be used; nothing of it is kept."""

    text = N_(
        "{file} was not taken in and nothing of it was kept. Rows, as a spreadsheet numbers them, with a municipality "
        "that is not known: {unknown}; rows that come twice: {twice}; cells that are no number: {bad}; indicators that "
        "are not known: {strangers}. Correct these and bring the file again."
    )


class NothingMapped(RiskError):
    """No column was said to hold an indicator."""

    text = N_("{file}: say which column holds which indicator of the risk index; the file has {columns}.")
