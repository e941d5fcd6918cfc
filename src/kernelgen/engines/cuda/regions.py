"""Pooling windows as sums of disjoint rectangles, into which the edges of all windows cut the positions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kernelgen.engines.convolution import ConvolutionShape

GROUP: Final = 4
"""Slots that follow each other and are in one region."""
SLOTS: Final = 128
"""Their number is a multiple of this."""


@dataclass(frozen=True, slots=True)
class Regions:
    """Which positions are in the same windows, and which regions make a window.

    Parameters
    ----------
    down, across : int
        Rows and columns of regions.
    order : int32 array, shape (slots,)
        Positions, row by row, in the order of their regions, with -1 behind the last one of a region up to a multiple
        of ``GROUP``, and behind all of them up to a multiple of ``SLOTS``.
    of_group : int32 array, shape (slots / GROUP,)
        Region of each group of slots; of those behind all, where no position is, the last one.
    windows : int32 array, shape (cells, 4)
        First row of regions of a window, the row behind its last, and its columns likewise.
    weights : float32 array, shape (cells,)
        1 / positions of the window where pooled values are means, else 1.
    """

    down: int
    across: int
    order: NDArray[np.int32]
    of_group: NDArray[np.int32]
    windows: NDArray[np.int32]
    weights: NDArray[np.float32]

    @property
    def count(self) -> int:
        """Number of regions."""
        return self.down * self.across


def region_count(shape: ConvolutionShape) -> int:
    """Number of regions, for little: positions are not sorted.

    Examples
    --------
    >>> region_count(ConvolutionShape(8, 8, 1, 8, 1, 64, 6, 2, 1, True, None))
    9
    """
    sides = zip(shape.positions, shape.windows, strict=True)
    down, across = (int(_cut(length, count, shape)[0][-1]) + 1 for length, count in sides)
    return down * across


@lru_cache(maxsize=16)
def pooling_regions(shape: ConvolutionShape) -> Regions:
    """The regions of a shape's windows.

    Examples
    --------
    >>> shape = ConvolutionShape(8, 8, 1, 8, 1, 64, 6, 2, 1, True, None)  # 3 x 3 positions, 2 x 2 windows
    >>> regions = pooling_regions(shape)
    >>> regions.down, regions.across, len(regions.order)
    (3, 3, 128)
    >>> regions.order[:12].tolist(), regions.of_group[:3].tolist()
    ([0, -1, -1, -1, 1, -1, -1, -1, 2, -1, -1, -1], [0, 1, 2])
    >>> regions.windows.tolist()
    [[0, 2, 0, 2], [0, 2, 1, 3], [1, 3, 0, 2], [1, 3, 1, 3]]
    """
    sides = [_cut(length, count, shape) for length, count in zip(shape.positions, shape.windows, strict=True)]
    (rows, row_windows, heights), (columns, column_windows, widths) = sides
    down, across = int(rows[-1]) + 1, int(columns[-1]) + 1
    of_position = (rows[:, None] * across + columns).ravel()
    slots = [_filled_up(np.flatnonzero(of_position == r), GROUP) for r in range(down * across)]
    order = _filled_up(np.concatenate(slots), SLOTS)
    groups = np.repeat(np.arange(down * across), [len(own) // GROUP for own in slots])
    cells = list(np.ndindex(*shape.windows))
    sizes = np.array([heights[a] * widths[b] for a, b in cells])
    return Regions(
        down=down,
        across=across,
        order=order.astype(np.int32),
        of_group=np.pad(groups, (0, len(order) // GROUP - len(groups)), mode="edge").astype(np.int32),
        windows=np.array([[*row_windows[a], *column_windows[b]] for a, b in cells], dtype=np.int32),
        weights=(1 / sizes if shape.average else np.ones(len(cells))).astype(np.float32),
    )


def _cut(
    length: int, count: int, shape: ConvolutionShape
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Along one side: the region of each position; first and last + 1 region, and positions, of each window."""
    first = np.arange(count) * shape.stride
    last = np.minimum(first + shape.pool, length)
    edges = np.unique(np.concatenate([[0], first, last]))
    regions = np.searchsorted(edges, np.arange(length), side="right") - 1
    return (
        regions,
        np.stack([np.searchsorted(edges, first), np.searchsorted(edges, last)], axis=1),
        last - first,
    )


def _filled_up(positions: NDArray[np.int64], step: int) -> NDArray[np.int64]:
    """With -1 up to a multiple."""
    return np.pad(positions, (0, -len(positions) % step), constant_values=-1)
