"""Theorem 1 of Zhang et al. (2017): two layers with 2 n + d weights fit any labels on any n distinct points.

    c(z) = sum_j w_j max(<a, z> - b_j, 0),    b_1 < x_1 <= b_2 < x_2 <= ... <= b_n < x_n,    x_i = <a, z_i>

A_ij = max(x_i - b_j, 0) is lower triangular with a positive diagonal, so A w = y has one solution. It is found by
forward substitution in O(n) with two running sums (:mod:`kernelgen.memorize.hinges`), never as a matrix.

Counted: a (d), b (n), w (n). All n units share `a`; an untied dense network holding the same function stores n d + 2 n
numbers. With c outputs, w has c n. Tests: ``tests/theorems/test_two_layer_weight_count.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kernelgen.arrays.points import AnyArray
from kernelgen.memorize.hinges import fit_hinges
from kernelgen.memorize.knots import place_knots
from kernelgen.memorize.layer import Layer
from kernelgen.memorize.network import ReluNetwork
from kernelgen.memorize.sample import LineSample


def build_two_layer(sample: LineSample, *, knots: str | Any = "left") -> ReluNetwork:
    """Fit the sample with one hidden layer of n units: 2 n + d weights for one output.

    Parameters
    ----------
    sample : LineSample
        n distinct projections, c outputs.
    knots : {"left", "midpoint"} or array of shape (n,)
        In the order of the projections.

    Notes
    -----
    O(n c) time after the sort.

    References
    ----------
    C. Zhang, S. Bengio, M. Hardt, B. Recht, O. Vinyals, "Understanding deep learning requires rethinking
    generalization", ICLR 2017, arXiv:1611.03530, Theorem 1 and Lemma 1 (section 4, appendix C).
    """
    b = place_knots(sample.x, knots)
    hinges = fit_hinges(sample.x, sample.Y, b)
    return ReluNetwork(two_layer_layers(b, hinges.weights), sample.direction.a, "two_layer")


def two_layer_layers(knots: AnyArray, weights: AnyArray) -> tuple[Layer, Layer]:
    """t -> relu(t - knots), u -> weights^T u; of float64 or of Python numbers."""
    ones = np.ones((len(knots), 1), dtype=knots.dtype)
    return Layer.from_dense(ones, -knots), Layer.from_dense(np.ascontiguousarray(weights.T), None)


def two_layer_formula(n: int, d: int, *, n_outputs: int = 1) -> int:
    """Theorem 1's number of weights: 2 n + d for one output, d + n + c n for c.

    Examples
    --------
    >>> two_layer_formula(60_000, 784)
    120784
    """
    return d + n + n_outputs * n
