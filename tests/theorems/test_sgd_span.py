"""Every iterate of SGD from w_0 lies in w_0 + span{x_i}: any step, batch, momentum, order, decay."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kernelgen.linear.config import SGDConfig
from kernelgen.linear.sgd import sgd
from oracles import tolerance

configs = st.builds(
    SGDConfig,
    step=st.sampled_from(["kaczmarz", "1/L", "line-search", 1e-3, 1e-2]),
    batch=st.integers(1, 12),
    momentum=st.sampled_from([0.0, 0.3, 0.9]),
    replacement=st.booleans(),
    average=st.booleans(),
    epochs=st.just(5),
    tol=st.just(0.0),
    seed=st.integers(0, 2**32),
)


def outside(X: np.ndarray, w: np.ndarray) -> float:
    """|w - P w| / |w| by an orthonormal basis of the rows."""
    _, s, V = np.linalg.svd(X, full_matrices=False)
    V = V[s > 1e-10 * s[0]]
    return float(np.linalg.norm(w - V.T @ (V @ w)) / max(np.linalg.norm(w), 1e-300))


@settings(max_examples=60)
@given(config=configs, nesterov=st.booleans(), random_start=st.booleans(), data=st.integers(0, 2**32))
def test_at_every_epoch(config: SGDConfig, nesterov: bool, random_start: bool, data: int) -> None:
    rng = np.random.default_rng(data)
    n, d = int(rng.integers(1, 12)), int(rng.integers(13, 40))
    X, y = rng.standard_normal((n, d)), rng.standard_normal(n)
    start = rng.standard_normal(d) if random_start else np.zeros(d)
    if nesterov and config.momentum > 0:
        config = SGDConfig(**{**config.as_dict(), "nesterov": True})
    moved: list[np.ndarray] = []
    sgd(X, y, config, start=start, observe=lambda epoch: moved.append(epoch.weights[:, 0] - start))
    steps = 5 * n / config.batch + 5
    for w in moved[1:]:
        size = (np.linalg.norm(w) + np.linalg.norm(start)) / max(float(np.linalg.norm(w)), 1e-300)
        assert outside(X, w) <= tolerance("float64", n=int(steps), cond=size) + 1e-14


@settings(max_examples=20)
@given(data=st.integers(0, 2**32), decay=st.floats(1e-3, 1.0), batch=st.integers(1, 5))
def test_weight_decay_keeps_the_span_from_zero(data: int, decay: float, batch: int) -> None:
    rng = np.random.default_rng(data)
    X, y = rng.standard_normal((5, 30)), rng.standard_normal(5)
    run = sgd(X, y, SGDConfig(weight_decay=decay, batch=batch, epochs=5, seed=data, momentum=0.5))
    assert outside(X, run.weights) <= tolerance("float64", n=30)
