"""The path of gradient flow at time t stays near the ridge path at 1/t: closed forms, descent, and the known bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernelgen.linear.config import SGDConfig
from kernelgen.linear.gradient_path import gradient_descent, gradient_flow, ridge_path
from kernelgen.linear.sgd import sgd
from oracles import relative_error


def test_descent_has_the_closed_form() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((15, 40)), rng.standard_normal(15)
    for steps in (1, 10, 100):
        run = sgd(X, y, SGDConfig(step=0.1, batch=15, epochs=steps, tol=0))
        assert relative_error(run.weights, gradient_descent(X, y, step=0.1, n_steps=steps)) < 1e-12
    flow = gradient_flow(X, y, 5.0)[0]
    gaps = [relative_error(gradient_descent(X, y, step=5.0 / k, n_steps=k), flow) for k in (100, 1000)]
    assert gaps[1] < gaps[0] / 8 < 0.01


@settings(max_examples=50)
@given(data=st.integers(0, 2**32), time=st.floats(1e-3, 1e4), wide=st.booleans())
def test_norms_are_within_the_known_factor(data: int, time: float, wide: bool) -> None:
    """1 - e^-x lies between x/(1+x) and 1.2985 times it, in each singular direction (Ali, Kolter, Tibshirani 2019)."""
    rng = np.random.default_rng(data)
    X, y = rng.standard_normal((10, 25) if wide else (25, 10)), rng.standard_normal(10 if wide else 25)
    flow, ridge = gradient_flow(X, y, time)[0], ridge_path(X, y, 1 / time)[0]
    V = np.linalg.svd(X, full_matrices=False)[2]
    ratio = (V @ flow) / (V @ ridge)
    assert (ratio >= 1 - 1e-9).all()
    assert (ratio <= 1.2985 + 1e-9).all()
    assert (
        np.linalg.norm(ridge)
        <= np.linalg.norm(flow) * (1 + 1e-9)
        <= 1.2985 * np.linalg.norm(ridge) * (1 + 1e-8)
    )


def test_both_end_at_the_minimum_norm() -> None:
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((10, 25)), rng.standard_normal(10)
    least = np.linalg.pinv(X) @ y
    assert relative_error(gradient_flow(X, y, 1e6)[0], least) < 1e-12
    assert relative_error(ridge_path(X, y, 0.0)[0], least) < 1e-12
    assert gradient_flow(X, y, 0.0) == pytest.approx(0.0)
