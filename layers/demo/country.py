"""A made country for demonstration, as files that are imported like any other.

Real are names, codes, levels, census figures and where seats and settlements lie; everything else is made by formulas
from a seed and says so. docs/demo.md tells how.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage

from foundation.errors import N_, Marked
from gis.population import cell_areas_km2
from layers.catalogue import Kind, Method
from layers.demo import boundaries, cover, facts, formats, people, places, rivers, terrain
from layers.demo.facts import Float
from layers.demo.lattice import Lattice
from layers.demo.places import Feature

SEED: Final = 2013
FINE: Final = Lattice(600)  # 6 arc-seconds: people and floods
MIDDLE: Final = Lattice(300)  # 12: elevation
COARSE: Final = Lattice(150)  # 24: land cover
WIDE: Final = Lattice(60)  # 60: fire danger
BEYOND_DEGREES: Final = 0.1
"""How far the terrain reaches beyond the country."""
MOST_DEPTH_M: Final = 12.0
EVENT: Final = N_("May 2014 (illustrative)")
EVENT_REGION: Final = shapely.Polygon(
    [
        (17.1, 44.7),
        (17.5, 44.7),
        (17.75, 44.45),
        (18.2, 44.4),
        (18.9, 44.4),
        (19.2, 44.45),
        (19.4, 44.7),
        (19.4, 45.0),
        (18.6, 45.15),
        (17.9, 45.2),
        (17.4, 45.12),
        (17.1, 44.95),
    ]
)
ENTITY_CODES: Final = {"FBiH": "BA-BIH", "RS": "BA-SRP", "BD": "BA-BRC"}
PRODUCER: Final = N_("Spremnost demonstration")
FLOODS: Final[dict[float, Marked]] = {
    10: N_("River floods, 1 in 10 years (illustrative)"),
    20: N_("River floods, 1 in 20 years (illustrative)"),
    50: N_("River floods, 1 in 50 years (illustrative)"),
    100: N_("River floods, 1 in 100 years (illustrative)"),
    200: N_("River floods, 1 in 200 years (illustrative)"),
    500: N_("River floods, 1 in 500 years (illustrative)"),
}
VINTAGE: Final = N_("demonstration")
LICENCE: Final = "CC0-1.0"
OSM_LICENCE: Final = "ODbL-1.0, coordinates © OpenStreetMap contributors"
AGES: Final = {"0-14": 0.154, "15-64": 0.704, "65+": 0.142}
WOMEN: Final = {"0-14": 0.486, "15-64": 0.499, "65+": 0.587}


@dataclass(frozen=True)
class DemoFile:
    """A made file with all that catalogue.receive and the import ask for."""

    path: Path
    kind: Kind
    name: Marked
    method_note: Marked
    vintage: Marked = VINTAGE
    licence: str = LICENCE
    producer: Marked = PRODUCER
    method: Method = Method.ILLUSTRATIVE
    return_period_years: float | None = None
    event: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Country:
    """The made country in arrays. depths_m: by return period, persons: both (ny, nx) on FINE; elevation_m on MIDDLE."""

    polygons: list[shapely.Polygon]
    courses: list[rivers.Course]
    depths_m: Mapping[float, Float]
    persons: NDArray[np.float32]
    elevation_m: Float
    plain: Float
    noise: Float


def make_country(seed: int = SEED) -> Country:
    """The country of a seed, always the same. One generator for each subject: a change of one leaves the others."""
    random = iter([np.random.default_rng([seed, subject]) for subject in range(6)])
    bends = next(random)
    courses = [rivers.wind(river, bends) for river in facts.rivers()]
    roughness = FINE.noise(next(random), km=6, octaves=3)
    depths = terrain.flood_depths(rivers.valleys(courses, FINE), roughness)
    polygons = boundaries.grow(next(random))
    ground = terrain.terrain(rivers.valleys(courses, MIDDLE), _halved(roughness), MIDDLE, next(random))
    # People have kept away from where the water often comes.
    dry = (1 - 0.85 * np.clip(depths[10], 0, 1)) * (1 - 0.5 * np.clip(depths[100], 0, 1))
    suitable = _doubled(_suitable(ground)) * dry
    persons = people.spread(polygons, suitable, FINE, next(random))
    noise = COARSE.noise(next(random), km=8, octaves=4)
    return Country(polygons, courses, depths, persons, ground.elevation_m, ground.plain, noise)


def make_files(folder: Path, *, seed: int = SEED) -> list[DemoFile]:
    """Write the country's files into the folder; in the order in which they are to be imported.

    Takes half a minute and 8 MB. The same seed gives the same bytes.
    """
    country = make_country(seed)
    return [
        *_areas(folder, country),
        *_people(folder, country),
        *_rasters(folder, country, seed),
        *_features(folder, country, seed),
    ]


def _areas(folder: Path, country: Country) -> Iterator[DemoFile]:
    municipalities = facts.municipalities()
    yield DemoFile(
        formats.geojson(
            folder / "municipalities.geojson",
            [
                Feature(
                    polygon,
                    {
                        "code": m.code,
                        "name": m.name,
                        "name_en": m.name_en,
                        "entity": ENTITY_CODES[m.entity],
                        "canton": m.canton,
                    },
                )
                for m, polygon in zip(municipalities, country.polygons, strict=True)
            ],
        ),
        Kind.MUNICIPALITIES,
        N_("Municipalities (approximate)"),
        N_(
            "Illustrative data, not for operations. Names, codes and levels are real; boundaries "
            "grew from the seats until areas were about right."
        ),
        vintage=N_("units of 2014"),
        licence=OSM_LICENCE,
        options={
            "columns": {
                "code": "code",
                "name": "name",
                "names": {"en": "name_en"},
                "entity": "entity",
                "canton": "canton",
            }
        },
    )
    polygons = dict(zip((m.code for m in municipalities), country.polygons, strict=True))
    yield DemoFile(
        formats.geojson(
            folder / "settlements.geojson",
            [
                Feature(shapely.Point(s.lon, s.lat), {"code": s.code, "name": s.name, "municipality": s.municipality})
                for s in facts.settlements()
                if polygons[s.municipality].contains(shapely.Point(s.lon, s.lat))
            ],
        ),
        Kind.SETTLEMENTS,
        N_("Main settlements"),
        N_(
            "Illustrative data, not for operations. Names, codes and places are real, but only those "
            "inside the approximate boundaries are here."
        ),
        vintage=N_("codes of 1991, places of 2019"),
        licence=OSM_LICENCE,
        options={"columns": {"code": "code", "name": "name", "municipality": "municipality"}},
    )


def _people(folder: Path, country: Country) -> Iterator[DemoFile]:
    municipalities = facts.municipalities()
    yield DemoFile(
        formats.table(
            folder / "people_2013.csv",
            ("code", "name", "people"),
            [(m.code, m.name, m.people_2013) for m in municipalities],
        ),
        Kind.POPULATION_TABLE,
        N_("Census 2013 by municipality"),
        N_(
            "Illustrative data, not for operations. The census figures, two known misprints mended; "
            "Doboj and Stanari apart by derivation."
        ),
        vintage=N_("census 2013"),
        options={"columns": {"code": "code", "people": "people"}},
    )
    yield DemoFile(
        formats.table(
            folder / "people_by_age_and_sex.csv",
            ("code", "sex", "age", "people"),
            [
                (m.code, sex, age, count)
                for m in municipalities
                for (sex, age), count in [(("all", "all"), m.people_2013), *by_age_and_sex(m.people_2013).items()]
            ],
        ),
        Kind.POPULATION_TABLE,
        N_("Age and sex by municipality (illustrative)"),
        N_(
            "Illustrative data, not for operations. The same shares of age and sex everywhere, "
            "applied to the census figures."
        ),
        vintage=N_("census 2013"),
        options={"columns": {"code": "code", "people": "people", "sex": "sex", "age": "age"}},
    )
    yield DemoFile(
        formats.geotiff(folder / "people.tif", country.persons, FINE, -9999),
        Kind.POPULATION_RASTER,
        N_("People (illustrative)"),
        N_(
            "Illustrative data, not for operations. Spread about seats and settlements; each "
            "municipality's sum is its census figure."
        ),
        vintage=N_("census 2013"),
        options={"unit": "persons"},
    )


def _rasters(folder: Path, country: Country, seed: int) -> Iterator[DemoFile]:
    for period, depth in country.depths_m.items():
        yield DemoFile(
            formats.geotiff(
                folder / f"flood_{period:g}.tif", np.minimum(depth, MOST_DEPTH_M).astype(np.float32), FINE, -9999
            ),
            Kind.FLOOD_DEPTH,
            FLOODS[period],
            N_(
                "Illustrative data, not for operations. A made rise of each named river, less the height "
                "of the ground above its bank."
            ),
            return_period_years=float(period),
        )
    near = _near_country(MIDDLE)
    elevation = np.where(near, np.round(country.elevation_m), -32768).astype(np.int16)
    yield DemoFile(
        formats.geotiff(folder / "elevation.tif", elevation, MIDDLE, -32768),
        Kind.ELEVATION,
        N_("Elevation (illustrative)"),
        N_(
            "Illustrative data, not for operations. Plains along the named rivers, ridges between "
            "them, mountains where the large ones are."
        ),
    )
    danger = cover.fire_danger(_sampled(country.elevation_m, WIDE), WIDE, np.random.default_rng([seed, 100]))
    danger = np.where(_near_country(WIDE), danger, -9999).astype(np.float32)
    yield DemoFile(
        formats.geotiff(folder / "fire_danger.tif", danger, WIDE, -9999),
        Kind.FIRE_DANGER,
        N_("Fire danger of a dry August (illustrative)"),
        N_(
            "Illustrative data, not for operations. A fire weather index that rises towards "
            "Herzegovina and falls with height."
        ),
        options={"legend": "effis_fwi"},
    )
    yield DemoFile(
        formats.geotiff(folder / "land_cover.tif", _land_cover(country), COARSE, 0),
        Kind.LAND_COVER,
        N_("Land cover (illustrative)"),
        N_("Illustrative data, not for operations. From made elevation and made people; classes of ESA WorldCover."),
        options={"legend": "esa_worldcover"},
    )


def _features(folder: Path, country: Country, seed: int) -> Iterator[DemoFile]:
    columns = {"columns": {"name": "name", "category": "category"}}
    yield DemoFile(
        formats.geojson(
            folder / "rivers.geojson",
            [
                Feature(
                    shapely.LineString(np.round(c.points[_every(len(c.points), 2)], 5)),
                    {"name": c.river.name, "category": "river"},
                )
                for c in country.courses
            ],
        ),
        Kind.RIVERS,
        N_("Rivers (illustrative courses)"),
        N_(
            "Illustrative data, not for operations. The named rivers through the towns that they "
            "pass; between these, courses are approximate."
        ),
        options=columns,
    )
    yield DemoFile(
        formats.geojson(folder / "roads.geojson", places.roads(_sampled(country.elevation_m, places.ROADS))),
        Kind.ROADS,
        N_("Main roads (illustrative courses)"),
        N_(
            "Illustrative data, not for operations. Which seats the main roads join is real; their "
            "courses are the easiest ways over made terrain."
        ),
        options=columns,
    )
    yield DemoFile(
        formats.geojson(
            folder / "facilities.geojson",
            places.facilities(country.polygons, np.random.default_rng([seed, 101])),
        ),
        Kind.FACILITIES,
        N_("Facilities (illustrative)"),
        N_(
            "Illustrative data, not for operations. Made hospitals, fire stations, schools and halls "
            "near seats and settlements."
        ),
        options=columns,
    )
    yield DemoFile(
        formats.geojson(
            folder / "veto_areas.geojson",
            places.veto_areas(country.persons, FINE, np.random.default_rng([seed, 102])),
        ),
        Kind.VETO_AREAS,
        N_("Suspected hazardous areas (illustrative)"),
        N_(
            "Illustrative data, not for operations. None of these is a real one; they lie where "
            "nobody of the made country lives."
        ),
        options=columns,
    )
    depth = np.where(country.depths_m[500] > 0, country.depths_m[200], 0.0)
    yield DemoFile(
        formats.geojson(
            folder / "flood_may_2014.geojson", places.event(_halved(depth), EVENT_REGION & facts.outline(), MIDDLE)
        ),
        Kind.FLOOD_EXTENT,
        N_("Flooded area, May 2014 (illustrative)"),
        N_(
            "Illustrative data, not for operations. The made flood of 200 years in the region that "
            "the flood of May 2014 struck, not what it covered."
        ),
        event=EVENT,
        options={
            "columns": {"value": "depth_class"},
            "footprint": shapely.to_wkt(EVENT_REGION.buffer(0.01), rounding_precision=4),
        },
    )


def by_age_and_sex(total: int) -> dict[tuple[str, str], int]:
    """Women and men of each age band, whole numbers that add up to the total (largest remainder)."""
    exact = {
        (sex, age): total * share * (WOMEN[age] if sex == "female" else 1 - WOMEN[age])
        for age, share in AGES.items()
        for sex in ("female", "male")
    }
    counts = {key: int(value) for key, value in exact.items()}
    by_remainder = sorted(exact, key=lambda key: exact[key] - counts[key], reverse=True)
    for key in by_remainder[: total - sum(counts.values())]:
        counts[key] += 1
    return counts


def _suitable(ground: terrain.Terrain) -> Float:
    """How well one can live there, 0..1, (ny, nx) on MIDDLE: not on the bank, on steep ground or high up."""
    height, width = (1000 * km for km in MIDDLE.cell_km)
    slope = np.hypot(*np.gradient(ground.elevation_m, height, width))
    good = np.exp(-slope / 0.15) * np.exp(-np.maximum(ground.elevation_m - 850, 0) / 200)
    found: Float = np.where(ground.river_km < 0.12, 0.2, 1.0) * good * (0.5 + 0.5 * ground.plain)
    return found


def _land_cover(country: Country) -> NDArray[np.uint8]:
    ratio = FINE.per_degree // COARSE.per_degree
    ny, nx = FINE.shape[0] // ratio, FINE.shape[1] // ratio
    persons = country.persons[: ny * ratio, : nx * ratio].reshape(ny, ratio, nx, ratio).sum(axis=(1, 3))
    persons = np.pad(persons, [(0, n - m) for n, m in zip(COARSE.shape, persons.shape, strict=True)])
    density = persons / cell_areas_km2(COARSE.grid, 0, COARSE.shape[0])
    water = np.zeros(COARSE.shape, dtype=bool)
    for course in country.courses:
        if course.river.stage_m >= rivers.TIERS[1]:
            water[COARSE.cell(course.points[:, 0], course.points[:, 1])] = True
    found = cover.land_cover(
        _sampled(country.elevation_m, COARSE), _sampled(country.plain, COARSE), density, water, COARSE, country.noise
    )
    return np.where(_near_country(COARSE), found, 0).astype(np.uint8)


def _near_country(lattice: Lattice) -> NDArray[np.bool_]:
    lon, lat = lattice.centres()
    near = shapely.buffer(facts.outline(), BEYOND_DEGREES)
    shapely.prepare(near)
    found: NDArray[np.bool_] = shapely.contains_xy(near, *np.meshgrid(lon, lat))
    return found


def _sampled(values: Float, lattice: Lattice) -> Float:
    """Values on MIDDLE, smoothed and read at the cells of a coarser lattice."""
    ratio = MIDDLE.per_degree / lattice.per_degree
    smooth = ndimage.uniform_filter(values, max(1, int(ratio)))
    lon, lat = lattice.centres()
    row, _ = MIDDLE.cell(np.full(lat.shape, lon[0]), lat)
    _, column = MIDDLE.cell(lon, np.full(lon.shape, lat[0]))
    found: Float = smooth[np.ix_(row, column)]
    return found


def _halved(values: Float) -> Float:
    """From FINE to MIDDLE: the mean of four cells."""
    ny, nx = MIDDLE.shape
    found: Float = values.reshape(ny, 2, nx, 2).mean(axis=(1, 3))
    return found


def _doubled(values: Float) -> Float:
    """From MIDDLE to FINE."""
    return np.repeat(np.repeat(values, 2, axis=0), 2, axis=1)


def _every(count: int, step: int) -> Sequence[int]:
    """Every step-th position, always with the last."""
    return [*range(0, count - 1, step), count - 1]
