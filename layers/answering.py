"""What each counting keeps so that later questions are answered without a raster or a polygon being read again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gis.arrays import load, save
from gis.exposure import ExposureIndex
from gis.gathered import save_hazard, save_index
from gis.raster import RasterFile
from gis.rise import Water, build_over_ground, over_ground
from gis.terrain import Terrain
from gis.values import Chunk
from layers.files import FileStore

FACILITIES: Final = "facilities 1"
WGS84: Final = CRS.from_epsg(4326)


@dataclass(frozen=True)
class KeptFiles:
    """The hashes of what is kept with a run.

    gathered_file: the hazard's values at the populated cells (gis.gathered). over_ground_file: the same with the water
    over the dry ground (gis.rise), and over_ground_pyramid: its tiles; both only of a flood depth with elevation.
    index_file: who lives in which area, cell by cell. facilities_file: the hazard at each facility.
    """

    gathered_file: str
    over_ground_file: str | None
    over_ground_pyramid: str | None
    index_file: str
    facilities_file: str | None

    def hashes(self) -> set[str]:
        """All of them."""
        return {h for h in asdict(self).values() if h}


@dataclass(frozen=True)
class CountedAreas:
    """The areas of an index file: those counted cell by cell, in the index's order, municipalities first.

    above: of each municipality what lies over it when it was counted, nearest first.
    """

    areas: tuple[UUID, ...]
    municipalities: int
    above: Mapping[UUID, tuple[UUID, ...]]

    def data(self) -> dict[str, Any]:
        """As JSON knows it."""
        return {
            "areas": [str(a) for a in self.areas],
            "municipalities": self.municipalities,
            "above": {str(a): [str(o) for o in over] for a, over in self.above.items()},
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> CountedAreas:
        """What data() gave."""
        above = {UUID(a): tuple(UUID(o) for o in over) for a, over in data["above"].items()}
        return cls(tuple(UUID(a) for a in data["areas"]), data["municipalities"], above)


class Facility(NamedTuple):
    """A facility of a layer by its number in the file; a place in degrees."""

    number: int
    category: str
    longitude: float
    latitude: float


@dataclass(frozen=True)
class FacilitiesAtHazard:
    """A hazard at every facility of a layer's version.

    number: (n,) of the feature; longitude, latitude: (n,) degrees; value: (n,), NaN dry or without value;
    over_ground_m: (n,) as gis.rise has it, NaN without elevation; modelled: (n,). Facilities of the index's zone z are
    at zone_start[z]:zone_start[z + 1] of facility.
    """

    number: NDArray[np.int64]
    longitude: NDArray[np.float64]
    latitude: NDArray[np.float64]
    value: NDArray[np.float64]
    over_ground_m: NDArray[np.float64]
    modelled: NDArray[np.bool_]
    zone_start: NDArray[np.int64]
    facility: NDArray[np.int32]
    version_id: UUID

    def of_zones(self, zones: Sequence[int]) -> NDArray[np.int32]:
        """The positions of the facilities in some zones."""
        parts = [self.facility[self.zone_start[z] : self.zone_start[z + 1]] for z in zones]
        return np.concatenate([np.empty(0, np.int32), *parts])

    def save(self, path: Path) -> None:
        """Keep it in one file."""
        arrays = {name: value for name, value in vars(self).items() if name != "version_id"}
        save(path, FACILITIES, arrays, {"version_id": str(self.version_id)})

    @classmethod
    def load(cls, path: Path) -> FacilitiesAtHazard:
        """What save() kept, memory-mapped. Raises FormatTooOld, OSError."""
        arrays, about = load(path, FACILITIES)
        return cls(**arrays, version_id=UUID(about["version_id"]))


def facilities_at_hazard(
    version_id: UUID,
    facilities: Sequence[Facility],
    value: NDArray[np.float64],
    modelled: NDArray[np.bool_],
    zones: NDArray[np.object_],
    water: Water | None,
) -> FacilitiesAtHazard:
    """The facilities with the hazard's values there; zones: (z,) polygons in degrees; water: of a flood, if known."""
    longitude = np.array([f.longitude for f in facilities], np.float64)
    latitude = np.array([f.latitude for f in facilities], np.float64)
    over = np.full(len(facilities), np.nan)
    if water is not None:
        over = np.where(modelled, water.over_ground_m(value, longitude, latitude, WGS84), np.nan)
    point, zone = shapely.STRtree(zones).query(shapely.points(longitude, latitude), predicate="intersects")
    order = np.lexsort([point, zone])
    return FacilitiesAtHazard(
        np.array([f.number for f in facilities], np.int64),
        longitude,
        latitude,
        value,
        over,
        modelled,
        np.searchsorted(zone[order], np.arange(len(zones) + 1)).astype(np.int64),
        point[order].astype(np.int32),
        version_id,
    )


def keep_files(
    store: FileStore,
    index: ExposureIndex,
    areas: CountedAreas,
    hazard: Chunk,
    facilities: FacilitiesAtHazard | None,
    flood: tuple[Path, Water] | None,
) -> KeptFiles:
    """Keep them in the store; flood: a flood depth's COG and its water, where elevation is known."""
    with store.part() as part:
        save_hazard(hazard, part)
        gathered_file = store.put(part)
    with store.part() as part:
        save_index(index, part, areas.data())
        index_file = store.put(part)
    facilities_file = over_ground_file = over_ground_pyramid = None
    if facilities is not None:
        with store.part() as part:
            facilities.save(part)
            facilities_file = store.put(part)
    if flood is not None:
        file, water = flood
        with store.part() as part:
            save_hazard(over_ground(hazard, index.population, water), part)
            over_ground_file = store.put(part)
        with store.part() as part, RasterFile(file) as raster:
            build_over_ground(raster, water, part)
            over_ground_pyramid = store.put(part)
    return KeptFiles(gathered_file, over_ground_file, over_ground_pyramid, index_file, facilities_file)


def water_of(file: Path, terrain_file: Path) -> Water:
    """The water of a flood depth's COG over the kept terrain."""
    with RasterFile(file) as raster:
        return Water.of(raster, Terrain.load(terrain_file))
