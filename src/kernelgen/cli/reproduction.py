"""What the commands of ``kernelgen reproduce`` share: scales, and the files that each writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from kernelgen.cli.options import DATA, OUTPUT


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
    """Print the Markdown; write NAME.json, NAME.md and, with `draw`, NAME.svg and NAME.png; print the files' names."""
    from kernelgen.arrays.whole_file import whole_file
    from kernelgen.experiments.sgd import json_ready

    text = markdown(record)
    print(text, flush=True)  # whatever becomes of the files
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for suffix, content in ((".json", json.dumps(json_ready(record), indent=2) + "\n"), (".md", text)):
        path = folder / f"{name}{suffix}"
        with whole_file(path) as partial:
            partial.write_text(content, encoding="utf-8")
        paths.append(path)
    if draw is not None:
        from kernelgen.report.figure import write_figure

        paths += write_figure(draw(record), folder, name)
    for path in paths:
        print(path)
