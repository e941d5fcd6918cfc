"""Refinement believes the true residual only, and keeps the best it found."""

from __future__ import annotations

import numpy as np

from kernelgen.solvers.refine import refine
from oracles import spd


def system(cond: float, error: float, seed: int = 1):
    rng = np.random.default_rng(seed)
    K = spd(50, cond, rng)
    M = K + error * spd(50, 1.0, rng)
    Y = rng.standard_normal((50, 2))
    return K, (lambda P, beat: K @ P), (lambda R: np.linalg.solve(M, R)), Y


def test_from_nothing_and_from_a_start() -> None:
    K, multiply, precondition, Y = system(1e4, 1e-6)
    for start in (None, precondition(Y)):
        refined = refine(multiply, precondition, Y, start=start, tol=1e-10, max_iterations=30)
        assert refined.converged
        assert refined.relative_residual <= 1e-10
        assert np.array_equal(refined.product, K @ refined.alpha)


def test_a_good_start_costs_no_iteration() -> None:
    K, multiply, precondition, Y = system(10.0, 0.0)
    refined = refine(multiply, precondition, Y, start=np.linalg.solve(K, Y), tol=1e-10, max_iterations=30)
    assert refined.iterations == 0
    assert refined.converged


def test_zero_targets_need_nothing() -> None:
    _, multiply, precondition, Y = system(10.0, 0.0)
    refined = refine(multiply, precondition, 0 * Y, start=None, tol=1e-10, max_iterations=30)
    assert refined.converged
    assert not refined.alpha.any()
    assert not refined.product.any()


def test_a_drifting_recurrence_is_caught_and_corrected() -> None:
    """A product that is wrong in its ninth digit while it descends: only the true residual tells."""
    K, _, precondition, Y = system(1e2, 1e-3)
    calls = []

    def multiply(P, beat):
        calls.append(P.shape)
        wrong = 1e-9 if len(calls) == 1 else 0.0
        return K @ P * (1 + wrong)

    refined = refine(multiply, precondition, Y, start=None, tol=1e-11, max_iterations=50)
    assert refined.converged
    assert np.linalg.norm(Y - K @ refined.alpha) <= 1e-11 * np.linalg.norm(Y) * 1.5


def test_stagnation_ends_it() -> None:
    _, multiply, precondition, Y = system(1e6, 1e-8)
    refined = refine(multiply, precondition, Y, start=None, tol=1e-25, max_iterations=10_000)
    assert not refined.converged
    assert not refined.indefinite
    assert refined.iterations < 500


def test_a_correction_that_makes_it_worse_is_dropped() -> None:
    K, _, precondition, Y = system(10.0, 0.0)
    start = np.linalg.solve(K, Y) + 1e-6
    exact = True

    def multiply(P, beat):
        nonlocal exact
        result = K @ P if exact else 1e-3 * (K @ P)
        exact = not exact
        return result

    refined = refine(multiply, precondition, Y, start=start, tol=1e-12, max_iterations=1)
    assert np.array_equal(refined.alpha, start)
    assert not refined.converged


def test_an_indefinite_matrix_is_reported() -> None:
    K = np.diag([1.0, -1e-3, 2.0])
    refined = refine(
        lambda P, beat: K @ P, lambda R: R.copy(), np.ones((3, 1)), start=None, tol=1e-10, max_iterations=30
    )
    assert refined.indefinite
    assert not refined.converged


def test_progress_rises_to_one() -> None:
    _, _, precondition, Y = system(1e4, 1e-4)
    K = system(1e4, 1e-4)[0]
    seen: list[float] = []

    def multiply(P, beat):
        for fraction in (0.0, 0.5, 1.0):
            beat(fraction)
        return K @ P

    refine(multiply, precondition, Y, start=None, tol=1e-10, max_iterations=30, heartbeat=seen.append)
    assert all(0 <= fraction <= 1 for fraction in seen)
    assert seen[-1] > 0.5
