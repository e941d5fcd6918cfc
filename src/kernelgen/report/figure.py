"""One look for all plots, and files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

from kernelgen.errors import DataError, PackageMissing

FORMATS = ("svg", "png")
STYLE = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "grid.alpha": 0.3,
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


def new_figure(columns: int = 1, *, width: float = 5.2, height: float = 3.6) -> tuple[Any, Any]:
    """A figure and its axes, side by side, without any window."""
    mpl = import_matplotlib()
    with mpl.rc_context(STYLE):
        figure = mpl.figure.Figure(figsize=(width * columns, height))
        axes = figure.subplots(1, columns)
    return figure, axes


def write_figure(figure: Any, folder: Path, name: str) -> list[Path]:
    """Write ``name.svg`` and ``name.png``, each under a temporary name first."""
    mpl = import_matplotlib()
    paths = []
    for kind in FORMATS:
        path = folder / f"{name}.{kind}"
        partial = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.partial")
        metadata = {"Date": None} if kind == "svg" else {}
        try:
            try:
                with mpl.rc_context(STYLE):
                    figure.savefig(partial, format=kind, dpi=150, metadata=metadata)
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)
        except OSError as error:
            raise DataError(f"cannot write {path}: {error.strerror}") from error
        paths.append(path)
    return paths
