"""Each kernel is its formula; parameters out of range are refused."""

from __future__ import annotations

import array_api_strict
import numpy as np
import pytest

from kernelgen.errors import DataError, UsageError
from kernelgen.kernels.base import Kernel
from kernelgen.kernels.custom import Custom
from kernelgen.kernels.gaussian import Gaussian
from kernelgen.kernels.laplacian import Laplacian
from kernelgen.kernels.linear import Linear
from kernelgen.kernels.polynomial import Polynomial
from oracles import naive_gram, scattered, tolerance

KERNELS = [
    Gaussian(1.5),
    Laplacian(2.0),
    Linear(),
    Polynomial(1),
    Polynomial(3, gamma=0.5, coef0=1.0),
    Polynomial(4, normalize=True),
    Polynomial(2, gamma=2.0, coef0=0.5, normalize=True),
]


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_gram_is_the_formula(kernel: Kernel, dtype: str, engine: str) -> None:
    X, Z = scattered(13, 5, seed=1, dtype=dtype), scattered(8, 5, seed=2, dtype=dtype)
    scale = 1 / 100 if dtype == "uint8" else 1.0
    for expected, K in (
        (naive_gram(kernel.describe(), X, scale=scale), kernel(X, scale=scale, engine=engine)),
        (naive_gram(kernel.describe(), X, Z, scale=scale), kernel(X, Z, scale=scale, engine=engine)),
    ):
        assert K.dtype == np.float64
        assert np.abs(K - expected).max() <= tolerance(
            "float64", norm=np.abs(expected).max(), n=X.shape[1], c=32
        )


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_gram_is_symmetric_with_an_exact_diagonal(kernel: Kernel, engine: str) -> None:
    K = kernel(scattered(700, 3, seed=3, scale=100.0), engine=engine)  # more than one block
    assert np.array_equal(K, K.T)
    if kernel.diagonal_value is not None:
        assert np.all(np.diagonal(K) == kernel.diagonal_value)


@pytest.mark.parametrize("of", ["squared_distance", "distance", "product"])
@pytest.mark.parametrize("dtype", ["uint8", "float64"])
def test_custom_reads_the_quantity_it_asks_for(of: str, dtype: str, engine: str) -> None:
    X = scattered(9, 4, seed=4, dtype=dtype).astype(float)
    expected = {
        "product": X @ X.T,
        "distance": np.linalg.norm(X[:, None] - X, axis=2),
        "squared_distance": ((X[:, None] - X) ** 2).sum(axis=2),
    }[of]
    K = Custom(lambda q: 2 * q + 1, of=of)(X.astype(dtype), engine=engine)  # type: ignore[arg-type]
    error = np.abs(K - (2 * expected + 1))
    # a distance is the root of a rounded square
    sharp = 1.0 if of != "distance" else 1e5
    assert error.max() <= sharp * tolerance("float64", norm=float((X**2).sum(axis=1).max()), n=4)


def test_distances_far_from_the_origin_do_not_cancel(engine: str) -> None:
    X = scattered(20, 3, seed=5)
    near, far = Gaussian(1.0)(X, engine=engine), Gaussian(1.0)(X + 2.0**20, engine=engine)
    rounding = 2.0**20 * np.finfo(float).eps  # what adding 2^20 does to the coordinates
    assert np.abs(near - far).max() <= 64 * rounding


def test_the_formula_runs_on_any_array_namespace() -> None:
    values = np.linspace(0.0, 3.0, 7)
    strict = array_api_strict.asarray(values)
    for kernel in KERNELS:
        found = kernel.evaluate(strict)
        assert found.__class__ is strict.__class__
        assert np.array_equal(np.asarray(found), kernel.evaluate(values))


@pytest.mark.parametrize(
    "kernel", [Gaussian(2.0), Laplacian(2.0), Polynomial(3, coef0=1.0), Linear()], ids=str
)
def test_the_dtype_of_a_tile_is_kept(kernel: Kernel) -> None:
    assert kernel.evaluate(np.ones((2, 2), dtype=np.float32)).dtype == np.float32


@pytest.mark.parametrize("bandwidth", [0, -1.0, np.nan, np.inf, "auto", None, True])
@pytest.mark.parametrize("kind", [Gaussian, Laplacian])
def test_bandwidth_must_be_positive(kind: type, bandwidth: object) -> None:
    with pytest.raises(UsageError, match="bandwidth"):
        kind(bandwidth)


@pytest.mark.parametrize(
    "arguments", [{"degree": 0}, {"degree": 1.5}, {"degree": 2, "gamma": 0}, {"degree": 2, "coef0": -1.0}]
)
def test_polynomials_that_are_not_kernels(arguments: dict) -> None:
    with pytest.raises(UsageError):
        Polynomial(**arguments)


def test_custom_functions_that_cannot_be_used(engine: str) -> None:
    with pytest.raises(UsageError, match="callable"):
        Custom(3)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="of must be one of"):
        Custom(np.exp, of="angle")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="shape"):
        Custom(lambda q: 1.0, of="product")(np.ones((2, 2)), engine=engine)


def test_rank_bounds_count_monomials() -> None:
    assert Gaussian(1.0).rank_bound(3) is None
    assert Linear().rank_bound(3) == 3
    assert Polynomial(2).rank_bound(3) == 6  # x^2 y^2 z^2 xy xz yz
    assert Polynomial(2, coef0=1.0).rank_bound(3) == 10
    rng = np.random.default_rng(6)
    for kernel in (
        Polynomial(2),
        Polynomial(3, coef0=0.5),
        Polynomial(2, normalize=True),
        Polynomial(2, coef0=0.5, normalize=True),
        Polynomial(3, coef0=2.0, normalize=True),
        Polynomial(1, coef0=2.0, normalize=True),
    ):
        K = kernel(rng.standard_normal((60, 3)), engine="portable")
        assert np.linalg.matrix_rank(K) == kernel.rank_bound(3)


def test_mixed_dtypes_and_wrong_widths(engine: str) -> None:
    X = scattered(5, 3, seed=7, dtype="uint8")
    K = Gaussian(100.0)(X, X[:2].astype(float), engine=engine)
    assert np.array_equal(K, Gaussian(100.0)(X, X[:2], engine=engine))
    with pytest.raises(DataError, match="features"):
        Gaussian(1.0)(X, X[:, :2], engine=engine)
