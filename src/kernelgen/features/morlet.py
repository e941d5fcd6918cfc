"""Morlet wavelets on a periodic grid: a plane wave under a Gaussian, with the mean removed."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_DEVIATIONS = 9  # copies of the grid are summed up to here: exp(-9^2 / 2) is below rounding


def morlet(
    shape: tuple[int, int], *, frequency: float, angle: float, width: float, aspect: float
) -> NDArray[np.complex128]:
    """A plane wave under a Gaussian of unit mass, less its mean: constant images give 0.

        psi(u) = g(u) (exp(2 pi i frequency a) - c),    g(u) = exp(-(a^2 + aspect^2 b^2) / (2 width^2)) / mass,
        a = u_0 cos(angle) + u_1 sin(angle),    b = u_1 cos(angle) - u_0 sin(angle),    sum psi = 0

    Parameters
    ----------
    shape : tuple (rows, columns)
        Of the grid, in pixels. psi is made periodic: copies of the grid around it are summed.
    frequency : float
        Cycles a pixel, at most 0.5.
    angle : float
        Of the wave, in radians, from the direction of the rows' index.
    width : float
        Standard deviation of the Gaussian along the wave, in pixels.
    aspect : float
        Standard deviation along the wave over that along its crests: below 1 crests are long.

    Returns
    -------
    psi : complex128 array of this shape, with u = 0 at [0, 0]

    References
    ----------
    S. Mallat, "Group Invariant Scattering", Comm. Pure Appl. Math. 65 (2012), Section 2.1.

    Examples
    --------
    >>> psi = morlet((16, 16), frequency=0.25, angle=0.0, width=1.5, aspect=0.5)
    >>> bool(abs(psi.sum()) < 1e-15)
    True
    """
    g, wave = np.zeros(shape), np.zeros(shape, dtype=np.complex128)
    for u0, u1 in _copies(shape, _DEVIATIONS * width * max(1.0, 1.0 / aspect)):
        a = u0 * np.cos(angle) + u1 * np.sin(angle)
        b = u1 * np.cos(angle) - u0 * np.sin(angle)
        envelope = np.exp(-(a**2 + aspect**2 * b**2) / (2 * width**2))
        g += envelope
        wave += envelope * np.exp(2j * np.pi * frequency * a)
    psi: NDArray[np.complex128] = (wave - wave.sum() / g.sum() * g) / g.sum()
    return psi


def spectrum(psi: NDArray[np.complex128]) -> FloatArray:
    """Fourier transform of a filter with psi(-u) = conj psi(u), which is real."""
    values: FloatArray = np.ascontiguousarray(scipy.fft.fft2(psi).real)
    return values


def _copies(shape: tuple[int, int], reach: float) -> list[tuple[FloatArray, FloatArray]]:
    """Coordinates of the grid (0, 1, .. and -1, -2, .. from [0, 0]), and of the copies of it within reach."""
    u0, u1 = (np.fft.fftfreq(size, 1.0 / size).astype(np.float64) for size in shape)
    rows, columns = (int(np.ceil(reach / size)) for size in shape)
    return [
        (u0[:, None] + i * shape[0], u1[None, :] + j * shape[1])
        for i in range(-rows, rows + 1)
        for j in range(-columns, columns + 1)
    ]
