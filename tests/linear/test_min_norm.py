"""The reference: pseudoinverse oracles, the rank decision, what is said of targets that cannot be fitted."""

from __future__ import annotations

import numpy as np
import pytest

from kernelgen.errors import DataError
from kernelgen.linear.min_norm import minimum_norm
from oracles import relative_error, tolerance


def with_condition(n: int, d: int, cond: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    k = min(n, d)
    U, V = (np.linalg.qr(rng.standard_normal((size, k)))[0] for size in (n, d))
    return (U * np.geomspace(1.0, 1.0 / cond, k)) @ V.T


@pytest.mark.parametrize(("n", "d"), [(12, 30), (30, 12), (15, 15), (1, 7), (7, 1)])
@pytest.mark.parametrize("cond", [3.0, 1e3, 1e5])
def test_it_is_the_pseudoinverse(n: int, d: int, cond: float) -> None:
    X = with_condition(n, d, cond)
    Y = np.random.default_rng(1).standard_normal((n, 3))
    found = minimum_norm(X, Y)
    slack = tolerance("float64", cond=cond**2, n=max(n, d))
    assert relative_error(found.weights, np.linalg.pinv(X) @ Y) <= slack
    assert found.rank == min(n, d)
    assert found.interpolates == (n <= d)
    assert found.method == ("cholesky" if n <= d else "normal equations")
    assert found.norm == pytest.approx(np.linalg.norm(found.weights))
    misfit = np.linalg.norm(X @ found.weights - Y) / np.linalg.norm(Y)
    assert found.relative_residual == pytest.approx(misfit, rel=1e-6, abs=1e-14)
    if min(n, d) > 1:
        assert cond / 3 <= found.condition <= 10 * cond


@pytest.mark.parametrize(("n", "d"), [(12, 30), (30, 12)])
def test_rank_deficient_rows(n: int, d: int) -> None:
    rng = np.random.default_rng(2)
    X = rng.standard_normal((n, 5)) @ rng.standard_normal((5, d))
    reachable, any_targets = X @ rng.standard_normal(d), rng.standard_normal(n)
    fits, misses = minimum_norm(X, reachable), minimum_norm(X, any_targets)
    assert fits.method == misses.method == "svd"
    assert fits.rank == misses.rank == 5
    assert "rank 5 of at most 12" in fits.rank_rule
    assert fits.interpolates
    assert not misses.interpolates
    for found, y in ((fits, reachable), (misses, any_targets)):
        assert relative_error(found.weights, np.linalg.pinv(X) @ y) < 1e-10
    expected = np.linalg.norm(X @ np.linalg.pinv(X) @ any_targets - any_targets) / np.linalg.norm(any_targets)
    assert misses.relative_residual == pytest.approx(expected, rel=1e-10)
    assert f"{expected:.3e}" in misses.message
    assert "converges to the least-squares solution" in misses.message


def test_nearly_dependent_rows_go_to_the_singular_values() -> None:
    X = with_condition(10, 20, 1e8)
    found = minimum_norm(X, np.ones(10))
    assert found.method == "svd"
    assert found.rank == 10


def test_repeated_rows() -> None:
    X = np.random.default_rng(3).standard_normal((6, 15))
    X = np.vstack([X, X[2]])
    y = np.arange(7.0)
    y[6] = y[2]
    assert minimum_norm(X, y).rank == 6
    assert minimum_norm(X, y).interpolates
    y[6] = 100.0
    assert not minimum_norm(X, y).interpolates


def test_rows_of_zeros_are_fitted_only_by_zero() -> None:
    X = np.random.default_rng(3).standard_normal((6, 15))
    X[3] = 0.0
    y = np.arange(6.0)
    assert not minimum_norm(X, y).interpolates
    y[3] = 0.0
    found = minimum_norm(X, y)
    assert found.interpolates
    assert found.rank == 5
    assert relative_error(found.weights, np.linalg.pinv(X) @ y) < 1e-12
    nothing = minimum_norm(np.zeros((3, 4)), np.zeros(3))
    assert nothing.rank == 0
    assert nothing.interpolates


@pytest.mark.parametrize(("n", "d"), [(10, 25), (25, 10)])
def test_from_a_start_it_is_the_nearest_solution(n: int, d: int) -> None:
    rng = np.random.default_rng(4)
    X, Y, S = rng.standard_normal((n, d)), rng.standard_normal((n, 2)), rng.standard_normal((d, 2))
    found = minimum_norm(X, Y, start=S)
    P = np.linalg.pinv(X)
    assert relative_error(found.weights, S + P @ (Y - X @ S)) < 1e-12


@pytest.mark.parametrize(("n", "d"), [(10, 25), (25, 10), (10, 10)])
@pytest.mark.parametrize("rank", [None, 4])
def test_projection_onto_the_span(n: int, d: int, rank: int | None) -> None:
    rng = np.random.default_rng(5)
    X = (
        rng.standard_normal((n, d))
        if rank is None
        else rng.standard_normal((n, rank)) @ rng.standard_normal((rank, d))
    )
    space = minimum_norm(X, np.zeros(n)).row_space
    W = rng.standard_normal((d, 3))
    assert np.abs(space.project(W) - np.linalg.pinv(X) @ (X @ W)).max() < 1e-12
    inside = X.T @ rng.standard_normal(n)
    assert space.distance(inside) < 1e-14 * np.sqrt(d)
    assert space.distance(np.zeros(d)) == 0.0


def test_bad_input() -> None:
    for X, y in ((np.full((2, 2), np.nan), [1.0, 2.0]), (np.eye(2), [1.0]), (np.eye(2), [1.0, np.nan])):
        with pytest.raises(DataError):
            minimum_norm(X, y)
