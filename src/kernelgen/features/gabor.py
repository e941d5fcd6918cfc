"""A bank of Gabor filters: frequencies by orientations, a nonlinearity, and local averages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from kernelgen.arrays.checks import check_choice, check_positive
from kernelgen.errors import UsageError
from kernelgen.features.image_map import ImageMap, PlaneTransform, fft_flops
from kernelgen.features.morlet import morlet, spectrum
from kernelgen.features.pooling import WINDOWS, pooling_matrix

NONLINEARITIES = ("modulus", "rectified", "energy")
BOUNDARIES = ("zero", "reflect")
PARTS = {"modulus": ("abs",), "energy": ("sq",), "rectified": ("re+", "re-", "im+", "im-")}


@dataclass(frozen=True, kw_only=True)
class Gabor(ImageMap):
    """Local averages of the responses to plane waves under Gaussians.

        phi(x) = pool( rho(x * psi_{f, t}) )    for frequencies f and angles  t = pi k / orientations

    psi is the filter of :func:`kernelgen.features.morlet.morlet`: its envelope has the standard deviation
    ``width / f`` along the wave. The convolution is periodic on the image with a margin around it.

    Parameters
    ----------
    frequencies : tuple of float, default (0.25, 0.125)
        Cycles a pixel, above 0 and at most 0.5.
    orientations : int, default 8
        Angles from 0 to pi.
    width : float, default 0.35
        Standard deviation of the envelope along the wave, in wavelengths.
    aspect : float, default 0.5
        That deviation over the one along the crests.
    nonlinearity : {"modulus", "rectified", "energy"}, default "modulus"
        rho(z) = abs(z); or the four parts max(+-Re z, 0), max(+-Im z, 0), which keep the phase; or abs(z)^2.
    pool, stride : int, default 5, 3
        Side of the window of an average, and the step to the next one, in pixels.
    window : {"box", "gaussian"}, default "gaussian"
        See :func:`kernelgen.features.pooling.pooling_matrix`.
    lowpass : bool, default False
        Also the averages of the image itself.
    root : bool, default True
        Take square roots of the averages (signed, for the image's own).
    boundary : {"zero", "reflect"}, default "zero"
        What the margin is filled with. It is as wide as two standard deviations of the longest envelope, and
        no wider than the image.
    normalize : {"none", "image"}, default "image"
        Divide the features of each image by their Euclidean norm.

    Raises
    ------
    UsageError
        A parameter out of range; an image smaller than the window.

    Notes
    -----
    The defaults had the smallest error on held-out rows of MNIST's training set (``bench/choose_features.py``). On
    a grid of N pixels with F filters an image takes about ``5 N log2(N) (F + 1)`` flops. Constant images give 0
    with the ``reflect`` boundary, but for `lowpass`.

    References
    ----------
    J. G. Daugman, "Uncertainty relation for resolution in space, spatial frequency, and orientation optimized
    by two-dimensional visual cortical filters", J. Opt. Soc. Am. A 2 (1985).
    """

    name = "gabor"

    frequencies: tuple[float, ...] = (0.25, 0.125)
    orientations: int = 8
    width: float = 0.35
    aspect: float = 0.5
    nonlinearity: str = "modulus"
    pool: int = 5
    stride: int = 3
    window: str = "gaussian"
    lowpass: bool = False
    root: bool = True
    boundary: str = "zero"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "frequencies", tuple(float(f) for f in self.frequencies))
        if not self.frequencies or not all(0 < f <= 0.5 for f in self.frequencies):
            raise UsageError(
                f"frequencies are cycles a pixel, above 0 and at most 0.5; got {self.frequencies}"
            )
        for name in ("orientations", "pool", "stride"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)}")
        check_positive(self.width, "width")
        check_positive(self.aspect, "aspect")
        check_choice(self.nonlinearity, "nonlinearity", NONLINEARITIES)
        check_choice(self.window, "window", WINDOWS)
        check_choice(self.boundary, "boundary", BOUNDARIES)

    def bank(self, shape: tuple[int, int]) -> list[NDArray[np.complex128]]:
        """The filters on a periodic grid of this shape, frequency by frequency; the picture in the docs."""
        return [
            morlet(
                shape,
                frequency=f,
                angle=np.pi * k / self.orientations,
                width=self.width / f,
                aspect=self.aspect,
            )
            for f in self.frequencies
            for k in range(self.orientations)
        ]

    def margin(self, size: int) -> int:
        """Pixels around an image of this side."""
        longest = self.width / min(self.frequencies) * max(1.0, 1.0 / self.aspect)
        return min(size, int(np.ceil(2 * longest)))

    def transform(self, shape: tuple[int, int], dtype: np.dtype[Any]) -> GaborTransform:
        """Filters and pooling weights for planes of this shape."""
        return GaborTransform(self, shape, dtype)


class GaborTransform(PlaneTransform):
    """A Gabor map for planes of one shape: spectra of the filters, and weights of the averages."""

    def __init__(self, gabor: Gabor, shape: tuple[int, int], dtype: np.dtype[Any]):
        self.gabor = gabor
        self.shape = shape
        self.rows, self.columns = (
            pooling_matrix(size, gabor.pool, gabor.stride, window=gabor.window).astype(dtype)
            for size in shape
        )
        is_reflected = gabor.boundary == "reflect"
        margins = [gabor.margin(size) for size in shape]
        self.before = tuple(margin if is_reflected else 0 for margin in margins)
        rows, columns = (
            scipy.fft.next_fast_len(size + margin * (2 if is_reflected else 1))
            for size, margin in zip(shape, margins, strict=True)
        )
        self.grid = (int(rows), int(columns))
        self.spectra = [spectrum(psi).astype(dtype) for psi in gabor.bank(self.grid)]
        cells = [f"r{i}_c{j}" for i in range(len(self.rows)) for j in range(len(self.columns))]
        channels = [
            f"f{f:g}_o{k}_{part}"
            for f in gabor.frequencies
            for k in range(gabor.orientations)
            for part in PARTS[gabor.nonlinearity]
        ] + (["lowpass"] if gabor.lowpass else [])
        self.n_channels = len(channels)
        self.names = [f"{channel}_{cell}" for channel in channels for cell in cells]
        pixels = self.grid[0] * self.grid[1]
        self.plane_bytes = 2 * dtype.itemsize * pixels
        self.flops = fft_flops(self.ffts())

    def ffts(self) -> dict[tuple[int, int], int]:
        """How many transforms of each size an image takes."""
        return {self.grid: len(self.spectra) + 1}

    def __call__(self, planes: NDArray[Any]) -> NDArray[Any]:
        """rho and averages of the inverse transforms of  x^ psi^ , one filter after the other."""
        out = np.empty((len(planes), self.n_channels, len(self.rows), len(self.columns)), planes.dtype)
        x_hat = scipy.fft.fft2(self._pad(planes))
        top, left = self.before
        visible = np.s_[:, top : top + self.shape[0], left : left + self.shape[1]]
        channel = 0
        for psi_hat in self.spectra:
            response = scipy.fft.ifft2(x_hat * psi_hat, overwrite_x=True)[visible]
            for part in self._parts(response):
                self._pool(part, out[:, channel])
                channel += 1
        if self.gabor.lowpass:
            self._pool(planes, out[:, channel])
        if self.gabor.root:
            out = np.copysign(np.sqrt(np.abs(out)), out)
        return out.reshape(len(planes), -1)

    def _pad(self, planes: NDArray[Any]) -> NDArray[Any]:
        if self.gabor.boundary == "zero":
            padded = np.zeros((len(planes), *self.grid), planes.dtype)
            padded[:, : self.shape[0], : self.shape[1]] = planes
            return padded
        sides = [
            (before, grid - size - before)
            for before, grid, size in zip(self.before, self.grid, self.shape, strict=True)
        ]
        return np.pad(planes, [(0, 0), *sides], mode="symmetric")

    def _parts(self, z: NDArray[Any]) -> list[NDArray[Any]]:
        match self.gabor.nonlinearity:
            case "modulus":
                return [np.abs(z)]
            case "energy":
                return [z.real**2 + z.imag**2]
            case _:
                return [np.maximum(part, 0) for part in (z.real, -z.real, z.imag, -z.imag)]

    def _pool(self, response: NDArray[Any], out: NDArray[Any]) -> None:
        np.matmul(self.rows, np.ascontiguousarray(response) @ self.columns.T, out=out)
