"""Features of images on the device: by one kernel, or by patches, the library's products, and pooling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from kernelgen.arrays.points import Points
from kernelgen.engines.convolution import ConvolutionShape, FilterBank
from kernelgen.engines.cuda.device import Array, Device, DeviceFilters, padded
from kernelgen.engines.cuda.fused import SIDE, STEP, is_fused
from kernelgen.engines.cuda.work import Work
from kernelgen.errors import UsageError

RESPONSE_BYTES = 1 << 27
"""Of responses before they are pooled, or patches, or their contrasts: enough images for each launch of a kernel."""


def write_features(
    on: Device, images: Points, shape: ConvolutionShape, bank: FilterBank, out: Array, work: Work
) -> None:
    """The features of a part of a bank, a few images at a time.

    Where :func:`~kernelgen.engines.cuda.fused.is_fused`, one kernel makes features from images and no response is
    written. Else patches and responses of a few images exist at a time, ``RESPONSE_BYTES`` of each: 8 bytes
    of traffic for each response. Decision 0051 has the reasons.
    """
    if images.center is not None:
        raise UsageError("images are convolved as they are: points with a center are refused")
    filters = place_filters(on, bank, out.dtype)
    write = _write_fused if is_fused(on, shape, out.dtype) else _write_by_steps
    for count in write(on, images, shape, filters, out):
        work.add(convolution_flops(shape, bank, count))


def _write_fused(
    on: Device, images: Points, shape: ConvolutionShape, filters: DeviceFilters, out: Array
) -> Iterator[int]:
    """By the kernel that keeps responses to itself; tells how many images are done."""
    columns, step = by_columns(on, filters, shape), images_at_once(on, shape, len(filters.above), out.dtype)
    for start in range(0, images.n_samples, step):
        some = images.values[start : start + step]
        on.convolve_and_pool(out[start : start + step], some, columns, filters, shape, scale=images.scale)
        yield len(some)


def _write_by_steps(
    on: Device, images: Points, shape: ConvolutionShape, filters: DeviceFilters, out: Array
) -> Iterator[int]:
    """Patches, products by the library, pooling; tells how many images are done."""
    xp, kind, n_filters = on.xp, out.dtype, len(filters.above)
    positions, step = shape.positions[0] * shape.positions[1], images_at_once(on, shape, n_filters, kind)
    rows = min(step, images.n_samples) * positions
    patches, responses = xp.empty((rows, shape.depth), dtype=kind), xp.empty((rows, n_filters), dtype=kind)
    for start in range(0, images.n_samples, step):
        some = images.values[start : start + step]
        p, r = patches[: len(some) * positions], responses[: len(some) * positions]
        on.gather_patches(p, some, shape, images.scale)
        on.multiply(r, p, filters.values, transpose_b=True)
        on.rectify_and_pool(out[start : start + step], r, filters, shape)
        yield len(some)


def place_filters(on: Device, bank: FilterBank, kind: np.dtype[Any]) -> DeviceFilters:
    """Filters and what is taken from their responses, on the device."""
    return DeviceFilters(
        values=on.upload(np.ascontiguousarray(bank.filters, dtype=kind)),
        above=on.upload((bank.offsets + bank.bias).astype(kind)),
        below=on.upload((bank.offsets - bank.bias).astype(kind)),
        mean=on.upload(bank.mean.ravel()),
        factor=on.upload(bank.factor.ravel()),
    )


def by_columns(on: Device, filters: DeviceFilters, shape: ConvolutionShape) -> Array:
    """Filters as columns, with zeros behind the last value and the last filter, as the fused kernel reads them."""
    n_filters = len(filters.above)
    columns = on.xp.zeros((padded(shape.depth, STEP), padded(n_filters, SIDE)), dtype=np.float32)
    columns[: shape.depth, :n_filters] = filters.values.T
    return columns


def images_at_once(on: Device, shape: ConvolutionShape, n_filters: int, kind: np.dtype[Any]) -> int:
    """Images of one launch: those whose contrasts, or whose patches or responses, take ``RESPONSE_BYTES``."""
    return max(1, RESPONSE_BYTES // _bytes_of_an_image(on, shape, n_filters, kind))


def _bytes_of_an_image(on: Device, shape: ConvolutionShape, n_filters: int, kind: np.dtype[Any]) -> int:
    """Mean and contrast of its patches, or the larger of patches and responses."""
    of_position = 16 if is_fused(on, shape, kind) else max(shape.depth, n_filters) * kind.itemsize
    return shape.positions[0] * shape.positions[1] * of_position


def made_bytes(
    on: Device, n_images: int, shape: ConvolutionShape, n_filters: int, kind: np.dtype[Any]
) -> int:
    """Bytes beside images, filters and features while :func:`write_features` runs."""
    rows = min(n_images, images_at_once(on, shape, n_filters, kind)) * shape.positions[0] * shape.positions[1]
    if is_fused(on, shape, kind):
        return 16 * rows + 4 * padded(shape.depth, STEP) * padded(n_filters, SIDE)
    return rows * ((shape.depth + n_filters) * kind.itemsize + 16)


def moved_bytes(
    on: Device, n_images: int, shape: ConvolutionShape, n_filters: int, dtype: Any, /, *, blocks: int
) -> int:
    """Images, for each 128 filters; or patches, for each block of filters, and all responses, written and read."""
    kind, positions = np.dtype(dtype), n_images * shape.positions[0] * shape.positions[1]
    if is_fused(on, shape, kind):
        return n_images * shape.height * shape.width * shape.channels * -(-n_filters // SIDE)
    return 2 * positions * (blocks * shape.depth + n_filters) * int(kind.itemsize)


def convolution_flops(shape: ConvolutionShape, bank: FilterBank, n: int) -> float:
    """Of the products of patches and filters."""
    down, across = shape.positions
    return 2.0 * n * down * across * shape.depth * len(bank.filters)
