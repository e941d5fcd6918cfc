"""Random Fourier features: a linear model on them is a Gaussian kernel model, approximately."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kernelgen.arrays.checks import check_positive
from kernelgen.errors import UsageError


@dataclass(frozen=True)
class RandomFourier:
    """p features whose products approximate the Gaussian kernel of a given bandwidth.

        phi_k(x) = sqrt(2 / p) cos(<omega_k, x> + b_k),    omega_k ~ N(0, I / bandwidth^2),  b_k ~ U(0, 2 pi)
        E <phi(x), phi(z)> = exp(-|x - z|^2 / (2 bandwidth^2))

    Parameters
    ----------
    n_features : int
        p.
    n_inputs : int
        Length of x.
    bandwidth : float
        In the units of ``scale x``.
    scale : float
        Multiplies x first.
    seed : int
    dtype : {"float64", "float32"}

    References
    ----------
    A. Rahimi, B. Recht, "Random features for large-scale kernel machines", NIPS 2007, theorem 1 and algorithm 1.

    Examples
    --------
    >>> phi = RandomFourier(4000, 3, bandwidth=1.0)
    >>> x = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    >>> bool(abs(phi(x)[0] @ phi(x)[1] - np.exp(-0.5)) < 0.05)
    True
    """

    name: ClassVar[str] = "random-fourier"
    n_features: int
    n_inputs: int
    bandwidth: float
    scale: float = 1.0
    seed: int = 0
    dtype: str = "float64"

    def __post_init__(self) -> None:
        check_positive(self.bandwidth, "bandwidth")
        check_positive(self.scale, "scale")
        if self.n_features < 1 or self.n_inputs < 1:
            raise UsageError(
                f"n_features and n_inputs must be at least 1, got {self.n_features} and {self.n_inputs}"
            )

    @cached_property
    def _drawn(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        rng = np.random.default_rng(self.seed)
        omega = rng.standard_normal((self.n_inputs, self.n_features)) * (self.scale / self.bandwidth)
        return omega, rng.uniform(0.0, 2.0 * np.pi, self.n_features)

    def __call__(self, X: NDArray[Any]) -> NDArray[Any]:
        """Features of the rows of X, shape (n, p): 2 n p n_inputs flops."""
        omega, b = self._drawn
        phase = np.asarray(X, dtype=np.float64) @ omega
        phase += b
        np.cos(phase, out=phase)
        phase *= math.sqrt(2.0 / self.n_features)
        return phase.astype(self.dtype, copy=False)

    def describe(self) -> dict[str, Any]:
        """Name and parameters, for JSON."""
        return {
            "name": self.name,
            "n_features": self.n_features,
            "bandwidth": self.bandwidth,
            "seed": self.seed,
        }
