"""factorize, solve and diag_inverse of every engine, against naive loops and dense linear algebra in float64."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernelgen.arrays.points import Points, center_of
from kernelgen.engines.base import TileFactor, storage_elements
from kernelgen.engines.choose import choose
from kernelgen.errors import UsageError
from kernelgen.kernels.base import Kernel
from kernelgen.kernels.custom import Custom
from kernelgen.kernels.gaussian import Gaussian
from kernelgen.kernels.laplacian import Laplacian
from kernelgen.kernels.polynomial import Polynomial
from oracles import dense_factor, naive_cholesky, raw_unit, relative_error, scattered, tolerance

KERNELS = [
    Gaussian(1.0),
    Laplacian(2.0),
    Polynomial(3, coef0=1.0, normalize=True),
    Custom(lambda q: 1 / (1 + q)),
]


def factorize(X: np.ndarray, kernel: Kernel, engine: str, **options) -> tuple[TileFactor, Points]:
    points = Points(X, raw_unit(X))
    points = center_of(points) if kernel.uses_distance else points
    defaults = {"dtype": np.dtype("float64"), "tile": 48, "threads": 2}
    return choose(engine).factorize(points, kernel, **{**defaults, **options}), points


def dense(points: Points, kernel: Kernel, ridge: float = 0.0) -> np.ndarray:
    K = choose("portable").gram(points, None, kernel, dtype=np.dtype("float64"), threads=1)
    return K + ridge * np.eye(points.n_samples)


def test_the_factor_is_that_of_the_textbook(engine: str) -> None:
    factor, points = factorize(scattered(60, 6, seed=1), Gaussian(1.0), engine)
    K = dense(points, Gaussian(1.0))
    L = naive_cholesky(K)
    assert factor.pivot_row == -1
    assert relative_error(dense_factor(factor), L) <= tolerance("float64", cond=np.linalg.cond(K), n=60)
    assert factor.min_pivot_row == int(np.argmin(np.diagonal(L)))
    assert factor.min_pivot == pytest.approx(
        np.diagonal(L).min() ** 2, rel=tolerance("float64", cond=np.linalg.cond(K))
    )


@settings(max_examples=60)
@given(
    n=st.integers(1, 150),
    d=st.integers(3, 9),
    c=st.integers(1, 19),
    tile=st.sampled_from([48, 96]),
    dtype=st.sampled_from(["float32", "float64"]),
    values=st.sampled_from(["uint8", "float32", "float64"]),
    kernel=st.sampled_from(KERNELS),
    ridge=st.sampled_from([0.0, 0.5]),
    threads=st.integers(1, 2),
    seed=st.integers(0, 2**32 - 1),
)
def test_l_lt_is_k_and_solve_inverts_it(
    engine: str, n: int, d: int, c: int, tile: int, dtype: str, values: str, kernel: Kernel, ridge: float,
    threads: int, seed: int,
) -> None:  # fmt: skip
    X = scattered(n, d, seed=seed, dtype=values)
    if len(np.unique(X, axis=0)) < n or not X.any(axis=1).all():
        return
    options = {"dtype": np.dtype(dtype), "tile": tile, "threads": threads, "ridge": ridge}
    factor, points = factorize(X, kernel, engine, **options)
    K = dense(points, kernel, ridge)
    cond = float(np.linalg.cond(K))
    if cond > 0.02 / np.finfo(dtype).eps / n:
        return  # numerically singular at this precision: whether a pivot fails is up to rounding
    assert factor.storage.shape == (storage_elements(n, tile),)
    assert factor.storage.dtype == dtype
    assert factor.pivot_row == -1
    L = dense_factor(factor)
    assert np.abs(L @ L.T - K).max() <= tolerance(dtype, norm=np.abs(K).max(), n=n + d, c=16)
    B = np.random.default_rng(seed).standard_normal((n, c)).astype(dtype)
    given = B.copy()
    found = choose(engine).solve(factor, B, threads=threads)
    assert np.array_equal(B, given)
    assert found.dtype == dtype
    assert found.shape == (n, c)
    assert relative_error(L @ (L.T @ found.astype(float)), B) <= tolerance(dtype, cond=cond, n=n)
    inverse = choose(engine).diag_inverse(factor, threads=threads)
    assert inverse.dtype == np.float64
    expected = np.diagonal(np.linalg.inv(L @ L.T))
    assert np.abs(inverse / expected - 1).max() <= tolerance(dtype, cond=cond, n=n)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("row", [0, 1, 47, 48, 100, 129])
def test_the_first_pivot_that_is_not_positive_is_named(engine: str, dtype: str, row: int) -> None:
    """<x, z> of rows that are unit vectors, except one that is zero: K = I with a zero on the diagonal."""
    X = np.eye(130)
    X[row] = 0.0
    factor, _ = factorize(X, Polynomial(1), engine, dtype=np.dtype(dtype))
    assert factor.pivot_row == row


def test_an_indefinite_matrix_has_its_pivot_named(engine: str) -> None:
    X = scattered(100, 3, seed=3)
    K = np.linalg.norm(X[:, None] - X, axis=2)  # distances: zero diagonal, indefinite
    factor, _ = factorize(X, Custom(lambda q: q, of="distance"), engine)
    assert K[0, 0] == 0
    assert factor.pivot_row == 0


def test_a_kernel_of_nan_has_no_positive_pivot(engine: str) -> None:
    factor, _ = factorize(scattered(60, 2, seed=4), Custom(lambda q: q * np.nan), engine)
    assert factor.pivot_row == 0


def test_threads_do_not_change_the_bits(engine: str) -> None:
    X = scattered(200, 5, seed=5, dtype="uint8")
    one, _ = factorize(X, Gaussian(1.0), engine, threads=1)
    two, _ = factorize(X, Gaussian(1.0), engine, threads=2)
    assert np.array_equal(dense_factor(one), dense_factor(two))


def test_a_read_only_storage_is_enough_to_solve(engine: str) -> None:
    factor, _ = factorize(scattered(60, 5, seed=6), Gaussian(1.0), engine)
    factor.storage.flags.writeable = False
    B = np.ones((60, 1))
    B.flags.writeable = False
    assert np.isfinite(choose(engine).solve(factor, B, threads=1)).all()
    assert np.isfinite(choose(engine).diag_inverse(factor, threads=1)).all()


@pytest.mark.parametrize("tile", [0, 1, 47, 50, -48])
def test_tiles_are_multiples_of_48(engine: str, tile: int) -> None:
    with pytest.raises(UsageError, match="multiple of 48"):
        factorize(scattered(5, 2, seed=7), Gaussian(1.0), engine, tile=tile)


def test_a_factor_of_another_layout_is_refused(engine: str) -> None:
    factor, _ = factorize(scattered(5, 2, seed=8), Gaussian(1.0), engine)
    factor.layout = "another"
    with pytest.raises(UsageError, match="layout 'another'"):
        choose(engine).solve(factor, np.ones((5, 1)), threads=1)
    with pytest.raises(UsageError, match="layout 'another'"):
        choose(engine).diag_inverse(factor, threads=1)
