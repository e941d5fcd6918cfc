"""The Hessian is the same matrix at every global minimum, of rank at most n < d: flatness cannot tell them apart."""

from __future__ import annotations

import numpy as np
import pytest

from kernelgen.errors import UsageError
from kernelgen.linear.hessian import hessian
from kernelgen.linear.sgd import sgd
from oracles import tolerance


def test_at_two_minima_far_apart() -> None:
    rng = np.random.default_rng(0)
    n, d = 8, 20
    X, y = rng.standard_normal((n, d)), np.sign(rng.standard_normal(n))
    minima = [sgd(X, y, start=start).weights for start in (np.zeros(d), 10 * rng.standard_normal(d))]
    assert np.linalg.norm(minima[0] - minima[1]) > 10
    for w in minima:
        assert np.abs(X @ w - y).max() < 1e-8
    for loss in ("square", "logistic"):
        one, two = (hessian(X, w, y, loss=loss) for w in minima)
        assert np.abs(one - two).max() <= 1e-8 * np.abs(one).max()
        assert np.linalg.matrix_rank(one, tol=1e-10) == n


@pytest.mark.parametrize("loss", ["square", "logistic"])
def test_it_is_the_second_derivative(loss: str) -> None:
    rng = np.random.default_rng(1)
    X, y, w = rng.standard_normal((6, 4)), np.sign(rng.standard_normal(6)), rng.standard_normal(4)

    def mean_loss(v: np.ndarray) -> float:
        f = X @ v
        return float(np.mean((f - y) ** 2 / 2 if loss == "square" else np.logaddexp(0, -y * f)))

    h, E = 1e-4, np.eye(4)
    numeric = [
        [
            (
                mean_loss(w + h * (a + b))
                - mean_loss(w + h * (a - b))
                - mean_loss(w - h * (a - b))
                + mean_loss(w - h * (a + b))
            )
            / (4 * h * h)
            for b in E
        ]
        for a in E
    ]
    assert (
        np.abs(hessian(X, w, y, loss=loss) - numeric).max()
        <= tolerance("float64", cond=1 / h**2, n=20) + h**2
    )


def test_refusals() -> None:
    with pytest.raises(UsageError, match="loss"):
        hessian(np.eye(2), [0.0, 0.0], [1.0, 1.0], loss="hinge")
    with pytest.raises(UsageError, match="shape"):
        hessian(np.eye(2), [0.0, 0.0], [1.0])
