"""``kernelgen reproduce``: figures and claims of the paper, each as JSON, Markdown and plots."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from kernelgen.cli import options
from kernelgen.cli.options import DATA, OUTPUT
from kernelgen.cli.terminal import reporting

app = typer.Typer(
    no_args_is_help=True,
    help="Repeat a figure or a claim of the paper: JSON, Markdown and plots (SVG and PNG).",
    rich_markup_mode="rich",
)


class ScaleName(StrEnum):
    """How much of the data."""

    small = "small"
    medium = "medium"
    full = "full"


Scale = Annotated[
    ScaleName, typer.Option(rich_help_panel=DATA, help="small: about a minute on a laptop; medium; full.")
]
Folder = Annotated[
    Path, typer.Option("--output", "-o", metavar="FOLDER", rich_help_panel=OUTPUT, help="Where the files go.")
]
NoPlot = Annotated[bool, typer.Option("--no-plot", rich_help_panel=OUTPUT, help="JSON and Markdown only.")]
Dataset = Annotated[
    str,
    typer.Option("--dataset", "-d", metavar="NAME", rich_help_panel=DATA, help="digits, mnist, cifar10, ..."),
]


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


def check_plots(no_plot: bool) -> None:
    """Fail before the work, not after it, where plots are asked for and cannot be drawn."""
    if not no_plot:
        from kernelgen.report.figure import import_matplotlib

        import_matplotlib()


def write(
    name: str,
    record: dict[str, Any],
    markdown: Callable[[dict[str, Any]], str],
    draw: Callable[[dict[str, Any]], Any] | None,
    folder: Path,
) -> None:
    """Write NAME.json, NAME.md and, with `draw`, NAME.svg and NAME.png; print the Markdown and the files' names."""
    from kernelgen.arrays.whole_file import whole_file
    from kernelgen.experiments.sgd import json_ready

    folder.mkdir(parents=True, exist_ok=True)
    text = markdown(record)
    paths = []
    for suffix, content in ((".json", json.dumps(json_ready(record), indent=2) + "\n"), (".md", text)):
        path = folder / f"{name}{suffix}"
        with whole_file(path) as partial:
            partial.write_text(content, encoding="utf-8")
        paths.append(path)
    if draw is not None:
        from kernelgen.report.figure import write_figure

        paths += write_figure(draw(record), folder, name)
    print(text)
    for path in paths:
        print(path)
