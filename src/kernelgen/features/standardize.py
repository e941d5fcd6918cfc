"""Each feature with mean 0 and standard deviation 1 over the training rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernelgen.arrays.checks import check_finite, check_threads
from kernelgen.errors import DataError
from kernelgen.features.base import (
    FeatureMap,
    FeatureValues,
    FittedMap,
    Output,
    ProgressFraction,
    float_dtype,
)
from kernelgen.features.blocks import map_rows
from kernelgen.features.layout import Layout

FloatArray = NDArray[np.float64]
_BLOCK_VALUES = 1 << 17


@dataclass(frozen=True, kw_only=True)
class Standardize(FeatureMap):
    """Subtract the training rows' mean and divide by their standard deviation.

        phi(x)_k = (x_k - mean_k) / deviation_k,    deviation_k^2 = sum_i (x_ik - mean_k)^2 / n

    Parameters
    ----------
    deviation : bool
        False subtracts the mean only.

    Notes
    -----
    A feature that is constant over the training rows, up to rounding, becomes 0 there and is not divided. Mean
    and deviation are accumulated in float64, by blocks (Chan's update), and rounded once.

    References
    ----------
    T. F. Chan, G. H. Golub, R. J. LeVeque, "Updating formulae and a pairwise algorithm for computing sample
    variances", COMPSTAT 1982.

    Examples
    --------
    >>> import numpy as np
    >>> X = FeatureValues(np.array([[1.0, 5.0], [3.0, 5.0]]))
    >>> Standardize().fit(X, Layout(2)).apply(X).values.tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """

    name = "standardize"

    deviation: bool = True

    def output(self, layout: Layout, dtype: Any) -> Output:
        """The same layout, in float64 for float64 rows and in float32 for others."""
        computed = float_dtype(dtype)
        return Output(layout, computed, 2.0 * layout.n_values, layout.n_values * computed.itemsize)

    def fit(
        self,
        X: FeatureValues,
        layout: Layout,
        *,
        threads: int | None = None,
        progress: ProgressFraction | None = None,
    ) -> FittedStandardize:
        """Mean and deviation of the rows.

        Raises
        ------
        DataError
            A value is not finite, or there are no rows.
        """
        values = X.values
        if values.dtype.kind == "f":
            check_finite(values, "X")
        if len(values) == 0:
            raise DataError("there are no rows to take a mean of")
        shift = values[0].astype(np.float64) * X.scale  # makes a constant feature's mean exact
        mean, squares, largest = np.zeros((3, values.shape[1]))
        step = max(1, _BLOCK_VALUES // max(1, values.shape[1]))
        for start in range(0, len(values), step):
            raw = values[start : start + step].astype(np.float64) * X.scale
            block = raw - shift
            stop, own_mean = start + len(block), block.mean(axis=0)
            gap = own_mean - mean
            squares += ((block - own_mean) ** 2).sum(axis=0) + gap**2 * (start * len(block) / stop)
            mean += gap * (len(block) / stop)
            largest = np.maximum(largest, np.abs(raw).max(axis=0))
            if progress is not None:
                progress(stop / len(values))
        deviation = np.sqrt(squares / len(values))
        rounding = 4 * float(np.finfo(float_dtype(values.dtype)).eps) * largest
        divisor = np.where((deviation > rounding) & self.deviation, deviation, 1.0)
        return FittedStandardize(self, layout, shift + mean, divisor)

    def restore(self, layout: Layout, state: Mapping[str, NDArray[Any]]) -> FittedStandardize:
        """From ``mean`` and ``divisor``."""
        if set(state) != {"mean", "divisor"} or any(
            array.shape != (layout.n_values,) for array in state.values()
        ):
            raise DataError(f"'standardize' needs a mean and a divisor of {layout.n_values} values each")
        mean, divisor = (np.array(state[name], dtype=np.float64) for name in ("mean", "divisor"))
        if not (np.isfinite(mean).all() and np.isfinite(divisor).all() and (divisor > 0).all()):
            raise DataError("'standardize' needs a finite mean and a positive finite divisor")
        return FittedStandardize(self, layout, mean, divisor)


@dataclass(frozen=True, eq=False)
class FittedStandardize(FittedMap):
    """Standardization by the training rows' mean, shape (d,), and divisor: deviation, or 1 for a constant feature."""

    map: Standardize
    layout: Layout
    mean: FloatArray
    divisor: FloatArray

    keeps_names = True

    def apply(
        self,
        X: FeatureValues,
        *,
        threads: int | None = None,
        progress: ProgressFraction | None = None,
        overwrite: bool = False,
    ) -> FeatureValues:
        """(x - mean) / divisor, in float64 for float64 rows, in float32 for others."""
        self.check(X)
        if X.values.dtype.kind == "f":
            check_finite(X.values, "X")
        dtype = float_dtype(X.values.dtype)

        def block(rows: NDArray[Any]) -> NDArray[Any]:
            return (rows.astype(np.float64) * X.scale - self.mean) / self.divisor

        out = X.values if overwrite and X.values.dtype == dtype else np.empty(X.values.shape, dtype)
        block_rows = max(1, _BLOCK_VALUES // self.layout.n_values)
        map_rows(
            block, X.values, out, block_rows=block_rows, threads=check_threads(threads), progress=progress
        )
        return FeatureValues(out)

    def feature_names(self) -> list[str]:
        """``standardize0`` and so on; within a chain the names of what is standardized."""
        return [f"{self.map.name}{k}" for k in range(self.layout.n_values)]

    def state(self) -> dict[str, NDArray[Any]]:
        """``mean`` and ``divisor``."""
        return {"mean": self.mean, "divisor": self.divisor}
