"""Mean and deviation against exact sums, in blocks, for bytes and for hard cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelgen.features import FeatureValues, Layout, Standardize, standardize
from oracles import tolerance


def moments(column: np.ndarray) -> tuple[float, float]:
    mean = math.fsum(column) / len(column)
    return mean, math.sqrt(math.fsum((v - mean) ** 2 for v in column) / len(column))


@given(seed=st.integers(0, 2**31), n=st.integers(2, 60), offset=st.floats(-1e6, 1e6))
def test_against_exact_sums(seed: int, n: int, offset: float) -> None:
    X = np.random.default_rng(seed).normal(size=(n, 3)) + offset
    values = Standardize().fit_apply(FeatureValues(X, 0.25), Layout(3))[1].values
    for k in range(3):
        mean, deviation = moments(0.25 * X[:, k])
        expected = (0.25 * X[:, k] - mean) / deviation
        close = tolerance(
            np.float64, n=n, cond=(abs(mean) + deviation) / deviation, norm=np.abs(expected).max()
        )
        np.testing.assert_allclose(values[:, k], expected, rtol=0, atol=close)


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    X = np.random.default_rng(1).integers(0, 256, (101, 7), dtype=np.uint8)
    whole = Standardize().fit(FeatureValues(X, 1 / 255), Layout(7)).state()
    monkeypatch.setattr(standardize, "_BLOCK_VALUES", 21)
    blocks = Standardize().fit(FeatureValues(X, 1 / 255), Layout(7)).state()
    for name in ("mean", "divisor"):
        np.testing.assert_allclose(blocks[name], whole[name], rtol=1e-13)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("value", [0.1, 1e-20, 12345.678])
def test_a_constant_feature_is_zero_not_amplified_rounding(dtype: str, value: float) -> None:
    X = np.full((1000, 1), value, dtype=dtype)
    values = Standardize().fit_apply(FeatureValues(X, 0.3), Layout(1))[1].values
    np.testing.assert_allclose(values, 0, atol=4 * np.finfo(dtype).eps * max(1.0, value))


def test_the_mean_only() -> None:
    X = np.array([[1.0], [5.0]])
    assert Standardize(deviation=False).fit_apply(FeatureValues(X), Layout(1))[1].values.tolist() == [
        [-2.0],
        [2.0],
    ]


def test_new_rows_are_seen_with_the_training_rows_eyes() -> None:
    fitted = Standardize().fit(FeatureValues(np.array([[0.0], [2.0]])), Layout(1))
    assert fitted.apply(FeatureValues(np.array([[4.0]]))).values.tolist() == [[3.0]]
