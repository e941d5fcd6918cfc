"""Polynomial kernel, plain or of normalized points."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from kernelgen.arrays.checks import check_non_negative, check_positive
from kernelgen.errors import UsageError
from kernelgen.kernels.base import Kernel


@dataclass(frozen=True)
class Polynomial(Kernel):
    """Polynomial kernel, positive semidefinite for coef0 >= 0 and an integer degree.

        k(x, z) = (gamma <x, z> + coef0)^degree

    With ``normalize=True``, x/|x| and z/|z| take the place of x and z. The rank of K never exceeds the number of
    monomials: more points than that cannot be interpolated.

    Parameters
    ----------
    degree : int, at least 1
    gamma : float, positive
    coef0 : float, not negative
    normalize : bool
    """

    degree: int
    gamma: float = 1.0
    coef0: float = 0.0
    normalize: bool = False

    name = "polynomial"
    of = "product"

    def __post_init__(self) -> None:
        if not isinstance(self.degree, Integral) or self.degree < 1:
            raise UsageError(f"degree must be an integer of at least 1, got {self.degree!r}")
        object.__setattr__(self, "degree", int(self.degree))
        object.__setattr__(self, "gamma", check_positive(self.gamma, "gamma"))
        object.__setattr__(self, "coef0", check_non_negative(self.coef0, "coef0"))

    @property
    def diagonal_value(self) -> float | None:
        """k(x, x) = (gamma + coef0)^degree of normalized points; else it depends on x."""
        return (self.gamma + self.coef0) ** self.degree if self.normalize else None

    def rank_bound(self, n_features: int) -> int:
        """Independent monomials: of degree exactly p where coef0 = 0, else of degree at most p.

        On the unit sphere |x|^2 = 1 folds degree k - 2 into degree k, which leaves those of degree p and p - 1.
        """
        exactly = math.comb(n_features + self.degree - 1, self.degree)
        if self.coef0 == 0:
            return exactly
        if self.normalize:
            return exactly + math.comb(n_features + self.degree - 2, self.degree - 1)
        return math.comb(n_features + self.degree, self.degree)

    def evaluate(self, values: Any) -> Any:
        """(gamma q + coef0)^degree for products q."""
        return (self.gamma * values + self.coef0) ** self.degree

    def describe(self) -> dict[str, Any]:
        """Name and parameters, ready for JSON."""
        return {
            "name": self.name,
            "degree": self.degree,
            "gamma": self.gamma,
            "coef0": self.coef0,
            "normalize": self.normalize,
        }
