"""Progress, and what stops the work: the exception goes on, the memory comes back."""

from __future__ import annotations

import gc
import itertools
import signal
import subprocess
import sys
import time
import tracemalloc

import numpy as np
import pytest

from kernelgen.errors import NotPositiveDefinite
from kernelgen.kernels.gaussian import Gaussian
from kernelgen.solvers.cholesky import factorize
from kernelgen.solvers.progress import Progress
from oracles import child_engine, scattered


def test_every_phase_is_told_from_0_to_1(engine: str) -> None:
    told: list[Progress] = []
    X = scattered(300, 4, seed=1)
    factor = factorize(X, Gaussian(0.3), precision="mixed", engine=engine, progress=told.append)
    solution = factor.solve(np.ones(300), progress=told.append)
    factor.leave_one_out(solution, progress=told.append)
    factor.predict(X, solution.alpha, progress=told.append)
    phases = [name for name, _ in itertools.groupby(progress.phase for progress in told)]
    assert phases == ["factor", "refine", "certificate", "diag_inverse", "predict"]
    for phase in phases:
        of_phase = [progress for progress in told if progress.phase == phase]
        assert (of_phase[0].fraction, of_phase[-1].fraction) == (0.0, 1.0)
        assert of_phase[0].eta_seconds is None
        assert of_phase[-1].eta_seconds == 0.0
        assert all(0 <= progress.fraction <= 1 for progress in of_phase)
        assert all(a.seconds <= b.seconds for a, b in itertools.pairwise(of_phase))


def test_float64_tells_its_direct_solve(engine: str) -> None:
    told: list[Progress] = []
    factor = factorize(scattered(50, 4, seed=1), Gaussian(0.3), precision="float64", engine=engine)
    factor.solve(np.ones(50), progress=told.append)
    assert [name for name, _ in itertools.groupby(p.phase for p in told)] == [
        "solve",
        "refine",
        "certificate",
    ]


class Stop(Exception):
    pass


def test_an_exception_of_the_callback_stops_and_frees_though_it_is_kept(engine: str) -> None:
    X = scattered(1500, 4, seed=2)

    def stop(progress: Progress) -> None:
        if progress.fraction > 0:
            raise Stop

    factorize(X[:10], Gaussian(0.3), engine=engine)  # whatever is loaded or cached once
    tracemalloc.start()
    try:
        with pytest.raises(Stop) as caught:
            factorize(X, Gaussian(0.1), precision="float64", engine=engine, progress=stop)
        assert (
            tracemalloc.get_traced_memory()[0] < 1_000_000
        )  # L would be 10 MB; the traceback is still there
        assert caught.tb is not None
    finally:
        tracemalloc.stop()


def test_a_failed_factor_is_freed_though_its_error_is_kept(engine: str) -> None:
    X = scattered(1500, 4, seed=3)
    X[1400] = X[3] + 1e-10
    tracemalloc.start()
    try:
        with pytest.raises(NotPositiveDefinite) as caught:
            factorize(X, Gaussian(0.1), precision="float64", engine=engine)
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
        assert caught.value.row == 1400
    finally:
        tracemalloc.stop()


_LONG = """
import sys, time
import numpy as np
from kernelgen import Gaussian, factorize
from kernelgen.solvers.memory import resident_bytes

engine, shown, n = sys.argv[1], sys.argv[2] == "shown", int(sys.argv[3])
tile = None
if engine == "cuda on the host":
    from kernelgen.engines.cuda.device import using
    from kernelgen.engines.cuda.host import Host

    context = using(Host(block=240))
    context.__enter__()
    engine, tile = "cuda", 240
X = np.random.default_rng(1).standard_normal((n, 20))
factorize(X[:50], Gaussian(1.0), engine=engine)
before = resident_bytes()
print("start", flush=True)
try:
    options = {"precision": "float64", "engine": engine, "threads": 1, "tile": tile}
    factorize(X, Gaussian(0.5), progress=(lambda p: None) if shown else None, **options)
except KeyboardInterrupt as error:
    kept = error
    if tile is not None:  # NumPy's temporaries, freed, lie in the C library's heap; a card has none of them
        import ctypes

        ctypes.CDLL(None).malloc_trim(0)
    print(resident_bytes() - before, flush=True)
"""


@pytest.mark.parametrize("shown", ["shown", "silent"])
def test_ctrl_c_is_honoured_within_two_seconds(engine: str, shown: str) -> None:
    name = child_engine(engine)
    if name == "cuda":
        pytest.skip("a card is done too soon: tests/engines/cuda/test_gpu.py interrupts it by its callback")
    n = 8000 if engine == "native" else 5000  # seconds of work on one core, and 200 MB or more
    child = subprocess.Popen(
        [sys.executable, "-c", _LONG, name, shown, str(n)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "start\n"
    time.sleep(0.7)
    start = time.monotonic()
    child.send_signal(signal.SIGINT)
    out, error = child.communicate(timeout=30)
    seconds = time.monotonic() - start
    assert child.returncode == 0, error
    assert out, "it ended before it was interrupted"
    assert int(out) < 50_000_000
    assert seconds < 2
