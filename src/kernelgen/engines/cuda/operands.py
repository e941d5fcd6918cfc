"""Points as products read them: bytes less 128 in int8, or centred rows in the precision of K."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kernelgen.arrays.points import EXACT_BYTE_FEATURES, Points
from kernelgen.engines.base import KernelLike
from kernelgen.engines.cuda.device import Array, Device, padded

ALIGNMENT = (
    16  # tensor cores read rows of int8 in units of 16 bytes; pads are 0, which adds nothing to a product
)
_CHUNK = 1 << 20  # elements converted at a time


@dataclass(frozen=True, slots=True)
class Operand:
    """One side of a product.

    Parameters
    ----------
    values : device array, shape (padded rows, padded features), int8, float32 or float64
    terms : device array, shape (rows,), int64 beside int8, else the dtype of values
        What the row adds to a product: |a|^2 for distances; for products of bytes 128 sum(a) + 128^2 d / 2; else 0.
    factors : device array, shape (rows,), dtype of K
        Scale of the row's quantity: the points' scale, or 1 / |x| for normalized products.
    exact : bool
        Whether values are bytes less 128, with products and sums that do not round.
    """

    values: Array
    terms: Array
    factors: Array
    exact: bool

    def rows(self, rows: slice) -> Operand:
        """A range of rows that starts at a multiple of 16; values keep their pads up to the next multiple."""
        stop = rows.start + padded(rows.stop - rows.start, ALIGNMENT)
        return Operand(self.values[rows.start : stop], self.terms[rows], self.factors[rows], self.exact)


def is_exact(values_dtype: Any, n_features: int, *, centred: bool = False) -> bool:
    """Whether products are made of bytes, in int8 with int32 sums."""
    return np.dtype(values_dtype) == np.uint8 and n_features <= EXACT_BYTE_FEATURES and not centred


def prepare(device: Device, points: Points, kernel: KernelLike, dtype: np.dtype[Any]) -> Operand:
    """The operand of all rows; ``points`` lie on the device, K will have the given dtype."""
    xp, (n, d) = device.xp, points.values.shape
    exact = is_exact(points.values.dtype, d, centred=points.center is not None)
    shape = (padded(n, ALIGNMENT), padded(d, ALIGNMENT))
    values = xp.zeros(shape, dtype=np.int8 if exact else dtype)
    terms = xp.zeros(n, dtype=np.int64 if exact else dtype)
    factors = xp.full(n, points.scale, dtype=dtype)
    center = None if points.center is None else xp.asarray(points.center)
    step = chunk_rows(n, d)
    for start in range(0, n, step):
        rows = slice(start, min(start + step, n))
        if exact:
            values[rows, :d] = (points.values[rows] ^ np.uint8(128)).view(np.int8)  # x - 128
            block = values[rows, :d].astype(np.int32)
            if kernel.of == "product":
                terms[rows] = 128 * block.sum(axis=1, dtype=np.int64) + 8192 * d
            else:
                terms[rows] = xp.square(block).sum(axis=1, dtype=np.int64)
        else:
            block = points.values[rows].astype(np.float64)
            if center is not None:
                block -= center
            values[rows, :d] = block.astype(dtype)
            if kernel.of != "product":
                terms[rows] = xp.square(values[rows, :d].astype(np.float64)).sum(axis=1).astype(dtype)
        if kernel.normalize:
            block = points.values[rows].astype(np.float64)
            factors[rows] = (1.0 / xp.sqrt(xp.square(block).sum(axis=1))).astype(dtype)
    return Operand(values, terms, factors, exact)


def chunk_rows(n: int, d: int) -> int:
    """Rows converted at a time: a sixteenth of them, within bounds."""
    return max(1, min(_CHUNK, max(1 << 14, n * d // 16)) // d)


def operand_bytes(n: int, d: int, values_dtype: Any, dtype: Any) -> int:
    """Bytes of an operand, and of the rows being converted."""
    itemsize: int = np.dtype(dtype).itemsize
    exact = is_exact(values_dtype, d)
    rows, columns = padded(n, ALIGNMENT), padded(d, ALIGNMENT)
    kept = rows * columns * (1 if exact else itemsize) + n * (itemsize + (8 if exact else itemsize))
    return kept + 3 * 8 * d * min(n, chunk_rows(n, d))
