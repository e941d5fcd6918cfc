"""What every benchmark shares: the machine it ran on, medians, subprocesses with their own peak memory, dated JSON."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import multiprocessing
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def machine() -> dict[str, Any]:
    """Processor, cores, memory and versions: what the numbers belong to."""
    from kernelgen.engines import native
    from kernelgen.experiments.solve import versions

    model = ""
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return {
        "processor": model or platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "simd": native.describe()["simd"],
        "environment": {key: value for key, value in os.environ.items() if key.startswith("OPENBLAS")},
        "versions": versions(),
    }


def arguments(description: str | None) -> argparse.Namespace:
    """``--smoke`` runs the same code at a small size; ``--output`` overrides where the JSON goes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--smoke", action="store_true", help="small sizes, no file written: shows that it still runs"
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--data-dir", type=Path, default=None, help="where MNIST is (else the usual places)")
    parser.add_argument("--output", type=Path, default=None)
    return parser.parse_args()


def write(name: str, result: dict[str, Any], options: argparse.Namespace) -> None:
    """Print the result; unless it was a smoke run, write it under ``bench/results`` with date and machine."""
    from kernelgen.arrays.whole_file import whole_file

    print(json.dumps(result, indent=2))
    if options.smoke:
        return
    RESULTS.mkdir(exist_ok=True)
    path = options.output or RESULTS / f"{name}.json"
    record = {
        "benchmark": name,
        "command": f"python bench/{Path(sys.argv[0]).name} --repeats {options.repeats}",
        "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
        "machine": machine(),
        **result,
    }
    with whole_file(path) as partial:
        partial.write_text(json.dumps(record, indent=2) + "\n")


def seconds(call: Callable[[], Any]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def median_seconds(call: Callable[[], Any], repeats: int) -> float:
    """Median wall time of ``repeats`` calls."""
    return statistics.median(seconds(call) for _ in range(repeats))


def in_fresh_process(
    call: Callable[..., dict[str, Any]], *args: Any, environment: dict[str, str] | None = None
) -> dict[str, Any]:
    """Run ``call(*args)`` in a new interpreter, so that its memory and its BLAS threads are its own.

    Raises
    ------
    BrokenProcessPool
        The process died, of a segmentation fault for instance.
    """
    before = dict(os.environ)
    os.environ.update(environment or {})  # read by BLAS when the new interpreter loads it
    try:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            result = pool.submit(call, *args).result()
    finally:
        os.environ.clear()
        os.environ.update(before)
    print(f"{args}: {result}", file=sys.stderr, flush=True)
    return result


def of_a_peer(call: Callable[..., dict[str, Any]], *args: Any) -> dict[str, Any]:
    """The same for a peer, whose BLAS may crash: then once more with its kernels for AMD Zen, and the crash recorded.

    OpenBLAS's AVX-512 kernels (core type SkylakeX, also chosen on AMD Zen 4) have been seen to end a Cholesky
    factorization of n >= 16,000 in a segmentation fault.
    """
    try:
        return in_fresh_process(call, *args) | {"openblas_coretype": "as chosen by itself"}
    except BrokenProcessPool:
        print(f"{args}: the process died; once more with OPENBLAS_CORETYPE=Zen", file=sys.stderr, flush=True)
        found = in_fresh_process(call, *args, environment={"OPENBLAS_CORETYPE": "Zen"})
        return found | {"openblas_coretype": "Zen, because the one chosen by itself crashed"}


def medians(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Median of each number, and the other values of the last run."""
    return {
        key: statistics.median(run[key] for run in runs) if isinstance(value, int | float) else value
        for key, value in runs[-1].items()
    }
