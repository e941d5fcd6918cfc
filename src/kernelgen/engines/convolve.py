"""Random convolutions and their inner products, compiled: patches times filters, rectified and pooled in one pass.

The map from an image to its features never exists unpooled, and a block of features lives only until its inner
products are added.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from kernelgen.arrays.inner_products import InnerProducts
from kernelgen.arrays.points import AnyArray, FloatArray, Points
from kernelgen.engines import native
from kernelgen.engines.base import TILE, Heartbeat, storage_elements
from kernelgen.engines.convolution import ConvolutionShape, FilterBank

SLAB: Final = 48
"""Filters that the micro-kernel takes at once."""
BLOCK_BYTES = 500_000_000
"""Of features made at a time: enough work for each time that images are cut into patches and tiles read and written."""
WIDENED_ROWS: Final = 128
"""Of a block of float32 features that are held in float64, where weights and scores are summed."""


def arithmetic() -> list[Any]:
    """Nothing: the bits of inner products depend on their dtype, tile and blocks only."""
    return []


def default_tile(n_samples: int, /) -> int:
    """The tile of every native matrix."""
    return TILE


def inner_products(tiles: AnyArray | None, n_samples: int, tile: int, n_features: int, /) -> InnerProducts:
    """Inner products of sums that are there, or of none: then all are 0."""
    if tiles is None:
        tiles = np.zeros(storage_elements(n_samples, tile))
    return InnerProducts(tiles, n_samples, tile, n_features)


def zeros(shape: tuple[int, int], /) -> FloatArray:
    """A float64 array of zeros."""
    return np.zeros(shape)


def workspace_bytes(images: tuple[int, Any], shape: ConvolutionShape, n_filters: int, dtype: Any, /) -> int:
    """Bytes of a block's filters; one image's patches and responses for each thread are not worth counting."""
    return int(n_filters * (shape.depth * np.dtype(dtype).itemsize + 16 * shape.features_per_filter))


def traffic_bytes(
    n_images: int, shape: ConvolutionShape, n_filters: int, dtype: Any, /, *, blocks: int
) -> int:
    """None: patches and responses stay in a core's caches."""
    return 0


def convolve(
    images: Points,
    shape: ConvolutionShape,
    bank: FilterBank,
    *,
    out: AnyArray,
    threads: int,
    heartbeat: Heartbeat | None = None,
) -> AnyArray:
    """Pooled, rectified responses of every filter at every patch of every image.

        out[i, (2 cell + side) n_filters + f] = factor (pool_p max(+-(<filter_f, p> - offset_f) - bias, 0) - mean)

    Parameters
    ----------
    images : Points, n rows of height width channels values
    out : array, shape (n, features_per_filter n_filters), float32 or float64, C-contiguous; overwritten
        Its dtype is that of the arithmetic; patches are gathered in float64.

    Notes
    -----
    2 n positions depth n_filters flops; one image's patches and a few kilobytes for each thread beside ``out``. The
    bits do not depend on ``threads``.
    """
    core = native._core()  # this module is the engine's other half
    core.convolve(native._points(images), _shape(shape), *bank.arguments(), out, threads, heartbeat)
    return out


def add_convolution_products(
    products: InnerProducts,
    images: Points,
    shape: ConvolutionShape,
    bank: FilterBank,
    *,
    dtype: Any,
    threads: int,
    heartbeat: Heartbeat | None = None,
) -> InnerProducts:
    """G += Phi Phi^T with Phi the features of a part of a bank, which exist only here.

    Parameters
    ----------
    products : InnerProducts
        Its tiles are added to in place.
    dtype : float32 or float64
        Of Phi and of sums over at most 384 features; sums over all features are in float64.

    Returns
    -------
    products : InnerProducts
        The same tiles, with the features counted.

    Notes
    -----
    n^2 D + 2 n positions depth n_filters flops for D features; n D numbers for Phi; the tiles are read and written
    once for each 384 features.
    """
    n, tile = products.n_samples, products.tile
    depth = shape.features_per_filter * len(bank.filters)
    parts = _split(heartbeat, [_convolve_flops(shape, bank, n), float(n) ** 2 * depth])
    Phi = _grouped_features(images, shape, bank, tile, dtype, threads, parts[0])
    native._core().add_products(n, tile, depth, Phi, products.tiles, threads, parts[1])
    return InnerProducts(products.tiles, n, tile, products.n_features + depth)


def add_convolution_cross_products(
    out: FloatArray,
    norms: FloatArray,
    test: Points,
    train: Points,
    shape: ConvolutionShape,
    bank: FilterBank,
    *,
    dtype: Any,
    threads: int,
    heartbeat: Heartbeat | None = None,
) -> None:
    """out += Phi_test Phi_train^T, shape (m, n), and norms += |phi_test|^2, shape (m, 1), for a part of a bank.

    Precision as in :func:`add_convolution_products`.
    """
    m, n = out.shape
    depth = shape.features_per_filter * len(bank.filters)
    own = _convolve_flops(shape, bank, m)
    parts = _split(heartbeat, [own, _convolve_flops(shape, bank, n), 2.0 * m * n * depth, own])
    Phi = _grouped_features(test, shape, bank, TILE, dtype, threads, parts[0])
    Psi = _grouped_features(train, shape, bank, TILE, dtype, threads, parts[1])
    native._core().add_cross_products(TILE, depth, Phi, Psi, out, threads, parts[2])
    del Phi, Psi
    rows = convolve(
        test, shape, bank, out=np.empty((m, depth), dtype=dtype), threads=threads, heartbeat=parts[3]
    )
    norms[:, 0] += np.einsum("ij,ij->i", rows, rows, dtype=np.float64)


def add_convolution_scores(
    out: FloatArray,
    test: Points,
    train: Points,
    alpha: FloatArray,
    shape: ConvolutionShape,
    bank: FilterBank,
    *,
    dtype: Any,
    threads: int,
    heartbeat: Heartbeat | None = None,
) -> None:
    """out += Phi_test W with the primal weights W = Phi_train^T alpha, for a part of a bank; sums in float64."""
    n, m = train.n_samples, test.n_samples
    depth = shape.features_per_filter * len(bank.filters)
    parts = _split(heartbeat, [_convolve_flops(shape, bank, n), _convolve_flops(shape, bank, m)])
    Phi = convolve(
        train, shape, bank, out=np.empty((n, depth), dtype=dtype), threads=threads, heartbeat=parts[0]
    )
    # W = Phi^T alpha
    W = sum(
        Phi[rows : rows + WIDENED_ROWS].T.astype(np.float64, copy=False) @ alpha[rows : rows + WIDENED_ROWS]
        for rows in range(0, n, WIDENED_ROWS)
    )
    Psi = convolve(
        test, shape, bank, out=np.empty((m, depth), dtype=dtype), threads=threads, heartbeat=parts[1]
    )
    for rows in range(0, m, WIDENED_ROWS):
        out[rows : rows + WIDENED_ROWS] += Psi[rows : rows + WIDENED_ROWS].astype(np.float64, copy=False) @ W


def _grouped_features(
    images: Points,
    shape: ConvolutionShape,
    bank: FilterBank,
    tile: int,
    dtype: Any,
    threads: int,
    heartbeat: Heartbeat | None,
) -> AnyArray:
    """Features in the order in which products read them: rows in groups of 64 bytes, padded with zeros to a tile."""
    kind, n = np.dtype(dtype), images.n_samples
    lanes, depth = 64 // kind.itemsize, shape.features_per_filter * len(bank.filters)
    Phi = native._aligned_empty(-(-n // tile) * tile * depth, kind)
    Phi.reshape(-1, depth, lanes)[n // lanes :] = 0.0
    native._core().convolve_grouped(
        native._points(images), _shape(shape), *bank.arguments(), Phi, threads, heartbeat
    )
    return Phi


def _convolve_flops(shape: ConvolutionShape, bank: FilterBank, n: int) -> float:
    down, across = shape.positions
    return 2.0 * n * down * across * shape.depth * len(bank.filters)


def _split(heartbeat: Heartbeat | None, work: list[float]) -> Sequence[Heartbeat | None]:
    """Heartbeats of steps one after the other, which share one in proportion to their work."""
    if heartbeat is None:
        return [None] * len(work)
    total, done = sum(work), 0.0
    parts = []
    for own in work:
        parts.append(_part(heartbeat, done / total, own / total))
        done += own
    return parts


def _part(heartbeat: Heartbeat, start: float, share: float) -> Heartbeat:
    return lambda fraction: heartbeat(start + share * fraction)


def _shape(shape: ConvolutionShape) -> Any:
    return native._core().Convolution(
        shape.height,
        shape.width,
        shape.channels,
        shape.row_step,
        shape.column_step,
        shape.channel_step,
        shape.patch,
        shape.pool,
        shape.stride,
        shape.average,
        -1.0 if shape.contrast is None else shape.contrast,
    )
