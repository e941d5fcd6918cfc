"""Solves on both sides of n = 46,340, where n^2 passes 2^31 and 32-bit BLAS wrappers break.

Random bytes in 64 dimensions, four random right-hand sides, mixed precision. The float64 certificate is the proof:
it regenerates K and shares no index arithmetic with the factor.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from record import arguments, write

from kernelgen import Gaussian, factorize


def solve(n: int) -> dict[str, Any]:
    """Solve at one n; its certificate, times and memory."""
    rng = np.random.default_rng(n)
    X = rng.integers(0, 256, (n, 64)).astype(np.uint8)
    Y = rng.standard_normal((n, 4))
    start = time.perf_counter()
    solution = factorize(X, Gaussian(bandwidth=1.5), scale=1 / 255, precision="mixed").solve(Y)
    elapsed = time.perf_counter() - start
    assert solution.status == "solved", solution.message
    assert solution.certificate.relative_residual <= 1e-10, solution.certificate
    print(
        f"n = {n}: {elapsed:.1f} s, relative residual {solution.certificate.relative_residual:.2e}",
        flush=True,
    )
    return {
        "n": n,
        "seconds": elapsed,
        "certificate": solution.certificate.as_dict(),
        "iterations": solution.stats.iterations,
        "planned_bytes": solution.stats.planned_bytes,
        "peak_bytes": solution.stats.peak_bytes,
    }


def main() -> None:
    """The last n whose square fits in 31 bits, the first whose does not, and one well past it."""
    options = arguments(__doc__)
    sizes = (500, 501) if options.smoke else (46_340, 46_341, 47_104)
    write("boundary", {"d": 64, "bandwidth": 1.5, "runs": [solve(n) for n in sizes]}, options)


if __name__ == "__main__":
    main()
