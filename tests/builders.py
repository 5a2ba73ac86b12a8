"""Small files and grids for tests; each test names only what matters to it."""

import pty

import numpy as np
import pyogrio.raw
import pytest
import rasterio
import shapely
from pyproj import CRS
from rasterio.transform import Affine

from gis.grid import Grid
from gis.polygons import Polygons

DRIVERS = {".geojson": "GeoJSON", ".gpkg": "GPKG", ".shp": "ESRI Shapefile", ".fgb": "FlatGeobuf"}
WGS84 = "EPSG:4326"
UTM = "EPSG:32633"
# As ArcGIS wrote it for years beside Shapefiles of zone 6.
ESRI_ZONE_6 = (
    'PROJCS["MGI_Balkans_6",GEOGCS["GCS_MGI",DATUM["D_MGI",SPHEROID["Bessel_1841",6377397.155,299.1528128]],'
    'PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],'
    'PARAMETER["False_Easting",6500000.0],PARAMETER["False_Northing",0.0],PARAMETER["Central_Meridian",18.0],'
    'PARAMETER["Scale_Factor",0.9999],PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]'
)


def a_grid(shape=(3, 3), *, left=0.0, bottom=0.0, cell=1.0, crs=WGS84):
    """Square cells; the lower left corner at the origin."""
    return Grid(CRS.from_user_input(crs), left, bottom + shape[0] * cell, cell, cell, *shape)


def a_raster(
    path,
    values,
    *,
    crs=WGS84,
    left=0.0,
    bottom=0.0,
    cell=1.0,
    transform=None,
    mask=None,
    scale=None,
    offset=None,
    driver="GTiff",
    **options,
):
    """A GeoTIFF of (ny, nx) or (bands, ny, nx) values in their own cell type."""
    values = np.asarray(values)
    bands = values if values.ndim == 3 else values[None]
    ny, nx = bands.shape[1:]
    profile = {
        "driver": driver,
        "width": nx,
        "height": ny,
        "count": len(bands),
        "dtype": bands.dtype,
        "crs": crs,
        "transform": transform or Affine(cell, 0, left, 0, -cell, bottom + ny * cell),
    }
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "w", **profile, **options) as file:
        if scale is not None:
            file.scales = [scale] * len(bands)
        if offset is not None:
            file.offsets = [offset] * len(bands)
        file.write(bands)
        if mask is not None:
            file.write_mask(np.asarray(mask))
    return path


def a_flat_array(values):
    """(n,) objects, whatever shapely or numpy would make of them."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def polygons_file(
    path, geometries, fields=None, *, crs=WGS84, driver=None, layer=None, geometry_type="Unknown", **more
):
    """A vector file of the geometries (None: a feature without one) and name -> values."""
    fields = fields or {}
    pyogrio.raw.write(
        path,
        a_flat_array([None if g is None else shapely.to_wkb(g) for g in geometries]),
        [v if isinstance(v, np.ndarray) else np.array(v, dtype=object) for v in fields.values()],
        list(fields),
        layer=layer,
        driver=driver or DRIVERS[path.suffix],
        geometry_type=geometry_type,
        crs=crs,
        **more,
    )
    return path


def some_polygons(*geometries, crs=WGS84, file="polygons"):
    return Polygons(file, CRS.from_user_input(crs), a_flat_array(geometries), {})


def a_terminal():
    """Our end of a terminal and that of the program that is watched."""
    try:
        return pty.openpty()
    except OSError:
        pytest.skip("there are no terminals here")
