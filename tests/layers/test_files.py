"""Files under their content hash."""

import hashlib
import io
import os

import pytest

from layers.errors import FileTooLarge, FileVanished
from layers.files import FileStore


@pytest.fixture
def store(tmp_path):
    return FileStore(tmp_path / "store")


def test_a_file_is_found_again_by_the_sha256_of_its_content(store):
    digest, size = store.hold(io.BytesIO(b"water"), most_bytes=100)
    assert (digest, size) == (hashlib.sha256(b"water").hexdigest(), 5)
    assert store.path(digest).read_bytes() == b"water"


def test_the_same_content_is_kept_once(store):
    first, _ = store.hold(io.BytesIO(b"water"), most_bytes=100)
    second, _ = store.hold(io.BytesIO(b"water"), most_bytes=100)
    assert first == second
    assert sum(1 for p in store.root.rglob("*") if p.is_file()) == 1


def test_of_a_file_that_is_too_large_nothing_is_kept(store):
    with pytest.raises(FileTooLarge):
        store.hold(io.BytesIO(b"x" * 2**21), most_bytes=2**20)
    assert not [p for p in store.root.rglob("*") if p.is_file()]


def test_a_hash_that_is_a_path_is_not_followed(store):
    for hostile in ("../../etc/passwd", "", "A" * 64, "0" * 63 + "/"):
        with pytest.raises(FileVanished):
            store.path(hostile)


def test_what_was_made_is_moved_in_and_what_was_given_up_is_gone(store):
    with store.part() as part:
        part.write_bytes(b"made")
        digest = store.put(part)
    with store.part() as part:
        part.write_bytes(b"given up")
    assert store.path(digest).read_bytes() == b"made"
    assert [p.name for p in store.root.rglob("*") if p.is_file()] == [digest]


def test_sweeping_removes_old_files_that_nobody_names_and_nothing_else(store):
    wanted, _ = store.hold(io.BytesIO(b"wanted"), most_bytes=100)
    stray, _ = store.hold(io.BytesIO(b"stray"), most_bytes=100)
    fresh, _ = store.hold(io.BytesIO(b"fresh"), most_bytes=100)
    left_over = store.root / "parts" / "killed"
    left_over.mkdir()
    (left_over / "part").write_bytes(b"half")
    for path in (store.path(wanted), store.path(stray), left_over):
        os.utime(path, (1000, 1000))
    now = store.path(fresh).stat().st_mtime
    assert store.sweep({wanted}, older_than_s=3600, now_s=now + 1) == 2
    assert store.path(wanted).exists()
    assert store.path(fresh).exists()
    assert not left_over.exists()
    with pytest.raises(FileVanished):
        store.path(stray)
