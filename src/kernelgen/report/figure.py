"""One look for all plots, and files that appear whole or not at all."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from kernelgen.arrays.whole_file import check_destination, whole_file
from kernelgen.errors import PackageMissing, UsageError

FORMATS = ("svg", "png")

# Okabe and Ito's palette, which colour-blind readers can tell apart; its yellow, which vanishes on white, left out.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
LINES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
STYLE = {
    "axes.grid": True,
    "axes.prop_cycle": f"cycler('color', {list(COLOURS)})",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "grid.alpha": 0.3,
    "legend.frameon": False,
    "svg.hashsalt": "kernelgen",  # the same picture is the same bytes
}


def import_matplotlib() -> Any:
    """The matplotlib package, drawing to files only, or PackageMissing."""
    try:
        import matplotlib as mpl
        import matplotlib.figure
    except ImportError as error:
        raise PackageMissing(f'plots need the plot extra: pip install "kernelgen[plot]" ({error})') from error
    return mpl


def style() -> AbstractContextManager[None]:
    """The look, for what is drawn within."""
    settings: AbstractContextManager[None] = import_matplotlib().rc_context(STYLE)
    return settings


def new_figure(columns: int = 1, *, width: float = 5.2, height: float = 3.6) -> tuple[Any, Any]:
    """A figure and its axes, side by side, without any window."""
    mpl = import_matplotlib()
    with style():
        figure = mpl.figure.Figure(figsize=(width * columns, height))
        axes = figure.subplots(1, columns)
    return figure, axes


def check_plot_path(path: Path) -> Path:
    """The path, if its suffix names a format and it can be written; UsageError or DataError otherwise."""
    if path.suffix[1:] not in FORMATS:
        raise UsageError(f"a plot is written as {' or '.join('.' + kind for kind in FORMATS)}, got {path}")
    check_destination(path)
    return path


def write_figure(figure: Any, folder: Path, name: str) -> list[Path]:
    """Write ``name.svg`` and ``name.png``."""
    return [write_plot(figure, folder / f"{name}.{kind}") for kind in FORMATS]


def write_plot(figure: Any, path: Path) -> Path:
    """Write one file, in the format of its suffix, under a temporary name first.

    Raises
    ------
    UsageError
        The suffix is not that of a format.
    DataError
        The folder cannot be written to.
    """
    kind = check_plot_path(path).suffix[1:]
    metadata = {"Date": None} if kind == "svg" else {}
    with whole_file(path) as partial, style():
        figure.savefig(partial, format=kind, dpi=150, metadata=metadata)
    return path
