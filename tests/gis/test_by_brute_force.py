"""Files made at random, counted as the rule is written: areas by shapely, grids by the lengths that overlap, another
system by looking up every centre. Nothing here is shared with what it checks."""

import json
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pytest
import shapely
from pyproj import Transformer
from rasterio.transform import Affine
from shapely import Polygon, box

from gis.file_mode import write_exposure
from tests.builders import a_raster, polygons_file

EDGES = ["0.3", "0.70", "1.5"]
NUMBERS = [0.7, *map(float, EDGES)]

# left, top and size of a cell
PLACES = {
    "EPSG:4326": (16.0, 44.5, 0.01),
    "EPSG:3035": (4_900_000.0, 2_400_000.0, 1000.0),
    "EPSG:32633": (650_000.0, 4_900_000.0, 1000.0),
    "EPSG:8678": (6_500_000.0, 4_900_000.0, 1000.0),
    "EPSG:3857": (1_950_000.0, 5_500_000.0, 1400.0),
}


@dataclass
class Area:
    """The people's grid and their numbers."""

    crs: str
    left: float
    top: float
    width: float
    height: float
    people: np.ndarray

    @property
    def cells(self):
        ny, nx = self.people.shape
        x, y = np.meshgrid(self.left + self.width * np.arange(nx), self.top - self.height * np.arange(ny))
        return box(x, y - self.height, x + self.width, y)

    @property
    def extent(self):
        ny, nx = self.people.shape
        return self.left, self.top - ny * self.height, self.left + nx * self.width, self.top

    def shares(self, polygon):
        return shapely.area(shapely.intersection(self.cells, polygon)) / (self.width * self.height)


def some_people(rng, path):
    crs = str(rng.choice(list(PLACES)))
    left, top, size = PLACES[crs]
    ny, nx = rng.integers(1, 9, 2)
    width, height = size * rng.choice([1, 0.5, 2]), size * rng.choice([1, 0.5, 1 / 3])
    dtype = str(rng.choice(["float32", "float64", "int32", "uint8", "uint16"]))
    stored = np.where(rng.random((ny, nx)) < 0.7, rng.integers(1, 120, (ny, nx)), 0).astype(dtype)
    stored[0, 0] = 5
    missing = rng.random((ny, nx)) < 0.2
    missing[0, 0] = False
    nodata = -9999 if dtype.startswith("float") else 200
    people = np.where(missing, 0, stored.astype(float))
    stored[missing] = nodata
    south_up = rng.random() < 0.2
    transform = Affine(width, 0, left, 0, -height, top)
    if south_up:
        transform = Affine(width, 0, left, 0, height, top - ny * height)
    a_raster(path, stored[::-1] if south_up else stored, crs=crs, transform=transform, nodata=nodata)
    return Area(crs, left, top, width, height, people)


def a_polygon(rng, area):
    left, bottom, right, top = area.extent
    middle = rng.uniform([left, bottom], [right, top])
    angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 9)))
    reach = rng.uniform(0.1, 0.8, len(angles)) * max(right - left, top - bottom)
    polygon = Polygon(middle + reach[:, None] * np.column_stack([np.cos(angles), np.sin(angles)]))
    return polygon if polygon.is_valid and polygon.area > 0 else box(*(middle - reach[0]), *middle)


def moved(polygons, crs, to):
    transformer = Transformer.from_crs(crs, to, always_xy=True)
    return [shapely.transform(p, transformer.transform, interleaved=False) for p in polygons]


def stored_values(rng, shape):
    """(stored, options of the file, which cells reach each of NUMBERS)."""
    kind = str(rng.choice(["float32", "float64", "uint8", "int16", "scaled"]))
    if kind == "scaled":
        stored = rng.integers(0, 300, shape).astype(np.int16)
        reached = [np.vectorize(lambda v, n=n: int(v) * Decimal("0.01") >= Decimal(str(n)))(stored) for n in NUMBERS]
        return stored, {"scale": 0.01}, reached
    if kind.startswith("float"):
        values = rng.choice([0, 0.1, 0.3, 0.29999, 0.7, 0.70001, 1, 1.5, 2, np.nan], shape).astype(kind)
        return values, {}, [values >= np.dtype(kind).type(n) for n in NUMBERS]
    stored = rng.integers(0, 4, shape).astype(kind)
    missing = rng.random(shape) < 0.2
    stored[missing] = 99
    return stored, {"nodata": 99}, [(stored >= n) & ~missing for n in NUMBERS]


def overlaps(start, step, count, other_start, other_step, other_count):
    """Which share of each cell each cell of the other axis takes, (count, other_count)."""
    a, b = start + step * np.arange(count + 1), other_start + other_step * np.arange(other_count + 1)
    shared = np.minimum(a[1:, None], b[None, 1:]) - np.maximum(a[:-1, None], b[None, :-1])
    return np.clip(shared, 0, None) / step


def flood_on_some_grid(rng, path, area):
    shape = tuple(rng.integers(1, 14, 2))
    stored, options, reached = stored_values(rng, shape)
    width, height = area.width * rng.choice([1, 0.5, 2, 0.37]), area.height * rng.choice([1, 0.25, 3, 1.7])
    left, top = area.left + area.width * rng.choice([0, 0.5, -0.37]), area.top - area.height * rng.choice([0, 0.3, -1])
    a_raster(path, stored, crs=area.crs, transform=Affine(width, 0, left, 0, -height, top), **options)
    rows = overlaps(-area.top, area.height, area.people.shape[0], -top, height, shape[0])
    columns = overlaps(area.left, area.width, area.people.shape[1], left, width, shape[1])
    inside = rows.sum(axis=1)[:, None] * columns.sum(axis=1)
    return [rows @ wet @ columns.T for wet in reached], inside


def flood_in_another_system(rng, path, area):
    crs = str(rng.choice([c for c in PLACES if c != area.crs]))
    shape = tuple(rng.integers(1, 14, 2))
    stored, options, reached = stored_values(rng, shape)
    left, bottom, right, top = moved([shapely.segmentize(box(*area.extent), area.width)], area.crs, crs)[0].bounds
    size = max(right - left, top - bottom) * rng.uniform(0.08, 0.3)
    transform = Affine.translation(left - size, top) @ Affine.rotation(rng.choice([0, 30])) @ Affine.scale(size, -size)
    a_raster(path, stored, crs=crs, transform=transform, **options)
    transformer = Transformer.from_crs(area.crs, crs, always_xy=True)

    def at(rows, columns):
        x, y = np.meshgrid(area.left + area.width * columns, area.top - area.height * rows)
        column, row = ~transform @ transformer.transform(x, y)
        return row, column

    ny, nx = area.people.shape
    row, column = at(np.arange(ny + 1), np.arange(nx + 1))
    parts = []
    for axis in (0, 1):
        halves = 2 * np.hypot(np.diff(row, axis=axis), np.diff(column, axis=axis))
        if np.ceil(halves.min() * 0.98) != np.ceil(halves.max() * 1.02):
            return None  # how finely cells are cut could not be said without cutting them
        parts.append(int(np.ceil(halves.max())))
    row, column = at(*((np.arange(n * p) + 0.5) / p for n, p in zip((ny, nx), parts, strict=True)))
    inside = (row >= 0) & (row < shape[0]) & (column >= 0) & (column < shape[1])
    if not inside.any():
        return None
    at_centre = np.clip(row.astype(int), 0, shape[0] - 1), np.clip(column.astype(int), 0, shape[1] - 1)

    def of_cells(centres):
        return centres.reshape(ny, parts[0], nx, parts[1]).mean(axis=(1, 3))

    return [of_cells(wet[at_centre] & inside) for wet in reached], of_cells(inside)


def flood_polygons(rng, path, area):
    polygons = [a_polygon(rng, area) for _ in range(rng.integers(1, 5))]
    polygons_file(path, polygons, crs=area.crs)
    inside = area.shares(box(*shapely.total_bounds(polygons)))
    return ([area.shares(shapely.union_all(polygons))], inside) if inside.any() else None


@pytest.mark.parametrize("seed", range(16))
def test_random_files_are_counted_as_the_rule_is_written(tmp_path, seed):
    rng = np.random.default_rng(seed)
    area = some_people(rng, tmp_path / "people.tif")
    zones = [box(*area.extent), *(a_polygon(rng, area) for _ in range(3))]
    crs = str(rng.choice([area.crs, *PLACES]))
    elsewhere = moved(zones, area.crs, crs)
    polygons_file(tmp_path / "zones.gpkg", elsewhere, crs=crs)
    zones = [shapely.make_valid(zone) for zone in moved(elsewhere, crs, area.crs)]
    makers = [flood_on_some_grid, flood_in_another_system, flood_polygons]
    made = [make(rng, tmp_path / f"{i}{'.gpkg' if i == 2 else '.tif'}", area) for i, make in enumerate(makers)]
    floods = {str(i): flood for i, flood in enumerate(made) if flood}
    write_exposure(
        zones=str(tmp_path / "zones.gpkg"),
        layer=None,
        population=str(tmp_path / "people.tif"),
        hazards=[str(tmp_path / f"{name}{'.gpkg' if name == '2' else '.tif'}") for name in floods],
        threshold=NUMBERS[0],
        edge_names=EDGES,
        zone_field=None,
        unit="persons",
        kept_indexes=None,
        format="json",
        output=str(tmp_path / "out.json"),
    )
    rows = json.loads((tmp_path / "out.json").read_text())
    told = {(row["hazard"], row["zone"]): row for row in rows}
    assert len(told) == len(rows) == len(floods) * (len(zones) + 1)
    for name, (flooded, inside) in floods.items():
        for number, zone in enumerate(zones, 1):
            row = told[name, str(number)]
            people = area.people * area.shares(zone)
            near = {"rel": 1e-6, "abs": 1e-6 * max(1, people.sum())}
            assert row["population"] == pytest.approx(people.sum(), **near)
            assert row["not_modelled"] == pytest.approx((people * (1 - inside)).sum(), **near)
            reached = [(people * share).sum() for share in flooded]
            if people.sum() > 0 and (people * inside).sum() < 1e-9 * people.sum():
                wanted = [None] * (1 + len(EDGES))
            elif len(reached) == 1:
                wanted = [reached[0], *[None] * len(EDGES)]
            else:
                wanted = [reached[0], *(a - b for a, b in zip(reached[1:], [*reached[2:], 0], strict=True))]
            columns = ["exposed", "exposed_0.3_0.70", "exposed_0.70_1.5", "exposed_1.5_inf"]
            for column, value in zip(columns, wanted, strict=True):
                assert row[column] == (None if value is None else pytest.approx(value, **near)), (name, number, column)
