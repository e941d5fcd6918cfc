"""Maps one after the other: each is fitted to what the one before makes of the training rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernelgen.errors import DataError, UsageError
from kernelgen.features.base import (
    FeatureMap,
    FeatureValues,
    FittedMap,
    Output,
    ProgressFraction,
)
from kernelgen.features.layout import Layout
from kernelgen.features.standardize import Standardize


@dataclass(frozen=True)
class Chain(FeatureMap):
    """``first+second+...``: the features of the second map are made from those of the first.

    Parameters
    ----------
    maps : tuple of FeatureMap
        At least one.

    Notes
    -----
    What an inner map makes is overwritten by a map that can work in place (``standardize``), else given up once the
    next is made: at most two arrays of features at a time.
    """

    name = "chain"

    maps: tuple[FeatureMap, ...] = ()

    @property
    def spec(self) -> str:
        """Specs of the maps, joined by ``+``."""
        return "+".join(part.spec for part in self.maps)

    def describe(self) -> dict[str, Any]:
        """The name, and what each map says of itself."""
        return {"name": self.name, "maps": [part.describe() for part in self.maps]}

    def __post_init__(self) -> None:
        if not self.maps:
            raise UsageError("a chain needs at least one map")

    def output(self, layout: Layout, dtype: Any) -> Output:
        """Of the last map; flops of all of them, and the largest bytes of one map and the one before it."""
        flops, peak, held = 0.0, 0, 0
        for part in self.maps:
            made = part.output(layout, dtype)
            is_in_place = isinstance(part, Standardize) and made.row_bytes == held
            peak = max(peak, made.peak_bytes if is_in_place else held + made.peak_bytes)
            layout, dtype, flops = made.layout, made.dtype, flops + made.flops
            held = made.row_bytes if made.peak_bytes else held
        return Output(layout, dtype, flops, peak)

    def fit_bytes(self, n_samples: int, layout: Layout, dtype: Any) -> int:
        """Of the map that holds most, beside the features it is fitted to."""
        most, held = 0, 0
        for part in self.maps:
            own, made = part.fit_bytes(n_samples, layout, dtype), part.output(layout, dtype)
            most = max(most, held + own if own else 0)
            layout, dtype = made.layout, made.dtype
            held = n_samples * made.row_bytes if made.peak_bytes else held
        return most

    def fit(
        self,
        X: FeatureValues,
        layout: Layout,
        *,
        threads: int | None = None,
        progress: ProgressFraction | None = None,
    ) -> FittedChain:
        """Fit all maps; the last one's features are not made."""
        return self._fit(X, layout, threads, progress, is_applied=False)[0]

    def fit_apply(
        self,
        X: FeatureValues,
        layout: Layout,
        *,
        threads: int | None = None,
        progress: ProgressFraction | None = None,
    ) -> tuple[FittedChain, FeatureValues]:
        """Fit all maps, and their features of the training rows: each map is applied once."""
        return self._fit(X, layout, threads, progress, is_applied=True)

    def _fit(
        self,
        X: FeatureValues,
        layout: Layout,
        threads: int | None,
        progress: ProgressFraction | None,
        *,
        is_applied: bool,
    ) -> tuple[FittedChain, FeatureValues]:
        chain, given = FittedChain(self, layout, ()), X.values
        for k, part in enumerate(self.maps):
            fitted = part.fit(X, layout, threads=threads)
            chain = replace(chain, parts=(*chain.parts, fitted))
            if is_applied or k < len(self.maps) - 1:
                share = share_of(progress, self._steps(chain.layout, X.values.dtype), k)
                layout = part.output(layout, X.values.dtype).layout
                X = fitted.apply(X, threads=threads, progress=share, overwrite=X.values is not given)
        return chain, X

    def _steps(self, layout: Layout, dtype: Any) -> list[float]:
        """Fractions of the work done when each map is, from 0 to 1."""
        work = []
        for part in self.maps:
            made = part.output(layout, dtype)
            layout, dtype = made.layout, made.dtype
            work.append(made.flops + layout.n_values)
        return [sum(work[:k]) / sum(work) for k in range(len(work) + 1)]

    def restore(self, layout: Layout, state: Mapping[str, NDArray[Any]]) -> FittedChain:
        """From the states of the maps, whose names begin with the number of the map."""
        fitted, used = [], set()
        inner = layout
        for k, part in enumerate(self.maps):
            prefix = f"{k}."
            own = {
                name.removeprefix(prefix): array for name, array in state.items() if name.startswith(prefix)
            }
            used |= {prefix + name for name in own}
            fitted.append(part.restore(inner, own))
            inner = part.output(inner, np.float32).layout
        if used != set(state):
            raise DataError(f"no map of {self.spec!r} has learned {', '.join(sorted(set(state) - used))}")
        return FittedChain(self, layout, tuple(fitted))


@dataclass(frozen=True, eq=False)
class FittedChain(FittedMap):
    """Fitted maps one after the other."""

    map: Chain
    layout: Layout
    parts: tuple[FittedMap, ...]

    def apply(
        self,
        X: FeatureValues,
        *,
        threads: int | None = None,
        progress: ProgressFraction | None = None,
        overwrite: bool = False,
    ) -> FeatureValues:
        """Features of the last map."""
        steps, given = self.map._steps(self.layout, X.values.dtype), X.values
        for k, part in enumerate(self.parts):
            share = share_of(progress, steps, k)
            own = overwrite or X.values is not given  # a map may pass its input through
            X = part.apply(X, threads=threads, progress=share, overwrite=own)
        return X

    def feature_names(self) -> list[str]:
        """Names of the last map that makes new features, marked with the maps that follow it."""
        names = self.parts[0].feature_names()
        for part in self.parts[1:]:
            if part.keeps_names:
                names = [f"{name}_{part.map.name}" for name in names]
            else:
                names = part.feature_names()
        return names

    def state(self) -> dict[str, NDArray[Any]]:
        """States of the maps, each name after the number of its map: ``1.mean``."""
        return {
            f"{k}.{name}": array for k, part in enumerate(self.parts) for name, array in part.state().items()
        }


def share_of(progress: ProgressFraction | None, steps: list[float], index: int) -> ProgressFraction | None:
    """What reports the part of the work between two steps."""
    if progress is None:
        return None
    start, stop = steps[index], steps[index + 1]
    return lambda fraction: progress(start + (stop - start) * fraction)
