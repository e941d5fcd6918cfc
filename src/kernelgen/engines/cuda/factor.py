"""Cholesky in place on the device: by column panels with half the storage, or of the full square by the library."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np

from kernelgen.arrays.checks import check_choice
from kernelgen.arrays.inner_products import InnerProducts
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
from kernelgen.engines.cuda.blocks import panel_scratch, write_block
from kernelgen.engines.cuda.device import Array, Device, Products, device
from kernelgen.engines.cuda.inner_products import ProductRows, rows_of
from kernelgen.engines.cuda.operands import Operand
from kernelgen.engines.cuda.panels import LAYOUT, Panels, panels_of
from kernelgen.engines.cuda.release import releases
from kernelgen.engines.cuda.work import Work
from kernelgen.errors import UsageError

PRODUCTS = ("float32", "tf32", "bf16x9")
_ROWS = 16384  # rows of one product in a full square: addresses within it stay below 2^31 elements


def chosen_products() -> Products:
    """How float32 products of a factor are made: ``KERNELGEN_CUDA_PRODUCTS``, or float32."""
    name = os.environ.get("KERNELGEN_CUDA_PRODUCTS", "float32")
    return check_choice(name, "KERNELGEN_CUDA_PRODUCTS", PRODUCTS)  # type: ignore[return-value]


@releases
def factorize(
    points: Points | InnerProducts,
    kernel: KernelLike,
    *,
    ridge: float = 0.0,
    dtype: Any,
    tile: int = TILE,
    threads: int,
    heartbeat: Heartbeat | None = None,
    products: Products | None = None,
) -> TileFactor:
    """L with L L^T = K + ridge I, K generated in the memory that L will have.

        panels:       A(:, j) = K(:, j) - sum_{k<j} L(:, k) L(j, k)^T
                      L(j, j) = chol(A(j, j)),   L(i, j) = A(i, j) L(j, j)^-T for i > j
        full square:  the library's Cholesky factorization, where one tile holds all rows

    Notes
    -----
    n^3/3 + n^2 d flops, without the second term where inner products are given. Panels take nt (nt + 1) / 2 tile^2
    elements, a full square tile^2; ``products`` (else ``KERNELGEN_CUDA_PRODUCTS``) lets float32 products of panels run
    on tensor cores.
    """
    on, kind, n = device(), np.dtype(dtype), points.n_samples
    products = products or chosen_products()
    check_tile(tile)
    if n <= tile and n > on.largest_square:
        raise UsageError(
            f"a full square of {n} rows is more than the {on.largest_square} that this cuSOLVER factors: "
            f"choose a tile of at most {on.tiles[0]}"
        )
    storage = on.xp.zeros(storage_elements(n, tile), dtype=kind)
    L = TileFactor(storage, n, tile, LAYOUT, -1, math.inf, -1, 0.0)
    parts = panels_of(storage, n, tile, on.block)
    x, d = rows_of(on, points, kernel, kind), 0 if isinstance(points, InnerProducts) else points.n_features
    total = n**3 / 3 + n**2 * d / 2
    work = Work(on, heartbeat, total)
    spans = []
    for j in range(parts.count):
        start = on.mark()
        write_panel(on, parts, j, x, kernel, d, ridge)
        spans.append((start, on.mark()))
        work.add(parts.panel(j).size * d)
        if not parts.is_square:
            _subtract(on, parts, j, products, work)
            good = _factor_diagonal(on, L, parts.panel(j)[: _width(parts, j)], parts.rows(j).start, work)
            if not good:
                return L
            _divide(on, parts, j)
    if parts.is_square and not _factor_diagonal(on, L, parts.square(), 0, work):
        return L
    work.finish()
    L.gram_seconds = sum(on.seconds_between(start, stop) for start, stop in spans)
    return L


def write_panel(
    on: Device,
    parts: Panels,
    j: int,
    x: Operand | ProductRows,
    kernel: KernelLike,
    n_features: int,
    ridge: float,
) -> None:
    """Panel j of K + ridge I, in the memory of panel j of L."""
    panel, start = parts.panel(j), parts.rows(j).start
    z = x.rows(parts.rows(j))
    for rows in _cut(parts, 0, len(panel)):
        own = x.rows(slice(start + rows.start, start + rows.stop))
        write_block(
            on,
            panel[rows],
            own,
            z,
            kernel,
            n_features=n_features,
            offset=rows.start,
            ridge=ridge,
            scratch=panel_scratch(parts.n_samples),
        )


def _subtract(on: Device, parts: Panels, j: int, products: Products, work: Work) -> None:
    """A(:, j) -= L(:, k) L(j, k)^T for each k < j: one product for the whole panel."""
    A, start = parts.panel(j), parts.rows(j).start
    for k in range(j):
        below = parts.panel(k)[start - parts.rows(k).start :]
        on.multiply(
            A, below, below[: _width(parts, j)], alpha=-1.0, beta=1.0, transpose_b=True, products=products
        )
        work.add(2.0 * A.size * below.shape[1])


def _factor_diagonal(on: Device, L: TileFactor, A: Array, start: int, work: Work) -> bool:
    """A = chol(A) in its lower triangle; False, with the pivot's row noted, where a pivot is not positive."""
    code = on.cholesky(A)
    work.settle()
    info = int(on.fetch(code)[0])
    pivots = on.fetch(on.xp.diagonal(A).astype(np.float64)) ** 2
    pivots = pivots[: info - 1 if info > 0 else None]
    bad = np.flatnonzero(~((pivots > 0) & (pivots < np.inf)))  # nor is nan
    good = pivots[: bad[0]] if bad.size else pivots
    if good.size and good.min() < L.min_pivot:
        L.min_pivot, L.min_pivot_row = float(good.min()), start + int(good.argmin())
    if info > 0 or bad.size:
        L.pivot_row = start + len(good)
        return False
    work.add(len(A) ** 3 / 3)
    return True


def _divide(on: Device, parts: Panels, j: int) -> None:
    """L(:, j) = A(:, j) L(j, j)^-T below the diagonal block."""
    panel, width = parts.panel(j), _width(parts, j)
    if len(panel) > width:
        on.divide_rows(panel[width:], panel[:width])


def _width(parts: Panels, j: int) -> int:
    rows = parts.rows(j)
    return int(rows.stop - rows.start)


@releases
def solve(factor: TileFactor, B: AnyArray, *, threads: int, heartbeat: Heartbeat | None = None) -> AnyArray:
    """X with L L^T X = B: one pass over L down, one up; a full square is solved by the library.

    Notes
    -----
    2 n^2 c flops; L is read twice.
    """
    on, parts = device(), _resident(factor)
    X = on.xp.array(B, dtype=factor.storage.dtype, order="C")  # a copy: solved in place
    work = Work(on, heartbeat, 2.0 * factor.n_samples**2)
    if parts.is_square and factor.n_samples <= on.largest_square:
        X = on.cholesky_solve(parts.square(), X)
    else:
        _down(on, parts, X, 0, work)
        _up(on, parts, X, work)
    work.finish()
    return X if on.owns(B) else on.fetch(X)


def _down(on: Device, parts: Panels, X: Array, first: int, work: Work) -> None:
    """X = L^-1 X, where the rows of X before panel ``first`` are left out: they are 0."""
    skipped = parts.rows(first).start
    for j in range(first, parts.count):
        panel, width, start = parts.panel(j), _width(parts, j), parts.rows(j).start - skipped
        own = X[start : start + width]
        on.solve_triangle(panel[:width], own, transposed=False)
        for rows in _cut(parts, width, len(panel)):
            on.multiply(X[start + rows.start : start + rows.stop], panel[rows], own, alpha=-1.0, beta=1.0)
        work.add(float(panel.size))


def _up(on: Device, parts: Panels, X: Array, work: Work) -> None:
    """X = L^-T X."""
    for j in reversed(range(parts.count)):
        panel, width, start = parts.panel(j), _width(parts, j), parts.rows(j).start
        own = X[start : start + width]
        for rows in _cut(parts, width, len(panel)):
            below = X[start + rows.start : start + rows.stop]
            on.multiply(own, panel[rows], below, alpha=-1.0, beta=1.0, transpose_a=True)
        on.solve_triangle(panel[:width], own, transposed=True)
        work.add(float(panel.size))


def _cut(parts: Panels, start: int, stop: int) -> list[slice]:
    """A range of a panel's rows: at once, or in parts where rows are as long as a full square."""
    step = _ROWS if parts.is_square else max(1, stop - start)
    return [slice(row, min(row + step, stop)) for row in range(start, stop, step)]


@releases
def diag_inverse(factor: TileFactor, *, threads: int, heartbeat: Heartbeat | None = None) -> FloatArray:
    """(K^-1)_ii = |L^-1 e_i|^2, a panel's columns of L^-1 at a time.

    Notes
    -----
    n^3/3 flops; n times a panel's columns of memory; sums in float64.
    """
    on, parts = device(), _resident(factor)
    xp, n = on.xp, factor.n_samples
    diagonal = np.zeros(n)
    work = Work(on, heartbeat, sum((n - parts.rows(j).start) ** 2 / 2.0 for j in range(parts.count)))
    for c in range(parts.count):
        columns, width = parts.rows(c), _width(parts, c)
        W = xp.zeros((n - columns.start, width), dtype=factor.storage.dtype)
        i = xp.arange(width)
        W[i, i] = 1
        _down(on, parts, W, c, work)
        work.settle()
        sums = xp.zeros(width)
        for start in range(0, len(W), on.block):
            sums += xp.square(W[start : start + on.block].astype(np.float64)).sum(axis=0)
        diagonal[columns] = on.fetch(sums)
    work.finish()
    return diagonal


def _resident(factor: TileFactor) -> Panels:
    """Panels of a factor; tiles that come from a file are moved to the device once, and kept there."""
    check_layout(factor, LAYOUT)
    on = device()
    factor.storage = on.upload(factor.storage)
    return panels_of(factor.storage, factor.n_samples, factor.tile, on.block)
