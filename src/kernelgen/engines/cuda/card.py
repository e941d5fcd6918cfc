"""The device protocol on a CUDA card, by CuPy: cuBLAS, cuSOLVER and the kernels of three files of our own."""

from __future__ import annotations

import importlib
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import numpy as np

from kernelgen.engines.base import AnyArray
from kernelgen.engines.convolution import ConvolutionShape
from kernelgen.engines.cuda.cusolver import UPPER, Cusolver, loaded_library, located_library
from kernelgen.engines.cuda.device import (
    DeviceFilters,
    Finish,
    Products,
    dtype_name,
    formula,
    leading_dimension,
)
from kernelgen.engines.cuda.fused import LARGEST_SHARED_BYTES, SIDE, THREADS, row_gap, shared_bytes
from kernelgen.engines.cuda.regions import pooling_regions
from kernelgen.errors import UsageError

SOURCE: Final = Path(__file__).with_name("finish.cu")
CONVOLVE_SOURCE: Final = SOURCE.with_name("convolve.cu")
FUSED_SOURCE: Final = SOURCE.with_name("fused.cu")
OPTIONS: Final = ("-std=c++17",)
LARGEST_32_BIT: Final = 46340  # the largest n with n^2 < 2^31

_FORMULAS = {"quantity": 0, "gaussian": 1, "laplacian": 2, "polynomial": 3, "linear": 4}
_QUANTITIES = {"squared_distance": 0, "distance": 1, "product": 2}
_KINDS = {"float32": 0, "float64": 1, "int8": 3, "int32": 10}  # cudaDataType_t
_NO_TRANSPOSE, _TRANSPOSE = 0, 1  # cublasOperation_t
_LEFT, _RIGHT = 0, 1  # cublasSideMode_t
_NON_UNIT = 0  # cublasDiagType_t
_COMPUTE = {"float32": 68, "tf32": 77, "bf16x9": 78, "float64": 70, "int32": 72}  # cublasComputeType_t
_DEFAULT_ALGORITHM = -1  # cublasGemmAlgo_t
_THREADS, _ROWS = (64, 4), 8  # of a block of threads, and rows a thread walks, as in finish.cu
_GATHER_THREADS, _LINE = (32, 8), (128, 1)  # of a block of threads: patches, and all else in convolve.cu

_RESERVE = (
    1 << 28
)  # bytes that cuBLAS, cuSOLVER and compiled kernels take beside the pool, once they are used

_INSTALL = 'pip install "kernelgen[cuda12]" for a driver of CUDA 12, "kernelgen[cuda13]" for one of CUDA 13'
_DRIVER_TOO_OLD, _NO_DEVICE = 35, 100  # cudaError_t


def kernel_name(formula_name: str, of: str, K: Any, products: Any) -> str:
    """The instantiation of ``finish`` for a formula, a quantity and two dtypes."""
    types = f"{dtype_name(K)}, {dtype_name(products)}"
    return f"finish<{types}, {_FORMULAS[formula_name]}, {_QUANTITIES[of]}>"


class Card:
    """The current CUDA device, with CuPy's handles, stream and memory pool."""

    block = 4032
    tiles = (1536, 1152, 768, 576, 384)

    def __init__(self) -> None:
        self._kernels: dict[str, Any] = {}
        self._host_buffer = np.empty(1, dtype=np.uint8)

    @cached_property
    def xp(self) -> Any:
        """CuPy."""
        import cupy

        return cupy

    @cached_property
    def _blas(self) -> Any:
        return self.xp.cuda.cublas

    @cached_property
    def _solver(self) -> Any:
        return self.xp.cuda.cusolver

    @cached_property
    def _cusolver(self) -> Cusolver | None:
        """The 64-bit routines of the library CuPy has loaded; None where there are none."""
        self._solver_handle()  # loads it
        path = loaded_library() or located_library()
        return None if path is None else Cusolver.load(path)

    @property
    def block_bytes(self) -> int:
        """Shared memory that a block may ask for on the current card: 48 KB on Pascal and before, 64 KB on Turing."""
        runtime = self.xp.cuda.runtime
        attribute = runtime.cudaDevAttrMaxSharedMemoryPerBlockOptin
        return int(runtime.deviceGetAttribute(attribute, self.xp.cuda.Device().id))

    @property
    def largest_square(self) -> int:
        """Most rows that ``cholesky`` takes at once: 46,340 without the 64-bit routines."""
        return LARGEST_32_BIT if self._cusolver is None else 1 << 30

    # --- whether it can be used ---------------------------------------------------------------------------------------

    def unavailable(self) -> str | None:
        """None where a card can be used, else why not and what to do."""
        wheels = installed_wheels()
        if len(wheels) > 1:
            return (
                f"{' and '.join(wheels)} are installed at once, and overwrite each other's files: "
                f"pip uninstall {' '.join(wheels)}, then install one of them: {_INSTALL}"
            )
        try:
            runtime = self.xp.cuda.runtime
        except ImportError as error:
            return f"CuPy could not be loaded ({first_line(error)}): {_INSTALL}"
        try:
            count = runtime.getDeviceCount()
        except runtime.CUDARuntimeError as error:
            return self._driver_problem(error)
        if count == 0:
            return "the driver shows no CUDA device (see nvidia-smi, and CUDA_VISIBLE_DEVICES)"
        for name in ("cublas", "cusolver", "nvrtc"):
            try:
                getattr(self.xp.cuda, name)
            except ImportError as error:
                return f"lib{name} is missing ({first_line(error)}): {_INSTALL}"
        return None

    def _driver_problem(self, error: Any) -> str:
        runtime = self.xp.cuda.runtime
        driver = runtime.driverGetVersion()
        if driver == 0:
            return "no NVIDIA driver is loaded (libcuda.so.1 was not found): install one, see nvidia-smi"
        if error.status == _DRIVER_TOO_OLD:
            return (
                f"the NVIDIA driver supports CUDA {version_text(driver)}, too old for a CuPy built with CUDA "
                f"{version_text(runtime.runtimeGetVersion())}: update the driver, or {_INSTALL}"
            )
        if error.status == _NO_DEVICE:
            return "the driver shows no CUDA device (see nvidia-smi, and CUDA_VISIBLE_DEVICES)"
        return f"the CUDA runtime answers: {error}"

    # --- arrays -------------------------------------------------------------------------------------------------------

    def upload(self, values: Any) -> Any:
        """Copy of a host array on the current device; an array of that device as it is."""
        if self.owns(values):
            self._check_here(values)
            return values
        return self.xp.asarray(values, order="C")

    def owns(self, array: Any) -> bool:
        """Whether it is a CuPy array."""
        return isinstance(array, self.xp.ndarray)

    def fetch(self, array: Any) -> AnyArray:
        """Copy of a device array on the host, which waits until it is computed; a host array as it is."""
        if self.owns(array):
            self._check_here(array)
            host: AnyArray = self.xp.asnumpy(array)
            return host
        if isinstance(array, np.ndarray):
            return array
        raise UsageError(
            f"{type(array).__module__}.{type(array).__name__} is not a CuPy array: pass cupy.asarray(x), "
            "which shares its memory, or a NumPy array"
        )

    def _check_here(self, array: Any) -> None:
        here = self.xp.cuda.Device().id
        if array.device.id != here:
            raise UsageError(
                f"an array lies on CUDA device {array.device.id}, the current device is {here}: run inside "
                f"`with cupy.cuda.Device({array.device.id}):`, or copy it there"
            )

    # --- products and triangles ---------------------------------------------------------------------------------------

    def multiply(
        self,
        C: Any,
        A: Any,
        B: Any,
        *,
        alpha: float = 1.0,
        beta: float = 0.0,
        transpose_a: bool = False,
        transpose_b: bool = False,
        products: Products = "float32",
    ) -> None:
        """C = alpha op(A) op(B) + beta C; int8 times int8 gives int32, exactly.

        cuBLAS counts by columns, where these arrays are their transposes: C^T = op(B)^T op(A)^T. For int8 it wants
        sides and leading dimensions that are multiples of 4, and is quickest at 16: operands are padded so.
        """
        m, n = C.shape
        k = A.shape[0] if transpose_a else A.shape[1]
        if 0 in (m, n, k):
            return
        kind = C.dtype.name
        scalars = np.array([alpha, beta], dtype=kind)
        self._blas.gemmEx(
            self.xp.cuda.get_cublas_handle(),
            _TRANSPOSE if transpose_b else _NO_TRANSPOSE,
            _TRANSPOSE if transpose_a else _NO_TRANSPOSE,
            n,
            m,
            k,
            scalars.ctypes.data,
            B.data.ptr,
            _KINDS[B.dtype.name],
            leading_dimension(B),
            A.data.ptr,
            _KINDS[A.dtype.name],
            leading_dimension(A),
            scalars.ctypes.data + scalars.itemsize,
            C.data.ptr,
            _KINDS[kind],
            leading_dimension(C),
            _COMPUTE[products if kind == "float32" else kind],
            _DEFAULT_ALGORITHM,
        )

    def divide_rows(self, P: Any, L: Any) -> None:
        """P = P L^-T; by columns: L^T is upper, and op(L^T) = L divides P^T from the left."""
        self._triangle(P, L, _LEFT, _TRANSPOSE)

    def solve_triangle(self, L: Any, X: Any, *, transposed: bool) -> None:
        """X = L^-1 X, or L^-T X; by columns: X^T is divided from the right by L^T, or by L."""
        self._triangle(X, L, _RIGHT, _TRANSPOSE if transposed else _NO_TRANSPOSE)

    def _triangle(self, X: Any, L: Any, side: int, operation: int) -> None:
        if 0 in X.shape:
            return
        trsm = self._blas.strsm if X.dtype == np.float32 else self._blas.dtrsm
        one = np.ones(1, dtype=X.dtype)
        trsm(
            self.xp.cuda.get_cublas_handle(),
            side,
            UPPER,
            operation,
            _NON_UNIT,
            X.shape[1],
            X.shape[0],
            one.ctypes.data,
            L.data.ptr,
            leading_dimension(L),
            X.data.ptr,
            leading_dimension(X),
        )

    # --- Cholesky -----------------------------------------------------------------------------------------------------

    def cholesky(self, A: Any) -> Any:
        """Lower triangle of A = that of L; one int32: 0, or the first pivot not positive (from 1)."""
        xp, n, lda = self.xp, len(A), leading_dimension(A)
        info = xp.zeros(1, dtype=np.int32)
        handle = self._solver_handle()
        if self._cusolver is not None:
            kind = _KINDS[A.dtype.name]
            on_device, on_host = self._cusolver.workspace(handle, n, kind, A.data.ptr, lda)
            work = xp.empty(max(1, on_device), dtype=np.uint8)
            self._host_buffer = np.empty(max(1, on_host), dtype=np.uint8)  # must outlive the queued work
            self._cusolver.factorize(
                handle,
                n,
                kind,
                A=A.data.ptr,
                lda=lda,
                on_device=(work.data.ptr, on_device),
                on_host=(self._host_buffer.ctypes.data, on_host),
                info=info.data.ptr,
            )
            return info
        prefix = "s" if A.dtype == np.float32 else "d"
        size = getattr(self._solver, f"{prefix}potrf_bufferSize")(handle, UPPER, n, A.data.ptr, lda)
        work = xp.empty(max(1, size), dtype=A.dtype)
        potrf = getattr(self._solver, f"{prefix}potrf")
        potrf(handle, UPPER, n, A.data.ptr, lda, work.data.ptr, size, info.data.ptr)
        return info

    def cholesky_workspace_bytes(self, n: int, dtype: Any, /) -> int:
        """Bytes ``cholesky`` takes beside A, as cuSOLVER says."""
        kind, handle = np.dtype(dtype), self._solver_handle()
        address = self.xp.empty(1, dtype=kind).data.ptr  # not read
        if self._cusolver is not None:
            return self._cusolver.workspace(handle, n, _KINDS[kind.name], address, n)[0]
        if n > LARGEST_32_BIT:
            return 0
        prefix = "s" if kind == np.float32 else "d"
        size: int = getattr(self._solver, f"{prefix}potrf_bufferSize")(handle, UPPER, n, address, n)
        return size * int(kind.itemsize)

    def cholesky_solve(self, L: Any, X: Any) -> Any:
        """(L L^T)^-1 X: a new array."""
        xp, (n, c), lda = self.xp, X.shape, leading_dimension(L)
        B = xp.ascontiguousarray(X.T)  # n rows in column-major order
        info = xp.zeros(1, dtype=np.int32)
        handle = self._solver_handle()
        if self._cusolver is not None:
            self._cusolver.solve(
                handle,
                n,
                _KINDS[L.dtype.name],
                A=L.data.ptr,
                lda=lda,
                B=B.data.ptr,
                columns=c,
                info=info.data.ptr,
            )
        else:
            potrs = getattr(self._solver, "spotrs" if L.dtype == np.float32 else "dpotrs")
            potrs(handle, UPPER, n, c, L.data.ptr, lda, B.data.ptr, n, info.data.ptr)
        return xp.ascontiguousarray(B.T)

    def _solver_handle(self) -> int:
        """CuPy's handle, on CuPy's stream."""
        handle: int = self.xp.cuda.device.get_cusolver_handle()
        self._solver.setStream(handle, self.xp.cuda.get_current_stream().ptr)
        return handle

    # --- the kernel ---------------------------------------------------------------------------------------------------

    def finish(self, K: Any, products: Any, x: Any, z: Any, how: Finish) -> None:
        """K = kernel values of the products of x and z: ``finish.cu``, one thread for eight rows of a column."""
        rows, columns = K.shape
        name, a, b, degree = formula(how.kernel)
        diagonal = how.kernel.diagonal_value if name != "quantity" else None
        grid = (-(-columns // _THREADS[0]), -(-rows // (_THREADS[1] * _ROWS)))
        self._kernel(kernel_name(name, how.kernel.of, K.dtype, products.dtype))(
            grid,
            _THREADS,
            (
                K,
                np.int64(leading_dimension(K)),
                products,
                np.int64(leading_dimension(products)),
                x.terms,
                z.terms,
                x.factors,
                z.factors,
                x.values,
                z.values,
                np.int64(leading_dimension(x.values)),
                np.int32(how.n_features),
                np.int32(rows),
                np.int32(columns),
                np.float64(a),
                np.float64(b),
                np.int32(degree),
                np.int64(columns if how.offset is None else how.offset),
                np.int32(diagonal is not None),
                np.float64(0.0 if diagonal is None else diagonal),
                np.float64(how.ridge),
            ),
        )

    def gather_patches(self, patches: Any, images: Any, shape: ConvolutionShape, scale: float) -> None:
        """Patches as rows: ``convolve.cu``, a warp for each; contrast is measured by a kernel before it."""
        rows, contrast, types = len(patches), shape.contrast, (images.dtype, patches.dtype)
        where, given = _geometry(rows, shape), _pixels(images, scale)
        self._kernel(f"gather<{dtype_name(types[0])}, {dtype_name(types[1])}>", CONVOLVE_SOURCE)(
            (-(-rows // _GATHER_THREADS[1]), 1),
            _GATHER_THREADS,
            (patches, *given, self._contrasts(images, rows, types[1], shape, scale),
             np.int32(contrast is not None), *where),
        )  # fmt: skip

    def _contrasts(self, images: Any, rows: int, dtype: Any, shape: ConvolutionShape, scale: float) -> Any:
        """Mean and 1 / sqrt(variance + contrast) of each patch; unset where contrast is left as it is."""
        if shape.contrast is None:
            return self.xp.empty((1, 2))
        statistics = self.xp.empty((rows, 2))
        name = f"measure_contrast<{dtype_name(images.dtype)}, {dtype_name(dtype)}>"
        self._kernel(name, CONVOLVE_SOURCE)(
            (-(-rows // _LINE[0]), 1),
            _LINE,
            (statistics, *_pixels(images, scale), np.float64(shape.contrast), *_geometry(rows, shape)),
        )
        return statistics

    def rectify_and_pool(
        self, features: Any, responses: Any, filters: DeviceFilters, shape: ConvolutionShape
    ) -> None:
        """Features of a few images: ``convolve.cu``, one thread for a filter of a window of an image."""
        (down, across), n_filters = shape.windows, responses.shape[1]
        self._kernel(f"rectify_and_pool<{dtype_name(features.dtype)}>", CONVOLVE_SOURCE)(
            (len(features) * down * across, -(-n_filters // _LINE[0])),
            _LINE,
            (
                features,
                np.int64(leading_dimension(features)),
                responses,
                np.int64(leading_dimension(responses)),
                filters.above,
                filters.below,
                filters.mean,
                filters.factor,
                np.int32(n_filters),
                np.int32(shape.positions[0]),
                np.int32(shape.positions[1]),
                np.int32(down * across),
                np.int32(across),
                np.int32(shape.pool),
                np.int32(shape.stride),
                np.int32(shape.average),
            ),
        )

    def convolve_and_pool(
        self,
        features: Any,
        images: Any,
        columns: Any,
        filters: DeviceFilters,
        shape: ConvolutionShape,
        *,
        scale: float,
    ) -> None:
        """Features of images in one: ``fused.cu``, a block of threads for 128 filters of an image."""
        n_filters, positions = len(filters.above), shape.positions[0] * shape.positions[1]
        regions, image_values = pooling_regions(shape), shape.height * shape.width * shape.channels
        kernel = self._kernel(f"convolve_and_pool<{dtype_name(images.dtype)}>", FUSED_SOURCE)
        kernel.max_dynamic_shared_size_bytes = min(self.block_bytes, LARGEST_SHARED_BYTES)
        kernel(
            (len(images), -(-n_filters // SIDE)),
            (THREADS, 1),
            (
                features,
                np.int64(leading_dimension(features)),
                *_pixels(images, scale),
                self._contrasts(images, len(images) * positions, features.dtype, shape, scale),
                np.int32(shape.contrast is not None),
                columns,
                np.int32(leading_dimension(columns)),
                filters.above,
                filters.below,
                filters.mean,
                filters.factor,
                self.upload(regions.order),
                self.upload(regions.of_group),
                self.upload(regions.windows),
                self.upload(regions.weights),
                np.int32(n_filters),
                np.int32(image_values),
                np.int32(row_gap(shape)),
                np.int32(positions),
                np.int32(shape.positions[1]),
                np.int32(len(regions.order)),
                np.int32(regions.count),
                np.int32(regions.across),
                np.int32(len(regions.windows)),
                np.int32(shape.patch),
                np.int32(shape.channels),
                np.int32(shape.row_step),
                np.int32(shape.column_step),
                np.int32(shape.channel_step),
            ),
            shared_mem=shared_bytes(shape),
        )

    def _kernel(self, name: str, source: Path = SOURCE) -> Any:
        """The compiled instantiation; CuPy keeps its machine code on disk."""
        if name not in self._kernels:
            module = self.xp.RawModule(
                code=source.read_text(encoding="utf-8"), options=OPTIONS, name_expressions=(name,)
            )
            self._kernels[name] = module.get_function(name)
        return self._kernels[name]

    # --- time and memory ----------------------------------------------------------------------------------------------

    def mark(self) -> Any:
        """An event recorded on the current stream."""
        event = self.xp.cuda.Event()
        event.record()
        return event

    def done(self, mark: Any) -> bool:
        """Whether the event has passed."""
        return bool(mark.done)

    def seconds_between(self, start: Any, stop: Any) -> float:
        """Time between two events that have passed."""
        return float(self.xp.cuda.get_elapsed_time(start, stop)) / 1e3

    def available_bytes(self) -> int:
        """Free bytes by the driver less what the libraries will take, and those the pool keeps for reuse."""
        free, _ = self.xp.cuda.runtime.memGetInfo()
        return max(0, int(free) - _RESERVE) + int(self._pool.free_bytes())

    def taken_bytes(self) -> int:
        """Bytes the pool has from the driver."""
        return int(self._pool.total_bytes())

    def release(self) -> None:
        """Give free blocks back to the driver."""
        self._pool.free_all_blocks()

    @property
    def _pool(self) -> Any:
        return self.xp.get_default_memory_pool()

    def describe(self) -> dict[str, Any]:
        """Card, driver, CuPy and library versions."""
        runtime = self.xp.cuda.runtime
        properties = runtime.getDeviceProperties(self.xp.cuda.Device().id)
        free, total = runtime.memGetInfo()
        return {
            "device": properties["name"].decode(),
            "compute_capability": f"{properties['major']}.{properties['minor']}",
            "multiprocessors": int(properties["multiProcessorCount"]),
            "memory_bytes": int(total),
            "memory_free_bytes": int(free),
            "driver_cuda": version_text(runtime.driverGetVersion()),
            "runtime_cuda": version_text(runtime.runtimeGetVersion()),
            "cupy": self.xp.__version__,
            "cublas": version_text(self._blas.getVersion(self.xp.cuda.get_cublas_handle()), cublas=True),
            "cholesky": "32-bit" if self._cusolver is None else f"64-bit, {self._cusolver.library._name}",
        }


def _pixels(images: Any, scale: float) -> tuple[Any, ...]:
    """Images, the distance from one to the next, and what their values are times."""
    return images, np.int64(leading_dimension(images)), np.float64(scale)


def _geometry(rows: int, shape: ConvolutionShape) -> tuple[Any, ...]:
    """What the kernels of ``convolve.cu`` read of the patches of a launch."""
    down, across = shape.positions
    return tuple(map(np.int32, (rows, down * across, across, shape.patch, shape.channels, shape.row_step,
                                shape.column_step, shape.channel_step)))  # fmt: skip


def installed_wheels() -> list[str]:
    """Names of the CuPy distributions installed: more than one is an error."""
    found = []
    for name in ("cupy", "cupy-cuda11x", "cupy-cuda12x", "cupy-cuda13x"):
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
        found.append(name)
    return found


def version_text(number: int, *, cublas: bool = False) -> str:
    """CUDA's version numbers as text: 12090 is 12.9; cuBLAS's have two more digits.

    Examples
    --------
    >>> version_text(12090), version_text(13000), version_text(120902, cublas=True)
    ('12.9', '13.0', '12.9.2')
    """
    if cublas:
        return f"{number // 10000}.{number // 100 % 100}.{number % 100}"
    return f"{number // 1000}.{number % 1000 // 10}"


def first_line(error: BaseException) -> str:
    """What an error says first."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def libraries() -> dict[str, str | None]:
    """Where cuda-pathfinder finds the CUDA libraries the engine uses; None where one is missing."""
    names = ("cudart", "cublas", "cublasLt", "cusolver", "nvrtc")
    try:
        find = importlib.import_module("cuda.pathfinder").load_nvidia_dynamic_lib
    except ImportError:
        return dict.fromkeys(names)
    found: dict[str, str | None] = {}
    for name in names:
        try:
            found[name] = find(name).abs_path
        except (RuntimeError, OSError):
            found[name] = None
    return found
