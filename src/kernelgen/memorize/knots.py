"""Where the hinges go: b_1 < x_1 <= b_2 < x_2 <= ... <= b_n < x_n, by rule or by hand.

Any such knots make the triangular system of Theorem 1 regular, with smallest eigenvalue min_i (x_i - b_i)
(Lemma 1). That number says nothing about the weights: the matrix is not normal. With equal gaps h and b_i =
x_i - theta h, theta = 1 ("left": a knot at the point before) bounds the inverse by 4/h; theta = 1/2
("midpoint") is the edge of stability, and below it weights grow like ((1 - theta)/theta)^n while the smallest
eigenvalue stays theta h.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kernelgen.arrays.points import FloatArray
from kernelgen.errors import UsageError

RULES = ("left", "midpoint")


def place_knots(x: FloatArray, rule: str | Any = "left") -> FloatArray:
    """Knots for ascending points x.

    Parameters
    ----------
    x : float64 array, shape (n,), strictly ascending
    rule : {"left", "midpoint"} or array of shape (n,)
        "left" puts b_{i+1} at x_i; "midpoint" half way. The first knot lies one mean gap before x_1.

    Raises
    ------
    UsageError
        No such rule, or knots that do not interleave with the points (the first that fails is named).

    Examples
    --------
    >>> import numpy as np
    >>> place_knots(np.array([0.0, 1.0, 4.0]), "midpoint").tolist()
    [-2.0, 0.5, 2.5]
    """
    if not isinstance(rule, str):
        return check_interleaved(np.asarray(rule), x)
    if rule not in RULES:
        raise UsageError(f"knots must be one of {', '.join(RULES)} or an array of shape (n,); got {rule!r}")
    knots = np.empty_like(x)
    knots[0] = first_knot(x)
    knots[1:] = x[:-1] if rule == "left" else x[:-1] + (x[1:] - x[:-1]) / 2
    knots[1:] = np.where(knots[1:] < x[1:], knots[1:], x[:-1])  # neighbours in float64 have no midpoint
    return knots


def first_knot(x: FloatArray) -> float:
    """One mean gap before the first point; 1 before a single one."""
    gap = (x[-1] - x[0]) / (len(x) - 1) if len(x) > 1 else 1.0
    return float(min(x[0] - gap, np.nextafter(x[0], -np.inf)))


def check_interleaved(knots: Any, x: FloatArray) -> FloatArray:
    """The knots as float64, if each lies after the point before it (or on it) and before its own point."""
    if knots.shape != x.shape or knots.dtype.kind not in "iuf":
        raise UsageError(f"knots must be {len(x)} numbers, one a distinct point; got shape {knots.shape}")
    knots = knots.astype(np.float64)
    good = knots < x  # nan compares false
    good[1:] &= knots[1:] >= x[:-1]
    if not good.all():
        i = int(np.argmin(good))
        before = x[i - 1] if i else -np.inf
        raise UsageError(
            f"knot {i} is {knots[i]:.17g}, but must be at least {before:.17g} and below {x[i]:.17g}: at or after the "
            "projection before its own, and before its own"
        )
    if not np.isfinite(knots[0]):
        raise UsageError(f"knot 0 is {knots[0]!r}, not a finite number")
    return np.asarray(knots)
