"""What the card's libraries reach, in the same run as everything compared with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from session import Session


def run(session: Session) -> None:
    """Copy bandwidth, matrix products in five kinds of arithmetic, and DSYRK beside DGEMM."""
    n = 256 if session.smoke else 8192
    session.note("ceilings", "copy_bytes_per_second", copy_speed(session, n))
    for name, dtype, products in (
        ("float32", np.float32, "float32"),
        ("tf32", np.float32, "tf32"),
        ("bf16x9", np.float32, "bf16x9"),
        ("float64", np.float64, "float32"),
        ("int8", np.int8, "float32"),
    ):
        try:
            seconds = session.median_seconds(_product(session, n, dtype, products))
        except Exception as error:  # an arithmetic this card or this cuBLAS does not have
            session.note("ceilings", f"{name}_unavailable", f"{type(error).__name__}: {error}")
            continue
        session.note("ceilings", f"{name}_flops_per_second", 2.0 * n**3 / seconds)
    A, C = session.filled(n, n, np.float64), session.filled(n, n, np.float64)
    seconds = session.median_seconds(lambda: symmetric_update(session, C, A))
    session.note("ceilings", "dsyrk_flops_per_second", float(n) ** 3 / seconds)


def copy_speed(session: Session, n: int) -> float:
    """Bytes read and written a second by a copy of n x 2n float64 (1 GiB at 8,192)."""
    source = session.filled(n, 2 * n, np.float64)
    target = session.on.xp.empty_like(source)

    def copy() -> None:
        target[...] = source

    return 2.0 * source.nbytes / session.median_seconds(copy)


def _product(session: Session, n: int, dtype: Any, products: Any) -> Callable[[], None]:
    A = session.filled(n, n, dtype)
    C = session.on.xp.zeros((n, n), dtype=np.int32 if dtype == np.int8 else dtype)
    return lambda: session.on.multiply(C, A, A, transpose_b=True, products=products)


def symmetric_update(session: Session, C: Any, A: Any) -> None:
    """C = C - A A^T in its lower triangle, by cuBLAS DSYRK; on NumPy by a product."""
    if session.on.xp is np:
        C -= A @ A.T
        return
    import cupy

    scalars = np.array([-1.0, 1.0])
    n, k = A.shape
    # the lower triangle by rows is the upper (1) by columns; A by columns is A^T, so transpose (1)
    cupy.cuda.cublas.dsyrk(
        cupy.cuda.get_cublas_handle(), 1, 1, n, k, scalars.ctypes.data, A.data.ptr, k,
        scalars.ctypes.data + 8, C.data.ptr, n,
    )  # fmt: skip
