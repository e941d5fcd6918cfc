"""Rows in blocks over threads: bounded memory, progress and Ctrl-C in the caller's thread."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import Any

from numpy.typing import NDArray

from kernelgen.features.base import ProgressFraction

_POLL_SECONDS = 0.1
_AHEAD = 4  # blocks submitted a thread: enough to keep all busy, few to wait for after Ctrl-C

BlockFunction = Callable[[NDArray[Any]], NDArray[Any]]


def map_rows(
    function: BlockFunction,
    X: NDArray[Any],
    out: NDArray[Any],
    *,
    block_rows: int,
    threads: int,
    progress: ProgressFraction | None = None,
) -> NDArray[Any]:
    """Set out[i] = function(X)[i], block by block; returns out.

    Parameters
    ----------
    function : callable
        From a block of rows of X to as many rows of `out`; called in worker threads, so it must not keep state.
        Rows must not depend on the block they are in: the result is the same for any `block_rows` and `threads`.
    X : array, shape (n, d)
    out : array, shape (n, p)
        Written.
    block_rows, threads : int
    progress : callable, optional
        Told the fraction of rows done at least ten times a second, in the caller's thread. What it raises, and
        what `function` raises, stops the work and goes on to the caller.

    Notes
    -----
    Memory: what `function` takes for ``threads`` blocks, whatever n is.
    """
    n = len(X)

    def work(start: int) -> int:
        stop = min(start + block_rows, n)
        out[start:stop] = function(X[start:stop])
        return stop - start

    starts = iter(range(0, n, block_rows))
    done = 0
    with ThreadPoolExecutor(threads) as pool:
        running: set[Future[int]] = set()
        try:
            while True:
                ahead = _AHEAD * threads - len(running)
                running |= {pool.submit(work, start) for start in islice(starts, ahead)}
                if not running:
                    return out
                finished, running = wait(running, _POLL_SECONDS, FIRST_COMPLETED)
                done += sum(future.result() for future in finished)
                if progress is not None:
                    progress(done / n)
        finally:
            for future in running:
                future.cancel()
