"""What a feature map is: parameters, then a fit to the training rows, then values and their scale."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kernelgen.errors import DataError
from kernelgen.features.layout import Layout

ProgressFraction = Callable[[float], None]
"""Called in the caller's thread with the fraction done, in [0, 1]; whatever it raises stops the work."""


class FeatureValues(NamedTuple):
    """The features are ``scale * values``; the product is left to the engines.

    Attributes
    ----------
    values : array, shape (n, p)
        C-contiguous; uint8, float32 or float64.
    scale : float
    """

    values: NDArray[Any]
    scale: float = 1.0


class Output(NamedTuple):
    """What a map makes of a row, known before any row is seen.

    Attributes
    ----------
    layout : Layout
        Of the features: how many there are, and whether they are still an image.
    dtype : dtype
        Of the values.
    flops : float
        Floating-point operations a row, leading terms.
    peak_bytes : int
        Bytes a row while the features are made: they, and what they are made from if that is not X itself.
    """

    layout: Layout
    dtype: np.dtype[Any]
    flops: float
    peak_bytes: int

    @property
    def row_bytes(self) -> int:
        """Bytes of the features of a row."""
        return self.layout.n_values * self.dtype.itemsize


@dataclass(frozen=True)
class FeatureMap(ABC):
    """A map's name and parameters. It has seen no rows: two maps with equal parameters are equal.

    A subclass is a frozen dataclass whose fields are its parameters, each with a default; it checks them when
    made. What a map learns from the training rows is in the :class:`FittedMap` that :meth:`fit` returns.
    """

    name: ClassVar[str]

    @abstractmethod
    def output(self, layout: Layout, dtype: Any) -> Output:
        """Number, dtype and cost of the features of rows of this layout and dtype.

        Raises
        ------
        UsageError
            The map needs images, or larger ones.
        """

    def fit_bytes(self, n_samples: int, layout: Layout, dtype: Any) -> int:
        """Bytes that :meth:`fit` holds at its peak, where it is more than making the features takes; else 0."""
        return 0

    @abstractmethod
    def fit(
        self,
        X: FeatureValues,
        layout: Layout,
        *,
        threads: int | None = None,
        progress: ProgressFraction | None = None,
    ) -> FittedMap:
        """Learn what the map needs of the training rows (nothing, for most maps)."""

    def fit_apply(
        self,
        X: FeatureValues,
        layout: Layout,
        *,
        threads: int | None = None,
        progress: ProgressFraction | None = None,
    ) -> tuple[FittedMap, FeatureValues]:
        """The fitted map, and the features of the training rows."""
        fitted = self.fit(X, layout, threads=threads)
        return fitted, fitted.apply(X, threads=threads, progress=progress)

    @abstractmethod
    def restore(self, layout: Layout, state: Mapping[str, NDArray[Any]]) -> FittedMap:
        """The fitted map whose :meth:`FittedMap.state` this is; DataError where it is not."""

    def describe(self) -> dict[str, Any]:
        """Name and all parameters, for JSON."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {"name": self.name} | {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    @property
    def spec(self) -> str:
        """The text that :func:`~kernelgen.features.registry.make_features` makes this map from."""
        changed = [
            f"{item.name}={_text(getattr(self, item.name))}"
            for item in fields(self)
            if getattr(self, item.name) != item.default
        ]
        return self.name + (":" + ",".join(changed) if changed else "")


class FittedMap(ABC):
    """A map ready to be applied to rows of one layout.

    Attributes
    ----------
    map : FeatureMap
    layout : Layout
        Of the rows it takes.
    """

    map: FeatureMap
    layout: Layout

    keeps_names: ClassVar[bool] = False  # whether feature k is made from value k alone

    @abstractmethod
    def apply(
        self,
        X: FeatureValues,
        *,
        threads: int | None = None,
        progress: ProgressFraction | None = None,
        overwrite: bool = False,
    ) -> FeatureValues:
        """Features of the rows of X.

        Parameters
        ----------
        X : FeatureValues
        threads : int or None
            None: every core this process may use. The result does not depend on it.
        progress : callable, optional
        overwrite : bool
            X will not be used again: its array may become that of the features.

        Raises
        ------
        DataError
            A row has another number of values than those fitted to, or one is not finite.
        """

    @abstractmethod
    def feature_names(self) -> list[str]:
        """A name for each feature, in order."""

    def state(self) -> dict[str, NDArray[Any]]:
        """What was learned, by name; empty where a map learns nothing."""
        return {}

    def check(self, X: FeatureValues) -> None:
        """Raise DataError unless X is a matrix of rows of the layout this map was fitted to."""
        if X.values.ndim != 2 or X.values.shape[1] != self.layout.n_values:
            raise DataError(
                f"rows of shape {X.values.shape} do not fit {self.map.name!r} features made for "
                f"{self.layout.n_values} values a row"
            )


def float_dtype(dtype: Any) -> np.dtype[Any]:
    """What features are computed in: float64 for float64, else float32 (uint8 and float32)."""
    return np.dtype(np.float64 if np.dtype(dtype) == np.float64 else np.float32)


def no_state(name: str, state: Mapping[str, NDArray[Any]]) -> None:
    """Raise DataError where there is a state for a map that learns nothing."""
    if state:
        raise DataError(f"features {name!r} learn nothing, but there is {', '.join(sorted(state))}")


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return "/".join(map(_text, value))
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, float) else str(value)
