"""``kernelgen bench``: how fast this machine is, with the proof that what it did was right."""

from __future__ import annotations

from typing import Annotated

import typer

from kernelgen.cli import options
from kernelgen.cli.options import EngineName, PrecisionName
from kernelgen.cli.summary import print_json
from kernelgen.cli.terminal import console, format_bytes, format_seconds, reporting

app = typer.Typer(name="bench", help="Measure this machine.", no_args_is_help=True)


@app.callback()
def bench() -> None:
    """Measure this machine."""


@app.command("gram-solve")
def gram_solve(
    n: Annotated[int, typer.Option(min=1, metavar="N", help="Points: random bytes.")] = 8192,
    d: Annotated[int, typer.Option(min=1, metavar="N", help="Features.")] = 784,
    targets: Annotated[int, typer.Option(min=1, metavar="N", help="Columns of Y.")] = 10,
    bandwidth: Annotated[float, typer.Option(min=0.0, metavar="X", help="On bytes / 255.")] = 5.0,
    precision: options.PrecisionOption = PrecisionName.mixed,
    engine: options.EngineOption = EngineName.auto,
    threads: options.Threads = None,
    memory_budget: options.MemoryBudget = None,
    tile: Annotated[
        int | None, typer.Option(metavar="N", help="Side of a tile.", show_default="the plan's")
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, metavar="N", help="Medians of so many.")] = 3,
    seed: options.Seed = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Generate K, factor it, solve, certify; medians, rates and memory.

    [bold]Examples[/bold]

      kernelgen bench gram-solve --engine cuda --n 60000

      kernelgen bench gram-solve --engine native --precision float64 --json
    """
    from kernelgen.experiments.gram_solve import GramSolveConfig, run_gram_solve

    config = GramSolveConfig(
        n_samples=n,
        n_features=d,
        n_targets=targets,
        bandwidth=bandwidth,
        precision=precision.value,
        engine=engine.value,
        threads=threads,
        memory_budget=memory_budget,
        tile=tile,
        repeats=repeats,
        seed=seed,
    )
    with reporting(quiet=quiet) as report:
        record = run_gram_solve(config, progress=report)
    if as_json:
        print_json(record.as_dict())
        return
    from rich.table import Table

    table = Table.grid(padding=(0, 3, 0, 0))
    table.add_column(style="bold")
    table.add_column()
    times = ", ".join(f"{name} {format_seconds(value)}" for name, value in record.seconds.items())
    for name, text in (
        ("problem", f"{n} points, {d} features, {targets} targets, {record.precision}, tile {record.tile}"),
        ("engine", record.engine + (f", {record.device}" if record.device else "")),
        ("time", times),
        ("K", f"{record.gram_flops_per_second / 1e9:.1f} Gflop/s"),
        ("factor", f"{record.factor_flops_per_second / 1e9:.1f} Gflop/s"),
        ("memory", f"{format_bytes(record.peak_bytes)}, planned {format_bytes(record.planned_bytes)}"),
        ("result", f"{record.status}, relative residual {record.relative_residual:.1e}"),
    ):
        table.add_row(name, text)
    console().print(table)
