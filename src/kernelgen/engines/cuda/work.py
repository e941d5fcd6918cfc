"""Queued work: told to a heartbeat as it is done, and never further ahead than a Ctrl-C may wait."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from kernelgen.engines.base import Heartbeat
from kernelgen.engines.cuda.device import Device

_AHEAD = 8  # units of work queued beyond the one that is running
_NAP = 0.0002  # seconds between looks
_BEAT = 0.05  # seconds between beats


class Work:
    """Counts units of work as the device finishes them; the heartbeat is called in the caller's thread."""

    def __init__(self, device: Device, heartbeat: Heartbeat | None, total: float):
        self.device, self.heartbeat, self.total = device, heartbeat, total
        self.finished, self.last = 0.0, time.perf_counter()
        self.queued: deque[tuple[Any, float]] = deque()

    def add(self, amount: float) -> None:
        """Units of work were queued; wait while too many are."""
        self.queued.append((self.device.mark(), amount))
        self._drain(_AHEAD)

    def settle(self) -> None:
        """Wait until all that is queued is done, with heartbeats meanwhile."""
        self.add(0.0)
        self._drain(0)

    def finish(self) -> None:
        """Wait, and tell that everything is done."""
        self.settle()
        if self.heartbeat is not None:
            self.heartbeat(1.0)

    def _drain(self, allowed: int) -> None:
        while self.queued:
            mark, amount = self.queued[0]
            if self.device.done(mark):
                self.queued.popleft()
                self.finished += amount
            elif len(self.queued) > allowed:
                time.sleep(_NAP)
            else:
                break
            self._beat()

    def _beat(self) -> None:
        now = time.perf_counter()
        if self.heartbeat is not None and now - self.last >= _BEAT:
            self.last = now
            self.heartbeat(min(1.0, self.finished / self.total))
