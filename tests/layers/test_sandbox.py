import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gis.errors import NegativePeople
from layers.errors import ReaderDied, TooLong, TooMuchMemory
from layers.sandbox import Limits, run

NAUGHTY = """
import os, signal, sys, time
import gis.errors

def answer(**words): return words
def remark(): print("čćž", file=sys.stderr)
def mutter(): os.write(2, b"native words"); os.write(1, b"more"); return 1
def refuse():
    print("half a remark", file=sys.stderr)
    raise gis.errors.NegativePeople(file="a.tif", cells=2, value="-1", row=1, column=2)
def stumble(): raise KeyError("somewhere")
def grow(): return len(bytearray(10**10))
def native_grow():
    os.write(2, b"terminate called after throwing an instance of 'std::bad_alloc'\\n"); os.abort()
def geos_grow(): raise RuntimeError("GEOSException: std::bad_alloc")
def crash(): os.kill(os.getpid(), signal.SIGSEGV)
def leave(): os._exit(7)
def spin():
    while True: pass
def sleep(pid_file):
    with open(pid_file, "w") as file: file.write(str(os.getpid()))
    time.sleep(600)
def environment(): return dict(os.environ)
"""


@pytest.fixture(autouse=True)
def naughty(tmp_path, monkeypatch):
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "naughty.py").write_text(NAUGHTY)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")])))
    return folder


def call(function, cpu_seconds=30, **arguments):
    limits = Limits(memory_bytes=2**30, cpu_seconds=cpu_seconds)
    return run(f"naughty:{function}", arguments, files=["a.tif", "b.gpkg"], limits=limits)


def test_arguments_and_answer_pass_as_json():
    assert call("answer", words=["Čapljina", None, 0.1], name="\udcff") == {
        "words": ["Čapljina", None, 0.1],
        "name": "\udcff",
    }


def test_remarks_pass_when_it_succeeds_and_native_words_never_do(capfd):
    call("remark")
    assert call("mutter") == 1
    assert capfd.readouterr() == ("", "čćž\n")


def test_a_problem_of_the_files_is_raised_as_it_was_and_is_all_that_is_said(capfd):
    with pytest.raises(NegativePeople) as caught:
        call("refuse")
    assert caught.value.parameters == {"file": "a.tif", "cells": 2, "value": "-1", "row": 1, "column": 2}
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["grow", "native_grow", "geos_grow"])
def test_memory_that_is_refused_is_a_sentence_however_it_shows(name, capfd):
    with pytest.raises(TooMuchMemory, match=r"a.tif, b.gpkg cannot be read within 1 GiB of memory"):
        call(name)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "reason"), [("crash", "SIGSEGV"), ("leave", "exit code 7"), ("stumble", "KeyError: 'somewhere'")]
)
def test_a_crash_is_a_sentence(name, reason, capfd):
    with pytest.raises(ReaderDied, match=reason):
        call(name)
    assert capfd.readouterr() == ("", "")


def test_it_is_stopped_when_it_takes_too_long():
    with pytest.raises(TooLong):
        call("spin", cpu_seconds=1)


def test_the_limits_are_the_childs_alone():
    call("answer")
    assert resource.getrlimit(resource.RLIMIT_DATA)[0] == resource.RLIM_INFINITY
    assert resource.getrlimit(resource.RLIMIT_CPU)[0] == resource.RLIM_INFINITY


def test_no_proxy_of_the_users_leads_out():
    environment = call("environment")
    assert environment["GDAL_HTTP_PROXY"] == environment["GDAL_HTTPS_PROXY"] == "127.0.0.1:9"
    assert environment["NO_PROXY"] == environment["no_proxy"] == ""


def test_a_module_that_lies_in_the_current_folder_is_not_imported(tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    assert call("answer") == {}


def a_parent(pid_file):
    """Another process that waits for a sleeping child, and the child's number."""
    code = (
        "import sys; from layers.sandbox import run, Limits;"
        "run('naughty:sleep', {'pid_file': sys.argv[1]}, files=['a'], limits=Limits())"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(pid_file)], stderr=subprocess.PIPE, text=True)
    wait_until(lambda: pid_file.exists() and pid_file.read_text())
    return parent, int(pid_file.read_text())


def wait_until(happened):
    for _ in range(400):
        if happened():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen within 20 seconds")


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_child_dies_with_its_parent(tmp_path, kill):
    parent, child = a_parent(tmp_path / "pid")
    parent.send_signal(kill)
    parent.communicate()
    wait_until(lambda: not alive(child))
