"""Laplacian kernel, also called exponential."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kernelgen.arrays.checks import check_positive
from kernelgen.arrays.namespace import namespace_of
from kernelgen.kernels.base import Kernel


@dataclass(frozen=True)
class Laplacian(Kernel):
    """Laplacian kernel of the Euclidean distance, positive definite on distinct points in every dimension.

        k(x, z) = exp(-|x - z| / bandwidth)

    Less smooth than the Gaussian, hence far better conditioned on close points.

    Parameters
    ----------
    bandwidth : float, positive
        In the units of the scaled points.
    """

    bandwidth: float

    name = "laplacian"
    of = "distance"

    def __post_init__(self) -> None:
        object.__setattr__(self, "bandwidth", check_positive(self.bandwidth, "bandwidth"))

    @property
    def diagonal_value(self) -> float:
        """k(x, x) = 1."""
        return 1.0

    def evaluate(self, values: Any) -> Any:
        """exp(-q / bandwidth) for distances q."""
        return namespace_of(values).exp(values * (-1.0 / self.bandwidth))

    def describe(self) -> dict[str, Any]:
        """Name and parameters, ready for JSON."""
        return {"name": self.name, "bandwidth": self.bandwidth}
