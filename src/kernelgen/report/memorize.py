"""Plots of ``kernelgen memorize sweep``: width and weights against depth, error against n for each knot rule."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kernelgen.report.figure import new_figure, write_figure

Row = Mapping[str, Any]


def write_sweep_plots(record: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write the two plots of a sweep's record into a folder; returns the files.

    Raises
    ------
    PackageMissing
        matplotlib is not installed.
    DataError
        The folder cannot be written to.
    """
    return [
        *write_figure(draw_size(record["cells"]), folder, "memorize-size"),
        *write_figure(draw_error(record["errors"]), folder, "memorize-error"),
    ]


def draw_size(cells: Sequence[Row]) -> Any:
    """Width, and nonzero weights beyond d, against depth k; one line for each n, bounds dashed."""
    figure, (left, right) = new_figure(2)
    for k, n in enumerate(sorted({cell["n_samples"] for cell in cells})):
        rows = {cell["depth"]: cell for cell in cells if cell["n_samples"] == n}
        depths = sorted(rows)
        deep = [depth for depth in depths if depth > 2]
        colour = f"C{k}"
        left.loglog(
            depths, [rows[depth]["width"] for depth in depths], "o-", color=colour, label=f"n = {n:,}"
        )
        left.loglog(deep, [rows[depth]["width_bound"] for depth in deep], "--", color=colour, alpha=0.6)
        sizes = [_beyond_direction(rows[depth]) / n for depth in depths]
        right.semilogx(depths, sizes, "o-", color=colour, label=f"n = {n:,}")
        bounds = [(rows[depth]["formula"] - rows[depth]["n_features"]) / n for depth in depths]
        right.semilogx(depths, bounds, "--", color=colour, alpha=0.6)
    left.set(xlabel="depth k", ylabel="width", title="Width (dashed: the corollary's bound)")
    right.set(
        xlabel="depth k", ylabel="(weights - d) / n", title="Weights (dashed: the formula)", ylim=(0, None)
    )
    left.legend(frameon=False)
    return figure


def draw_error(errors: Sequence[Row]) -> Any:
    """Error of the layers applied one by one in float64, and the largest weight, against n for each knot rule."""
    figure, (left, right) = new_figure(2)
    for k, rule in enumerate(sorted({row["knots"] for row in errors})):
        for axes, name in ((left, "literal_residual"), (right, "max_abs_weight")):
            found: dict[int, list[float]] = {}
            for row in errors:
                if (
                    row["knots"] == rule and row[name]
                ):  # 0 and what overflowed have no place on a logarithmic axis
                    found.setdefault(row["n_samples"], []).append(row[name])
            sizes = sorted(found)
            dots = [(n, value) for n in sizes for value in found[n]]
            axes.loglog([n for n, _ in dots], [value for _, value in dots], ".", color=f"C{k}", alpha=0.5)
            medians = [statistics.median(found[n]) for n in sizes]
            axes.loglog(sizes, medians, "-", color=f"C{k}", label=f"{rule} knots")
    left.set(xlabel="n", ylabel="largest residual", title="Error, layer by layer in float64")
    right.set(xlabel="n", ylabel="largest |weight|", title="Weights")
    left.legend(frameon=False)
    return figure


def _beyond_direction(cell: Row) -> int:
    count = cell["tied"] if cell["depth"] == 2 else cell["nonzero"]
    return int(count) - int(cell["n_features"])
