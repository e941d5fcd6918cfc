"""The plan of leave-one-out errors; the errors themselves are tested with the sweep and the command line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kernelgen.errors import BudgetExceeded
from kernelgen.experiments.left_out import PROBES
from kernelgen.experiments.solve import SolveConfig, prepare_solve, run_solve, solve_problem


@pytest.mark.parametrize("features", ["pixels", "randconv:filters=100,patch=3,pool=3,stride=2"])
def test_the_inverse_is_planned(features: str) -> None:
    config = SolveConfig(n_train=600, features=features, threads=2)
    without, plan = prepare_solve(config).plan, prepare_solve(replace(config, leave_one_out=True)).plan
    names = [phase.name for phase in plan.phases]
    assert names.index("left out") == names.index("refine") + 1
    refine, left_out = (plan.phases[names.index(name)] for name in ("refine", "left out"))
    strips = (
        8 * plan.threads * plan.tile * plan.n_samples
    )  # a tile column of L^-1 for each thread, in float64
    assert refine.bytes + strips <= left_out.bytes <= refine.bytes + 2 * strips
    assert plan.peak_bytes == max(without.peak_bytes, left_out.bytes)
    assert plan.seconds > without.seconds


def test_what_fits_without_it_says_so() -> None:
    config = SolveConfig(n_train=600, n_test=10, threads=2)
    budget = prepare_solve(config).plan.peak_bytes + 1000
    run_solve(replace(config, memory_budget=budget))
    with pytest.raises(BudgetExceeded, match="no leave-one-out errors"):
        solve_problem(prepare_solve(replace(config, memory_budget=budget, leave_one_out=True)))


def test_two_classes_are_checked_by_as_many_columns(tmp_path) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.uniform(size=(200, 5)), np.arange(200) % 2
    np.savez(tmp_path / "two.npz", X=X, y=y)
    config = SolveConfig(dataset=str(tmp_path / "two.npz"), leave_one_out=True, precision="mixed")
    plan = prepare_solve(config).plan
    bytes_of = {phase.name: phase.bytes for phase in plan.phases}
    assert plan.n_targets < PROBES
    assert bytes_of["left out"] >= bytes_of["refine"] + 80 * plan.n_samples * (PROBES - plan.n_targets)
    assert 0 < run_solve(config).inverse_error < 1e-2
