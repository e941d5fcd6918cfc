"""Points: n rows in R^d as the engines read them, never copied without need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
AnyArray = NDArray[Any]

EXACT_BYTE_FEATURES = 32768
"""Largest d at which products and squared distances of bytes fit in 32 bits: 255^2 d < 2^31."""


@dataclass(frozen=True, slots=True)
class Points:
    """n points in R^d; a kernel sees ``scale * (values - center)``.

    Parameters
    ----------
    values : array, shape (n, d), C-contiguous, uint8, float32 or float64
        Raw coordinates. Bytes stay bytes: their products are exact integers.
    scale : float, default 1.0
        One factor for all coordinates, for example 1/255.
    center : array, shape (d,), float64, or None
        In raw units. Set for floating-point values under kernels of distances, where it prevents the cancellation in
        ``|x|^2 + |z|^2 - 2 <x, z>``; for bytes only beyond ``EXACT_BYTE_FEATURES``, up to where integers are exact.
    """

    values: AnyArray
    scale: float = 1.0
    center: FloatArray | None = None

    @property
    def n_samples(self) -> int:
        """Number of rows."""
        return int(self.values.shape[0])

    @property
    def n_features(self) -> int:
        """Number of columns."""
        return int(self.values.shape[1])

    def take(self, rows: NDArray[np.int64]) -> Points:
        """Points of the given rows (a copy), with the same scale and center."""
        return Points(np.ascontiguousarray(self.values[rows]), self.scale, self.center)

    def raw_float64(self, rows: slice | NDArray[np.int64]) -> FloatArray:
        """``values[rows] - center`` in float64: what products and distances are computed from, before the scale."""
        block = self.values[rows].astype(np.float64)
        if self.center is not None:
            block -= self.center
        return block

    def as_float64(self, rows: slice | NDArray[np.int64]) -> FloatArray:
        """``scale * (values[rows] - center)`` in float64: what the kernel sees."""
        block = self.raw_float64(rows)
        block *= self.scale
        return block


def center_of(points: Points) -> Points:
    """The same points with ``center`` set to their mean; bytes are returned as they are while they are exact."""
    if points.values.dtype == np.uint8 and points.n_features <= EXACT_BYTE_FEATURES:
        return points
    center = points.values.mean(axis=0, dtype=np.float64)
    return Points(points.values, points.scale, center)


def match(test: Points, train: Points) -> tuple[Points, Points]:
    """The two sets of points in one dtype, with train's scale and center: what cross products need.

    Nothing is rounded. Integer-valued test points in 0..255 become bytes where train holds bytes; otherwise the
    narrower of the two is widened (a copy).
    """
    test_values, train_values = test.values, train.values
    if train_values.dtype == np.uint8 and test_values.dtype != np.uint8 and _are_bytes(test_values):
        test_values = test_values.astype(np.uint8)
    common = np.result_type(test_values.dtype, train_values.dtype)
    if np.uint8 in (test_values.dtype, train_values.dtype) and common != np.uint8:
        common = np.dtype(np.float32 if common == np.float32 else np.float64)
    return (
        Points(test_values.astype(common, copy=False), train.scale, train.center),
        Points(train_values.astype(common, copy=False), train.scale, train.center),
    )


def _are_bytes(values: AnyArray) -> bool:
    step = max(1, (1 << 22) // max(1, values.shape[1]))
    blocks = (values[start : start + step] for start in range(0, len(values), step))
    return all(bool(np.all((b >= 0) & (b <= 255) & (b == np.floor(b)))) for b in blocks)
