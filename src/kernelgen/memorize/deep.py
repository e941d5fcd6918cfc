"""Corollary 1 of Zhang et al. (2017): depth k, width O(n/k), O(n + d) weights, for every k from 3 to n.

Let t = <a, z>, points x_0 < ... < x_{n-1}, and L = k - 2 blocks that share the n - 1 segments between them as
evenly as they go; block l has m_l <= ceil((n-1)/L) of them and begins at point p.

    layer 1          c_1 = relu(t - x_0)                                  the carry: how far along t is
    layer 1 + l      u_j = relu(c_l - (x_{p+j} - x_p)),  j = 0..m_l       hinges; the last is c_{l+1}
                     q_l = relu(q_{l-1} + sum_j v_{l-1,j} u_j),  l >= 2   accumulator, q_1 = y_0 + B
    output           q_L + sum_j v_{L,j} u_{L,j} - B,  B = -min y

The last hinge of a block closes it: its weight brings the slope back to 0. So after block l the accumulator
is the piecewise linear interpolant g at min(t, x_{p+m_l}), plus B: a convex combination of labels plus B,
which is at least 0 on *every* input, and its ReLU is the identity. The network is the clamped interpolant on
all of R^d: its output never leaves [min y, max y].

Width at most ceil((n-1)/(k-2)) + 2; at most d + 3 n + 3 (k-2) - 1 nonzero weights. As dense matrices it takes
about n^2/k: "O(n + d) weights" is a claim about the sparse network. Tests:
``tests/theorems/test_depth_k_weight_count.py``.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernelgen.arrays.points import AnyArray, FloatArray
from kernelgen.errors import UsageError
from kernelgen.memorize.hinges import CLOSES, fit_hinges
from kernelgen.memorize.layer import Layer
from kernelgen.memorize.line_form import sum_exactly
from kernelgen.memorize.network import ReluNetwork
from kernelgen.memorize.sample import LineSample


def build_deep(sample: LineSample, *, depth: int) -> ReluNetwork:
    """Fit the sample with `depth` weight layers of width at most ceil((n-1)/(depth-2)) + 2.

    Parameters
    ----------
    sample : LineSample
        n >= 3 distinct projections; each of c outputs has its own accumulator, so width grows by c - 1.
    depth : int
        From 3 to n.

    Raises
    ------
    UsageError
        The depth is out of range, or float64 cannot tell two knots apart once they are measured from a carry.

    Notes
    -----
    O(n c) time. Offsets are rounded up, so that no hinge opens before its point: that keeps the system
    triangular.

    References
    ----------
    C. Zhang et al., ICLR 2017, arXiv:1611.03530, Corollary 1 (appendix C); the blocks here are nested, which
    the paper's sketch leaves open.
    """
    n = sample.n_distinct
    if not 3 <= depth <= n:
        raise UsageError(f"depth must be 2, or from 3 to the {n} distinct points; got {depth}")
    bounds = split_segments(n - 1, depth - 2)
    offsets, knots, low = _place_offsets(sample.x, bounds)
    shift = -sample.Y.min(axis=0)
    first = sample.Y[0] + shift  # q_1 as stored
    start = sample.Y[0] if depth == 3 else first - shift
    hinges = fit_hinges(sample.x, sample.Y, knots, knots_low=low, targets=hinge_targets(bounds), start=start)
    layers = deep_layers(
        sample.x[0], offsets, hinges.weights, first=first, bias=start if depth == 3 else -shift
    )
    return ReluNetwork(layers, sample.direction.a, "deep")


def split_segments(n_segments: int, n_blocks: int) -> NDArray[np.int64]:
    """Ends of blocks whose lengths differ by at most one: shape (n_blocks + 1,), from 0 to n_segments.

    Examples
    --------
    >>> split_segments(7, 3).tolist()
    [0, 3, 5, 7]
    """
    shorter, longer = divmod(n_segments, n_blocks)
    lengths = np.full(n_blocks, shorter)
    lengths[:longer] += 1
    return np.concatenate([[0], np.cumsum(lengths)])


def hinge_targets(bounds: NDArray[np.int64]) -> NDArray[np.int64]:
    """Point that each hinge serves, block after block; the last of a block closes."""
    targets = np.arange(1, bounds[-1] + 1)
    return np.insert(targets, bounds[1:], CLOSES)


def deep_layers(
    origin: Any, offsets: Sequence[AnyArray], weights: AnyArray, *, first: AnyArray, bias: AnyArray
) -> tuple[Layer, ...]:
    """The layers from the offsets of each block and the weights of all hinges; of float64 or of Python numbers.

    Parameters
    ----------
    origin : number
        x_0.
    offsets : sequence of arrays, shapes (m_l + 1,)
    weights : array, shape (sum of m_l + 1, c)
    first, bias : arrays, shape (c,)
        q_1 = y_0 + B, and the bias of the output: -B, or y_0 where there is one block and no accumulator.
    """
    dtype = weights.dtype
    one = np.ones(1, dtype=dtype)
    layers = [Layer(np.array([0, 1]), np.array([0]), one, np.full(1, -origin, dtype=dtype), 1)]
    above, carry = 1, 0  # outputs of the layer before, and which of them is the carry
    start, block = 0, weights[:0]  # of the layer before's hinges
    for level, offset in enumerate(offsets):
        n_units = len(offset)
        starts, columns, values = np.arange(n_units + 1), np.full(n_units, carry), one.repeat(n_units)
        biases = -offset
        if level > 0:
            sums = _sums(block, keeps=level > 1)
            starts = np.concatenate([starts, n_units + sums[0][1:]])
            columns, values = np.concatenate([columns, sums[1]]), np.concatenate([values, sums[2]])
            biases = np.concatenate([biases, first if level == 1 else 0 * first])
        layers.append(Layer(starts, columns, values, biases, above))
        above, carry = layers[-1].n_outputs, n_units - 1
        block = weights[start : start + n_units]
        start += n_units
    layers.append(Layer(*_sums(block, keeps=len(offsets) > 1), bias, above))
    return tuple(layers)


def _sums(block: AnyArray, *, keeps: bool) -> tuple[NDArray[np.int64], NDArray[np.int64], AnyArray]:
    """Rows q + sum_j v_j u_j of each output: starts, columns and values; without q where there is none yet."""
    m, c = block.shape
    columns = np.tile(np.arange(m), (c, 1))
    values = block.T
    if keeps:
        columns = np.hstack([columns, m + np.arange(c)[:, None]])
        values = np.hstack([values, np.ones((c, 1), dtype=block.dtype)])
    return np.arange(c + 1) * columns.shape[1], columns.reshape(-1), values.reshape(-1)


def _place_offsets(
    x: FloatArray, bounds: NDArray[np.int64]
) -> tuple[list[FloatArray], FloatArray, FloatArray]:
    """Offsets of each block from its carry, and where the hinges then stand exactly (two parts)."""
    carry, carry_low = x[:1], np.zeros(1)
    offsets, knots, low = [], [], []
    for begin, end in itertools.pairwise(bounds):
        points = x[begin : end + 1]
        offset = (points - carry) - carry_low
        offset[0] = 0.0
        high, rest = sum_exactly(carry, offset)
        before_point = (high - points) + (rest + carry_low) < 0
        if before_point.any():
            offset[before_point] = np.nextafter(offset[before_point], np.inf)
            high, rest = sum_exactly(carry, offset)
        rest = rest + carry_low
        late = (high[:-1] - points[1:]) + rest[:-1] >= 0
        if late.any():
            raise UsageError(
                "two projections are closer than float64 can keep apart when measured from a carry; use depth 2, "
                "a shallower network, direction='best', or an integer direction for bytes"
            )
        offsets.append(offset)
        knots.append(high)
        low.append(rest)
        carry, carry_low = high[-1:], rest[-1:]
    return offsets, np.concatenate(knots), np.concatenate(low)


def deep_formula(n: int, d: int, depth: int, *, n_outputs: int = 1) -> int:
    """Bound of the number of nonzero weights: d + 3 n + 3 (k - 2) - 1; n + 2 (k - 2) more for each further output.

    Examples
    --------
    >>> deep_formula(2000, 784, 42)
    6903
    """
    blocks = depth - 2
    return d + 3 * n + 3 * blocks - 1 + (n_outputs - 1) * (n + 2 * blocks)


def deep_width(n: int, depth: int, *, n_outputs: int = 1) -> int:
    """Bound of the width: ceil((n - 1)/(k - 2)) + 1 + the number of outputs."""
    return -(-(n - 1) // (depth - 2)) + 1 + n_outputs
