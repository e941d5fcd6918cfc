"""CuPy as the engine uses it, on the host's memory: arrays with addresses, and cuBLAS, cuSOLVER and kernels that take
nothing but addresses, sizes and leading dimensions, by columns, as their documentation says.

It shows whether the arguments a card would get say what they should: transpositions, sides, triangles, strides.
"""

from __future__ import annotations

import ctypes
import re
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy.linalg import lapack, solve_triangular

from cuda_kernels import FUSED_NAMES
from kernelgen.engines.cuda.card import Card
from kernelgen.engines.cuda.cusolver import SIGNATURES, Cusolver

KINDS = {0: np.float32, 1: np.float64, 3: np.int8, 10: np.int32}
COMPUTED_IN = {68: np.float32, 77: np.float32, 78: np.float32, 70: np.float64, 72: np.int32}


class Array(np.ndarray):
    """An array whose ``data`` has an address, as CuPy's."""

    @property
    def data(self) -> Any:
        return SimpleNamespace(ptr=self.ctypes.data)

    @property
    def device(self) -> Any:
        return SimpleNamespace(id=0)

    def __array_ufunc__(self, function: Any, method: str, *inputs: Any, **options: Any) -> Any:
        given = (*inputs, *options.get("out", ()))
        if any(type(a) is np.ndarray and a.ndim for a in given):
            raise TypeError("Unsupported type <class 'numpy.ndarray'>")  # as CuPy says
        plain = [a.view(np.ndarray) if isinstance(a, Array) else a for a in inputs]
        if "out" in options:
            options["out"] = tuple(a.view(np.ndarray) for a in options["out"])
        result = getattr(function, method)(*plain, **options)
        return result.view(Array) if isinstance(result, np.ndarray) else result

    def __setitem__(self, key: Any, value: Any) -> None:
        if type(value) is np.ndarray and value.ndim:
            raise TypeError("Unsupported type <class 'numpy.ndarray'>")
        self.view(np.ndarray)[key] = value

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {"version": 3}


def by_columns(address: int, dtype: Any, rows: int, columns: int, leading: int) -> np.ndarray:
    """The matrix at an address, column after column."""
    assert leading >= max(1, rows)
    count = leading * (columns - 1) + rows
    memory = (ctypes.c_byte * (count * np.dtype(dtype).itemsize)).from_address(address)
    flat = np.frombuffer(memory, dtype=dtype)
    size = np.dtype(dtype).itemsize
    return np.lib.stride_tricks.as_strided(flat, (rows, columns), (size, leading * size))


def scalar(address: int, dtype: Any) -> Any:
    """The number at an address."""
    return by_columns(address, dtype, 1, 1, 1)[0, 0]


def gemm_ex(
    handle,
    transa,
    transb,
    m,
    n,
    k,
    alpha,
    A,
    a_kind,
    lda,
    B,
    b_kind,
    ldb,
    beta,
    C,
    c_kind,
    ldc,
    compute,
    algorithm,
) -> None:
    assert handle == "cublas"
    assert algorithm == -1
    kind = COMPUTED_IN[compute]
    assert KINDS[c_kind] == kind
    assert KINDS[a_kind] == KINDS[b_kind] == (np.int8 if kind == np.int32 else kind)
    if kind == np.int32:  # what IMMA kernels ask for
        assert (transa, transb) == (1, 0)
        assert all(number % 16 == 0 for number in (m, n, k, lda, ldb, ldc))
        assert A % 4 == B % 4 == C % 4 == 0
    left = by_columns(A, KINDS[a_kind], *((k, m) if transa else (m, k)), lda)
    right = by_columns(B, KINDS[b_kind], *((n, k) if transb else (k, n)), ldb)
    target = by_columns(C, KINDS[c_kind], m, n, ldc)
    wide = np.int64 if kind == np.int32 else kind
    product = (left.T if transa else left).astype(wide) @ (right.T if transb else right).astype(wide)
    product = scalar(alpha, kind) * product
    factor = scalar(beta, kind)
    target[...] = product if factor == 0 else product + factor * target


def trsm(dtype: Any) -> Callable[..., None]:
    def call(handle, side, uplo, operation, diagonal, m, n, alpha, A, lda, B, ldb) -> None:
        assert handle == "cublas"
        assert (uplo, diagonal, scalar(alpha, dtype)) == (1, 0, 1)
        size = n if side else m
        triangle = np.triu(by_columns(A, dtype, size, size, lda))
        right = by_columns(B, dtype, m, n, ldb)
        if side:  # X op(A) = B, so op(A)^T X^T = B^T
            right[...] = solve_triangular(triangle, right.T, lower=False, trans=0 if operation else 1).T
        else:
            right[...] = solve_triangular(triangle, right, lower=False, trans=1 if operation else 0)

    return call


def potrf(A: int, dtype: Any, n: int, lda: int, info: int) -> None:
    matrix = by_columns(A, dtype, n, n, lda)
    U, code = (lapack.spotrf if dtype == np.float32 else lapack.dpotrf)(matrix, lower=0, clean=0)
    upper = np.triu_indices(n)
    matrix[upper] = U[upper]
    by_columns(info, np.int32, 1, 1, 1)[0, 0] = code


def potrs(A: int, dtype: Any, n: int, lda: int, B: int, columns: int, ldb: int, info: int) -> None:
    U = np.triu(by_columns(A, dtype, n, n, lda))
    X = by_columns(B, dtype, n, columns, ldb)
    X[...] = (lapack.spotrs if dtype == np.float32 else lapack.dpotrs)(U, X, lower=0)[0]
    by_columns(info, np.int32, 1, 1, 1)[0, 0] = 0


class Library:
    """libcusolver's 64-bit routines; each is given as many arguments as its signature has."""

    _name = "libcusolver.so.fake"

    def __getattribute__(self, name: str) -> Any:
        function = object.__getattribute__(self, name)
        if name not in SIGNATURES:
            return function

        def call(*arguments: Any) -> int:
            assert len(arguments) == len(SIGNATURES[name])
            assert arguments[:3] == ("cusolver", "params", 1)
            return function(*arguments)

        return call

    def cusolverDnXpotrf_bufferSize(
        self, handle, params, uplo, n, kind, A, lda, compute, on_device, on_host
    ) -> int:
        assert kind == compute
        on_device._obj.value, on_host._obj.value = 640, 32
        return 0

    def cusolverDnXpotrf(
        self, handle, params, uplo, n, kind, A, lda, compute, work, size, host, host_size, info
    ):
        assert (kind, size, host_size) == (compute, 640, 32)
        assert work
        assert host
        potrf(A, KINDS[kind], n, lda, info)
        return 0

    def cusolverDnXpotrs(self, handle, params, uplo, n, columns, kind, A, lda, b_kind, B, ldb, info) -> int:
        assert kind == b_kind
        potrs(A, KINDS[kind], n, lda, B, columns, ldb, info)
        return 0


class Namespace:
    """NumPy's functions, with arrays of the fake device as their results."""

    ndarray = Array
    __version__ = "fake"

    def __init__(self, kernels: dict[str, Callable]) -> None:
        self.kernels = kernels
        self.block_bytes = 227 << 10  # as on an H100
        self.cuda = SimpleNamespace(
            cublas=SimpleNamespace(gemmEx=gemm_ex, strsm=trsm(np.float32), dtrsm=trsm(np.float64)),
            cusolver=SimpleNamespace(
                setStream=lambda handle, stream: None,
                spotrf_bufferSize=lambda handle, uplo, n, A, lda: 17,
                dpotrf_bufferSize=lambda handle, uplo, n, A, lda: 17,
                spotrf=lambda h, u, n, A, lda, work, size, info: potrf(A, np.float32, n, lda, info),
                dpotrf=lambda h, u, n, A, lda, work, size, info: potrf(A, np.float64, n, lda, info),
                spotrs=lambda h, u, n, c, A, lda, B, ldb, info: potrs(A, np.float32, n, lda, B, c, ldb, info),
                dpotrs=lambda h, u, n, c, A, lda, B, ldb, info: potrs(A, np.float64, n, lda, B, c, ldb, info),
            ),
            get_cublas_handle=lambda: "cublas",
            device=SimpleNamespace(get_cusolver_handle=lambda: "cusolver"),
            get_current_stream=lambda: SimpleNamespace(ptr=0),
            Device=lambda: SimpleNamespace(id=0),
            Event=Event,
            get_elapsed_time=lambda start, stop: 1e3 * (stop.time - start.time),
            runtime=SimpleNamespace(
                memGetInfo=lambda: (1 << 33, 1 << 34),
                getDeviceCount=lambda: 1,
                cudaDevAttrMaxSharedMemoryPerBlockOptin=97,
                deviceGetAttribute=lambda attribute, device: {(97, 0): self.block_bytes}[attribute, device],
            ),
            nvrtc=None,
        )

    def __getattr__(self, name: str) -> Any:
        function = getattr(np, name)

        def call(*arguments: Any, **options: Any) -> Any:
            if any(type(a) is np.ndarray for a in arguments) and name != "array":
                raise TypeError("Unsupported type <class 'numpy.ndarray'>")
            result = function(*arguments, **options)
            return result.view(Array) if isinstance(result, np.ndarray) else result

        return call

    @staticmethod
    def asarray(values: Any, dtype: Any = None, order: Any = None) -> Any:
        return values if isinstance(values, Array) else np.array(values, dtype=dtype, order=order).view(Array)

    @staticmethod
    def asnumpy(array: Any) -> np.ndarray:
        assert isinstance(array, Array | np.generic)
        return np.array(array)

    def get_default_memory_pool(self) -> Any:
        return SimpleNamespace(free_bytes=lambda: 0, total_bytes=lambda: 0, free_all_blocks=lambda: None)

    def RawModule(self, *, code: str, options: tuple[str, ...], name_expressions: tuple[str, ...]) -> Any:
        (name,) = name_expressions
        assert re.search(rf"__global__ void [\w\s:(),]*\b{name.partition('<')[0]}\(", code)
        return SimpleNamespace(get_function=self._launcher)

    def _launcher(self, name: str) -> Callable[..., None]:
        function, namespace = self.kernels[name], self
        widths = {ctypes.c_longlong: np.int64, ctypes.c_int: np.int32, ctypes.c_double: np.float64}

        class Kernel:
            """Its attribute is asked of the driver, which refuses more than the card has."""

            allowed = 48 << 10  # what CUDA allows a kernel that asked for no more

            @property
            def max_dynamic_shared_size_bytes(self) -> int:
                return self.allowed

            @max_dynamic_shared_size_bytes.setter
            def max_dynamic_shared_size_bytes(self, count: int) -> None:
                if count > namespace.block_bytes:
                    raise RuntimeError("CUDA_ERROR_INVALID_VALUE: invalid argument")
                self.allowed = count

            def __call__(self, grid: Any, block: Any, arguments: Any, *, shared_mem: int = 0) -> None:
                launch(self, grid, block, arguments, shared_mem)

        def launch(
            kernel: Kernel,
            grid: tuple[int, int],
            block: tuple[int, int],
            arguments: tuple[Any, ...],
            shared_mem: int,
        ) -> None:
            for kind, argument in zip(function.argtypes[4:], arguments, strict=True):
                assert type(argument) is widths.get(kind, Array)  # the width the kernel reads
            values = [a.data.ptr if isinstance(a, Array) else a.item() for a in arguments]
            if name in FUSED_NAMES:
                assert block == (256, 1)
                assert 0 < shared_mem <= kernel.allowed
                block = (block[0], shared_mem)
            function(*grid, *block, *values)

        return Kernel()


class Event:
    """A moment."""

    done = True
    time = 0.0

    def record(self) -> None:
        self.time = time.perf_counter()


def fake_card(kernels: dict[str, Callable], *, bits: int = 64) -> Card:
    """The card's code on the fake: with the 64-bit routines or without."""
    card = Card()
    card.block, card.tiles = 96, (96, 48)
    card.__dict__["xp"] = Namespace(kernels)
    card.__dict__["_cusolver"] = Cusolver(Library(), "params") if bits == 64 else None
    return card
