"""One data set, many ridges and bandwidths: chosen without the test set.

Features, and the inner products of streamed ones, are made once for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernelgen.arrays.duplicates import find_duplicates
from kernelgen.arrays.points import FloatArray, Points
from kernelgen.errors import ConflictingLabels, KernelgenError, NotConverged, NotPositiveDefinite, UsageError
from kernelgen.estimators.targets import encode_labels
from kernelgen.experiments.held_out import HeldOutChoice, choose_held_out
from kernelgen.experiments.held_out_rows import (
    HeldOutRows,
    Split,
    StoredHeldOut,
    StreamedHeldOut,
    draw_split,
)
from kernelgen.experiments.solve import fit_prepared, prepared, with_test_error
from kernelgen.experiments.solve_record import WITH_BANDWIDTH, SolveConfig, SolveProblem, SolveRecord
from kernelgen.experiments.solve_streamed import StreamedRows, is_streamed, solve_streamed
from kernelgen.experiments.sweep_plan import plan_sweep
from kernelgen.experiments.sweep_record import Sweep, SweepRecord
from kernelgen.solvers.memory import PeakMemory
from kernelgen.solvers.plan import check_fits
from kernelgen.solvers.progress import ProgressCallback, phase

__all__ = ["Sweep", "SweepRecord", "plan_sweep", "solve_sweep"]


def solve_sweep(
    problem: SolveProblem, sweep: Sweep, *, progress: ProgressCallback | None = None
) -> SweepRecord:
    """Choose, fit to all training rows, predict the test set, and record it all.

    Parameters
    ----------
    problem : SolveProblem
        Its ridge and bandwidth are not used.
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
    problem = replace(problem, config=replace(problem.config, ridge=min(sweep.ridges)))
    whole = plan_sweep(problem, sweep)
    check_fits(whole)
    if is_streamed(problem.features):
        _check_merges_nothing(problem, sweep)
    chooser = _Chooser(problem, sweep, progress)
    with PeakMemory() as memory:
        if is_streamed(problem.features):
            fits = solve_streamed(problem, progress, chooser.streamed, chooser.failed)
        else:
            fits = _solve_stored(problem, chooser, progress)
    if not fits and chooser.failures:
        raise chooser.failures[-1][1]
    if not fits:
        raise NotConverged(_nothing_chosen(chooser.choice))
    fits = [replace(fit, peak_bytes=memory.bytes, planned_bytes=whole.peak_bytes) for fit in fits]
    errors = chooser.errors_of(fits)
    known = [np.inf if error is None else error for error in errors]
    chosen = int(np.argmin(known)) if np.isfinite(known).any() else None
    return SweepRecord(tuple(fits), errors, chosen, chooser.as_dict(), chooser.unsolved())


def _solve_stored(
    problem: SolveProblem, chooser: _Chooser, progress: ProgressCallback | None
) -> list[SolveRecord]:
    points, _, seconds = prepared(problem, progress)
    seconds["bandwidth"] = 0.0  # of the problem's own; each fit has its own
    fits = []
    for config in chooser.stored(points.train):
        each = replace(problem, config=config, points=points, kernel=None, seconds=seconds)
        try:
            fits.append(fit_prepared(each, progress)[:2])
        except (NotPositiveDefinite, NotConverged, ConflictingLabels) as error:
            chooser.failed(config, error)
    return [with_test_error(record, model, points.test, problem, progress) for record, model in fits]


def _check_merges_nothing(problem: SolveProblem, sweep: Sweep) -> None:
    if min(sweep.ridges) == 0 < max(sweep.ridges) and find_duplicates(problem.data.X_train).n_duplicates:
        raise UsageError(
            "some training images are equal: they are merged for ridge 0, and each of them counts with a ridge. Solve "
            "ridge 0 by itself"
        )


class _Chooser:
    """The configs to fit to all rows, once the training rows are there; and what became of them."""

    def __init__(self, problem: SolveProblem, sweep: Sweep, progress: ProgressCallback | None):
        self.problem, self.sweep, self.progress = problem, sweep, progress
        self.choice: HeldOutChoice | None = None
        self.failures: list[tuple[SolveConfig, KernelgenError]] = []

    def stored(self, points: Points) -> list[SolveConfig]:
        """Of rows whose features are there."""
        classes, Y = encode_labels(self.problem.y_train)

        def rows(split: Split) -> HeldOutRows:
            fitted, held_out = points.take(split.fitted), points.take(split.held_out)
            return StoredHeldOut(fitted, held_out, self.problem.config, self.problem.plan.precision)

        return self._configs(rows, Y, classes, find_duplicates(points.values).first)

    def streamed(self, rows: StreamedRows) -> list[SolveConfig]:
        """Of rows whose inner products are there."""
        precision, threads = self.problem.plan.precision, self.problem.config.threads

        def some(split: Split) -> HeldOutRows:
            return StreamedHeldOut.of(rows.products, split, precision, threads)

        return self._configs(some, rows.Y[rows.kept], rows.classes, rows.copies)

    def _configs(
        self,
        rows: Callable[[Split], HeldOutRows],
        Y: FloatArray,
        classes: NDArray[Any],
        first: NDArray[np.int64],
    ) -> list[SolveConfig]:
        if self.sweep.choose != "held-out":
            return self.sweep.configs(self.problem.config)
        split = draw_split(len(Y), self.problem.config.seed, first)
        with phase("choose", self.progress) as tell:
            self.choice = choose_held_out(
                rows(split),
                self.problem.config,
                Y,
                classes,
                split=split,
                ridges=self.sweep.ridges,
                bandwidths=self.sweep.bandwidths,
                tell=tell,
            )
        return [
            replace(self.problem.config, ridge=best.ridge, bandwidth=best.bandwidth)
            for best in self.choice.best()
        ]

    def failed(self, config: SolveConfig, error: KernelgenError) -> None:
        """Keep what went wrong, and not the frames it went through: they hold a factor."""
        self.failures.append((config, error.with_traceback(None)))

    def unsolved(self) -> tuple[dict[str, Any], ...]:
        """What has no fit, and why; bandwidths are None where the kernel has none."""
        found = [(each.ridge, each.bandwidth, str(error)) for each, error in self.failures]
        if self.choice is not None:
            found += [
                (each.ridge, each.bandwidth, f"on the rows of the choice: {each.message}")
                for each in self.choice.unsolved()
            ]
        has_bandwidth = self.problem.config.kernel in WITH_BANDWIDTH
        return tuple(
            {"ridge": ridge, "bandwidth": bandwidth if has_bandwidth else None, "message": message}
            for ridge, bandwidth, message in found
        )

    def errors_of(self, fits: Sequence[SolveRecord]) -> tuple[float | None, ...]:
        """Errors on rows of the training set that a fit did not see."""
        if self.choice is None:
            return tuple(fit.leave_one_out_error for fit in fits)
        best = {each.ridge: each.error for each in self.choice.best()}
        return tuple(best[fit.ridge] for fit in fits)

    def as_dict(self) -> dict[str, Any]:
        """How it was chosen, ready for JSON."""
        told = {"by": self.sweep.choose} if self.choice is None else self.choice.as_dict()
        return {**told, "test_set": "read once, after the last fit"}


def _nothing_chosen(choice: HeldOutChoice | None) -> str:
    why = choice.tried[-1].message if choice is not None else ""
    return f"no ridge and bandwidth could be solved on held-out rows; the last one: {why}"
