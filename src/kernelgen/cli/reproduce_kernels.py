"""``kernelgen reproduce kernels``: the paper's Table 3."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from kernelgen.cli import options
from kernelgen.cli.reproduction import Folder, NoPlot, Scale, ScaleName, check_plots, write
from kernelgen.cli.terminal import console, format_bytes, format_seconds, reporting

if TYPE_CHECKING:
    from kernelgen.experiments.kernel_table import TableRow
    from kernelgen.experiments.solve import SolveProblem
    from kernelgen.experiments.solve_sweep import Sweep


def check_filters(text: str | None) -> str | None:
    """Return what was given, if it is numbers of filters."""
    from kernelgen.experiments.kernel_table import parse_filters

    return None if text is None else options.accepted(text, parse_filters)


Rows = Annotated[
    list[str] | None,
    options.data_option(
        "--row", metavar="NAME", help="One row, e.g. mnist-gabor; may be repeated.", show_default="all"
    ),
]
Filters = Annotated[
    str | None,
    options.data_option(
        metavar="F[,F...]",
        help="Of the random convolutions: 256,1k,4k.",
        show_default="by scale",
        callback=check_filters,
    ),
]
Ridges = Annotated[
    str,
    options.kernel_option(
        "--ridge", metavar="X[,X...]", help="Each is a factor of its own.", callback=options.check_ridges
    ),
]
Products = Annotated[
    Path | None,
    options.solver_option(
        metavar="FOLDER",
        help="Keep the inner products of random convolutions there (4 n^2 bytes a row), and go on from them.",
    ),
]
PlanOnly = Annotated[
    bool, options.output_option("--plan", help="Print memory and time of each row; solve nothing.")
]


def kernels(
    scale: Scale = ScaleName.small,
    row: Rows = None,
    filters: Filters = None,
    ridge: Ridges = "0,1e-4,1e-3,1e-2",
    precision: options.PrecisionOption = options.PrecisionName.auto,
    engine: options.EngineOption = options.EngineName.auto,
    threads: options.Threads = None,
    memory_budget: options.MemoryBudget = None,
    products: Products = None,
    seed: options.Seed = 0,
    data_dir: options.DataDir = None,
    offline: options.Offline = False,
    plan_only: PlanOnly = False,
    output: Folder = Path("reproduce"),
    no_plot: NoPlot = False,
    quiet: options.Quiet = False,
) -> None:
    """Make the paper's Table 3: MNIST and CIFAR-10 interpolated on pixels and features, and ridge curves.

    A ridge and its bandwidth are chosen on held-out training rows, before the test set is read. Finished rows are kept
    in FOLDER/rows: a run that was stopped goes on with the next one.

    [bold]Examples[/bold]

      kernelgen reproduce kernels --plan --scale full

      kernelgen reproduce kernels --row mnist-raw --row mnist-gabor

      kernelgen reproduce kernels --scale full --filters 256,1k,2k --products /scratch
    """
    from kernelgen.errors import KernelgenError
    from kernelgen.experiments.kernel_table import (
        KernelTableConfig,
        parse_filters,
        plan_kernel_table,
        run_kernel_table,
    )
    from kernelgen.report.kernel_plots import draw_kernels
    from kernelgen.report.kernel_tables import kernels_markdown

    config = KernelTableConfig(
        scale=scale.value,
        rows=tuple(row or ()),
        ridges=options.parse_ridges(ridge),
        filters=() if filters is None else parse_filters(filters),
        precision=precision.value,
        engine=engine.value,
        threads=threads,
        memory_budget=memory_budget,
        data_dir=None if data_dir is None else str(data_dir),
        offline=offline,
        seed=seed,
        products=None if products is None else str(products),
    )
    failures: list[KernelgenError] = []
    if plan_only:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            print_plans(plan_kernel_table(config, failures.append))
        if failures:
            raise failures[0]
        return
    check_plots(no_plot)
    tell = None if quiet else partial(print, file=sys.stderr, flush=True)
    with warnings.catch_warnings(), reporting(quiet=quiet) as report:
        warnings.simplefilter("ignore", UserWarning)  # a copy of a data set is marked in the table
        record = run_kernel_table(
            config, keep=output / "rows", progress=report, tell=tell, unsolved=failures.append
        )
    write("kernels", record, kernels_markdown, None if no_plot else draw_kernels, output)
    if failures:
        raise failures[0]  # the table has them all; the other rows are kept


def print_plans(plans: Iterable[tuple[TableRow, SolveProblem, Sweep]]) -> None:
    """Write a line a row: its size, blocks of filters that are streamed, fits, and what these are planned to take."""
    from rich.table import Table

    from kernelgen.experiments.kernel_table import planned_seconds

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))  # 80 columns hold a line
    table.add_column("row", no_wrap=True)
    for column in ("n", "features", "blocks", "fits", "memory", "time", "room"):
        table.add_column(column, justify="right", no_wrap=True)
    total = 0.0
    for row, problem, sweep in plans:
        plan, seconds = problem.plan, planned_seconds(problem, sweep)
        total += seconds
        table.add_row(
            row.name,
            f"{plan.n_samples:,}",
            f"{plan.n_features:,}",
            next((f"{phase.blocks:,}" for phase in plan.phases if phase.blocks), ""),
            str(sweep.n_fits),
            format_bytes(plan.peak_bytes),
            format_seconds(seconds),
            "yes" if plan.fits else "[bold red]no[/bold red]",
        )
    console().print(table)
    console().print(f"about {format_seconds(total)} in all")
