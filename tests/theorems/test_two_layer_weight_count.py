"""Theorem 1: a two-layer ReLU network with 2n + d weights fits any labels on any n distinct points in d dimensions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernelgen.memorize.build import build_memorizer
from oracles import tolerance

CASES = {
    "labels": st.sampled_from(["signs", "classes", "real"]),
    "dtype": st.sampled_from(["float64", "float32", "uint8"]),
    "seed": st.integers(0, 2**32 - 1),
}


def draw(n: int, d: int, labels: str, dtype: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    if dtype == "uint8":
        X = np.unique(rng.integers(0, 256, (n, d), dtype=np.uint8), axis=0)
        rng.shuffle(X)
    else:
        X = rng.standard_normal((n, d)).astype(dtype)
        X = X[np.sort(np.unique(X, axis=0, return_index=True)[1])]
    n = len(X)
    y = {
        "signs": rng.choice([-1.0, 1.0], n),
        "classes": rng.integers(0, 10, n),
        "real": rng.standard_normal(n),
    }[labels]
    return X, y


@given(n=st.integers(2, 2000), d=st.integers(1, 3072), **CASES)
@settings(max_examples=25)
def test_every_label_is_fitted_by_exactly_2n_plus_d_weights(n, d, labels, dtype, seed) -> None:
    X, y = draw(n, d, labels, dtype, seed)
    n = len(X)
    result = build_memorizer(X, y, seed=seed)
    assert result.network.n_weights.tied == 2 * n + d == result.formula
    assert (result.network.depth, result.network.width) == (2, n)
    assert result.certificate.label_errors == 0
    if result.certificate.exact:
        assert result.certificate.max_residual == 0.0
    assert result.certificate.exact == (dtype == "uint8" or X.size <= 2**21)
    assert result.certificate.stored_residual <= 1e-6 * np.abs(y).max()


@given(n=st.integers(2, 300), d=st.integers(1, 50), **CASES)
@settings(max_examples=25)
def test_residual_is_zero_in_exact_arithmetic(n, d, labels, dtype, seed) -> None:
    X, y = draw(n, d, labels, dtype, seed)
    for knots in ("left", "midpoint"):
        certificate = build_memorizer(X, y, seed=seed, knots=knots).certificate
        assert (certificate.exact, certificate.max_residual, certificate.arithmetic) == (
            True,
            0.0,
            "rational",
        )


@given(n=st.integers(2, 400), d=st.integers(1, 100), **CASES)
@settings(max_examples=25)
def test_bisection_and_matrix_products_agree(n, d, labels, dtype, seed) -> None:
    X, y = draw(n, d, labels, dtype, seed)
    network = build_memorizer(X, y, seed=seed).network
    rng = np.random.default_rng(seed)
    new = rng.integers(0, 256, (50, d), dtype=np.uint8) if dtype == "uint8" else rng.standard_normal((50, d))
    for Z in (X, new):
        t = network.project(Z).astype(np.float64)
        reach = np.abs(t).max() + np.abs(network.hinges.knots).max()
        # sums of n products w_j (t - b_j), each off by eps |w_j| reach
        bound = tolerance("float64", norm=np.abs(network.hinges.weights).sum() * reach)
        assert np.abs(network(Z) - network.forward(Z)).max() <= bound


def test_the_dense_network_is_larger() -> None:
    """The count ties the first layer: an untied dense network stores n d + 2 n numbers."""
    X, y = draw(300, 20, "classes", "float64", 0)
    counts = build_memorizer(X, y).network.n_weights
    assert (counts.tied, counts.dense) == (2 * 300 + 20, 300 * 20 + 2 * 300)
    assert counts.nonzero <= counts.dense


@pytest.mark.parametrize("n_outputs", [2, 5])
def test_further_outputs_add_n_weights_each(n_outputs: int) -> None:
    X, _ = draw(200, 10, "real", "float64", 1)
    Y = np.random.default_rng(2).standard_normal((200, n_outputs))
    result = build_memorizer(X, Y)
    assert result.network.n_weights.tied == 10 + 200 + 200 * n_outputs == result.formula
    assert (result.certificate.label_errors, result.certificate.max_residual) == (0, 0.0)


def test_the_solution_is_that_of_the_triangular_system() -> None:
    """A w = y by dense forward substitution, A_ij = max(x_i - b_j, 0)."""
    import scipy.linalg

    X, y = draw(120, 8, "signs", "float64", 3)
    network = build_memorizer(X, y).network
    x = np.sort(network.project(X))
    A = np.maximum(x[:, None] - network.hinges.knots, 0.0)
    assert np.array_equal(A, np.tril(A))
    assert (np.diag(A) > 0).all()
    order = np.argsort(network.project(X))
    w = scipy.linalg.solve_triangular(A, y[order], lower=True)
    found = network.hinges.weights[:, 0]
    bound = tolerance("float64", cond=np.linalg.cond(A), norm=np.abs(w).max())
    assert np.abs(found - w).max() <= bound
