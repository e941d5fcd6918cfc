"""Training rows to fit and others to predict: drawn, and read from stored features or from inner products."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kernelgen.arrays.inner_products import InnerProducts
from kernelgen.arrays.points import FloatArray, Points
from kernelgen.errors import UsageError
from kernelgen.experiments.solve_record import SolveConfig
from kernelgen.kernels.bandwidth import nearest_neighbour_bandwidth, nearest_neighbour_bandwidth_of_products
from kernelgen.kernels.base import Kernel
from kernelgen.solvers.cholesky import factorize
from kernelgen.solvers.factor import Factor
from kernelgen.solvers.products import factorize_products
from kernelgen.solvers.streamed import kernel_scores

MOST_FITTED_ROWS = 10_000
MOST_HELD_OUT_ROWS = 5_000
_ROWS = 64  # of the inner products with held-out rows that are gathered at a time


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Training rows to fit and others to hold out, both in ascending order; equal rows are on one side.

    ``distinct`` are positions in ``fitted``: of rows that repeat none of those before.
    """

    fitted: NDArray[np.int64]
    held_out: NDArray[np.int64]
    distinct: NDArray[np.int64]


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


def draw_split(n: int, seed: int, first: NDArray[np.int64] | None = None) -> Split:
    """Rows drawn without replacement: in many files the rows of a class follow each other, the first miss some.

    Parameters
    ----------
    n, seed : int
    first : int64 array, shape (n,), or None
        First equal row of each row; None: all are distinct. A held-out row whose copy is fitted would be known by
        heart, and its error would choose the model that remembers best.

    Raises
    ------
    UsageError
        There are too few rows, or too few that differ.
    """
    fitted, held_out = split_sizes(n)
    order = np.random.default_rng(seed).permutation(n)
    first = np.arange(n) if first is None else first
    place = np.empty(n, dtype=np.int64)
    place[order] = np.arange(n)
    order = np.argsort(place[first], kind="stable")  # copies follow each other
    fit, others = np.sort(order[:fitted]), order[fitted : fitted + held_out]
    others = np.sort(others[first[others] != first[order[fitted - 1]]])  # the cut may go through copies
    if not len(others):
        raise UsageError(
            f"{n} training rows, and too few different ones to hold some out: name one ridge and one bandwidth"
        )
    return Split(fit, others, np.sort(np.unique(first[fit], return_index=True)[1]))


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
    distinct: NDArray[np.int64]
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
        return StreamedHeldOut(products.take(fitted), G, norms, split.distinct, precision, threads)

    def neighbour_distance(self, seed: int) -> float:
        """See :class:`HeldOutRows`."""
        return nearest_neighbour_bandwidth_of_products(self.fitted, self.distinct, seed=seed)

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
