"""What only the compiled engine has to promise: BLAS threads, foreign threads, its own memory, misuse refused."""

import gc
import multiprocessing
import threading

import numpy as np
import pytest

from kernelgen import Custom, Gaussian, Laplacian, Polynomial, factorize
from kernelgen.arrays.points import Points
from kernelgen.engines import native

pytestmark = pytest.mark.skipif(native.available() is not None, reason=f"native engine: {native.available()}")

KERNEL = Gaussian(bandwidth=1.0)


def points(n: int, d: int = 5, seed: int = 7) -> Points:
    return Points(np.random.default_rng(seed).standard_normal((n, d)))


def blas_threads() -> int:
    from kernelgen.engines.blas import _openblas

    found = _openblas()
    if found is None:
        pytest.skip("compares with OpenBLAS, which this SciPy is not linked to")
    return found[0]()


def test_blas_threads_are_restored_whichever_thread_calls() -> None:
    before = blas_threads()
    results = []

    def work() -> None:
        results.append(native.factorize(points(700), KERNEL, dtype=np.float32, threads=2).storage)

    work()
    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert blas_threads() == before
    for other in results[1:]:
        np.testing.assert_array_equal(results[0], other)


def test_a_failing_call_restores_blas_threads() -> None:
    before = blas_threads()

    def fail(_: float) -> None:
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        native.factorize(points(6000, d=400), KERNEL, dtype=np.float64, threads=2, heartbeat=fail)
    assert blas_threads() == before


def _solve_in_child(queue: "multiprocessing.Queue[float]") -> None:
    factor = native.factorize(points(500), KERNEL, dtype=np.float64, threads=2)
    queue.put(float(native.diag_inverse(factor, threads=2).sum()))


@pytest.mark.filterwarnings(
    "ignore:This process:DeprecationWarning"
)  # fork beside other threads is the point
def test_a_forked_child_works_after_the_parent_has_worked() -> None:
    _ = native.factorize(points(500), KERNEL, dtype=np.float64, threads=2)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_solve_in_child, args=(queue,))
    child.start()
    got = queue.get(timeout=60)
    child.join(timeout=60)
    factor = native.factorize(points(500), KERNEL, dtype=np.float64, threads=2)
    assert got == float(native.diag_inverse(factor, threads=2).sum())


def test_a_custom_function_may_keep_what_it_is_given() -> None:
    kept = []

    def function(q: np.ndarray) -> np.ndarray:
        kept.append(q)
        return np.exp(-q)

    K = native.gram(points(50), None, Custom(function, of="distance"), dtype=np.float64, threads=1)
    gc.collect()
    assert all(np.isfinite(block).all() for block in kept)
    assert float(np.diag(K).min()) == 1.0


def test_shapes_that_do_not_agree_are_refused() -> None:
    x, factor = points(100), native.factorize(points(100), KERNEL, dtype=np.float64, threads=1)
    with pytest.raises(ValueError, match="shapes"):
        native.multiply(x, KERNEL, np.ones((3, 1)), threads=1)
    with pytest.raises(ValueError, match="shapes"):
        native.solve(factor, np.ones((3, 1)), threads=1)
    with pytest.raises(ValueError, match="shapes"):
        native.cross_multiply(x, x, KERNEL, np.ones((3, 1)), threads=1)
    with pytest.raises(ValueError, match="features"):
        native.cross_multiply(points(9, d=4), x, KERNEL, np.ones((100, 1)), threads=1)
    with pytest.raises(ValueError, match="threads"):
        native.factorize(x, KERNEL, dtype=np.float64, threads=0)
    with pytest.raises(ValueError, match="storage"):
        native.factorize(x, KERNEL, dtype=np.float64, threads=1, storage=np.empty(10))
    factor.storage = factor.storage[:10]
    with pytest.raises(ValueError, match="shapes"):
        native.solve(factor, np.ones((100, 1)), threads=1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_value_that_is_not_a_number_is_a_failing_pivot(dtype: type) -> None:
    values = np.random.default_rng(0).standard_normal((60, 3)) * 1e200
    assert native.factorize(Points(values), KERNEL, dtype=dtype, threads=2).pivot_row == 1


@pytest.mark.parametrize(("dtype", "size"), [(np.float32, 1e-21), (np.float32, 1e21), (np.float64, 1e-160)])
def test_normalized_products_do_not_depend_on_length(dtype: type, size: float) -> None:
    kernel = Polynomial(degree=2, normalize=True)
    x = np.random.default_rng(1).standard_normal((30, 4))
    expected = native.gram(Points(x), None, kernel, dtype=np.float64, threads=1)
    K = native.gram(Points(x * size), None, kernel, dtype=dtype, threads=1)
    np.testing.assert_allclose(K, expected, atol=8 * np.finfo(dtype).eps)


@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_the_laplacian_interpolant_goes_through_its_points(offset: float) -> None:
    rng = np.random.default_rng(2)
    X, y = rng.standard_normal((400, 50)) + offset, rng.standard_normal(400)
    factor = factorize(X, Laplacian(bandwidth=7.0))
    solution = factor.solve(y)
    cond = solution.certificate.condition_estimate
    error = np.abs(factor.predict(X, solution.alpha) - y).max()
    assert error <= 8 * np.finfo(float).eps * cond * np.linalg.norm(y)


def test_near_duplicates_keep_their_distance() -> None:
    x = np.random.default_rng(3).standard_normal((1, 20)) + 100.0
    X = np.vstack([x, x + 1e-9, x + 1.0])
    distance = Custom(lambda q: q, of="distance")
    K = native.gram(Points(X), Points(X), distance, dtype=np.float64, threads=1)
    expected = np.linalg.norm(X[:, None] - X[None], axis=2)
    np.testing.assert_allclose(K, expected, rtol=1e-10)
