"""Choose a bandwidth for each ridge on held-out rows of the training set; the test set is never read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernelgen.arrays.points import FloatArray
from kernelgen.errors import ConflictingLabels, NotPositiveDefinite
from kernelgen.estimators.targets import decode_scores, error_rate
from kernelgen.experiments.held_out_rows import HeldOutRows, Split
from kernelgen.experiments.solve_record import WITH_BANDWIDTH, SolveConfig, kernel_of
from kernelgen.kernels.base import Kernel


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
        Names the kernel and the tolerance; its own ridge and bandwidth are not used.
    Y, classes
        Targets of all training rows, and what their columns stand for; see
        :func:`kernelgen.estimators.targets.encode_labels`.
    split : Split
        See :func:`kernelgen.experiments.held_out_rows.draw_split`.
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
        scores, message = _scores(rows, kernel, ridge, targets, config.tol)
        error = None if scores is None else error_rate(decode_scores(scores, classes), true)
        tried.append(HeldOutError(bandwidth, ridge, error, message))
        if tell is not None:
            tell((k + 1) / len(pairs))
    return HeldOutChoice(len(split.fitted), len(split.held_out), tuple(tried))


def _scores(
    rows: HeldOutRows, kernel: Kernel, ridge: float, Y: FloatArray, tol: float
) -> tuple[NDArray[Any] | None, str]:
    """Predictions of the held-out rows, or why there are none; the factor is gone when this returns."""
    try:
        factor = rows.factorize(kernel, ridge, Y.shape[1])
        solution = factor.solve(Y, tol=tol)
    except (NotPositiveDefinite, ConflictingLabels) as failure:
        return None, str(failure)
    if solution.status != "solved":
        return None, solution.message
    return rows.scores(factor, np.asarray(solution.alpha, dtype=np.float64)), ""
