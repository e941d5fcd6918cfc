"""The factor depends on the inputs only: any labels, true, random or corrupted, are further right-hand sides of it."""

from __future__ import annotations

import numpy as np
import pytest

from kernelgen.kernels.gaussian import Gaussian
from kernelgen.solvers.cholesky import factorize
from kernelgen.solvers.result import Status
from oracles import relative_error, scattered


@pytest.mark.parametrize("precision", ["float64", "mixed"])
def test_label_sets_together_and_apart(engine: str, precision: str) -> None:
    rng = np.random.default_rng(1)
    X = scattered(120, 10, seed=2, dtype="uint8")
    true = np.eye(3)[rng.integers(0, 3, 120)]
    randomized = np.eye(3)[rng.integers(0, 3, 120)]
    corrupted = np.where(rng.random((120, 1)) < 0.3, randomized, true)
    factor = factorize(X, Gaussian(2.0), scale=1 / 64, precision=precision, engine=engine)
    together = factor.solve(np.hstack([true, randomized, corrupted]))
    assert together.status is Status.SOLVED
    for k, Y in enumerate((true, randomized, corrupted)):
        apart = factor.solve(Y)
        assert apart.status is Status.SOLVED
        assert np.array_equal(
            apart.fitted.argmax(axis=1), Y.argmax(axis=1)
        )  # training error 0, whatever the labels
        cond = apart.certificate.condition_estimate
        assert relative_error(together.alpha[:, 3 * k : 3 * k + 3], apart.alpha) <= 2e-10 * cond


def test_solutions_are_linear_in_the_labels(engine: str) -> None:
    rng = np.random.default_rng(3)
    factor = factorize(scattered(60, 5, seed=4), Gaussian(1.0), precision="float64", engine=engine)
    A, B = rng.standard_normal((2, 60, 2))
    one, two, both = (factor.solve(Y) for Y in (A, B, 2 * A - B))
    cond = both.certificate.condition_estimate
    assert relative_error(2 * one.alpha - two.alpha, both.alpha) <= 1e-13 * cond
