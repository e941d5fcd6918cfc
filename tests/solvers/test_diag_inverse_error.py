"""diag_inverse_error: how far the factor's own (K^-1)_ii are from refined ones."""

from __future__ import annotations

import numpy as np
import pytest

from kernelgen.errors import UsageError
from kernelgen.kernels.gaussian import Gaussian
from kernelgen.solvers.cholesky import factorize
from oracles import naive_gram, scattered


@pytest.mark.parametrize("n_repeats", [0, 3])
@pytest.mark.parametrize("precision", ["float64", "mixed"])
def test_it_is_the_error_of_the_rows_drawn(engine: str, precision: str, n_repeats: int) -> None:
    n, kernel = 80, Gaussian(1.5)
    X = scattered(n, 4, seed=1)
    inverse = np.diagonal(np.linalg.inv(naive_gram(kernel.describe(), X)))
    factor = factorize(np.concatenate([X, X[:n_repeats]]), kernel, precision=precision, engine=engine)
    expected = np.abs(factor.diag_inverse() / inverse - 1.0)
    condition = factor.solve(np.ones(n + n_repeats)).certificate.condition_estimate
    slack = 1e-13 * condition  # of the oracle, and of the columns: |r|^2 / lambda_min
    found = factor.diag_inverse_error(2 * n)
    assert found == pytest.approx(expected.max(), rel=1e-3, abs=slack)
    assert factor.diag_inverse_error(5) <= found + slack
    if precision == "mixed":
        assert found > 100 * slack  # float32's rounding, and not the slack, is what was found


def test_nothing_sharper(engine: str) -> None:
    X = scattered(40, 4, seed=2)
    assert np.isnan(factorize(X, Gaussian(1.0), precision="float32", engine=engine).diag_inverse_error())
    mixed = factorize(X, Gaussian(1.0), precision="mixed", engine=engine)
    assert np.isnan(mixed.diag_inverse_error(tol=0.0))
    assert mixed.diag_inverse_error() < 1e-4
    with pytest.raises(UsageError, match="n_probes must be at least 1"):
        mixed.diag_inverse_error(0)
