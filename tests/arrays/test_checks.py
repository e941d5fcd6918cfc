"""What may come in, and what the message says about what may not."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from kernelgen.arrays.checks import check_points, check_targets, check_threads, parse_bytes
from kernelgen.errors import DataError, UsageError


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_native_dtypes_are_kept_without_a_copy(dtype: str) -> None:
    X = np.ones((3, 2), dtype=dtype)
    X.flags.writeable = False
    points = check_points(X)
    assert points.values.dtype == dtype
    assert np.shares_memory(points.values, X)


@pytest.mark.parametrize("dtype", ["bool", "int8", "int16", "uint16", "int32", "int64", "uint64"])
def test_other_integers_become_float64_exactly(dtype: str) -> None:
    X = np.array([[0, 1], [1, 0]]).astype(dtype)
    points = check_points(X)
    assert points.values.dtype == np.float64
    assert np.array_equal(points.values, X.astype(float))


def test_memory_order_byte_order_lists_and_frames_are_accepted() -> None:
    X = np.arange(6.0).reshape(3, 2)
    for given in (
        np.asfortranarray(X),
        X.astype(">f8"),
        X.tolist(),
        pd.DataFrame(X),
        np.repeat(X, 2, axis=1)[:, ::2],
    ):
        points = check_points(given)
        assert points.values.flags.c_contiguous
        assert points.values.dtype == np.dtype("float64")
        assert np.array_equal(points.values, X)


@pytest.mark.parametrize(
    ("X", "words"),
    [
        (np.zeros(3), ["shape (3,)", "reshape(-1, 1)"]),
        (np.zeros((2, 2, 2)), ["(2, 2, 2)"]),
        (np.zeros((0, 2)), ["0 sample"]),
        (np.zeros((2, 0)), ["0 feature"]),
        (np.zeros((2, 2), dtype=np.float16), ["float16", "float32"]),
        (np.zeros((2, 2), dtype=complex), ["complex128"]),
        (np.array([["a", "b"]]), ["<U1"]),
        (np.array([[object()]]), ["object"]),
        ([[1.0, 2.0], [3.0]], ["rectangular"]),
        (sparse.eye(3).tocsr(), ["sparse", "toarray"]),
        (np.array([[2**53 + 1]]), ["2^53"]),
    ],
)
def test_refusals_say_what_is_wrong(X: object, words: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        check_points(X)
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("bad", "word"), [(np.nan, "NaN"), (-np.inf, "infinity")])
def test_a_value_that_is_not_finite_is_named(dtype: str, bad: float, word: str) -> None:
    X = np.zeros((2000, 1100), dtype=dtype)  # more than one block
    X[1999, 3] = bad
    with pytest.raises(DataError, match=f"{word}.*row 1999, column 3"):
        check_points(X)


@pytest.mark.parametrize(("dtype", "value"), [("float64", 1e160), ("float32", 1e20)])
def test_a_value_too_large_to_square_is_named(dtype: str, value: float) -> None:
    with pytest.raises(DataError, match=r"too large to square.*row 0, column 1"):
        check_points(np.array([[0.0, value]], dtype=dtype))


@pytest.mark.parametrize("scale", [0.0, -1.0, np.nan, np.inf, "1", True])
def test_scale_must_be_positive(scale: object) -> None:
    with pytest.raises(UsageError, match="scale"):
        check_points([[1.0]], scale=scale)  # type: ignore[arg-type]


def test_targets_become_columns_of_float64() -> None:
    Y, was_1d = check_targets([1, 2, 3], 3)
    assert was_1d
    assert Y.shape == (3, 1)
    assert Y.dtype == np.float64
    Y, was_1d = check_targets(np.ones((3, 2), dtype=np.float32), 3)
    assert not was_1d
    assert Y.shape == (3, 2)


@pytest.mark.parametrize(
    ("Y", "word"),
    [
        (np.ones(4), "4 rows"),
        (np.ones((3, 0)), "(3, 0)"),
        (["a", "b", "c"], "not numeric"),
        ([0.0, np.nan, 0.0], "row 1, column 0"),
        (np.ones((3, 1, 1)), "(3, 1, 1)"),
    ],
)
def test_targets_that_cannot_be_used(Y: object, word: str) -> None:
    with pytest.raises(DataError) as caught:
        check_targets(Y, 3)
    assert word in str(caught.value)


def test_threads() -> None:
    cores = len(os.sched_getaffinity(0))
    assert check_threads(None) == cores
    assert check_threads(1) == 1
    with pytest.raises(UsageError, match=f"{cores + 1}.*{cores} cores"):
        check_threads(cores + 1)
    for bad in (0, -1, 1.5, True):
        with pytest.raises(UsageError):
            check_threads(bad)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "count"),
    [("8GB", 8 * 10**9), ("1.5 MiB", 1572864), ("512kb", 512000), (12, 12), ("100", 100), (None, None)],
)
def test_bytes(text: object, count: int | None) -> None:
    assert parse_bytes(text) == count  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["8 bananas", "", "GB", "-1GB", 0, -5, 1.5e9j])
def test_bytes_that_are_none(text: object) -> None:
    with pytest.raises(UsageError):
        parse_bytes(text)  # type: ignore[arg-type]
