"""Choose a bandwidth for each ridge on held-out rows of the training set; the test set is never read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kernelgen.arrays.inner_products import InnerProducts
from kernelgen.arrays.points import FloatArray, Points
from kernelgen.errors import NotPositiveDefinite, UsageError
from kernelgen.estimators.targets import decode_scores, error_rate
from kernelgen.experiments.solve_record import SolveConfig, kernel_of
from kernelgen.kernels.bandwidth import nearest_neighbour_bandwidth, nearest_neighbour_bandwidth_of_products
from kernelgen.kernels.base import Kernel
from kernelgen.solvers.cholesky import factorize
from kernelgen.solvers.factor import Factor
from kernelgen.solvers.products import factorize_products
from kernelgen.solvers.streamed import kernel_scores

MOST_TRAINING_ROWS = 10_000
MOST_HELD_OUT_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class HeldOutError:
    """One bandwidth and ridge, fitted to the first training rows.

    ``error`` is the share of held-out labels missed; None where K has no factor or the solve did not end in its
    tolerance, and `message` says why.
    """

    bandwidth: float | str
    ridge: float
    error: float | None
    message: str = ""


@dataclass(frozen=True, slots=True)
class HeldOutChoice:
    """What was tried on held-out rows, and the bandwidth that was best for each ridge.

    Attributes
    ----------
    n_train, n_held_out : int
        The first rows of the training set, and the rows after them.
    tried : tuple of HeldOutError
    """

    n_train: int
    n_held_out: int
    tried: tuple[HeldOutError, ...]

    def best(self) -> list[HeldOutError]:
        """The best bandwidth of each ridge that has one; equal errors go to the one that was named first."""
        ridges = dict.fromkeys(each.ridge for each in self.tried)
        found = [[t for t in self.tried if t.ridge == ridge and t.error is not None] for ridge in ridges]
        return [min(row, key=lambda t: t.error or 0.0) for row in found if row]

    def as_dict(self) -> dict[str, Any]:
        """Return all of it, ready for JSON."""
        return {
            "by": "held-out",
            "n_train": self.n_train,
            "n_held_out": self.n_held_out,
            "tried": [asdict(each) for each in self.tried],
        }


class HeldOutRows(Protocol):
    """The first training rows, to fit, and the ones after them, to predict."""

    def neighbour_distance(self, seed: int) -> float:
        """Median distance of the rows to fit to their nearest neighbours."""

    def factorize(self, kernel: Kernel, ridge: float, n_targets: int) -> Factor:
        """Factor of the rows to fit."""

    def scores(self, factor: Factor, alpha: FloatArray) -> NDArray[Any]:
        """Predictions of the rows that were held out."""


@dataclass(frozen=True)
class StoredRows:
    """Rows whose features are there."""

    points: Points
    n: int
    m: int
    config: SolveConfig
    precision: str

    def _part(self, rows: slice) -> Points:
        return Points(self.points.values[rows], self.points.scale)

    def neighbour_distance(self, seed: int) -> float:
        """See :class:`HeldOutRows`."""
        return nearest_neighbour_bandwidth(self._part(slice(self.n)), seed=seed)

    def factorize(self, kernel: Kernel, ridge: float, n_targets: int) -> Factor:
        """See :class:`HeldOutRows`."""
        return factorize(
            self.points.values[: self.n],
            kernel,
            scale=self.points.scale,
            ridge=ridge,
            precision=self.precision,
            engine=self.config.engine,
            threads=self.config.threads,
            n_targets=n_targets,
        )

    def scores(self, factor: Factor, alpha: FloatArray) -> NDArray[Any]:
        """See :class:`HeldOutRows`."""
        return np.asarray(factor.predict(self.points.values[self.n : self.n + self.m], alpha))


@dataclass(frozen=True)
class StreamedHeldOut:
    """Rows whose inner products are there: of the rows to fit, and of each held-out row with those."""

    leading: InnerProducts
    G: FloatArray
    norms: FloatArray
    precision: str
    threads: int | None

    @staticmethod
    def of(products: InnerProducts, n: int, m: int, precision: str, threads: int | None) -> StreamedHeldOut:
        """Copies of what is needed from the products of all training rows."""
        G = np.array([products.row(i)[:n] for i in range(n, n + m)])
        return StreamedHeldOut(
            products.leading(n), G, products.squared_norms()[n : n + m], precision, threads
        )

    def neighbour_distance(self, seed: int) -> float:
        """See :class:`HeldOutRows`."""
        return nearest_neighbour_bandwidth_of_products(self.leading, seed=seed)

    def factorize(self, kernel: Kernel, ridge: float, n_targets: int) -> Factor:
        """See :class:`HeldOutRows`."""
        return factorize_products(
            self.leading,
            kernel,
            ridge=ridge,
            precision=self.precision,
            threads=self.threads,
            n_targets=n_targets,
        )

    def scores(self, factor: Factor, alpha: FloatArray) -> NDArray[Any]:
        """See :class:`HeldOutRows`."""
        return kernel_scores(factor.kernel, self.G, self.norms, self.leading.squared_norms(), alpha)


def split_sizes(n: int) -> tuple[int, int]:
    """Rows to fit and rows to hold out, of n training rows: four fifths, at most 10,000; and at most 5,000.

    Examples
    --------
    >>> split_sizes(1000), split_sizes(50_000)
    ((800, 200), (10000, 5000))
    """
    if n < 10:
        raise UsageError(f"{n} training rows are too few to hold some out: name one ridge and one bandwidth")
    fitted = min(MOST_TRAINING_ROWS, n * 4 // 5)
    return fitted, min(MOST_HELD_OUT_ROWS, n - fitted)


def choose_held_out(
    rows: HeldOutRows,
    config: SolveConfig,
    Y: FloatArray,
    classes: NDArray[Any],
    *,
    sizes: tuple[int, int],
    ridges: Sequence[float],
    bandwidths: Sequence[float | str],
    tell: Callable[[float], None] | None = None,
) -> HeldOutChoice:
    """Fit every bandwidth and ridge to the first rows, and count errors on the rows after them.

    Parameters
    ----------
    rows : HeldOutRows
    config : SolveConfig
        Names the kernel; its own ridge and bandwidth are not used.
    Y, classes
        Targets of all training rows, and what their columns stand for; see
        :func:`kernelgen.estimators.targets.encode_labels`.
    sizes : tuple of int
        See :func:`split_sizes`.
    ridges, bandwidths : sequences
        A bandwidth "auto:X" is X times the rule's of the rows to fit.
    tell : callable or None
        Called with the share that is done.

    Notes
    -----
    n^3 / 3 flops for each pair, with n the rows to fit.
    """
    n, m = sizes
    by_rule = any(isinstance(bandwidth, str) for bandwidth in bandwidths)
    distance = rows.neighbour_distance(config.seed) if by_rule else None
    true = decode_scores(Y[n : n + m], classes)
    tried = []
    pairs = [(bandwidth, ridge) for ridge in ridges for bandwidth in bandwidths]
    for k, (bandwidth, ridge) in enumerate(pairs):
        kernel = kernel_of(replace(config, bandwidth=bandwidth), distance)
        error, message = None, ""
        try:
            factor = rows.factorize(kernel, ridge, Y.shape[1])
            solution = factor.solve(Y[:n])
            if solution.status == "solved":
                scores = rows.scores(factor, np.asarray(solution.alpha, dtype=np.float64))
                error = error_rate(decode_scores(scores, classes), true)
            else:
                message = solution.message
        except NotPositiveDefinite as failure:
            message = str(failure)
        tried.append(HeldOutError(bandwidth, ridge, error, message))
        if tell is not None:
            tell((k + 1) / len(pairs))
    return HeldOutChoice(n, m, tuple(tried))
