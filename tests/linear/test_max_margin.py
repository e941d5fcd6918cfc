"""The largest margin: optimality conditions, and what is said where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from kernelgen.errors import DataError, NotConverged
from kernelgen.linear.max_margin import max_margin


def test_optimality() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((20, 40)), np.sign(rng.standard_normal(20))
    found = max_margin(X, y, tol=1e-10)
    slack = y * (X @ found.weights) - 1
    assert slack.min() >= -1e-12
    assert (found.alpha >= 0).all()
    assert np.abs(X.T @ (found.alpha * y) - found.weights).max() < 1e-8
    assert np.abs(found.alpha * slack).max() < 1e-6
    assert found.margin == pytest.approx(1 / np.linalg.norm(found.weights))


def test_refusals() -> None:
    with pytest.raises(NotConverged, match="separable"):
        max_margin(np.array([[1.0], [1.0]]), [1.0, -1.0], max_epochs=50)
    with pytest.raises(DataError, match="row 1 is zero"):
        max_margin(np.array([[1.0], [0.0]]), [1.0, -1.0])
    with pytest.raises(DataError, match="-1 and 1"):
        max_margin(np.eye(2), [0.0, 1.0])
