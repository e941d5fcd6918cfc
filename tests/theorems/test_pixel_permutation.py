"""One fixed permutation of the pixels leaves distances and products, hence K and all that follows, unchanged."""

from __future__ import annotations

import numpy as np
import pytest

from kernelgen.kernels.base import Kernel
from kernelgen.kernels.gaussian import Gaussian
from kernelgen.kernels.laplacian import Laplacian
from kernelgen.kernels.polynomial import Polynomial
from kernelgen.solvers.cholesky import factorize
from oracles import scattered, tolerance


@pytest.mark.parametrize("kernel", [Gaussian(2.0), Laplacian(2.0), Polynomial(2, coef0=1.0)], ids=str)
def test_bytes_give_the_same_bits(engine: str, kernel: Kernel) -> None:
    """Sums of products of bytes are exact in any order."""
    X = scattered(60, 50, seed=1, dtype="uint8")
    order = np.random.default_rng(2).permutation(50)
    assert np.array_equal(
        kernel(X, scale=1 / 255, engine=engine), kernel(X[:, order], scale=1 / 255, engine=engine)
    )
    Y = np.random.default_rng(3).standard_normal((60, 2))
    plain, permuted = (
        factorize(points, kernel, scale=1 / 255, precision="mixed", engine=engine).solve(Y)
        for points in (X, np.ascontiguousarray(X[:, order]))
    )
    assert np.array_equal(plain.alpha, permuted.alpha)
    assert plain.certificate == permuted.certificate


def test_floats_agree_to_rounding(engine: str) -> None:
    X = scattered(60, 50, seed=4)
    order = np.random.default_rng(5).permutation(50)
    K, permuted = (Gaussian(5.0)(points, engine=engine) for points in (X, X[:, order]))
    assert np.abs(K - permuted).max() <= tolerance("float64", norm=float((X**2).sum(axis=1).max()) / 25, n=50)


def test_a_permutation_for_each_image_does_change_k(engine: str) -> None:
    X = scattered(10, 50, seed=6, dtype="uint8")
    own = np.stack([np.random.default_rng(i).permutation(row) for i, row in enumerate(X)])
    assert not np.array_equal(
        Gaussian(2.0)(X, scale=1 / 255, engine=engine), Gaussian(2.0)(own, scale=1 / 255, engine=engine)
    )
