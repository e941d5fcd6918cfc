"""How the reference engine cuts rows into blocks, limits BLAS threads and reports its work."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

from kernelgen.engines.base import Heartbeat


@cache
def controller() -> ThreadpoolController:
    """The thread pools of the BLAS libraries loaded."""
    return ThreadpoolController()


def blas_threads(threads: int) -> Any:
    """Context in which every BLAS runs with that many threads."""
    return controller().limit(limits=threads, user_api="blas")


def cuts(n: int, step: int) -> list[slice]:
    """0..n in ranges of ``step``, the last one shorter."""
    return [slice(start, min(start + step, n)) for start in range(0, n, step)]


class Work:
    """Tells a heartbeat which share of the work is done, at most twenty times a second and once at the end."""

    def __init__(self, heartbeat: Heartbeat | None, total: int):
        self.heartbeat, self.total = heartbeat, total
        self.done, self.last = 0, time.perf_counter()

    def add(self, amount: int) -> None:
        """Count some units of work as done; the heartbeat may raise."""
        self.done += amount
        now = time.perf_counter()
        if self.heartbeat is not None and (self.done >= self.total or now - self.last >= 0.05):
            self.last = now
            self.heartbeat(self.done / self.total)
