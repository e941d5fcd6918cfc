"""The proof of a solution, from a K regenerated in float64."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from kernelgen.arrays.points import AnyArray, FloatArray
from kernelgen.solvers.result import Certificate


def certify(
    alpha: AnyArray,
    Y: FloatArray,
    product: FloatArray,
    *,
    ridge: float,
    condition_estimate: float,
    min_pivot: float,
    min_pivot_row: int,
    factor_precision: str,
    n_merged_duplicates: int = 0,
    preconditioner_jitter: float = 0.0,
) -> Certificate:
    """Residuals and norms of alpha as a solution of (K + ridge I) alpha = Y.

    Parameters
    ----------
    alpha, Y, product : arrays, shape (n, c)
        The coefficients, the targets, and (K + ridge I) alpha from a float64 K.
    ridge, condition_estimate, min_pivot, min_pivot_row, factor_precision, n_merged_duplicates, preconditioner_jitter
        What is known of the system; see :class:`~kernelgen.solvers.result.Certificate`.
    """
    unit = float(np.max(np.abs(Y))) or 1.0  # squares of tiny or huge targets leave float64's range
    alpha, residual = alpha / unit, (Y - product) / unit
    size = float(np.linalg.norm(Y / unit)) or 1.0
    square = float(np.sum(alpha * (product / unit - ridge * alpha)))  # sum_c alpha_c^T K alpha_c
    return Certificate(
        max_residual=unit * float(np.max(np.abs(residual))),
        relative_residual=float(np.linalg.norm(residual)) / size,
        min_pivot=min_pivot,
        min_pivot_row=min_pivot_row,
        condition_estimate=condition_estimate,
        rkhs_norm=unit * math.sqrt(square) if square >= 0 else math.nan,
        n_merged_duplicates=n_merged_duplicates,
        preconditioner_jitter=preconditioner_jitter,
        factor_precision=factor_precision,
    )


def estimate_inverse_norm(
    solve: Callable[[FloatArray, int], FloatArray], n_samples: int, *, max_iterations: int = 5
) -> float:
    """Lower bound of |K^-1|_1, in practice within a factor of three, from at most 2 max_iterations + 1 solves.

    Hager's ascent of |K^-1 x|_1 over the unit ball, from x = (1, ..., 1) / n through unit vectors, and Higham's
    alternating vector against its blind spots; K is symmetric, so one solve serves both sides. ``solve`` is told how
    many solves came before.

    References
    ----------
    N. J. Higham, FORTRAN codes for estimating the one-norm, ACM TOMS 14 (1988), algorithm 4.1,
    doi:10.1145/50063.214386.
    """
    x = np.full((n_samples, 1), 1.0 / n_samples)
    best = 0.0
    done = 0
    for _ in range(max_iterations):
        y = solve(x, done)
        best = max(best, float(np.abs(y).sum()))
        z = solve(np.where(y >= 0, 1.0, -1.0), done + 1)
        done += 2
        peak = int(np.argmax(np.abs(z)))
        if not np.abs(z[peak, 0]) > float(np.sum(z * x)):
            break
        x = np.zeros((n_samples, 1))
        x[peak] = 1.0
    ramp = 1.0 + np.arange(n_samples) / max(1, n_samples - 1)
    alternating = np.where(np.arange(n_samples) % 2 == 0, ramp, -ramp)[:, None]
    return max(best, 2.0 * float(np.abs(solve(alternating, done)).sum()) / (3.0 * n_samples))
