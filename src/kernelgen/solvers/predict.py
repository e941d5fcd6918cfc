"""Values of an interpolant at new points."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernelgen.arrays.checks import check_pair, check_points
from kernelgen.arrays.points import AnyArray, Points
from kernelgen.engines.choose import choose
from kernelgen.errors import UsageError
from kernelgen.kernels.base import Kernel
from kernelgen.solvers.progress import ProgressCallback, phase
from kernelgen.solvers.residence import engine_for, like, to_host
from kernelgen.solvers.rows import check_range, check_rows_nonzero


def predict(
    points: Points,
    kernel: Kernel,
    alpha: AnyArray,
    X: Any,
    *,
    engine: str,
    threads: int,
    progress: ProgressCallback | None = None,
) -> AnyArray:
    """f(x) = sum_i k(x, x_i) alpha_i for each row x of X, by blocks; K(X, points) is never held.

    Parameters
    ----------
    points : Points, n rows
    alpha : array, shape (n, c) or (n,), float32 or float64
    X : array, shape (m, d)
        Raw values, in the units of the points' own.

    Returns
    -------
    values : array, shape (m, c) or (m,), of alpha's dtype; a CuPy array where X is one
    """
    alpha, engine = np.asarray(to_host(alpha)), engine_for(X, engine)
    module = choose(engine)
    if alpha.shape[0] != points.n_samples:
        raise UsageError(f"alpha has {alpha.shape[0]} rows, the points have {points.n_samples}")
    test, train = check_pair(check_points(to_host(X), scale=points.scale), points)
    check_rows_nonzero(test, kernel, name="X")
    check_range(test, kernel, alpha.dtype)
    columns = np.ascontiguousarray(alpha[:, None] if alpha.ndim == 1 else alpha)
    with phase("predict", progress) as heartbeat:
        values = module.cross_multiply(
            module.place(test), train, kernel, columns, threads=threads, heartbeat=heartbeat
        )
    return like(values[:, 0] if alpha.ndim == 1 else values, X)
