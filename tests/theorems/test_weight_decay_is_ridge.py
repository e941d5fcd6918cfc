"""The limit with weight decay lambda is the ridge solution X^T (X X^T + n lambda I)^-1 y."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernelgen.kernels.linear import Linear
from kernelgen.linear.config import SGDConfig
from kernelgen.linear.gradient_path import ridge_path
from kernelgen.linear.sgd import sgd
from kernelgen.solvers.cholesky import factorize
from oracles import relative_error


@settings(max_examples=25)
@given(data=st.integers(0, 2**32), decay=st.floats(5e-2, 10.0), momentum=st.sampled_from([0.0, 0.5]))
def test_full_batch(data: int, decay: float, momentum: float) -> None:
    rng = np.random.default_rng(data)
    n, d = 7, 20
    X, y, start = rng.standard_normal((n, d)), rng.standard_normal(n), rng.standard_normal(d)
    config = SGDConfig(step="1/L", batch=n, weight_decay=decay, momentum=momentum, tol=0, epochs=0)
    rate = (
        decay * sgd(X, y, config).step / (1 - momentum)
    )  # a step leaves 1 - rate of the distance, or sqrt(momentum)
    config = replace(config, epochs=100 + round(30 / rate))
    run = sgd(X, y, config, start=start)  # the start is forgotten: the problem is strongly convex
    expected = X.T @ np.linalg.solve(X @ X.T + n * decay * np.eye(n), y)
    assert relative_error(run.weights, expected) <= 1e-9
    assert relative_error(ridge_path(X, y, decay)[0], expected) <= 1e-12
    solution = factorize(X, Linear(), ridge=n * decay, precision="float64").solve(y)
    assert relative_error(X.T @ solution.alpha, expected) <= 1e-11


def test_single_rows_move_around_it() -> None:
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((10, 20)), rng.standard_normal(10)
    expected = ridge_path(X, y, 0.5)[0]
    distances = [
        relative_error(
            sgd(X, y, SGDConfig(step=step, weight_decay=0.5, epochs=round(20 / step), average=True)).weights,
            expected,
        )
        for step in (2e-2, 2e-3)
    ]
    assert distances[1] < distances[0] / 3 < 0.1


def test_small_ridges_tend_to_the_minimum_norm() -> None:
    rng = np.random.default_rng(2)
    X, y = rng.standard_normal((10, 20)), rng.standard_normal(10)
    least = np.linalg.pinv(X) @ y
    errors = [relative_error(w, least) for w in ridge_path(X, y, [1e-2, 1e-4, 1e-6, 0.0])]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] <= 1e-13
    assert errors[0] / errors[1] == pytest.approx(100, rel=0.1)
