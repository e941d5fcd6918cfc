"""|f_S - f_(S without i)|_H^2 = alpha_i^2 / (K^-1)_ii, and the change at x is alpha_i / (K^-1)_ii [K^-1 k(x)]_i."""

from __future__ import annotations

import numpy as np
import pytest

from kernelgen.kernels.gaussian import Gaussian
from kernelgen.solvers.cholesky import factorize
from oracles import naive_gram, scattered, tolerance


def test_one_row_less(engine: str) -> None:
    n, kernel = 30, Gaussian(1.0)
    X, Z, y = scattered(n, 4, seed=1), scattered(5, 4, seed=2), np.random.default_rng(3).standard_normal(n)
    factor = factorize(X, kernel, precision="float64", engine=engine)
    alpha, diagonal = factor.solve(y).alpha, factor.diag_inverse()
    K, across = naive_gram(kernel.describe(), X), naive_gram(kernel.describe(), Z, X)
    inverse_columns = factor.solve(across.T).alpha  # K^-1 k(z), a column for each z
    slack = tolerance("float64", cond=float(np.linalg.cond(K)), n=n)
    for i in range(n):
        rest = np.delete(np.arange(n), i)
        without = np.zeros(n)
        without[rest] = factorize(X[rest], kernel, precision="float64", engine=engine).solve(y[rest]).alpha
        change = alpha - without
        assert change @ K @ change == pytest.approx(alpha[i] ** 2 / diagonal[i], rel=slack, abs=slack)
        expected = alpha[i] / diagonal[i] * inverse_columns[i]
        assert np.abs(across @ change - expected).max() <= slack * np.abs(alpha).max()
