"""Files that want to be followed elsewhere, read with the sandbox's settings and no other protection."""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from shapely import box

from layers.errors import TooMuchMemory
from layers.sandbox import ENVIRONMENT, Limits, run
from tests.builders import a_raster, polygons_file

HIDDEN = "words of another file"
READ_ALL = """
import json, sys
from gis.polygons import read_polygons
from gis.raster import RasterFile, is_tiff

def told(path):
    try:
        if path.endswith((".tif", ".tiff")):
            with RasterFile(path) as raster:
                return raster.read(0, 0, *raster.shape).tolist()
        polygons = read_polygons(path)
        return {"fields": {name: [str(v) for v in values] for name, values in polygons.fields.items()}}
    except Exception as error:
        return type(error).__name__

print(json.dumps({path: told(path) for path in sys.argv[1:]}))
"""


@pytest.fixture
def server():
    """An address on this machine, and the paths that were asked of it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        do_HEAD = do_POST = do_GET  # noqa: N815

        def log_message(self, *words):
            pass

    asked = []
    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{listening.server_port}", asked
    listening.shutdown()
    listening.server_close()


def read_with_the_sandboxs_settings(paths):
    """What each file gave: values, fields, or the name of the error."""
    done = subprocess.run(
        [sys.executable, "-c", READ_ALL, *map(str, paths)],
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        check=True,
    )
    return {os.path.basename(path): told for path, told in json.loads(done.stdout).items()}


def a_feature(**more):
    ring = [[16, 44], [17, 44], [17, 45], [16, 44]]
    shape = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "properties": {"name": "own"}, "geometry": shape, **more}


def written(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_no_vector_file_leads_to_another_file_or_address(tmp_path, server):
    url, asked = server
    secret = polygons_file(tmp_path / "secret.gpkg", [box(16, 44, 17, 45)], {"name": [HIDDEN]})
    layer = f'<OGRVRTLayer name="secret"><SrcDataSource>{secret}</SrcDataSource></OGRVRTLayer>'
    vrt = f"<OGRVRTDataSource>{layer}</OGRVRTDataSource>"
    wfs = f"<OGRWFSDataSource><URL>{url}/wfs</URL></OGRWFSDataSource>"
    collection = {"type": "FeatureCollection", "features": [a_feature()]}
    pipeline = f"gdal vector pipeline ! read {secret} ! write streamed_file --output-format stream"
    files = [
        *(written(tmp_path / f"vrt{suffix}", vrt) for suffix in (".geojson", ".gpkg", ".shp", ".json", ".vrt")),
        *(written(tmp_path / f"wfs{suffix}", wfs) for suffix in (".geojson", ".xml")),
        written(tmp_path / "pipeline.geojson", {"type": "gdal_streamed_alg", "command_line": pipeline}),
        written(tmp_path / "pipeline.gdalg.json", {"type": "gdal_streamed_alg", "command_line": pipeline}),
        written(tmp_path / "api.geojson", {"openapi": "3.0.0", "links": [{"rel": "data", "href": f"{url}/api"}]}),
        written(
            tmp_path / "stac.geojson", {**collection, "stac_version": "1.0.0", "links": [{"rel": "next", "href": url}]}
        ),
        written(
            tmp_path / "link.geojson", {**collection, "crs": {"type": "link", "properties": {"href": f"{url}/crs"}}}
        ),
        written(
            tmp_path / "name.geojson", {**collection, "crs": {"type": "name", "properties": {"name": f"{url}/crs"}}}
        ),
    ]
    told = read_with_the_sandboxs_settings(files)
    assert asked == []
    assert HIDDEN not in json.dumps(told)
    for path in files[:10]:
        assert told[path.name] in ("WrongFormat", "Damaged"), path.name


def test_no_raster_leads_to_another_file_or_address(tmp_path, server):
    url, asked = server
    secret = a_raster(tmp_path / "secret.tif", np.full((4, 4), 77, np.uint8))

    def vrt(source):
        return (
            '<VRTDataset rasterXSize="4" rasterYSize="4"><SRS>EPSG:4326</SRS><GeoTransform>0,1,0,4,0,-1</GeoTransform>'
            '<VRTRasterBand dataType="Byte" band="1"><SimpleSource><SourceFilename relativeToVRT="0">'
            f"{source}</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"
        )

    wms = (
        f'<GDAL_WMS><Service name="TMS"><ServerUrl>{url}/${{z}}/${{x}}/${{y}}.png</ServerUrl></Service><DataWindow>'
        "<UpperLeftX>0</UpperLeftX><UpperLeftY>4</UpperLeftY><LowerRightX>4</LowerRightX><LowerRightY>0</LowerRightY>"
        "<SizeX>4</SizeX><SizeY>4</SizeY><TileLevel>0</TileLevel></DataWindow><Projection>EPSG:4326</Projection>"
        "<BlockSizeX>4</BlockSizeX><BlockSizeY>4</BlockSizeY><BandsCount>1</BandsCount></GDAL_WMS>"
    )
    disguised = [
        written(tmp_path / "vrt.tif", vrt(secret)),
        written(tmp_path / "far.tif", vrt(f"/vsicurl/{url}/far.tif")),
        written(tmp_path / "wms.tif", wms),
    ]
    beside = []
    for kind, content in {"vrt": vrt(secret), "far": vrt(f"/vsicurl/{url}/far.tif"), "wms": wms}.items():
        for side in ("msk", "ovr"):
            path = a_raster(tmp_path / f"{kind}-{side}.tif", np.full((4, 4), 5, np.float32))
            written(tmp_path / f"{path.name}.{side}", content)
            beside.append(path)
    pointing = a_raster(tmp_path / "aux.tif", np.full((4, 4), 5, np.float32))
    overview = f'<Metadata domain="Overviews"><MDI key="OVERVIEW_FILE">/vsicurl/{url}/o.tif</MDI></Metadata>'
    written(tmp_path / "aux.tif.aux.xml", f"<PAMDataset>{overview}</PAMDataset>")
    told = read_with_the_sandboxs_settings([*disguised, *beside, pointing])
    assert asked == []
    assert all(told[path.name] == "WrongFormat" for path in disguised)
    assert all(told[path.name] == [[5.0] * 4] * 4 for path in [*beside, pointing])


@pytest.mark.slow
def test_more_polygons_than_memory_is_a_sentence(tmp_path):
    circle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    ring = np.column_stack([1.5 + np.cos(circle), 1.5 + np.sin(circle)]).round(7).tolist()
    feature = json.dumps(a_feature(geometry={"type": "Polygon", "coordinates": [[*ring, ring[0]]]}))
    zones = written(
        tmp_path / "zones.geojson", f'{{"type":"FeatureCollection","features":[{",".join([feature] * 3000)}]}}'
    )
    people = a_raster(tmp_path / "people.tif", np.ones((1000, 1000), np.float32), cell=0.003)
    arguments = {
        "zones": str(zones),
        "layer": None,
        "population": str(people),
        "hazards": [str(people)],
        "threshold": 0.5,
        "edge_names": [],
        "zone_field": None,
        "unit": "persons",
        "kept_indexes": None,
        "format": "csv",
        "output": str(tmp_path / "out.csv"),
    }
    for memory_mib in (250, 400):
        with pytest.raises(TooMuchMemory, match=r"zones\.geojson cannot be read within"):
            run(
                "gis.file_mode:write_exposure",
                arguments,
                files=["zones.geojson"],
                limits=Limits(memory_bytes=memory_mib * 2**20, cpu_seconds=60),
                reads=[zones, people],
                writes=[tmp_path],
            )
