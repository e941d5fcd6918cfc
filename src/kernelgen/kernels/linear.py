"""Linear kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kernelgen.kernels.base import Kernel


@dataclass(frozen=True)
class Linear(Kernel):
    """Linear kernel; its interpolant is the minimum-norm linear function.

        k(x, z) = <x, z>

    K has rank at most d, so ridge 0 asks for at most d points, linearly independent.
    """

    name = "linear"
    of = "product"

    def rank_bound(self, n_features: int) -> int:
        """K = X X^T has rank at most d."""
        return n_features

    def evaluate(self, values: Any) -> Any:
        """q itself, for products q."""
        return values
