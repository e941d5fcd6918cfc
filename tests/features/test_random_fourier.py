"""Products of random Fourier features are the Gaussian kernel, to within sampling error."""

from __future__ import annotations

import numpy as np
import pytest

from kernelgen.errors import UsageError
from kernelgen.features.random_fourier import RandomFourier
from oracles import naive_gram


@pytest.mark.parametrize("scale", [1.0, 1 / 16])
def test_products_are_the_kernel(scale: float) -> None:
    X = np.random.default_rng(0).standard_normal((12, 5)) / scale
    phi = RandomFourier(40_000, 5, 1.5, scale=scale, seed=3)
    K = naive_gram({"name": "gaussian", "bandwidth": 1.5}, X, scale=scale)
    assert np.abs(phi(X) @ phi(X).T - K).max() < 6 / np.sqrt(40_000)
    assert np.array_equal(phi(X), RandomFourier(40_000, 5, 1.5, scale=scale, seed=3)(X))
    assert RandomFourier(7, 5, 1.0, dtype="float32")(X).dtype == np.float32


def test_refusals() -> None:
    for choice in ({"bandwidth": 0.0}, {"bandwidth": 1.0, "scale": -1.0}):
        with pytest.raises(UsageError):
            RandomFourier(3, 2, **choice)
    with pytest.raises(UsageError, match="at least 1"):
        RandomFourier(0, 2, 1.0)
