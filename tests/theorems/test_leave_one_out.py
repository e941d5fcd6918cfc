"""Leave-one-out residuals are alpha_i / (K^-1)_ii: one factor gives what n refits would."""

from __future__ import annotations

import numpy as np
import pytest

from kernelgen.kernels.gaussian import Gaussian
from kernelgen.solvers.cholesky import factorize
from oracles import relative_error, scattered, tolerance


@pytest.mark.parametrize("ridge", [0.0, 0.3])
@pytest.mark.parametrize("precision", ["float64", "mixed"])
def test_as_n_refits(engine: str, ridge: float, precision: str) -> None:
    n = 40
    X, Y = scattered(n, 4, seed=1), np.random.default_rng(2).standard_normal((n, 3))
    factor = factorize(X, Gaussian(1.0), ridge=ridge, precision=precision, engine=engine, tile=48)
    solution = factor.solve(Y)
    refitted = np.empty_like(Y)
    for i in range(n):
        rest = np.delete(np.arange(n), i)
        part = factorize(X[rest], Gaussian(1.0), ridge=ridge, precision="float64", engine=engine)
        refitted[i] = Y[i] - part.predict(X[i : i + 1], part.solve(Y[rest]).alpha)[0]
    cond = solution.certificate.condition_estimate
    bound = tolerance("float64" if precision == "float64" else "float32", cond=cond, n=n)
    assert relative_error(factor.leave_one_out(solution), refitted) <= bound


def test_a_row_with_a_twin_leaves_nothing_out(engine: str) -> None:
    X, y = scattered(30, 4, seed=3), np.arange(30.0)
    twins = np.r_[0:30, 7]
    factor = factorize(X[twins], Gaussian(1.0), precision="float64", engine=engine)
    found = factor.leave_one_out(factor.solve(y[twins]))
    alone = factorize(X, Gaussian(1.0), precision="float64", engine=engine)
    expected = alone.leave_one_out(alone.solve(y))
    expected[7] = 0.0
    assert found.shape == (31,)
    assert found[30] == found[7] == 0.0
    assert np.array_equal(found[:30], expected)
