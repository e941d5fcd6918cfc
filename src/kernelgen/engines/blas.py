"""How many threads SciPy's BLAS uses, for the whole process."""

from __future__ import annotations

import ctypes
import functools
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_NAMES = [
    f"{prefix}openblas_{{}}_num_threads{suffix}" for prefix in ("scipy_", "") for suffix in ("", "64_", "_64")
]


@functools.cache
def _openblas() -> tuple[Callable[[], int], Callable[[int], None]] | None:
    """Getter and setter of the OpenBLAS that SciPy is linked to; None where it is another BLAS.

    They are looked up through ``scipy.linalg.cython_blas``, which is loaded already, so that the symbols found are
    those of the library its routines live in.
    """
    from scipy.linalg import cython_blas

    library = ctypes.CDLL(cython_blas.__file__)
    for name in _NAMES:
        try:
            get, put = getattr(library, name.format("get")), getattr(library, name.format("set"))
        except AttributeError:
            continue
        put.argtypes, put.restype = [ctypes.c_int], None
        return get, put
    return None


class OneThread:
    """Context in which SciPy's BLAS runs with one thread, whichever threads of the process are inside.

    A two-thread BLAS inside two tasks runs 7 to 10 times slower. The setting belongs to the process, so entries are
    counted: the first one in takes note of it, the last one out restores it. Other libraries than OpenBLAS are limited
    by threadpoolctl, which heeds only the first thread that asks.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._restore: Callable[[], Any] = lambda: None
        os.register_at_fork(after_in_child=self._forget)

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Enter; leaving restores what was set before the first one in."""
        with self._lock:
            if self._inside == 0:
                self._restore = _limit()
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if self._inside == 0:
                    self._restore()

    def _forget(self) -> None:
        """In a forked child: the threads that were inside do not exist here."""
        if self._inside > 0:
            self._restore()
        self._lock, self._inside = threading.Lock(), 0


def _limit() -> Callable[[], Any]:
    """Set one thread; the call that undoes it."""
    openblas = _openblas()
    if openblas is None:
        from threadpoolctl import ThreadpoolController

        limiter = ThreadpoolController().limit(limits=1, user_api="blas")
        restore: Callable[[], Any] = limiter.restore_original_limits
        return restore
    get, put = openblas
    before = get()
    put(1)
    return lambda: put(before)


one_thread = OneThread()
