"""4 ceil(n/d) units (Bubeck et al.), two layers of 2 sqrt(n) (Yun et al.), O~(sqrt n) weights (Vardi et al.)."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernelgen.errors import DataError, UsageError
from kernelgen.memorize.bubeck import build_bubeck
from kernelgen.memorize.build import build_memorizer
from kernelgen.memorize.sample import line_sample
from kernelgen.memorize.two_layer import two_layer_formula
from kernelgen.memorize.vardi import build_vardi, small_integer_sample
from kernelgen.memorize.yun import build_yun

SEEDS = st.integers(0, 2**32 - 1)


@given(n=st.integers(1, 400), d=st.integers(2, 60), seed=SEEDS)
@settings(max_examples=25)
def test_four_units_for_every_d_points(n: int, d: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    result = build_memorizer(rng.standard_normal((n, d)), rng.standard_normal(n), builder="bubeck")
    assert result.network.width == 4 * math.ceil(n / d)
    assert result.network.depth == 2
    assert result.network.n_weights.dense == result.formula == 4 * math.ceil(n / d) * (d + 2)
    assert result.certificate.label_errors == 0
    assert result.certificate.arithmetic == "float64"


@pytest.mark.parametrize("what", ["constant feature", "on one line", "touching"])
def test_general_position_is_checked(what: str) -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 5))
    if what == "constant feature":
        X[:, 2] = 0.0
    elif what == "on one line":
        X = np.outer(np.arange(1.0, 41.0), X[0])
    else:  # any further point is an affine combination of the first five
        mix = rng.dirichlet(np.ones(5), 35)
        X[5:] = mix @ X[:5]
    with pytest.raises(DataError, match="not in general position"):
        build_memorizer(X, rng.standard_normal(40), builder="bubeck")


@given(n=st.integers(1, 2000), d=st.integers(1, 60), seed=SEEDS)
@settings(max_examples=25)
def test_two_hidden_layers_of_two_roots(n: int, d: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    result = build_memorizer(rng.standard_normal((n, d)), rng.integers(0, 10, n), builder="yun")
    first, second = result.network.widths
    assert max(first, second) <= 2 * math.sqrt(n) + 4
    assert first * second <= 4 * n + 8 * math.sqrt(n) + 16
    assert result.network.n_weights.tied == result.formula
    assert result.certificate.label_errors == 0
    if n <= 300:
        assert (result.certificate.exact, result.certificate.max_residual) == (True, 0.0)


@given(n=st.integers(1, 300), d=st.integers(1, 40), n_classes=st.integers(1, 20), seed=SEEDS)
@settings(max_examples=15)
def test_bit_extraction_is_exact(n: int, d: int, n_classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    X = np.unique(rng.integers(0, 256, (n, d), dtype=np.uint8), axis=0)
    result = build_memorizer(X, rng.integers(0, n_classes, len(X)), builder="vardi")
    certificate = result.certificate
    assert (certificate.label_errors, certificate.exact, certificate.max_residual) == (0, True, 0.0)
    assert certificate.arithmetic == "integer"
    assert result.network.width <= 12
    assert result.network.n_weights.tied <= result.formula


def test_bit_extraction_grows_like_a_root() -> None:
    counts = []
    for n in (250, 1000, 4000):
        rng = np.random.default_rng(n)
        X = rng.integers(0, 256, (n, 30), dtype=np.uint8)
        counts.append(build_memorizer(X, rng.integers(0, 10, n), builder="vardi").network.n_weights.tied - 30)
    # four times the points: twice the weights, and the logarithm's share
    assert all(larger / smaller < 2.5 for smaller, larger in itertools.pairwise(counts))


def test_bit_extraction_passes_theorem_1_beyond_ten_thousand_points() -> None:
    rng = np.random.default_rng(3)
    X = rng.integers(0, 256, (16_000, 16), dtype=np.uint8)
    sample = small_integer_sample(X, rng.integers(0, 10, (16_000, 1)).astype(float))
    assert build_vardi(sample).n_weights.tied < two_layer_formula(16_000, 16)


@pytest.mark.parametrize(
    "build", [build_yun, build_vardi, lambda sample: build_bubeck(sample.x[:, None], sample.Y)]
)
def test_more_points_than_a_builder_is_for(build) -> None:
    X = np.arange(50_001, dtype=np.uint32).view(np.uint8).reshape(-1, 4)[:, :2]
    sample = line_sample(np.ascontiguousarray(X), np.zeros((50_001, 1)), direction=np.array([1, 256]))
    with pytest.raises(UsageError, match="at most"):
        build(sample)


def test_float64_cannot_hold_the_words() -> None:
    """m rho bits pass 53 well below a thousand points, and a float64 evaluation then fails."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (500, 20), dtype=np.uint8)
    y = rng.integers(0, 10, 500)
    network = build_memorizer(X, y, builder="vardi").network
    words = [abs(int(v)) for layer in network.layers for v in [*layer.values, *layer.bias]]
    assert max(words).bit_length() > 53
    t = network.project(X).astype(float)[None, :]
    for k, layer in enumerate(network.layers):
        t = layer.to_dense().astype(float) @ t + layer.bias.astype(float)[:, None]
        t = np.maximum(t, 0) if k < network.depth - 1 else t
    assert np.count_nonzero(np.rint(t[0]) != y) > 0


@pytest.mark.parametrize("builder", ["bubeck", "yun", "vardi"])
def test_one_column_of_labels(builder: str) -> None:
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (20, 6), dtype=np.uint8)
    with pytest.raises(UsageError, match="one"):
        build_memorizer(X, rng.standard_normal((20, 2)), builder=builder)


def test_bit_extraction_refuses_what_is_no_integer() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(UsageError, match="uint8"):
        build_memorizer(rng.standard_normal((20, 6)), np.arange(20), builder="vardi")
    with pytest.raises(UsageError, match="integer labels"):
        build_memorizer(
            rng.integers(0, 256, (20, 6), dtype=np.uint8), rng.standard_normal(20), builder="vardi"
        )
