"""What the engine asks of a device; the engine itself is written against this and runs on any that has it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, Protocol

import numpy as np

from kernelgen.engines.base import AnyArray, KernelLike
from kernelgen.engines.convolution import ConvolutionShape

Array = Any
"""An array of the device: numpy.ndarray or cupy.ndarray; C order, two-dimensional ones possibly views with a wider
leading dimension."""

Products = Literal["float32", "tf32", "bf16x9"]
"""How float32 products are made: as such, or on tensor cores from inputs cut to TF32 or split into three BF16."""


@dataclass(frozen=True, slots=True)
class Finish:
    """What turns products into values of K, beside the arrays.

    Parameters
    ----------
    kernel : KernelLike
    offset : int or None
        Element (i, j) is on K's diagonal where i + offset == j; None where the block has none of it.
    ridge : float
        Added on the diagonal.
    n_features : int
    """

    kernel: KernelLike
    offset: int | None
    ridge: float
    n_features: int


@dataclass(frozen=True, slots=True)
class DeviceFilters:
    """A part of a bank of filters on the device; see :class:`~kernelgen.engines.convolution.FilterBank`.

    Parameters
    ----------
    values : device array, shape (n_filters, patch^2 channels), float32 or float64
    above, below : device arrays, shape (n_filters,), dtype of values
        offset + bias and offset - bias: a response r gives max(r - above, 0) and max(below - r, 0).
    mean, factor : device arrays, shape (2 windows n_filters,), float64
    """

    values: Array
    above: Array
    below: Array
    mean: Array
    factor: Array


class Device(Protocol):
    """Arrays, products, triangular solves and one Cholesky factorization, in row-major order.

    Calls may return before the work is done: ``mark`` and ``done`` tell, and ``fetch`` waits.
    """

    @property
    def xp(self) -> Any:
        """Namespace of its arrays: numpy or cupy."""

    @property
    def block(self) -> int:
        """Rows and columns of the blocks in which products with K are made; a multiple of 48."""

    @property
    def block_bytes(self) -> int:
        """Shared memory that a block of threads may ask for."""

    @property
    def tiles(self) -> tuple[int, ...]:
        """Sides to store a factor in where the full square does not fit, best first; multiples of 48."""

    @property
    def largest_square(self) -> int:
        """Most rows that ``cholesky`` takes at once."""

    def unavailable(self) -> str | None:
        """None where it can be used, else why not and what to do."""

    def upload(self, values: AnyArray) -> Array:
        """Copy of a host array, on the device; an array of the device as it is."""

    def owns(self, array: Any) -> bool:
        """Whether an array is the device's, so that results of a call with it stay there."""

    def fetch(self, array: Array) -> AnyArray:
        """Copy of a device array, on the host; waits until it is computed."""

    def multiply(
        self,
        C: Array,
        A: Array,
        B: Array,
        *,
        alpha: float = 1.0,
        beta: float = 0.0,
        transpose_a: bool = False,
        transpose_b: bool = False,
        products: Products = "float32",
    ) -> None:
        """C = alpha op(A) op(B) + beta C; int8 times int8 gives int32, exactly."""

    def divide_rows(self, P: Array, L: Array) -> None:
        """P = P L^-T, for the rows P of a panel and the lower triangle of L."""

    def solve_triangle(self, L: Array, X: Array, *, transposed: bool) -> None:
        """X = L^-1 X, or L^-T X, for the lower triangle of L."""

    def cholesky(self, A: Array) -> Array:
        """Lower triangle of A = that of L, L L^T = A; an int32 of shape (1,): 0, or the first bad pivot, from 1."""

    def cholesky_workspace_bytes(self, n: int, dtype: Any, /) -> int:
        """Bytes ``cholesky`` takes beside A."""

    def cholesky_solve(self, L: Array, X: Array) -> Array:
        """(L L^T)^-1 X by the library's own routine: a new array."""

    def finish(self, K: Array, products: Array, x: Any, z: Any, how: Finish) -> None:
        """K = kernel values of the products of the operands x and z (see ``operands.Operand``)."""

    def gather_patches(self, patches: Array, images: Array, shape: ConvolutionShape, scale: float) -> None:
        """Row i positions + p of ``patches`` = patch p of image i times ``scale``, its contrast normalized if asked."""

    def rectify_and_pool(
        self, features: Array, responses: Array, filters: DeviceFilters, shape: ConvolutionShape
    ) -> None:
        """Both sides of each response pooled over each window, less the mean, times the factor."""

    def convolve_and_pool(
        self,
        features: Array,
        images: Array,
        columns: Array,
        filters: DeviceFilters,
        shape: ConvolutionShape,
        *,
        scale: float,
    ) -> None:
        """Patches, products, rectification and pooling in one, in float32; ``columns`` are padded filters.

        Parameters
        ----------
        features : float32 device array, shape (n, features_per_filter n_filters)
        images : device array, n rows
        columns : float32 device array
            The filters as columns, with zeros to multiples of 8 rows and 128 columns.
        """

    def mark(self) -> Any:
        """A point in the queue of work."""

    def done(self, mark: Any) -> bool:
        """Whether the work before a mark is done."""

    def seconds_between(self, start: Any, stop: Any) -> float:
        """Time from one mark to another; both done."""

    def available_bytes(self) -> int:
        """Bytes that can be taken now."""

    def taken_bytes(self) -> int:
        """Bytes taken from the driver now, those kept for reuse included."""

    def release(self) -> None:
        """Give what is kept for reuse back to the driver."""

    def describe(self) -> dict[str, Any]:
        """Name, driver and libraries."""


_chosen: list[Device] = []


@cache
def _card() -> Device:
    from kernelgen.engines.cuda.card import Card

    return Card()


def device() -> Device:
    """The device in use: the current CUDA card, unless ``using`` says otherwise."""
    return _chosen[-1] if _chosen else _card()


@contextmanager
def using(other: Device) -> Iterator[Device]:
    """Run the engine on another device, for instance on :class:`~kernelgen.engines.cuda.host.Host`."""
    _chosen.append(other)
    try:
        yield other
    finally:
        _chosen.remove(other)


def leading_dimension(array: Array) -> int:
    """Elements from one row to the next."""
    return max(int(array.strides[0] // array.dtype.itemsize), int(array.shape[1]))


def padded(count: int, step: int) -> int:
    """The next multiple of ``step``."""
    return -(-count // step) * step


def formula(kernel: KernelLike) -> tuple[str, float, float, int]:
    """Name, two parameters and degree with which kernels compute: exp(a q), (a q + b)^degree, or q itself."""
    known = kernel.describe()
    match kernel.name:
        case "gaussian":
            return "gaussian", -0.5 / float(known["bandwidth"]) ** 2, 0.0, 0
        case "laplacian":
            return "laplacian", -1.0 / float(known["bandwidth"]), 0.0, 0
        case "polynomial":
            return "polynomial", float(known["gamma"]), float(known["coef0"]), int(known["degree"])
        case "linear":
            return "linear", 1.0, 0.0, 1
    return "quantity", 1.0, 0.0, 1


def dtype_name(dtype: Any) -> str:
    """The C++ name of a dtype."""
    names = {"float32": "float", "float64": "double", "int32": "int", "uint8": "unsigned char"}
    return names[np.dtype(dtype).name]
