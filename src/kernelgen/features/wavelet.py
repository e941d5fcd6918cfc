"""Wavelet coefficients by PyWavelets: decimated, stationary or packet; moduli, and local averages."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pywt
from numpy.typing import NDArray

from kernelgen.arrays.checks import check_choice
from kernelgen.errors import UsageError
from kernelgen.features.image_map import ImageMap, PlaneTransform
from kernelgen.features.pooling import WINDOWS, pooling_matrix

KINDS = ("decimated", "stationary", "packet")
Bands = list[tuple[str, NDArray[Any]]]
"""Names and coefficients, each of shape (b, rows, columns)."""


@dataclass(frozen=True, kw_only=True)
class Wavelet(ImageMap):
    """Coefficients of a discrete wavelet transform, their moduli, and averages of them.

        phi(x) = pool( |<x, psi_{band, u}>| )    over details; the approximation keeps its sign

    Parameters
    ----------
    wavelet : str, default "db2"
        Any discrete wavelet of PyWavelets: ``db2``, ``haar``, ``sym4``, ``bior2.2`` and so on.
    level : int, default 2
        Depth, at least 1.
    kind : {"decimated", "stationary", "packet"}, default "stationary"
        ``pywt.wavedec2``; ``pywt.swt2``, which keeps all positions, so that a shifted image has shifted
        coefficients; or the full tree of wavelet packets, in which details are split again.
    mode : str, default "symmetric"
        How the image goes on beyond its edges, a PyWavelets mode (``symmetric``, ``zero``, ``periodization``, ...).
        The stationary transform is periodic on the image, with zeros added below and on the right up to a
        multiple of 2^level.
    modulus : bool, default True
        Absolute values of the details.
    pool, stride : int, default 7, 3
        Averages over windows of this side and step, in coefficients of a band; 1 and 1 keep all. A window is cut
        down to the side of a band that is smaller.
    window : {"box", "gaussian"}, default "box"
        See :func:`kernelgen.features.pooling.pooling_matrix`.
    root : bool, default True
        Take square roots of the averages, with their signs.
    normalize : {"none", "image"}, default "image"
        Divide the features of each image by their Euclidean norm.

    Raises
    ------
    UsageError
        No such wavelet (the nearest names are listed) or mode; more levels than the image has room for.

    Notes
    -----
    About 4 L flops a coefficient and level, for filters of length L; the stationary transform has
    3 level + 1 times as many coefficients as pixels.

    References
    ----------
    G. R. Lee et al., "PyWavelets: A Python package for wavelet analysis", JOSS 4(36), 2019.
    """

    name = "wavelet"

    wavelet: str = "db2"
    level: int = 2
    kind: str = "stationary"
    mode: str = "symmetric"
    modulus: bool = True
    pool: int = 7
    stride: int = 3
    window: str = "box"
    root: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        discrete = pywt.wavelist(kind="discrete")
        if self.wavelet not in discrete:
            families = ", ".join(
                name for name in pywt.families() if set(pywt.wavelist(name)) <= set(discrete)
            )
            raise UsageError(
                f"no discrete wavelet is called {self.wavelet!r}{_nearest(self.wavelet)}; families: {families}"
            )
        for name in ("level", "pool", "stride"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)}")
        check_choice(self.kind, "kind", KINDS)
        check_choice(self.mode, "mode", pywt.Modes.modes)
        check_choice(self.window, "window", WINDOWS)

    def transform(self, shape: tuple[int, int], dtype: np.dtype[Any]) -> WaveletTransform:
        """Bands and pooling weights for planes of this shape."""
        return WaveletTransform(self, shape, dtype)

    def check_level(self, shape: tuple[int, int]) -> None:
        """UsageError where the image is too small for `level`."""
        length = pywt.Wavelet(self.wavelet).dec_len
        if self.kind == "stationary":
            deepest = int(math.log2(min(shape)))
        else:
            deepest = pywt.dwt_max_level(min(shape), length)
        if self.level > deepest:
            raise UsageError(
                f"an image of {shape[0]} x {shape[1]} pixels is too small for level={self.level} of wavelet "
                f"{self.wavelet!r} ({length} taps): level is at most {deepest}"
                + ("" if deepest else "; use a shorter wavelet, for instance haar")
            )


class WaveletTransform(PlaneTransform):
    """A wavelet map for planes of one shape."""

    def __init__(self, wavelet: Wavelet, shape: tuple[int, int], dtype: np.dtype[Any]):
        wavelet.check_level(shape)
        self.map = wavelet
        self.padding = [
            (0, -size % 2**wavelet.level if wavelet.kind == "stationary" else 0) for size in shape
        ]
        bands = self._bands(np.zeros((1, *shape), dtype))
        self.weights: dict[int, NDArray[Any]] = {}
        for _, band in bands:
            for size in band.shape[1:]:
                pool = min(wavelet.pool, size)
                self.weights[size] = pooling_matrix(size, pool, wavelet.stride, window=wavelet.window).astype(
                    dtype
                )
        self.names = [
            f"{name}_r{i}_c{j}"
            for name, band in bands
            for i in range(len(self.weights[band.shape[1]]))
            for j in range(len(self.weights[band.shape[2]]))
        ]
        coefficients = sum(band[0].size for _, band in bands)
        self.plane_bytes = dtype.itemsize * coefficients
        self.flops = 4.0 * pywt.Wavelet(wavelet.wavelet).dec_len * coefficients

    def __call__(self, planes: NDArray[Any]) -> NDArray[Any]:
        """Bands, one after the other."""
        pooled = []
        for name, band in self._bands(planes):
            if self.map.modulus and not name.endswith("approximation"):
                band = np.abs(band)
            average = self.weights[band.shape[1]] @ (band @ self.weights[band.shape[2]].T)
            pooled.append(average.reshape(len(planes), -1))
        features = np.concatenate(pooled, axis=1)
        return np.copysign(np.sqrt(np.abs(features)), features) if self.map.root else features

    def _bands(self, planes: NDArray[Any]) -> Bands:
        match self.map.kind:
            case "decimated":
                return _named(
                    pywt.wavedec2(planes, self.map.wavelet, self.map.mode, self.map.level, axes=(1, 2))
                )
            case "stationary":
                padded = np.pad(planes, [(0, 0), *self.padding])
                return _named(
                    pywt.swt2(
                        padded, self.map.wavelet, self.map.level, axes=(1, 2), norm=True, trim_approx=True
                    )
                )
            case _:
                return self._packets(planes)

    def _packets(self, planes: NDArray[Any]) -> Bands:
        """The leaves of the full tree, named by their path: a approximation, h, v, d details."""
        leaves: Bands = [("", planes)]
        for _ in range(self.map.level):
            split: Bands = []
            for path, band in leaves:
                a, (h, v, d) = pywt.dwt2(band, self.map.wavelet, self.map.mode, axes=(1, 2))
                split += [(path + "a", a), (path + "h", h), (path + "v", v), (path + "d", d)]
            leaves = split
        smooth = "a" * self.map.level
        return [("approximation" if path == smooth else path, band) for path, band in leaves]


def _named(coefficients: list[Any]) -> Bands:
    """Bands of ``[approximation, details of the coarsest level, .., of the finest]``."""
    depth = len(coefficients) - 1
    bands = [("approximation", coefficients[0])]
    for k, details in enumerate(coefficients[1:]):
        bands += [(f"level{depth - k}_{name}", band) for name, band in zip("hvd", details, strict=True)]
    return bands


def _nearest(name: str) -> str:
    close = difflib.get_close_matches(name, pywt.wavelist(kind="discrete"), n=3)
    return f"; perhaps {', '.join(close)}" if close else ""
