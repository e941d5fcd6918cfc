"""Curvature at a global minimum: the same for every one, so it cannot tell which of them generalizes."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernelgen.arrays.checks import check_points
from kernelgen.arrays.points import FloatArray
from kernelgen.errors import UsageError


def hessian(X: Any, w: Any, y: Any, *, loss: str = "square") -> FloatArray:
    """Second derivative of the mean loss at w, shape (d, d).

        (1/n) X^T diag(l''(<w, x_i>, y_i)) X

    At a global minimum that fits the labels l'' is a function of y_i alone, so the matrix is the same at all of them,
    and its rank at most n: flat in at least d - n directions.

    Parameters
    ----------
    X : array, shape (n, d)
    w : array, shape (d,)
    y : array, shape (n,)
    loss : {"square", "logistic"}

    References
    ----------
    C. Zhang et al., ICLR 2017, arXiv:1611.03530, section 5.

    Examples
    --------
    >>> hessian([[1.0, 2.0]], [0.0, 0.0], [1.0]).tolist()
    [[1.0, 2.0], [2.0, 4.0]]
    """
    A: FloatArray = check_points(X).as_float64(slice(None))
    f = A @ np.asarray(w, dtype=np.float64)
    labels = np.asarray(y, dtype=np.float64)
    if labels.shape != f.shape:
        raise UsageError(f"y has shape {labels.shape}, the rows ask for {f.shape}")
    if loss == "square":
        bends = np.ones_like(f)
    elif loss == "logistic":
        odds = np.exp(-np.abs(labels * f))
        bends = odds / (1 + odds) ** 2
    else:
        raise UsageError(f"loss must be 'square' or 'logistic', got {loss!r}")
    found: FloatArray = (A.T * bends) @ A / len(A)
    return found
