"""What the fused kernel of random convolutions asks for: the shapes it takes, its shared memory, its padding."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from kernelgen.engines.convolution import ConvolutionShape
from kernelgen.engines.cuda.device import padded
from kernelgen.engines.cuda.regions import SLOTS, pooling_regions

SIDE: Final = SLOTS
"""Filters of a block of threads, and slots it takes at a time."""
STEP: Final = 8
"""Values of a patch that are in shared memory at a time."""
THREADS: Final = 256
LARGEST_SHARED_BYTES: Final = 65536
"""A block may have so much on every card since compute capability 7.5."""


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


def is_fused(shape: ConvolutionShape, dtype: Any) -> bool:
    """Whether the kernel takes it: float32 (float64 has the library's tensor cores), images and windows that fit."""
    return bool(np.dtype(dtype) == np.float32 and shared_bytes(shape) <= LARGEST_SHARED_BYTES)
