"""Epochs of SGD against scikit-learn's SGDRegressor, against the memory's bandwidth, and over a file beyond the memory.

All with batch 1. Each round measures a plain read of X, our epoch and scikit-learn's epoch one after the other, on the
same rows, loss, constant step and number of epochs; ratios are taken within a round. The bandwidth is that of one core
summing X (NumPy), and of all cores doing so at once. The streamed run maps a file larger than the machine's memory,
none of it cached when the epoch starts, and reports its rate against plain reads of the same file before and after (the
faster of the two), the bytes that came from the disk, and the largest resident size of its own process. TMPDIR names a
folder on the disk to measure, with room for that file.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from record import arguments, in_fresh_process, machine, seconds, write
from sklearn.linear_model import SGDRegressor

from kernelgen.linear.config import SGDConfig
from kernelgen.linear.sgd import sgd

STEP = 1e-4
CORES = 2
BLOCK_ROWS = 10_000
OVER_MEMORY = 1.1  # size of the streamed file over the machine's memory
OF_DISK = 0.9  # at most this share of what is free there


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


def write_rows(path: Path, n: int, d: int) -> None:
    """A .npy file of n normal rows, block by block; each block leaves the cache once it is on the disk."""
    rng = np.random.default_rng(2)
    header = {"descr": "<f8", "fortran_order": False, "shape": (n, d)}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for k in range(0, n, BLOCK_ROWS):
            rng.standard_normal((min(BLOCK_ROWS, n - k), d), dtype=np.float32).astype(float).tofile(file)
            os.fsync(file.fileno())
            forget(file.fileno())


def forget(file: int) -> None:
    """Drop a file from the cache: what is read next comes from the disk."""
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)


def read_file_rate(path: Path) -> float:
    """Bytes per second of reading the whole file from the disk once, front to back, in pieces of 64 MiB."""
    piece = bytearray(1 << 26)
    with path.open("rb", buffering=0) as file:
        forget(file.fileno())
        start = time.perf_counter()
        while file.readinto(piece):
            pass
        return path.stat().st_size / (time.perf_counter() - start)


def beyond_memory(folder: str, d: int, *, smoke: bool) -> dict[str, Any]:
    """One epoch over a file larger than the memory, or as large as the disk has room for."""
    memory, room = machine()["memory_bytes"], int(OF_DISK * shutil.disk_usage(folder).free)
    wanted = 2000 * 8 * d if smoke else int(OVER_MEMORY * memory)
    n = min(wanted, room) // (8 * d)
    path = Path(folder) / "rows.npy"
    write_rows(path, n, d)
    before = read_file_rate(path)
    found = in_fresh_process(streamed, str(path), n, d)
    rate = max(before, read_file_rate(path))
    return {
        "n": n,
        "d": d,
        "file_over_memory": path.stat().st_size / memory,
        "why_not_larger": None if wanted <= room else f"the disk has room for {room:,} bytes of {wanted:,}",
        "read_bytes_per_second": rate,
        "share_of_read_rate": found["bytes_per_second"] / rate,
    } | found


def bytes_from_disk() -> int:
    """What this process has made the disk read so far."""
    for line in Path("/proc/self/io").read_text().splitlines():
        if line.startswith("read_bytes"):
            return int(line.split()[1])
    raise OSError("/proc/self/io has no read_bytes")


def streamed(path: str, n: int, d: int) -> dict[str, Any]:
    """One epoch over a mapped file, in a process of its own."""
    X = np.load(path, mmap_mode="r")
    y = np.random.default_rng(1).standard_normal(n)
    sgd(np.ones((2, d), X.dtype), np.ones(2), SGDConfig(epochs=1))  # compile before the memory is measured
    before = largest_resident_size()
    start = time.perf_counter()
    with Path(path).open("rb") as file:
        counts = []

        def observe(_: Any) -> None:  # just before the epoch, and just after it
            forget(file.fileno())
            counts.append(bytes_from_disk())

        run = sgd(X, y, SGDConfig(step=STEP, epochs=1, tol=0), observe=observe)
    total = time.perf_counter() - start
    peak = largest_resident_size()
    assert run.status.value == "max_epochs"
    assert np.isfinite(run.weights).all()
    return {
        "file_bytes": X.nbytes,
        "epoch_seconds": run.seconds,
        "epoch_bytes_from_disk": counts[1] - counts[0],
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
        del X, y
    with tempfile.TemporaryDirectory() as folder:
        result["streamed"] = beyond_memory(folder, d, smoke=options.smoke)
    if not options.smoke:
        assert result["streamed"]["file_over_memory"] > 1 or result["streamed"]["why_not_larger"]
        assert result["streamed"]["epoch_bytes_from_disk"] > 0.9 * result["streamed"]["file_bytes"]
        assert result["streamed"]["file_over_peak"] > 5
    write("sgd", result, options)


if __name__ == "__main__":
    main()
