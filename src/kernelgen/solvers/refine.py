"""From a first solution to one whose true residual meets the tolerance, or an honest word that it does not."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kernelgen.arrays.points import FloatArray
from kernelgen.engines.base import Heartbeat
from kernelgen.solvers.conjgrad import Product, column_norms, conjugate_gradients

Multiply = Callable[[FloatArray, Heartbeat | None], FloatArray]


@dataclass(frozen=True, slots=True)
class Refined:
    """Coefficients, their product with a float64 K, and how the refinement ended."""

    alpha: FloatArray
    product: FloatArray
    iterations: int
    converged: bool
    indefinite: bool
    relative_residual: float  # largest over the columns


def refine(
    multiply: Multiply,
    precondition: Product,
    Y: FloatArray,
    *,
    start: FloatArray | None,
    tol: float,
    max_iterations: int,
    heartbeat: Heartbeat | None = None,
) -> Refined:
    """Solve K alpha = Y until |Y - K alpha| <= tol |Y| in every column, by the true residual.

    Conjugate gradients carry their residual by a recurrence that drifts from the true one. So the true residual is
    formed at the end of each descent; where it misses the tolerance, another descent solves for the correction, as
    long as the last one at least halved it.

    Parameters
    ----------
    multiply : callable
        (P, heartbeat) -> K P in float64, K regenerated.
    precondition : callable
        R -> M^-1 R with the factor.
    Y : float64 array, shape (n, c)
    start : float64 array, shape (n, c), or None
        A first solution; None means 0, which saves the product that would test it.
    tol, max_iterations
        Relative residual of each column, and products with K that may be spent on descents.
    """
    sizes = column_norms(Y)
    goal = tol * sizes
    pace = _Pace(heartbeat)
    alpha, product, residual = np.zeros_like(Y), None, Y
    if start is not None:
        alpha, product = start, multiply(start, pace.heartbeat)
        residual = Y - product
    iterations, indefinite = 0, False
    norms = column_norms(residual)
    while np.any(norms > goal) and iterations < max_iterations and not indefinite:
        pace.begin(norms, goal)
        descent = conjugate_gradients(
            lambda P: multiply(P, pace.heartbeat),
            precondition,
            residual,
            goal=0.5 * goal,
            max_iterations=max_iterations - iterations,
            on_iteration=pace.iteration,
        )
        iterations += descent.iterations
        indefinite = bool(descent.indefinite.any())
        candidate = alpha + descent.X
        candidate_product = multiply(candidate, pace.heartbeat)
        candidate_residual = Y - candidate_product
        candidate_norms = column_norms(candidate_residual)
        if product is not None and not _worst(candidate_norms, sizes) < _worst(norms, sizes):
            break
        halved = _worst(candidate_norms, sizes) <= 0.5 * _worst(norms, sizes)
        alpha, product, residual, norms = candidate, candidate_product, candidate_residual, candidate_norms
        if not halved:
            break
    if product is None:
        product = multiply(alpha, pace.heartbeat)
    converged = bool(np.all(norms <= goal))
    return Refined(alpha, product, iterations, converged, indefinite and not converged, _worst(norms, sizes))


def _worst(norms: FloatArray, sizes: FloatArray) -> float:
    return float(np.max(norms / np.where(sizes > 0, sizes, 1.0)))


class _Pace:
    """Share of a refinement that is done, from the speed at which the residual falls."""

    expected = 4.0  # three descents and the final product, until there is something to go by

    def __init__(self, heartbeat: Heartbeat | None):
        self.products = 0
        self.tell = heartbeat
        self.to_go = math.inf

    def begin(self, norms: FloatArray, goal: FloatArray) -> None:
        self.first = self._decades(norms, goal)
        self.goal = goal
        self.products_before = self.products

    def iteration(self, iterations: int, norms: FloatArray) -> None:
        self.products = self.products_before + iterations
        fallen = self.first - self._decades(norms, self.goal)
        if fallen > 0:
            self.expected = self.products_before + max(iterations, iterations * self.first / fallen) + 1

    def heartbeat(self, fraction: float) -> None:
        if self.tell is not None:
            self.tell(min(1.0, (self.products + fraction) / max(self.expected, self.products + 1)))

    @staticmethod
    def _decades(norms: FloatArray, goal: FloatArray) -> float:
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(norms > 0, norms / goal, 1.0)
        return float(np.max(np.log10(np.clip(ratio, 1.0, 1e300))))
