"""Preconditioned conjugate gradients in float64, for many right-hand sides side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kernelgen.arrays.points import FloatArray

Product = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, slots=True)
class Descent:
    """Where conjugate gradients ended.

    Parameters
    ----------
    X : float64 array, shape (n, c)
        K X is close to B.
    residual_norms : float64 array, shape (c,)
        Of the residuals the recurrence carries; the true ones can differ by rounding.
    iterations : int
    converged : bool array, shape (c,)
    indefinite : bool array, shape (c,)
        A direction p with p^T K p <= 0 was met: K is not positive definite in float64.
    """

    X: FloatArray
    residual_norms: FloatArray
    iterations: int
    converged: NDArray[np.bool_]
    indefinite: NDArray[np.bool_]


def conjugate_gradients(
    multiply: Product,
    precondition: Product,
    B: FloatArray,
    *,
    goal: FloatArray,
    max_iterations: int,
    on_iteration: Callable[[int, FloatArray], None] | None = None,
) -> Descent:
    """Solve K X = B to |B - K X| <= goal, column by column, from X = 0.

        step = <p, r> / <p, K p>,   x += step p,   r -= step K p
        beta = -<z, K p> / <p, K p>,   p = z + beta p,   with z = M^-1 r

    Each column has its own scalars; a column that has converged is frozen and no longer multiplied.

    Parameters
    ----------
    multiply : callable
        P (n, k) -> K P, float64.
    precondition : callable
        R (n, k) -> M^-1 R. It may round: beta makes p conjugate to the last direction whatever M^-1 did, as in
        flexible conjugate gradients.
    B : float64 array, shape (n, c)
    goal : float64 array, shape (c,)
        Absolute norms at which columns stop.
    max_iterations : int
    on_iteration : callable
        Told the iterations done and all residual norms.

    References
    ----------
    Y. Notay, Flexible conjugate gradients, SIAM J. Sci. Comput. 22 (2000), doi:10.1137/S1064827599362314.
    """
    X = np.zeros_like(B)
    R = B.copy()
    norms = column_norms(R)
    indefinite = np.zeros(len(norms), dtype=bool)
    active = np.flatnonzero(norms > goal)
    P = KP = np.empty((len(B), 0))
    curvature = np.empty(0)
    iterations = 0
    while active.size and iterations < max_iterations:
        Z = precondition(R[:, active])
        P = Z if iterations == 0 else Z - P * (column_dots(Z, KP) / curvature)
        KP = multiply(P)
        curvature = column_dots(P, KP)
        flat = ~(curvature > 0)
        step = column_dots(P, R[:, active]) / np.where(flat, np.inf, curvature)
        X[:, active] += step * P
        R[:, active] -= step * KP
        norms[active] = column_norms(R[:, active])
        indefinite[active] |= flat
        iterations += 1
        if on_iteration is not None:
            on_iteration(iterations, norms)
        keep = (norms[active] > goal[active]) & ~flat
        active, P, KP, curvature = active[keep], P[:, keep], KP[:, keep], curvature[keep]
    return Descent(X, norms, iterations, norms <= goal, indefinite)


def column_norms(R: FloatArray) -> FloatArray:
    """Euclidean norm of each column."""
    norms: FloatArray = np.linalg.norm(R, axis=0)
    return norms


def column_dots(A: FloatArray, B: FloatArray) -> FloatArray:
    """Inner product of each pair of columns."""
    dots: FloatArray = np.einsum("ij,ij->j", A, B)
    return dots
