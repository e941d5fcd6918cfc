"""A function of one variable as a sum of hinges: fitted in O(n), evaluated in O(log n), both in double-double.

    f(t) = start + sum_j w_j max(t - knot_j, 0)

This is what every network of this package computes along its direction, t = <a, z>. A hinge serves the point
at which its weight makes f right, or (target -1) it *closes*: its weight brings the slope back to 0.

The fit is forward substitution of the triangular system A w = y of Zhang et al. (Lemma 1) with two running
numbers, value and slope, in place of the row sums, so O(n) in all. They are kept in double-double *of the
weights as rounded to float64*: each weight corrects what rounding did to those before it, and errors do not
add up along the line.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from kernelgen.arrays.points import FloatArray
from kernelgen.memorize.double_double import add, multiply, two_sum

CLOSES = -1
FEW = 20_000  # points that one thread evaluates in the time a busy machine may take to wake a second one, some ms


@dataclass(frozen=True, eq=False)
class Hinges:
    """Knots in order, and weights.

    Parameters
    ----------
    knots, knots_low : float64 arrays, shape (m,)
        Ascending; a knot is the exact sum of the two.
    weights : float64 array, shape (m, c)
    start : float64 array, shape (c,)
        Value left of the first knot.
    """

    knots: FloatArray
    knots_low: FloatArray
    weights: FloatArray
    start: FloatArray

    @cached_property
    def segments(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Value at each knot and slope after it, as double-doubles: four arrays of shape (m, c)."""
        shape = self.weights.shape
        segments = np.empty(shape), np.empty(shape), np.empty(shape), np.empty(shape)
        _accumulate(self.knots, self.knots_low, self.weights, self.start, *segments)
        return segments

    @property
    def lipschitz(self) -> float:
        """Largest |slope|: the Lipschitz constant along the line."""
        return float(np.abs(self.segments[2]).max(initial=0.0))

    def __call__(self, t: FloatArray) -> FloatArray:
        """Value at each t, shape (m, c): bisection, then one multiply-add from the knot before t.

        Notes
        -----
        O(log n) a point. Distances are taken from the nearest knot to the left, so nothing large cancels.
        """
        t = np.ascontiguousarray(t, dtype=np.float64)
        out = np.empty((len(t), self.weights.shape[1]))
        value, _, slope, _ = self.segments
        evaluate = _evaluate_few if len(t) < FEW else _evaluate_many
        evaluate(t, self.knots, self.knots_low, value, slope, self.start, out)
        return out

    def residual(self, t: FloatArray, t_low: FloatArray, Y: FloatArray) -> FloatArray:
        """f(t + t_low) - Y with everything in double-double, rounded once at the end; shape (m, c)."""
        out = np.empty(Y.shape)
        _residual(t, t_low, Y, self.knots, self.knots_low, *self.segments, self.start, out)
        return out


def fit_hinges(
    x: FloatArray,
    Y: FloatArray,
    knots: FloatArray,
    *,
    knots_low: FloatArray | None = None,
    targets: NDArray[np.int64] | None = None,
    start: FloatArray | None = None,
) -> Hinges:
    """Weights with which the sum of hinges takes the value Y[i] at x[i].

        w_j = (y_i - f_{j-1}(x_i)) / (x_i - knot_j),    f_{j-1} the sum of the hinges before j,  i =
        targets[j]

    Parameters
    ----------
    x : float64 array, shape (n,)
        Strictly ascending.
    Y : float64 array, shape (n, c)
    knots, knots_low : float64 arrays, shape (m,)
        knot_j is below x[targets[j]] and not below the point before it.
    targets : int64 array, shape (m,), or None
        Point each hinge serves, or -1 where it closes; None: hinge j serves point j.
    start : float64 array, shape (c,), or None
        None means 0.

    Notes
    -----
    About 100 m c flops.
    """
    knots_low = np.zeros_like(knots) if knots_low is None else knots_low
    targets = np.arange(len(knots)) if targets is None else targets
    start = np.zeros(Y.shape[1]) if start is None else start
    weights = np.empty((len(knots), Y.shape[1]))
    _fit(x, Y, knots, knots_low, targets, start, weights)
    return Hinges(knots, knots_low, weights, start)


@njit(cache=True)
def _fit(x, Y, knots, knots_low, targets, start, weights):  # type: ignore[no-untyped-def]
    for c in range(Y.shape[1]):
        value, value_low = start[c], 0.0  # of the line that the hinges so far make, at `at`
        slope, slope_low = 0.0, 0.0
        at = knots[0]
        for j in range(len(knots)):
            i = targets[j]
            if i >= 0:
                step, step_low = two_sum(x[i], -at)
                rise, rise_low = multiply(slope, slope_low, step, step_low)
                value, value_low = add(value, value_low, rise, rise_low)
                at = x[i]
            reach, reach_low = two_sum(at, -knots[j])
            reach, reach_low = add(reach, reach_low, -knots_low[j], 0.0)
            if i >= 0:
                rest, rest_low = add(Y[i, c], 0.0, -value, -value_low)
                w = (rest + rest_low) / (reach + reach_low)
            else:
                w = -slope
            weights[j, c] = w
            rise, rise_low = multiply(w, 0.0, reach, reach_low)
            value, value_low = add(value, value_low, rise, rise_low)
            slope, slope_low = add(slope, slope_low, w, 0.0)


@njit(cache=True)
def _accumulate(  # type: ignore[no-untyped-def]
    knots, knots_low, weights, start, value, value_low, slope, slope_low
):
    for c in range(weights.shape[1]):
        v, v_low, s, s_low = start[c], 0.0, 0.0, 0.0
        for j in range(len(knots)):
            if j > 0:
                step, step_low = two_sum(knots[j], -knots[j - 1])
                step, step_low = add(step, step_low, knots_low[j], -knots_low[j - 1])
                rise, rise_low = multiply(s, s_low, step, step_low)
                v, v_low = add(v, v_low, rise, rise_low)
            s, s_low = add(s, s_low, weights[j, c], 0.0)
            value[j, c], value_low[j, c], slope[j, c], slope_low[j, c] = v, v_low, s, s_low


@njit(cache=True)
def _last_knot_before(t, t_low, knots, knots_low):  # type: ignore[no-untyped-def]
    """Index of the last knot at or before t + t_low, or -1."""
    low, high = 0, len(knots)
    while low < high:
        middle = (low + high) >> 1
        k = knots[middle]
        if k < t or (k == t and knots_low[middle] <= t_low):
            low = middle + 1
        else:
            high = middle
    return low - 1


@njit(cache=True)
def _evaluate_point(i, t, knots, knots_low, value, slope, start, out):  # type: ignore[no-untyped-def]
    j = _last_knot_before(t[i], 0.0, knots, knots_low)
    for c in range(out.shape[1]):
        if j < 0:
            out[i, c] = start[c]
        else:
            out[i, c] = value[j, c] + slope[j, c] * ((t[i] - knots[j]) - knots_low[j])


@njit(cache=True)
def _evaluate_few(t, knots, knots_low, value, slope, start, out):  # type: ignore[no-untyped-def]
    for i in range(len(t)):
        _evaluate_point(i, t, knots, knots_low, value, slope, start, out)


@njit(cache=True, parallel=True)
def _evaluate_many(t, knots, knots_low, value, slope, start, out):  # type: ignore[no-untyped-def]
    for i in prange(len(t)):
        _evaluate_point(i, t, knots, knots_low, value, slope, start, out)


@njit(cache=True, parallel=True)
def _residual(  # type: ignore[no-untyped-def]
    t, t_low, Y, knots, knots_low, value, value_low, slope, slope_low, start, out
):
    for i in prange(len(t)):
        j = _last_knot_before(t[i], t_low[i], knots, knots_low)
        for c in range(out.shape[1]):
            if j < 0:
                out[i, c] = start[c] - Y[i, c]
            else:
                reach, reach_low = two_sum(t[i], -knots[j])
                reach, reach_low = add(reach, reach_low, t_low[i], -knots_low[j])
                rise, rise_low = multiply(slope[j, c], slope_low[j, c], reach, reach_low)
                f, f_low = add(value[j, c], value_low[j, c], rise, rise_low)
                f, f_low = add(f, f_low, -Y[i, c], 0.0)
                out[i, c] = f + f_low


Number = Any  # a Fraction or an int: the exact twins below


def fit_hinges_exactly(
    x: list[Number], y: list[Number], knots: list[Number], *, targets: list[int], start: Number
) -> list[Number]:
    """What :func:`fit_hinges` computes for one output, in rational arithmetic: the weights of the theorem."""
    weights = []
    value, slope, at = start, 0 * start, knots[0]
    for knot, i in zip(knots, targets, strict=True):
        if i >= 0:
            value, at = value + slope * (x[i] - at), x[i]
        w = (y[i] - value) / (at - knot) if i >= 0 else -slope
        value, slope = value + w * (at - knot), slope + w
        weights.append(w)
    return weights


def evaluate_hinges_exactly(
    x: list[Number], knots: list[Number], weights: list[Number], *, start: Number
) -> list[Number]:
    """f at ascending x, from the weights alone, in rational arithmetic."""
    values = []
    value, slope, at, j = start, 0 * start, knots[0], 0
    for t in x:
        while j < len(knots) and knots[j] <= t:
            value, at = value + slope * (knots[j] - at), knots[j]
            slope += weights[j]
            j += 1
        values.append(value + slope * (t - at) if j else start)
    return values
