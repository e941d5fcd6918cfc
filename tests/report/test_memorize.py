from __future__ import annotations

import sys

import pytest

from kernelgen.errors import DataError, PackageMissing
from kernelgen.experiments.memorize_sweep import SweepConfig, run_sweep
from kernelgen.report.memorize import draw_error, draw_size, write_sweep_plots


@pytest.fixture(scope="module")
def record() -> dict:
    return run_sweep(SweepConfig(n=(8, 30), d=(2,), draws=2)).as_dict()


def test_lines_are_the_records(record: dict) -> None:
    left, right = draw_size(record["cells"]).axes
    lines = {line.get_label(): line for line in left.lines}
    rows = {cell["depth"]: cell["width"] for cell in record["cells"] if cell["n_samples"] == 30}
    assert lines["n = 30"].get_xdata().tolist() == sorted(rows)
    assert lines["n = 30"].get_ydata().tolist() == [rows[depth] for depth in sorted(rows)]
    errors = draw_error(record["errors"]).axes[1]
    assert {text.get_text() for text in draw_error(record["errors"]).axes[0].get_legend().get_texts()} == {
        "left knots",
        "midpoint knots",
    }
    assert errors.get_ylabel() == "largest |weight|"
    assert right.get_xlabel() == "depth k"


def test_the_same_record_gives_the_same_files(record: dict, tmp_path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, again = (write_sweep_plots(record, tmp_path / name) for name in "ab")
    assert [path.name for path in first] == [path.name for path in again]
    svg = [path for path in first if path.suffix == ".svg"]
    assert svg
    assert all(path.read_bytes() == (tmp_path / "b" / path.name).read_bytes() for path in svg)
    assert len(list((tmp_path / "a").iterdir())) == len(first)


def test_a_folder_that_is_not_there(record: dict, tmp_path) -> None:
    with pytest.raises(DataError, match="nowhere"):
        write_sweep_plots(record, tmp_path / "nowhere")


def test_without_matplotlib_the_extra_is_named(record: dict, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(PackageMissing, match=r"kernelgen\[plot\]"):
        write_sweep_plots(record, tmp_path)


def test_residuals_of_zero_leave_the_plot_empty(record: dict) -> None:
    errors = [row | {"literal_residual": 0.0} for row in record["errors"]]
    left = draw_error(errors).axes[0]
    assert all(len(line.get_xdata()) == 0 for line in left.lines)
