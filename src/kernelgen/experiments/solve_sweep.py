"""One data set, many ridges and bandwidths: chosen without the test set, which is read once, at the end.

Features, and the inner products of streamed ones, are made once for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernelgen.arrays.checks import check_choice
from kernelgen.arrays.points import FloatArray, Points
from kernelgen.errors import KernelgenError, NotConverged, NotPositiveDefinite, UsageError
from kernelgen.estimators.targets import encode_labels
from kernelgen.experiments.held_out import (
    HeldOutChoice,
    HeldOutRows,
    StoredRows,
    StreamedHeldOut,
    choose_held_out,
    split_sizes,
)
from kernelgen.experiments.solve import prepared, solve_prepared
from kernelgen.experiments.solve_record import WITH_BANDWIDTH, SolveConfig, SolveProblem, SolveRecord
from kernelgen.experiments.solve_streamed import StreamedRows, is_streamed, solve_streamed
from kernelgen.solvers.memory import PeakMemory
from kernelgen.solvers.plan import check_fits
from kernelgen.solvers.progress import ProgressCallback, phase

CHOICES = ("held-out", "leave-one-out", "none")


@dataclass(frozen=True)
class Sweep:
    """What to try, and how to choose among it.

    Parameters
    ----------
    ridges : tuple of float
    bandwidths : tuple of float or str
        Numbers, "auto" or "auto:X".
    choose : {"held-out", "leave-one-out", "none"}
        "held-out": every pair is fitted to the first training rows and counts its errors on the rows after them; each
        ridge is then fitted to all rows with its best bandwidth. "leave-one-out": every pair is fitted to all rows and
        counts its leave-one-out errors, in closed form. "none": every pair is fitted to all rows.
    """

    ridges: tuple[float, ...] = (0.0,)
    bandwidths: tuple[float | str, ...] = ("auto",)
    choose: str = "held-out"

    def __post_init__(self) -> None:
        check_choice(self.choose, "choose", CHOICES)
        for name in ("ridges", "bandwidths"):
            values = getattr(self, name)
            if not values:
                raise UsageError(f"{name} is empty")
            if len(set(values)) < len(values):
                raise UsageError(f"{name} names a value twice: {', '.join(map(str, values))}")

    @property
    def is_single(self) -> bool:
        """Whether there is nothing to choose."""
        return len(self.ridges) == len(self.bandwidths) == 1

    @property
    def n_fits(self) -> int:
        """Fits to all rows, at most."""
        return len(self.ridges) * (1 if self.choose == "held-out" else len(self.bandwidths))

    def configs(self, base: SolveConfig) -> list[SolveConfig]:
        """Every pair."""
        return [
            replace(base, ridge=ridge, bandwidth=bandwidth, leave_one_out=self.choose == "leave-one-out")
            for ridge in self.ridges
            for bandwidth in self.bandwidths
        ]


@dataclass(frozen=True)
class SweepRecord:
    """What was fitted to all rows, and how it was chosen.

    Attributes
    ----------
    fits : tuple of SolveRecord
    errors : tuple of float or None
        Held-out or leave-one-out error of each fit.
    chosen : int or None
        Index of the fit with the smallest.
    choice : dict
        ``by``, and what was tried.
    unsolved : tuple of dict
        ``ridge``, ``bandwidth`` and ``message`` of what has no factor on all rows, or did not converge.
    """

    fits: tuple[SolveRecord, ...]
    errors: tuple[float | None, ...]
    chosen: int | None
    choice: dict[str, Any]
    unsolved: tuple[dict[str, Any], ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON."""
        return {
            "fits": [fit.as_dict() for fit in self.fits],
            "errors": list(self.errors),
            "chosen": self.chosen,
            "choice": self.choice,
            "unsolved": list(self.unsolved),
        }


def solve_sweep(
    problem: SolveProblem, sweep: Sweep, *, progress: ProgressCallback | None = None
) -> SweepRecord:
    """Choose, fit to all training rows, predict the test set, and record it all.

    Parameters
    ----------
    problem : SolveProblem
        Prepared from a config with the smallest of the ridges: equal rows are merged where one of them is 0.
    sweep : Sweep
    progress : callable, optional

    Raises
    ------
    UsageError, DataError, ConflictingLabels, BudgetExceeded
    NotPositiveDefinite, NotConverged
        Nothing was solved; the error is the last one. What is not solved beside others is recorded.

    Notes
    -----
    n^3 / 3 flops a fit, twice that with leave-one-out.
    """
    if sweep.bandwidths != ("auto",) and problem.config.kernel not in WITH_BANDWIDTH:
        raise UsageError(f"the {problem.config.kernel} kernel has no bandwidth")
    check_fits(problem.plan)
    chooser = _Chooser(problem, sweep, progress)
    with PeakMemory() as memory:
        if is_streamed(problem.features):
            fits = solve_streamed(problem, progress, chooser.streamed, chooser.unsolved)
        else:
            fits = _solve_stored(problem, chooser, progress)
    if not fits and chooser.failures:
        raise chooser.failures[-1][1]
    if not fits:
        raise NotConverged(_nothing_chosen(chooser.choice))
    fits = [replace(fit, peak_bytes=memory.bytes) for fit in fits]
    unsolved = tuple(
        {"ridge": config.ridge, "bandwidth": config.bandwidth, "message": str(error)}
        for config, error in chooser.failures
    )
    errors = chooser.errors_of(fits)
    known = [np.inf if error is None else error for error in errors]
    chosen = int(np.argmin(known)) if np.isfinite(known).any() else None
    return SweepRecord(tuple(fits), errors, chosen, chooser.as_dict(), unsolved)


def _solve_stored(
    problem: SolveProblem, chooser: _Chooser, progress: ProgressCallback | None
) -> list[SolveRecord]:
    points, _, seconds = prepared(problem, progress)
    fits = []
    for config in chooser.stored(points.train):
        each = replace(problem, config=config, points=points, kernel=None, seconds=seconds)
        try:
            fits.append(solve_prepared(each, progress)[0])
        except (NotPositiveDefinite, NotConverged) as error:
            chooser.unsolved(config, error)
    return fits


class _Chooser:
    """The configs to fit to all rows, once the training rows are there; and what became of them."""

    def __init__(self, problem: SolveProblem, sweep: Sweep, progress: ProgressCallback | None):
        self.problem, self.sweep, self.progress = problem, sweep, progress
        self.choice: HeldOutChoice | None = None
        self.failures: list[tuple[SolveConfig, KernelgenError]] = []

    def stored(self, points: Points) -> list[SolveConfig]:
        """Of rows whose features are there."""
        classes, Y = encode_labels(self.problem.y_train)

        def rows(n: int, m: int) -> HeldOutRows:
            return StoredRows(points, n, m, self.problem.config, self.problem.plan.precision)

        return self._configs(rows, Y, classes)

    def streamed(self, rows: StreamedRows) -> list[SolveConfig]:
        """Of rows whose inner products are there."""
        precision, threads = self.problem.plan.precision, self.problem.config.threads

        def leading(n: int, m: int) -> HeldOutRows:
            return StreamedHeldOut.of(rows.products, n, m, precision, threads)

        return self._configs(leading, rows.Y[rows.kept], rows.classes)

    def _configs(self, rows: Any, Y: FloatArray, classes: NDArray[Any]) -> list[SolveConfig]:
        if self.sweep.choose != "held-out":
            return self.sweep.configs(self.problem.config)
        sizes = split_sizes(len(Y))
        with phase("choose", self.progress) as tell:
            self.choice = choose_held_out(
                rows(*sizes),
                self.problem.config,
                Y,
                classes,
                sizes=sizes,
                ridges=self.sweep.ridges,
                bandwidths=self.sweep.bandwidths,
                tell=tell,
            )
        return [
            replace(self.problem.config, ridge=best.ridge, bandwidth=best.bandwidth)
            for best in self.choice.best()
        ]

    def unsolved(self, config: SolveConfig, error: KernelgenError) -> None:
        """Keep what went wrong."""
        self.failures.append((config, error))

    def errors_of(self, fits: Sequence[SolveRecord]) -> tuple[float | None, ...]:
        """Errors on rows of the training set that a fit did not see."""
        if self.choice is None:
            return tuple(fit.leave_one_out_error for fit in fits)
        best = {each.ridge: each.error for each in self.choice.best()}
        return tuple(best[fit.ridge] for fit in fits)

    def as_dict(self) -> dict[str, Any]:
        """How it was chosen, ready for JSON."""
        told = {"by": self.sweep.choose} if self.choice is None else self.choice.as_dict()
        return {**told, "test_set": "not used to choose; read once, after every fit"}


def _nothing_chosen(choice: HeldOutChoice | None) -> str:
    why = choice.tried[-1].message if choice is not None else ""
    return f"no ridge and bandwidth could be solved on held-out rows; the last one: {why}"
