"""cuSOLVER's 64-bit Cholesky by ctypes: CuPy binds the 32-bit one only, which ends at n = 46,340."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path

_HANDLE = _PARAMS = _POINTER = ctypes.c_void_p
_ENUM, _INT64, _SIZE = ctypes.c_int, ctypes.c_int64, ctypes.c_size_t

SIGNATURES: dict[str, list[type]] = {
    "cusolverDnCreateParams": [ctypes.POINTER(_PARAMS)],
    # handle, params, uplo, n, type of A, A, lda, type computed in, bytes on device, bytes on host
    "cusolverDnXpotrf_bufferSize": [
        _HANDLE, _PARAMS, _ENUM, _INT64, _ENUM, _POINTER, _INT64, _ENUM,
        ctypes.POINTER(_SIZE), ctypes.POINTER(_SIZE),
    ],
    # ..., device buffer and its bytes, host buffer and its bytes, info on the device
    "cusolverDnXpotrf": [
        _HANDLE, _PARAMS, _ENUM, _INT64, _ENUM, _POINTER, _INT64, _ENUM,
        _POINTER, _SIZE, _POINTER, _SIZE, _POINTER,
    ],
    # handle, params, uplo, n, right-hand sides, type of A, A, lda, type of B, B, ldb, info on the device
    "cusolverDnXpotrs": [
        _HANDLE, _PARAMS, _ENUM, _INT64, _INT64, _ENUM, _POINTER, _INT64, _ENUM, _POINTER, _INT64, _POINTER,
    ],
}  # fmt: skip

UPPER = 1  # CUBLAS_FILL_MODE_UPPER: what is lower in rows is upper in columns


class CusolverError(RuntimeError):
    """cuSOLVER answered with a status other than 0."""


def loaded_library(maps: Path = Path("/proc/self/maps")) -> str | None:
    """Path of the libcusolver this process has loaded: CuPy's, whose handles are valid in it alone."""
    if not maps.exists():
        return None
    for line in maps.read_text(encoding="utf-8", errors="replace").splitlines():
        path = line.rpartition(" ")[2]
        if Path(path).name.startswith("libcusolver.so"):
            return path
    return None


def located_library() -> str | None:
    """Path of libcusolver by cuda-pathfinder: in wheels, Conda, CUDA_PATH or the system's folders."""
    try:
        from cuda.pathfinder import load_nvidia_dynamic_lib
    except ImportError:
        return None
    try:
        path: str | None = load_nvidia_dynamic_lib("cusolver").abs_path
    except (RuntimeError, OSError):  # DynamicLibNotFoundError is a RuntimeError
        return None
    return path


@dataclass
class Cusolver:
    """The 64-bit routines of one libcusolver; handles and streams are CuPy's."""

    library: ctypes.CDLL
    params: ctypes.c_void_p

    @classmethod
    def load(cls, path: str) -> Cusolver | None:
        """The library at a path; None where it has no 64-bit routines (before CUDA 11.1)."""
        library = ctypes.CDLL(path)
        for name, argument_types in SIGNATURES.items():
            function = getattr(library, name, None)
            if function is None:
                return None
            function.argtypes, function.restype = argument_types, ctypes.c_int
        params = ctypes.c_void_p()
        check(library.cusolverDnCreateParams(ctypes.byref(params)), "cusolverDnCreateParams")
        return cls(library, params)

    def workspace(self, handle: int, n: int, kind: int, A: int, lda: int) -> tuple[int, int]:
        """Bytes ``factorize`` needs on the device and on the host; A is not read."""
        on_device, on_host = ctypes.c_size_t(), ctypes.c_size_t()
        status = self.library.cusolverDnXpotrf_bufferSize(
            handle, self.params, UPPER, n, kind, A, lda, kind, ctypes.byref(on_device), ctypes.byref(on_host)
        )
        check(status, "cusolverDnXpotrf_bufferSize")
        return on_device.value, on_host.value

    def factorize(
        self,
        handle: int,
        n: int,
        kind: int,
        *,
        A: int,
        lda: int,
        on_device: tuple[int, int],
        on_host: tuple[int, int],
        info: int,
    ) -> None:
        """Queue the factorization of A, given by addresses; buffers are (address, bytes)."""
        status = self.library.cusolverDnXpotrf(
            handle, self.params, UPPER, n, kind, A, lda, kind, *on_device, *on_host, info
        )
        check(status, "cusolverDnXpotrf")

    def solve(
        self, handle: int, n: int, kind: int, *, A: int, lda: int, B: int, columns: int, info: int
    ) -> None:
        """Queue B = A^-1 B for a factor A; B has n rows, in column-major order."""
        status = self.library.cusolverDnXpotrs(
            handle, self.params, UPPER, n, columns, kind, A, lda, kind, B, n, info
        )
        check(status, "cusolverDnXpotrs")


def check(status: int, name: str) -> None:
    """Raise where a status is not 0."""
    if status != 0:
        raise CusolverError(f"{name} returned status {status} (see cusolverStatus_t)")
