"""The device protocol in NumPy and SciPy: what the engine is tested on where there is no card."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from scipy.linalg import lapack, solve_triangular

from kernelgen.engines.base import AnyArray
from kernelgen.engines.convolution import ConvolutionShape
from kernelgen.engines.cuda.device import DeviceFilters, Finish, Products, formula
from kernelgen.engines.cuda.regions import GROUP, pooling_regions

_CLOSE = 1e-3  # as in finish.cu


class Host:
    """NumPy arrays under the device protocol; work is done when a call returns."""

    xp = np

    def __init__(
        self,
        *,
        block: int = 96,
        tiles: tuple[int, ...] = (96, 48),
        largest_square: int = 1 << 30,
        memory_bytes: int = 1 << 34,
        block_bytes: int = 1 << 16,
    ) -> None:
        self.block = block
        self.tiles = tiles
        self.largest_square = largest_square
        self.memory_bytes = memory_bytes
        self.block_bytes = block_bytes

    def unavailable(self) -> str | None:
        """None: NumPy is always there."""
        return None

    def upload(self, values: AnyArray) -> AnyArray:
        """The array itself, as a view: nothing is copied."""
        return np.asarray(values)

    def owns(self, array: AnyArray) -> bool:
        """No: results are the host's in any case."""
        return False

    def fetch(self, array: AnyArray) -> AnyArray:
        """The array itself."""
        return array

    def multiply(
        self,
        C: AnyArray,
        A: AnyArray,
        B: AnyArray,
        *,
        alpha: float = 1.0,
        beta: float = 0.0,
        transpose_a: bool = False,
        transpose_b: bool = False,
        products: Products = "float32",
    ) -> None:
        """C = alpha op(A) op(B) + beta C; int8 times int8 gives int32, exactly."""
        if A.dtype == np.int8:
            A, B = A.astype(np.float64), B.astype(np.float64)  # exact: sums stay below 2^53
        AB = (A.T if transpose_a else A) @ (B.T if transpose_b else B)
        if beta == 0.0:
            C[...] = alpha * AB
        else:
            C *= C.dtype.type(beta)
            C += (alpha * AB).astype(C.dtype, copy=False)

    def divide_rows(self, P: AnyArray, L: AnyArray) -> None:
        """P = P L^-T."""
        P[...] = solve_triangular(L, P.T, lower=True, check_finite=False).T

    def solve_triangle(self, L: AnyArray, X: AnyArray, *, transposed: bool) -> None:
        """X = L^-1 X, or L^-T X."""
        X[...] = solve_triangular(L, X, lower=True, trans="T" if transposed else "N", check_finite=False)

    def cholesky(self, A: AnyArray) -> AnyArray:
        """Lower triangle of A = that of L; 0, or the first pivot not positive (from 1). The upper one is kept."""
        potrf = lapack.spotrf if A.dtype == np.float32 else lapack.dpotrf
        L, info = potrf(A, lower=1, clean=0)
        A[...] = np.tril(L) + np.triu(A, 1)
        return np.array([info], dtype=np.int32)

    def cholesky_workspace_bytes(self, n: int, dtype: Any, /) -> int:
        """None beside A."""
        return 0

    def cholesky_solve(self, L: AnyArray, X: AnyArray) -> AnyArray:
        """(L L^T)^-1 X."""
        potrs = lapack.spotrs if L.dtype == np.float32 else lapack.dpotrs
        result: AnyArray = np.ascontiguousarray(potrs(np.tril(L), X, lower=1)[0])
        return result

    def finish(self, K: AnyArray, products: AnyArray, x: Any, z: Any, how: Finish) -> None:
        """The formulas of ``finish.cu``, vectorized."""
        name, a, b, degree = formula(how.kernel)
        m, n = K.shape
        sums = x.terms[:, None] + z.terms
        weight = products.dtype.type(1 if how.kernel.of == "product" else -2)
        exact = products.dtype == np.int32
        q = sums + weight * (products[:m, :n].astype(np.int64) if exact else products[:m, :n])
        if how.kernel.of != "product":
            close = np.argwhere(q < q.dtype.type(_CLOSE) * sums) if not exact else np.empty((0, 2), dtype=int)
            q = np.maximum(q, 0)
            for i, j in close:
                gap = x.values[i, : how.n_features].astype(float) - z.values[j, : how.n_features]
                q[i, j] = gap @ gap
        q = q.astype(K.dtype)
        q *= x.factors[:, None] * z.factors
        if how.kernel.of == "distance":
            q = np.sqrt(q)
        if name in ("gaussian", "laplacian"):
            q = np.exp(K.dtype.type(a) * q)
        elif name == "polynomial":
            q = (K.dtype.type(a) * q + K.dtype.type(b)) ** degree
        if how.offset is not None:
            i = np.arange(max(0, -how.offset), min(m, n - how.offset))
            if how.kernel.diagonal_value is not None and name != "quantity":
                q[i, i + how.offset] = how.kernel.diagonal_value
            q[i, i + how.offset] += K.dtype.type(how.ridge)
        K[...] = q

    def gather_patches(
        self, patches: AnyArray, images: AnyArray, shape: ConvolutionShape, scale: float
    ) -> None:
        """The formulas of ``convolve.cu``, vectorized."""
        down, across = shape.positions
        y, x = np.divmod(np.arange(down * across), across)
        v, rest = np.divmod(np.arange(shape.depth), shape.patch * shape.channels)
        u, channel = np.divmod(rest, shape.channels)
        corner = y * shape.row_step + x * shape.column_step
        inside = v * shape.row_step + u * shape.column_step + channel * shape.channel_step
        values = scale * images[:, corner[:, None] + inside].astype(np.float64)
        values = values.reshape(patches.shape).astype(patches.dtype)
        if shape.contrast is not None:
            gaps = values - values.mean(axis=1, dtype=np.float64, keepdims=True)
            variance = np.square(gaps).sum(axis=1, keepdims=True) / max(1, shape.depth - 1)
            values = gaps * (1.0 / np.sqrt(variance + shape.contrast))
        patches[...] = values

    def rectify_and_pool(
        self, features: AnyArray, responses: AnyArray, filters: DeviceFilters, shape: ConvolutionShape
    ) -> None:
        """The formulas of ``convolve.cu``, vectorized over images and filters."""
        down, across = shape.windows
        n_filters = responses.shape[1]
        maps = responses.reshape(-1, *shape.positions, n_filters)
        for cell, (a, b) in enumerate(np.ndindex(down, across)):
            top, left = a * shape.stride, b * shape.stride
            window = maps[:, top : top + shape.pool, left : left + shape.pool]
            weight = 1 / responses.dtype.type(window.shape[1] * window.shape[2] if shape.average else 1)
            sides = (np.maximum(window - filters.above, 0), np.maximum(filters.below - window, 0))
            for side, rectified in enumerate(sides):
                first = (2 * cell + side) * n_filters
                own = slice(first, first + n_filters)
                pooled = (weight * rectified.sum(axis=(1, 2))).astype(np.float64)
                features[:, own] = (pooled - filters.mean[own]) * filters.factor[own]

    def convolve_and_pool(
        self,
        features: AnyArray,
        images: AnyArray,
        columns: AnyArray,
        filters: DeviceFilters,
        shape: ConvolutionShape,
        *,
        scale: float,
    ) -> None:
        """The formulas of ``fused.cu``, vectorized: sums of regions, and windows as sums of those."""
        n, n_filters, regions = len(images), len(filters.above), pooling_regions(shape)
        patches = np.empty((n * shape.positions[0] * shape.positions[1], shape.depth), dtype=np.float32)
        self.gather_patches(patches, images, shape, scale)
        responses = patches @ columns[: shape.depth, :n_filters]
        sides = np.stack([responses - filters.above, filters.below - responses])
        rectified = np.maximum(sides, 0).reshape(2, n, -1, n_filters)
        slots = np.where(regions.order[:, None] < 0, 0, rectified[:, :, regions.order])
        of_slot = np.repeat(regions.of_group, GROUP)
        sums = [slots[:, :, of_slot == r].sum(axis=2) for r in range(regions.count)]
        grid = np.array(sums).reshape(regions.down, regions.across, 2, n, n_filters)
        for cell, (top, bottom, left, right) in enumerate(regions.windows):
            pooled = regions.weights[cell] * grid[top:bottom, left:right].sum(axis=(0, 1))
            for side in range(2):
                first = (2 * cell + side) * n_filters
                own = slice(first, first + n_filters)
                features[:, own] = (pooled[side].astype(np.float64) - filters.mean[own]) * filters.factor[own]

    def mark(self) -> float:
        """The time."""
        return time.perf_counter()

    def done(self, mark: float) -> bool:
        """Always: work is done when a call returns."""
        return True

    def seconds_between(self, start: float, stop: float) -> float:
        """Difference of two times."""
        return stop - start

    def available_bytes(self) -> int:
        """What it was told to have."""
        return self.memory_bytes

    def taken_bytes(self) -> int:
        """Not kept count of."""
        return 0

    def release(self) -> None:
        """Nothing is kept."""

    def describe(self) -> dict[str, Any]:
        """What it is."""
        return {"device": "NumPy on the host, in place of a card"}
