"""alpha gives the interpolant of least RKHS norm, and that norm is sqrt(y^T K^-1 y)."""

from __future__ import annotations

import numpy as np
import pytest

from kernelgen.kernels.gaussian import Gaussian
from kernelgen.kernels.linear import Linear
from kernelgen.solvers.cholesky import factorize
from oracles import naive_gram, scattered, tolerance


@pytest.mark.parametrize("precision", ["float64", "mixed"])
def test_the_value_of_the_norm(engine: str, precision: str) -> None:
    X, Y = scattered(50, 5, seed=1), np.random.default_rng(2).standard_normal((50, 3))
    certificate = factorize(X, Gaussian(1.0), precision=precision, engine=engine).solve(Y).certificate
    K = naive_gram(Gaussian(1.0).describe(), X)
    expected = np.sqrt(np.sum(Y * np.linalg.solve(K, Y)))
    slack = tolerance("float64", cond=float(np.linalg.cond(K)), n=50) + 1e-10 * (precision == "mixed")
    assert certificate.rkhs_norm == pytest.approx(expected, rel=slack)


def test_no_interpolant_with_more_centers_has_a_smaller_one(engine: str) -> None:
    """f = sum over the points and extra centers; the norm of any such f with the same values is larger."""
    rng = np.random.default_rng(3)
    X, extra, y = scattered(25, 4, seed=4), scattered(10, 4, seed=5), rng.standard_normal(25)
    least = factorize(X, Gaussian(1.0), precision="float64", engine=engine).solve(y).certificate.rkhs_norm
    everything = np.concatenate([X, extra])
    for _ in range(20):
        values = np.concatenate([y, rng.standard_normal(10)])
        larger = (
            factorize(everything, Gaussian(1.0), precision="float64", engine=engine)
            .solve(values)
            .certificate.rkhs_norm
        )
        assert larger >= least * (1 - 1e-10)


def test_the_linear_kernel_gives_the_pseudoinverse(engine: str) -> None:
    X, y = scattered(12, 30, seed=6), np.random.default_rng(7).standard_normal(12)
    solution = factorize(X, Linear(), precision="float64", engine=engine).solve(y)
    w = X.T @ solution.alpha
    expected = np.linalg.pinv(X) @ y
    cond = float(np.linalg.cond(X)) ** 2
    assert np.abs(w - expected).max() <= tolerance(
        "float64", cond=cond, norm=float(np.abs(expected).max()), n=30
    )
    assert solution.certificate.rkhs_norm == pytest.approx(
        np.linalg.norm(expected), rel=tolerance("float64", cond=cond, n=30)
    )


def test_the_expected_norm_of_random_signs_is_the_trace_of_the_inverse(engine: str) -> None:
    """E s^T K^-1 s = tr K^-1, summed exactly over all signs of four points."""
    X = scattered(4, 3, seed=8)
    factor = factorize(X, Gaussian(1.0), precision="float64", engine=engine)
    signs = np.array([[(k >> i & 1) * 2.0 - 1 for k in range(16)] for i in range(4)])
    squares = np.sum(factor.solve(signs).alpha * signs, axis=0)
    assert squares.mean() == pytest.approx(factor.diag_inverse().sum(), rel=1e-12)
