"""Equal rows are found exactly, whatever their hashes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelgen.arrays import duplicates as module
from kernelgen.arrays.duplicates import check_labels_agree, find_duplicates
from kernelgen.errors import ConflictingLabels


def naive_first(values: np.ndarray) -> list[int]:
    return [next(j for j in range(i + 1) if np.array_equal(values[i], values[j])) for i in range(len(values))]


@given(
    n=st.integers(1, 40),
    d=st.integers(1, 9),
    levels=st.integers(1, 4),
    dtype=st.sampled_from(["uint8", "float32", "float64"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_as_the_naive_search(n: int, d: int, levels: int, dtype: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, levels, (n, d)).astype(dtype)
    if dtype != "uint8":
        values *= rng.choice([-1.0, 1.0], values.shape).astype(dtype)  # -0.0 too
    found = find_duplicates(values)
    assert found.first.tolist() == naive_first(values)
    assert found.n_duplicates == n - len(found.unique_rows)


def test_a_collision_of_hashes_merges_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_hash_rows", lambda block: np.zeros(len(block), dtype=np.uint64))
    values = np.array([[1.0], [2.0], [1.0], [3.0], [2.0]])
    assert find_duplicates(values).first.tolist() == [0, 1, 0, 3, 1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_hashes_of_coarse_values_differ(dtype: str) -> None:
    values = (np.arange(4096)[:, None] // np.array([1, 64]) % 64).astype(
        dtype
    )  # only a mantissa's top bits are used
    assert len(np.unique(module._hash_rows(values))) == 4096


def test_negative_zero_equals_zero() -> None:
    assert find_duplicates(np.array([[0.0, 1.0], [-0.0, 1.0]])).n_duplicates == 1


def test_rows_in_different_blocks() -> None:
    values = np.zeros((3000, 700))
    values[:, 0] = np.arange(3000)
    values[2999, 0] = 1
    assert find_duplicates(values).first[2999] == 1


def test_conflicting_labels_are_named() -> None:
    values = np.array([[1.0], [2.0], [1.0], [2.0], [1.0]])
    found = find_duplicates(values)
    check_labels_agree(found, np.array([5, 6, 5, 6, 5]))
    with pytest.raises(ConflictingLabels, match="rows 0 and 4") as caught:
        check_labels_agree(found, np.array([5, 6, 5, 6, 7]))
    assert caught.value.pairs == ((0, 4),)


def test_at_most_five_pairs_are_named() -> None:
    found = find_duplicates(np.ones((20, 1)))
    with pytest.raises(ConflictingLabels, match=r"19 row.*, \.\.\.") as caught:
        check_labels_agree(found, np.arange(20.0)[:, None])
    assert len(caught.value.pairs) == 5
