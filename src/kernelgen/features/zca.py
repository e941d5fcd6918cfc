"""Zero-phase whitening, in float64."""

from __future__ import annotations

import numpy as np

from kernelgen.arrays.points import FloatArray


def zca_matrix(rows: FloatArray, *, epsilon: float, center: bool) -> FloatArray:
    """W with W (C + epsilon I) W = I, symmetric, for the second moments C of the rows.

        C = (1/n) sum_i x_i x_i^T  (center: of x_i - mean),   C = V diag(e) V^T,   W = V diag((e + epsilon)^-1/2) V^T

    Parameters
    ----------
    rows : float64 array, shape (n, d)
    epsilon : float, positive
    center : bool

    Returns
    -------
    W : float64 array, shape (d, d)

    Notes
    -----
    2 n d^2 + O(d^3) flops.

    References
    ----------
    A. J. Bell, T. J. Sejnowski, The "independent components" of natural scenes are edge filters, Vision Research 37
    (1997), doi:10.1016/S0042-6989(97)00121-1.
    """
    x = rows - rows.mean(axis=0) if center else rows
    values, V = np.linalg.eigh(x.T @ x / len(x))
    W: FloatArray = (V / np.sqrt(np.maximum(values, 0.0) + epsilon)) @ V.T
    return W
