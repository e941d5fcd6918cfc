"""SGD in function space ends at the direct solve's alpha, faster with a preconditioner."""

from __future__ import annotations

import numpy as np
import pytest

from kernelgen.errors import UsageError
from kernelgen.kernels.gaussian import Gaussian
from kernelgen.kernels.laplacian import Laplacian
from kernelgen.linear.kernel_sgd import kernel_sgd
from kernelgen.solvers.cholesky import factorize
from oracles import relative_error, scattered


@pytest.mark.parametrize("kernel", [Gaussian(1.0), Laplacian(1.0)], ids=str)
@pytest.mark.parametrize("n_eigenvectors", [0, 5])
@pytest.mark.parametrize("batch", [1, 8, 30])
def test_to_the_same_alpha(kernel, n_eigenvectors: int, batch: int) -> None:
    X, Y = scattered(30, 8, seed=1), np.random.default_rng(2).standard_normal((30, 2))
    run = kernel_sgd(X, Y, kernel, batch=batch, n_eigenvectors=n_eigenvectors, epochs=500, tol=1e-9)
    assert run.status.value == "converged"
    K = kernel(X)
    assert relative_error(run.alpha, np.linalg.solve(K, Y)) <= 1e-9 * np.linalg.cond(K)
    direct = factorize(X, kernel, precision="float64").solve(Y)
    assert relative_error(run.alpha, direct.alpha) <= 1e-9 * np.linalg.cond(K)
    assert run.residuals == sorted(run.residuals, reverse=True) or batch < 30


def test_the_preconditioner_saves_epochs() -> None:
    X, y = scattered(150, 3, seed=3), np.random.default_rng(4).standard_normal(150)
    X *= 2
    plain, eigenpro = (
        kernel_sgd(X, y, Gaussian(1.0), batch=32, n_eigenvectors=q, epochs=5000, tol=1e-2) for q in (0, 30)
    )
    assert plain.status.value == eigenpro.status.value == "converged"
    assert eigenpro.acceleration > 3
    assert eigenpro.epochs < plain.epochs / 2


def test_a_subsample_is_enough_for_the_preconditioner() -> None:
    X, y = scattered(200, 3, seed=5), np.random.default_rng(6).standard_normal(200)
    run = kernel_sgd(
        X, y, Laplacian(2.0), batch=20, n_eigenvectors=10, n_subsample=100, epochs=5000, tol=1e-8
    )
    assert run.status.value == "converged"
    K = Laplacian(2.0)(X)
    assert relative_error(run.alpha, np.linalg.solve(K, y)) <= 1e-6 * np.linalg.cond(K)


def test_too_large_a_step_is_named_with_one_that_is_safe() -> None:
    X, y = scattered(60, 4, seed=1), np.ones(60)
    run = kernel_sgd(X, y, Gaussian(3.0), batch=30, step=1000.0)
    assert run.status.value == "diverged"
    assert "is safe for batches of 30" in run.message


def test_bad_choices() -> None:
    for choice in (
        {"batch": 0},
        {"n_eigenvectors": -1},
        {"n_eigenvectors": 5},
        {"step": -1.0},
        {"epochs": -1},
    ):
        with pytest.raises(UsageError):
            kernel_sgd(np.eye(5), np.ones(5), Gaussian(1.0), **choice)
