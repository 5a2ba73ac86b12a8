"""What the kernel takes from a process before it reads untrusted files: files, sockets, programs, privileges, its user.

Each only where the kernel offers it and the process may ask for it; what is in force is told by in_force(), so that
whoever runs Spremnost can know. Nothing here is given back.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final


class Protection(StrEnum):
    FILES = "files"  # only what it was given can be opened
    NETWORK = "network"  # no address can be reached
    PROGRAMS = "programs"  # no other process can be started or looked into
    PRIVILEGES = "privileges"  # no capabilities, and no way to new ones
    USER = "user"  # it runs as a user that owns nothing


NOBODY: Final = 65534
CLONE_NEWNET: Final = 0x40000000
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP = 38, 22

# Landlock, linux/landlock.h. The numbers of its calls are the same on every machine.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
CREATE_RULESET_VERSION = 1
RULE_PATH_BENEATH = 1
READ_FILE, READ_DIR = 1 << 2, 1 << 3
WRITE_FILE, REMOVE_DIR, REMOVE_FILE, MAKE_DIR, MAKE_REG, MAKE_SYM = 1 << 1, 1 << 4, 1 << 5, 1 << 7, 1 << 8, 1 << 12
TRUNCATE = 1 << 14
# All rights on files that a version knows, by version; what is handled is denied unless a rule gives it.
RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
NET_SINCE, SCOPE_SINCE = 4, 6
ALL_TCP, ALL_SCOPES = 0b11, 0b11
OF_A_FILE = READ_FILE | WRITE_FILE | TRUNCATE
READING = READ_FILE | READ_DIR
WRITING = READING | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | TRUNCATE

SYSTEM: Final = (
    "/usr",
    "/lib",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/dev/null",
    "/dev/zero",
    "/dev/urandom",
    "/dev/random",
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/sys/devices/system/cpu",
    "/sys/fs/cgroup",
)
DATA_FOLDERS: Final = ("GDAL_DATA", "PROJ_DATA", "PROJ_LIB", "NUMBA_CACHE_DIR")

# Calls that reading a file never needs: sockets, other processes, other ways to files, changes of owner and mode.
# Landlock knows no owners and modes, and TCP only. The numbers are those of asm/unistd.h.
_DENIED: Final = {
    "x86_64": (
        *(41, 53, 57, 58, 59, 322, 101, 310, 311, 438, 425, 304, 165, 272, 308, 129, 200, 297, 424),
        *(321, 323, 298, 248, 249, 250, 90, 91, 268, 452, 92, 93, 94, 260, 188, 189, 190),
    ),
    "aarch64": (
        *(198, 199, 221, 281, 117, 270, 271, 438, 425, 265, 40, 97, 268, 138, 130, 240, 424),
        *(280, 282, 241, 217, 218, 219, 52, 53, 452, 54, 55, 5, 6, 7),
    ),
}
# The kernel's mark of the machine, and the numbers of clone, kill and tgkill.
_MACHINES: Final = {"x86_64": (0xC000003E, 56, 62, 234), "aarch64": (0xC00000B7, 220, 129, 131)}
CLONE3: Final = 435
CLONE_THREAD: Final = 0x00010000
EPERM, ENOSYS = 1, 38

_in_force: list[Protection] = []


def in_force() -> list[str]:
    """The protections of this process."""
    return [p.value for p in _in_force]


def confine(*, reads: Sequence[str], writes: Sequence[str], shared: Sequence[str], scratch: str) -> None:
    """Leave this process nothing but these files and folders, and what Python and its libraries need.

    reads: files and folders to be read. writes: folders made for what this process makes, without links. shared: others
    that it may change. scratch: a folder for what nobody else uses. Where a protection is not to be had, the process
    goes on without it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    ruleset = _ruleset(libc, reads, [*writes, *shared], scratch)
    if libc.unshare(CLONE_NEWNET) == 0:
        _in_force.append(Protection.NETWORK)
    if os.geteuid() == 0 and _become_nobody(reads, [*writes, scratch], shared):
        _in_force.append(Protection.USER)
    if _drop_capabilities(libc) and libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
        _in_force.append(Protection.PRIVILEGES)
        if ruleset is not None and libc.syscall(RESTRICT_SELF, ruleset, 0) == 0:
            _in_force.append(Protection.FILES)
        if _deny_calls(libc):
            _in_force.append(Protection.PROGRAMS)
            if Protection.NETWORK not in _in_force:
                _in_force.append(Protection.NETWORK)
    if ruleset is not None:
        os.close(ruleset)


# --- files -----------------------------------------------------------------------------------------------------------


def _ruleset(libc: ctypes.CDLL, reads: Sequence[str], writes: Sequence[str], scratch: str) -> int | None:
    """A set of Landlock's rules; None where the kernel has no Landlock."""
    version = libc.syscall(CREATE_RULESET, None, 0, CREATE_RULESET_VERSION)
    if version < 1:
        return None
    handled = RIGHTS[max(known for known in RIGHTS if known <= version)]
    words = [handled]
    if version >= NET_SINCE:
        words.append(ALL_TCP)
    if version >= SCOPE_SINCE:
        words.append(ALL_SCOPES)
    attributes = struct.pack(f"={len(words)}Q", *words)
    ruleset = libc.syscall(CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        return None
    granted = [
        *((path, READING) for path in [*SYSTEM, *_python(), *reads]),
        (_root(), READ_DIR),  # where Python looks for our packages
        *((path, WRITING) for path in writes),
        (scratch, WRITING | MAKE_SYM),
    ]
    for path, rights in granted:
        if not _grant(libc, ruleset, path, rights & handled):
            os.close(ruleset)
            return None
    return int(ruleset)


def _grant(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> bool:
    try:
        at = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (OSError, ValueError):
        return True  # what is not there, or is no name at all, needs no right
    try:
        if not os.path.isdir(path):
            rights &= OF_A_FILE
        rule = struct.pack("=Qi", rights, at)
        return bool(libc.syscall(ADD_RULE, ruleset, RULE_PATH_BENEATH, rule, 0) == 0)
    finally:
        os.close(at)


def _python() -> list[str]:
    """Python, its libraries and their data, and our own packages, but not what lies beside those: the data folder."""
    named = (os.environ.get(variable, "") for variable in DATA_FOLDERS)
    paths = {
        *(sys.prefix, sys.base_prefix, sys.exec_prefix),
        *sysconfig.get_paths().values(),
        *(path for path in sys.path if path and Path(path).resolve() != Path(_root())),
        *(path for path in named if path),
        *(str(Path(_root(), package)) for package in ("foundation", "gis", "layers")),
    }
    return sorted(paths)


def _root() -> str:
    return str(Path(__file__).resolve().parent.parent)


# --- user and privileges ---------------------------------------------------------------------------------------------


def _become_nobody(reads: Sequence[str], own: Sequence[str], shared: Sequence[str]) -> bool:
    """Change to a user that owns nothing, if it reaches all that is needed; its own folders then belong to it."""
    given = []
    changed = False
    try:
        for path in own:
            os.chown(path, NOBODY, NOBODY)
            given.append(path)
        os.setgroups([])
        os.setegid(NOBODY)
        os.seteuid(NOBODY)
        if _reaches([*reads, *_python()], [*own, *shared]):
            os.seteuid(0)
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            changed = True
    except OSError:
        pass
    if not changed:
        os.seteuid(0)
        os.setegid(0)
        for path in given:
            os.chown(path, 0, os.getgid())
    return changed


def _reaches(reads: Iterable[str], writes: Iterable[str]) -> bool:
    def may(path: str, how: int) -> bool:
        return os.access(path, how, effective_ids=True)

    return all(may(path, os.R_OK) or _missing(path) for path in reads) and all(
        may(path, os.R_OK | os.W_OK | os.X_OK) for path in writes
    )


def _missing(path: str) -> bool:
    """True where there is no such file; not where it only cannot be seen."""
    try:
        os.stat(path)
    except PermissionError:
        return False
    except (OSError, ValueError):
        return True
    return False


def _drop_capabilities(libc: ctypes.CDLL) -> bool:
    version_3 = struct.pack("=Ii", 0x20080522, 0)
    return bool(libc.capset(version_3, bytes(24)) == 0)


# --- calls -----------------------------------------------------------------------------------------------------------


def _deny_calls(libc: ctypes.CDLL) -> bool:
    """Refuse calls by a filter of the kernel (seccomp); threads can be started, and the process may end itself."""
    machine = platform.machine()
    if machine not in _DENIED or sys.byteorder != "little" or struct.calcsize("P") != 8:
        return False
    mark, clone, *signals = _MACHINES[machine]
    load, equal, at_least, any_bit, answer = 0x20, 0x15, 0x35, 0x45, 0x06
    allow, refuse = 0x7FFF0000, 0x00050000
    # (code, jump if true, jump if false, value); a jump counts the instructions passed over. struct seccomp_data: the
    # call's number at 0, the architecture at 4, the arguments from 16.
    program = [(load, 0, 0, 4), (equal, 1, 0, mark), (answer, 0, 0, refuse | EPERM), (load, 0, 0, 0)]
    program += [(at_least, 0, 1, 0x40000000), (answer, 0, 0, refuse | EPERM)]  # the x32 numbers of the same calls
    program += [(equal, 0, 1, CLONE3), (answer, 0, 0, refuse | ENOSYS)]  # glibc then takes clone, whose flags are seen
    for number in _DENIED[machine]:
        program += [(equal, 0, 1, number), (answer, 0, 0, refuse | EPERM)]
    for number, good in ((clone, (any_bit, 1, 0, CLONE_THREAD)), *((n, (equal, 1, 0, os.getpid())) for n in signals)):
        program += [(equal, 0, 4, number), (load, 0, 0, 16), good]
        program += [(answer, 0, 0, refuse | EPERM), (answer, 0, 0, allow)]
    program.append((answer, 0, 0, allow))
    packed = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in program))
    filtering = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(packed)))
    return bool(libc.prctl(PR_SET_SECCOMP, 2, filtering, 0, 0) == 0)
