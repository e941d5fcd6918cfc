"""Random-convolution features and their streamed Gram matrix against the sgemm rate, and against NumPy.

The floor is (2 n positions depth filters + n^2 D) flops over the sgemm rate measured in the same run. NumPy makes the
same features the usual way: patches by sliding windows, one product for a block of images, rectification and pooling
of the whole map. Images are random bytes of CIFAR-10's shape: the cost does not depend on the values.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from factor import ceiling
from record import arguments, in_fresh_process, medians, of_a_peer, write

from kernelgen.features.base import FeatureValues
from kernelgen.features.layout import Layout
from kernelgen.features.random_conv import FittedRandomConv, RandomConv

LAYOUT = Layout(3072, (32, 32, 3), "planes")
THREADS = 2


def problem(n: int, filters: int) -> tuple[FittedRandomConv, FeatureValues]:
    """A fitted map and n images."""
    X = FeatureValues(np.random.default_rng(0).integers(0, 256, (n, 3072)).astype(np.uint8), 1 / 255)
    return RandomConv(filters=filters, n_patches=20_000).fit(X, LAYOUT), X


def flops(fitted: FittedRandomConv, n: int) -> dict[str, float]:
    """Floating-point operations of the features, and of all inner products of n rows."""
    shape, filters = fitted.shape, len(fitted.bank.filters)
    down, across = shape.positions
    return {
        "features": 2.0 * n * down * across * shape.depth * filters,
        "gram": float(n) ** 2 * shape.features_per_filter * filters,
    }


def streamed(n: int, filters: int) -> dict[str, Any]:
    """Seconds and peak bytes of the streamed Gram matrix; a few of its entries are checked against the features."""
    from kernelgen.solvers.memory import PeakMemory
    from kernelgen.solvers.streamed import stream_products

    fitted, X = problem(n, filters)
    with PeakMemory() as memory:
        start = time.perf_counter()
        products = stream_products(fitted, X, dtype=np.float32, threads=THREADS)
        seconds = time.perf_counter() - start
    Phi = fitted.apply(FeatureValues(X.values[-3:].astype(np.float64), X.scale)).values
    expected = Phi @ Phi[-1]
    error = float(np.abs(products.row(n - 1)[-3:] - expected).max() / expected.max())
    assert error < 1e-6, error
    work = flops(fitted, n)
    return {
        "seconds": seconds,
        "peak_bytes": memory.bytes,
        "rate": sum(work.values()) / seconds,
        "error": error,
    }


def features(n: int, filters: int) -> dict[str, Any]:
    """Seconds to make and store the features."""
    fitted, X = problem(n, filters)
    fitted.apply(FeatureValues(X.values[:32], X.scale))
    start = time.perf_counter()
    fitted.apply(X, threads=THREADS)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "rate": flops(fitted, n)["features"] / seconds}


def numpy_features(n: int, filters: int) -> dict[str, Any]:
    """The same features with NumPy, in float32, by blocks of images; checked against ours."""
    fitted, X = problem(n, filters)
    bank, recipe = fitted.bank, fitted.map.constants()
    weights = bank.filters.T.astype(np.float32)
    starts = range(0, 13, recipe.stride)

    def block(values: Any) -> Any:
        images = values.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).astype(np.float32) / np.float32(255)
        patches = np.lib.stride_tricks.sliding_window_view(images, (6, 6), axis=(1, 2))
        rows = patches.transpose(0, 1, 2, 4, 5, 3).reshape(-1, 108)
        z = (rows @ weights).reshape(len(images), 27, 27, -1)
        sides = np.maximum(z - 1, 0), np.maximum(-z - 1, 0)
        cells = [
            side[:, y : y + recipe.pool, x : x + recipe.pool].mean(axis=(1, 2))
            for y in starts
            for x in starts
            for side in sides
        ]
        return np.concatenate(cells, axis=1)

    size = 32
    block(X.values[:2])
    start = time.perf_counter()
    found = np.concatenate([block(X.values[k : k + size]) for k in range(0, n, size)])
    seconds = time.perf_counter() - start
    ours = fitted.apply(X, threads=THREADS).values
    assert np.abs(found - ours).max() <= 1e-4 * max(1.0, float(ours.max()))
    return {"seconds": seconds, "rate": flops(fitted, n)["features"] / seconds}


def one_round(n: int, filters: int, n_numpy: int, filters_numpy: int, gemm_n: int) -> dict[str, Any]:
    """Ceiling, ours and NumPy, one after the other, each in a process of its own."""
    gemm = ceiling("float32", gemm_n)["best"]
    whole = in_fresh_process(streamed, n, filters)
    small, peer = (
        in_fresh_process(features, n_numpy, filters_numpy),
        of_a_peer(numpy_features, n_numpy, filters_numpy),
    )
    return {
        "gemm_gflops": gemm / 1e9,
        "streamed_seconds": whole["seconds"],
        "streamed_over_gemm": whole["rate"] / gemm,
        "features_over_gemm": small["rate"] / gemm,
        "numpy_seconds_over_ours": peer["seconds"] / small["seconds"],
        "numpy_over_gemm": peer["rate"] / gemm,
        "relative_error": whole["error"],
    }


def main() -> None:
    """Rounds at one size, and the peak memory at three numbers of filters."""
    options = arguments(__doc__)
    n, filters, n_numpy, filters_numpy, gemm_n = (
        (300, 64, 64, 64, 800) if options.smoke else (5000, 4096, 512, 1024, 6000)
    )
    rounds = [
        one_round(n, filters, n_numpy, filters_numpy, gemm_n)
        for _ in range(1 if options.smoke else options.repeats)
    ]
    counts = [filters // 4, filters // 2, filters]
    peaks = {f"{count} filters": in_fresh_process(streamed, n, count)["peak_bytes"] for count in counts}
    result = {
        "n": n,
        "filters": filters,
        "features": 18 * filters,
        "n_numpy": n_numpy,
        "filters_numpy": filters_numpy,
    }
    write("random_conv", result | medians(rounds) | {"peak_bytes": peaks, "all_rounds": rounds}, options)


if __name__ == "__main__":
    main()
