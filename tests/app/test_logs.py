"""What the logs say, and what they never say."""

import json
import os
import subprocess
import sys

from tests.builders import a_terminal

PROGRAM = """
from app.logs import configure
import structlog

configure("INFO")

def sign_in(password):
    raise ValueError("no such person")

try:
    sign_in("".join(reversed("terces")))
except ValueError:
    structlog.get_logger("app").exception("čudo", person="P-1")
"""


def test_an_error_is_one_line_of_json_with_its_place_and_without_local_variables():
    said = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True).stderr
    (line,) = said.splitlines()
    told = json.loads(line)
    assert (told["event"], told["level"], told["person"]) == ("čudo", "error", "P-1")
    assert [frame["name"] for frame in told["exception"][0]["frames"]] == ["<module>", "sign_in"]
    assert "secret" not in said


def test_a_person_who_watches_sees_readable_lines_without_local_variables():
    ours, its = a_terminal()
    subprocess.run([sys.executable, "-c", PROGRAM], stderr=its, check=True)
    os.close(its)
    said = os.read(ours, 100_000).decode()
    os.close(ours)
    assert "čudo" in said
    assert "ValueError: no such person" in said
    assert "secret" not in said
