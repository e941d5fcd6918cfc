"""What the classifier and the regressor share: parameters, the call of the solver, and evaluation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from kernelgen.arrays.checks import check_points
from kernelgen.arrays.points import Points
from kernelgen.errors import UsageError
from kernelgen.estimators.model import Model, check_solved
from kernelgen.kernels.bandwidth import nearest_neighbour_bandwidth, rule_multiple
from kernelgen.kernels.base import Kernel
from kernelgen.kernels.registry import make_kernel
from kernelgen.solvers.cholesky import factorize
from kernelgen.solvers.progress import ProgressCallback

DTYPES = [np.float64, np.float32, np.uint8]


class KernelInterpolator(BaseEstimator):  # type: ignore[misc]
    """Base of the two estimators; not to be used by itself."""

    def __init__(
        self,
        kernel: str | Kernel | Callable[[Any], Any] = "gaussian",
        *,
        bandwidth: float | str = "auto",
        degree: int = 3,
        gamma: float = 1.0,
        coef0: float = 0.0,
        normalize: bool = False,
        scale: float = 1.0,
        ridge: float = 0.0,
        precision: str = "auto",
        engine: str = "auto",
        threads: int | None = None,
        memory_budget: str | int | None = None,
        keep_factor: bool = False,
        progress: ProgressCallback | None = None,
    ):
        self.kernel = kernel
        self.bandwidth = bandwidth
        self.degree = degree
        self.gamma = gamma
        self.coef0 = coef0
        self.normalize = normalize
        self.scale = scale
        self.ridge = ridge
        self.precision = precision
        self.engine = engine
        self.threads = threads
        self.memory_budget = memory_budget
        self.keep_factor = keep_factor
        self.progress = progress

    def _interpolate(self, X: NDArray[Any], Y: NDArray[np.float64]) -> None:
        """Solve for the coefficients of checked points and targets, and keep the result."""
        kernel = self._make_kernel(X)
        factor = factorize(
            X,
            kernel,
            scale=self.scale,
            ridge=self.ridge,
            precision=self.precision,
            engine=self.engine,
            threads=self.threads,
            memory_budget=self.memory_budget,
            progress=self.progress,
            n_targets=1 if Y.ndim == 1 else Y.shape[1],
        )
        solution = check_solved(factor.solve(Y, progress=self.progress))
        self.kernel_ = kernel
        self.bandwidth_ = getattr(kernel, "bandwidth", None)
        self.X_fit_ = X
        self.center_ = factor.center
        self.dual_coef_ = solution.alpha
        self.solution_ = solution
        self.status_ = solution.status
        self.certificate_ = solution.certificate
        self.n_merged_duplicates_ = solution.certificate.n_merged_duplicates
        if self.keep_factor:
            self.factor_ = factor

    def _make_kernel(self, X: NDArray[Any]) -> Kernel:
        multiple = rule_multiple(self.bandwidth)
        bandwidth = None if isinstance(self.bandwidth, str) else self.bandwidth
        if multiple is not None and self.kernel in ("gaussian", "laplacian"):
            bandwidth = multiple * self._auto_bandwidth(X)
        return make_kernel(
            self.kernel,
            bandwidth=bandwidth,
            degree=self.degree,
            gamma=self.gamma,
            coef0=self.coef0,
            normalize=self.normalize,
        )

    def _auto_bandwidth(self, X: NDArray[Any]) -> float:
        if len(X) == 1:
            raise UsageError(
                "bandwidth='auto' is the distance to the nearest neighbour, and X has 1 sample; "
                "give bandwidth=<number>"
            )
        return nearest_neighbour_bandwidth(check_points(X, scale=self.scale))

    def _model(self, alpha: NDArray[Any]) -> Model:
        points = Points(self.X_fit_, float(self.scale), self.center_)
        return Model(points, alpha, self.kernel_, getattr(self, "classes_", None))

    def _scores(self, X: Any) -> NDArray[Any]:
        """Return the interpolant at the rows of X: shape (m, c)."""
        check_is_fitted(self, "dual_coef_")
        X = validate_data(self, X, reset=False, dtype=DTYPES, order="C")
        alpha = self.dual_coef_ if self.dual_coef_.ndim == 2 else self.dual_coef_[:, None]
        return self._model(alpha).scores(X, engine=self.engine, threads=self.threads, progress=self.progress)
