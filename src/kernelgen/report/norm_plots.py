"""Pictures of implicit regularization: convergence to the minimum norm, norms against errors, double descent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kernelgen.report.figure import COLOURS, LINES, MARKERS, new_figure, style

FLOOR = 1e-17  # zeros on a logarithmic axis


def draw_trace(points: Sequence[Any]) -> Any:
    """One run: distance to the solution, distance from the span, and training loss against the epoch."""
    drawn, axes = new_figure(width=6.4, height=4.2)
    with style():
        epochs = [point.epoch for point in points]
        for k, (name, label) in enumerate(
            (
                ("distance", "distance to the solution nearest to $w_0$ (relative)"),
                ("span_distance", "distance of $w - w_0$ from the span of the rows (relative)"),
                ("training_loss", "mean training loss"),
            )
        ):
            values = [getattr(point, name) for point in points]
            if None not in values:
                axes.semilogy(
                    epochs, [max(v, FLOOR) for v in values], LINES[k], color=COLOURS[k], label=label
                )
        axes.set(xlabel="epoch", ylabel="")
        axes.legend()
    return drawn


def draw_curves(record: dict[str, Any]) -> Any:
    """Distance to the minimum norm against the epoch, a line for each choice of step, batch and momentum."""
    drawn, axes = new_figure(width=7.5, height=4.6)
    with style():
        for k, run in enumerate(record["runs"]):
            axes.semilogy(
                run["epoch"],
                [max(value, FLOOR) for value in run["distance"]],
                LINES[k % len(LINES)],
                color=COLOURS[k % len(COLOURS)],
                label=run["name"],
            )
        axes.set(xlabel="epoch", ylabel=r"$|w - w_{\min}| \,/\, |w_{\min}|$")
        axes.set_title(f"SGD from 0 on {record['n']:,} Gaussian rows, {record['d']:,} features")
        axes.set_ylim(top=1e5)  # room for the legend
        axes.legend(ncols=2, loc="upper right")
    return drawn


def draw_norms(record: dict[str, Any]) -> Any:
    """Norm against test error for every interpolant; and norm and error against the bandwidth."""
    drawn, (left, right) = new_figure(2, height=4.2)
    with style():
        for k, row in enumerate(record["interpolants"]):
            left.plot(
                row["norm"],
                100 * row["test_error"],
                MARKERS[k % len(MARKERS)],
                color=COLOURS[k % len(COLOURS)],
                label=row["what"],
                markersize=9,
            )
        left.set(xscale="log", xlabel="norm of the interpolant", ylabel="test error (%)", ylim=(0, 105))
        left.set_title("Training error 0 for every one")
        left.legend(loc="center left")
        sweep = [row for row in record["bandwidths"] if "norm" in row]
        widths = [row["bandwidth"] for row in sweep]
        right.plot(widths, [row["norm"] for row in sweep], "-o", color=COLOURS[0])
        right.set(xscale="log", xlabel="bandwidth", ylim=(0, None))
        right.set_xticks(widths, [f"{width:.3g}" for width in widths])
        right.set_xticks([], minor=True)
        right.set_ylabel("norm", color=COLOURS[0])
        other = right.twinx()
        other.plot(widths, [100 * row["test_error"] for row in sweep], "--s", color=COLOURS[1])
        other.set_ylabel("test error (%)", color=COLOURS[1])
        other.set_ylim(0, 1.5 * max(100 * row["test_error"] for row in sweep))
        other.grid(visible=False)
        right.set_title("True labels, one data set")
    return drawn


def draw_double_descent(record: dict[str, Any]) -> Any:
    """Measured risk against the formula on Gaussian rows; test error and norm of random features on real ones."""
    drawn, (left, right) = new_figure(2, height=4.2)
    with style():
        for k, curve in enumerate(record["gaussian"]):
            grid = curve["formula"]
            left.plot(grid["ratio"], grid["risk"], "-", color=COLOURS[k], label=f"formula, {curve['name']}")
            left.plot(
                [point["ratio"] for point in curve["points"]],
                [point["risk"] for point in curve["points"]],
                MARKERS[k],
                color=COLOURS[k],
                label=f"measured, {curve['name']}",
            )
        left.axvline(1.0, color="0.6", linewidth=1)
        left.set(xscale="log", xlabel="features / rows", ylabel="excess risk", ylim=(0, record["shown_risk"]))
        left.set_title(f"Minimum-norm least squares, {record['n_gaussian']:,} Gaussian rows")
        left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2)  # the curves fill the axes
        points = record["random_features"]
        counts = [point["n_features"] for point in points]
        right.plot(counts, [100 * point["test_error"] for point in points], "-o", color=COLOURS[0])
        right.set(xscale="log", xlabel="random Fourier features", ylim=(0, 100))
        right.set_ylabel("test error (%)", color=COLOURS[0])
        other = right.twinx()
        other.semilogy(counts, [point["norm"] for point in points], "--s", color=COLOURS[1])
        other.set_ylabel("norm of the weights", color=COLOURS[1])
        other.grid(visible=False)
        right.axvline(record["n_rows"], color="0.6", linewidth=1)
        right.set_title(f"{record['dataset']}, {record['n_rows']:,} rows")
    return drawn
