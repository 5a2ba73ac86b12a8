"""A population raster held against the newest estimates: in all, and municipality by municipality."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import shapely
from pyproj import CRS
from sqlalchemy.orm import Session

from foundation.errors import N_
from gis.errors import WrongOption
from gis.exposure import ExposureIndex
from gis.polygons import Polygons
from gis.population import Population
from layers import people
from layers.areas import Level, areas, boundaries
from layers.catalogue import Kind, shown
from layers.findings import Finding, finding, listed
from layers.measures import OFF_ESTIMATE

OFF: Final = 0.05
"""Share by which a raster's people in all may miss the estimates without being mentioned."""


def estimates(session: Session) -> dict[str, Any] | None:
    """What prepare() must know: {"people", "source", "areas": [{"name", "people", "place" (WKB)}]} or None.

    areas: the municipalities with an estimate as the boundaries in use have them, empty where there are no boundaries.
    """
    municipalities = {a.id: a for a in areas(session, Level.MUNICIPALITY)}
    found = {area: e for area, e in people.estimates(session).items() if area in municipalities}
    if not found:
        return None
    told = {f"{e.table.layer.name}, {e.table.vintage}": None for e in found.values()}
    of_places = []
    for version in shown(session, Kind.MUNICIPALITIES)[:1]:
        known = boundaries(session, version.id, Level.MUNICIPALITY)
        for area, also, place in zip(known.area_ids, known.also_covers, known.geometry, strict=True):
            whole = people.estimate_of((area, *also), found)
            if whole is not None:
                of_places.append(
                    {
                        "name": f"{municipalities[area].name} ({municipalities[area].code})",
                        "people": whole,
                        "place": shapely.to_wkb(place, hex=True),
                    }
                )
    return {
        "people": sum(e.people for e in found.values()),
        "source": "; ".join(told),
        "areas": of_places,
    }


def off(population: Population, options: Mapping[str, Any], known: Mapping[str, Any] | None) -> list[Finding]:
    """What to say of a raster's people; option warn_share: how far they may be off in all. Raises WrongOption."""
    if not known:
        return []
    try:
        most = float(options.get("warn_share", OFF))
    except (TypeError, ValueError) as error:
        raise WrongOption(
            option="warn_share", value=options["warn_share"], expected=N_("give a share like 0.1")
        ) from error
    said, counted = known["people"], population.total
    findings = []
    if known["areas"]:
        places = np.array([shapely.from_wkb(area["place"]) for area in known["areas"]], dtype=object)
        zones = Polygons("", CRS.from_epsg(4326), places, {}).to_crs(population.grid.crs)
        by_area = ExposureIndex.build(population, zones.geometry).people.tolist()
        said, counted = sum(area["people"] for area in known["areas"]), sum(by_area)
        off_there = [
            f"{area['name']}: {raster:.0f} / {area['people']:.0f}"
            for area, raster in zip(known["areas"], by_area, strict=True)
            if abs(raster - area["people"]) > OFF_ESTIMATE * area["people"]
        ]
        if off_there:
            text = N_(
                "In {count} municipalities the raster's people are more than {percent} % off the newest estimate "
                "(raster / estimate): {names}."
            )
            findings.append(
                finding(
                    "population_off_there",
                    text,
                    count=len(off_there),
                    percent=100 * OFF_ESTIMATE,
                    names=listed(off_there),
                )
            )
    if abs(counted - said) > most * said:
        text = N_("The raster has {people} people in the country, {source} has {official}: {percent} % off.")
        findings.insert(
            0,
            finding(
                "population_off",
                text,
                people=round(counted),
                official=round(said),
                source=known["source"],
                percent=round(100 * (counted / said - 1), 1),
            ),
        )
    return findings
