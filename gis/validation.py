"""Our numbers held against a published result and against independent tools, on real files.

Needs the `bench` extra (exactextract, rasterstats). Municipalities, places and flood outlines are real; no population
or depth raster of the country is among the files, so those two are made from them, seeded, in WorldPop's format.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS
from scipy.ndimage import gaussian_filter

from gis.coverage import coverage_fraction
from gis.exposure import ExposureIndex
from gis.grid import Grid
from gis.hazard import PolygonHazard, RasterHazard, union_share
from gis.polygons import Polygons, read_polygons
from gis.population import Population, population_from_array, read_population
from gis.source import ArraySource

CENSUS_2013 = 3_531_159
THRESHOLD_M = 0.3
PLACE_WEIGHT = {"city": 400.0, "town": 80.0, "suburb": 20.0, "village": 4.0, "hamlet": 1.0}

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Jakarta:
    """InaSAFE's own test pair. All in persons."""

    people: float
    exposed: float
    exposed_by_cell_centre: float
    centre_dry_but_partly_flooded: float
    centre_flooded_but_partly_dry: float
    cut_cells: int


def jakarta(data: Path) -> Jakarta:
    """The pair under pairs/, by exact coverage and by the rule that a cell counts whole if its centre is flooded."""
    population = read_population(data / "pairs" / "pop_clip_flood_test.tif")
    flood = read_polygons(data / "pairs" / "flood_poly_clip_flood_test.shp").to_crs(population.grid.crs)
    covered = union_share(flood, population)
    grid = population.grid
    x = grid.left + (population.column + 0.5) * grid.cell_width
    y = grid.top - (population.row + 0.5) * grid.cell_height
    centre = shapely.contains_xy(shapely.union_all(flood.geometry), x, y)
    people = population.people
    return Jakarta(
        people=population.total,
        exposed=float((people * covered).sum()),
        exposed_by_cell_centre=float(people[centre].sum()),
        centre_dry_but_partly_flooded=float((people * covered)[~centre].sum()),
        centre_flooded_but_partly_dry=float((people * (1 - covered))[centre].sum()),
        cut_cells=int(((covered > 0) & (covered < 1)).sum()),
    )


@dataclass(frozen=True)
class Country:
    """The real municipalities with a made population and a made depth raster on one grid."""

    municipalities: Polygons
    people: Float
    depth_m: NDArray[np.float32]
    population: Population
    index: ExposureIndex


def country(data: Path) -> Country:
    """142 municipalities; people at OpenStreetMap's places, 3 arc seconds, summing to the census of 2013."""
    municipalities = read_polygons(data / "admin" / "geoBoundaries-BIH-ADM3.geojson")
    grid = Grid(CRS.from_epsg(4326), 15.7, 45.3, 1 / 1200, 1 / 1200, 3360, 4800)
    places = geopandas.read_file(data / "osm" / "osm_places_bih_and_near_2019.gpkg")
    places = places[places["in_bih"]]
    weight = places["value"].map(PLACE_WEIGHT).fillna(0.5).to_numpy()
    column = ((places.geometry.x.to_numpy() - grid.left) / grid.cell_width).astype(int)
    row = ((grid.top - places.geometry.y.to_numpy()) / grid.cell_height).astype(int)
    people = np.zeros(grid.shape)
    np.add.at(people, (row, column), weight)
    people = gaussian_filter(people, 5, truncate=3)
    people *= CENSUS_2013 / people.sum()
    rng = np.random.default_rng(2014)
    valley = np.abs(gaussian_filter(rng.standard_normal(grid.shape), 25))
    depth = ((0.3 - valley / valley.std()) * 12).astype(np.float32)
    depth[depth <= 0] = np.nan
    population = population_from_array(people, grid)
    index = ExposureIndex.build(population, municipalities.geometry)
    return Country(municipalities, people, depth, population, index)


@dataclass(frozen=True)
class Agreement:
    """Two sets of numbers per municipality. Relative differences are of the larger people count of the municipality."""

    what: str
    ours: Float
    theirs: Float

    @property
    def largest_relative(self) -> float:
        size = np.maximum(np.abs(self.theirs), 1.0)
        return float((np.abs(self.ours - self.theirs) / size).max())


def against_exactextract(country: Country, data: Path) -> list[Agreement]:
    """People, people in made depths at or above the threshold, and people in real flood outlines, by municipality."""
    wet = np.where(country.depth_m >= np.float32(THRESHOLD_M), country.people, 0.0)
    scores = _depth_scores(country)
    floods = read_polygons(data / "flood" / "dfo_flood_archive_balkans_1985_2019.gpkg")
    outlines = country.index.score(PolygonHazard(floods, country.population).chunks(), [0.0])
    union = geopandas.GeoDataFrame(geometry=[shapely.union_all(floods.geometry)], crs="EPSG:4326")
    covered = _exactextract_coverage(country, union)
    return [
        Agreement("people", country.index.people, _exactextract_sum(country, country.people)),
        Agreement(f"people at {THRESHOLD_M} m and deeper", scores.exposed[:, 0], _exactextract_sum(country, wet)),
        Agreement(
            "people in the outlines of 140 floods",
            outlines.exposed[:, 0],
            _exactextract_sum(country, country.people * covered),
        ),
    ]


def _depth_scores(country: Country) -> Any:
    source = ArraySource(country.depth_m, country.population.grid)
    return country.index.score(RasterHazard(source, country.population).chunks(), [THRESHOLD_M])


def _frame(country: Country) -> geopandas.GeoDataFrame:
    geometry = country.municipalities.geometry
    return geopandas.GeoDataFrame({"n": range(len(geometry))}, geometry=geometry, crs="EPSG:4326")


def _raster(country: Country, values: Float) -> Any:
    from exactextract.raster import NumPyRasterSource

    left, bottom, right, top = country.population.grid.bounds
    return NumPyRasterSource(values, left, bottom, right, top, srs_wkt=country.population.grid.crs.to_wkt())


def _exactextract_sum(country: Country, values: Float) -> Float:
    from exactextract import exact_extract

    result = exact_extract(_raster(country, values), _frame(country), "sum", output="pandas")
    return np.asarray(result["sum"], dtype=np.float64)


def _exactextract_coverage(country: Country, shape: geopandas.GeoDataFrame) -> Float:
    from exactextract import exact_extract

    result = exact_extract(_raster(country, country.people), shape, ["cell_id", "coverage"], output="pandas")
    covered = np.zeros(country.people.size)
    covered[np.asarray(result["cell_id"][0], dtype=np.int64)] = result["coverage"][0]
    return covered.reshape(country.people.shape)


@dataclass(frozen=True)
class CentreRule:
    """rasterstats counts a cell whole where its centre lies in the zone. Persons, by municipality.

    allowed: what the cells cut by the boundary allow the two rules to differ by.
    """

    ours: Float
    rasterstats: Float
    allowed: Float
    names: tuple[str, ...]

    @property
    def within(self) -> bool:
        return bool((np.abs(self.ours - self.rasterstats) <= self.allowed * (1 + 1e-9) + 1e-6).all())

    @property
    def worst(self) -> tuple[str, float]:
        """(municipality, relative difference of the two)."""
        relative = np.abs(self.ours - self.rasterstats) / np.maximum(self.ours, 1.0)
        return self.names[int(relative.argmax())], float(relative.max())


def against_rasterstats(country: Country) -> CentreRule:
    """People at or above the threshold, by municipality."""
    from rasterstats import zonal_stats

    grid = country.population.grid
    wet = np.where(country.depth_m >= np.float32(THRESHOLD_M), country.people, 0.0)
    affine = Affine(grid.cell_width, 0.0, grid.left, 0.0, -grid.cell_height, grid.top)
    stats = zonal_stats(_frame(country), wet, affine=affine, stats=["sum"], nodata=-1)
    flat_wet = wet[country.population.row, country.population.column]
    start, cell, people = country.index.zone_start, country.index.entry_cell, country.index.entry_people
    share = people / country.population.people[cell]
    either = flat_wet[cell] * np.where(share < 1, np.maximum(share, 1 - share), 0.0)
    allowed = np.bincount(np.repeat(np.arange(len(start) - 1), np.diff(start)), either, minlength=len(start) - 1)
    return CentreRule(
        ours=_depth_scores(country).exposed[:, 0],
        rasterstats=np.array([s["sum"] or 0.0 for s in stats]),
        allowed=allowed.astype(np.float64),
        names=tuple(str(n) for n in country.municipalities.fields["shapeName"]),
    )


@dataclass(frozen=True)
class Balance:
    """Municipalities + people outside all of them - people counted twice = the raster's total. Persons."""

    municipalities: float
    outside: float
    twice: float
    raster: float

    @property
    def error(self) -> float:
        return abs(self.municipalities + self.outside - self.twice - self.raster)


def balance(country: Country) -> Balance:
    """Where the made raster's people are."""
    anywhere = coverage_fraction(shapely.union_all(country.municipalities.geometry), country.population.grid)
    inside = float((country.people * anywhere).sum())
    municipalities = float(country.index.people.sum())
    outside = float((country.people * (1 - anywhere)).sum())
    return Balance(municipalities, outside, municipalities - inside, float(country.people.sum()))


def report(data: Path) -> str:
    """docs/validation.md, from the files under `data`."""
    j = jakarta(data)
    made = country(data)
    agreements = against_exactextract(made, data)
    centre = against_rasterstats(made)
    b = balance(made)
    municipality, worst = centre.worst
    rows = "\n".join(
        f"| {a.what} | {a.ours.sum():,.3f} | {a.theirs.sum():,.3f} | {a.largest_relative:.1e} |" for a in agreements
    )
    return f"""# Validation

Written by `spremnost validate`; do not edit. The rule: exposed people of a zone are, over all population cells, people ×
coverage fraction of the zone in the cell × flooded share of the cell.

## A published result: Jakarta, 18 January 2013

InaSAFE's own test pair (population: AsiaPop; flood: OSM and BPBD DKI Jakarta) is published as **134,000 affected of
163,000 people**, each rounded up to a thousand.

| rule | affected | of |
|---|---:|---:|
| published (rounded up) | 134,000 | 163,000 |
| a cell counts whole where its centre is flooded | {j.exposed_by_cell_centre:,.1f} | {j.people:,.1f} |
| exact coverage (ours) | {j.exposed:,.1f} | {j.people:,.1f} |

The published figures are the cell-centre rule's, rounded up. Ours differs by
{j.exposed - j.exposed_by_cell_centre:+,.1f} people, all of them in the {j.cut_cells} cells that the flood's edge cuts:
{j.centre_dry_but_partly_flooded:,.1f} people live in the flooded part of cells whose centre is dry and are missed by the
cell-centre rule; {j.centre_flooded_but_partly_dry:,.1f} live in the dry part of cells whose centre is flooded and are
counted by it.

## Independent tools: the {len(made.municipalities.geometry)} municipalities

Real boundaries (geoBoundaries ADM3), people made at OpenStreetMap's places on a 3 arc-second grid so that they sum to the
census of 2013 ({CENSUS_2013:,}), flood depths made by a seeded formula, and the outlines of 140 real floods
(Dartmouth Flood Observatory). Depths and people are not real: what is compared is arithmetic.

**exactextract** (exact coverage fractions, other code): largest relative difference of any municipality

| what | ours, sum | exactextract, sum | largest difference |
|---|---:|---:|---:|
{rows}

What remains is the rounding of sums added in another order.

**rasterstats** (a cell counts whole where its centre is in the municipality): every municipality differs from ours by no
more than the cells on its boundary allow: **{"yes" if centre.within else "NO"}**. The sums are {centre.ours.sum():,.1f}
(ours) and {centre.rasterstats.sum():,.1f}; the largest difference is {worst:.2%}, in {municipality}.

## Nobody is lost

| | people |
|---|---:|
| sum over the municipalities | {b.municipalities:,.6f} |
| + outside all of them | {b.outside:,.6f} |
| − counted twice where boundaries overlap | {abs(b.twice):,.6f} |
| = total of the raster | {b.raster:,.6f} |
| error | {b.error:.0e} |
"""
