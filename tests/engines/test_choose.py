"""An engine is chosen by name and never replaced by another."""

from __future__ import annotations

import inspect
import itertools
import re
import tracemalloc
from traceback import clear_frames
from types import ModuleType

import numpy as np
import pytest

from kernelgen.arrays.points import Points
from kernelgen.engines import cuda, native, portable
from kernelgen.engines.base import Engine
from kernelgen.engines.choose import choose, engine_name
from kernelgen.errors import EngineUnavailable, UsageError
from kernelgen.kernels.gaussian import Gaussian
from oracles import scattered


def test_names() -> None:
    assert choose("portable") is portable
    assert engine_name(choose("portable")) == "portable"
    with pytest.raises(UsageError, match="'gpu'"):
        choose("gpu")


def test_cuda_that_cannot_run_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda, "available", lambda: "no driver")
    with pytest.raises(EngineUnavailable, match="CUDA engine cannot be used: no driver"):
        choose("cuda")


@pytest.mark.parametrize("name", ["auto", "native"])
def test_an_engine_that_cannot_run_is_an_error(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "available", lambda: "no compiled core")
    with pytest.raises(EngineUnavailable, match=r"no compiled core[\s\S]*portable"):
        choose(name)


@pytest.mark.parametrize("module", [portable, native, cuda])
def test_the_modules_have_the_same_functions(module: ModuleType) -> None:
    asked = {name: f for name, f in vars(Engine).items() if inspect.isfunction(f) and not re.match("_", name)}
    for name, protocol in asked.items():
        wanted = list(inspect.signature(protocol).parameters)[1:]
        found = inspect.signature(getattr(module, name)).parameters
        assert [parameter for parameter in found if parameter in wanted] == wanted, name
        extra = [found[parameter] for parameter in found if parameter not in wanted]
        assert all(p.kind == p.KEYWORD_ONLY and p.default is not p.empty for p in extra), name


def test_rates_are_positive_and_described(engine: str) -> None:
    rates = choose(engine).measure_rates(1)
    assert rates.keys() == {"float32", "float64", "bytes", "bandwidth"}
    assert all(rate > 1e6 for rate in rates.values())
    assert choose(engine).describe()


@pytest.fixture(scope="module")
def job(engine: str):
    """Calls of some tenths of a second on one core: the compiled engine beats every 50 ms."""
    n, d, c = (4000, 800, 300) if engine == "native" else (900, 20, 1)
    module, points, kernel = choose(engine), Points(scattered(n, d, seed=1)), Gaussian(10.0)
    P = np.ones((n, c))
    options = {"dtype": np.dtype("float64"), "tile": 48}
    factor = module.factorize(points, kernel, **options, threads=1)
    return {
        "factorize": lambda beat: module.factorize(points, kernel, **options, threads=1, heartbeat=beat),
        "solve": lambda beat: module.solve(factor, P, threads=1, heartbeat=beat),
        "diag_inverse": lambda beat: module.diag_inverse(factor, threads=1, heartbeat=beat),
        "multiply": lambda beat: module.multiply(points, kernel, P, threads=1, heartbeat=beat),
        "cross_multiply": lambda beat: module.cross_multiply(
            points, points, kernel, P, threads=1, heartbeat=beat
        ),
        "gram": lambda beat: module.gram(
            points, None, kernel, dtype=np.dtype("float64"), threads=1, heartbeat=beat
        ),
    }


@pytest.mark.parametrize("work", ["factorize", "solve", "diag_inverse", "multiply", "cross_multiply", "gram"])
def test_a_heartbeat_rises_and_its_exception_passes_and_frees(job: dict, work: str) -> None:
    seen: list[float] = []
    assert job[work](seen.append) is not None
    assert seen
    assert all(0 <= a <= b <= 1 for a, b in itertools.pairwise(seen))

    def stop(fraction: float) -> None:
        raise KeyboardInterrupt

    tracemalloc.start()
    try:
        with pytest.raises(KeyboardInterrupt) as caught:
            job[work](stop)
        clear_frames(caught.tb)  # what solvers.release does for the caller
        assert tracemalloc.get_traced_memory()[0] < 500_000
    finally:
        tracemalloc.stop()
