"""The scattering transform: moduli of wavelet responses, once and twice, averaged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from kernelgen.arrays.checks import check_choice
from kernelgen.errors import UsageError
from kernelgen.features.aliasing import aliased, decimated_products
from kernelgen.features.image_map import ImageMap, PlaneTransform, fft_flops
from kernelgen.features.morlet import morlet, spectrum
from kernelgen.features.pooling import gaussian_weights, window_starts

BOUNDARIES = ("zero", "reflect")
FREQUENCY, WIDTH = (
    3 / 8,
    0.8,
)  # of the finest wavelet, in cycles a pixel and in pixels; by scale halved and doubled


@dataclass(frozen=True, kw_only=True)
class Scattering(ImageMap):
    """Averaged wavelet moduli: stable to small deformations, and they lose little of the image.

        S x = { x * phi,  |x * psi_a| * phi,  ||x * psi_a| * psi_b| * phi  :  scale of b > scale of a },
        psi_(j, k): Morlet wavelet of frequency 3/8 2^-j and angle pi k / orientations,  0 <= j < scales,
        phi: Gaussian of standard deviation 0.8 2^(scales - 1)

    Parameters
    ----------
    scales : int, default 3
        J: averages are taken over about 2^J pixels, and their grid has this step by default.
    orientations : int, default 8
        L, angles from 0 to pi.
    order : {0, 1, 2}, default 2
        Largest number of moduli.
    stride : int or None, default None
        Pixels from one average to the next; None means 2^scales.
    root : bool, default True
        Take square roots of the averages, with the sign of the image's own.
    boundary : {"zero", "reflect"}, default "zero"
        What the margin around the image is filled with: at least 2^scales pixels, up to a grid whose sides are
        multiples of 2^scales.
    normalize : {"none", "image"}, default "none"
        Divide the features of each image by their Euclidean norm.

    Raises
    ------
    UsageError
        A parameter out of range; an image with a side below 2^scales.

    Notes
    -----
    Convolutions are periodic on the grid. As in Bruna and Mallat, a modulus at scale j is kept at every 2^j-th
    pixel only, and what follows is computed there; the second wavelets are sampled on that coarser grid. The
    constants (3/8, 0.8, aspect 4/L) are those of kymatio. The weights of an average sum to 1; averages are centred
    as windows of 2^scales pixels are, see :func:`kernelgen.features.pooling.window_starts`.

    References
    ----------
    J. Bruna, S. Mallat, "Invariant Scattering Convolution Networks", IEEE TPAMI 35 (2013), arXiv:1203.1513.
    """

    name = "scattering"

    scales: int = 3
    orientations: int = 8
    order: int = 2
    stride: int | None = None
    root: bool = True
    boundary: str = "zero"
    normalize: str = "none"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.scales <= 10:
            raise UsageError(f"scales must be from 1 to 10, got {self.scales}")
        if self.orientations < 1:
            raise UsageError(f"orientations must be at least 1, got {self.orientations}")
        if self.order not in (0, 1, 2):
            raise UsageError(f"order must be 0, 1 or 2, got {self.order}")
        if self.stride is not None and self.stride < 1:
            raise UsageError(f"stride must be at least 1, got {self.stride}")
        check_choice(self.boundary, "boundary", BOUNDARIES)

    def wavelet(self, grid: tuple[int, int], scale: int, turn: int) -> NDArray[np.complex128]:
        """psi of this scale, and angle pi turn / orientations, on a periodic grid of every pixel."""
        return morlet(
            grid,
            frequency=FREQUENCY / 2**scale,
            angle=np.pi * turn / self.orientations,
            width=WIDTH * 2**scale,
            aspect=4 / self.orientations,
        )

    def transform(self, shape: tuple[int, int], dtype: np.dtype[Any]) -> ScatteringTransform:
        """Filters for planes of this shape."""
        return ScatteringTransform(self, shape, dtype)


class ScatteringTransform(PlaneTransform):
    """A scattering map for planes of one shape.

    ``psi[b][a]`` has the spectra of the L wavelets of scale b on the grid of every 2^a-th pixel, and
    ``weights[a]`` the averages of what is on that grid, for rows and columns.
    """

    def __init__(self, scattering: Scattering, shape: tuple[int, int], dtype: np.dtype[Any]):
        self.map, self.shape = scattering, shape
        J, L = scattering.scales, scattering.orientations
        coarse = 2**J
        if min(shape) < coarse:
            raise UsageError(
                f"an image of {shape[0]} x {shape[1]} pixels is too small for scales={J}: its sides must be at "
                f"least 2^scales = {coarse}; use fewer scales"
            )
        is_reflected = scattering.boundary == "reflect"
        self.before = coarse if is_reflected else 0
        rows, columns = (
            coarse * int(scipy.fft.next_fast_len(-(-(size + coarse * (1 + is_reflected)) // coarse)))
            for size in shape
        )
        self.grid = (rows, columns)
        spectra = [
            np.stack([spectrum(scattering.wavelet(self.grid, j, k)) for k in range(L)]) for j in range(J)
        ]
        self.psi = [[aliased(spectra[b], 2**a).astype(dtype) for a in range(b + 1)] for b in range(J)]
        starts = [window_starts(size, coarse, scattering.stride or coarse) for size in shape]
        self.weights = [
            tuple(
                gaussian_weights(
                    start + self.before + (coarse - 1) / 2,
                    np.arange(0, side, 2**a),
                    width=WIDTH * 2 ** (J - 1),
                    period=side,
                ).astype(dtype)
                for start, side in zip(starts, self.grid, strict=True)
            )
            for a in range(J)
        ]
        self.cells = tuple(len(start) for start in starts)
        paths = self._paths()
        self.n_paths = len(paths)
        self.names = [
            f"{path}_r{i}_c{j}" for path in paths for i in range(self.cells[0]) for j in range(self.cells[1])
        ]
        pixels = self.grid[0] * self.grid[1]
        self.plane_bytes = 2 * dtype.itemsize * pixels * L
        self.flops = fft_flops(self.ffts())

    def __call__(self, planes: NDArray[Any]) -> NDArray[Any]:
        """Averages of the image, of |x * psi_a|, and of ||x * psi_a| * psi_b|."""
        J, L, order = self.map.scales, self.map.orientations, self.map.order
        out = np.empty((len(planes), self.n_paths, *self.cells), planes.dtype)
        x = self._pad(planes)
        out[:, 0] = self._average(x, 0)
        x_hat = scipy.fft.fft2(x)
        first, second = 1, 1 + J * L
        for a in range(J if order else 0):
            u1 = _moduli(x_hat, self.psi[a][0], 2**a)  # (n, L, rows, columns)
            out[:, first : first + L] = self._average(u1, a)
            first += L
            if order < 2:
                continue
            for k in range(L if a < J - 1 else 0):
                u_hat = scipy.fft.fft2(u1[:, k])
                for b in range(a + 1, J):
                    u2 = _moduli(u_hat, self.psi[b][a], 2 ** (b - a))
                    out[:, second : second + L] = self._average(u2, b)
                    second += L
        if self.map.root:
            out = np.copysign(np.sqrt(np.abs(out)), out)
        return out.reshape(len(planes), -1)

    def _paths(self) -> list[str]:
        J, L, order = self.map.scales, self.map.orientations, self.map.order
        once = [f"j{a}k{k}" for a in range(J) for k in range(L)]
        twice = [
            f"j{a}k{k}_j{b}k{m}"
            for a in range(J)
            for k in range(L)
            for b in range(a + 1, J)
            for m in range(L)
        ]
        return ["order0", *(once if order >= 1 else []), *(twice if order == 2 else [])]

    def ffts(self) -> dict[tuple[int, int], int]:
        """How many transforms of each size an image takes."""
        J, L, order = self.map.scales, self.map.orientations, self.map.order
        sides = [(self.grid[0] >> a, self.grid[1] >> a) for a in range(J)]
        counts = dict.fromkeys(sides, 0)
        counts[sides[0]] += 1
        for a in range(J if order else 0):
            counts[sides[a]] += L
            if order == 2 and a < J - 1:
                counts[sides[a]] += L
                for b in range(a + 1, J):
                    counts[sides[b]] += L**2
        return counts

    def _pad(self, planes: NDArray[Any]) -> NDArray[Any]:
        sides = [
            (self.before, grid - size - self.before) for grid, size in zip(self.grid, self.shape, strict=True)
        ]
        if self.map.boundary == "reflect":
            return np.pad(planes, [(0, 0), *sides], mode="symmetric")
        return np.pad(planes, [(0, 0), *sides])

    def _average(self, u: NDArray[Any], scale: int) -> NDArray[Any]:
        rows, columns = self.weights[scale]
        averages: NDArray[Any] = rows @ (u @ columns.T)
        return averages


def _moduli(u_hat: NDArray[Any], psi_hat: NDArray[Any], step: int) -> NDArray[Any]:
    """|u * psi_l| at every step-th pixel, shape (n, L, rows / step, columns / step)."""
    moduli: NDArray[Any] = np.abs(scipy.fft.ifft2(decimated_products(u_hat, psi_hat, step), overwrite_x=True))
    return moduli
