"""Local averages of a response, as one small matrix for the rows and one for the columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernelgen.errors import UsageError

WINDOWS = ("box", "gaussian")


def window_starts(size: int, pool: int, stride: int) -> NDArray[np.int64]:
    """First pixels of windows of `pool` pixels, a `stride` apart, centred in a side of `size` pixels.

        start_k = ((size - pool) mod stride) // 2 + k stride,    0 <= k <= (size - pool) // stride

    Raises
    ------
    UsageError
        A window is larger than the side.
    """
    if pool > size:
        raise UsageError(
            f"a window of {pool} pixels is larger than the image's side of {size}; use at most {size}"
        )
    starts: NDArray[np.int64] = (size - pool) % stride // 2 + stride * np.arange((size - pool) // stride + 1)
    return starts


def gaussian_weights(
    centres: NDArray[Any], positions: NDArray[Any], *, width: float, period: int | None = None
) -> NDArray[np.float64]:
    """Weights exp(-(position - centre)^2 / (2 width^2)) that sum to 1, shape (centres, positions).

    With a period, which must be at least 5 widths, they are those of all copies of a position.
    """
    shifts = [0] if period is None else [k * period for k in range(-2, 3)]
    gaps = positions[None, :] - centres[:, None]
    P = sum(np.exp(-((gaps + shift) ** 2) / (2 * width**2)) for shift in shifts)
    weights: NDArray[np.float64] = P / P.sum(axis=1, keepdims=True)
    return weights


def pooling_matrix(size: int, pool: int, stride: int, *, window: str) -> NDArray[np.float64]:
    """Weights of the averages along one side: row k averages over the k-th window.

    Parameters
    ----------
    size : int
        Pixels along the side.
    pool, stride : int
        Of the windows, see :func:`window_starts`.
    window : {"box", "gaussian"}
        Equal weights in the window; or a Gaussian around its centre, of standard deviation pool / 2, over the
        whole side. Weights sum to 1.

    Returns
    -------
    P : array, shape (windows, size)
        ``P_rows @ response @ P_columns.T`` pools an image.

    Examples
    --------
    >>> pooling_matrix(4, 2, 2, window="box").tolist()
    [[0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.5, 0.5]]
    """
    starts = window_starts(size, pool, stride)
    x = np.arange(size)
    if window == "gaussian":
        return gaussian_weights(starts + (pool - 1) / 2, x, width=pool / 2)
    return ((x >= starts[:, None]) & (x < starts[:, None] + pool)) / float(pool)
