import os

import numpy as np
import pytest
import rasterio
from numpy.testing import assert_array_equal
from rasterio.transform import Affine

from gis.errors import (
    BlocksTooLarge,
    Damaged,
    FileMissing,
    NoCrs,
    NotALocalFile,
    NotGeoreferenced,
    TooLarge,
    WrongBands,
    WrongCellType,
    WrongFormat,
)
from gis.raster import RasterFile, is_tiff
from tests.builders import UTM, a_raster

NAN = float("nan")
VALUES = np.arange(12, dtype=np.float32).reshape(3, 4)


def read(path, **options):
    with RasterFile(path, **options) as raster:
        return raster.read(0, 0, *raster.shape)


def test_a_window_is_read_where_it_lies(tmp_path):
    with RasterFile(a_raster(tmp_path / "a.tif", VALUES)) as raster:
        assert_array_equal(raster.read(1, 2, 2, 1), VALUES[1:3, 2:3])


def test_a_window_of_a_turned_raster_is_read_where_it_lies(tmp_path):
    path = a_raster(tmp_path / "a.tif", VALUES[::-1, ::-1], transform=Affine(-1, 0, 14, 0, 1, 5))
    with RasterFile(path) as raster:
        assert_array_equal(raster.read(1, 2, 2, 1), VALUES[1:3, 2:3])
        assert raster.grid.bounds == (10, 5, 14, 8)


@pytest.mark.parametrize(
    ("stored", "read_as"),
    [("uint8", "float32"), ("int16", "float32"), ("float32", "float32"), ("int32", "float64"), ("float64", "float64")],
)
def test_the_cell_type_holds_every_value_of_the_file(tmp_path, stored, read_as):
    with RasterFile(a_raster(tmp_path / "a.tif", VALUES.astype(stored))) as raster:
        assert (raster.dtype, raster.stored_dtype) == (read_as, stored)
        assert raster.read(0, 0, 3, 4).dtype == read_as


def test_scaled_numbers_are_what_they_mean(tmp_path):
    path = a_raster(tmp_path / "a.tif", VALUES.astype(np.int16), scale=0.5, offset=1, nodata=3)
    assert_array_equal(read(path)[0], [1, 1.5, 2, NAN])


def test_a_cloud_optimised_tiff_is_a_tiff(tmp_path):
    assert_array_equal(read(a_raster(tmp_path / "a.tif", VALUES, driver="COG")), VALUES)


def test_a_big_tiff_and_the_other_byte_order_are_tiffs(tmp_path):
    assert_array_equal(read(a_raster(tmp_path / "a.tif", VALUES, BIGTIFF="YES")), VALUES)
    assert_array_equal(read(a_raster(tmp_path / "b.tif", VALUES, ENDIANNESS="BIG")), VALUES)


def test_a_tiff_is_known_by_its_content(tmp_path):
    path = a_raster(tmp_path / "a.tif", VALUES)
    path.rename(tmp_path / "a.geojson")
    assert is_tiff(tmp_path / "a.geojson")
    assert_array_equal(read(tmp_path / "a.geojson"), VALUES)


@pytest.mark.parametrize(
    "name",
    [
        "colon:in.tif", "zip!a.tif", "a;b.tif", "a?b=c.tif", "a#b.tif", "a b.tif", "Čapljina.tif", "GTIFF_DIR:1:a.tif",
        "a%2e.tif", "-a.tif", "[a].tif", "a\nb.tif", "a.zip",
    ],
)  # fmt: skip
def test_names_are_only_names(tmp_path, name):
    a_raster(tmp_path / "plain.tif", VALUES).rename(tmp_path / name)
    assert_array_equal(read(tmp_path / name), VALUES)


@pytest.mark.parametrize(
    "path",
    [
        "/vsicurl/http://127.0.0.1/a.tif", "/vsizip/a.zip/a.tif", "/vsistdin/", "/vsimem/a.tif", "http://127.0.0.1/a.tif",
        "https://example.org/a.tif", "s3://bucket/a.tif", "zip:///tmp/a.zip!a.tif", "file:///etc/passwd",
    ],
)  # fmt: skip
def test_addresses_are_no_files(path):
    with pytest.raises(NotALocalFile):
        RasterFile(path)


@pytest.mark.parametrize(
    "path", ["", ".", "/", "/dev/zero", "missing.tif", "GTIFF_DIR:1:a.tif", "x" * 5000, "a/" * 3000]
)
def test_only_regular_files_are_files(path):
    with pytest.raises(FileMissing):
        RasterFile(path)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.tif")
    with pytest.raises(FileMissing):
        RasterFile(tmp_path / "pipe.tif")


@pytest.mark.parametrize("content", [b"", b"II", b"\x89PNG\r\n", b"<VRTDataset/>", b"{}", b"II\x2a\x01"])
def test_what_is_no_tiff_is_refused(tmp_path, content):
    path = tmp_path / "a.tif"
    path.write_bytes(content)
    with pytest.raises(WrongFormat, match=r"a\.tif is not a GeoTIFF"):
        RasterFile(path)


@pytest.mark.parametrize("left", [8, 20, 100, 400])
def test_a_tiff_cut_short_is_damaged(tmp_path, left):
    path = a_raster(tmp_path / "a.tif", np.random.default_rng(0).random((64, 64)).astype(np.float32))
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(Damaged, match="cut short or damaged"):
        read(path)


@pytest.mark.parametrize("compress", ["none", "deflate", "lzw", "zstd"])
def test_a_tiff_without_its_last_cells_is_damaged(tmp_path, compress):
    values = np.random.default_rng(0).random((64, 64)).astype(np.float32)
    path = a_raster(tmp_path / "a.tif", values, compress=compress)
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(Damaged):
        read(path)


def test_compressed_data_with_noise_in_them_are_damaged(tmp_path):
    path = a_raster(tmp_path / "a.tif", np.arange(4096, dtype=np.float32).reshape(64, 64), compress="deflate")
    content = bytearray(path.read_bytes())
    content[-1500:-1400] = bytes([255]) * 100
    path.write_bytes(content)
    with pytest.raises(Damaged):
        read(path)


def test_more_cells_than_allowed_are_refused_before_anything_is_read(tmp_path):
    path = tmp_path / "huge.tif"
    profile = {"driver": "GTiff", "count": 1, "dtype": "uint8", "crs": UTM, "transform": Affine(1, 0, 5e5, 0, -1, 5e6)}
    with rasterio.open(path, "w", width=10**6, height=10**6, tiled=True, sparse_ok=True, bigtiff="YES",
                       blockxsize=65_536, blockysize=65_536, **profile):  # fmt: skip
        pass
    with pytest.raises(TooLarge, match="declares 1,000,000,000,000 cells, more than the 20,000,000,000"):
        RasterFile(path)
    small = a_raster(tmp_path / "small.tif", VALUES)
    assert read(small, max_pixels=12).shape == (3, 4)
    with pytest.raises(TooLarge):
        read(small, max_pixels=11)


@pytest.mark.parametrize(("dtype", "size"), [("uint8", 20_000), ("float32", 10_000), ("float64", 10_000)])
def test_one_block_as_large_as_the_file_is_refused(tmp_path, dtype, size):
    path = tmp_path / "block.tif"
    profile = {"driver": "GTiff", "count": 1, "dtype": dtype, "crs": UTM, "transform": Affine(1, 0, 5e5, 0, -1, 5e6)}
    tile = {"tiled": True, "blockxsize": size, "blockysize": size, "sparse_ok": True}
    with rasterio.open(path, "w", width=size, height=size, **tile, **profile):
        pass
    with pytest.raises(BlocksTooLarge, match="gdal_translate -of COG"):
        RasterFile(path)


@pytest.mark.parametrize("bands", [2, 3])
def test_several_bands_are_refused(tmp_path, bands):
    with pytest.raises(WrongBands, match=f"has {bands} bands"):
        RasterFile(a_raster(tmp_path / "a.tif", np.stack([VALUES] * bands), photometric="MINISBLACK"))


def test_a_coloured_picture_is_refused(tmp_path):
    with pytest.raises(WrongBands):
        RasterFile(a_raster(tmp_path / "a.tif", np.zeros((4, 3, 3), np.uint8), photometric="RGB", alpha="YES"))


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex_numbers_are_refused(tmp_path, dtype):
    with pytest.raises(WrongCellType, match=dtype):
        RasterFile(a_raster(tmp_path / "a.tif", VALUES.astype(dtype)))


@pytest.mark.parametrize("crs", [None, 'LOCAL_CS["site",UNIT["metre",1]]', "EPSG:4978"])
def test_a_raster_must_say_where_on_earth_it_lies(tmp_path, crs):
    with pytest.raises(NoCrs):
        RasterFile(a_raster(tmp_path / "a.tif", VALUES, crs=crs))


@pytest.mark.filterwarnings("ignore:Dataset has no geotransform", "ignore:The given matrix is equal to Affine.identity")
def test_a_raster_must_say_where_its_cells_lie(tmp_path):
    with pytest.raises(NotGeoreferenced):
        RasterFile(a_raster(tmp_path / "a.tif", VALUES, transform=Affine.identity()))


@pytest.mark.parametrize("number", [NAN, float("inf"), 0.0])
def test_a_transform_must_be_of_numbers_that_mean_something(tmp_path, number):
    path = a_raster(tmp_path / "a.tif", VALUES)
    path.with_name("a.tif.aux.xml").write_text(
        f"<PAMDataset><GeoTransform>0, {number}, 0, 3, 0, -1</GeoTransform></PAMDataset>"
    )
    with rasterio.open(path) as file:
        assert not np.isfinite(file.transform.a) or file.transform.a == 0
    with pytest.raises(NotGeoreferenced):
        RasterFile(path)


def test_a_side_file_that_names_an_address_is_refused_as_damage(tmp_path):
    path = a_raster(tmp_path / "a.tif", VALUES, crs=None)
    path.with_name("a.tif.aux.xml").write_text("<PAMDataset><SRS>http://127.0.0.1:9/srs</SRS></PAMDataset>")
    with pytest.raises((Damaged, NoCrs)):
        RasterFile(path)
