"""What processes owe each other."""

import ctypes
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

PR_SET_PDEATHSIG = 1

METRICS_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Set before app.metrics is imported where several processes count together."""

_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent: int) -> None:
    """Asks the kernel to end this process when `parent`, which started it, is gone, even by kill -9.

    To be called in the child, between fork and exec or right after the fork.
    """
    if _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != parent:  # it was gone before the kernel was asked
        os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def shared_folder() -> Iterator[None]:
    """A folder for the counts of several processes, as long as the one that calls this lives."""
    parent, folder = os.getpid(), tempfile.mkdtemp(prefix="spremnost-metrics-")
    os.environ[METRICS_FOLDER] = folder
    try:
        yield
    finally:
        if os.getpid() == parent:  # not in a process that was forked in between
            shutil.rmtree(folder, ignore_errors=True)
