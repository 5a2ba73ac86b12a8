"""Indicators that our own stored exposure can give to the risk index, each with what it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from foundation.errors import N_
from layers import annual, exposure
from layers.catalogue import FLOODS, RANK, LayerVersion, Method
from layers.exposure import Default
from layers.riskindex import Taken

HUNDRED: Final = 100.0
SOURCE: Final = "Spremnost"


@dataclass(frozen=True)
class Offered:
    """A value with the runs and versions of layers that it rests on."""

    value: float
    method: Method
    provenance: Mapping[str, Any]


@dataclass(frozen=True)
class Offer:
    """An indicator of the category natural, component flood; values by municipality. name: to be translated."""

    code: str
    name: str
    unit: str
    values: Mapping[UUID, Offered]
    category: str = "natural"
    component: str = "flood"

    @property
    def bounds(self) -> tuple[float, float]:
        """From nought to the largest value, rounded up to two digits: bounds that somebody must stand for."""
        most = max((one.value for one in self.values.values()), default=0.0)
        if most <= 0:
            return 0.0, 1.0
        rounded = float(f"{most:.1e}")
        step = 10.0 ** (int(f"{rounded:e}".split("e")[1]) - 1)
        return 0.0, rounded if rounded >= most else float(f"{rounded + step:.2g}")

    def taken(self, indicator_code: str) -> list[Taken]:
        """To be kept as an indicator's values."""
        return [
            Taken(indicator_code, area, one.value, one.method, {"offer": self.code, **one.provenance})
            for area, one in self.values.items()
        ]


def offers(session: Session) -> list[Offer]:
    """What there is to offer now; municipalities that nothing models have no value, which is not nought."""
    defaults = exposure.defaults(session, FLOODS)
    by_area: dict[UUID, list[tuple[float, Default]]] = {}
    for (area, years), default in sorted(defaults.items(), key=lambda item: item[0][1]):
        by_area.setdefault(area, []).append((years, default))
    annual_people = annual.figures(session, list(by_area))
    people: dict[UUID, Offered] = {}
    share: dict[UUID, Offered] = {}
    hundred: dict[UUID, Offered] = {}
    for area, periods in by_area.items():
        rests = _rests(session, periods)
        population = periods[0][1].figure.population
        stored = annual_people.get(area)
        if stored is not None and stored.people is not None:
            people[area] = Offered(stored.people, *rests)
            if population > 0:
                share[area] = Offered(stored.people / population, *rests)
        for years, default in periods:
            figure = default.figure
            if years == HUNDRED and figure.exposed is not None and figure.population > 0:
                hundred[area] = Offered(figure.exposed / figure.population, *_rests(session, [(years, default)]))
    found = [
        Offer("flood_annual", N_("People expected to be exposed to floods in a year"), N_("people a year"), people),
        Offer("flood_annual_share", N_("Share of all people expected to be exposed to floods in a year"), "0–1", share),
        Offer("flood_share_100", N_("Share of all people exposed to a flood of once in 100 years"), "0–1", hundred),
    ]
    return [offer for offer in found if offer.values]


def _rests(session: Session, periods: Sequence[tuple[float, Default]]) -> tuple[Method, dict[str, Any]]:
    """(the least sure method of what it rests on, runs and versions)."""
    methods: list[Method] = []
    said = []
    for years, default in periods:
        population = session.get_one(LayerVersion, default.run.population_version_id)
        methods += [default.hazard.method, population.method]
        said.append(
            {
                "years": years,
                "run": str(default.run.id),
                "hazard": str(default.hazard.id),
                "hazard_name": default.hazard.layer.name,
                "population": str(population.id),
                "threshold": default.run.threshold,
                "computed_at": default.run.computed_at.isoformat(),
            }
        )
    return max(methods, key=lambda method: RANK[method]), {"rests_on": said}
