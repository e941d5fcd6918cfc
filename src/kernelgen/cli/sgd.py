"""``kernelgen sgd``: train a linear model by SGD, and see that it lands on the minimum-norm interpolant."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kernelgen.cli import options
from kernelgen.cli.summary import print_json
from kernelgen.cli.terminal import (
    console,
    format_percent,
    format_seconds,
    loading,
    printing_warnings,
    reporting,
)

if TYPE_CHECKING:
    from kernelgen.experiments.sgd import SGDRecord

optimizer_option = partial(typer.Option, rich_help_panel="Optimizer")


class InitName(StrEnum):
    """Where SGD starts."""

    zero = "zero"
    random = "random"


def check_step(text: str) -> str:
    """Return what was given, if it is a positive number or the name of a rule."""
    if text in ("kaczmarz", "1/L", "line-search"):
        return text
    try:
        value = float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a number, nor kaczmarz, 1/L or line-search.") from None
    if not 0 < value < float("inf"):
        raise typer.BadParameter(f"{text} is not a positive number.")
    return text


def sgd(
    dataset: Annotated[str | None, options.dataset_option(show_default="Gaussian rows")] = None,
    n: Annotated[
        int | None,
        options.data_option("--n", min=1, metavar="N", help="Gaussian rows.", show_default="500"),
    ] = None,
    d: Annotated[
        int | None,
        options.data_option(
            "--d", min=1, metavar="D", help="Features of a Gaussian row.", show_default="2000"
        ),
    ] = None,
    features: Annotated[
        str,
        options.data_option(
            metavar="NAME",
            help="pixels and other names of kernelgen solve, or random-fourier:P for P random Fourier features.",
        ),
    ] = "pixels",
    bandwidth: Annotated[
        float | None,
        options.data_option(
            "--bandwidth", "-b", metavar="X", help="Of the random Fourier features.", show_default="5"
        ),
    ] = None,
    n_train: options.TrainRows = None,
    n_test: options.TestRows = None,
    data_dir: options.DataDir = None,
    offline: options.Offline = False,
    step: Annotated[
        str,
        optimizer_option(
            metavar="X|kaczmarz|1/L|line-search", help="A constant, or a rule.", callback=check_step
        ),
    ] = "kaczmarz",
    batch: Annotated[int, optimizer_option(min=1, metavar="N", help="Rows a step.")] = 1,
    momentum: Annotated[float, optimizer_option(min=0.0, max=0.9999, metavar="X", help="In [0, 1).")] = 0.0,
    nesterov: Annotated[bool, optimizer_option("--nesterov", help="Nesterov's momentum.")] = False,
    replacement: Annotated[
        bool, optimizer_option("--replacement", help="Draw rows with replacement.")
    ] = False,
    average: Annotated[
        bool, optimizer_option("--average", help="The mean of the last epoch's iterates.")
    ] = False,
    weight_decay: Annotated[float, optimizer_option(min=0.0, metavar="X", help="Moves the limit.")] = 0.0,
    init: Annotated[
        InitName, optimizer_option(metavar="zero|random", help="Where to start.")
    ] = InitName.zero,
    epochs: Annotated[int, optimizer_option(min=0, metavar="N", help="At most.")] = 1000,
    tol: Annotated[
        float, optimizer_option(min=0.0, metavar="X", help="Relative residual to stop at; 0 never stops.")
    ] = 1e-11,
    seed: Annotated[int, optimizer_option(min=0, metavar="N", help="Of rows, features and orders.")] = 0,
    threads: options.Threads = None,
    trace: Annotated[
        Path | None,
        options.output_option(metavar="FILE", help="Write one JSON object an epoch, with its test error."),
    ] = None,
    exact_span: Annotated[
        bool, options.output_option("--exact-span", help="Project at every epoch, not only at the end.")
    ] = False,
    plot: Annotated[
        Path | None, options.output_option(metavar="FILE", help="Draw the distances as FILE, .svg or .png.")
    ] = None,
    as_json: options.Json = False,
    quiet: Annotated[bool, options.output_option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Train a linear model by SGD and measure how far it is from the minimum-norm solution.

    [bold]Examples[/bold]

      kernelgen sgd --n 500 --d 2000

      kernelgen sgd --n 500 --d 2000 --init random --momentum 0.5

      kernelgen sgd -d mnist --n-train 2000 --features random-fourier:8192 --bandwidth 3 --plot sgd.svg
    """
    from kernelgen.experiments.sgd import SGDRunConfig, run_sgd
    from kernelgen.linear.config import SGDConfig

    if plot is not None:
        from kernelgen.report.figure import check_plot_path, import_matplotlib

        check_plot_path(plot)
        import_matplotlib()
    config = SGDRunConfig(
        dataset=dataset,
        n=n,
        d=d,
        features=features,
        bandwidth=bandwidth,
        n_train=n_train,
        n_test=n_test,
        init=init.value,
        optimizer=SGDConfig(
            step=step if step in ("kaczmarz", "1/L", "line-search") else float(step),
            batch=batch,
            momentum=momentum,
            nesterov=nesterov,
            replacement=replacement,
            average=average,
            weight_decay=weight_decay,
            epochs=epochs,
            tol=tol,
            seed=seed,
        ),
        data_dir=None if data_dir is None else str(data_dir),
        offline=offline,
        threads=threads,
    )
    with printing_warnings(), loading(quiet=quiet) as load_progress, reporting(quiet=quiet) as report:
        record = run_sgd(
            config, trace=trace, exact_span=exact_span, progress=report, load_progress=load_progress
        )
    if plot is not None:
        from kernelgen.report.figure import write_plot
        from kernelgen.report.norm_plots import draw_trace

        write_plot(draw_trace(record.trace), plot)
    if as_json:
        print_json(record.as_dict())
    else:
        print_sgd(record)
    if record.status == "diverged":
        from kernelgen.errors import NotConverged

        raise NotConverged(record.message)


def print_sgd(record: SGDRecord) -> None:
    """Write a panel: status, distances, norms, errors."""
    from rich.panel import Panel
    from rich.table import Table

    rows = Table.grid(padding=(0, 3, 0, 0))
    rows.add_column(style="dim")
    rows.add_column()
    rows.add_row("status", record.message)
    rows.add_row("residual", f"{record.relative_residual:.2e} relative")
    rows.add_row(
        "to minimum norm", f"[bold green]{record.relative_distance_to_min_norm:.2e}[/bold green] relative"
    )
    if record.relative_distance_to_projection is not None:
        rows.add_row("to projection of w0", f"{record.relative_distance_to_projection:.2e} relative")
    rows.add_row("outside the span", f"{record.span_distance:.2e} relative, at most")
    rows.add_row("norm", f"{record.norm:.8g}   (minimum {record.min_norm:.8g})")
    is_share = record.dataset != "gaussian"
    for name, value in (("train error", record.train_error), ("test error", record.test_error)):
        if value is not None:
            rows.add_row(name, format_percent(value) if is_share else f"{value:.4g} mean square")
    rows.add_row("rank", record.rank_rule)
    rows.add_row(
        "time",
        f"{format_seconds(record.seconds['total'])}   (epochs {format_seconds(record.seconds['epochs'])})",
    )
    title = f"{record.dataset}: {record.n_train:,} rows, {record.n_features:,} features, {record.features}"
    console().print(Panel(rows, title=f"[bold]{title}[/bold]", title_align="left", expand=False))
