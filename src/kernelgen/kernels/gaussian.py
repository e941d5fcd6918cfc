"""Gaussian kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kernelgen.arrays.checks import check_positive
from kernelgen.arrays.namespace import namespace_of
from kernelgen.kernels.base import Kernel


@dataclass(frozen=True)
class Gaussian(Kernel):
    """Gaussian kernel, positive definite on distinct points in every dimension.

        k(x, z) = exp(-|x - z|^2 / (2 bandwidth^2))

    Parameters
    ----------
    bandwidth : float, positive
        In the units of the scaled points. (Where a text gives gamma: bandwidth = sqrt(1 / (2 gamma)).)

    Examples
    --------
    >>> Gaussian(bandwidth=2.0)([[0.0], [2.0]], engine="portable").round(4)
    array([[1.    , 0.6065],
           [0.6065, 1.    ]])
    """

    bandwidth: float

    name = "gaussian"
    of = "squared_distance"

    def __post_init__(self) -> None:
        object.__setattr__(self, "bandwidth", check_positive(self.bandwidth, "bandwidth"))

    @property
    def diagonal_value(self) -> float:
        """k(x, x) = 1."""
        return 1.0

    def evaluate(self, values: Any) -> Any:
        """exp(-q / (2 bandwidth^2)) for squared distances q."""
        return namespace_of(values).exp(values * (-0.5 / self.bandwidth**2))

    def describe(self) -> dict[str, Any]:
        """Name and parameters, ready for JSON."""
        return {"name": self.name, "bandwidth": self.bandwidth}
