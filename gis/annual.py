"""Expected annual exposed people: one number for all return periods of a hazard."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gis.errors import WrongReturnPeriods


def expected_annual_exposed(return_periods_years: Sequence[float], exposed: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean number of people exposed per year, (zones,), from exposed (zones, return periods).

    The area under exposed people over annual exceedance probability p = 1/T by the trapezoidal rule; events rarer than
    the rarest modelled one count as that one (p_min * exposed), events more frequent than the most frequent one are not
    counted, so the figure is a lower bound. NaN (not modelled) in any return period gives NaN.

    Raises WrongReturnPeriods. Source: Olsen et al. 2015, doi:10.3390/w7010255 (trapezoidal rule, tail constant).
    """
    years = np.asarray(return_periods_years, dtype=np.float64)
    if not (np.isfinite(years).all() and (years > 0).all() and len(np.unique(years)) == len(years) > 0):
        raise WrongReturnPeriods(return_periods=", ".join(f"{y:g}" for y in years))
    order = np.argsort(years)
    probability = 1.0 / years[order]
    people = np.asarray(exposed, dtype=np.float64)[..., order]
    steps = probability[:-1] - probability[1:]
    between = (people[..., :-1] + people[..., 1:]) / 2 * steps
    return np.asarray(between.sum(axis=-1) + people[..., -1] * probability[-1])
