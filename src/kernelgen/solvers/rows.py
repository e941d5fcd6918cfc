"""Rows that make a system unsolvable: named in the caller's numbering."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernelgen.arrays.checks import row_blocks
from kernelgen.arrays.inner_products import InnerProducts
from kernelgen.arrays.points import FloatArray, Points
from kernelgen.errors import DataError, UsageError
from kernelgen.kernels.base import Kernel


def check_rows_nonzero(points: Points, kernel: Kernel, *, name: str = "X") -> None:
    """Refuse a row of zeros under a kernel of normalized points, where x/|x| has no value."""
    if not kernel.normalize:
        return
    for start, block in row_blocks(points.values):
        zero = np.flatnonzero(~block.any(axis=1))
        if len(zero):
            raise DataError(
                f"{name} has only zeros in row {start + zero[0]}, which normalize=True cannot scale to length 1: "
                "drop the row, or use normalize=False with coef0 > 0"
            )


def check_range(points: Points, kernel: Kernel, dtype: np.dtype[Any]) -> None:
    """Refuse points whose squared norms or kernel values the factor's precision cannot hold.

    |K_ij| never exceeds the larger of K_ii and K_jj, so that the diagonal alone tells.
    """
    if kernel.normalize or (kernel.uses_distance and points.values.dtype == np.uint8):
        return
    largest = float(np.finfo(dtype).max)
    for start, block in row_blocks(points.values):
        squares = np.square(points.as_float64(slice(start, start + len(block)))).sum(axis=1)
        with np.errstate(over="ignore"):
            values = 4.0 * squares if kernel.uses_distance else np.maximum(squares, kernel.evaluate(squares))
        if values.max() > largest:
            raise UsageError(
                f"row {start + int(values.argmax())} has squared length {squares[values.argmax()]:.3g}, at which "
                f"{dtype} cannot hold the kernel's values: scale the points down, use a kernel with normalize=True, "
                'or precision="float64"'
            )


def nearest_earlier_row(
    points: Points | InnerProducts, row: int, *, normalize: bool = False
) -> tuple[int, float] | None:
    """The row before ``row`` that is nearest to it, and their distance as the kernel sees it; None for row 0.

    Distances of points are differences in float64, not expanded products: a near duplicate shows its true distance.
    Those from inner products are as sharp as the products.
    """
    if row == 0:
        return None
    if isinstance(points, InnerProducts):
        products, norms = points.row(row)[:row], points.squared_norms()
        if normalize:
            products, norms = products / np.sqrt(norms[row] * norms[:row]), np.ones_like(norms)
        squares = np.maximum(norms[row] + norms[:row] - 2.0 * products, 0.0)
        return int(squares.argmin()), float(np.sqrt(squares.min()))
    step = max(1, (1 << 20) // points.n_features)
    x = _seen(points, slice(row, row + 1), normalize)
    best, partner = np.inf, 0
    for start in range(0, row, step):
        gaps = np.linalg.norm(_seen(points, slice(start, min(start + step, row)), normalize) - x, axis=1)
        if gaps.min() < best:
            best, partner = float(gaps.min()), start + int(gaps.argmin())
    return partner, best


def _seen(points: Points, rows: slice, normalize: bool) -> FloatArray:
    x = points.as_float64(rows)
    if normalize:
        x /= np.linalg.norm(x, axis=1, keepdims=True)
    return x
