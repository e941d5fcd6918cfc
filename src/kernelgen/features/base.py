"""What a feature map is: rows as stored in, values and their scale out."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple, Protocol

from numpy.typing import NDArray


class FeatureValues(NamedTuple):
    """The features are ``scale * values``; the product is left to the engines.

    Attributes
    ----------
    values : array, shape (n, p)
        C-contiguous; uint8, float32 or float64.
    scale : float
    """

    values: NDArray[Any]
    scale: float


class Features(Protocol):
    """A map from the rows of a data set to what the kernel sees."""

    name: ClassVar[str]

    def apply(self, X: NDArray[Any], *, maximum: float) -> FeatureValues:
        """Features of the rows of X, whose values are at most `maximum`."""
        ...

    def describe(self) -> dict[str, Any]:
        """Name and parameters, for JSON."""
        ...
