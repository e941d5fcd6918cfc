"""What the reference engine needs and how fast it is here."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np

from kernelgen.engines.base import Phase
from kernelgen.engines.portable.products import BLOCK
from kernelgen.engines.portable.work import blas_threads, controller


def available() -> str | None:
    """None: NumPy and SciPy are always there."""
    return None


def describe() -> dict[str, Any]:
    """Libraries that do the work."""
    pools = [pool for pool in controller().info() if pool["user_api"] == "blas"]
    blas = [f"{pool['internal_api']} {pool['version']} ({pool.get('architecture', '?')})" for pool in pools]
    return {"simd": "that of NumPy", "blas": blas}


def workspace_bytes(
    n_samples: int,
    n_features: int,
    values_dtype: Any,
    dtype: Any,
    n_targets: int,
    threads: int,
    tile: int,
    phase: Phase,
    /,
) -> int:
    """Bytes one phase allocates beside its arguments: two blocks of rows, four of kernel values, its results."""
    side = min(n_samples, tile if phase == "factor" else BLOCK)
    generated = 2 * side * n_features * 8 + 4 * side * side * 8
    itemsize: int = np.dtype(dtype).itemsize
    return {
        "factor": generated,
        "solve": n_samples * n_targets * itemsize,
        "diag_inverse": n_samples * tile * itemsize + n_samples * 8,
        "multiply": generated + n_samples * (n_targets + 1) * 8,
        "predict": generated,
    }[phase]


@cache
def measure_rates(threads: int, /) -> dict[str, float]:
    """Speed of a matrix product in both precisions and of a copy; bytes are multiplied as float64 here."""
    rates = {}
    with blas_threads(threads):
        for dtype in ("float32", "float64"):
            A = np.ones((640, 640), dtype=dtype)
            rates[dtype] = 2.0 * 640**3 / _best_seconds(partial(np.matmul, A, A))
    source = np.ones(1 << 22)
    rates["bandwidth"] = 2.0 * source.nbytes / _best_seconds(source.copy)
    rates["bytes"] = rates["float64"]
    return rates


def _best_seconds(call: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)
