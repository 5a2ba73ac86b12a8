import hashlib
import re

import pytest

from app.settings import CHECKOUT

FOLDERS = [CHECKOUT / "app/static/vendor", CHECKOUT / "tests/vendor", CHECKOUT / "app/vendor"]


@pytest.mark.parametrize("folder", FOLDERS, ids=["served", "for tests", "read"])
def test_third_party_files_are_the_ones_that_were_taken(folder):
    noted = dict(
        reversed(line.split("  ", 1))
        for line in (folder / "README.md").read_text().splitlines()
        if re.match(r"[0-9a-f]{64}  ", line)
    )
    found = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path != folder / "README.md"
    }
    assert found == noted


@pytest.mark.parametrize("folder", FOLDERS, ids=["served", "for tests", "read"])
def test_every_third_party_package_comes_with_its_licence(folder):
    packages = [path for path in folder.iterdir() if path.is_dir()]
    assert packages
    for package in packages:
        assert [path for path in package.iterdir() if path.name.startswith("LICENSE")], package
