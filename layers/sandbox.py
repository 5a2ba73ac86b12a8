"""Untrusted files are read in a child process with limits, so that a hostile one can only hurt that process.

`run` starts `python -m layers.sandbox module:function`, hands it keyword arguments as JSON on standard input and takes
its answer as JSON. The function must be one of this project; one with a parameter `tell` can say by it how much is
done. What it prints to sys.stderr is passed on when it succeeds; when it fails, the problem is the one thing said. What
native code prints is never shown.

The child sees no files but those it is given, no network, no secrets of the environment (layers.confinement says what
of that the kernel grants). What it leaves behind is as little to be trusted as what it read: see plain_files.
"""

from __future__ import annotations

import ctypes
import inspect
import json
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import gis.errors
import layers.errors
from foundation.errors import N_
from gis.errors import GisError
from layers.confinement import DATA_FOLDERS, Protection, confine
from layers.errors import LayersError, NoRoom, ReaderDied, TooLong, TooMuchMemory

WATCH_S = 0.5
PROGRESS = "SPREMNOST_PROGRESS_FD"

FOLLOWING_RASTERS = "VRT,GTI,STACIT,STACTA,WMS,WMTS,WCS,OGCAPI,HTTP,PLMOSAIC,DAAS,EEDAI,NGW,GDALG"
FOLLOWING_VECTORS = "OGR_VRT,GDALG,WFS,OAPIF,OGCAPI,CSW,HTTP,PLSCENES,EEDA,NGW,CARTO,AMIGOCLOUD,ELASTICSEARCH,GTFS"
NOBODY_LISTENS = "127.0.0.1:9"
# No driver that follows a file to other files or addresses; a small block cache; nothing fetched, ever: a GeoJSON may
# name its coordinate reference system by an address, which GDAL asks unless its proxy cannot be reached.
ENVIRONMENT = {
    "GDAL_SKIP": FOLLOWING_RASTERS,
    "OGR_SKIP": FOLLOWING_VECTORS,
    "GDAL_HTTP_PROXY": NOBODY_LISTENS,
    "GDAL_HTTPS_PROXY": NOBODY_LISTENS,
    "NO_PROXY": "",
    "no_proxy": "",
    "GDAL_CACHEMAX": "64",
    "GDAL_NUM_THREADS": "1",
    "PROJ_NETWORK": "OFF",
    # With more threads it asks for memory while it is loaded, and asks for ever where the limit refuses it.
    "OPENBLAS_NUM_THREADS": "1",
    "NUMBA_CACHE_LOCATOR_CLASSES": "layers.warm_cache.ReadOnly",
}
# Of our own environment only this: the rest holds the database's address and the key of the sessions.
PASSED_ON = {
    *("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ"),
    *DATA_FOLDERS,
}
# What native code says before it aborts because it was refused memory.
OUT_OF_MEMORY = (b"bad_alloc", b"ut of memory", b"annot allocate memory", b"MemoryError")
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Limits:
    """What the child may use."""

    memory_bytes: int = 2 * 2**30
    cpu_seconds: int = 600


def run(
    function: str,
    arguments: Mapping[str, Any],
    *,
    files: Sequence[str],
    limits: Limits,
    reads: Sequence[Path | str] = (),
    writes: Sequence[Path | str] = (),
    shared: Sequence[Path | str] = (),
    watch: Callable[[float], None] | None = None,
) -> Any:
    """The answer (JSON) of module:function called with the arguments (JSON) in a child process with limits.

    files: how to name in a sentence what was being read. reads: the files that it may read. writes: folders made for
    what it makes. shared: folders that stay, in which it may make and change files. watch: called every half second
    with the share done that the function told, and with 1 when it has succeeded; what it raises ends the child. Raises
    the GisError or LayersError that the function raised, TooMuchMemory, TooLong, NoRoom, ReaderDied.
    """
    with (
        tempfile.TemporaryDirectory(prefix="spremnost-read-") as scratch,
        tempfile.TemporaryFile() as answer,
        tempfile.TemporaryFile() as remarks,
        tempfile.TemporaryFile() as native,
        tempfile.TemporaryFile() as progress,
    ):
        told_in = answer.fileno(), remarks.fileno(), progress.fileno()
        child = subprocess.Popen(
            # -P: a json.py that lies beside the files is not imported.
            [sys.executable, "-P", "-m", "layers.sandbox", function, *map(str, told_in)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=native,
            pass_fds=told_in,
            env={**_passed_on(), **ENVIRONMENT, "TMPDIR": scratch, "HOME": scratch},
            process_group=0,  # Ctrl-C is for this process, which then kills the child
        )
        request = {
            "parent": os.getpid(),
            "limits": [limits.memory_bytes, limits.cpu_seconds],
            "confined": {
                "reads": [os.path.abspath(path) for path in reads],
                "writes": [os.path.abspath(path) for path in writes],
                "shared": [os.path.abspath(path) for path in shared],
                "scratch": scratch,
            },
            "arguments": dict(arguments),
        }
        try:
            stdin = cast(IO[bytes], child.stdin)
            with suppress(BrokenPipeError):  # a child that died at once is told of below
                stdin.write(json.dumps(request).encode())
                stdin.close()
            while True:
                try:
                    child.wait(timeout=WATCH_S if watch else None)
                    break
                except subprocess.TimeoutExpired:
                    if watch:
                        watch(float(os.pread(progress.fileno(), 8, 0) or 0))
        except BaseException:
            child.kill()
            child.wait()
            raise
        told, remarked, said = (_whole(file) for file in (answer, remarks, native))
        full = shutil.disk_usage(tempfile.gettempdir()).free < 2**20  # asked before these files make room
    named = ", ".join(files)
    if child.returncode == 0:
        if watch:
            watch(1)
        sys.stderr.write(remarked.decode(errors="replace"))
        return json.loads(told)
    if child.returncode == -signal.SIGXCPU:
        raise TooLong(files=named, limit_minutes=limits.cpu_seconds / 60)
    try:
        problem = json.loads(told)
    except ValueError:
        problem = {"kind": "unexpected"}
    if problem["kind"] == "unexpected":
        if full:
            raise NoRoom(folder=tempfile.gettempdir())
        if _out_of_memory(problem["reason"].encode() if "reason" in problem else said):
            raise TooMuchMemory(files=named, limit_gib=limits.memory_bytes / 2**30)
        died = signal.Signals(-child.returncode).name if child.returncode < 0 else f"exit code {child.returncode}"
        raise ReaderDied(files=named, reason=problem.get("reason", died))
    modules = {m.__name__: m for m in (gis.errors, layers.errors)}
    kind: type[Exception] = getattr(modules[problem["module"]], problem["kind"])
    raise kind(**problem["parameters"])


@cache
def protections() -> frozenset[Protection]:
    """What the kernel takes from the child here, found out by starting one."""
    told = run("layers.confinement:in_force", {}, files=["-"], limits=Limits(cpu_seconds=60))
    return frozenset(Protection(name) for name in told)


def plain_files(folder: Path) -> set[str]:
    """The names of the files that a child left in its folder. Raises ReaderDied where anything else is there."""
    with os.scandir(folder) as entries:
        found = {entry.name: entry.stat(follow_symlinks=False) for entry in entries}
    odd = [name for name, about in found.items() if not stat.S_ISREG(about.st_mode) or about.st_nlink != 1]
    if odd:
        raise ReaderDied(files=", ".join(odd), reason=N_("it left something that is no file"))
    return set(found)


def _passed_on() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name in PASSED_ON}


def tell_progress(share: float) -> None:
    """Called by a function in the sandbox: how much of its work is done, 0 to 1. Elsewhere it does nothing."""
    if PROGRESS in os.environ:
        os.pwrite(int(os.environ[PROGRESS]), f"{share:.3f}".encode(), 0)


def _out_of_memory(said: bytes) -> bool:
    return any(sign in said for sign in OUT_OF_MEMORY)


def _whole(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read()


def _die_with(parent: int) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before it could take this process with it
        os._exit(1)


def _limit(memory_bytes: int, cpu_seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """The child: confined first, then the function; a problem that is no answer is told as JSON and ends with 3."""
    module, function = sys.argv[1].split(":")
    request = json.load(sys.stdin)
    _die_with(request["parent"])
    _limit(*request["limits"])
    confine(**request["confined"])
    _die_with(request["parent"])  # a change of user forgets it
    sys.stderr = open(int(sys.argv[3]), "w", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115
    os.environ[PROGRESS] = sys.argv[4]
    # pyogrio imports these where it can; nothing that is read here needs them, and they take a third of the start.
    for unneeded in ("geopandas", "pandas", "pyarrow"):
        sys.modules[unneeded] = None  # type: ignore[assignment]  # how Python is told that an import must fail
    with open(int(sys.argv[2]), "w") as answer:
        try:
            called = getattr(import_module(module), function)
            if "tell" in inspect.signature(called).parameters:  # a function below this floor
                request["arguments"]["tell"] = tell_progress
            told = called(**request["arguments"])
        except (GisError, LayersError) as error:
            parameters = {k: v if isinstance(v, int | float) else str(v) for k, v in error.parameters.items()}
            kind = type(error)
            json.dump({"module": kind.__module__, "kind": kind.__name__, "parameters": parameters}, answer)
            sys.exit(3)
        except Exception as error:
            json.dump({"kind": "unexpected", "reason": f"{type(error).__name__}: {error}"}, answer)
            sys.exit(3)
        json.dump(told, answer)


if __name__ == "__main__":
    main()
