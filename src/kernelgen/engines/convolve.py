"""Random convolutions and their inner products, compiled: patches times filters, rectified and pooled in one pass.

The map from an image to its features never exists unpooled, and a block of features lives only until its inner
products are added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernelgen.arrays.inner_products import InnerProducts
from kernelgen.arrays.points import AnyArray, FloatArray, Points
from kernelgen.engines import native
from kernelgen.engines.base import Heartbeat


@dataclass(frozen=True, slots=True)
class ConvolutionShape:
    """Where patches lie in a row of values, and how responses are pooled.

    Parameters
    ----------
    height, width, channels : int
        Of an image.
    row_step, column_step, channel_step : int
        Value (y, x, channel) of an image lies at y row_step + x column_step + channel channel_step of its row.
    patch : int
        Side of a patch; all (height - patch + 1) (width - patch + 1) positions are used.
    pool, stride : int
        Side of a pooling window in positions, and the distance from one to the next; the last may reach over the edge.
    average : bool
        Pooled values are means, not sums.
    contrast : float or None
        None: patches as they are; else (p - mean(p)) / sqrt(var(p) + contrast).
    """

    height: int
    width: int
    channels: int
    row_step: int
    column_step: int
    channel_step: int
    patch: int
    pool: int
    stride: int
    average: bool
    contrast: float | None

    @property
    def positions(self) -> tuple[int, int]:
        """Rows and columns of positions at which a patch fits."""
        return self.height - self.patch + 1, self.width - self.patch + 1

    @property
    def windows(self) -> tuple[int, int]:
        """Rows and columns of pooling windows: ceil((positions - pool) / stride) + 1, at least 1."""
        down, across = (max(0, -(-(side - self.pool) // self.stride)) + 1 for side in self.positions)
        return down, across

    @property
    def features_per_filter(self) -> int:
        """Two sides of each window."""
        return 2 * self.windows[0] * self.windows[1]

    @property
    def depth(self) -> int:
        """Values in a patch."""
        return self.patch**2 * self.channels


@dataclass(frozen=True, slots=True)
class FilterBank:
    """Filters and what is taken from their responses: z = <filter, patch> - offset.

    Parameters
    ----------
    filters : float64 array, shape (n_filters, patch^2 channels)
        Ordered by row, column and channel of a patch.
    offsets : float64 array, shape (n_filters,)
    bias : float, not negative
        The two features of a filter in a window are the pooled max(z - bias, 0) and max(-z - bias, 0).
    mean, factor : float64 arrays, shape (windows, 2, n_filters)
        What each feature is less, and then times: 0 and 1, or what standardizes it.
    """

    filters: FloatArray
    offsets: FloatArray
    bias: float
    mean: FloatArray
    factor: FloatArray

    def part(self, first: int, last: int) -> FilterBank:
        """Filters first .. last - 1."""
        return FilterBank(
            self.filters[first:last],
            self.offsets[first:last],
            self.bias,
            self.mean[..., first:last],
            self.factor[..., first:last],
        )

    def arguments(self) -> tuple[Any, ...]:
        """What the compiled loops read."""
        return self.filters, self.offsets, self.bias, self.mean.ravel(), self.factor.ravel()


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
    test: Points,
    train: Points,
    shape: ConvolutionShape,
    bank: FilterBank,
    *,
    tile: int,
    dtype: Any,
    threads: int,
    heartbeat: Heartbeat | None = None,
) -> FloatArray:
    """out += Phi_test Phi_train^T, shape (m, n), for a part of a bank; precision as in add_convolution_products."""
    m, n = out.shape
    depth = shape.features_per_filter * len(bank.filters)
    work = [_convolve_flops(shape, bank, m), _convolve_flops(shape, bank, n), 2.0 * m * n * depth]
    parts = _split(heartbeat, work)
    Phi = _grouped_features(test, shape, bank, tile, dtype, threads, parts[0])
    Psi = _grouped_features(train, shape, bank, tile, dtype, threads, parts[1])
    native._core().add_cross_products(tile, depth, Phi, Psi, out, threads, parts[2])
    return out


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
