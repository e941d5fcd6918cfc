"""Points: what the kernel sees, and how two sets come to one dtype."""

from __future__ import annotations

import numpy as np
import pytest

from kernelgen.arrays.checks import check_pair
from kernelgen.arrays.points import Points, center_of, match
from kernelgen.errors import DataError


def test_the_kernel_sees_scaled_differences_from_the_center() -> None:
    values = np.array([[1.0, 2.0], [3.0, 6.0]])
    points = center_of(Points(values, scale=0.5))
    assert np.array_equal(points.center, [2.0, 4.0])
    assert np.array_equal(points.as_float64(slice(None)), [[-0.5, -1.0], [0.5, 1.0]])
    assert points.values is values


def test_bytes_are_never_centered() -> None:
    points = Points(np.array([[0, 255]], dtype=np.uint8))
    assert center_of(points) is points


def test_take_keeps_scale_and_center() -> None:
    points = center_of(Points(np.arange(6.0).reshape(3, 2), scale=3.0))
    taken = points.take(np.array([2, 0]))
    assert np.array_equal(taken.as_float64(slice(None)), points.as_float64(np.array([2, 0])))


@pytest.mark.parametrize(
    ("test", "train", "common"),
    [
        ("uint8", "uint8", "uint8"),
        ("uint8", "float32", "float32"),
        ("uint8", "float64", "float64"),
        ("float64", "float32", "float64"),
        ("float32", "float64", "float64"),
        ("float64", "uint8", "uint8"),
    ],
)
def test_whole_numbers_meet_in_the_narrowest_exact_dtype(test: str, train: str, common: str) -> None:
    values = np.array([[0, 1], [254, 255]])
    x, z = match(Points(values.astype(test)), Points(values.astype(train), 0.5))
    assert x.values.dtype == z.values.dtype == common
    assert x.scale == 0.5
    assert np.array_equal(x.values, z.values)


def test_fractions_widen_bytes_instead_of_being_rounded() -> None:
    x, z = match(Points(np.array([[0.5, 300.0]])), Points(np.array([[1, 2]], dtype=np.uint8)))
    assert x.values.dtype == z.values.dtype == np.float64
    assert np.array_equal(x.values, [[0.5, 300.0]])


def test_other_numbers_of_features_are_refused() -> None:
    with pytest.raises(DataError, match=r"3 features.*2"):
        check_pair(Points(np.zeros((1, 3))), Points(np.zeros((1, 2))))
