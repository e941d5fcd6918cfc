"""Two hidden layers of about 2 sqrt(n) units: Yun, Sra and Jadbabaie (2019), Theorem 3.1, for points on a line.

Sort the projections and cut them into p groups of q consecutive points, q even, p q >= n. The first layer has
a hinge at the first and at the last point of every group, so that any function with a free straight line on
each group is a combination of its 2 p - 1 units. The second has q pairs of units,

    clip(h) = relu(h + 1) - relu(h - 1) - 1,    h_j = combination of the first layer,  j = 0..q-1

On a group, h_j is the line that takes the value v at the group's j-th point and is beyond +-1 at all its
others, rising for even j and falling for odd j. The saturated clips of a point add up to 1, whichever it is,
so

    f(x) = sum_j clip(h_j(x)) - 1 = v,    v = the label, scaled into [-1, 1]

The theorem needs d_1 d_2 >= 4 n for widths divisible by 4; here d_1 = 2 p - 1, d_2 = 2 q. Weights after the
direction: about 4 n, against 2 n for Theorem 1 of Zhang et al.: fewer units, not fewer weights.

Where float64 stops: lines have slopes up to 2/gap and are differences of hinges over the whole range, so the
error grows like eps * range / (smallest gap) times the number of terms; the certificate measures it.

References
----------
C. Yun, S. Sra, A. Jadbabaie, "Small ReLU networks are powerful memorizers: a tight analysis of memorization
capacity", NeurIPS 2019, arXiv:1810.07770, Theorem 3.1.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kernelgen.arrays.points import AnyArray
from kernelgen.errors import UsageError
from kernelgen.memorize.layer import Layer
from kernelgen.memorize.network import ReluNetwork
from kernelgen.memorize.sample import LineSample

LARGEST_N = 50_000


def build_yun(sample: LineSample) -> ReluNetwork:
    """Fit one label a point with two hidden layers of 2 p - 1 and 2 q units, about 2 sqrt(n) each.

    Parameters
    ----------
    sample : LineSample
        At most 50,000 distinct projections.

    Raises
    ------
    UsageError
        More than one output, or more points than can be certified layer by layer, 4 n^2 multiplications.

    Notes
    -----
    O(n) time; 2 q (2 p - 1) weights between the hidden layers.
    """
    if sample.Y.shape[1] != 1:
        raise UsageError(f"builder 'yun' fits one label column; got {sample.Y.shape[1]}. Use builder='zhang'")
    if sample.n_distinct > LARGEST_N:
        raise UsageError(f"builder 'yun' is for at most {LARGEST_N:,} points; got {sample.n_distinct:,}")
    return ReluNetwork(yun_layers(sample.x, sample.Y[:, 0]), sample.direction.a, "yun")


def yun_shape(n: int) -> tuple[int, int]:
    """Groups p and points in each q, q even, near sqrt(n), p q >= n.

    Examples
    --------
    >>> yun_shape(1000)
    (32, 32)
    """
    q = max(2, 2 * round(math.sqrt(n) / 2))
    return -(-n // q), q


def yun_formula(n: int, d: int) -> int:
    """Weights and biases: d, then 2 p - 1, 2 q (2 p - 1) + 2 q, and 2 q + 1.

    Examples
    --------
    >>> yun_formula(1000, 20)
    4244
    """
    p, q = yun_shape(n)
    return d + (2 * p - 1) + 2 * q * (2 * p - 1) + 2 * q + 2 * q + 1


def yun_layers(x: AnyArray, y: AnyArray) -> tuple[Layer, Layer, Layer]:
    """The three layers, from ascending x and labels; of float64 or of Python numbers."""
    p, q = yun_shape(len(x))
    middle, half = (max(y) + min(y)) / 2, (max(y) - min(y)) / 2
    half = half if half > 0 else half + 1
    x, v = _pad(x, (y - middle) / half, p * q)
    x, v = x.reshape(p, q), v.reshape(p, q)
    slopes = _slopes(x, v)
    first, last = (v + slopes * (x[:, [i]] - x) for i in (0, -1))  # h_j at each group's first and last point
    # between groups h_j runs straight from its last value to its next first one
    between = (first[1:] - last[:-1]) / (x[1:, 0] - x[:-1, -1])[:, None]
    lines = np.empty((2 * p - 1, q), dtype=x.dtype)
    lines[0::2], lines[1::2] = slopes, between
    knots = np.empty(2 * p - 1, dtype=x.dtype)
    knots[0::2], knots[1::2] = x[:, 0], x[:-1, -1]
    H = lines.copy()
    H[1:] -= lines[:-1]
    W = np.repeat(H.T, 2, axis=0)
    bias = np.repeat(first[0], 2)
    bias[0::2] += 1
    bias[1::2] -= 1
    ones = np.ones((2 * p - 1, 1), dtype=x.dtype)
    signs = np.tile(np.array([1, -1]), q).astype(x.dtype) * half
    # f = sum (relu - relu - 1) - 1, scaled back
    offset = np.array([middle - half * (q + 1)], dtype=x.dtype)
    return Layer.from_dense(ones, -knots), Layer.from_dense(W, bias), Layer.from_dense(signs[None, :], offset)


def _slopes(x: AnyArray, v: AnyArray) -> AnyArray:
    """Slope of h_j on each group, shape (p, q): steep enough to pass -1 and 1 between the neighbours of point j."""
    sign = np.where(np.arange(x.shape[1]) % 2 == 0, 1, -1)
    gaps = np.diff(x, axis=1)
    steep = 0 * v
    steep[:, :-1] = (1 - sign[:-1] * v[:, :-1]) / gaps
    steep[:, 1:] = np.maximum(steep[:, 1:], (1 + sign[1:] * v[:, 1:]) / gaps)
    slopes: AnyArray = sign * steep
    return slopes


def _pad(x: AnyArray, v: AnyArray, size: int) -> tuple[AnyArray, AnyArray]:
    """Points beyond the last one, a mean gap apart, with its label: the groups are full then."""
    missing = size - len(x)
    gap: Any = (x[-1] - x[0]) / (len(x) - 1) if len(x) > 1 else x[0] * 0 + 1
    more = np.array([x[-1] + (k + 1) * gap for k in range(missing)], dtype=x.dtype)
    return np.concatenate([x, more]), np.concatenate([v, np.repeat(v[-1:], missing)])
