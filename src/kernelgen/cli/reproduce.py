"""``kernelgen reproduce``: figures and claims of the paper, each as JSON, Markdown and plots."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kernelgen.cli import options
from kernelgen.cli.options import DATA
from kernelgen.cli.reproduce_kernels import kernels
from kernelgen.cli.reproduction import Folder, NoPlot, Scale, ScaleName, check_plots, write
from kernelgen.cli.terminal import reporting

app = typer.Typer(
    no_args_is_help=True,
    help="Repeat a figure or a claim of the paper: JSON, Markdown and plots (SVG and PNG).",
    rich_markup_mode="rich",
)


Dataset = Annotated[
    str,
    typer.Option("--dataset", "-d", metavar="NAME", rich_help_panel=DATA, help="digits, mnist, cifar10, ..."),
]


app.command()(kernels)


@app.command()
def norms(
    scale: Scale = ScaleName.small,
    dataset: Dataset = "digits",
    features: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", rich_help_panel=DATA, help="What the kernel sees.", show_default="pixels"
        ),
    ] = None,
    bandwidth: Annotated[
        float | None,
        typer.Option("--bandwidth", "-b", rich_help_panel=DATA, show_default="5 on MNIST, else auto"),
    ] = None,
    precision: Annotated[
        str, typer.Option(rich_help_panel=options.SOLVER, help="auto, float64 or mixed.")
    ] = "auto",
    factor: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", rich_help_panel=options.SOLVER, help="A saved factor of the training set."
        ),
    ] = None,
    seed: options.Seed = 0,
    data_dir: options.DataDir = None,
    offline: options.Offline = False,
    threads: options.Threads = None,
    output: Folder = Path("reproduce"),
    no_plot: NoPlot = False,
    quiet: options.Quiet = False,
) -> None:
    """Show that the norm of an interpolant does not predict its test error.

    [bold]Example[/bold]

      kernelgen reproduce norms --dataset mnist --scale medium
    """
    from kernelgen.experiments.norms import NormsConfig, run_norms
    from kernelgen.report.norm_plots import draw_norms
    from kernelgen.report.norm_tables import norms_markdown

    config = NormsConfig(
        scale=scale.value,
        dataset=dataset,
        features=features,
        bandwidth=bandwidth,
        precision=precision,
        factor=factor,
        seed=seed,
        data_dir=None if data_dir is None else str(data_dir),
        offline=offline,
        threads=threads,
    )
    check_plots(no_plot)
    with reporting(quiet=quiet) as report:
        record = run_norms(config, keep=output / "rows", progress=report)
    write("norms", record, norms_markdown, None if no_plot else draw_norms, output)


@app.command("sgd")
def sgd_curves(
    scale: Scale = ScaleName.small,
    epochs: Annotated[int, typer.Option(min=1, rich_help_panel=DATA)] = 200,
    seed: options.Seed = 0,
    output: Folder = Path("reproduce"),
    no_plot: NoPlot = False,
) -> None:
    """Draw how SGD approaches the minimum norm, for several steps and batch sizes.

    [bold]Example[/bold]

      kernelgen reproduce sgd --scale medium
    """
    from kernelgen.experiments.sgd_curves import SGDCurvesConfig, run_sgd_curves
    from kernelgen.report.norm_plots import draw_curves
    from kernelgen.report.norm_tables import curves_markdown

    check_plots(no_plot)
    record = run_sgd_curves(SGDCurvesConfig(scale=scale.value, epochs=epochs, seed=seed))
    write("sgd", record, curves_markdown, None if no_plot else draw_curves, output)


@app.command("double-descent")
def double_descent(
    scale: Scale = ScaleName.small,
    dataset: Dataset = "digits",
    bandwidth: Annotated[
        float, typer.Option("--bandwidth", "-b", rich_help_panel=DATA, help="Of the random Fourier features.")
    ] = 2.0,
    seed: options.Seed = 0,
    data_dir: options.DataDir = None,
    offline: options.Offline = False,
    output: Folder = Path("reproduce"),
    no_plot: NoPlot = False,
) -> None:
    """Take the number of features through the number of rows, beside the formulas of Hastie et al.

    [bold]Example[/bold]

      kernelgen reproduce double-descent --dataset mnist --bandwidth 5
    """
    from kernelgen.experiments.double_descent import DoubleDescentConfig, run_double_descent
    from kernelgen.report.norm_plots import draw_double_descent
    from kernelgen.report.norm_tables import double_descent_markdown

    check_plots(no_plot)
    record = run_double_descent(
        DoubleDescentConfig(
            scale=scale.value,
            dataset=dataset,
            bandwidth=bandwidth,
            seed=seed,
            data_dir=None if data_dir is None else str(data_dir),
            offline=offline,
        )
    )
    write("double-descent", record, double_descent_markdown, None if no_plot else draw_double_descent, output)
