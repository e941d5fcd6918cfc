"""Factor a Gram matrix once, then solve K alpha = Y for any number of label sets."""

from __future__ import annotations

from os import PathLike
from typing import Any

from kernelgen.arrays.points import AnyArray, FloatArray, Points
from kernelgen.kernels.base import Kernel
from kernelgen.solvers.plan import Plan
from kernelgen.solvers.progress import ProgressCallback
from kernelgen.solvers.result import Solution


def factorize(
    X: Any,
    kernel: Kernel,
    *,
    scale: float = 1.0,
    ridge: float = 0.0,
    precision: str = "auto",
    engine: str = "auto",
    threads: int | None = None,
    tile: int | None = None,
    memory_budget: str | int | None = None,
    progress: ProgressCallback | None = None,
    n_targets: int = 1,
    n_test: int = 0,
) -> Factor:
    """Factor K + ridge I = L L^T, where K_ij = k(scale x_i, scale x_j)."""
    raise NotImplementedError


class Factor:
    """L with L L^T = K + ridge I, the points it belongs to, and everything one factor gives exactly."""

    points: Points  # unique rows
    kernel: Kernel
    ridge: float
    precision: str
    engine: str
    plan: Plan
    n_samples: int  # the caller's rows

    def solve(
        self,
        Y: Any,
        *,
        tol: float = 1e-10,
        max_iterations: int = 50,
        progress: ProgressCallback | None = None,
    ) -> Solution:
        """alpha with (K + ridge I) alpha = Y, certified; any number of columns, any number of calls."""
        raise NotImplementedError

    def diag_inverse(self, *, progress: ProgressCallback | None = None) -> FloatArray:
        """Diagonal of (K + ridge I)^-1, shape (n unique rows,)."""
        raise NotImplementedError

    def leave_one_out(self, solution: Solution, *, progress: ProgressCallback | None = None) -> FloatArray:
        """Leave-one-out residuals y_i - f^{-i}(x_i) = alpha_i / (K^-1)_ii, of alpha's shape."""
        raise NotImplementedError

    def predict(self, X: Any, alpha: AnyArray, *, progress: ProgressCallback | None = None) -> AnyArray:
        """K(X, training rows) alpha."""
        raise NotImplementedError

    def save(self, path: str | PathLike[str]) -> None:
        """Write the factor as safetensors: to a temporary name first, then renamed."""
        raise NotImplementedError

    @classmethod
    def load(cls, path: str | PathLike[str], *, mmap: bool = True, kernel: Kernel | None = None) -> Factor:
        """Read a saved factor, memory-mapped; ``kernel`` is needed where it was a Custom one."""
        raise NotImplementedError
