"""The default bandwidth is the median distance to the nearest distinct row."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernelgen.arrays.inner_products import InnerProducts
from kernelgen.arrays.points import Points
from kernelgen.errors import UsageError
from kernelgen.kernels import bandwidth as module
from kernelgen.kernels.bandwidth import (
    nearest_neighbour_bandwidth,
    nearest_neighbour_bandwidth_of_products,
    rule_multiple,
)
from kernelgen.kernels.gaussian import Gaussian
from oracles import scattered, tolerance


def naive_rule(values: np.ndarray, scale: float) -> float:
    x = scale * np.unique(values.astype(float) + 0.0, axis=0)
    distances = np.linalg.norm(x[:, None] - x, axis=2)
    np.fill_diagonal(distances, np.inf)
    return float(np.median(distances.min(axis=1)))


@settings(max_examples=40)
@given(
    n=st.integers(2, 30),
    d=st.integers(1, 5),
    dtype=st.sampled_from(["uint8", "float32", "float64"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_as_the_naive_rule(n: int, d: int, dtype: str, seed: int) -> None:
    values = scattered(n, d, seed=seed, dtype=dtype)
    values = np.concatenate([values, values[: n // 2]])  # duplicates do not count
    if len(np.unique(values, axis=0)) < 2:
        return
    expected = naive_rule(values, 0.5)
    # the nearest row is found by expanded squares: near ties may fall to another row of the same distance
    assert nearest_neighbour_bandwidth(Points(values, 0.5)) == pytest.approx(
        expected, rel=tolerance("float64", n=d, c=64) * (1 + float(np.abs(values).max()) ** 2 / expected**2)
    )


def test_rows_are_met_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    points = Points(scattered(100, 3, seed=1))
    whole = nearest_neighbour_bandwidth(points)
    monkeypatch.setattr(module, "_COLUMNS", 7)
    assert nearest_neighbour_bandwidth(points) == whole


def test_a_sample_is_seeded_and_near_the_whole() -> None:
    points = Points(scattered(1500, 10, seed=2))
    sampled = nearest_neighbour_bandwidth(points, n_rows=400, seed=7)
    assert sampled == nearest_neighbour_bandwidth(points, n_rows=400, seed=7)
    assert sampled == pytest.approx(nearest_neighbour_bandwidth(points, n_rows=1500), rel=0.1)


def test_it_keeps_a_gaussian_gram_matrix_positive_definite_in_float32() -> None:
    X = scattered(300, 30, seed=3)
    K = Gaussian(nearest_neighbour_bandwidth(Points(X)))(X, engine="portable")
    np.linalg.cholesky(K.astype(np.float32))


def products_of(values: np.ndarray) -> InnerProducts:
    """Of rows that fit into one tile."""
    return InnerProducts((values @ values.T).ravel(), len(values), len(values), values.shape[1])


def test_products_have_the_distances_of_the_rows_that_are_distinct() -> None:
    values = scattered(40, 6, seed=4)
    expected = nearest_neighbour_bandwidth(Points(values))
    assert nearest_neighbour_bandwidth_of_products(products_of(values)) == pytest.approx(expected)
    repeated = products_of(np.concatenate([values, values, values[:9]]))
    found = nearest_neighbour_bandwidth_of_products(repeated, np.arange(40))
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("noise", [0.0, 1e-9])
def test_features_that_rows_share_have_no_distance(noise: float) -> None:
    """Distinct rows, most of which have the features of another, up to rounding: no bandwidth comes from that."""
    values = np.repeat(scattered(20, 6, seed=5), 2, axis=0)
    values += noise * scattered(40, 6, seed=6)
    with pytest.raises(UsageError, match=r"is 0: half of the distinct rows.*as a number"):
        nearest_neighbour_bandwidth_of_products(products_of(values))


@pytest.mark.parametrize("values", [np.zeros((1, 2)), np.ones((5, 2))])
def test_one_distinct_row_has_no_neighbour(values: np.ndarray) -> None:
    with pytest.raises(UsageError, match="only one"):
        nearest_neighbour_bandwidth(Points(values))


@pytest.mark.parametrize(
    ("text", "multiple"), [("auto", 1.0), ("auto:3", 3.0), ("auto:2.5", 2.5), (4.0, None)]
)
def test_multiples_of_the_rule(text: float | str, multiple: float | None) -> None:
    assert rule_multiple(text) == multiple


@pytest.mark.parametrize(
    "text", ["", "wide", "auto:", "auto:x", "auto:0", "auto:-1", "auto:nan", "4", 0.0, -1.0, True]
)
def test_what_is_no_bandwidth(text: float | str) -> None:
    with pytest.raises(UsageError, match="positive"):
        rule_multiple(text)
