"""The direction that SGD on the logistic loss tends to: that of the largest margin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kernelgen.arrays.checks import check_points, check_targets
from kernelgen.arrays.points import FloatArray
from kernelgen.errors import DataError, NotConverged
from kernelgen.linear.compiled import compiled


@dataclass(frozen=True, slots=True, eq=False)
class MaxMargin:
    """w of least norm with y_i <w, x_i> >= 1 for all i.

    Parameters
    ----------
    weights : float64 array, shape (d,)
    margin : float
        1 / |w|: the distance of the nearest row from the plane <w, x> = 0.
    alpha : float64 array, shape (n,)
        Multipliers, at least 0; w = sum_i alpha_i y_i x_i.
    gap : float
        Relative duality gap: how far |w|^2 is at most above its least value.
    """

    weights: FloatArray
    margin: float
    alpha: FloatArray
    gap: float


def max_margin(X: Any, y: Any, *, tol: float = 1e-8, max_epochs: int = 20_000) -> MaxMargin:
    """Solve for the separating direction of largest margin, by dual coordinate ascent.

        max_alpha>=0  sum_i alpha_i - |sum_i alpha_i y_i x_i|^2 / 2

    Parameters
    ----------
    X : array, shape (n, d)
    y : array of -1 and 1, shape (n,)
    tol : float
        Relative duality gap to stop at.
    max_epochs : int

    Raises
    ------
    DataError
        Labels other than -1 and 1, or a row of zeros.
    NotConverged
        The gap stays above ``tol``: the data may not be separable by a plane through 0.

    Notes
    -----
    4 n d flops an epoch. w / min_i y_i <w, x_i> is feasible once that is positive; its norm and the dual value bracket
    the optimum.

    References
    ----------
    D. Soudry, E. Hoffer, M. S. Nacson, S. Gunasekar, N. Srebro, "The implicit bias of gradient descent on separable
    data", JMLR 19 (2018), theorem 3, arXiv:1710.10345. C.-J. Hsieh et al., ICML 2008, algorithm 1 (coordinate ascent).

    Examples
    --------
    >>> found = max_margin([[3.0, 0.0], [0.0, 4.0]], [1.0, 1.0])
    >>> round(found.margin, 6)
    2.4
    """
    A: FloatArray = check_points(X).as_float64(slice(None))
    targets, _ = check_targets(y, len(A), name="y")
    signs = targets[:, 0]
    if targets.shape[1] != 1 or not np.isin(signs, (-1.0, 1.0)).all():
        raise DataError("the margin is that of labels -1 and 1, in one column")
    squares = np.einsum("ij,ij->i", A, A)
    if not squares.all():
        raise DataError(f"row {int(np.argmin(squares))} is zero: no plane through 0 has it on one side")
    alpha, w = np.zeros(len(A)), np.zeros(A.shape[1])
    rng = np.random.default_rng(0)
    gap = np.inf
    for _ in range(max_epochs):
        ascend(A, signs, squares, rng.permutation(len(A)), alpha, w)
        least = float((signs * (A @ w)).min())
        dual = float(alpha.sum() - w @ w / 2)
        if least > 0:
            primal = float(w @ w) / (2 * least**2)
            gap = (primal - dual) / primal
            if gap <= tol:
                w = w / least
                return MaxMargin(w, 1.0 / float(np.linalg.norm(w)), alpha, gap)
    raise NotConverged(
        f"the duality gap is {gap:.2e} after {max_epochs} epochs, above {tol:.0e}: the data may not be separable by a "
        "plane through 0 (add a feature that is 1 for an offset), or need more epochs"
    )


@compiled
def ascend(X: Any, y: Any, squares: Any, order: Any, alpha: Any, w: Any) -> None:
    """alpha_i <- max(0, alpha_i + (1 - y_i <w, x_i>) / |x_i|^2) for each row, w kept equal to sum alpha_i y_i x_i."""
    for i in order:
        x = X[i]
        f = 0.0
        for p in range(w.shape[0]):
            f += w[p] * x[p]
        change = max(-alpha[i], (1.0 - y[i] * f) / squares[i])
        if change != 0:
            alpha[i] += change
            for p in range(w.shape[0]):
                w[p] += change * y[i] * x[p]
