"""Early stopping and ridge, side by side: two filters of the same singular values."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from kernelgen.arrays.checks import check_points, check_positive, check_targets
from kernelgen.arrays.points import FloatArray
from kernelgen.errors import UsageError


def gradient_flow(X: Any, y: Any, times: Any) -> FloatArray:
    """Weights of gradient descent with vanishing steps from 0, stopped at each time t.

        w(t) = sum_i (1 - exp(-t s_i^2 / n)) / s_i  <u_i, y> v_i

    Parameters
    ----------
    X : array, shape (n, d)
    y : array, shape (n,)
    times : array, shape (k,), at least 0
        Step times number of steps, for the loss |X w - y|^2 / (2 n).

    Returns
    -------
    weights : float64 array, shape (k, d)

    References
    ----------
    A. Ali, J. Z. Kolter, R. J. Tibshirani, "A continuous-time view of early stopping for least squares regression",
    AISTATS 2019, equation (4) and theorem 1 (its risk is at most 1.69 times ridge's at ridge = 1 / t),
    arXiv:1810.10082.

    Examples
    --------
    >>> gradient_flow([[1.0]], [1.0], [0.0, np.log(2)]).round(6).ravel().tolist()
    [0.0, 0.5]
    """
    t = np.atleast_1d(np.asarray(times, dtype=np.float64))
    if not (np.isfinite(t) & (t >= 0)).all():
        raise UsageError("times must be finite and at least 0")
    U, s, V, y, n = _decompose(X, y)
    kept = -np.expm1(-t[:, None] * s**2 / n)
    found: FloatArray = (kept / s * (U.T @ y)) @ V
    return found


def gradient_descent(X: Any, y: Any, *, step: float, n_steps: int) -> FloatArray:
    """Weights of ``n_steps`` full-batch steps from 0, in closed form: 1 - (1 - step s_i^2 / n)^k for the filter."""
    step = check_positive(step, "step")
    U, s, V, y, n = _decompose(X, y)
    kept = 1.0 - (1.0 - step * s**2 / n) ** n_steps
    found: FloatArray = (kept / s * (U.T @ y)) @ V
    return found


def ridge_path(X: Any, y: Any, ridges: Any) -> FloatArray:
    """Ridge solutions for the loss |X w - y|^2 / (2 n) + ridge |w|^2 / 2, shape (k, d).

        w(lambda) = sum_i s_i / (s_i^2 + n lambda)  <u_i, y> v_i,    w(0) = X^+ y

    Examples
    --------
    >>> ridge_path([[1.0]], [1.0], [0.0, 1.0]).ravel().tolist()
    [1.0, 0.5]
    """
    penalties = np.atleast_1d(np.asarray(ridges, dtype=np.float64))
    if not (np.isfinite(penalties) & (penalties >= 0)).all():
        raise UsageError("ridges must be finite and at least 0")
    U, s, V, y, n = _decompose(X, y)
    found: FloatArray = (s / (s**2 + n * penalties[:, None]) * (U.T @ y)) @ V
    return found


def _decompose(X: Any, y: Any) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, int]:
    A: FloatArray = check_points(X).as_float64(slice(None))
    targets, _ = check_targets(y, len(A), name="y")
    if targets.shape[1] != 1:
        raise UsageError("paths are drawn for one column of targets")
    U, s, V = scipy.linalg.svd(A, full_matrices=False, check_finite=False)
    kept = s > max(A.shape) * np.finfo(np.float64).eps * s[0]
    return U[:, kept], s[kept], V[kept], targets[:, 0], len(A)
