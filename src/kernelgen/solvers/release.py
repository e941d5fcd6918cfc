"""Give memory back when a computation is stopped, however long its traceback is kept."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from kernelgen.engines.base import OwnMemory

_OURS = {"kernelgen", "numpy", "scipy", "cupy"}  # what a kernelgen function calls may hold a view of a tile


@contextmanager
def release_on_error() -> Iterator[None]:
    """Clear the locals of finished frames of this package, NumPy, SciPy and CuPy when an exception passes.

    An interactive session keeps the last traceback alive, and with it every local of every frame: without this, a
    Ctrl-C during a factorization would leave gigabytes behind. Frames of the caller's own functions are left alone.
    """
    try:
        yield
    except BaseException:
        traceback = sys.exc_info()[2]
        while traceback is not None:
            frame = traceback.tb_frame
            if str(frame.f_globals.get("__name__", "")).partition(".")[0] in _OURS:
                with suppress(RuntimeError):  # raised where the frame still runs, above this one
                    frame.clear()
            traceback = traceback.tb_next
        raise


@contextmanager
def given_back(memory: OwnMemory | None) -> Iterator[None]:
    """The same, and what that leaves free in a device's pool goes back to its driver."""
    try:
        with release_on_error():
            yield
    except BaseException:
        if memory is not None:
            with suppress(Exception):  # a device in a failed state must not hide what failed
                memory.release()
        raise
