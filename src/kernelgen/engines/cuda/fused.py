"""What the fused kernel of random convolutions asks for: the shapes it takes, its shared memory, its padding."""

from __future__ import annotations

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
LEAST_FILLED: Final = 0.5
"""Positions over slots: below, three steps that make no empty products are quicker (decision 0051)."""


def shared_bytes(shape: ConvolutionShape) -> int:
    """Of a block: buffers, thresholds, sums of regions, an image, and tables of slots and depths; see the source.

    Examples
    --------
    >>> shared_bytes(ConvolutionShape(32, 32, 3, 32, 1, 1024, 6, 15, 6, True, 10.0))  # CIFAR-10
    56516
    """
    regions, image = pooling_regions(shape), shape.height * shape.width * shape.channels
    tables = len(regions.of_group) + 1 + padded(shape.depth, STEP)
    return 4 * (4 * SIDE * STEP + (1 + regions.count) * THREADS + image + tables)


def is_fused(on: Device, shape: ConvolutionShape, dtype: Any) -> bool:
    """Whether the kernel takes it: float32, tiles that positions fill, images and windows that fit the card's blocks.

    float64 has the library's tensor cores.
    """
    largest = min(on.block_bytes, LARGEST_SHARED_BYTES)
    if np.dtype(dtype) != np.float32 or 4 * THREADS * region_count(shape) > largest:
        return False  # before positions are sorted by region: there may be as many of both
    filled = shape.positions[0] * shape.positions[1] / len(pooling_regions(shape).order)
    return filled >= LEAST_FILLED and shared_bytes(shape) <= largest
