"""The card's own code, argument by argument, on a CuPy that lies on the host's memory."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from cuda_kernels import KERNELS, compile_on_the_host
from kernelgen import factorize as solver_factorize
from kernelgen.arrays.points import Points, center_of
from kernelgen.engines import cuda, portable
from kernelgen.engines.cuda import blocks, factor
from kernelgen.engines.cuda.device import using
from kernelgen.kernels.gaussian import Gaussian
from oracles import relative_error, scattered, tolerance

sys.path.insert(0, str(Path(__file__).parent))

from fake_cupy import Array, fake_card


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Callable]:
    return compile_on_the_host(tmp_path_factory.mktemp("finish"))


@pytest.fixture(params=[64, 32], ids=["64-bit", "32-bit"])
def card(request: pytest.FixtureRequest, kernels: dict[str, Callable]) -> Iterator[object]:
    with using(fake_card(kernels, bits=request.param)) as card:
        yield card


@pytest.mark.parametrize("values", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: f"{k.name}-{k.of}")
def test_gram_and_products(card: object, kernel, values: str) -> None:
    points = Points(scattered(203, 7, seed=1, dtype=values), 1 / 64 if values == "uint8" else 1.0)
    points = center_of(points) if kernel.uses_distance else points
    test = Points(scattered(50, 7, seed=2, dtype=values), points.scale, points.center)
    K = portable.gram(points, None, kernel, dtype=np.dtype("float64"), threads=1)
    across = portable.gram(test, points, kernel, dtype=np.dtype("float64"), threads=1)
    size = max(1.0, float(np.abs(K).max()), float(np.abs(across).max()))
    for dtype in ("float32", "float64"):
        bound = (100 if kernel.of == "distance" else 1) * tolerance(dtype, norm=size, n=7, c=32)
        found = cuda.gram(points, None, kernel, dtype=np.dtype(dtype), threads=1)
        assert np.abs(found - K).max() <= bound
        assert np.array_equal(found, found.T)
        assert (
            np.abs(cuda.gram(test, points, kernel, dtype=np.dtype(dtype), threads=1) - across).max() <= bound
        )
    P = np.random.default_rng(3).standard_normal((203, 3))
    product, sums = cuda.multiply(points, kernel, P, ridge=0.5, threads=1)
    bound = (100 if kernel.of == "distance" else 1) * tolerance("float64", norm=size, n=210, c=32)
    assert np.abs(product - K @ P - 0.5 * P).max() <= bound
    assert np.abs(sums - np.abs(K + 0.5 * np.eye(203)).sum(axis=1)).max() <= bound * 203
    assert np.abs(cuda.cross_multiply(test, points, kernel, P, threads=1) - across @ P).max() <= bound


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [1, 48, 203])
@pytest.mark.parametrize("tile", [48, 96, 240])
def test_factor_solve_and_inverse(
    card: object, n: int, tile: int, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(factor, "_ROWS", 96)
    monkeypatch.setattr(blocks, "SCRATCH", 5000)
    points, kernel = Points(scattered(n, 8, seed=n, dtype="uint8"), 1 / 64), Gaussian(1.0)
    K = portable.gram(points, None, kernel, dtype=np.dtype("float64"), threads=1) + 0.1 * np.eye(n)
    cond, B = float(np.linalg.cond(K)), np.random.default_rng(n).standard_normal((n, 3))
    L = cuda.factorize(points, kernel, ridge=0.1, dtype=np.dtype(dtype), tile=tile, threads=1)
    assert isinstance(L.storage, Array)
    assert L.pivot_row == -1
    bound = tolerance(dtype, cond=cond, n=n)
    assert relative_error(cuda.solve(L, B, threads=1), np.linalg.solve(K, B)) <= bound
    assert relative_error(cuda.diag_inverse(L, threads=1), np.diagonal(np.linalg.inv(K))) <= bound


@pytest.mark.parametrize("tile", [48, 144])
@pytest.mark.parametrize("row", [0, 1, 47, 48, 129])
def test_a_failing_pivot_is_named(card: object, row: int, tile: int) -> None:
    X = np.eye(130)
    X[row] = 0.0
    found = cuda.factorize(Points(X), KERNELS[4], dtype=np.dtype("float32"), tile=tile, threads=1)
    assert KERNELS[4].name == "linear"
    assert found.pivot_row == row


@pytest.mark.parametrize("precision", ["float32", "mixed", "float64"])
def test_a_whole_solve(card: object, precision: str) -> None:
    X, Y = scattered(150, 6, seed=5, dtype="uint8"), np.ones((150, 2))
    for given in (X, X.view(Array)):
        factor = solver_factorize(given, Gaussian(1.0), scale=1 / 64, engine="cuda", precision=precision)
        solution = factor.solve(Y.view(Array))
        assert solution.status.value == "solved"
        assert isinstance(solution.alpha, Array)
        assert np.abs(factor.predict(X, solution.alpha) - Y).max() < (
            1e-3 if precision == "float32" else 1e-8
        )
