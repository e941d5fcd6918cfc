"""Conjugate gradients: exact after n steps, columns apart, honest about indefinite matrices."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kernelgen.solvers.conjgrad import column_norms, conjugate_gradients
from oracles import relative_error, spd, tolerance


@settings(max_examples=40)
@given(
    n=st.integers(1, 40),
    c=st.integers(1, 6),
    seed=st.integers(0, 2**32 - 1),
    cond=st.sampled_from([1.0, 1e3]),
)
def test_solves_in_about_n_steps(n: int, c: int, seed: int, cond: float) -> None:
    rng = np.random.default_rng(seed)
    K, B = spd(n, cond, rng), rng.standard_normal((n, c))
    goal = 1e-11 * column_norms(B)
    descent = conjugate_gradients(
        lambda P: K @ P, lambda R: R.copy(), B, goal=goal, max_iterations=3 * n + 10
    )
    assert descent.converged.all()
    assert not descent.indefinite.any()
    assert np.all(
        column_norms(B - K @ descent.X) <= goal + tolerance("float64", cond=cond, norm=np.abs(B).max(), n=n)
    )


def test_an_exact_preconditioner_takes_one_step() -> None:
    rng = np.random.default_rng(1)
    K, B = spd(30, 1e4, rng), rng.standard_normal((30, 3))
    descent = conjugate_gradients(
        lambda P: K @ P, lambda R: np.linalg.solve(K, R), B, goal=1e-9 * column_norms(B), max_iterations=9
    )
    assert descent.iterations == 1
    assert relative_error(descent.X, np.linalg.solve(K, B)) <= tolerance("float64", cond=1e4, n=30)


def test_a_preconditioner_may_round() -> None:
    rng = np.random.default_rng(2)
    K, B = spd(60, 1e5, rng), rng.standard_normal((60, 2))
    inverse = np.linalg.inv(K).astype(np.float32)
    descent = conjugate_gradients(
        lambda P: K @ P,
        lambda R: (inverse @ R.astype(np.float32)).astype(float),
        B,
        goal=1e-10 * column_norms(B),
        max_iterations=20,
    )
    assert descent.converged.all()
    assert descent.iterations <= 8


def test_columns_are_frozen_once_they_converge() -> None:
    K = np.diag([1.0, 2.0, 3.0, 4.0])
    B = np.array([[1.0, 1.0, 0.0], [0, 1, 0], [0, 1, 0], [0, 1, 0]])
    widths: list[int] = []

    def multiply(P: np.ndarray) -> np.ndarray:
        widths.append(P.shape[1])
        return K @ P

    descent = conjugate_gradients(multiply, lambda R: R, B, goal=1e-12 * column_norms(B), max_iterations=10)
    assert widths == [
        2,
        1,
        1,
        1,
    ]  # a zero column never starts, an eigenvector takes one step, the last one four
    assert descent.converged.all()
    assert np.allclose(K @ descent.X, B, atol=1e-12)


def test_it_stops_at_its_limit_and_tells_each_step() -> None:
    rng = np.random.default_rng(3)
    K, B = spd(50, 1e8, rng), rng.standard_normal((50, 2))
    told: list[int] = []
    descent = conjugate_gradients(
        lambda P: K @ P,
        lambda R: R.copy(),
        B,
        goal=np.zeros(2),
        max_iterations=4,
        on_iteration=lambda k, norms: told.append(k),
    )
    assert told == [1, 2, 3, 4]
    assert descent.iterations == 4
    assert not descent.converged.any()


def test_negative_curvature_is_reported() -> None:
    K = np.diag([1.0, -1.0, 2.0])
    descent = conjugate_gradients(
        lambda P: K @ P,
        lambda R: R.copy(),
        np.array([[0.0, 1.0], [1, 0], [0, 0]]),
        goal=np.full(2, 1e-9),
        max_iterations=9,
    )
    assert descent.indefinite.tolist() == [True, False]
    assert descent.converged.tolist() == [False, True]
    assert np.isfinite(descent.X).all()
