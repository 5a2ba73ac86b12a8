import os
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from shapely import box

from gis import kept
from gis.errors import NegativePeople
from gis.kept import index_of_files
from tests.builders import a_flat_array, a_raster

ZONES = a_flat_array([box(0, 0, 1.5, 3), box(1.5, 0, 3, 3)])


@pytest.fixture
def people(tmp_path):
    return a_raster(tmp_path / "people.tif", np.arange(9, dtype=np.float32).reshape(3, 3))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "kept"


@pytest.fixture
def built(monkeypatch):
    """Names of the population files that were read, one entry each time an index was built."""
    files = []

    def read(path, unit):
        files.append(path.name)
        return original(path, unit)

    original = kept.read_population
    monkeypatch.setattr(kept, "read_population", read)
    return files


def same(one, other):
    assert one.population.grid == other.population.grid
    for name in ("row_start", "column", "people"):
        assert_array_equal(getattr(one.population, name), getattr(other.population, name))
    for name in ("zone_start", "entry_cell", "entry_people"):
        assert_array_equal(getattr(one, name), getattr(other, name))


def test_the_second_use_takes_the_kept_index(people, folder, built):
    first = index_of_files(people, "persons", ZONES, folder)
    second = index_of_files(people, "persons", ZONES, folder)
    assert len(built) == 1
    same(first, second)


def test_nothing_is_kept_without_a_folder(people, folder, built):
    same(index_of_files(people, "persons", ZONES, None), index_of_files(people, "persons", ZONES, None))
    assert len(built) == 2
    assert not folder.exists()


def test_other_people_zones_or_units_get_an_index_of_their_own(people, folder, built):
    index_of_files(people, "persons", ZONES, folder)
    index_of_files(people, "persons/km2", ZONES, folder)
    index_of_files(people, "persons", ZONES[:1], folder)
    a_raster(people, np.ones((3, 3), dtype=np.float32))
    index = index_of_files(people, "persons", ZONES, folder)
    assert len(built) == 4
    assert index.population.total == 9


def test_a_file_beside_the_raster_that_changes_its_meaning_makes_a_new_index(people, folder, built):
    index_of_files(people, "persons", ZONES, folder)
    side = people.with_name("people.tif.aux.xml")
    side.write_text('<PAMDataset><PAMRasterBand band="1"><NoDataValue>8</NoDataValue></PAMRasterBand></PAMDataset>')
    index = index_of_files(people, "persons", ZONES, folder)
    assert len(built) == 2
    assert index.population.total == 36 - 8


def test_a_world_file_that_moves_the_raster_makes_a_new_index(tmp_path, folder, built):
    path = tmp_path / "people.tif"
    world = tmp_path / "people.tfw"
    a_raster(path, np.ones((3, 3), dtype=np.float32), tfw="YES", profile="BASELINE")
    path.with_name("people.tif.aux.xml").write_text("<PAMDataset><SRS>EPSG:4326</SRS></PAMDataset>")
    world.write_text("1\n0\n0\n-1\n0.5\n2.5\n")
    index_of_files(path, "persons", ZONES, folder)
    world.write_text("1\n0\n0\n-1\n1.5\n2.5\n")
    assert index_of_files(path, "persons", ZONES, folder).population.grid.left == 1
    assert len(built) == 2


def damage_every(pattern, folder, damage):
    files = list(folder.glob(f"*/{pattern}"))
    assert files
    for file in files:
        damage(file)


@pytest.mark.parametrize("name", ["about.json", "people.npy", "zone_start.npy", "entry_cell.npy"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.unlink(),
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(b"{}"),
        lambda file: file.write_bytes(b"[1]"),
        lambda file: file.write_bytes(file.read_bytes()[:-1]),
        lambda file: file.write_bytes(os.urandom(200)),
    ],
    ids=["missing", "empty", "braces", "list", "cut short", "noise"],
)
def test_a_damaged_index_is_built_anew_and_kept_again(people, folder, built, name, damage):
    wanted = index_of_files(people, "persons", ZONES, folder)
    damage_every(name, folder, damage)
    same(index_of_files(people, "persons", ZONES, folder), wanted)
    same(index_of_files(people, "persons", ZONES, folder), wanted)
    assert len(built) == 2


def test_arrays_of_another_index_are_not_taken(people, folder, built):
    wanted = index_of_files(people, "persons", ZONES, folder)
    damage_every("people.npy", folder, lambda file: np.save(file, np.ones(3)))
    same(index_of_files(people, "persons", ZONES, folder), wanted)
    assert len(built) == 2


def test_an_index_of_zones_without_people_is_kept_too(people, folder, built):
    nowhere = a_flat_array([box(20, 20, 21, 21)])
    first = index_of_files(people, "persons", nowhere, folder)
    same(index_of_files(people, "persons", nowhere, folder), first)
    assert len(built) == 1
    assert first.people.tolist() == [0]


@pytest.mark.parametrize("where", ["a file", "below a file", "/proc/kept"])
def test_a_folder_that_cannot_be_written_to_is_done_without(tmp_path, people, where):
    (tmp_path / "file").write_text("in the way")
    folder = {"a file": tmp_path / "file", "below a file": tmp_path / "file" / "kept"}.get(where, where)
    index = index_of_files(people, "persons", ZONES, type(tmp_path)(folder))
    same(index, index_of_files(people, "persons", ZONES, None))


def test_what_was_used_longest_ago_makes_room(people, folder, built, monkeypatch):
    index_of_files(people, "persons", ZONES, folder)
    size = sum(file.stat().st_size for file in folder.glob("*/*"))
    monkeypatch.setattr(kept, "MAX_KEPT_BYTES", int(2.5 * size))
    for age, path in enumerate(folder.iterdir()):
        os.utime(path, (age, age))
    second, third = a_flat_array([box(0, 0, 1.4, 3), box(1.5, 0, 3, 3)]), a_flat_array([box(0, 0, 1.3, 3), ZONES[1]])
    index_of_files(people, "persons", second, folder)
    index_of_files(people, "persons", third, folder)
    assert len(list(folder.iterdir())) == 2
    index_of_files(people, "persons", second, folder)
    assert len(built) == 3
    index_of_files(people, "persons", ZONES, folder)
    assert len(built) == 4


def test_a_population_that_is_refused_leaves_nothing(tmp_path, folder):
    path = a_raster(tmp_path / "people.tif", np.array([[1, -1]], dtype=np.float32))
    with pytest.raises(NegativePeople):
        index_of_files(path, "persons", ZONES, folder)
    assert not folder.exists() or not list(folder.iterdir())


def test_two_processes_may_keep_the_same_at_once(people, folder):
    code = (
        "import sys; from pathlib import Path; from shapely import box; import numpy as np;"
        "from gis.kept import index_of_files; zones = np.array([box(0, 0, 3, 3)], dtype=object);"
        "print(index_of_files(Path(sys.argv[1]), 'persons', zones, Path(sys.argv[2])).people.sum())"
    )
    command = [sys.executable, "-c", code, str(people), str(folder)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[0] for process in running] == ["36.0\n", "36.0\n"]
    assert len(list(folder.iterdir())) == 1
