"""Maps that treat each plane of each image alike and learn nothing: what Gabor, wavelet and scattering share."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernelgen.arrays.checks import check_choice, check_finite, check_threads
from kernelgen.features.base import (
    FeatureMap,
    FeatureValues,
    FittedMap,
    Output,
    ProgressFraction,
    float_dtype,
    no_state,
)
from kernelgen.features.blocks import map_rows
from kernelgen.features.layout import Layout

NORMALIZATIONS = ("none", "image")
_BLOCK_BYTES = 1 << 19  # of the arrays a thread works on: they stay in its cache


class PlaneTransform(ABC):
    """The same features of every plane, of one size and dtype.

    Attributes
    ----------
    names : list of str
        One for each feature of a plane.
    plane_bytes : int
        Bytes of the largest array that is made, a plane.
    flops : float
        Floating-point operations a plane, leading terms.
    """

    names: list[str]
    plane_bytes: int
    flops: float

    @abstractmethod
    def __call__(self, planes: NDArray[Any]) -> NDArray[Any]:
        """Features, shape (b, len(names)), of planes of shape (b, height, width); keeps no state."""


@dataclass(frozen=True, kw_only=True)
class ImageMap(FeatureMap):
    """A map of images plane by plane; `normalize` comes after it."""

    normalize: str = "image"

    def __post_init__(self) -> None:
        check_choice(self.normalize, "normalize", NORMALIZATIONS)

    @abstractmethod
    def transform(self, shape: tuple[int, int], dtype: np.dtype[Any]) -> PlaneTransform:
        """The map for planes of this height and width; UsageError where they are too small for it."""

    def output(self, layout: Layout, dtype: Any) -> Output:
        """Features a plane times channels, in float64 for float64 rows and in float32 for others."""
        height, width, channels = layout.shape_for(self.name)
        computed = float_dtype(dtype)
        transform = _transform(self, (height, width), computed)
        n_features = channels * len(transform.names)
        return Output(
            Layout(n_features), computed, channels * transform.flops, n_features * computed.itemsize
        )

    def fit(
        self,
        X: FeatureValues,
        layout: Layout,
        *,
        threads: int | None = None,
        progress: ProgressFraction | None = None,
    ) -> FittedImageMap:
        """Nothing is learned."""
        return self.restore(layout, {})

    def restore(self, layout: Layout, state: Mapping[str, NDArray[Any]]) -> FittedImageMap:
        """Nothing was learned."""
        no_state(self.name, state)
        layout.shape_for(self.name)
        return FittedImageMap(self, layout)


@dataclass(frozen=True)
class FittedImageMap(FittedMap):
    """An image map for one layout."""

    map: ImageMap
    layout: Layout

    def apply(
        self,
        X: FeatureValues,
        *,
        threads: int | None = None,
        progress: ProgressFraction | None = None,
        overwrite: bool = False,
    ) -> FeatureValues:
        """Features in float64 for float64 rows, in float32 for others; computed in blocks over threads.

        Notes
        -----
        Memory: the features, and about 1 MiB of work a thread (more where one image needs more).
        """
        self.check(X)
        if X.values.dtype.kind == "f":
            check_finite(X.values, "X")
        dtype = float_dtype(X.values.dtype)
        height, width, channels = self.layout.shape_for(self.map.name)
        transform = _transform(self.map, (height, width), dtype)
        scale = dtype.type(X.scale)

        def block(rows: NDArray[Any]) -> NDArray[Any]:
            planes = self.layout.planes(rows).astype(dtype) * scale
            features = transform(planes.reshape(-1, *planes.shape[2:])).reshape(len(rows), -1)
            return unit_rows(features) if self.map.normalize == "image" else features

        out = np.empty((len(X.values), channels * len(transform.names)), dtype=dtype)
        block_rows = max(1, _BLOCK_BYTES // (channels * transform.plane_bytes))
        map_rows(
            block,
            X.values,
            out,
            block_rows=block_rows,
            threads=check_threads(threads),
            progress=progress,
        )
        return FeatureValues(out)

    def feature_names(self) -> list[str]:
        """Names of the transform; with more than one channel, their number before them."""
        height, width, channels = self.layout.shape_for(self.map.name)
        names = _transform(self.map, (height, width), np.dtype(np.float64)).names
        if channels == 1:
            return [f"{self.map.name}_{name}" for name in names]
        return [f"{self.map.name}_channel{c}_{name}" for c in range(channels) for name in names]


@functools.lru_cache(maxsize=8)
def _transform(features: ImageMap, shape: tuple[int, int], dtype: np.dtype[Any]) -> PlaneTransform:
    """One transform for equal maps: filters are made once."""
    return features.transform(shape, dtype)


def fft_flops(counts: Mapping[tuple[int, int], int]) -> float:
    """Flops of so many complex transforms of each size: 5 N log2 N for N points."""
    return float(sum(5.0 * count * m * n * np.log2(m * n) for (m, n), count in counts.items()))


def unit_rows(features: NDArray[Any]) -> NDArray[Any]:
    """Rows divided by their Euclidean norm; a row of zeros stays one.

    Examples
    --------
    >>> import numpy as np
    >>> unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """
    largest = np.max(np.abs(features), axis=1, keepdims=True)
    features = features / np.where(largest > 0, largest, 1)  # no overflow, no underflow in the squares
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    units: NDArray[Any] = features / np.where(norms > 0, norms, 1)
    return units
