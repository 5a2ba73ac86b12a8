"""Tile pyramids: the right cell at each pixel, floods that stay visible, and PNGs that any reader reads."""

import struct
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.testing import assert_array_equal
from pyproj import Transformer
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile
from rasterio.transform import Affine
from rasterio.warp import Resampling, reproject

from gis.classes import DENSITY_STEPS, DEPTH, DEPTH_STEPS, FWI, Steps
from gis.errors import FormatTooOld, TileOutside
from gis.palettes import Palette
from gis.raster import RasterFile
from gis.tiles import BEGIN, EMPTY, HALF_WORLD_M, SIZE, Pyramid, Rule, build, png

NAN = float("nan")


def from_origin(left, top, width, height) -> Affine:
    return Affine(width, 0.0, left, 0.0, -height, top)


def a_file(folder: Path, values, transform, crs="EPSG:3857", nodata=NAN) -> Path:
    path = folder / "raster.tif"
    values = np.asarray(values, np.float32)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=values.shape[1],
        height=values.shape[0],
        count=1,
        dtype="float32",
        crs=crs,
        transform=transform,
        nodata=nodata,
    ) as dataset:
        dataset.write(values, 1)
    return path


def a_pyramid(folder: Path, path: Path, steps=DEPTH_STEPS, rule=Rule.MAXIMUM, **options) -> Pyramid:
    with RasterFile(path) as raster:
        build(raster, folder / "pyramid", steps=steps, rule=rule, **options)
    return Pyramid.open(folder / "pyramid")


def tile_placement(z, x, y, pixels=SIZE) -> Affine:
    """A raster whose cells are the pixels of that tile."""
    side = 2 * HALF_WORLD_M / 2**z
    return from_origin(x * side - HALF_WORLD_M, HALF_WORLD_M - y * side, side / pixels, side / pixels)


def read_png(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    """(indices, (n, 4) palette) of a palette PNG, by hand (ISO/IEC 15948)."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + body)
        chunks[kind] = body
        at += 12 + length
    assert list(chunks) == [b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"]
    width, height, depth, colour_type = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (width, height, depth, colour_type) == (256, 256, 8, 3)
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(256, 257)
    assert not rows[:, 0].any()
    colours = np.frombuffer(chunks[b"PLTE"], np.uint8).reshape(-1, 3)
    return rows[:, 1:], np.column_stack([colours, np.frombuffer(chunks[b"tRNS"], np.uint8)])


def test_a_pixel_has_the_step_of_the_cell_it_lies_in(tmp_path):
    # Four cells side by side, each 64 pixels wide, over tile 10/560/370. Steps: from 0 (dry), 0.05, 0.10, … 5 m, 5.1 …
    path = a_file(tmp_path, [[0.0, 0.04, 0.3, 5.15]] * 4, tile_placement(10, 560, 370, pixels=4))
    pyramid = a_pyramid(tmp_path, path)
    # A cell is as wide as the 64 pixels of zoom 10, so 256 pixels at zoom 4 are 64 cells: the largest zoom is 4.
    assert pyramid.zooms == (0, 4)
    tile = pyramid.tile(4, 560 // 64, 370 // 64)
    row, column = 370 % 64 * 4, 560 % 64 * 4
    # 0.3 m is the 6th of the steps of 0.05 m, after the one below 0.05 m: 7. 5.15 m: 1 + 99 steps to 5 m, then the
    # second of 0.1 m: 101 + 1 - 0.
    assert_array_equal(tile[row, column : column + 4], [0, 1, 7, 102])
    assert np.count_nonzero(tile) == 4 * 3


def test_the_maximum_keeps_a_flood_one_cell_wide_visible_at_every_zoom(tmp_path):
    flood = np.full((512, 512), NAN)
    flood[:, 77] = 1.0
    path = a_file(tmp_path, flood, tile_placement(9, 280, 185, pixels=256))
    pyramid = a_pyramid(tmp_path, path)
    assert pyramid.zooms == (0, 9)
    # 512 rows of two tiles at zoom 9; each smaller zoom has half the rows, one pixel wide, never thinner.
    for zoom in range(9, 5, -1):
        drawn = sum(
            np.count_nonzero(pyramid.tile(zoom, x, y) if pyramid.tile(zoom, x, y) is not None else 0)
            for x in {280 >> (9 - zoom), 281 >> (9 - zoom)}
            for y in {185 >> (9 - zoom), 186 >> (9 - zoom)}
        )
        assert drawn == 512 >> (9 - zoom)


def test_an_average_of_density_is_the_mean_of_the_four_pixels_below(tmp_path):
    path = a_file(tmp_path, [[100.0, 0.0], [300.0, 0.0]], tile_placement(9, 280, 184, pixels=256))
    pyramid = a_pyramid(tmp_path, path, DENSITY_STEPS, Rule.AVERAGE)
    assert pyramid.tile(9, 280, 184)[1, 0] == DENSITY_STEPS.index(np.array([300.0]))[0]
    assert pyramid.tile(8, 140, 92)[0, 0] == DENSITY_STEPS.index(np.array([100.0]))[0]


def test_codes_are_never_mixed(tmp_path):
    codes = Steps((10.0, 20.0, 30.0), exact=True)
    path = a_file(tmp_path, np.tile([[10.0, 30.0], [30.0, 15.0]], (128, 128)), tile_placement(9, 280, 184, pixels=256))
    pyramid = a_pyramid(tmp_path, path, codes, Rule.NEAREST)
    assert_array_equal(pyramid.tile(9, 280, 184)[:2, :2], [[1, 3], [3, 0]])  # 15 is no code
    assert set(np.unique(pyramid.tile(8, 140, 92))) == {0, 1}


@pytest.mark.parametrize(
    ("crs", "transform"),
    [
        ("EPSG:4326", from_origin(17.0, 44.5, 1 / 1200, 1 / 1200)),
        ("EPSG:3035", from_origin(4_980_000, 2_420_000, 90, 90)),
        ("EPSG:32633", Affine.translation(660_000, 4_930_000) @ Affine.rotation(20) @ Affine.scale(90, -90)),
    ],
)
def test_each_pixel_takes_the_cell_under_its_centre_whatever_the_crs(tmp_path, crs, transform):
    values = np.random.default_rng(3).uniform(0.1, 9, (400, 500)).astype(np.float32)
    path = a_file(tmp_path, values, transform, crs)
    pyramid = a_pyramid(tmp_path, path)
    z = pyramid.zooms[1]
    middle = Transformer.from_crs(crs, 3857, always_xy=True).transform(*(transform @ (250, 200)))
    side = 2 * HALF_WORLD_M / 2**z
    x, y = int((middle[0] + HALF_WORLD_M) // side), int((HALF_WORLD_M - middle[1]) // side)
    placement = tile_placement(z, x, y)
    columns, rows = np.meshgrid(np.arange(SIZE) + 0.5, np.arange(SIZE) + 0.5)
    to_x, to_y = Transformer.from_crs(3857, crs, always_xy=True).transform(*(placement @ (columns, rows)))
    c, r = (np.floor(v).astype(int) for v in ~transform @ (to_x, to_y))
    inside = (c >= 0) & (c < 500) & (r >= 0) & (r < 400)
    expected = np.where(inside, DEPTH_STEPS.index(values[np.clip(r, 0, 399), np.clip(c, 0, 499)]), 0)
    # Interpolated places are a thousandth of a pixel off, so a few centres fall on the other side of an edge.
    assert (pyramid.tile(z, x, y) == expected).mean() > 0.9999
    # GDAL's warper places pixels within an eighth of one; the rest must agree with it.
    warped = np.full((SIZE, SIZE), NAN, np.float32)
    with rasterio.open(path) as source:
        reproject(
            rasterio.band(source, 1),
            warped,
            dst_transform=placement,
            dst_crs="EPSG:3857",
            dst_nodata=NAN,
            resampling=Resampling.nearest,
        )
    assert (DEPTH_STEPS.index(warped) == pyramid.tile(z, x, y)).mean() > 0.9


def test_a_tile_as_png_has_the_indices_and_the_colours_of_the_legend(tmp_path):
    path = a_file(tmp_path, [[0.1, 0.3], [1.0, 2.5]], tile_placement(9, 280, 184, pixels=256))
    pyramid = a_pyramid(tmp_path, path)
    drawn = pyramid.png(9, 280, 184, Palette.of(DEPTH, pyramid.steps, opacity=0.8))
    indices, colours = read_png(drawn)
    assert_array_equal(indices, pyramid.tile(9, 280, 184))
    assert_array_equal(colours[indices[0, 0]], [0xC6, 0xDB, 0xEF, 204])  # below 0.3 m
    assert_array_equal(colours[indices[0, 1]], [0x9E, 0xCA, 0xE1, 204])  # from 0.3 m
    assert_array_equal(colours[indices[1, 0]], [0x31, 0x82, 0xBD, 204])  # from 1 m
    assert_array_equal(colours[indices[1, 1]], [0x08, 0x51, 0x9C, 204])  # from 2 m
    assert_array_equal(colours[0], [0, 0, 0, 0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with MemoryFile(drawn) as file, file.open(driver="PNG") as dataset:
            assert_array_equal(dataset.read(1), indices)


def test_indices_written_at_once_are_the_same_picture(tmp_path):
    indices = np.arange(SIZE * SIZE, dtype=np.uint32).reshape(SIZE, SIZE).astype(np.uint8)
    palette = Palette(np.random.default_rng(1).integers(0, 256, (256, 4), dtype=np.uint8))
    found, colours = read_png(png(indices, palette))
    assert_array_equal(found, indices)
    assert_array_equal(colours, palette.rgba)


def test_where_nothing_is_a_tile_is_empty_and_costs_nothing(tmp_path):
    flood = np.full((2560, 2560), NAN)
    flood[0, 0] = 1.0
    path = a_file(tmp_path, flood, tile_placement(9, 280, 180, pixels=256))
    pyramid = a_pyramid(tmp_path, path)
    assert pyramid.tile(9, 281, 180) is None
    assert pyramid.tile(9, 3, 3) is None
    assert pyramid.png(9, 281, 180, Palette.of(DEPTH, pyramid.steps)) == EMPTY
    assert not read_png(EMPTY)[0].any()
    assert len(EMPTY) < 300
    zooms = pyramid.zooms[1] + 1
    assert (tmp_path / "pyramid").stat().st_size < 300 * zooms + 10_000  # a tile a zoom, and the directory


@pytest.mark.parametrize("address", [(10, 0, 0), (-1, 0, 0), (3, 8, 0), (3, 0, 8), (3, -1, 0)])
def test_an_address_that_no_tile_has_is_refused(tmp_path, address):
    pyramid = a_pyramid(tmp_path, a_file(tmp_path, [[1.0]], tile_placement(9, 280, 184, pixels=256)))
    with pytest.raises(TileOutside):
        pyramid.tile(*address)


def test_a_file_that_is_no_pyramid_is_refused(tmp_path):
    for content in (b"", b"SPRPYR0\n and more"):
        (tmp_path / "other").write_bytes(content)
        with pytest.raises(FormatTooOld):
            Pyramid.open(tmp_path / "other")


def test_many_threads_read_the_same_pyramid(tmp_path):
    values = np.random.default_rng(5).uniform(0.1, 9, (512, 512))
    pyramid = a_pyramid(tmp_path, a_file(tmp_path, values, tile_placement(9, 280, 184)))
    expected = {(x, y): pyramid.tile(9, x, y).copy() for x in (280, 281) for y in (184, 185)}
    wrong = []

    def look():
        for _ in range(50):
            for (x, y), tile in expected.items():
                if not np.array_equal(pyramid.tile(9, x, y), tile):
                    wrong.append((x, y))

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_palette_follows_the_legend_at_every_edge():
    for legend, steps in ((DEPTH, DEPTH_STEPS), (FWI, Steps.of(FWI))):
        palette = Palette.of(legend, steps)
        for found in legend.classes:
            index = steps.index(np.array([max(found.low, 1e-6)]))[0]
            assert palette.rgba[index, :3].tobytes().hex() == found.colour[1:]
    assert BEGIN.startswith(b"\x89PNG")
