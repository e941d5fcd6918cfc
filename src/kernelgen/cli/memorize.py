"""``kernelgen memorize``: a network that fits any labels, built and certified; ``sweep`` checks a grid of them."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from kernelgen.cli import options
from kernelgen.cli.memorize_summary import print_network, print_sweep
from kernelgen.cli.summary import print_json
from kernelgen.cli.terminal import loading, phases, printing_warnings

network_option = partial(typer.Option, rich_help_panel="Network")


class BuilderName(StrEnum):
    """Constructions, by their first author."""

    zhang = "zhang"
    bubeck = "bubeck"
    yun = "yun"
    vardi = "vardi"


class KnotRule(StrEnum):
    """Where hinges go."""

    left = "left"
    midpoint = "midpoint"


class DirectionRule(StrEnum):
    """How points are projected."""

    auto = "auto"
    random = "random"
    best = "best"
    integer = "integer"
    principal = "principal"


def check_labels(text: str) -> str:
    """Return what was given, if it names labels."""
    from kernelgen.experiments.memorize_labels import parse_label_rule

    return options.accepted(text, parse_label_rule)


def parse_numbers(text: str) -> tuple[int, ...]:
    """Return the integers of "10,100,1000"."""
    try:
        return tuple(int(word.replace("_", "")) for word in text.split(",") if word.strip())
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a list of integers such as 10,100,1000.") from None


Dataset = Annotated[str | None, options.dataset_option(show_default="random points")]
Points = Annotated[
    int | None,
    options.data_option(
        "--n",
        min=1,
        metavar="N",
        help="Random points, or the first training rows.",
        show_default="1000, or all",
    ),
]
Features = Annotated[
    int | None,
    options.data_option("--d", min=1, metavar="D", help="Features of random points.", show_default="50"),
]
Labels = Annotated[
    str,
    options.data_option(
        metavar="random|signs|classes:C|real|true",
        help="Classes drawn uniformly (10, or the data set's); -1 and 1; C classes; normal numbers; as they are.",
        callback=check_labels,
    ),
]
Seed = Annotated[int, options.data_option(min=0, metavar="N", help="Of points, labels and direction.")]
Depth = Annotated[
    int | None,
    network_option(
        min=2,
        metavar="K",
        help="Weight layers: 2 (Theorem 1) or 3 to n (Corollary 1).",
        show_default="2",
    ),
]
Builder = Annotated[
    BuilderName,
    network_option(
        metavar="NAME",
        help="zhang: 2n+d weights; bubeck: 4 ceil(n/d) units; yun: 4 sqrt(n) units; vardi: bit extraction.",
    ),
]
Knots = Annotated[KnotRule, network_option(metavar="NAME", help="left, or midpoint (badly conditioned).")]
Direction = Annotated[
    DirectionRule,
    network_option(
        metavar="NAME",
        help="random, best (of 16), integer (exact, for bytes), principal; auto: integer for bytes, else random.",
    ),
]
Save = Annotated[
    Path | None, options.output_option(metavar="FILE", help="Write the network: .onnx or .safetensors.")
]

app = typer.Typer(invoke_without_command=True, rich_markup_mode="rich")


@app.callback()
def memorize(
    context: typer.Context,
    dataset: Dataset = None,
    data_dir: options.DataDir = None,
    offline: options.Offline = False,
    n: Points = None,
    d: Features = None,
    labels: Labels = "random",
    seed: Seed = 0,
    depth: Depth = None,
    builder: Builder = BuilderName.zhang,
    knots: Knots = KnotRule.left,
    direction: Direction = DirectionRule.auto,
    save: Save = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Build a ReLU network that fits any labels on any points, without training, and prove it.

    Exit code 1 where a label is not fitted or a count is not the theorem's; nothing is saved then.

    Without arguments: 1,000 random points in 50 dimensions with random classes, fitted with 2n + d weights.

    [bold]Examples[/bold]

      kernelgen memorize

      kernelgen memorize --n 2000 --d 784 --depth 42

      kernelgen memorize --dataset mnist --labels random --save mnist.safetensors

      kernelgen memorize --n 20000 --labels signs --save net.onnx --json

      kernelgen memorize sweep --n 10,100,1000 --output report
    """
    if context.invoked_subcommand is not None:
        sources = {name: context.get_parameter_source(name) for name in context.params}
        given = [
            name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"
        ]
        if given:
            word = context.invoked_subcommand
            raise typer.BadParameter(
                f"options of {word} go after it: kernelgen memorize {word} --n 10 --json"
            )
        return
    from kernelgen.experiments.memorize import MemorizeConfig, run_memorize

    config = MemorizeConfig(
        dataset=dataset,
        data_dir=None if data_dir is None else str(data_dir),
        offline=offline,
        n=n,
        d=d,
        labels=labels,
        depth=depth,
        builder=builder.value,
        knots=knots.value,
        direction=direction.value,
        seed=seed,
    )
    with printing_warnings(), loading(quiet=quiet) as load_progress, phases(quiet=quiet) as progress:
        record = run_memorize(config, progress=progress, load_progress=load_progress, save=save)
    if as_json:
        print_json(record.as_dict())
    else:
        print_network(record)
    if not record.holds:
        raise typer.Exit(1)


@app.command("sweep")
def sweep(
    n: Annotated[str, typer.Option("--n", metavar="N,N,...", help="Numbers of points.")] = "10,100,1000",
    d: Annotated[str, typer.Option("--d", metavar="D,D,...", help="Numbers of features.")] = "1,50,784",
    depths: Annotated[
        str,
        typer.Option(
            "--depth", metavar="K,K,...", help="Depths.", show_default="2, 3, n/8, n/2 and n of each n"
        ),
    ] = "",
    labels: Labels = "random",
    draws: Annotated[int, typer.Option(min=1, metavar="N", help="Seeds of each network.")] = 2,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="Write the record and the plots (SVG and PNG) there."
        ),
    ] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Check the theorem over a grid of points, features, depths and draws.

    Prints a table; with --output, also sweep.json and two plots: width and weights against k, error against n for
    each knot rule. Exit code 1 where the theorem does not hold for a network.

    [bold]Examples[/bold]

      kernelgen memorize sweep

      kernelgen memorize sweep --n 100,1000,10000 --d 784 --depth 2,3,12,102 --output report
    """
    from kernelgen.experiments.memorize_sweep import SweepConfig, run_sweep

    config = SweepConfig(
        n=parse_numbers(n), d=parse_numbers(d), depths=parse_numbers(depths), labels=labels, draws=draws
    )
    if output is not None:
        _check_output(output)
    with phases(quiet=quiet) as progress:

        def tell(done: int, total: int) -> None:
            if progress is not None:
                progress("networks", done / total)

        record = run_sweep(config, progress=tell).as_dict()
    files = [] if output is None else _write_sweep(record, output)
    if as_json:
        print_json(record)
    else:
        print_sweep(record, files)
    if not record["all_hold"]:
        raise typer.Exit(1)


def _check_output(folder: Path) -> None:
    """Refuse before the work what would fail after it."""
    from kernelgen.errors import DataError
    from kernelgen.report.figure import import_matplotlib

    import_matplotlib()
    if folder.exists() and not folder.is_dir():
        raise DataError(f"cannot write to {folder}: it is a file; --output names a folder")
    folder.mkdir(parents=True, exist_ok=True)


def _write_sweep(record: dict[str, Any], folder: Path) -> list[Path]:
    import json

    from kernelgen.arrays.whole_file import whole_file
    from kernelgen.report.memorize import write_sweep_plots

    path = folder / "sweep.json"
    with whole_file(path) as partial:
        partial.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n")
    return [path, *write_sweep_plots(record, folder)]
