"""The kernel on blocks of rows, in float64; products of bytes are exact there."""

from __future__ import annotations

import numpy as np

from kernelgen.arrays.points import Points
from kernelgen.engines.base import FloatArray, KernelLike


def kernel_block(x: FloatArray, z: FloatArray, scale: float, kernel: KernelLike) -> FloatArray:
    """k(scale x_i, scale z_j) for two blocks of raw float64 rows."""
    q = x @ z.T
    if kernel.of == "product":
        q *= 1.0 if kernel.normalize else scale**2
        if kernel.normalize:
            q /= np.sqrt(_squared_norms(x))[:, None] * np.sqrt(_squared_norms(z))
    else:
        # |x - z|^2 = |x|^2 + |z|^2 - 2 <x, z>
        q *= -2.0
        q += _squared_norms(x)[:, None] + _squared_norms(z)  # the sum first: it keeps K(x, x) symmetric
        np.maximum(q, 0.0, out=q)
        q *= scale**2
        if kernel.of == "distance":
            np.sqrt(q, out=q)
    result: FloatArray = kernel.evaluate(q)
    return result


def gram_block(points: Points, rows: slice, columns: slice, kernel: KernelLike) -> FloatArray:
    """k(x_i, x_j) for two ranges of one set of points, with the exact diagonal where the kernel has one."""
    x = points.raw_float64(rows)
    if rows != columns:
        return kernel_block(x, points.raw_float64(columns), points.scale, kernel)
    K = kernel_block(x, x, points.scale, kernel)
    if kernel.diagonal_value is not None:
        np.fill_diagonal(K, kernel.diagonal_value)
    return K


def _squared_norms(x: FloatArray) -> FloatArray:
    norms: FloatArray = np.einsum("ij,ij->i", x, x)
    return norms
