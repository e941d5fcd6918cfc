"""An engine is chosen by name and never replaced by another."""

from __future__ import annotations

import inspect
import re
import tracemalloc
from types import ModuleType

import numpy as np
import pytest
from oracles import scattered

from kernelgen.arrays.points import Points
from kernelgen.engines import native, portable
from kernelgen.engines.base import Engine
from kernelgen.engines.choose import choose, engine_name
from kernelgen.errors import EngineUnavailable, UsageError
from kernelgen.kernels.gaussian import Gaussian


def test_names() -> None:
    assert choose("portable") is portable
    assert engine_name(choose("portable")) == "portable"
    with pytest.raises(UsageError, match="'gpu'"):
        choose("gpu")


def test_cuda_is_absent_and_says_so() -> None:
    with pytest.raises(EngineUnavailable, match="CUDA"):
        choose("cuda")


@pytest.mark.parametrize("name", ["auto", "native"])
def test_an_engine_that_cannot_run_is_an_error(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "available", lambda: "no compiled core")
    with pytest.raises(EngineUnavailable, match=r"no compiled core[\s\S]*portable"):
        choose(name)


@pytest.mark.parametrize("module", [portable, native])
def test_the_modules_have_the_same_functions(module: ModuleType) -> None:
    asked = {name: f for name, f in vars(Engine).items() if inspect.isfunction(f) and not re.match("_", name)}
    for name, protocol in asked.items():
        wanted = list(inspect.signature(protocol).parameters)[1:]
        assert list(inspect.signature(getattr(module, name)).parameters) == wanted, name


def test_rates_are_positive_and_described(engine: str) -> None:
    rates = choose(engine).measure_rates(1)
    assert rates.keys() == {"float32", "float64", "bytes", "bandwidth"}
    assert all(rate > 1e6 for rate in rates.values())
    assert {"simd", "blas"} <= choose(engine).describe().keys()


@pytest.mark.parametrize("work", ["factorize", "solve", "diag_inverse", "multiply", "cross_multiply", "gram"])
def test_a_heartbeat_ends_at_one_and_its_exception_passes_and_frees(engine: str, work: str) -> None:
    module, points = choose(engine), Points(scattered(900, 20, seed=1))
    kernel, P = Gaussian(2.0), np.ones((900, 1))
    factor = module.factorize(points, kernel, dtype=np.dtype("float64"), tile=48, threads=2)

    def call(heartbeat):
        options = {"threads": 2, "heartbeat": heartbeat}
        match work:
            case "factorize":
                return module.factorize(points, kernel, dtype=np.dtype("float64"), tile=48, **options)
            case "solve":
                return module.solve(factor, P, **options)
            case "diag_inverse":
                return module.diag_inverse(factor, **options)
            case "multiply":
                return module.multiply(points, kernel, P, **options)
            case "cross_multiply":
                return module.cross_multiply(points, points, kernel, P, **options)
        return module.gram(points, None, kernel, dtype=np.dtype("float64"), **options)

    seen: list[float] = []
    call(seen.append)
    assert seen
    assert all(0 <= a <= b <= 1 for a, b in zip(seen, seen[1:], strict=False))

    def stop(fraction: float) -> None:
        raise KeyboardInterrupt

    tracemalloc.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            call(stop)
        assert tracemalloc.get_traced_memory()[0] < 100_000
    finally:
        tracemalloc.stop()
    assert call(None) is not None
