"""Factor and Gram rates against the gemm rate of the same run, and against SciPy's cho_factor.

Floors: n^3 / 3 flops over the gemm rate for the factor, n^2 d flops over the gemm rate for the lower half of a Gram
matrix. SciPy's K is in memory before its clock starts; ours is timed twice, with fresh memory, whose pages the system
has yet to hand out, and with memory that has been touched. Each round measures gemm, the factor and SciPy one after
the other; ratios are taken within a round.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np
import scipy.linalg
import scipy.linalg.blas
from record import arguments, seconds, write

from kernelgen import Gaussian
from kernelgen.arrays.points import Points
from kernelgen.engines import native


def gemm_rate(dtype: Any, n: int) -> float:
    """Flops per second of SciPy's gemm on n x n matrices, best of three: the ceiling."""
    A = np.asfortranarray(np.random.default_rng(0).random((n, n)).astype(dtype))
    gemm = scipy.linalg.get_blas_funcs("gemm", (A,))
    return max(2 * n**3 / seconds(lambda: gemm(1.0, A, A, trans_b=1)) for _ in range(3))


def one_round(points: Points, dtype: Any, gemm_n: int) -> dict[str, float]:
    """Rates of one round; the factor is checked by the residual of a solve, SciPy's by the same."""
    n, d, kernel = points.n_samples, points.n_features, Gaussian(bandwidth=5.0)
    threads, kind = 2, np.dtype(dtype)
    gemm = gemm_rate(dtype, gemm_n)
    start = time.perf_counter()
    storage = native.factorize(points, kernel, dtype=kind, threads=threads).storage
    fresh = time.perf_counter() - start
    start = time.perf_counter()
    factor = native.factorize(points, kernel, dtype=kind, threads=threads, storage=storage)
    ours = time.perf_counter() - start
    B = np.random.default_rng(1).standard_normal((n, 4))
    alpha = native.solve(factor, B, threads=threads).astype(np.float64)
    product, _ = native.multiply(points, kernel, alpha, threads=threads)
    residual = float(np.linalg.norm(product - B) / np.linalg.norm(B))
    assert residual < (1e-2 if dtype == np.float32 else 1e-10), residual
    gram = factor.gram_seconds
    del factor, storage
    K = np.asfortranarray(native.gram(points, None, kernel, dtype=kind, threads=threads).T)
    scipy_seconds = seconds(
        lambda: scipy.linalg.cho_factor(K, lower=True, overwrite_a=True, check_finite=False)
    )
    return {
        "gemm_gflops": gemm / 1e9,
        "gram_seconds": gram,
        "factor_seconds": ours - gram,
        "factor_gflops": n**3 / 3 / (ours - gram) / 1e9,
        "factor_over_gemm": n**3 / 3 / (ours - gram) / gemm,
        "factor_over_gemm_fresh_memory": n**3 / 3 / (fresh - gram) / gemm,
        "gram_over_gemm_time": gram / (n**2 * d / gemm),
        "scipy_cho_factor_seconds": scipy_seconds,
        "gram_and_factor_over_scipy_cho_factor": ours / scipy_seconds,
        "gram_and_factor_fresh_memory_over_scipy_cho_factor": fresh / scipy_seconds,
        "relative_residual": residual,
    }


def main() -> None:
    """Rounds in float32 and float64, on byte and on real-valued points."""
    options = arguments(__doc__)
    n, d, gemm_n = (1500, 784, 800) if options.smoke else (20_000, 784, 6000)
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (n, d)).astype(np.uint8)
    result: dict[str, Any] = {"n": n, "d": d, "threads": 2, "rounds": options.repeats}
    for dtype in (np.float32, np.float64):
        for name, points in (
            ("bytes", Points(pixels, 1 / 255)),
            ("reals", Points(pixels.astype(np.float32) / 255)),
        ):
            rounds = [
                one_round(points, dtype, gemm_n) for _ in range(1 if options.smoke else options.repeats)
            ]
            result[f"{np.dtype(dtype).name} {name}"] = {
                key: statistics.median(r[key] for r in rounds) for key in rounds[0]
            } | {"all_rounds": rounds}
    write("factor", result, options)


if __name__ == "__main__":
    main()
