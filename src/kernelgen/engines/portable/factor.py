"""Tile Cholesky, left-looking: a tile of K lives only while it becomes a tile of L."""

from __future__ import annotations

import math
import time
from typing import Any, Final

import numpy as np
from scipy.linalg import lapack, solve_triangular

from kernelgen.arrays.points import Points
from kernelgen.engines.base import (
    TILE,
    AnyArray,
    FloatArray,
    Heartbeat,
    KernelLike,
    TileFactor,
    check_layout,
    check_tile,
    storage_elements,
)
from kernelgen.engines.portable.blocks import gram_block
from kernelgen.engines.portable.work import Work, blas_threads, cuts

LAYOUT: Final = "row-major"


def factorize(
    points: Points,
    kernel: KernelLike,
    *,
    ridge: float = 0.0,
    dtype: Any,
    tile: int = TILE,
    threads: int,
    heartbeat: Heartbeat | None = None,
) -> TileFactor:
    """L with L L^T = K + ridge I by left-looking tile Cholesky; a tile of K lives only while it becomes one of L."""
    n = points.n_samples
    storage = np.zeros(storage_elements(n, check_tile(tile)), dtype=dtype)
    L = TileFactor(storage, n, tile, LAYOUT, -1, math.inf, -1, 0.0)
    ranges = cuts(n, tile)
    work = Work(heartbeat, sum((j + 1) * (len(ranges) - j) for j in range(len(ranges))))
    with blas_threads(threads):
        for j, columns in enumerate(ranges):
            for i in range(j, len(ranges)):
                start = time.perf_counter()
                A = gram_block(points, ranges[i], columns, kernel)
                if i == j:
                    A[np.diag_indices_from(A)] += ridge
                with np.errstate(over="ignore"):  # the pivot will tell
                    A = A.astype(dtype, copy=False)
                L.gram_seconds += time.perf_counter() - start
                for k in range(j):
                    A -= _tile(L, i, k) @ _tile(L, j, k).T  # A(i, j) - sum_k L(i, k) L(j, k)^T
                if i > j:
                    _tile(L, i, j)[:] = _solve_lower(_tile(L, j, j), A.T).T  # A(i, j) L(j, j)^-T
                elif not _factor_diagonal(L, j, A):
                    return L
                work.add(j + 1)
    return L


def _factor_diagonal(L: TileFactor, j: int, A: AnyArray) -> bool:
    """L(j, j) = chol(A); False, with the pivot's row noted, where a pivot is not positive."""
    potrf = lapack.spotrf if A.dtype == np.float32 else lapack.dpotrf
    factor, info = potrf(A, lower=1, clean=1)
    pivots = np.diagonal(factor)[: info - 1 if info > 0 else None].astype(np.float64) ** 2
    bad = np.flatnonzero(~((pivots > 0) & (pivots < np.inf)))  # nor is nan
    good = pivots[: bad[0]] if bad.size else pivots
    if good.size and good.min() < L.min_pivot:
        L.min_pivot, L.min_pivot_row = float(good.min()), j * L.tile + int(good.argmin())
    if info > 0 or bad.size:
        L.pivot_row = j * L.tile + len(good)
        return False
    _tile(L, j, j)[:] = factor
    return True


def solve(factor: TileFactor, B: AnyArray, *, threads: int, heartbeat: Heartbeat | None = None) -> AnyArray:
    """X with L L^T X = B: forward by rows of tiles, then backward by the same rows."""
    check_layout(factor, LAYOUT)
    X: AnyArray = np.array(B, dtype=factor.storage.dtype, order="C")
    ranges = cuts(factor.n_samples, factor.tile)
    work = Work(heartbeat, len(ranges) * (len(ranges) + 1))
    with blas_threads(threads):
        for i, rows in enumerate(ranges):
            for j in range(i):
                X[rows] -= _tile(factor, i, j) @ X[ranges[j]]
            X[rows] = _solve_lower(_tile(factor, i, i), X[rows])
            work.add(i + 1)
        for i in reversed(range(len(ranges))):
            rows = ranges[i]
            X[rows] = _solve_lower(_tile(factor, i, i), X[rows], transposed=True)
            for j in range(i):
                X[ranges[j]] -= _tile(factor, i, j).T @ X[rows]
            work.add(i + 1)
    return X


def diag_inverse(factor: TileFactor, *, threads: int, heartbeat: Heartbeat | None = None) -> FloatArray:
    """(K^-1)_ii = |L^-1 e_i|^2, a tile's columns of L^-1 at a time."""
    check_layout(factor, LAYOUT)
    ranges = cuts(factor.n_samples, factor.tile)
    diagonal = np.zeros(factor.n_samples)
    work = Work(heartbeat, sum((len(ranges) - c) ** 2 for c in range(len(ranges))))
    with blas_threads(threads):
        for c, columns in enumerate(ranges):
            W = np.zeros((factor.n_samples, columns.stop - columns.start), dtype=factor.storage.dtype)
            np.fill_diagonal(W[columns], 1)
            for i in range(c, len(ranges)):
                for j in range(c, i):
                    W[ranges[i]] -= _tile(factor, i, j) @ W[ranges[j]]
                W[ranges[i]] = _solve_lower(_tile(factor, i, i), W[ranges[i]])
                block = W[ranges[i]].astype(np.float64)
                diagonal[columns] += np.einsum("ij,ij->j", block, block)
                work.add(2 * (i - c) + 1)
    return diagonal


def _tile(factor: TileFactor, i: int, j: int) -> AnyArray:
    """View of tile (i, j), without its padding."""
    n, tile = factor.n_samples, factor.tile
    start = (i * (i + 1) // 2 + j) * tile * tile
    view = factor.storage[start : start + tile * tile].reshape(tile, tile)
    return view[: min(tile, n - i * tile), : min(tile, n - j * tile)]


def _solve_lower(L: AnyArray, B: AnyArray, *, transposed: bool = False) -> AnyArray:
    X: AnyArray = solve_triangular(L, B, lower=True, trans="T" if transposed else "N", check_finite=False)
    return X
