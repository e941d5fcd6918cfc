"""Where SGD's rows come from: an array, a memory map read by blocks, or features computed block by block."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernelgen.arrays.points import AnyArray
from kernelgen.errors import DataError, UsageError

BLOCK_BYTES = 1 << 26

Transform = Callable[[AnyArray], AnyArray]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """n rows of d floating-point features, handed out block by block.

    Parameters
    ----------
    values : array or numpy.memmap, shape (n, p)
    transform : callable or None
        Features of a block of rows: (b, p) -> (b, d). None: the values themselves.
    n_features : int
        d.
    dtype : numpy dtype, float32 or float64
        Of the arithmetic.
    block_rows : int
        Rows read at a time; n where everything is in memory.
    """

    values: AnyArray
    transform: Transform | None
    n_features: int
    dtype: Any
    block_rows: int

    @property
    def n_samples(self) -> int:
        """n."""
        return int(self.values.shape[0])

    @property
    def n_blocks(self) -> int:
        """Blocks an epoch reads."""
        return -(-self.n_samples // self.block_rows)

    def read(self, block: int) -> AnyArray:
        """Rows of one block as a C-contiguous array."""
        start = block * self.block_rows
        raw = self.values[start : start + self.block_rows]
        values = raw if self.transform is None else self.transform(np.asarray(raw))
        streams = self.n_blocks > 1
        found = np.array(values, self.dtype, order="C", ndmin=2, copy=True if streams else None)
        if streams:
            _forget(self.values)
        return found

    def blocks(self, order: AnyArray) -> Iterator[tuple[int, AnyArray]]:
        """(first row, rows) of the blocks in the order given; the next one is read while this one is used."""
        if len(order) == 1:  # nothing to read ahead, and a thread costs more than a small epoch
            yield int(order[0]) * self.block_rows, self.read(int(order[0]))
            return
        with ThreadPoolExecutor(1) as reader:
            coming = reader.submit(self.read, int(order[0]))
            for k, block in enumerate(order):
                rows = coming.result()
                if k + 1 < len(order):
                    coming = reader.submit(self.read, int(order[k + 1]))
                yield int(block) * self.block_rows, rows


def as_rows(
    X: Any, *, transform: Transform | None = None, block_rows: int | None = None, dtype: Any = None
) -> Rows:
    """Rows of an array; a memory map, or rows with a transform, are read in blocks of about 64 MiB.

    Parameters
    ----------
    X : array, shape (n, p)
        float32 and float64 are used as they are (never copied as a whole); other numbers become float64.
    transform : callable, optional
        See :class:`Rows`; must give the same features each time it is called.
    block_rows : int, optional
        Rows read at a time.
    dtype : optional
        "float32" or "float64"; None: X's own where it is one of them, else float64.

    Raises
    ------
    DataError
        The wrong shape, no rows or columns, or not numbers.
    """
    if hasattr(X, "toarray"):
        raise DataError("X is a sparse matrix; SGD here needs dense rows: pass X.toarray()")
    try:
        values = X if isinstance(X, np.ndarray) else np.asarray(X)
    except ValueError as error:
        raise DataError(f"X is not a rectangular array of numbers: {error}") from None
    if values.ndim != 2 or 0 in values.shape:
        raise DataError(
            f"X must have shape (n_samples, n_features) with at least one of each, got {values.shape}"
        )
    if values.dtype.kind not in "buif" or values.dtype == np.float16:
        raise DataError(f"X has dtype {values.dtype}; use float32 or float64 (integers become float64)")
    sample = values[:1] if transform is None else transform(np.asarray(values[:1]))
    sample = np.atleast_2d(np.asarray(sample))
    kind = np.dtype(dtype) if dtype is not None else sample.dtype
    if dtype is not None and kind not in (np.float32, np.float64):
        raise UsageError(f"dtype must be float32 or float64, got {kind}")
    kind = kind.newbyteorder("=") if kind in (np.float32, np.float64) else np.dtype(np.float64)
    row_bytes = sample.shape[1] * kind.itemsize
    if block_rows is None:
        streams = transform is not None or isinstance(values, np.memmap)
        block_rows = max(1, BLOCK_BYTES // row_bytes) if streams else values.shape[0]
    elif block_rows < 1:
        raise UsageError(f"block_rows must be at least 1, got {block_rows}")
    return Rows(values, transform, int(sample.shape[1]), kind, min(int(block_rows), values.shape[0]))


def _forget(values: AnyArray) -> None:
    """Let the system drop the pages of a memory map that were just copied: an epoch's footprint stays two blocks."""
    source = getattr(values, "_mmap", None)
    if isinstance(source, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED") and not values.flags.writeable:
        source.madvise(mmap.MADV_DONTNEED)
