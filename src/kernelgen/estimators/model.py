"""A fitted interpolant on its own: training points, coefficients, kernel and classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from kernelgen.arrays.checks import check_threads
from kernelgen.arrays.points import Points
from kernelgen.errors import NotConverged, NotPositiveDefinite
from kernelgen.estimators.targets import decode_scores
from kernelgen.kernels.base import Kernel
from kernelgen.solvers.predict import predict
from kernelgen.solvers.progress import ProgressCallback
from kernelgen.solvers.result import Solution, Status


@dataclass(frozen=True)
class Model:
    """The function f(x) = sum_i k(x, x_i) alpha_i, and the classes its columns stand for.

    Parameters
    ----------
    points : Points
        Training points, with the scale the kernel sees them at.
    alpha : array, shape (n, c)
        Zero on rows that were merged into an equal one.
    kernel : Kernel
    classes : array, shape (c,), or (2,) for one column; None for regression
    features : str
        What the columns of the points are, for instance ``"pixels"``.
    metadata : mapping of str to str
        Where the model comes from; carried into a model file and back.
    """

    points: Points
    alpha: NDArray[Any]
    kernel: Kernel
    classes: NDArray[Any] | None = None
    features: str = "pixels"
    metadata: Mapping[str, str] = field(default_factory=dict)

    def scores(
        self,
        X: Any,
        *,
        engine: str = "auto",
        threads: int | None = None,
        progress: ProgressCallback | None = None,
    ) -> NDArray[Any]:
        """Return f at the rows of X, raw as the training points were: shape (m, c), in alpha's dtype.

        Raises
        ------
        DataError
            X has another number of features than the training points, or values that are not finite.
        """
        scores: NDArray[Any] = predict(
            self.points,
            self.kernel,
            self.alpha,
            X,
            engine=engine,
            threads=check_threads(threads),
            progress=progress,
        )
        return scores

    def decode(self, scores: NDArray[Any]) -> NDArray[Any]:
        """Return the classes that scores stand for; the scores themselves for regression."""
        if self.classes is None:
            return scores[:, 0] if scores.shape[1] == 1 else scores
        return decode_scores(scores, self.classes)

    @property
    def n_features(self) -> int:
        """Number of columns a row must have."""
        return self.points.n_features

    @property
    def n_samples(self) -> int:
        """Number of training points."""
        return self.points.n_samples


def check_solved(solution: Solution) -> Solution:
    """Return the solution, or raise what its status says, with the solver's advice."""
    if solution.status == Status.NOT_POSITIVE_DEFINITE:
        raise NotPositiveDefinite(solution.message, row=solution.certificate.min_pivot_row)
    if solution.status == Status.NOT_CONVERGED:
        raise NotConverged(solution.message)
    return solution
