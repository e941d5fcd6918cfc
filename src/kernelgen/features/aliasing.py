"""Convolve and keep every step-th sample, in Fourier space: products and the sum of their aliases in one pass."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray


def decimated_products(u_hat: NDArray[Any], psi_hat: NDArray[Any], step: int) -> NDArray[Any]:
    """Spectra of  (u * psi_l)(step n):  out_l(k) = 1/step^2 sum_a u^(k + a) psi_l^(k + a), over the step^2 aliases a.

    Parameters
    ----------
    u_hat : complex array, shape (n, rows, columns)
    psi_hat : real array, shape (L, rows, columns)
    step : int
        Divides rows and columns.

    Returns
    -------
    out : complex array, shape (n, L, rows / step, columns / step), C-contiguous
    """
    n, rows, columns = u_hat.shape
    out = np.zeros((n, len(psi_hat), rows // step, columns // step), u_hat.dtype)
    _compiled()(u_hat, psi_hat, out)
    if step > 1:
        out *= out.real.dtype.type(1.0 / step**2)
    return out


def aliased(psi_hat: NDArray[Any], step: int) -> NDArray[Any]:
    """Spectra of  step^2 psi(step n):  the sum of the step^2 aliases of the last two axes."""
    if step == 1:
        return psi_hat
    *lead, rows, columns = psi_hat.shape
    folded: NDArray[Any] = psi_hat.reshape(*lead, step, rows // step, step, columns // step).sum((-4, -2))
    return folded


@functools.cache
def _compiled() -> Callable[[Any, Any, Any], None]:
    import numba  # loads slowly, and only scattering needs it

    compiled: Callable[[Any, Any, Any], None] = numba.njit(nogil=True, cache=True)(_add_products)
    return compiled


def _add_products(u_hat: Any, psi_hat: Any, out: Any) -> None:
    n, L, rows, columns = out.shape
    for i in range(n):
        for k in range(L):
            for r in range(u_hat.shape[1]):
                into = out[i, k, r % rows]
                for start in range(0, u_hat.shape[2], columns):
                    for c in range(columns):
                        into[c] += u_hat[i, r, start + c] * psi_hat[k, r, start + c]
