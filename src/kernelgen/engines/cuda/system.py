"""What the engine needs, how fast it is, and the memory of its device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

from kernelgen.engines.base import Phase
from kernelgen.engines.cuda.blocks import panel_scratch, scratch_bytes
from kernelgen.engines.cuda.device import Device, device, padded
from kernelgen.engines.cuda.inner_products import product_rows_bytes
from kernelgen.engines.cuda.operands import is_exact, operand_bytes

_BASE = 48


def available() -> str | None:
    """None where a card can be used, else why not and what to do."""
    return device().unavailable()


def describe() -> dict[str, Any]:
    """Card, driver and libraries."""
    return device().describe()


def tiles(n_samples: int, /) -> tuple[int, ...]:
    """Tile sides to choose from, best first: the full square in one tile, then panels of half its memory."""
    on = device()
    square = padded(n_samples, _BASE)
    smaller = tuple(tile for tile in on.tiles if tile < square)
    return (square, *smaller) if n_samples <= on.largest_square else smaller


def workspace_bytes(
    n_samples: int,
    n_features: int,
    values_dtype: Any,
    dtype: Any,
    n_targets: int,
    threads: int,
    tile: int,
    phase: Phase,
    /,
) -> int:
    """Bytes of the device one phase allocates beside the points (factor: beside the storage), its results included.

    Without features (0), K is made from inner products.
    """
    on, n, d, c = device(), n_samples, n_features, n_targets
    itemsize: int = np.dtype(dtype).itemsize
    exact = d > 0 and is_exact(values_dtype, d)
    operand = operand_bytes(n, d, values_dtype, dtype) if d else product_rows_bytes(n)
    square = n <= tile
    if phase == "factor":
        side = min(tile, on.block) if square else tile
        return (
            operand
            + (scratch_bytes(n, side, panel_scratch(n)) if exact else 0)
            + on.cholesky_workspace_bytes(n if square else tile, dtype)
        )
    if phase == "solve":
        return (3 if square else 1) * n * c * itemsize
    if phase == "diag_inverse":
        side = min(tile, on.block)
        return n * side * itemsize + on.block * side * 16 + side * 8
    side = min(n, on.block)
    block = side * side * itemsize + (scratch_bytes(side, side) if exact else 0)
    if phase == "multiply":
        return operand + block + 2 * n * (c + 1) * itemsize
    return operand + block + n * c * itemsize


@cache
def _rates(on: Any) -> dict[str, float]:
    xp, n = on.xp, on.block
    rates = {}
    for name, dtype in (("float32", np.float32), ("float64", np.float64), ("bytes", np.int8)):
        A = xp.ones((n, n), dtype=dtype)
        C = xp.empty((n, n), dtype=np.int32 if dtype == np.int8 else dtype)

        def product(C: Any = C, A: Any = A) -> None:
            on.multiply(C, A, A, transpose_b=True)

        rates[name] = 2.0 * n**3 / _best_seconds(on, product)
    source, target = xp.ones((n, n)), xp.empty((n, n))

    def copy() -> None:
        target[...] = source

    rates["bandwidth"] = 2.0 * 8 * n * n / _best_seconds(on, copy)
    return rates


def measure_rates(threads: int, /) -> dict[str, float]:
    """Speed of products in both precisions and of bytes, and of a copy; measured once."""
    on: Any = device()
    return _rates(on)


def _best_seconds(on: Device, call: Any) -> float:
    call()
    times = []
    for _ in range(3):
        start = on.mark()
        call()
        stop = on.mark()
        while not on.done(stop):
            pass
        times.append(on.seconds_between(start, stop))
    return max(min(times), 1e-9)


class DeviceMemory:
    """Memory of the device in use: free bytes from the driver, and marks of what a call took."""

    def available_bytes(self) -> int:
        """Bytes that can be taken now, those kept for reuse included."""
        return device().available_bytes()

    def release(self) -> None:
        """Give what is kept for reuse back to the driver."""
        device().release()

    @contextmanager
    def peak(self) -> Iterator[SimpleNamespace]:
        """``bytes`` taken from the driver above the start: what is kept for reuse is given back first."""
        device().release()
        start, mark = device().taken_bytes(), SimpleNamespace(bytes=0)
        try:
            yield mark
        finally:
            mark.bytes = max(0, device().taken_bytes() - start)


def memory() -> DeviceMemory:
    """The device's memory: plans and peaks are of it, not of the process's."""
    return DeviceMemory()
