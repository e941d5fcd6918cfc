"""A fitted interpolant on its own: training points, coefficients, kernel and classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from kernelgen.arrays.checks import check_points, check_threads
from kernelgen.arrays.points import Points
from kernelgen.errors import NotConverged, NotPositiveDefinite
from kernelgen.estimators.targets import decode_scores
from kernelgen.features.base import FeatureValues, FittedMap
from kernelgen.kernels.base import Kernel
from kernelgen.solvers.predict import predict
from kernelgen.solvers.progress import ProgressCallback, phase
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
    features : FittedMap or None
        What makes the points of raw rows; None where raw rows are the points.
    input_scale : float
        Multiplies raw rows before the features are made: 1 / maximum.
    metadata : mapping of str to str
        Where the model comes from; carried into a model file and back.
    """

    points: Points
    alpha: NDArray[Any]
    kernel: Kernel
    classes: NDArray[Any] | None = None
    features: FittedMap | None = None
    input_scale: float = 1.0
    metadata: Mapping[str, str] = field(default_factory=dict)

    def scores(
        self,
        X: Any,
        *,
        engine: str = "auto",
        threads: int | None = None,
        progress: ProgressCallback | None = None,
    ) -> NDArray[Any]:
        """Return f at the rows of X, raw as the training rows were: shape (m, c), in alpha's dtype.

        The features that the training points are made of are made of X first.

        Raises
        ------
        DataError
            X has another number of values a row than the training rows, or values that are not finite.
        """
        if self.features is not None:
            rows = FeatureValues(check_points(X).values, self.input_scale)
            with phase("features", progress) as beat:
                X = self.features.apply(rows, threads=threads, progress=beat).values
        return self.scores_of(X, engine=engine, threads=threads, progress=progress)

    def scores_of(
        self,
        X: Any,
        *,
        engine: str = "auto",
        threads: int | None = None,
        progress: ProgressCallback | None = None,
    ) -> NDArray[Any]:
        """Return f at points: rows of features, as the kernel sees them but for the scale."""
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
        """Number of features the kernel sees."""
        return self.points.n_features

    @property
    def n_values(self) -> int:
        """Number of values a raw row must have."""
        return self.points.n_features if self.features is None else self.features.layout.n_values

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
