"""Corollary 1: depth k from 3 to n, width at most ceil((n-1)/(k-2)) + 2, d + 3n + 3(k-2) - 1 nonzero weights."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernelgen.memorize.build import build_memorizer
from oracles import tolerance


def draw(n: int, d: int, dtype: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    rng = np.random.default_rng(seed)
    if dtype == "uint8":
        X = np.unique(rng.integers(0, 256, (n, d), dtype=np.uint8), axis=0)
    else:
        X = np.unique(rng.standard_normal((n, d)).astype(dtype), axis=0)
    rng.shuffle(X)
    return X, rng.integers(0, 10, len(X)).astype(float), rng


CASES = {"dtype": st.sampled_from(["float64", "float32", "uint8"]), "seed": st.integers(0, 2**32 - 1)}


@given(data=st.data(), n=st.integers(3, 2000), d=st.integers(1, 3072), **CASES)
@settings(max_examples=25)
def test_labels_counts_and_width(data, n, d, dtype, seed) -> None:
    X, y, _ = draw(n, d, dtype, seed)
    n = len(X)
    if n < 3:
        return
    k = data.draw(st.integers(3, n))
    result = build_memorizer(X, y, depth=k, seed=seed)
    network, certificate = result.network, result.certificate
    assert network.depth == k
    assert network.width <= -(-(n - 1) // (k - 2)) + 2
    assert network.n_weights.nonzero <= d + 3 * n + 3 * (k - 2) - 1 == result.formula
    assert certificate.label_errors == 0
    assert not certificate.exact or certificate.max_residual == 0.0
    assert certificate.stored_residual <= 1e-6 * 10


@given(data=st.data(), n=st.integers(3, 200), d=st.integers(1, 30), **CASES)
@settings(max_examples=25)
def test_residual_is_zero_in_exact_arithmetic(data, n, d, dtype, seed) -> None:
    X, y, _ = draw(n, d, dtype, seed)
    if len(X) < 3:
        return
    certificate = build_memorizer(X, y, depth=data.draw(st.integers(3, len(X))), seed=seed).certificate
    assert (certificate.exact, certificate.max_residual, certificate.arithmetic) == (True, 0.0, "rational")


@given(data=st.data(), n=st.integers(3, 300), d=st.integers(1, 30), **CASES)
@settings(max_examples=25)
def test_output_never_leaves_the_range_of_the_labels_and_both_evaluations_agree(
    data, n, d, dtype, seed
) -> None:
    X, y, rng = draw(n, d, dtype, seed)
    if len(X) < 3:
        return
    network = build_memorizer(X, y, depth=data.draw(st.integers(3, len(X))), seed=seed).network
    scales = np.geomspace(1e-3, 1e3, 60)[:, None]
    new = (
        rng.integers(0, 256, (60, d), dtype=np.uint8)
        if dtype == "uint8"
        else scales * rng.standard_normal((60, d))
    )
    for Z in (X, new):
        fast, literal = network(Z), network.forward(Z)
        t = network.project(Z).astype(np.float64)
        reach = np.abs(t).max() + np.abs(network.hinges.knots).max()
        bound = tolerance("float64", norm=np.abs(network.hinges.weights).sum() * reach)
        for out in (fast, literal):
            assert y.min() - bound <= out.min()
            assert out.max() <= y.max() + bound
        assert np.abs(fast - literal).max() <= bound


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("k", [3, 4, 9, 40])
def test_literal_layers_in_rational_arithmetic(k: int, n_outputs: int) -> None:
    """Not the line form: every layer, every unit, every ReLU, in fractions."""
    from fractions import Fraction

    from kernelgen.memorize.network import ReluNetwork
    from kernelgen.memorize.verify import exact_layers

    rng = np.random.default_rng(k)
    x = [Fraction(int(value), 7) for value in np.sort(rng.choice(10_000, 40, replace=False))]
    Y = np.array(
        [[Fraction(int(value), 3) for value in row] for row in rng.integers(-9, 9, (40, n_outputs))],
        dtype=object,
    )
    network = ReluNetwork(exact_layers(x, Y, "deep", depth=k, knots=[]), np.ones(1), "deep")
    points = np.array([x[0] - 5, *x, x[-1] + 5], dtype=object)
    out = network.forward_on_line(points)
    assert np.array_equal(out[1:-1], Y)
    assert np.array_equal(out[0], Y[0])
    assert np.array_equal(out[-1], Y[-1])
    between = network.forward_on_line(np.array([(a + b) / 2 for a, b in itertools.pairwise(x)], dtype=object))
    assert np.array_equal(between, (Y[:-1] + Y[1:]) / 2)  # it is the interpolant


def test_dense_matrices_take_n_squared_over_k() -> None:
    X, y, _ = draw(600, 10, "float64", 0)
    counts = build_memorizer(X, y, depth=7).network.n_weights
    assert counts.nonzero <= 10 + 3 * 600 + 3 * 5 - 1
    assert counts.dense > 600**2 / 7


def test_reference_counts() -> None:
    """Of an earlier implementation: n = 2000, d = 784, k = 42 had 6,869 nonzero weights and width 52."""
    X, y, _ = draw(2000, 784, "float32", 1)
    result = build_memorizer(X, y, depth=42)
    assert result.network.width == 52
    assert result.network.n_weights.nonzero <= result.formula == 6903


@pytest.mark.parametrize("k", [3, 4, 17, 90])
def test_several_outputs_have_an_accumulator_each(k: int) -> None:
    rng = np.random.default_rng(k)
    X, Y = rng.standard_normal((90, 5)), rng.standard_normal((90, 3))
    result = build_memorizer(X, Y, depth=k)
    assert (result.certificate.label_errors, result.certificate.max_residual) == (0, 0.0)
    assert result.network.width <= -(-89 // (k - 2)) + 1 + 3
    assert result.network.n_weights.nonzero <= result.formula
    assert np.abs(result.network(X) - result.network.forward(X)).max() < 1e-8
