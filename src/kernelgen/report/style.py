"""How every plot looks: readable labels, colours that colour-blind readers can tell apart, SVG and PNG."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kernelgen.errors import KernelgenError, UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's palette, without its yellow, which vanishes on white; order: most different first.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
LINES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
SUFFIXES = (".svg", ".png")

SETTINGS: dict[str, Any] = {
    "font.size": 12,
    "axes.labelsize": 13,
    "axes.titlesize": 13,
    "legend.fontsize": 10.5,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 2.0,
    "lines.markersize": 6.0,
    "figure.dpi": 100,
    "savefig.dpi": 160,
    "svg.hashsalt": "kernelgen",  # the same record gives the same file
    "legend.frameon": False,
}


class PlotUnavailable(KernelgenError, ImportError):
    """matplotlib is not installed."""

    exit_code = 2


def check_available() -> None:
    """Raise PlotUnavailable, with what to install, where there is no matplotlib."""
    if importlib.util.find_spec("matplotlib") is None:
        raise PlotUnavailable('plots need matplotlib: pip install "kernelgen[plot]"')


@contextmanager
def figure(width: float = 7.0, height: float = 4.5, columns: int = 1) -> Iterator[tuple[Figure, Any]]:
    """Yield a figure in the house's style, without a display, and its axes (an array for several columns).

    Raises
    ------
    PlotUnavailable
        matplotlib is not there; the message says how to get it.
    """
    check_available()
    import matplotlib as mpl
    from matplotlib.figure import Figure

    settings: Any = SETTINGS
    with mpl.rc_context(settings):
        drawn = Figure(figsize=(width, height), layout="constrained")
        yield drawn, drawn.subplots(1, columns)


def save(drawn: Figure, path: Path) -> Path:
    """Write one file under a temporary name, then rename it."""
    check_plot_path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
    drawn.savefig(temporary, metadata=metadata)
    temporary.replace(path)
    return path


def save_both(drawn: Figure, stem: Path) -> list[Path]:
    """Write STEM.svg and STEM.png."""
    return [save(drawn, stem.with_name(stem.name + suffix)) for suffix in SUFFIXES]


def check_plot_path(path: Path) -> Path:
    """Return the path, if its suffix says how to draw."""
    if path.suffix not in SUFFIXES:
        raise UsageError(f"a plot is written as {' or '.join(SUFFIXES)}, got {path}")
    return path
