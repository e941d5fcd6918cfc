"""Read the hinges of a network back from its layers: knots from biases, weights from the columns they enter by.

For two layers a unit is a hinge. In the deep network a unit of block l is relu(c_l - offset), and the carry c_l
is itself a hinge at a known place: relu(relu(t - a) - (b - a)) = relu(t - b) for b >= a. Positions are summed exactly.
Accumulators are at least 0 by construction and their ReLU is taken for the identity.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from kernelgen.arrays.points import AnyArray
from kernelgen.memorize.hinges import Hinges
from kernelgen.memorize.layer import Layer


def hinges_of(layers: Sequence[Layer]) -> Hinges:
    """The sum of hinges that a two-layer or a depth-k network in float64 computes."""
    knots, low, weights, start = _read(layers)
    return Hinges(knots, low, np.ascontiguousarray(weights), start)


def exact_hinges_of(layers: Sequence[Layer]) -> tuple[list[Any], list[list[Any]], list[Any]]:
    """Knots, weights of each output, and starts of a network of Python numbers."""
    knots, _, weights, start = _read(layers)
    return list(knots), [list(column) for column in weights.T], list(start)


def _read(layers: Sequence[Layer]) -> tuple[AnyArray, AnyArray, AnyArray, AnyArray]:
    first, last = layers[0], layers[-1]
    assert first.bias is not None
    if len(layers) == 2:
        knots = -first.bias
        start = np.zeros(last.n_outputs, dtype=knots.dtype) if last.bias is None else last.bias
        return knots, 0 * knots, _last_rows(last, last.n_outputs, len(knots)).T, start
    assert last.bias is not None
    n_outputs = last.n_outputs
    start = last.bias
    carry, carry_low = -first.bias, 0 * first.bias
    knots_all, low_all, weights_all = [], [], []
    for depth, (layer, following) in enumerate(itertools.pairwise(layers[1:])):
        assert layer.bias is not None
        n_units = layer.n_outputs - (n_outputs if depth > 0 else 0)
        knots, low = sum_exactly(carry, -layer.bias[:n_units])
        low = low + carry_low
        knots_all.append(knots)
        low_all.append(low)
        weights_all.append(_last_rows(following, n_outputs, n_units).T)
        if depth == 1:
            start = start + layer.bias[n_units:]
        carry, carry_low = knots[-1:], low[-1:]
    return np.concatenate(knots_all), np.concatenate(low_all), np.concatenate(weights_all), start


def _last_rows(layer: Layer, n_rows: int, n_columns: int) -> AnyArray:
    """What the last rows hold in the first columns, all of which are stored there."""
    starts = layer.starts[-n_rows - 1 : -1]
    return np.stack([layer.values[start : start + n_columns] for start in starts])


def sum_exactly(a: AnyArray, b: AnyArray) -> tuple[AnyArray, AnyArray]:
    """a + b and the rounding error of that sum (0 for Python numbers)."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)
