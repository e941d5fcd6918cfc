"""A block of K, written where it belongs: one matrix product and one pass that turns it into kernel values."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernelgen.engines.base import KernelLike
from kernelgen.engines.cuda.device import Array, Device, Finish, padded
from kernelgen.engines.cuda.inner_products import VALUES, ProductRows
from kernelgen.engines.cuda.operands import ALIGNMENT, Operand

SCRATCH = (
    1 << 22
)  # int32 products of bytes, or values of a custom kernel, held at a time: 16 MB, within a cache


def write_block(
    device: Device,
    K: Array,
    x: Operand | ProductRows,
    z: Operand | ProductRows,
    kernel: KernelLike,
    *,
    n_features: int,
    offset: int | None = None,
    ridge: float = 0.0,
    scratch: int | None = None,
) -> None:
    """K = k(x_i, z_j), with the exact diagonal and the ridge where i + offset == j.

    Products of floats are made in K's own memory. Those of bytes are made in an int32 scratch, a range of rows at a
    time: of ``SCRATCH`` elements, or of ``scratch`` where that is less. Inner products that are there are only read.
    """
    if isinstance(x, ProductRows) or isinstance(z, ProductRows):
        assert isinstance(x, ProductRows)
        assert isinstance(z, ProductRows)
        _evaluate(device, K, x, z, Finish(kernel, offset, ridge, n_features))
        return
    if not x.exact:
        m, n = K.shape
        device.multiply(K, x.values[:m], z.values[:n], transpose_b=True)
        _finish(device, K, K, x, z, Finish(kernel, offset, ridge, n_features))
        return
    columns = padded(K.shape[1], ALIGNMENT)
    step = scratch_rows(K.shape[0], K.shape[1], scratch)
    memory = device.xp.empty((step, columns), dtype=np.int32)
    for start in range(0, K.shape[0], step):
        rows = slice(start, min(start + step, K.shape[0]))
        part = x.rows(rows)
        products = memory[: len(part.values)]
        device.multiply(products, part.values, z.values[:columns], transpose_b=True)
        here = None if offset is None else offset + start
        _finish(device, K[rows], products, part, z, Finish(kernel, here, ridge, n_features))


def panel_scratch(n_samples: int) -> int:
    """Scratch beside a factor of n rows: less than a hundredth of the full square, so that this is in place."""
    return n_samples**2 // 128


def scratch_rows(rows: int, columns: int, scratch: int | None = None) -> int:
    """Rows of int32 products held at a time, a multiple of 16."""
    fit = min(SCRATCH, scratch or SCRATCH) // padded(columns, ALIGNMENT) // ALIGNMENT * ALIGNMENT
    return min(padded(rows, ALIGNMENT), max(ALIGNMENT, fit))


def scratch_bytes(rows: int, columns: int, scratch: int | None = None) -> int:
    """Bytes of the int32 scratch of a block of bytes."""
    return scratch_rows(rows, columns, scratch) * padded(columns, ALIGNMENT) * 4


def _evaluate(device: Device, K: Array, x: ProductRows, z: ProductRows, how: Finish) -> None:
    step = max(1, VALUES // K.shape[1])
    for start in range(0, len(K), step):
        rows = slice(start, min(start + step, len(K)))
        K[rows] = x.rows(rows).values(z, how.kernel)
    if how.offset is not None and -K.shape[0] < how.offset < K.shape[1]:
        _set_diagonal(device.xp, K, how, how.offset)


def _finish(device: Device, K: Array, products: Array, x: Operand, z: Operand, how: Finish) -> None:
    if how.offset is not None and not -K.shape[0] < how.offset < K.shape[1]:
        how = Finish(how.kernel, None, how.ridge, how.n_features)
    if how.kernel.name != "custom":
        device.finish(K, products, x, z, how)
        return
    device.finish(K, products, x, z, Finish(how.kernel, None, 0.0, how.n_features))
    step = scratch_rows(K.shape[0], K.shape[1])
    for start in range(0, len(K), step):
        part = K[start : start + step]
        part[...] = how.kernel.evaluate(part.copy())  # the function gets rows of its own
    if how.offset is not None:
        _set_diagonal(device.xp, K, how, how.offset)


def _set_diagonal(xp: Any, K: Array, how: Finish, offset: int) -> None:
    i = xp.arange(max(0, -offset), min(K.shape[0], K.shape[1] - offset))
    if how.kernel.diagonal_value is not None:
        K[i, i + offset] = how.kernel.diagonal_value
    K[i, i + offset] += how.ridge
