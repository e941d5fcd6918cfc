"""A kernel given by any elementwise function of distances or products."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernelgen.arrays.checks import check_choice
from kernelgen.engines.base import Quantity
from kernelgen.errors import UsageError
from kernelgen.kernels.base import Kernel


@dataclass(frozen=True)
class Custom(Kernel):
    """Kernel from a function of one quantity; the caller vouches that it is positive definite.

        k(x, z) = function(q),   q = |x - z|^2, |x - z| or <x, z>

    Parameters
    ----------
    function : callable
        Takes an array (a tile of quantities, float32 or float64) and returns an array of the same shape, elementwise.
    of : {"squared_distance", "distance", "product"}

    Examples
    --------
    >>> import numpy as np
    >>> multiquadric = Custom(lambda q: 1 / np.sqrt(1 + q), of="squared_distance")
    >>> multiquadric([[0.0], [1.0]], engine="portable").round(4)
    array([[1.    , 0.7071],
           [0.7071, 1.    ]])
    """

    function: Callable[[Any], Any]
    of: Quantity = "squared_distance"

    name = "custom"

    def __post_init__(self) -> None:
        check_choice(self.of, "of", ("squared_distance", "distance", "product"))
        if not callable(self.function):
            raise UsageError(f"function must be callable, got {type(self.function).__name__}")

    @property
    def diagonal_value(self) -> float | None:
        """function(0) for distances; products differ from row to row."""
        if self.of == "product":
            return None
        return float(self.evaluate(np.zeros((1, 1)))[0, 0])

    def evaluate(self, values: Any) -> Any:
        """function(q), checked to be an array of q's shape."""
        result = self.function(values)
        if getattr(result, "shape", None) != values.shape:
            raise UsageError(
                f"the kernel function must return an array of its argument's shape {values.shape}, "
                f"got {getattr(result, 'shape', type(result).__name__)}"
            )
        return result

    def describe(self) -> dict[str, Any]:
        """Name, the function's own name and the quantity, ready for JSON."""
        return {
            "name": self.name,
            "function": getattr(self.function, "__qualname__", repr(self.function)),
            "of": self.of,
        }
