"""Factor and Gram rates against the gemm rate of the same run, and against SciPy's cho_factor.

Floors: n^3 / 3 flops over the gemm rate for the factor, n^2 d flops over the gemm rate for the lower half of a Gram
matrix. SciPy's K is in memory before its clock starts; ours is timed twice, with fresh memory, whose pages the system
has yet to hand out, and with memory that has been touched. Each round measures gemm, the factor and SciPy one after
the other, each in a process of its own; ratios are taken within a round.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from record import arguments, in_fresh_process, medians, of_a_peer, seconds, write

from kernelgen import Gaussian
from kernelgen.arrays.points import Points
from kernelgen.engines import native


def gemm(dtype: str, n: int) -> dict[str, float]:
    """Flops per second of SciPy's gemm on n x n matrices, best of three."""
    import scipy.linalg

    A = np.asfortranarray(np.random.default_rng(0).random((n, n)).astype(dtype))
    product = scipy.linalg.get_blas_funcs("gemm", (A,))
    return {"rate": max(2 * n**3 / seconds(lambda: product(1.0, A, A, trans_b=1)) for _ in range(3))}


def ceiling(dtype: str, n: int) -> dict[str, float]:
    """The gemm rate: OpenBLAS's own choice of kernels or those for AMD Zen, whichever is faster here."""
    own = in_fresh_process(gemm, dtype, n)
    zen = in_fresh_process(gemm, dtype, n, environment={"OPENBLAS_CORETYPE": "Zen"})
    return {"own": own["rate"], "zen": zen["rate"], "best": max(own["rate"], zen["rate"])}


def points_of(kind: str, n: int, d: int) -> Points:
    """Random pixels as bytes, or as float32 reals."""
    pixels = np.random.default_rng(0).integers(0, 256, (n, d)).astype(np.uint8)
    return Points(pixels, 1 / 255) if kind == "bytes" else Points(pixels.astype(np.float32) / 255)


def ours(dtype: str, kind: str, n: int, d: int) -> dict[str, float]:
    """Seconds of Gram and factor, in fresh and in touched memory, and the residual of a solve."""
    points, kernel, threads = points_of(kind, n, d), Gaussian(bandwidth=5.0), 2
    start = time.perf_counter()
    storage = native.factorize(points, kernel, dtype=np.dtype(dtype), threads=threads).storage
    fresh = time.perf_counter() - start
    start = time.perf_counter()
    factor = native.factorize(points, kernel, dtype=np.dtype(dtype), threads=threads, storage=storage)
    touched = time.perf_counter() - start
    B = np.random.default_rng(1).standard_normal((n, 4))
    alpha = native.solve(factor, B, threads=threads).astype(np.float64)
    product, _ = native.multiply(points, kernel, alpha, threads=threads)
    residual = float(np.linalg.norm(product - B) / np.linalg.norm(B))
    return {"gram": factor.gram_seconds, "fresh": fresh, "touched": touched, "residual": residual}


def cho_factor(dtype: str, kind: str, n: int, d: int) -> dict[str, float]:
    """Seconds of SciPy's cho_factor on the same K, which is in memory before the clock starts."""
    import scipy.linalg

    K = native.gram(points_of(kind, n, d), None, Gaussian(bandwidth=5.0), dtype=np.dtype(dtype), threads=2).T
    return {
        "seconds": seconds(
            lambda: scipy.linalg.cho_factor(K, lower=True, overwrite_a=True, check_finite=False)
        )
    }


def one_round(dtype: str, kind: str, n: int, d: int, gemm_n: int) -> dict[str, Any]:
    """Ceiling, factor and SciPy, one after the other; the factor is checked by the residual of a solve."""
    gemm_rate = ceiling(dtype, gemm_n)
    found = in_fresh_process(ours, dtype, kind, n, d)
    assert found["residual"] < (1e-2 if dtype == "float32" else 1e-10), found
    scipy = of_a_peer(cho_factor, dtype, kind, n, d)
    flops, gram = n**3 / 3, found["gram"]
    return {
        "gemm_gflops": gemm_rate["best"] / 1e9,
        "gemm_own_gflops": gemm_rate["own"] / 1e9,
        "gemm_zen_gflops": gemm_rate["zen"] / 1e9,
        "gram_seconds": gram,
        "factor_seconds": found["touched"] - gram,
        "factor_gflops": flops / (found["touched"] - gram) / 1e9,
        "factor_over_gemm": flops / (found["touched"] - gram) / gemm_rate["best"],
        "factor_over_gemm_fresh_memory": flops / (found["fresh"] - gram) / gemm_rate["best"],
        "gram_over_gemm_time": gram / (n**2 * d / gemm_rate["best"]),
        "scipy_cho_factor_seconds": scipy["seconds"],
        "scipy_openblas_coretype": scipy["openblas_coretype"],
        "factor_over_scipy_cho_factor": (found["touched"] - gram) / scipy["seconds"],
        "factor_fresh_memory_over_scipy_cho_factor": (found["fresh"] - gram) / scipy["seconds"],
        "gram_and_factor_over_scipy_cho_factor": found["touched"] / scipy["seconds"],
        "gram_and_factor_fresh_memory_over_scipy_cho_factor": found["fresh"] / scipy["seconds"],
        "relative_residual": found["residual"],
    }


def main() -> None:
    """Rounds in float32 and float64, on byte and on real-valued points."""
    options = arguments(__doc__)
    n, d, gemm_n = (1500, 784, 800) if options.smoke else (20_000, 784, 6000)
    result: dict[str, Any] = {"n": n, "d": d, "threads": 2, "rounds": options.repeats}
    for dtype in ("float32", "float64"):
        for kind in ("bytes", "reals"):
            rounds = [
                one_round(dtype, kind, n, d, gemm_n) for _ in range(1 if options.smoke else options.repeats)
            ]
            result[f"{dtype} {kind}"] = medians(rounds) | {"all_rounds": rounds}
    write("factor", result, options)


if __name__ == "__main__":
    main()
