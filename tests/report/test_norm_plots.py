"""The pictures show what the records say."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from kernelgen.errors import DataError, UsageError
from kernelgen.report.figure import check_plot_path, write_plot
from kernelgen.report.norm_plots import draw_curves, draw_trace


def test_a_curve_is_the_records() -> None:
    runs = [{"name": f"run {k}", "epoch": [0, 1], "distance": [1.0, 0.1**k]} for k in range(9)]
    axes = draw_curves({"runs": runs, "n": 2, "d": 3}).axes[0]
    found = {line.get_label(): list(line.get_ydata()) for line in axes.lines}
    assert found == {run["name"]: run["distance"] for run in runs}
    assert len({(line.get_color(), line.get_linestyle()) for line in axes.lines}) == len(runs)


def test_a_distance_of_zero_stays_in_the_picture() -> None:
    points = [SimpleNamespace(epoch=k, distance=0.0, span_distance=None, training_loss=1.0) for k in range(2)]
    lines = draw_trace(points).axes[0].lines
    assert len(lines) == 2  # what was not measured has no line
    assert min(lines[0].get_ydata()) > 0


def test_a_plot_is_svg_or_png_in_a_folder_that_is_there(tmp_path: Path) -> None:
    points = [SimpleNamespace(epoch=0, distance=1.0, span_distance=0.0, training_loss=1.0)]
    with pytest.raises(UsageError, match=r"\.svg or \.png"):
        check_plot_path(tmp_path / "plot.pdf")
    with pytest.raises(DataError, match="nowhere"):
        write_plot(draw_trace(points), tmp_path / "nowhere" / "plot.svg")
