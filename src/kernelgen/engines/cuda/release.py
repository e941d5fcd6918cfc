"""Device memory goes back to the driver when a call fails, however long its traceback is kept."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import ParamSpec, TypeVar

from kernelgen.engines.cuda.device import device

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")
_OURS = ("kernelgen.engines.cuda", "cupy", "numpy", "scipy")


def releases(function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Let go of what the function's frames hold, then of the memory pool, when an exception passes (Ctrl-C too)."""

    @functools.wraps(function)
    def call(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        try:
            return function(*args, **kwargs)
        except BaseException:
            traceback = sys.exc_info()[2]
            while traceback is not None:
                frame = traceback.tb_frame
                if str(frame.f_globals.get("__name__", "")).startswith(_OURS):
                    with suppress(RuntimeError):  # this one still runs
                        frame.clear()
                traceback = traceback.tb_next
            with suppress(Exception):  # a device in a failed state must not hide what failed
                device().release()
            raise

    return call
