"""Pictures of the paper's kernel table: error against the number of random filters, and ridge curves."""

from __future__ import annotations

from typing import Any

from kernelgen.report.figure import COLOURS, LINES, MARKERS, new_figure, style
from kernelgen.report.kernel_rows import chosen_fit, interpolant, ladder

PAPER_FILTERS = 32_000
PAPER_ERRORS = (("the paper, ridge 0", 17.0, "*"), ("the paper, with a ridge", 15.0, "P"))


def draw_kernels(record: dict[str, Any]) -> Any:
    """Left, CIFAR-10's test error against the number of filters; right, test error against the ridge, a line a row."""
    drawn, (left, right) = new_figure(2, width=6.0, height=4.4)
    with style():
        _draw_ladder(left, record["rows"])
        _draw_curves(right, record["rows"])
    return drawn


def _draw_ladder(axes: Any, rows: list[dict[str, Any]]) -> None:
    steps = ladder(rows)
    for k, (label, fit_of) in enumerate(
        (("ridge 0", interpolant), ("ridge chosen on held-out rows", chosen_fit))
    ):
        points = [(row["filters"], fit) for row in steps if (fit := fit_of(row)) is not None]
        points = [
            (filters, 100 * fit["test_error"]) for filters, fit in points if fit["test_error"] is not None
        ]
        if points:
            axes.plot(*zip(*points, strict=True), LINES[k] + MARKERS[k], color=COLOURS[k], label=label)
    for k, (label, error, marker) in enumerate(PAPER_ERRORS):
        axes.plot(
            [PAPER_FILTERS], [error], marker, color=COLOURS[k], markersize=10, linestyle="none", label=label
        )
    axes.set(xscale="log", xlabel="random filters", ylabel="test error (%)", ylim=(0, None))
    copy = "" if all(row["official"] for row in steps) else " (JPEG copy)"
    count = f", {steps[0]['fits'][0]['n_train']:,} images" if steps and steps[0]["fits"] else ""
    axes.set_title(f"CIFAR-10{copy}{count}")
    axes.legend()


def _draw_curves(axes: Any, rows: list[dict[str, Any]]) -> None:
    positive = sorted({fit["ridge"] for row in rows for fit in row["fits"] if fit["ridge"] > 0})
    zero = positive[0] / 10 if positive else 1e-5  # where ridge 0 stands on a logarithmic axis
    for k, row in enumerate(rows):
        fits = sorted(
            (fit for fit in row["fits"] if fit["test_error"] is not None), key=lambda fit: fit["ridge"]
        )
        axes.plot(
            [fit["ridge"] or zero for fit in fits],
            [100 * fit["test_error"] for fit in fits],
            LINES[k % len(LINES)] + MARKERS[k % len(MARKERS)],
            color=COLOURS[k % len(COLOURS)],
            label=row["what"],
        )
    axes.set(xscale="log", yscale="log", xlabel="ridge", ylabel="test error (%)")
    axes.set_xticks([zero, *positive], ["0", *(f"{ridge:g}" for ridge in positive)])
    axes.set_xticks([], minor=True)
    low, high = axes.get_ylim()
    ticks = [tick for tick in (0.2, 0.5, 1, 2, 5, 10, 20, 50) if low <= tick <= high]
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_yticks([], minor=True)
    axes.set_title("Every row")
    if rows:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, fontsize=8)
