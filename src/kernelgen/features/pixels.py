"""Raw values divided by their maximum: the map that changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernelgen.features.base import (
    FeatureMap,
    FeatureValues,
    FittedMap,
    Output,
    ProgressFraction,
    no_state,
)
from kernelgen.features.layout import Layout


@dataclass(frozen=True)
class Pixels(FeatureMap):
    """Pixel values in [0, 1]: values / maximum, with the division kept as a scale.

    Notes
    -----
    The array is passed through, not copied: uint8 images stay uint8 and scale = 1 / maximum (1/255; digits
    1/16).

    Examples
    --------
    >>> import numpy as np
    >>> X = FeatureValues(np.array([[0, 255]], dtype=np.uint8), 1 / 255)
    >>> values, scale = Pixels().fit(X, Layout(2)).apply(X)
    >>> values.dtype, (values * scale).tolist()
    (dtype('uint8'), [[0.0, 1.0]])
    """

    name = "pixels"

    def output(self, layout: Layout, dtype: Any) -> Output:
        """The same layout and dtype, at no cost: no array is made."""
        return Output(layout, np.dtype(dtype), 0.0, 0)

    def fit(
        self,
        X: FeatureValues,
        layout: Layout,
        *,
        threads: int | None = None,
        progress: ProgressFraction | None = None,
    ) -> FittedPixels:
        """Nothing is learned."""
        return FittedPixels(self, layout)

    def restore(self, layout: Layout, state: Mapping[str, NDArray[Any]]) -> FittedPixels:
        """Nothing was learned."""
        no_state(self.name, state)
        return FittedPixels(self, layout)


@dataclass(frozen=True)
class FittedPixels(FittedMap):
    """The identity on rows of one layout."""

    map: Pixels
    layout: Layout

    keeps_names = True

    def apply(
        self,
        X: FeatureValues,
        *,
        threads: int | None = None,
        progress: ProgressFraction | None = None,
        overwrite: bool = False,
    ) -> FeatureValues:
        """X itself."""
        self.check(X)
        return X

    def feature_names(self) -> list[str]:
        """``pixels0``, ``pixels1`` and so on: positions in the row."""
        return [f"{self.map.name}{k}" for k in range(self.layout.n_values)]
