"""SGD from w_0 lands on the projection of w_0 on {X w = y}: from 0, on the minimum-norm interpolant."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernelgen.kernels.linear import Linear
from kernelgen.linear.config import SGDConfig
from kernelgen.linear.min_norm import minimum_norm
from kernelgen.linear.sgd import Epoch, sgd
from kernelgen.linear.trace import Trace
from kernelgen.solvers.cholesky import factorize
from oracles import relative_error

choices = st.fixed_dictionaries(
    {
        "step": st.sampled_from(["kaczmarz", "1/L", "line-search"]),
        "batch": st.integers(1, 10),
        "momentum": st.sampled_from([0.0, 0.5]),
        "replacement": st.booleans(),
        "average": st.booleans(),
        "seed": st.integers(0, 2**32),
    }
)


@settings(max_examples=40)
@given(choice=choices, random_start=st.booleans(), data=st.integers(0, 2**32))
def test_from_any_start_with_any_choices(choice: dict, random_start: bool, data: int) -> None:
    rng = np.random.default_rng(data)
    n, d, c = 8, 60, 2
    X, Y = rng.standard_normal((n, d)), rng.standard_normal((n, c))
    S = rng.standard_normal((d, c)) if random_start else np.zeros((d, c))
    run = sgd(X, Y, SGDConfig(epochs=3000, tol=1e-11, **choice), start=S)
    assert run.status.value == "converged", run.message
    expected = S + np.linalg.pinv(X) @ (Y - X @ S)
    assert relative_error(run.weights, expected) <= 1e-8
    assert relative_error(minimum_norm(X, Y, start=S).weights, expected) <= 1e-12


def test_five_hundred_gaussian_rows_of_two_thousand() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((500, 2000)), rng.standard_normal(500)
    least = minimum_norm(X, y)
    trace = Trace(least, exact_span=True)
    run = sgd(X, y, SGDConfig(epochs=500, tol=1e-12), observe=trace)
    assert run.status.value == "converged"
    assert trace.points[-1].distance <= 1e-8
    assert max(point.span_distance for point in trace.points) <= 1e-13
    alpha = factorize(X, Linear(), precision="float64").solve(y).alpha  # the kernel's way to the same w
    assert relative_error(X.T @ alpha, least.weights) <= 1e-12


@pytest.mark.parametrize("choice", [{}, {"batch": 6, "step": "line-search"}], ids=str)
def test_each_step_comes_closer(choice: dict) -> None:
    """|w - w*| falls at every Kaczmarz or line-searched step: neither can diverge."""
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((12, 40)) * np.geomspace(1e-2, 1e2, 12)[:, None], rng.standard_normal(12)
    target = np.linalg.pinv(X) @ y
    distances: list[float] = []

    def observe(epoch: Epoch) -> None:
        distances.append(float(np.linalg.norm(epoch.weights[:, 0] - target)))

    sgd(X, y, SGDConfig(epochs=50, tol=0, **choice), observe=observe)
    assert all(b <= a * (1 + 1e-12) + 1e-13 * distances[0] for a, b in pairwise(distances))
    assert distances[-1] < (0.1 if not choice else 1.0) * distances[0]  # a batch follows its largest rows


def test_targets_out_of_reach() -> None:
    """Full-batch descent goes to the least-squares solution; Kaczmarz's average near that of normalized rows."""
    rng = np.random.default_rng(2)
    X = rng.standard_normal((40, 6))
    y = rng.standard_normal(40)
    found = minimum_norm(X, y)
    assert not found.interpolates
    whole = sgd(X, y, SGDConfig(step="1/L", batch=40, epochs=5000))
    assert whole.status.value == "max_epochs"
    assert relative_error(whole.weights, found.weights) <= 1e-10
    assert whole.relative_residual == pytest.approx(found.relative_residual, rel=1e-10)
    lengths = np.linalg.norm(X, axis=1)
    weighted = np.linalg.lstsq(X / lengths[:, None], y / lengths, rcond=None)[0]
    runs = [
        sgd(X, y, SGDConfig(average=True, replacement=True, epochs=20, seed=seed)).weights
        for seed in range(300)
    ]
    spread = np.std(runs, axis=0) / np.sqrt(300)
    assert (np.abs(np.mean(runs, axis=0) - weighted) <= 5 * spread).all()
