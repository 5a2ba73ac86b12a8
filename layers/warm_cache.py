"""Numba's compiled functions for a process that may read the cache and not write it.

Numba takes a cache only where it can write, and compiles everything anew elsewhere. Named in the environment as
NUMBA_CACHE_LOCATOR_CLASSES, so that it is loaded when numba is, and only then.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

from numba.core.caching import Cache, InTreeCacheLocator, UserProvidedCacheLocator

_save_overload = Cache._save_overload


class ReadOnly(InTreeCacheLocator):
    """Where the functions of a module are kept, whether or not one can write there."""

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> Any:
        """As numba's own, without trying to write."""
        return (UserProvidedCacheLocator if os.environ.get("NUMBA_CACHE_DIR") else cls)(py_func, py_file)


def _save_if_one_can(self: Any, sig: Any, data: Any) -> None:
    with suppress(OSError):  # what was compiled in vain is compiled again the next time
        _save_overload(self, sig, data)  # type: ignore[no-untyped-call]


Cache._save_overload = _save_if_one_can  # type: ignore[method-assign]
