"""What ``kernelgen solve`` writes: the plan as a table, the result as a panel, the record as JSON."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from kernelgen.cli.terminal import console, format_bytes, format_percent, format_seconds, print_panel

if TYPE_CHECKING:
    from kernelgen.experiments.solve import SolveProblem, SolveRecord
    from kernelgen.experiments.solve_sweep import SweepRecord
    from kernelgen.solvers.costs import Phase
    from kernelgen.solvers.plan import Plan


def print_json(value: dict[str, Any]) -> None:
    """Write one JSON object to stdout; what is not finite has become null before."""
    sys.stdout.write(json.dumps(value, indent=2, allow_nan=False) + "\n")
    sys.stdout.flush()  # a closed pipe shows here, where it is handled


def print_plan(problem: SolveProblem, *, stderr: bool, fits: int = 1) -> None:
    """Write a table of the phases of one fit, and whether the peak fits in the budget."""
    from rich.markup import escape
    from rich.table import Table

    plan: Plan = problem.plan
    out = console(stderr=stderr)
    features = problem.config.features
    size = f"n = {plan.n_samples:,}, d = {plan.n_features:,}"
    shown = size if features == "pixels" else f"{size} ({escape(features)})"
    out.print(f"[bold]{escape(problem.data.name)}[/bold]: {shown}, {_kernel_text(problem)}")
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column("phase")
    for column in ("memory", "work", "time"):
        table.add_column(column, justify="right")
    if any(phase.blocks for phase in plan.phases):
        table.add_column()
    for phase in plan.phases:
        table.add_row(
            phase.name,
            format_bytes(phase.bytes),
            f"{phase.flops / 1e9:,.1f} Gflop",
            format_seconds(phase.seconds),
            *_blocks(phase),
        )
    verdict = "fits in" if plan.fits else "[bold red]does not fit in[/bold red]"
    out.print(table)
    out.print(
        f"peak {format_bytes(plan.peak_bytes)}, {verdict} {format_bytes(plan.budget_bytes)}; "
        f"about {format_seconds(plan.seconds)}; {plan.precision}, {plan.engine} engine, {_threads(plan.threads)}"
    )
    out.print(f"{fits} fits, each with a factor of its own\n" if fits > 1 else "")


def _blocks(phase: Phase) -> list[str]:
    """How features are streamed, "63 blocks of 512 filters"; nothing where they are not."""
    if phase.blocks is None:
        return []
    return [f"{phase.blocks:,} block{'s' if phase.blocks > 1 else ''} of {phase.filters_per_block:,} filters"]


def _kernel_text(problem: SolveProblem) -> str:
    if problem.kernel is None:
        return f"{problem.config.kernel} kernel, bandwidth {problem.config.bandwidth} (from the features)"
    described = problem.kernel.describe()
    bandwidth = problem.config.bandwidth
    rule = f" ({bandwidth})" if isinstance(bandwidth, str) else ""
    parameters = [
        f"{name} {value:.4g}{rule if name == 'bandwidth' else ''}"
        if isinstance(value, float)
        else f"{name} {value}"
        for name, value in described.items()
        if name != "name" and value is not False
    ]
    return ", ".join([f"{described['name']} kernel", *parameters])


def print_sweep(record: SweepRecord) -> None:
    """Write a table with a line a fit, the chosen one marked, and how it was chosen."""
    from rich.markup import escape
    from rich.table import Table

    by, out = record.choice["by"], console()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))  # 80 columns hold a line
    chosen_by = {"held-out": ["held out"], "leave-one-out": ["left out", "off by"], "none": []}[by]
    for name in ("ridge", "bandwidth", *chosen_by, "test", "train", "norm", "residual", "time"):
        table.add_column(name, justify="right")
    for k, fit in enumerate(record.fits):
        style = "bold green" if k == record.chosen else None
        error = record.errors[k]
        table.add_row(
            f"{fit.ridge:g}",
            "" if fit.bandwidth is None else f"{fit.bandwidth:.4g}",
            *([] if by == "none" else ["" if error is None else format_percent(error)]),
            *([_off_by(fit)] if by == "leave-one-out" else []),
            "" if fit.test_error is None else format_percent(fit.test_error),
            format_percent(fit.train_error),
            _number(fit.certificate["rkhs_norm"], digits=5),
            _number(fit.certificate["relative_residual"]),
            format_seconds(sum(fit.seconds.get(name, 0.0) for name in ("factor", "solve", "refine"))),
            style=style,
        )
    out.print(f"[bold]{escape(_data_text(record.fits[0]))}[/bold], {escape(record.fits[0].features)}")
    out.print(table)
    if by == "leave-one-out":
        out.print(
            "off by: largest relative error found of (K^-1)_ii, which left-out predictions are made with"
        )
    for each in record.unsolved:
        bandwidth = "" if each["bandwidth"] is None else f", bandwidth {each['bandwidth']}"
        out.print(f"ridge {each['ridge']:g}{bandwidth}: {escape(each['message'])}")
    if record.chosen is not None:
        rows = (
            f"{record.choice['n_held_out']:,} of its rows held out" if by == "held-out" else "leave-one-out"
        )
        out.print(f"chosen by the training set alone ({rows}):")
        out.print(escape(record.fits[record.chosen].command), soft_wrap=True)  # one line, to be pasted


def print_record(record: SolveRecord) -> None:
    """Write a panel: errors, certificate, time and memory."""
    from rich.markup import escape

    title = "interpolated" if record.ridge == 0 else f"solved with ridge {record.ridge:g}"
    print_panel(f"[bold]{escape(_data_text(record))}[/bold]: {title}", _result_rows(record))


def _off_by(record: SolveRecord) -> str:
    return "unchecked" if record.inverse_error is None else f"{record.inverse_error:.0e}"


def _data_text(record: SolveRecord) -> str:
    return record.dataset + (" (not the official files)" if record.data["official"] is False else "")


def _result_rows(record: SolveRecord) -> list[tuple[str, str]]:
    certificate, seconds = record.certificate, record.seconds
    times = ", ".join(
        f"{name} {format_seconds(seconds[name])}"
        for name in ("features", "gram", "factor", "solve", "refine", "predict")
        if seconds.get(name, 0.0) > 0.0 and (name != "features" or record.features != "pixels")
    )
    test = "no test rows" if record.test_error is None else format_percent(record.test_error)
    rows = [
        ("test error", f"[bold green]{test}[/bold green]   of {record.n_test:,}"),
        ("train error", f"{format_percent(record.train_error)}   of {record.n_train:,}"),
        (
            "residual",
            f"{_number(certificate['relative_residual'])} relative, {_number(certificate['max_residual'])} at most",
        ),
        ("smallest pivot", f"{_number(certificate['min_pivot'])} in row {certificate['min_pivot_row']}"),
        ("condition", f"about {_number(certificate['condition_estimate'])}"),
        ("RKHS norm", _number(certificate["rkhs_norm"], digits=5)),
    ]
    if record.features != "pixels":
        rows.append(("features", f"{record.features}: {record.n_features:,}"))
    if record.labels != "true":
        rows.append(("labels", f"{record.labels}: {record.label_changes:,} of {record.n_train:,} changed"))
    if record.leave_one_out_error is not None:
        within = "" if record.inverse_error is None else "within "
        how = f"leave-one-out in closed form, (K^-1)_ii {within}{_off_by(record)}"
        rows.insert(1, ("left out", f"{format_percent(record.leave_one_out_error)}   {how}"))
    if certificate.get("n_merged_duplicates"):
        rows.append(
            ("duplicates", f"{certificate['n_merged_duplicates']:,} rows equal to an earlier one, merged")
        )
    if certificate.get("preconditioner_jitter"):
        rows.append(
            ("jitter", f"{_number(certificate['preconditioner_jitter'])}, in the preconditioner only")
        )
    rows += [
        ("time", f"{format_seconds(seconds['total'])}   ({times})"),
        (
            "peak memory",
            f"{format_bytes(record.peak_bytes)}   (planned {format_bytes(record.planned_bytes)})",
        ),
        ("solved with", f"{record.engine} engine, {record.precision}, {_threads(record.threads)}"),
    ]
    if record.model is not None:
        rows.append(("model", record.model.replace("[", r"\[")))
    return rows


def _number(value: float | None, digits: int = 3) -> str:
    return "not finite" if value is None else f"{value:.{digits}g}"


def _threads(count: int) -> str:
    return f"{count} thread" if count == 1 else f"{count} threads"
