"""`spremnost exposure` as it is called: arguments in, a table out, or one sentence and nothing else."""

import csv
import io
import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyogrio
import pytest
from rasterio.transform import Affine
from shapely import Point, Polygon, box

from app.settings import CHECKOUT
from tests.builders import ESRI_ZONE_6, UTM, a_raster, a_terminal, polygons_file

pytestmark = pytest.mark.slow

PEOPLE = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], dtype=np.float32)
DEPTH = np.array([[0, 0.3, 0.6], [2.5, 0, 1], [0, 0, 0]], dtype=np.float32)


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A folder with people, two zones and a flood; the current one."""
    folder = tmp_path / "files"
    folder.mkdir()
    a_raster(folder / "people.tif", PEOPLE)
    a_raster(folder / "flood.tif", DEPTH)
    polygons_file(folder / "zones.geojson", [box(0, 0, 1, 3), box(1, 0, 3, 3)], {"name": ["West", "East"]})
    monkeypatch.chdir(folder)
    return folder


def command(*arguments):
    return [sys.executable, "-P", "-m", "app.cli", "exposure", *map(str, arguments)]


def environment(folder):
    path = os.pathsep.join(filter(None, [str(CHECKOUT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, "XDG_CACHE_HOME": str(folder.parent / "cache")}


def exposure(folder, *arguments, zones="zones.geojson", population="people.tif", hazards=("flood.tif",)):
    options = [option for hazard in hazards for option in ("--hazard", hazard)]
    return subprocess.run(
        command("--zones", zones, "--population", population, *options, *arguments),
        capture_output=True,
        text=True,
        env=environment(folder),
        cwd=folder,
    )


def table(done):
    assert (done.returncode, done.stderr) == (0, "")
    return list(csv.DictReader(io.StringIO(done.stdout)))


# The table


def test_the_whole_table_by_hand(files):
    polygons_file(files / "lake.gpkg", [box(0, 0, 1, 1), box(0, 0, 0.5, 1), box(1, 2, 1.5, 3)])
    done = exposure(files, "--zone-field", "name", "--edges", "0.3,0.5, 1,2", hazards=["lake.gpkg", "flood.tif"])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "zone,hazard,population,exposed,not_modelled,exposed_0.3_0.5,exposed_0.5_1,exposed_1_2,exposed_2_inf",
        "West,lake,12.0,7.0,0.0,,,,",
        "East,lake,33.0,1.0,25.5,,,,",
        "TOTAL,lake,45.0,8.0,25.5,,,,",
        "West,flood,12.0,4.0,0.0,0.0,0.0,0.0,4.0",
        "East,flood,33.0,11.0,0.0,2.0,3.0,6.0,0.0",
        "TOTAL,flood,45.0,15.0,0.0,2.0,3.0,6.0,4.0",
    ]


@pytest.mark.slow
def test_without_edges_there_are_five_columns_and_without_a_field_zones_are_numbered(files):
    done = exposure(files)
    assert done.stdout.splitlines() == [
        "zone,hazard,population,exposed,not_modelled",
        "1,flood,12.0,4.0,0.0",
        "2,flood,33.0,11.0,0.0",
        "TOTAL,flood,45.0,15.0,0.0",
    ]


def test_edges_are_named_as_they_were_typed(files):
    done = exposure(files, "--edges", "-1,0.30,1e0,02.50")
    assert done.stdout.splitlines()[0].split(",")[5:] == [
        "exposed_-1_0.30",
        "exposed_0.30_1e0",
        "exposed_1e0_02.50",
        "exposed_02.50_inf",
    ]
    assert done.stdout.splitlines()[-1].split(",")[5:] == ["30.0", "5.0", "6.0", "4.0"]


def test_where_nothing_is_modelled_there_is_nothing_instead_of_0(files):
    a_raster(files / "east.tif", DEPTH[:, 2:], left=2)
    done = exposure(files, "--edges", "0.5", hazards=["east.tif"])
    assert done.stdout.splitlines()[1:] == [
        "1,east,12.0,,12.0,",
        "2,east,33.0,9.0,15.0,9.0",
        "TOTAL,east,45.0,9.0,27.0,9.0",
    ]
    json_rows = json.loads(exposure(files, "--edges", "0.5", "--format", "json", hazards=["east.tif"]).stdout)
    assert [row["exposed"] for row in json_rows] == [None, 9, 9]
    assert [row["exposed_0.5_inf"] for row in json_rows] == [None, 9, 9]


@pytest.mark.slow
def test_the_total_is_empty_where_no_zone_is_modelled_and_0_where_nobody_lives(files):
    a_raster(files / "east.tif", DEPTH[:, 2:], left=2)
    polygons_file(files / "west.geojson", [box(0, 0, 1, 3), box(7, 7, 8, 8)])
    rows = table(exposure(files, hazards=["east.tif"], zones="west.geojson"))
    assert [(row["zone"], row["exposed"], row["not_modelled"]) for row in rows] == [
        ("1", "", "12.0"),
        ("2", "0.0", "0.0"),
        ("TOTAL", "", "12.0"),
    ]


@pytest.mark.slow
def test_numbers_are_not_rounded(files):
    polygons_file(files / "third.gpkg", [box(0, 0, 1 / 3, 3)])
    (row, _) = table(exposure(files, zones="third.gpkg"))
    assert abs(float(row["population"]) - 4) < 1e-12
    assert float(row["exposed"]) == pytest.approx(4 / 3, rel=1e-14)


def test_json_has_the_same_rows_and_numbers(files):
    done = exposure(files, "--zone-field", "name", "--edges", "1", "--format", "json")
    assert json.loads(done.stdout)[1] == {
        "zone": "East", "hazard": "flood", "population": 33, "exposed": 11, "not_modelled": 0, "exposed_1_inf": 6,
    }  # fmt: skip


def test_a_geopackage_has_the_zones_geometry_and_none_for_the_total(files):
    polygons_file(files / "zones.gpkg", [box(5e5, 1e5, 6e5, 2e5)], {"name": ["Far"]}, crs=UTM)
    a_raster(files / "utm.tif", PEOPLE, left=4.5e5, bottom=0.5e5, cell=1e5, crs=UTM)
    done = exposure(files, "--format", "gpkg", "--output", "out.gpkg", zones="zones.gpkg", population="utm.tif",
                    hazards=["utm.tif"])  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    written = pyogrio.read_dataframe(files / "out.gpkg")
    assert list(written.columns) == ["zone", "hazard", "population", "exposed", "not_modelled", "geometry"]
    assert written.crs.to_epsg() == 32633
    assert written.geometry[0].equals(box(5e5, 1e5, 6e5, 2e5))
    assert written.geometry[1] is None
    assert written["zone"].tolist() == ["1", "TOTAL"]


@pytest.mark.slow
def test_output_is_what_would_have_been_shown(files):
    shown = exposure(files, "--edges", "0.3,1").stdout
    done = exposure(files, "--edges", "0.3,1", "--output", "new.csv")
    assert (done.stdout, done.stderr) == ("", "")
    assert (files / "new.csv").read_text() == shown


@pytest.mark.slow
def test_names_of_zones_survive_in_csv(files):
    names = ['Novi "Grad"', "a,b", "two\nlines", "  blanks ", "Čapljina", "=1+1", "0007"]
    shapes = [box(i / 10, 0, i / 10 + 0.1, 1) for i in range(7)]
    polygons_file(files / "names.gpkg", shapes, {"in, Bosnia": names})
    rows = table(exposure(files, "--zone-field", "in, Bosnia", zones="names.gpkg"))
    assert [row["zone"] for row in rows] == [*names, "TOTAL"]


@pytest.mark.slow
def test_numbers_name_zones_as_numbers(files):
    shapes = [box(0, 0, 1, 1), box(1, 1, 2, 2)]
    polygons_file(files / "codes.gpkg", shapes, {"code": np.array([10, 20], dtype=np.int64)})
    assert [r["zone"] for r in table(exposure(files, "--zone-field", "code", zones="codes.gpkg"))] == [
        "10",
        "20",
        "TOTAL",
    ]


@pytest.mark.slow
def test_a_layer_is_named_after_a_colon_and_a_colon_in_a_name_is_no_layer(files):
    polygons_file(files / "two.gpkg", [box(0, 0, 1, 1)], layer="one")
    polygons_file(files / "two.gpkg", [box(0, 0, 3, 3)], layer="more zones", append=True)
    assert table(exposure(files, zones="two.gpkg:more zones"))[0]["population"] == "45.0"
    (files / "zones.geojson").rename(files / "a:b.geojson")
    (files / "flood.tif").rename(files / "f:l.ood.tif")
    rows = table(exposure(files, zones="a:b.geojson", hazards=["f:l.ood.tif"]))
    assert rows[0]["hazard"] == "f:l.ood"


@pytest.mark.slow
def test_any_mix_of_systems_grids_and_kinds(files):
    """People in degrees, a zone in Web Mercator that is nearly all of them, a flood in metres over everybody."""
    a_raster(files / "p.tif", np.ones((10, 10), np.float32), left=16, bottom=44, cell=0.02)
    polygons_file(files / "mercator.gpkg", [box(1_781_112, 5_465_442, 1_803_376, 5_496_000)], crs="EPSG:3857")
    a_raster(files / "metres.tif", np.ones((100, 100), np.float32), left=575_000, bottom=4_860_000, cell=400, crs=UTM)
    rows = table(exposure(files, zones="mercator.gpkg", population="p.tif", hazards=["metres.tif"]))
    assert float(rows[0]["population"]) == pytest.approx(100, rel=0.05)
    assert float(rows[0]["exposed"]) == pytest.approx(float(rows[0]["population"]))


@pytest.mark.slow
def test_a_density_is_asked_for_by_name(files):
    a_raster(files / "density.tif", PEOPLE, crs="EPSG:3035", left=4_900_000, bottom=2_300_000, cell=2000)
    polygons_file(files / "z.gpkg", [box(4_900_000, 2_300_000, 4_906_000, 2_306_000)], crs="EPSG:3035")
    done = exposure(files, "--population-unit", "persons/km2", zones="z.gpkg", population="density.tif",
                    hazards=["density.tif"])  # fmt: skip
    assert float(table(done)[0]["population"]) == pytest.approx(45 * 4, rel=1e-6)


def test_people_in_overlapping_zones_are_told_on_standard_error(files):
    polygons_file(files / "zones.gpkg", [box(0, 0, 2, 3), box(1, 0, 3, 3), box(1.5, 0, 2, 1)])
    done = exposure(files, zones="zones.gpkg")
    assert done.returncode == 0
    assert done.stderr == "Zones overlap: 19.0 people count twice (or more often) in the row TOTAL.\n"  # 2 + 5 + 8, 4
    assert done.stdout.splitlines()[-1].startswith("TOTAL,flood,64.0,")


@pytest.mark.slow
def test_repairs_are_told_on_standard_error(files):
    polygons_file(files / "zones.gpkg", [box(0, 0, 1, 1), Polygon([(1, 1), (3, 3), (3, 1), (1, 3)])])
    done = exposure(files, zones="zones.gpkg")
    assert done.stderr == "zones.gpkg: 1 invalid geometries were repaired (features 2).\n"
    assert len(done.stdout.splitlines()) == 4


@pytest.mark.slow
def test_the_second_call_takes_the_kept_index_and_a_broken_cache_does_no_harm(files):
    first = exposure(files).stdout
    kept = list((files.parent / "cache/spremnost/exposure").glob("*/people.npy"))
    assert len(kept) == 1
    written = kept[0].stat().st_mtime_ns
    assert exposure(files).stdout == first
    assert kept[0].stat().st_mtime_ns == written
    kept[0].write_bytes(b"damage")
    assert exposure(files).stdout == first


# What is refused: exit code 2, one sentence, nothing written

BAD_ARGUMENTS = {
    "edges fall": (["--edges", "1,0.5"], "must be finite numbers that rise"),
    "edges repeat": (["--edges", "1,1.0"], "must be finite numbers that rise"),
    "edges are words": (["--edges", "low,high"], "must be finite numbers that rise"),
    "edges are empty": (["--edges", ""], "must be finite numbers that rise"),
    "an edge is missing": (["--edges", "0.3,,1"], "must be finite numbers that rise"),
    "an edge is infinite": (["--edges", "0.3,inf"], "must be finite numbers that rise"),
    "the threshold is no number": (["--threshold", "deep"], "The threshold deep is not a finite number."),
    "the threshold is nan": (["--threshold", "nan"], "not a finite number"),
    "the output has no folder": (["--output", "no/folder/out.csv"], "its folder does not exist"),
    "the zone field is unknown": (["--zone-field", "nome"], "zones.geojson has no field nome; it has name."),
}


def refused(folder, done, sentence):
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert sentence in done.stderr
    assert done.stderr.endswith((".\n", ")\n"))
    assert len(done.stderr.splitlines()) == 1


def nothing_but(folder, before):
    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.parametrize("case", BAD_ARGUMENTS)
def test_bad_arguments_are_refused_in_one_sentence(files, case):
    arguments, sentence = BAD_ARGUMENTS[case]
    before = sorted(path.name for path in files.iterdir())
    refused(files, exposure(files, *arguments), sentence)
    nothing_but(files, before)


def bad_zones(files, *geometries, **options):
    polygons_file(files / "bad.gpkg", geometries, **options)
    return {"zones": "bad.gpkg"}


def bad_raster(files, values, role="hazards", **options):
    a_raster(files / "bad.tif", np.asarray(values), **options)
    return {role: ["bad.tif"] if role == "hazards" else "bad.tif"}


def a_truncated(files):
    path = a_raster(files / "bad.tif", np.random.default_rng(0).random((200, 200), np.float32))
    path.write_bytes(path.read_bytes()[:-9000])
    return {"hazards": ["bad.tif"]}


def a_bad_name(files):
    os.rename(b"flood.tif", b"fl\xf6d.tif")
    return {"hazards": [os.fsdecode(b"fl\xf6d.tif")]}


def a_pipe(files):
    os.mkfifo(files / "pipe.tif")
    return {"population": "pipe.tif"}


def two_of_one_name(files):
    (files / "other").mkdir()
    polygons_file(files / "other/flood.gpkg", [box(0, 0, 1, 1)])
    return {"hazards": ["flood.tif", "other/flood.gpkg"]}


def a_text_as(files, name, text, **role):
    (files / name).write_text(text)
    return role


FULL = np.ones((3, 3), np.float32)
BAD_FILES = {
    "missing zones": (lambda f: {"zones": "none.gpkg"}, "none.gpkg does not exist or is not a file."),
    "missing layer file": (lambda f: {"zones": "none.gpkg:layer"}, "none.gpkg:layer does not exist"),
    "missing layer": (lambda f: {"zones": "zones.geojson:no"}, "zones.geojson has no layer no; it has zones."),
    "a name that is too long": (lambda f: {"zones": "x" * 5000}, "does not exist"),
    "an address": (lambda f: {"hazards": ["https://example.org/a.tif"]}, "not a path of a local file"),
    "a virtual path": (lambda f: {"population": "/vsicurl/http://127.0.0.1/a.tif"}, "not a path of a local file"),
    "a folder": (lambda f: {"population": "."}, "is not a file"),
    "a device": (lambda f: {"population": "/dev/zero"}, "is not a file"),
    "a pipe": (a_pipe, "pipe.tif does not exist or is not a file."),
    "a name that is not UTF-8": (a_bad_name, "is not UTF-8; rename it."),
    "two hazards of one name": (two_of_one_name, "Two hazard files are called flood"),
    "an empty file": (lambda f: a_text_as(f, "e.tif", "", population="e.tif"), "e.tif is not a GeoTIFF"),
    "a VRT": (lambda f: a_text_as(f, "v.tif", "<VRTDataset/>", population="v.tif"), "v.tif is not a GeoTIFF"),
    "a hazard of another kind": (
        lambda f: a_text_as(f, "h.csv", "a,b", hazards=["h.csv"]),
        "h.csv is not a GeoPackage",
    ),
    "cut short": (a_truncated, "bad.tif is cut short or damaged"),
    "points": (lambda f: bad_zones(f, Point(1, 1)), "feature 1: the geometry is Point; polygons are needed."),
    "zones elsewhere": (lambda f: bad_zones(f, box(40, 40, 41, 41)), "bad.gpkg lies nowhere over the population"),
    "zones without area": (lambda f: bad_zones(f, Polygon([(0, 0), (1, 1), (0, 0)])), "bad.gpkg lies nowhere"),
    "zones around the people": (
        lambda f: bad_zones(f, box(-9, -9, -8, 9), box(8, -9, 9, 9)),
        "bad.gpkg lies nowhere over the population",
    ),
    "a hazard of two layers": (
        lambda f: (
            [polygons_file(f / "two.gpkg", [box(0, 0, 1, 1)], layer=n, append=n == "b") for n in "ab"]
            and {"hazards": ["two.gpkg"]}
        ),
        "two.gpkg has several layers (a, b); give a file with only the one that counts.",
    ),
    "a hazard elsewhere": (lambda f: bad_raster(f, FULL, left=50), "bad.tif lies nowhere over the population raster"),
    "a hazard without a system": (
        lambda f: bad_raster(f, FULL, crs=None),
        "has no coordinate reference system",
    ),
    "negative people": (lambda f: bad_raster(f, -FULL, "population"), "9 cells with negative people"),
    "nobody": (lambda f: bad_raster(f, FULL * 0, "population"), "bad.tif has no cell with people in it."),
    "undeclared nodata": (lambda f: bad_raster(f, FULL * 9999), "looks like a nodata value"),
    "turned people": (
        lambda f: bad_raster(f, FULL, "population", transform=Affine.rotation(20)),
        "bad.tif has a rotated grid",
    ),
    "a zone called TOTAL": (
        lambda f: {**bad_zones(f, box(0, 0, 1, 1), fields={"name": ["TOTAL"]}), "field": "name"},
        "a zone may not be called TOTAL",
    ),
    "a zone without a name": (
        lambda f: {**bad_zones(f, box(0, 0, 1, 1), box(1, 1, 2, 2), fields={"name": ["A", None]}), "field": "name"},
        "bad.gpkg, feature 2: the field name is empty",
    ),
}


AT_ONCE = {"missing zones", "two hazards of one name", "cut short", "a hazard elsewhere"}


@pytest.mark.parametrize("case", [pytest.param(c, marks=[] if c in AT_ONCE else pytest.mark.slow) for c in BAD_FILES])
def test_bad_files_are_refused_in_one_sentence_and_leave_the_output_alone(files, case):
    make, sentence = BAD_FILES[case]
    roles = make(files)
    field = ["--zone-field", roles.pop("field")] if "field" in roles else []
    (files / "out.csv").write_text("what was there")
    before = sorted(path.name for path in files.iterdir())
    refused(files, exposure(files, *field, "--output", "out.csv", **roles), sentence)
    nothing_but(files, before)
    assert (files / "out.csv").read_text() == "what was there"


def test_a_file_that_may_not_be_read_is_told(files):
    if os.geteuid() == 0:
        pytest.skip("root may read every file")
    (files / "flood.tif").chmod(0)
    refused(files, exposure(files), "flood.tif cannot be used: Permission denied.")


# Where the output goes


@pytest.mark.slow
def test_a_device_is_written_to_and_not_replaced(files):
    assert exposure(files, "--output", "/dev/null").returncode == 0
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.slow
def test_a_link_stays_a_link_and_permissions_stay(files):
    (files / "real.csv").write_text("old")
    (files / "real.csv").chmod(0o600)
    (files / "link.csv").symlink_to("real.csv")
    assert exposure(files, "--output", "link.csv").returncode == 0
    assert (files / "link.csv").is_symlink()
    assert (files / "real.csv").read_text().startswith("zone,hazard")
    assert stat.S_IMODE((files / "real.csv").stat().st_mode) == 0o600


@pytest.mark.slow
def test_a_folder_as_output_is_refused(files):
    (files / "out").mkdir()
    refused(files, exposure(files, "--output", "out"), "out cannot be used: Is a directory.")


def test_a_file_that_is_read_is_not_written_over(files):
    before = (files / "flood.tif").read_bytes()
    refused(
        files,
        exposure(files, "--output", "./flood.tif"),
        "./flood.tif is one of the files to be read: name another one with --output.",
    )
    assert (files / "flood.tif").read_bytes() == before


def test_a_wrong_option_is_one_sentence(files):
    done = exposure(files, "--format", "xlsx")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Invalid value for '--format': 'xlsx' is not one of 'csv', 'json', 'gpkg'.\n"


@pytest.mark.slow
def test_a_long_name_as_output_is_a_name(files):
    name = "x" * 251 + ".csv"
    assert exposure(files, "--output", name).returncode == 0
    assert (files / name).exists()


@pytest.mark.slow
def test_without_a_home_nothing_is_kept_and_it_works(files):
    without = {k: v for k, v in environment(files).items() if k not in ("HOME", "XDG_CACHE_HOME")}
    arguments = command("--zones", "zones.geojson", "--population", "people.tif", "--hazard", "flood.tif")
    done = subprocess.run(arguments, env={**without, "HOME": ""}, cwd=files, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(path.name for path in files.iterdir()) == ["flood.tif", "people.tif", "zones.geojson"]


@pytest.mark.slow
def test_a_full_standard_output_is_told(files):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command("--zones", "zones.geojson", "--population", "people.tif", "--hazard", "flood.tif"),
            stdout=full, stderr=subprocess.PIPE, text=True, env=environment(files), cwd=files,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (2, "Standard output cannot be used: No space left on device.\n")


@pytest.mark.slow
def test_a_full_temporary_folder_is_told(files):
    """In a mount namespace of its own, with a temporary folder of a few kilobytes left."""
    (files / "small").mkdir()
    arguments = command("--zones", "zones.geojson", "--population", "people.tif", "--hazard", "flood.tif",
                        "--format", "gpkg", "--output", "out.gpkg")  # fmt: skip
    before = sorted(path.name for path in files.iterdir())
    mount = "mount -t tmpfs -o size=64k tmpfs small && export TMPDIR=$PWD/small && "
    alone = ["unshare", "--mount", "--map-root-user", "sh", "-c"]
    if subprocess.run([*alone, mount + "true"], cwd=files, capture_output=True).returncode:
        pytest.skip("nothing may be mounted here")
    done = subprocess.run(
        [*alone, mount + 'exec "$@"', "sh", *arguments], capture_output=True, text=True, env=environment(files)
    )
    refused(files, done, f"There is no room left in {files / 'small'}; make some, or name another folder in TMPDIR.")
    nothing_but(files, before)


@pytest.mark.slow
def test_how_far_it_is_shows_on_a_terminal_only_and_is_wiped_away(files):
    ours, its = a_terminal()
    done = subprocess.run(
        command("--zones", "zones.geojson", "--population", "people.tif", "--hazard", "flood.tif"),
        stdout=subprocess.PIPE, stderr=its, text=True, env=environment(files), cwd=files,
    )  # fmt: skip
    os.close(its)
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert done.stdout.startswith("zone,hazard")
    assert re.fullmatch(r"(\r\x1b\[KCounting: \d+%)*(\r\x1b\[K)+", shown)


@pytest.mark.slow
def test_a_datum_that_nobody_placed_is_told_on_standard_error(files):
    a_raster(files / "people.tif", PEOPLE, left=16, bottom=44, cell=0.01)
    polygons_file(files / "zones.shp", [box(6_340_000, 4_875_000, 6_344_000, 4_880_000)])
    (files / "zones.prj").write_text(ESRI_ZONE_6.replace("MGI", "Somebodys"))
    a_raster(files / "flood.tif", DEPTH, left=16, bottom=44, cell=0.01)
    done = exposure(files, zones="zones.shp")
    said = "zones.shp: how its datum lies to the population's is not known; places may be some hundred metres off.\n"
    assert (done.returncode, done.stderr) == (0, said)


# Interrupted, and large


def a_sparse_population(path):
    """20,000 x 20,000 cells, three of them populated."""
    import rasterio
    from rasterio.windows import Window

    profile = {"driver": "GTiff", "count": 1, "dtype": "float32", "crs": "EPSG:4326", "compress": "deflate"}
    tiles = {"tiled": True, "blockxsize": 512, "blockysize": 512, "sparse_ok": True}
    place = Affine(0.0001, 0, 15, 0, -0.0001, 46)
    with rasterio.open(path, "w", width=20_000, height=20_000, transform=place, **profile, **tiles) as file:
        for row, column in ((0, 0), (9_999, 12_345), (19_999, 19_999)):
            file.write(np.full((1, 1), 5, np.float32), 1, window=Window(column, row, 1, 1))
    return path


@pytest.mark.slow
def test_a_large_sparse_population_needs_little_memory(files):
    a_sparse_population(files / "sparse.tif")
    polygons_file(files / "country.gpkg", [box(14, 43, 18, 47)])
    a_raster(files / "one.tif", np.ones((2, 2), np.float32), left=15, bottom=44, cell=1)
    arguments = command("--zones", "country.gpkg", "--population", "sparse.tif", "--hazard", "one.tif")
    code = (
        "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:]);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environment(files), cwd=files, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[1].split(",")[:4] == ["1", "one", "15.0", "15.0"]
    assert int(done.stderr) * 1024 < 700 * 2**20


def children(pid):
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@pytest.mark.slow
def test_ctrl_c_ends_it_without_a_traceback_and_leaves_nothing(files):
    a_sparse_population(files / "sparse.tif")
    before = sorted(path.name for path in files.iterdir())
    arguments = command("--zones", "zones.geojson", "--population", "sparse.tif", "--hazard", "flood.tif",
                        "--output", "out.csv")  # fmt: skip
    polygons_file(files / "zones.geojson", [box(14, 43, 18, 47)])
    running = subprocess.Popen(
        arguments, env=environment(files), cwd=files, start_new_session=True, stderr=subprocess.PIPE, text=True
    )
    for _ in range(200):
        if found := children(running.pid):
            break
        time.sleep(0.02)
    time.sleep(0.7)
    assert running.poll() is None
    os.killpg(running.pid, signal.SIGINT)
    _, said = running.communicate(timeout=20)
    assert running.returncode == 1
    assert said.strip() == "Aborted!"
    assert not Path(f"/proc/{found[0]}").exists()
    nothing_but(files, before)
