"""How the triangular system A w = y is conditioned: its smallest eigenvalue, and what that does not tell.

    A_ij = max(x_i - b_j, 0),    smallest eigenvalue min_i (x_i - b_i)    (Lemma 1 of Zhang et al.)

The lemma is true and does not bound the weights: A is not normal, and |w| <= |y| / sigma_min with the
smallest *singular* value. The estimate is inverse iteration with A^-1 and A^-T, each O(n) by running sums.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from kernelgen.arrays.points import FloatArray

STEPS = 12


def smallest_eigenvalue(x: FloatArray, knots: FloatArray) -> float:
    """min_i (x_i - b_i), the smallest number on the diagonal."""
    return float((x - knots).min())


def smallest_singular_value(x: FloatArray, knots: FloatArray, *, steps: int = STEPS, seed: int = 0) -> float:
    """Estimate of sigma_min(A) from `steps` inverse iterations with A^T A; at least the true one, up to rounding.

        v <- A^-1 A^-T v / |.|,    sigma_min <= |v| / |A^-T v|

    Parameters
    ----------
    x, knots : float64 arrays, shape (n,)
        Interleaved: b_1 < x_1 <= b_2 < x_2 ...

    Returns
    -------
    float
        0.0 where the inverse overflows float64.

    Notes
    -----
    About 20 n steps flops.
    """
    rng = np.random.default_rng(seed)
    v = rng.standard_normal(len(x))
    estimate = np.inf
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(steps):
            v /= np.linalg.norm(v)
            u = np.empty_like(v)
            _solve_transposed(x, knots, v, u)
            size = float(np.linalg.norm(u))
            if not np.isfinite(size):
                return 0.0
            estimate = min(estimate, 1.0 / size)
            _solve(x, knots, u / size, v)
            if not np.isfinite(np.linalg.norm(v)):
                return 0.0
    return estimate


@njit(cache=True)
def _solve(x, b, y, w):  # type: ignore[no-untyped-def]
    """w = A^-1 y: w_j = (y_j - sum_{i<j} w_i (x_j - b_i)) / (x_j - b_j)."""
    value, slope, at = 0.0, 0.0, b[0]
    for j in range(len(x)):
        value += slope * (x[j] - at)
        at = x[j]
        w[j] = (y[j] - value) / (x[j] - b[j])
        value += w[j] * (x[j] - b[j])
        slope += w[j]


@njit(cache=True)
def _solve_transposed(x, b, y, u):  # type: ignore[no-untyped-def]
    """u = A^-T y: u_j = (y_j - sum_{i>j} u_i (x_i - b_j)) / (x_j - b_j)."""
    moment, mass, at = 0.0, 0.0, b[-1]
    for j in range(len(x) - 1, -1, -1):
        moment += mass * (at - b[j])
        at = b[j]
        u[j] = (y[j] - moment) / (x[j] - b[j])
        moment += u[j] * (x[j] - b[j])
        mass += u[j]
