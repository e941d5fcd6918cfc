"""What all kernels share: the quantity they read, a description, and the dense Gram matrix on call."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernelgen.arrays.checks import check_pair, check_points, check_threads
from kernelgen.arrays.points import center_of
from kernelgen.engines.base import Quantity
from kernelgen.engines.choose import choose


class Kernel:
    """A positive semidefinite function k(x, z) = evaluate(q(x, z)); the subclasses are frozen dataclasses.

    Attributes
    ----------
    name : str
        Name used in records and by engines that have the formula compiled.
    of : {"squared_distance", "distance", "product"}
        The quantity q.
    normalize : bool
        Whether the product is taken of x/|x| and z/|z|.
    """

    name: str
    of: Quantity
    normalize: bool = False

    @property
    def uses_distance(self) -> bool:
        """Whether k depends on x - z only, so that the points may be shifted."""
        return self.of != "product"

    @property
    def diagonal_value(self) -> float | None:
        """Exact k(x, x) where it does not depend on x, else None."""
        return None

    def rank_bound(self, n_features: int) -> int | None:
        """Largest rank K can have for any number of points in R^d; None where there is no bound."""
        return None

    def evaluate(self, values: Any) -> Any:
        """Kernel values of an array of quantities, elementwise."""
        raise NotImplementedError

    def evaluate_products(self, products: Any, left: Any, right: Any) -> Any:
        """Kernel values from inner products <x, z> and the squared norms |x|^2 (left) and |z|^2 (right).

        |x - z|^2 = |x|^2 + |z|^2 - 2 <x, z>,    <x, z> / (|x| |z|) where the kernel normalizes
        """
        if self.uses_distance:
            squared = np.maximum(left + right - 2.0 * products, 0.0)
            return self.evaluate(np.sqrt(squared) if self.of == "distance" else squared)
        return self.evaluate(products / np.sqrt(left * right) if self.normalize else products)

    def describe(self) -> dict[str, Any]:
        """Name and parameters, ready for JSON."""
        return {"name": self.name}

    def __call__(
        self, X: Any, Z: Any = None, *, scale: float = 1.0, engine: str = "auto", threads: int | None = None
    ) -> NDArray[np.float64]:
        """Dense Gram matrix K_ij = k(scale x_i, scale z_j) in float64.

        Parameters
        ----------
        X : array, shape (n, d)
        Z : array, shape (m, d), or None for K(X, X) with its exact diagonal
        scale : float
            Multiplies both.
        engine : {"auto", "native", "portable", "cuda"}
        threads : int or None
            None means every core this process may use.

        Returns
        -------
        K : array, shape (n, m), float64
        """
        x = check_points(X, scale=scale)
        if self.uses_distance:
            x = center_of(x)
        z = None
        if Z is not None:
            z, x = check_pair(check_points(Z, name="Z", scale=scale), x)
        module = choose(engine)
        K: NDArray[np.float64] = module.gram(
            x, z, self, dtype=np.dtype("float64"), threads=check_threads(threads)
        )
        return K
