"""Lemma 1 holds and does not bound the weights: the smallest eigenvalue stays while midpoint-like knots blow up."""

from __future__ import annotations

import numpy as np
import pytest

from kernelgen.memorize.conditioning import smallest_eigenvalue, smallest_singular_value
from kernelgen.memorize.hinges import fit_hinges
from kernelgen.memorize.knots import place_knots


def equal_gaps(n: int, theta: float) -> tuple[np.ndarray, np.ndarray]:
    x = np.arange(n, dtype=float)
    return x, x - theta


def random_signs_weight(theta: float) -> float:
    x, b = equal_gaps(200, theta)
    y = np.random.default_rng(0).choice([-1.0, 1.0], (200, 1))
    return float(np.abs(fit_hinges(x, y, b).weights).max())


@pytest.mark.parametrize("theta", [1.0, 0.75, 0.5, 0.25])
def test_smallest_eigenvalue_is_the_smallest_reach(theta: float) -> None:
    x, b = equal_gaps(200, theta)
    A = np.maximum(x[:, None] - b, 0)
    assert smallest_eigenvalue(x, b) == pytest.approx(theta) == pytest.approx(np.diag(A).min())


def test_weights_do_not_follow_the_eigenvalue() -> None:
    assert random_signs_weight(1.0) <= 4.0 + 1e-9
    assert random_signs_weight(0.75) <= 8.0 + 1e-9
    assert 10 < random_signs_weight(0.5) < 1e4
    assert random_signs_weight(0.25) > 1e80  # ((1 - theta)/theta)^n = 3^200


@pytest.mark.parametrize("rule", ["left", "midpoint"])
@pytest.mark.parametrize("n", [2, 30, 250])
def test_singular_value_estimate_against_svd(rule: str, n: int) -> None:
    x = np.sort(np.random.default_rng(n).standard_normal(n))
    b = place_knots(x, rule)
    true = np.linalg.svd(np.maximum(x[:, None] - b, 0), compute_uv=False)[-1]
    estimate = smallest_singular_value(x, b)
    assert true * (1 - 1e-6) <= estimate <= 1.5 * true


def test_left_knots_bound_the_inverse_by_four_gaps() -> None:
    x, b = equal_gaps(500, 1.0)
    assert smallest_singular_value(x, b) >= 1 / 4


def test_an_inverse_that_overflows_is_zero() -> None:
    assert smallest_singular_value(*equal_gaps(5000, 0.1)) == 0.0
