"""Epochs of SGD against scikit-learn's SGDRegressor, against the memory's bandwidth, and over a file beyond a budget.

All with batch 1. Each round measures a plain read of X, our epoch and scikit-learn's epoch one after the other, on the
same rows, loss, constant step and number of epochs; ratios are taken within a round. The bandwidth is that of one core
summing X (NumPy), and of all cores doing so at once. The streamed run maps a file of several times the memory it may
use and reports the largest resident size of its own process.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from record import arguments, in_fresh_process, seconds, write
from sklearn.linear_model import SGDRegressor

from kernelgen.linear.config import SGDConfig
from kernelgen.linear.sgd import sgd

STEP = 1e-4
CORES = 2


def read_rate(X: np.ndarray, cores: int) -> float:
    """Bytes per second of summing X, a slab a core; best of three."""
    slabs = np.array_split(X, cores)
    with ThreadPoolExecutor(cores) as pool:
        return max(X.nbytes / seconds(lambda: list(pool.map(np.sum, slabs))) for _ in range(3))


def our_epoch(X: np.ndarray, y: np.ndarray, epochs: int, **choice: Any) -> tuple[float, np.ndarray]:
    """Seconds an epoch, by the run's own clock, and the weights."""
    run = sgd(X, y, SGDConfig(step=STEP, epochs=epochs, tol=0, **choice))
    return run.seconds / epochs, run.weights


def their_epoch(X: np.ndarray, y: np.ndarray, epochs: int) -> tuple[float, np.ndarray]:
    """The same by scikit-learn: no penalty, no intercept, constant step. A fit of no length is taken off."""

    def fit(count: int) -> tuple[float, np.ndarray]:
        model = SGDRegressor(
            penalty=None, learning_rate="constant", eta0=STEP, fit_intercept=False, max_iter=count, tol=None
        )
        return seconds(lambda: model.fit(X, y)), model.coef_

    whole, coef = fit(epochs + 1)
    one, _ = fit(1)
    return (whole - one) / epochs, coef


def one_round(X: np.ndarray, y: np.ndarray, epochs: int) -> dict[str, float]:
    """Rates of one round; both models must have fitted the same targets about equally well."""
    one_core, all_cores = read_rate(X, 1), read_rate(X, CORES)
    ours, w = our_epoch(X, y, epochs + 1)  # as many as the longer of their two fits
    momentum, _ = our_epoch(X, y, epochs, momentum=0.5)
    batched, _ = our_epoch(X, y, epochs, batch=32)
    theirs, v = their_epoch(X, y, epochs)
    gaps = [float(np.mean((X @ coef - y) ** 2)) for coef in (w, v)]
    assert 0.5 < gaps[0] / gaps[1] < 2.0, gaps
    return {
        "epoch_seconds": ours,
        "epoch_seconds_momentum": momentum,
        "epoch_seconds_batch_32": batched,
        "scikit_learn_epoch_seconds": theirs,
        "epoch_rate_over_scikit_learn": theirs / ours,
        "bytes_per_second": X.nbytes / ours,
        "read_bytes_per_second_one_core": one_core,
        "read_bytes_per_second_all_cores": all_cores,
        "share_of_bandwidth_one_core": X.nbytes / ours / one_core,
        "share_of_bandwidth_all_cores": X.nbytes / ours / all_cores,
    }


def largest_resident_size() -> int:
    """Bytes, of this program alone: ru_maxrss would start from its parent's."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise OSError("/proc/self/status has no VmHWM")


def streamed(path: str, n: int, d: int) -> dict[str, Any]:
    """One epoch over a mapped file, in a process of its own."""
    X = np.load(path, mmap_mode="r")
    y = np.random.default_rng(1).standard_normal(n)
    sgd(np.ones((2, d), X.dtype), np.ones(2), SGDConfig(epochs=1))  # compile before the memory is measured
    before = largest_resident_size()
    start = time.perf_counter()
    run = sgd(X, y, SGDConfig(step=STEP, epochs=1, tol=0))
    total = time.perf_counter() - start
    peak = largest_resident_size()
    assert run.status.value == "max_epochs"
    assert np.isfinite(run.weights).all()
    return {
        "file_bytes": X.nbytes,
        "epoch_seconds": run.seconds,
        "total_seconds": total,
        "bytes_per_second": X.nbytes / run.seconds,
        "peak_resident_bytes": peak,
        "peak_above_start_bytes": peak - before,
        "file_over_peak": X.nbytes / peak,
    }


def main() -> None:
    """Both precisions, then the file."""
    options = arguments(__doc__)
    n, d, epochs = (1000, 300, 3) if options.smoke else (20_000, 2000, 5)
    result: dict[str, Any] = {"n": n, "d": d, "epochs": epochs, "rounds": options.repeats}
    rng = np.random.default_rng(0)
    for dtype in (np.float64, np.float32):
        X = rng.standard_normal((n, d)).astype(dtype)
        y = (X @ rng.standard_normal(d) / np.sqrt(d)).astype(dtype)
        one_round(X, y, 1)  # compile and touch
        rounds = [one_round(X, y, epochs) for _ in range(1 if options.smoke else options.repeats)]
        result[np.dtype(dtype).name] = {
            key: statistics.median(r[key] for r in rounds) for key in rounds[0]
        } | {"all_rounds": rounds}
    rows = 2000 if options.smoke else 200_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npy"
        file = np.lib.format.open_memmap(path, mode="w+", dtype=np.float64, shape=(rows, d))
        for k in range(0, rows, 10_000):
            file[k : k + 10_000] = rng.standard_normal((min(10_000, rows - k), d), dtype=np.float32)
        file.flush()
        del file
        result["streamed"] = {"n": rows, "d": d} | in_fresh_process(streamed, str(path), rows, d)
    if not options.smoke:
        assert result["streamed"]["file_over_peak"] > 5
    write("sgd", result, options)


if __name__ == "__main__":
    main()
