"""Choose a bandwidth for each ridge on held-out rows of the training set; the test set is never read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kernelgen.arrays.inner_products import InnerProducts
from kernelgen.arrays.points import FloatArray, Points
from kernelgen.errors import ConflictingLabels, NotPositiveDefinite, UsageError
from kernelgen.estimators.targets import decode_scores, error_rate
from kernelgen.experiments.solve_record import WITH_BANDWIDTH, SolveConfig, kernel_of
from kernelgen.kernels.bandwidth import nearest_neighbour_bandwidth, nearest_neighbour_bandwidth_of_products
from kernelgen.kernels.base import Kernel
from kernelgen.solvers.cholesky import factorize
from kernelgen.solvers.factor import Factor
from kernelgen.solvers.products import factorize_products
from kernelgen.solvers.streamed import kernel_scores

MOST_FITTED_ROWS = 10_000
MOST_HELD_OUT_ROWS = 5_000
_ROWS = 64  # of the inner products with held-out rows that are gathered at a time


@dataclass(frozen=True, slots=True)
class HeldOutError:
    """One bandwidth and ridge, fitted to some of the training rows.

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
        Training rows that were fitted, and others that were predicted.
    tried : tuple of HeldOutError
    """

    n_train: int
    n_held_out: int
    tried: tuple[HeldOutError, ...]

    def best(self) -> list[HeldOutError]:
        """The best bandwidth of each ridge that has one; equal errors go to the one that was named first."""
        found = [[t for t in row if t.error is not None] for row in self._by_ridge()]
        return [min(row, key=lambda t: t.error or 0.0) for row in found if row]

    def unsolved(self) -> list[HeldOutError]:
        """The last one tried of each ridge that no bandwidth solved."""
        return [row[-1] for row in self._by_ridge() if all(t.error is None for t in row)]

    def _by_ridge(self) -> list[list[HeldOutError]]:
        ridges = dict.fromkeys(each.ridge for each in self.tried)
        return [[t for t in self.tried if t.ridge == ridge] for ridge in ridges]

    def as_dict(self) -> dict[str, Any]:
        """Return all of it, ready for JSON."""
        return {
            "by": "held-out",
            "n_train": self.n_train,
            "n_held_out": self.n_held_out,
            "tried": [asdict(each) for each in self.tried],
        }


class HeldOutRows(Protocol):
    """Training rows to fit, and others to predict."""

    def neighbour_distance(self, seed: int) -> float:
        """Median distance of the rows to fit to their nearest neighbours."""

    def factorize(self, kernel: Kernel, ridge: float, n_targets: int) -> Factor:
        """Factor of the rows to fit."""

    def scores(self, factor: Factor, alpha: FloatArray) -> NDArray[Any]:
        """Predictions of the rows that were held out."""


@dataclass(frozen=True)
class StoredHeldOut:
    """Rows whose features are there: copies of those to fit, and of those held out."""

    fitted: Points
    held_out: Points
    config: SolveConfig
    precision: str

    def neighbour_distance(self, seed: int) -> float:
        """See :class:`HeldOutRows`."""
        return nearest_neighbour_bandwidth(self.fitted, seed=seed)

    def factorize(self, kernel: Kernel, ridge: float, n_targets: int) -> Factor:
        """See :class:`HeldOutRows`."""
        return factorize(
            self.fitted.values,
            kernel,
            scale=self.fitted.scale,
            ridge=ridge,
            precision=self.precision,
            engine=self.config.engine,
            threads=self.config.threads,
            n_targets=n_targets,
        )

    def scores(self, factor: Factor, alpha: FloatArray) -> NDArray[Any]:
        """See :class:`HeldOutRows`."""
        return np.asarray(factor.predict(self.held_out.values, alpha))


@dataclass(frozen=True)
class StreamedHeldOut:
    """Rows whose inner products are there: of the rows to fit, and of each held-out row with those."""

    fitted: InnerProducts
    G: FloatArray
    norms: FloatArray
    precision: str
    threads: int | None

    @staticmethod
    def of(products: InnerProducts, split: Split, precision: str, threads: int | None) -> StreamedHeldOut:
        """Copies of what is needed from the products of all training rows."""
        fitted, held_out = split.fitted, split.held_out
        G = np.empty((len(held_out), len(fitted)))
        for start in range(0, len(G), _ROWS):
            rows = slice(start, start + _ROWS)
            G[rows] = products.block(held_out[rows], fitted)
        norms = products.squared_norms()[held_out]
        return StreamedHeldOut(products.take(fitted), G, norms, precision, threads)

    def neighbour_distance(self, seed: int) -> float:
        """See :class:`HeldOutRows`."""
        return nearest_neighbour_bandwidth_of_products(self.fitted, seed=seed)

    def factorize(self, kernel: Kernel, ridge: float, n_targets: int) -> Factor:
        """See :class:`HeldOutRows`."""
        return factorize_products(
            self.fitted,
            kernel,
            ridge=ridge,
            precision=self.precision,
            threads=self.threads,
            n_targets=n_targets,
        )

    def scores(self, factor: Factor, alpha: FloatArray) -> NDArray[Any]:
        """See :class:`HeldOutRows`."""
        return kernel_scores(factor.kernel, self.G, self.norms, self.fitted.squared_norms(), alpha)


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Training rows to fit and others to hold out, both in ascending order."""

    fitted: NDArray[np.int64]
    held_out: NDArray[np.int64]


def split_sizes(n: int) -> tuple[int, int]:
    """Rows to fit and rows to hold out, of n training rows: four fifths, at most 10,000; and at most 5,000.

    Examples
    --------
    >>> split_sizes(1000), split_sizes(50_000)
    ((800, 200), (10000, 5000))
    """
    if n < 10:
        raise UsageError(f"{n} training rows are too few to hold some out: name one ridge and one bandwidth")
    fitted = min(MOST_FITTED_ROWS, n * 4 // 5)
    return fitted, min(MOST_HELD_OUT_ROWS, n - fitted)


def draw_split(n: int, seed: int) -> Split:
    """Rows drawn without replacement: in many files the rows of a class follow each other, the first miss some."""
    fitted, held_out = split_sizes(n)
    order = np.random.default_rng(seed).permutation(n)
    return Split(np.sort(order[:fitted]), np.sort(order[fitted : fitted + held_out]))


def is_by_rule(kernel: str, bandwidths: Sequence[float | str]) -> bool:
    """Whether a bandwidth comes from distances between rows."""
    return kernel in WITH_BANDWIDTH and any(isinstance(each, str) for each in bandwidths)


def choose_held_out(
    rows: HeldOutRows,
    config: SolveConfig,
    Y: FloatArray,
    classes: NDArray[Any],
    *,
    split: Split,
    ridges: Sequence[float],
    bandwidths: Sequence[float | str],
    tell: Callable[[float], None] | None = None,
) -> HeldOutChoice:
    """Fit every bandwidth and ridge to some of the training rows, and count errors on others.

    Parameters
    ----------
    rows : HeldOutRows
        Those of `split`.
    config : SolveConfig
        Names the kernel; its own ridge and bandwidth are not used.
    Y, classes
        Targets of all training rows, and what their columns stand for; see
        :func:`kernelgen.estimators.targets.encode_labels`.
    split : Split
        See :func:`draw_split`.
    ridges, bandwidths : sequences
        A bandwidth "auto:X" is X times the rule's of the rows to fit.
    tell : callable or None
        Called with the share that is done.

    Notes
    -----
    n^3 / 3 flops for each pair, with n the rows to fit.
    """
    distance = rows.neighbour_distance(config.seed) if is_by_rule(config.kernel, bandwidths) else None
    targets, true = Y[split.fitted], decode_scores(Y[split.held_out], classes)
    tried = []
    pairs = [(bandwidth, ridge) for ridge in ridges for bandwidth in bandwidths]
    for k, (bandwidth, ridge) in enumerate(pairs):
        kernel = kernel_of(replace(config, bandwidth=bandwidth), distance)
        scores, message = _scores(rows, kernel, ridge, targets)
        error = None if scores is None else error_rate(decode_scores(scores, classes), true)
        tried.append(HeldOutError(bandwidth, ridge, error, message))
        if tell is not None:
            tell((k + 1) / len(pairs))
    return HeldOutChoice(len(split.fitted), len(split.held_out), tuple(tried))


def _scores(
    rows: HeldOutRows, kernel: Kernel, ridge: float, Y: FloatArray
) -> tuple[NDArray[Any] | None, str]:
    """Predictions of the held-out rows, or why there are none; the factor is gone when this returns."""
    try:
        factor = rows.factorize(kernel, ridge, Y.shape[1])
        solution = factor.solve(Y)
    except (NotPositiveDefinite, ConflictingLabels) as failure:
        return None, str(failure)
    if solution.status != "solved":
        return None, solution.message
    return rows.scores(factor, np.asarray(solution.alpha, dtype=np.float64)), ""
