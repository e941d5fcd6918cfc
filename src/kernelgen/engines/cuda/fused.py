"""What the fused kernel of random convolutions asks for: the shapes it takes, its shared memory, its padding."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np

from kernelgen.engines.convolution import ConvolutionShape
from kernelgen.engines.cuda.device import Device, padded
from kernelgen.engines.cuda.regions import SLOTS, pooling_regions, region_count

SIDE: Final = SLOTS
"""Filters of a block of threads, and slots it takes at a time."""
STEP: Final = 8
"""Values of a patch that are in shared memory at a time."""
THREADS: Final = 256
LARGEST_SHARED_BYTES: Final = 65536
"""A block may have so much on every card since compute capability 7.0."""
WARP: Final = 32
BANKS: Final = 32
"""Of shared memory, 4 bytes wide."""
GAPS: Final = 16
"""Gaps from 0 up that are compared."""
LEAST_FILLED: Final = 0.5
"""Positions over slots: below, three steps that make no empty products are quicker (decision 0051)."""


def shared_bytes(shape: ConvolutionShape) -> int:
    """Of a block: buffers, thresholds, sums of regions, an image, and tables of slots and depths; see the source.

    Examples
    --------
    >>> shared_bytes(ConvolutionShape(32, 32, 3, 32, 1, 1024, 6, 15, 6, True, 10.0))  # CIFAR-10
    58820
    """
    regions, values = pooling_regions(shape), shape.height * shape.width * shape.channels
    image = values + values // shape.row_step * row_gap(shape)
    tables = len(regions.of_group) + 1 + padded(shape.depth, STEP)
    return 4 * (4 * SIDE * STEP + (1 + regions.count) * THREADS + image + tables)


@lru_cache(maxsize=16)
def row_gap(shape: ConvolutionShape) -> int:
    """Floats left free behind each row of the image in shared memory: so many that warps read it quickest.

    Examples
    --------
    >>> row_gap(ConvolutionShape(32, 32, 3, 32, 1, 1024, 6, 15, 6, True, 10.0))  # CIFAR-10
    6
    """
    return int(np.argmin([bank_reads(shape, gap) for gap in range(GAPS)]))


def bank_reads(shape: ConvolutionShape, gap: int) -> float:
    """Reads in which a warp gets one pixel for each of its patches, on the average.

    That is the number of patches whose pixels lie in one of the banks, where it is largest: a bank gives one at a time.
    """
    positions = pooling_regions(shape).order.reshape(-1, WARP)
    y, x = np.divmod(positions, shape.positions[1])
    banks = (y * (shape.row_step + gap) + x * shape.column_step) % BANKS
    banks += BANKS * np.arange(len(banks), dtype=banks.dtype)[:, None]
    found = np.bincount(banks[positions >= 0], minlength=BANKS * len(banks))
    return float(found.reshape(-1, BANKS).max(axis=1).mean())


def is_fused(on: Device, shape: ConvolutionShape, dtype: Any) -> bool:
    """Whether the kernel takes it: float32, tiles that positions fill, images and windows that fit the card's blocks.

    float64 has the library's tensor cores.
    """
    largest = min(on.block_bytes, LARGEST_SHARED_BYTES)
    if np.dtype(dtype) != np.float32 or 4 * THREADS * region_count(shape) > largest:
        return False  # before positions are sorted by region: there may be as many of both
    filled = shape.positions[0] * shape.positions[1] / len(pooling_regions(shape).order)
    return filled >= LEAST_FILLED and shared_bytes(shape) <= largest
