"""The certificate sees what is wrong: with a weight, with the order of projections, with a knot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kernelgen.memorize.deep import build_deep
from kernelgen.memorize.layer import Layer
from kernelgen.memorize.network import ReluNetwork
from kernelgen.memorize.project import Direction
from kernelgen.memorize.sample import LineSample, line_sample
from kernelgen.memorize.two_layer import build_two_layer
from kernelgen.memorize.verify import (
    certify_layers,
    certify_line,
    count_label_errors,
    exact_residual,
)


def sample_of(n: int = 50, d: int = 4, dtype: str = "float64") -> tuple[np.ndarray, np.ndarray, LineSample]:
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (n, d)).astype(dtype) + (0 if dtype == "uint8" else rng.random((n, d)))
    Y = rng.integers(0, 10, (n, 1)).astype(float)
    return X, Y, line_sample(X, Y)


def with_weight(network: ReluNetwork, layer: int, place: int, change: float) -> ReluNetwork:
    old = network.layers[layer]
    values = old.values.copy()
    values[place] += change
    layers = list(network.layers)
    layers[layer] = Layer(old.starts, old.columns, values, old.bias, old.n_inputs)
    return ReluNetwork(tuple(layers), network.direction, network.builder)


@pytest.mark.parametrize("build", [build_two_layer, lambda sample: build_deep(sample, depth=7)])
def test_a_changed_weight_is_seen(build) -> None:
    X, Y, sample = sample_of()
    network = build(sample)
    assert certify_line(network, X, Y, sample).label_errors == 0
    broken = with_weight(network, -1, 3, 0.5)
    certificate = certify_line(broken, X, Y, sample)
    assert certificate.label_errors > 0
    assert certificate.stored_residual > 0.5
    assert certify_layers(broken, X, Y).label_errors > 0


def test_wrong_labels_are_counted() -> None:
    X, Y, sample = sample_of()
    Y = Y.copy()
    Y[[3, 8]] += 1
    assert certify_line(build_two_layer(sample), X, Y, sample).label_errors == 2


def test_the_exact_construction_has_residual_zero_and_other_labels_have_not() -> None:
    X, _, sample = sample_of()
    assert exact_residual(X, sample, "two_layer", depth=2) == 0.0
    from fractions import Fraction

    from kernelgen.memorize.hinges import evaluate_hinges_exactly

    x = [Fraction(v) for v in (1, 2, 4)]
    values = evaluate_hinges_exactly(x, [Fraction(0), x[0], x[1]], [Fraction(1)] * 3, start=Fraction(0))
    assert values == [1, 3, 9]


def test_projections_that_change_places_in_exact_arithmetic() -> None:
    """Two rows whose float64 projections are in the other order than the exact ones: still a proof."""
    X, _, sample = sample_of(20)
    k = 7
    order = np.arange(20)
    order[[k, k + 1]] = k + 1, k
    swapped = replace(sample, rows=sample.rows[order], Y=sample.Y[order])
    assert exact_residual(X, swapped, "two_layer", depth=2) == 0.0
    assert exact_residual(X, swapped, "deep", depth=5) == 0.0


def test_no_exact_construction_where_exact_projections_tie() -> None:
    X, _, sample = sample_of(20)
    rows = sample.rows.copy()
    rows[5] = rows[4]
    assert exact_residual(X, replace(sample, rows=rows), "two_layer", depth=2) is None


def test_a_knot_on_the_wrong_side_in_exact_arithmetic() -> None:
    X, Y, sample = sample_of(20, 30)
    knots = np.concatenate([[sample.x[0] - 1], sample.x[:-1]])  # on the rounded projections
    certificate = certify_line(build_two_layer(sample, knots=knots), X, Y, sample, knots=knots)
    assert (certificate.exact, certificate.arithmetic) == (False, "double-double")
    assert certificate.label_errors == 0


def test_what_counts_as_an_error() -> None:
    labels = np.array([[0.0], [1.0], [2.0]])
    assert count_label_errors(np.array([[0.49], [-0.4], [0.5]]), labels) == 1
    assert count_label_errors(np.array([[np.nan], [0.0], [np.inf]]), labels) == 2
    assert count_label_errors(np.array([[1e-5], [0.0], [0.0]]), labels + 0.25) == 1
    assert count_label_errors(np.array([[0.0], [0.0], [1e-9]]), labels + 0.25) == 0


def test_bytes_need_no_rounding_anywhere() -> None:
    X, Y, sample = sample_of(200, 6, "uint8")
    assert isinstance(sample.direction, Direction)
    assert sample.direction.is_exact
    certificate = certify_line(build_two_layer(sample), X, Y, sample)
    assert (certificate.exact, certificate.max_residual) == (True, 0.0)
