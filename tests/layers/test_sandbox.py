import os
import resource
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

import layers.sandbox
from gis.errors import NegativePeople
from layers import ingest
from layers.catalogue import Kind
from layers.confinement import NOBODY, Protection
from layers.errors import ReaderDied, TooLong, TooMuchMemory
from layers.files import FileStore
from layers.sandbox import Limits, plain_files, protections, run

NAUGHTY = """
import os, signal, socket, subprocess, sys, tempfile, threading, time
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
def user(): return os.geteuid()

def outcome(what, *arguments):
    try: what(*arguments)
    except OSError as error: return error.strerror
    return "done"
def read(path): return outcome(lambda: open(path).read())
def look(path): return outcome(os.listdir, path)
def write(path): return outcome(lambda: open(path, "w").write("x"))
def remove(path): return outcome(os.remove, path)
def link(path, target): return outcome(os.symlink, target, path)
def open_up(path): return outcome(os.chmod, path, 0o777)
def scratch(): return outcome(os.symlink, "/etc/passwd", tempfile.mkdtemp() + "/link")
def reach(family, kind, address):
    def call():
        with socket.socket(family, kind) as one:
            one.settimeout(2)
            one.connect(tuple(address) if isinstance(address, list) else address)
            one.send(b"x")
    return outcome(call)
def start(): return outcome(lambda: subprocess.run(["/bin/true"], check=True))
def fork(): return outcome(lambda: os.fork() or os._exit(0))
def thread():
    started = threading.Thread(target=lambda: None)
    started.start()
    started.join()
def signal_parent(): return outcome(os.kill, os.getppid(), 0)
def claim(folder, **_): return {"files": {"cog": "/etc/hostname"}}
def spy(): return outcome(lambda: open(f"/proc/{os.getppid()}/environ").read())
"""


def needs(*wanted):
    """Skips where the kernel, or what it lets this process do, does not protect in that way."""
    missing = [p.value for p in wanted if p not in protections()]
    return pytest.mark.skipif(bool(missing), reason=f"the kernel does not grant this protection here: {missing}")


@pytest.fixture(autouse=True)
def naughty(data_dir, monkeypatch):
    folder = data_dir / "modules"
    folder.mkdir()
    (folder / "naughty.py").write_text(NAUGHTY)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")])))
    return folder


def call(function, cpu_seconds=30, reads=(), writes=(), shared=(), **arguments):
    limits = Limits(memory_bytes=2**30, cpu_seconds=cpu_seconds)
    folders = {"reads": reads, "writes": writes, "shared": shared}
    return run(f"naughty:{function}", arguments, files=["a.tif", "b.gpkg"], limits=limits, **folders)


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


# --- what the kernel takes from it -----------------------------------------------------------------------------------


@pytest.fixture
def folders(data_dir):
    """A folder to write to, a file that is given and one that is not, all of which another user could reach."""
    (data_dir / "made").mkdir()
    (data_dir / "given").write_text("given")
    (data_dir / "foreign").write_text("foreign")
    return data_dir


@needs(Protection.FILES)
def test_only_files_that_it_was_given_can_be_read(folders):
    given = {"reads": [folders / "given"]}
    assert call("read", path=str(folders / "given"), **given) == "done"
    for path in (folders / "foreign", "/etc/passwd", "/proc/1/environ", "/proc/version"):
        assert call("read", path=str(path), **given) == "Permission denied", path
    assert call("look", path=str(folders), **given) == "Permission denied"


@needs(Protection.FILES)
def test_it_writes_nowhere_but_in_its_folders(folders):
    places = {"reads": [folders / "given"], "writes": [folders / "made"]}
    assert call("write", path=str(folders / "made" / "new"), **places) == "done"
    assert call("remove", path=str(folders / "made" / "new"), **places) == "done"
    for path in (folders / "given", folders / "foreign", folders / "new", "/usr/new"):
        assert call("write", path=str(path), **places) == "Permission denied", path
    assert call("remove", path=str(folders / "given"), **places) == "Permission denied"
    assert (folders / "given").read_text() == "given"


@needs(Protection.FILES)
def test_its_own_packages_and_their_cache_cannot_be_changed():
    package = Path(layers.sandbox.__file__).parent
    assert call("write", path=str(package / "planted.py")) == "Permission denied"
    assert call("write", path=str(package.parent / "gis" / "__pycache__" / "planted")) == "Permission denied"


@needs(Protection.FILES)
def test_it_leaves_no_links_to_foreign_files_in_what_it_makes(folders):
    places = {"writes": [folders / "made"]}
    link = {"path": str(folders / "made" / "link"), "target": str(folders / "foreign")}
    assert call("link", **link, **places) == "Permission denied"
    assert call("scratch") == "done"  # where nobody looks


def test_a_folder_with_a_link_in_it_is_not_taken(folders):
    made = folders / "made"
    (made / "rows").write_text("x")
    assert plain_files(made) == {"rows"}
    (made / "cog").symlink_to(folders / "foreign")
    with pytest.raises(ReaderDied, match="cog"):
        plain_files(made)
    (made / "cog").unlink()
    os.link(folders / "foreign", made / "twin")
    with pytest.raises(ReaderDied, match="twin"):
        plain_files(made)


def test_a_file_that_it_names_and_did_not_make_is_not_taken_into_the_store(folders, monkeypatch):
    store = FileStore(folders / "files")
    digest, _ = store.hold(BytesIO(b"content"), most_bytes=10)
    reader = replace(ingest.READERS[Kind.FACILITIES], prepare="naughty:claim")
    monkeypatch.setitem(ingest.READERS, Kind.FACILITIES, reader)
    task = {"kind": "facilities", "file_name": "f", "file_hash": digest, "options": {}, "context": {}}
    with pytest.raises(ReaderDied, match="did not make"):
        ingest.read(task, store, folders / "made", lambda share: None)


def test_where_the_kernel_has_neither_landlock_nor_filters_it_goes_on_without_and_says_so(data_dir):
    no_such_call = 9999
    code = (
        "import sys; from layers import confinement as c;"
        f"c.CREATE_RULESET = {no_such_call}; c._DENIED.clear();"
        "c.confine(reads=[], writes=[], shared=[], scratch=sys.argv[1]); print(*c.in_force())"
    )
    done = subprocess.run([sys.executable, "-c", code, str(data_dir)], capture_output=True, text=True, check=True)
    assert not {"files", "programs"} & set(done.stdout.split())
    assert "privileges" in done.stdout.split()


@needs(Protection.NETWORK)
def test_no_address_can_be_reached(folders):
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        local.bind(str(folders / "socket"))
        local.listen()
        (folders / "socket").chmod(0o777)
        refused = {"Operation not permitted", "Permission denied"}
        address = list(server.getsockname())
        assert call("reach", family=socket.AF_INET, kind=socket.SOCK_STREAM, address=address) in refused
        assert call("reach", family=socket.AF_INET, kind=socket.SOCK_DGRAM, address=address) in refused
        if Protection.PROGRAMS in protections():  # a network of its own does not part it from sockets in folders
            path = str(folders / "socket")
            assert call("reach", family=socket.AF_UNIX, kind=socket.SOCK_STREAM, address=path) in refused


@needs(Protection.PROGRAMS)
def test_it_starts_threads_and_no_programs():
    call("thread")
    assert call("start") == "Operation not permitted"
    assert call("fork") == "Operation not permitted"


@needs(Protection.PROGRAMS)
def test_it_cannot_open_a_file_up_to_others(folders):
    made = folders / "made"
    assert call("open_up", path=str(made), writes=[made]) == "Operation not permitted"


@needs(Protection.FILES, Protection.PROGRAMS)
def test_it_sees_nothing_of_the_process_that_started_it_and_sends_it_no_signal():
    assert call("spy") == "Permission denied"
    assert call("signal_parent") == "Operation not permitted"


def test_no_secret_of_the_environment_passes(monkeypatch):
    monkeypatch.setenv("SPREMNOST_DATABASE_URL", "postgresql://somebody:hush@db/spremnost")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    environment = call("environment")
    assert "hush" not in str(environment)
    assert environment["HOME"] == environment["TMPDIR"] != os.environ.get("HOME")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@needs(Protection.USER)
def test_started_by_root_it_is_nobody_and_what_it_made_belongs_to_root_in_the_end(folders):
    store = FileStore(folders / "files")
    with store.part() as part:
        part.mkdir()
        places = {"writes": [part], "reads": [folders / "given"]}
        assert call("user", **places) == NOBODY
        assert call("write", path=str(part / "made"), **places) == "done"
        assert (part / "made").stat().st_uid == NOBODY
        kept = store.path(store.put(part / "made"))
    assert (kept.stat().st_uid, kept.stat().st_mode & 0o777) == (0, 0o444)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_it_stays_who_it_is_where_nobody_could_not_read_the_file(folders):
    (folders / "given").chmod(0o600)
    made = folders / "made"
    assert call("user", reads=[folders / "given"], writes=[made]) == 0
    assert call("read", path=str(folders / "given"), reads=[folders / "given"]) == "done"
    assert made.stat().st_uid == 0


def test_a_shared_folder_keeps_its_owner(folders):
    shared = folders / "made"
    shared.chmod(0o777)
    assert call("write", path=str(shared / "new"), shared=[shared]) == "done"
    assert shared.stat().st_uid == os.geteuid()


def a_parent(pid_file):
    """Another process that waits for a sleeping child, and the child's number."""
    code = (
        "import sys; from layers.sandbox import run, Limits;"
        "run('naughty:sleep', {'pid_file': sys.argv[1]}, files=['a'], limits=Limits(), shared=[sys.argv[2]])"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(pid_file), str(pid_file.parent)], stderr=subprocess.PIPE, text=True
    )
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
