"""Bytes and seconds of a sweep: of one fit to all rows, and of the choice on held-out rows before it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kernelgen.engines.base import storage_elements
from kernelgen.engines.choose import choose_convolutions
from kernelgen.experiments.feature_points import layout_of, stored_bytes
from kernelgen.experiments.held_out import is_by_rule
from kernelgen.experiments.held_out_rows import split_sizes
from kernelgen.experiments.left_out import plan_left_out
from kernelgen.experiments.solve_record import SolveProblem
from kernelgen.experiments.solve_streamed import is_streamed
from kernelgen.experiments.sweep_record import Sweep
from kernelgen.kernels.bandwidth import rule_bytes
from kernelgen.solvers.costs import Phase, format_bytes
from kernelgen.solvers.plan import Plan, plan
from kernelgen.solvers.products import plan_products
from kernelgen.solvers.streamed import SCORED_ROWS


def plan_sweep(problem: SolveProblem, sweep: Sweep) -> Plan:
    """The problem's plan, with a phase "choose" before the first factor where rows are held out.

    Notes
    -----
    Beside the factor of the rows to fit: a copy of their features and of the held-out rows'; streamed, of their inner
    products, 4 n^2 + 8 n m bytes for n rows to fit and m held out.
    """
    whole = _keeping(problem, sweep)
    if sweep.choose == "leave-one-out" and not problem.config.leave_one_out:
        whole = plan_left_out(whole)
    if sweep.choose != "held-out":
        return whole
    sizes = split_sizes(len(problem.data.X_train))
    by_rule = is_by_rule(problem.config.kernel, sweep.bandwidths)
    one = _streamed(problem, *sizes) if is_streamed(problem.features) else _stored(problem, *sizes, by_rule)
    n_pairs = len(sweep.ridges) * len(sweep.bandwidths)
    chosen = replace(one, seconds=n_pairs * one.seconds, flops=n_pairs * one.flops)
    first = [phase.name for phase in whole.phases].index("factor")
    peak = max(whole.peak_bytes, chosen.bytes)
    fits = peak <= whole.budget_bytes
    suggestion = f'choose="leave-one-out" or "none" needs {format_bytes(whole.peak_bytes)}'
    return replace(
        whole,
        phases=(*whole.phases[:first], chosen, *whole.phases[first:]),
        peak_bytes=peak,
        seconds=whole.seconds + chosen.seconds,
        fits=fits,
        suggestion=None if fits else suggestion if whole.fits else whole.suggestion,
    )


def _keeping(problem: SolveProblem, sweep: Sweep) -> Plan:
    """The problem's plan beside the other fits' alpha, and fitted values, which wait until the test set is read."""
    whole = problem.plan
    kept = (sweep.n_fits - 1) * 2 * 8 * whole.n_samples * whole.n_targets
    phases = tuple(replace(phase, bytes=phase.bytes + kept) for phase in whole.phases)
    peak = whole.peak_bytes + kept
    fits = peak <= whole.budget_bytes
    suggestion = "fewer ridges or bandwidths at a time" if whole.fits and not fits else whole.suggestion
    return replace(whole, phases=phases, peak_bytes=peak, fits=fits, suggestion=suggestion)


def _stored(problem: SolveProblem, n: int, m: int, by_rule: bool) -> Phase:
    data, whole = problem.data, problem.plan
    output = problem.features.output(layout_of(data), data.X_train.dtype)
    held = stored_bytes(output, whole.n_samples + whole.n_test) + (n + m) * output.row_bytes
    one = plan(
        n,
        whole.n_features,
        whole.n_targets,
        n_test=m,
        precision=whole.precision,
        values_dtype=output.dtype,
        engine=whole.engine,
        threads=whole.threads,
        budget_bytes=whole.budget_bytes,
        held_bytes=held,
    )
    rule = rule_bytes(n, whole.n_features) if by_rule else 0
    return _one_fit(one, max(one.peak_bytes, held + rule))


def _streamed(problem: SolveProblem, n: int, m: int) -> Phase:
    whole, convolving = problem.plan, choose_convolutions(problem.plan.engine)
    tile = convolving.default_tile(whole.n_samples)
    one = plan_products(
        convolving.inner_products(np.empty(0), n, tile, whole.n_features),
        n_targets=whole.n_targets,
        precision=whole.precision,
        threads=whole.threads,
        budget_bytes=whole.budget_bytes,
    )
    products = storage_elements(whole.n_samples, tile) + storage_elements(n, tile) + n * m
    return _one_fit(one, one.peak_bytes + 8 * (products + 3 * SCORED_ROWS * n))


def _one_fit(one: Plan, n_bytes: int) -> Phase:
    return Phase("choose", n_bytes, sum(phase.flops for phase in one.phases), one.seconds)
