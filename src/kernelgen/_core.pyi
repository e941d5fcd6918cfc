"""
Compiled core of kernelgen: Gram tiles, tile Cholesky, triangular solves.
"""

from typing import Annotated, overload

import numpy
from numpy.typing import NDArray


class Points:
    """n points in R^d: the kernel sees scale * (values - center)."""

    def __init__(self, values: Annotated[NDArray, dict(shape=(None, None), order='C', device='cpu', writable=False)], scale: float, center: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None) -> None: ...

class Kernel:
    """A kernel's formula and parameters."""

    def __init__(self, shape: str, of: str, bandwidth: float, gamma: float, coef0: float, degree: int, normalize: bool, function: object | None) -> None: ...

class Convolution:
    """Shape of a convolution with pooling; see random_conv.hpp."""

    def __init__(self, height: int, width: int, channels: int, row_step: int, column_step: int, channel_step: int, patch: int, pool: int, stride: int, average: bool, contrast: float) -> None: ...

    @property
    def cells(self) -> int:
        """Pooled cells of one image."""

class Products:
    """Inner products accumulated by add_products."""

    def __init__(self, n: int, tile: int, tiles: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)]) -> None: ...

@overload
def convolve(images: Points, shape: Convolution, filters: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], offsets: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], bias: float, mean: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], factor: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], out: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu')], threads: int, heartbeat: object | None) -> None: ...

@overload
def convolve(images: Points, shape: Convolution, filters: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], offsets: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], bias: float, mean: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], factor: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], out: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu')], threads: int, heartbeat: object | None) -> None:
    """
    out (n x features) = pooled, rectified responses of filters to patches.
    """

@overload
def convolve_grouped(images: Points, shape: Convolution, filters: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], offsets: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], bias: float, mean: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], factor: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], out: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu')], threads: int, heartbeat: object | None) -> None: ...

@overload
def convolve_grouped(images: Points, shape: Convolution, filters: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], offsets: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], bias: float, mean: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], factor: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], out: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], threads: int, heartbeat: object | None) -> None:
    """The same in the order in which add_products reads them."""

@overload
def add_products(n: int, tile: int, depth: int, Phi: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)], tiles: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], threads: int, heartbeat: object | None) -> None: ...

@overload
def add_products(n: int, tile: int, depth: int, Phi: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], tiles: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], threads: int, heartbeat: object | None) -> None:
    """tiles += Phi Phi^T for one block of features."""

@overload
def add_cross_products(tile: int, depth: int, Phi: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)], Psi: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)], out: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu')], threads: int, heartbeat: object | None) -> None: ...

@overload
def add_cross_products(tile: int, depth: int, Phi: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], Psi: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], out: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu')], threads: int, heartbeat: object | None) -> None:
    """out += Phi Psi^T for one block of features."""

def use_lapack(capsules: dict) -> None:
    """Take the BLAS and LAPACK routines from SciPy's capsules."""

@overload
def factorize(products: Products, kernel: Kernel, ridge: float, tile: int, storage: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu')], threads: int, heartbeat: object | None) -> tuple[int, float, int, float]: ...

@overload
def factorize(points: Points, kernel: Kernel, ridge: float, tile: int, storage: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu')], threads: int, heartbeat: object | None) -> tuple[int, float, int, float]: ...

@overload
def factorize(products: Products, kernel: Kernel, ridge: float, tile: int, storage: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], threads: int, heartbeat: object | None) -> tuple[int, float, int, float]:
    """The same from inner products that are there already."""

@overload
def factorize(points: Points, kernel: Kernel, ridge: float, tile: int, storage: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], threads: int, heartbeat: object | None) -> tuple[int, float, int, float]:
    """
    K + ridge I = L L^T into storage; (pivot_row, min_pivot, min_pivot_row, gram_seconds).
    """

@overload
def solve(n: int, tile: int, storage: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)], B: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], X: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu')], threads: int, heartbeat: object | None) -> None: ...

@overload
def solve(n: int, tile: int, storage: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], B: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], X: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu')], threads: int, heartbeat: object | None) -> None:
    """L L^T X = B."""

@overload
def diag_inverse(n: int, tile: int, storage: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)], out: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], threads: int, heartbeat: object | None) -> None: ...

@overload
def diag_inverse(n: int, tile: int, storage: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], out: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], threads: int, heartbeat: object | None) -> None:
    """out[i] = |L^-1 e_i|^2."""

@overload
def multiply(products: Products, kernel: Kernel, ridge: float, P: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], out: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu')], row_sums: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], threads: int, heartbeat: object | None) -> None:
    """The same from inner products that are there already."""

@overload
def multiply(points: Points, kernel: Kernel, ridge: float, P: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], out: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu')], row_sums: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], threads: int, heartbeat: object | None) -> None:
    """out = (K + ridge I) P and row_sums = |K + ridge I| 1."""

@overload
def cross_multiply(test: Points, train: Points, kernel: Kernel, alpha: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], out: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu')], threads: int, heartbeat: object | None) -> None: ...

@overload
def cross_multiply(test: Points, train: Points, kernel: Kernel, alpha: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], out: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu')], threads: int, heartbeat: object | None) -> None:
    """out = K(test, train) alpha."""

@overload
def cross_gram(x: Points, z: Points, kernel: Kernel, out: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu')], threads: int, heartbeat: object | None) -> None: ...

@overload
def cross_gram(x: Points, z: Points, kernel: Kernel, out: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu')], threads: int, heartbeat: object | None) -> None:
    """out = K(x, z)."""

@overload
def gram(x: Points, kernel: Kernel, out: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu')], threads: int, heartbeat: object | None) -> None: ...

@overload
def gram(x: Points, kernel: Kernel, out: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu')], threads: int, heartbeat: object | None) -> None:
    """out = K(x, x), with its exact diagonal."""

def simd_levels() -> list[str]:
    """Instruction sets this machine can run, slowest first."""

def simd_level() -> str:
    """The instruction set in use."""

def set_simd_level(name: str) -> bool:
    """Use another instruction set; False when this machine cannot run it."""

def values_per_word() -> int:
    """Bytes of a point that one 32-bit word of a packed operand holds."""

def product_rate_float32(threads: int, seconds: float) -> float:
    """Flops per second of the float32 product loop."""

def product_rate_float64(threads: int, seconds: float) -> float:
    """Flops per second of the float64 product loop."""

def byte_product_rate(threads: int, seconds: float) -> float:
    """Integer operations per second of the byte product loop."""

def read_bandwidth(threads: int, bytes: int) -> float:
    """Bytes per second read from memory."""

exact_byte_features: int = 32768

row_multiple: int = 48
