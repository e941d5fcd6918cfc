"""Progress of a long computation: phase, fraction and time left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kernelgen.engines.base import Heartbeat
from kernelgen.solvers.release import release_on_error


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a computation stands.

    Parameters
    ----------
    phase : str
        ``"features"``, ``"gram"``, ``"checkpoint"``, ``"choose"``, ``"factor"``, ``"solve"``, ``"refine"``,
        ``"certificate"``, ``"diag_inverse"`` or ``"predict"``.
    fraction : float
        Share of the phase's floating-point work that is done, in [0, 1].
    seconds : float
        Since the phase began.
    eta_seconds : float or None
        Until the phase ends, from the work done so far; None while there is too little of it to tell.
    """

    phase: str
    fraction: float
    seconds: float
    eta_seconds: float | None


ProgressCallback = Callable[[Progress], None]
"""Called in the caller's thread several times a second; whatever it raises stops the work and goes on to the caller."""


def heartbeat_for(phase: str, progress: ProgressCallback | None) -> Heartbeat | None:
    """Heartbeat that reports one phase, with the time left extrapolated from the fraction of the work done."""
    if progress is None:
        return None
    start = time.perf_counter()

    def heartbeat(fraction: float) -> None:
        seconds = time.perf_counter() - start
        eta = seconds * (1.0 - fraction) / fraction if fraction > 0.01 else None
        progress(Progress(phase, fraction, seconds, eta))

    return heartbeat


@contextmanager
def phase(name: str, progress: ProgressCallback | None) -> Iterator[Heartbeat | None]:
    """Heartbeat of one phase, told 0 at its start and 1 at its end; an error inside frees what its frames hold."""
    heartbeat = heartbeat_for(name, progress)
    with release_on_error():
        if heartbeat is not None:
            heartbeat(0.0)
        yield heartbeat
        if heartbeat is not None:
            heartbeat(1.0)


def share(heartbeat: Heartbeat | None, index: int, count: int) -> Heartbeat | None:
    """Heartbeat of the ``index``-th of ``count`` equal parts."""
    if heartbeat is None:
        return None
    return lambda fraction: heartbeat(min(1.0, (index + fraction) / count))
