"""Raw values divided by their maximum."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.typing import NDArray

from kernelgen.errors import UsageError
from kernelgen.features.base import FeatureValues


@dataclass(frozen=True, slots=True)
class Pixels:
    """Pixel values in [0, 1]: values / maximum, with the division kept as a scale.

    Notes
    -----
    The array is passed through, not copied: uint8 images stay uint8 and scale = 1 / maximum (1/255; digits
    1/16).

    Examples
    --------
    >>> import numpy as np
    >>> values, scale = Pixels().apply(np.array([[0, 255]], dtype=np.uint8), maximum=255.0)
    >>> values.dtype, (values * scale).tolist()
    (dtype('uint8'), [[0.0, 1.0]])
    """

    name: ClassVar[str] = "pixels"

    def apply(self, X: NDArray[Any], *, maximum: float) -> FeatureValues:
        """X itself, and 1 / maximum.

        Raises
        ------
        UsageError
            `maximum` is not a positive finite number.
        """
        if not (math.isfinite(maximum) and maximum > 0):
            raise UsageError(f"maximum must be a positive number, got {maximum!r}")
        return FeatureValues(X, 1.0 / maximum)

    def describe(self) -> dict[str, Any]:
        """Name and parameters, for JSON."""
        return {"name": self.name}
