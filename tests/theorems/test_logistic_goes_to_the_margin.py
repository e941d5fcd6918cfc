"""On separable data the logistic loss has no minimum: |w| grows, and its direction tends to the largest margin's."""

from __future__ import annotations

import numpy as np

from kernelgen.linear.config import SGDConfig
from kernelgen.linear.max_margin import max_margin
from kernelgen.linear.min_norm import minimum_norm
from kernelgen.linear.sgd import sgd


def test_norm_and_direction() -> None:
    rng = np.random.default_rng(3)
    X, y = rng.standard_normal((6, 10)), np.sign(rng.standard_normal(6))
    target = max_margin(X, y)
    direction = target.weights / np.linalg.norm(target.weights)
    norms, angles, margins, run = [], [], [], None
    for epochs in (30, 300, 3000, 30_000):
        done = 0 if run is None else run.epochs
        run = sgd(X, y, SGDConfig(loss="logistic", step=0.5, batch=6, epochs=epochs - done), start=run)
        size = np.linalg.norm(run.weights)
        norms.append(size)
        angles.append(float(np.linalg.norm(run.weights / size - direction)))
        margins.append(float((y * (X @ run.weights)).min() / size))
    assert norms == sorted(norms)
    assert norms[-1] > norms[0] + 0.9 * np.log(1000) * np.linalg.norm(target.weights) * 0.5
    assert angles == sorted(angles, reverse=True)
    assert angles[-1] < 0.1
    assert 0.95 * target.margin < margins[-1] <= target.margin * (1 + 1e-9)
    interpolant = minimum_norm(X, y).weights  # where the square loss goes: another direction
    assert np.linalg.norm(interpolant / np.linalg.norm(interpolant) - direction) > 1e-2
