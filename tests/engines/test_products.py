"""multiply, cross_multiply and gram of every engine."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernelgen.arrays.points import Points, center_of
from kernelgen.engines.choose import choose
from kernelgen.kernels.base import Kernel
from kernelgen.kernels.gaussian import Gaussian
from kernelgen.kernels.laplacian import Laplacian
from kernelgen.kernels.linear import Linear
from kernelgen.kernels.polynomial import Polynomial
from oracles import naive_gram, raw_unit, scattered, tolerance

KERNELS = [Gaussian(1.0), Laplacian(2.0), Polynomial(2, coef0=1.0), Polynomial(3, normalize=True), Linear()]


def points_of(X: np.ndarray, kernel: Kernel) -> Points:
    points = Points(X, raw_unit(X))
    return center_of(points) if kernel.uses_distance else points


@settings(max_examples=25)
@given(
    n=st.integers(1, 70),
    m=st.integers(1, 40),
    d=st.integers(1, 20),
    c=st.integers(1, 12),
    values=st.sampled_from(["uint8", "float32", "float64"]),
    kernel=st.sampled_from(KERNELS),
    ridge=st.sampled_from([0.0, 2.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_products_with_a_regenerated_k(
    engine: str, n: int, m: int, d: int, c: int, values: str, kernel: Kernel, ridge: float, seed: int
) -> None:
    module = choose(engine)
    X, Z = scattered(n, d, seed=seed, dtype=values), scattered(m, d, seed=seed + 1, dtype=values)
    if not (X.any(axis=1).all() and Z.any(axis=1).all()):
        return
    train = points_of(X, kernel)
    test = Points(Z, train.scale, train.center)
    P = np.random.default_rng(seed).standard_normal((n, c))
    K = naive_gram(kernel.describe(), X, scale=train.scale) + ridge * np.eye(n)
    across = naive_gram(kernel.describe(), Z, X, scale=train.scale)
    # the root turns an error e of a squared distance near 0 into sqrt(e)
    sharp = 1.0 if kernel.name != "laplacian" else 1e4
    largest = max(1.0, float(np.abs(K).max()), float(np.abs(across).max()))
    bound = sharp * tolerance("float64", norm=largest * float(np.abs(P).max()), n=n + d, c=32)
    product, sums = module.multiply(train, kernel, P, ridge=ridge, threads=2)
    assert np.abs(product - K @ P).max() <= bound
    assert np.abs(sums - np.abs(K).sum(axis=1)).max() <= bound + sharp * tolerance(
        "float64", norm=largest, n=n * d, c=32
    )
    found = module.cross_multiply(test, train, kernel, P, threads=2)
    assert found.dtype == np.float64
    assert np.abs(found - across @ P).max() <= bound
    single = module.cross_multiply(test, train, kernel, P.astype(np.float32), threads=2)
    assert single.dtype == np.float32
    scale = tolerance("float32", norm=largest * float(np.abs(P).max()), n=n + d, c=32)
    assert np.abs(single - across @ P).max() <= scale * (1.0 if kernel.name != "laplacian" else 100)
    dense = module.gram(test, train, kernel, dtype=np.dtype("float32"), threads=2)
    assert dense.dtype == np.float32
    assert dense.shape == (m, n)


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
@pytest.mark.parametrize("values", ["uint8", "float64"])
def test_more_than_one_block(engine: str, kernel: Kernel, values: str) -> None:
    X = scattered(1100, 4, seed=1, dtype=values)
    X = X[X.any(axis=1)]
    train = points_of(X, kernel)
    P = np.random.default_rng(2).standard_normal((len(X), 3))
    module = choose(engine)
    K = choose("portable").gram(train, None, kernel, dtype=np.dtype("float64"), threads=2)
    product, sums = module.multiply(train, kernel, P, ridge=0.5, threads=2)
    bound = tolerance("float64", norm=np.abs(K).max() * np.abs(P).max(), n=len(X)) * (
        1.0 if kernel.name != "laplacian" else 1e4
    )
    assert np.abs(product - (K @ P + 0.5 * P)).max() <= bound
    assert np.abs(sums - (np.abs(K).sum(axis=1) + 0.5)).max() <= bound
    own = module.cross_multiply(train, train, kernel, P, threads=2)
    assert np.abs(own - K @ P).max() <= bound


def test_bytes_and_their_float64_copy_have_the_same_distances(engine: str) -> None:
    X = scattered(50, 784, seed=3, dtype="uint8")
    P = np.eye(50)
    module = choose(engine)
    exact, _ = module.multiply(Points(X, 1 / 255), Gaussian(5.0), P, threads=1)
    widened, _ = module.multiply(Points(X.astype(float), 1 / 255), Gaussian(5.0), P, threads=1)
    assert np.abs(exact - widened).max() <= tolerance("float64", n=16)


def test_threads_do_not_change_the_bits(engine: str) -> None:
    points = Points(scattered(600, 7, seed=4), 1.0)
    P = np.random.default_rng(5).standard_normal((600, 2))
    one, two = (choose(engine).multiply(points, Gaussian(2.0), P, threads=t)[0] for t in (1, 2))
    assert np.array_equal(one, two)
