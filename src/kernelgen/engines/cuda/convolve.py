"""Random convolutions and their inner products on the device: a block of features lives only until it is added."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from kernelgen.arrays.inner_products import InnerProducts
from kernelgen.arrays.points import AnyArray, Points
from kernelgen.engines.base import Heartbeat, storage_elements
from kernelgen.engines.convolution import ConvolutionShape, FilterBank
from kernelgen.engines.cuda.device import Array, Device, device, padded
from kernelgen.engines.cuda.inner_products import PanelProducts
from kernelgen.engines.cuda.place import place
from kernelgen.engines.cuda.release import releases
from kernelgen.engines.cuda.work import Work
from kernelgen.engines.cuda.write_features import convolution_flops, made_bytes, moved_bytes, write_features

REVISION: Final = 2
"""Of how features round: one more whenever kernels, or the choice among them, change their bits."""
SLAB: Final = 128
"""Filters that a product takes at once."""
BLOCK_BYTES = 2_000_000_000
"""Of features made at a time: enough filters for each time that images are cut into patches."""
DEPTH = 2048
"""Features whose products are summed in their own precision, before the sum goes on in float64."""
_WIDE = 1 << 22  # elements of a block of features that are held in float64


def arithmetic() -> list[Any]:
    """What decides how products round: the kernels, the library, the card, and the shapes they are asked for."""
    on = device()
    described = on.describe()
    return ["cuda", REVISION, described.get("device"), described.get("cublas"), on.block, DEPTH]


def default_tile(n_samples: int, /) -> int:
    """The widest panels, which hold half of the sums; all rows where they are fewer."""
    return min(device().tiles[0], padded(n_samples, 48))


def inner_products(tiles: AnyArray | None, n_samples: int, tile: int, n_features: int, /) -> InnerProducts:
    """Inner products on the device: of sums that come from the host, or of none, and then all are 0."""
    on = device()
    if tiles is None:
        placed = on.xp.zeros(storage_elements(n_samples, tile))
    else:
        placed = on.upload(tiles)
    return PanelProducts(placed, n_samples, tile, n_features)


def zeros(shape: tuple[int, int], /) -> Array:
    """A float64 array of zeros on the device."""
    return device().xp.zeros(shape)


def workspace_bytes(images: tuple[int, Any], shape: ConvolutionShape, n_filters: int, dtype: Any, /) -> int:
    """Bytes beside features and sums: the images, what their features are made by, and blocks of products."""
    on, kind, (n, values) = device(), np.dtype(dtype), images
    placed: int = n * shape.height * shape.width * shape.channels * np.dtype(values).itemsize
    made = made_bytes(on, n, shape, n_filters, kind)
    products = min(n, on.block) ** 2 * kind.itemsize + 2 * 8 * _WIDE
    bank = n_filters * (shape.depth * kind.itemsize + 16 * shape.features_per_filter)
    return int(placed + made + products + bank)


def traffic_bytes(
    n_images: int, shape: ConvolutionShape, n_filters: int, dtype: Any, /, *, blocks: int
) -> int:
    """Bytes written and read between images and features, with the filters in so many blocks."""
    return moved_bytes(device(), n_images, shape, n_filters, dtype, blocks=blocks)


@releases
def convolve(
    images: Points,
    shape: ConvolutionShape,
    bank: FilterBank,
    *,
    out: Array,
    threads: int,
    heartbeat: Heartbeat | None = None,
) -> Array:
    """Pooled, rectified responses of every filter at every patch of every image.

        out[i, (2 cell + side) n_filters + f] = factor (pool_p max(+-(<filter_f, p> - offset_f) - bias, 0) - mean)

    Parameters
    ----------
    images : Points, n rows of height width channels values
    out : device array, shape (n, features_per_filter n_filters), float32 or float64, C-contiguous; overwritten
        Its dtype is that of the arithmetic; pixels are scaled, and contrast is normalized, in float64.

    Notes
    -----
    2 n positions depth n_filters flops; see :func:`~kernelgen.engines.cuda.write_features.write_features`.
    """
    on = device()
    work = Work(on, heartbeat, convolution_flops(shape, bank, images.n_samples))
    write_features(on, place(images), shape, bank, out, work)
    work.finish()
    return out


@releases
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

        G(:, j) += Phi(j.., p) Phi(j, p)^T  for each panel j and each range p of ``DEPTH`` features

    Parameters
    ----------
    products : PanelProducts
        Its panels are added to in place.
    dtype : float32 or float64
        Of Phi and of sums over at most ``DEPTH`` features, never TF32; sums over all features are in float64.

    Returns
    -------
    products : PanelProducts
        The same panels, with the features counted.

    Notes
    -----
    n^2 D + 2 n positions depth n_filters flops for D features; n D numbers for Phi; the panels are read and written
    once for each ``DEPTH`` features.
    """
    assert isinstance(products, PanelProducts)
    on, n, kind = device(), products.n_samples, np.dtype(dtype)
    depth = shape.features_per_filter * len(bank.filters)
    work = Work(on, heartbeat, convolution_flops(shape, bank, n) + float(n) ** 2 * depth)
    Phi = on.xp.empty((n, depth), dtype=kind)
    write_features(on, place(images), shape, bank, Phi, work)
    parts = products.panels()
    for j in range(parts.count):
        columns = parts.rows(j)
        _add_products(on, parts.panel(j), Phi[columns.start :], Phi[columns], work)
    blocks = [parts.square()] if parts.is_square else [_top(parts.panel(j)) for j in range(parts.count)]
    for block in blocks:  # products need not be symmetric to the last bit
        lower = on.xp.tril(block)
        block[...] = lower + on.xp.tril(lower, -1).T
    work.finish()
    return PanelProducts(products.tiles, n, products.tile, products.n_features + depth)


@releases
def add_convolution_cross_products(
    out: Array,
    norms: Array,
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
    on, kind, (m, n) = device(), np.dtype(dtype), out.shape
    depth = shape.features_per_filter * len(bank.filters)
    work = Work(on, heartbeat, convolution_flops(shape, bank, m + n) + 2.0 * m * n * depth)
    Psi, Phi = on.xp.empty((m, depth), dtype=kind), on.xp.empty((n, depth), dtype=kind)
    write_features(on, place(test), shape, bank, Psi, work)
    write_features(on, place(train), shape, bank, Phi, work)
    for start in range(0, n, on.block):
        columns = slice(start, start + on.block)
        _add_products(on, out[:, columns], Psi, Phi[columns], work)
    for rows, wide in _in_float64(Psi):
        norms[rows, 0] += on.xp.square(wide).sum(axis=1)
    work.finish()


@releases
def add_convolution_scores(
    out: Array,
    test: Points,
    train: Points,
    alpha: Array,
    shape: ConvolutionShape,
    bank: FilterBank,
    *,
    dtype: Any,
    threads: int,
    heartbeat: Heartbeat | None = None,
) -> None:
    """out += Phi_test W with the primal weights W = Phi_train^T alpha, for a part of a bank; sums in float64."""
    on, kind, n, m = device(), np.dtype(dtype), train.n_samples, test.n_samples
    depth = shape.features_per_filter * len(bank.filters)
    work = Work(on, heartbeat, convolution_flops(shape, bank, m + n))
    Phi, W = on.xp.empty((n, depth), dtype=kind), on.xp.zeros((depth, alpha.shape[1]))
    write_features(on, place(train), shape, bank, Phi, work)
    for rows, wide in _in_float64(Phi):
        on.multiply(W, wide, alpha[rows], beta=1.0, transpose_a=True)
    Psi = Phi[:m] if m <= n else on.xp.empty((m, depth), dtype=kind)
    write_features(on, place(test), shape, bank, Psi, work)
    for rows, wide in _in_float64(Psi):
        on.multiply(out[rows], wide, W, beta=1.0)
    work.finish()


def _add_products(on: Device, G: Array, left: Array, right: Array, work: Work) -> None:
    """G += left right^T: blocks of products in the features' precision, added in float64."""
    columns = len(right)
    scratch = on.xp.empty((min(len(G), on.block), columns), dtype=left.dtype)
    for start in range(0, len(G), on.block):
        rows = slice(start, start + on.block)
        block = scratch[: len(G[rows])]
        for p in range(0, left.shape[1], DEPTH):
            some = slice(p, p + DEPTH)
            on.multiply(block, left[rows, some], right[:, some], transpose_b=True)
            on.xp.add(G[rows], block, out=G[rows])
            work.add(2.0 * block.size * right[:, some].shape[1])


def _in_float64(Phi: Array) -> Iterator[tuple[slice, Array]]:
    """Ranges of rows, and copies of them in float64."""
    step = max(1, _WIDE // Phi.shape[1])
    for start in range(0, len(Phi), step):
        rows = slice(start, start + step)
        yield rows, Phi[rows].astype(np.float64)


def _top(panel: Array) -> Array:
    """The diagonal block."""
    return panel[: panel.shape[1]]
