"""factorize and solve end to end: every precision, every engine, against dense float64 linear algebra."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernelgen.kernels.base import Kernel
from kernelgen.kernels.custom import Custom
from kernelgen.kernels.gaussian import Gaussian
from kernelgen.kernels.laplacian import Laplacian
from kernelgen.kernels.linear import Linear
from kernelgen.kernels.polynomial import Polynomial
from kernelgen.solvers.cholesky import factorize
from kernelgen.solvers.result import Status
from oracles import naive_gram, raw_unit, relative_error, scattered, tolerance

KERNELS = [Gaussian(1.0), Laplacian(2.0), Polynomial(3, coef0=1.0), Polynomial(4, coef0=0.5, normalize=True)]


@settings(max_examples=60)
@given(
    n=st.integers(1, 110),
    c=st.integers(1, 12),
    tile=st.sampled_from([48, 96, None]),
    precision=st.sampled_from(["float64", "mixed", "float32"]),
    values=st.sampled_from(["uint8", "float32", "float64"]),
    kernel=st.sampled_from(KERNELS),
    ridge=st.sampled_from([0.0, 1.0]),
    repeated=st.integers(0, 10),
    seed=st.integers(0, 2**32 - 1),
)
def test_alpha_solves_the_dense_system(
    engine: str, n: int, c: int, tile: int | None, precision: str, values: str, kernel: Kernel, ridge: float,
    repeated: int, seed: int,
) -> None:  # fmt: skip
    rng = np.random.default_rng(seed)
    X = scattered(n, 8, seed=seed, dtype=values)
    K = kernel(X, scale=raw_unit(X), engine="portable") + ridge * np.eye(n)
    cond = float(np.linalg.cond(K))
    eps = np.finfo("float64" if precision == "float64" else "float32").eps
    if cond > 0.02 / eps / n:
        return  # whether a pivot fails is then up to rounding
    rows = np.arange(n) if ridge else np.concatenate([np.arange(n), rng.integers(0, n, repeated)])
    Y = rng.standard_normal((n, c))
    factor = factorize(
        X[rows],
        kernel,
        scale=raw_unit(X),
        ridge=ridge,
        precision=precision,
        engine=engine,
        tile=tile,
        threads=2,
    )
    solution = factor.solve(Y[rows])
    assert solution.status is Status.SOLVED, solution.message
    certificate, stats = solution.certificate, solution.stats
    assert certificate.n_merged_duplicates == len(rows) - n
    expected = np.linalg.solve(K, Y)
    working = "float32" if precision == "float32" else "float64"
    # n for the solve, and 24 for K itself: sums of 8 products, cubed at most
    bound = max(1e-10 * (precision != "float64") * cond, tolerance(working, cond=cond, n=n + 24))
    assert solution.alpha.dtype == working
    assert relative_error(solution.alpha[:n], expected) <= bound
    assert not solution.alpha[n:].any()
    assert relative_error(solution.fitted, (Y - ridge * expected)[rows]) <= bound
    residual = Y - K @ solution.alpha[:n].astype(float)
    rounding = tolerance("float64", norm=float(np.abs(K).sum(axis=1).max() * np.abs(expected).max()), n=n)
    assert abs(certificate.max_residual - np.abs(residual).max()) <= rounding
    assert abs(certificate.relative_residual - np.linalg.norm(residual) / np.linalg.norm(Y)) <= rounding
    norm_squared = float(np.sum(expected * (Y - ridge * expected)))
    assert certificate.rkhs_norm == pytest.approx(np.sqrt(norm_squared), rel=max(1e-9 * cond, bound))
    exact_condition = float(np.linalg.norm(K, 1) * np.linalg.norm(np.linalg.inv(K), 1))
    slack = tolerance("float64" if precision == "float64" else "float32", cond=cond, n=n)
    assert exact_condition / 10 <= certificate.condition_estimate <= exact_condition * (1 + slack + 1e-6)
    assert stats.precision == precision
    assert stats.engine == engine
    assert stats.iterations == 0 or precision != "float32"


@pytest.mark.parametrize("precision", ["float64", "mixed", "float32"])
def test_one_column_comes_back_as_one_column(engine: str, precision: str) -> None:
    X, y = scattered(30, 3, seed=1), np.arange(30.0)
    factor = factorize(X, Gaussian(0.5), precision=precision, engine=engine)
    flat, column = factor.solve(y), factor.solve(y[:, None])
    assert flat.alpha.shape == flat.fitted.shape == (30,)
    assert np.array_equal(flat.alpha[:, None], column.alpha)


def test_targets_of_any_size_and_zero(engine: str) -> None:
    factor = factorize(scattered(50, 3, seed=2), Gaussian(0.5), precision="mixed", engine=engine)
    Y = np.stack([np.zeros(50), np.full(50, 1e-200), np.arange(50) * 1e140, np.ones(50)], axis=1)
    solution = factor.solve(Y)
    assert solution.status is Status.SOLVED
    assert not solution.alpha[:, 0].any()
    residual = np.abs(solution.fitted - Y).max(axis=0)
    assert np.all(residual <= 1e-8 * np.abs(Y).max(axis=0))
    nothing = factor.solve(np.zeros(50))
    assert nothing.status is Status.SOLVED
    assert nothing.certificate.relative_residual == nothing.certificate.rkhs_norm == 0.0


def test_a_single_point(engine: str) -> None:
    for precision in ("float64", "mixed", "float32"):
        solution = factorize([[3.0]], Gaussian(1.0), precision=precision, engine=engine).solve([2.0])
        assert solution.alpha.tolist() == [2.0]
        assert solution.certificate.condition_estimate == pytest.approx(1.0)


def test_mixed_reaches_the_residual_of_float64_on_an_ill_conditioned_system(engine: str) -> None:
    X = scattered(400, 6, seed=3)
    y = np.sin(X.sum(axis=1))
    solutions = {
        p: factorize(X, Gaussian(1.5), precision=p, engine=engine).solve(y)
        for p in ("float64", "mixed", "float32")
    }
    condition = solutions["float64"].certificate.condition_estimate
    assert 1e4 < condition < 1e6
    assert solutions["mixed"].certificate.relative_residual < 1e-10
    assert solutions["mixed"].stats.iterations >= 1
    assert 1e-10 < solutions["float32"].certificate.relative_residual < 1e-2
    assert solutions["float32"].status is Status.SOLVED
    assert relative_error(solutions["mixed"].alpha, solutions["float64"].alpha) <= 2e-10 * condition
    assert solutions["mixed"].certificate.factor_precision == "float32"
    assert solutions["float64"].certificate.factor_precision == "float64"


def test_a_jitter_lives_in_the_preconditioner_only(engine: str) -> None:
    """Pairs of near duplicates: float32 cannot factor K, and mixed precision solves it all the same."""
    X = scattered(60, 5, seed=4)
    X = np.concatenate([X, X + 1e-4])
    y = np.concatenate([np.ones(60), np.full(60, 1.0 + 1e-6)])
    factor = factorize(X, Gaussian(1.0), precision="mixed", engine=engine)
    assert 0 < factor.jitter < 1e-3
    solution = factor.solve(y, max_iterations=200)
    assert solution.status is Status.SOLVED
    assert solution.certificate.preconditioner_jitter == factor.jitter
    residual = y - Gaussian(1.0)(X, engine="portable") @ solution.alpha
    assert np.abs(residual).max() < 1e-9


def test_not_converged_is_a_status_with_advice(engine: str) -> None:
    X = scattered(400, 6, seed=3)
    factor = factorize(X, Gaussian(1.6), precision="mixed", engine=engine)
    for limit in (0, 1):
        solution = factor.solve(np.sin(X.sum(axis=1)), max_iterations=limit, tol=1e-13)
        assert solution.status is Status.NOT_CONVERGED
        assert solution.stats.iterations == limit
        assert 'precision="float64"' in solution.message
        assert solution.certificate.relative_residual < 1e-1  # the best found


def test_an_unreachable_tolerance_stops_when_it_stagnates(engine: str) -> None:
    factor = factorize(scattered(100, 3, seed=5), Gaussian(0.5), precision="mixed", engine=engine)
    solution = factor.solve(np.arange(100.0), tol=1e-30, max_iterations=1000)
    assert solution.status is Status.NOT_CONVERGED
    assert solution.stats.iterations < 100
    assert solution.certificate.relative_residual < 1e-13


def test_float64_refines_only_where_it_must(engine: str) -> None:
    X = scattered(80, 4, seed=6)
    factor = factorize(X, Gaussian(1.0), precision="float64", engine=engine)
    assert factor.solve(np.arange(80.0)).stats.iterations == 0
    tight = factor.solve(np.arange(80.0), tol=1e-18)
    assert 0 < tight.stats.iterations <= 50


def test_centering_saves_distances_far_from_the_origin(engine: str) -> None:
    X = scattered(80, 3, seed=7)
    near = factorize(X, Gaussian(0.5), precision="float64", engine=engine).solve(np.arange(80.0))
    for precision in ("float64", "mixed"):
        far = factorize(X + 2.0**20, Gaussian(0.5), precision=precision, engine=engine)
        assert far.points.center is not None
        assert relative_error(far.solve(np.arange(80.0)).alpha, near.alpha) <= 1e-6


@pytest.mark.parametrize(
    "kernel", [Polynomial(2, coef0=1.0), Polynomial(3, normalize=True), Linear()], ids=str
)
def test_kernels_of_products_are_never_centered(engine: str, kernel: Kernel) -> None:
    X = scattered(4, 5, seed=8) + 3.0
    factor = factorize(X, kernel, precision="float64", engine=engine)
    assert factor.points.center is None
    solution = factor.solve([1.0, 2.0, 3.0, 4.0])
    expected = np.linalg.solve(naive_gram(kernel.describe(), X), [1.0, 2.0, 3.0, 4.0])
    cond = solution.certificate.condition_estimate
    assert relative_error(solution.alpha, expected) <= tolerance("float64", cond=cond, n=4)


def test_custom_kernels(engine: str) -> None:
    X, y = scattered(70, 3, seed=9), np.arange(70.0)
    gaussian = factorize(X, Gaussian(0.5), precision="mixed", engine=engine).solve(y)
    same = factorize(X, Custom(lambda q: np.exp(-2.0 * q)), precision="mixed", engine=engine).solve(y)
    cond = gaussian.certificate.condition_estimate
    assert relative_error(same.alpha, gaussian.alpha) <= 1e-9 * cond


@pytest.mark.parametrize("test_dtype", ["uint8", "float64"])
@pytest.mark.parametrize("precision", ["mixed", "float32"])
def test_predict_reproduces_the_targets_and_new_points(engine: str, test_dtype: str, precision: str) -> None:
    X = scattered(60, 6, seed=10, dtype="uint8")
    X = np.concatenate([X, X[:5]])
    Y = np.random.default_rng(11).standard_normal((60, 2))[np.r_[0:60, 0:5]]
    factor = factorize(X, Gaussian(1.0), scale=1 / 64, precision=precision, engine=engine)
    alpha = factor.solve(Y).alpha
    working = "float32" if precision == "float32" else "float64"
    found = factor.predict(X.astype(test_dtype), alpha)
    assert found.dtype == working
    assert np.abs(found - Y).max() <= (1e-8 if precision == "mixed" else 1e-3)
    Z = scattered(7, 6, seed=12, dtype=test_dtype) * (1 if test_dtype == "uint8" else 64)
    expected = naive_gram(Gaussian(1.0).describe(), Z, X, scale=1 / 64) @ alpha.astype(float)
    assert np.abs(factor.predict(Z, alpha) - expected).max() <= tolerance(
        working, norm=np.abs(alpha).max(), n=60
    )
    assert factor.predict(Z, alpha[:, 0]).shape == (7,)


def test_inputs_are_left_as_they_are(engine: str) -> None:
    X, Y = scattered(50, 4, seed=13), np.ones((50, 2))
    X.flags.writeable = Y.flags.writeable = False
    factor = factorize(X, Gaussian(1.0), precision="mixed", engine=engine)
    assert factor.points.values is X
    solution = factor.solve(Y)
    solution.alpha.flags.writeable = False
    factor.predict(X, solution.alpha)
    factor.leave_one_out(solution)
