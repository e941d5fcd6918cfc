"""The paper's table, row by row: on the digits in place of MNIST and CIFAR-10."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernelgen.errors import BudgetExceeded, DataMissing, EngineUnavailable, UsageError
from kernelgen.experiments import kernel_table
from kernelgen.experiments.kernel_table import (
    ROWS,
    KernelTableConfig,
    Scale,
    TableRow,
    plan_kernel_table,
    planned_seconds,
    run_kernel_table,
)
from kernelgen.experiments.solve import SolveConfig
from kernelgen.features.registry import make_features
from kernelgen.report.kernel_plots import draw_kernels
from kernelgen.report.kernel_tables import kernels_markdown


def random_conv_row(filters: int) -> TableRow:
    features = f"randconv:filters={filters},patch=3,pool=3,stride=2,bias=0.1"
    return TableRow(
        f"digits-randconv{filters}",
        f"digits, {filters} random filters",
        SolveConfig(features=features),
        ("auto", "auto:3"),
        filters=filters,
    )


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows on data that are always here."""
    rows = (TableRow("digits-raw", "digits, pixels", SolveConfig(), paper="1.2"),)
    monkeypatch.setattr(kernel_table, "ROWS", rows)
    monkeypatch.setattr(kernel_table, "SCALES", {"small": Scale(400, 100, (16, 48))})
    monkeypatch.setattr(kernel_table, "random_conv_row", random_conv_row)


@pytest.mark.usefixtures("small")
def test_every_row_has_a_ridge_curve_and_an_interpolant(tmp_path: Path) -> None:
    record = run_kernel_table(KernelTableConfig(ridges=(0.0, 0.01)))
    assert [row["name"] for row in record["rows"]] == ["digits-raw", "digits-randconv16", "digits-randconv48"]
    assert record["failed"] == []
    for row in record["rows"]:
        assert [fit["ridge"] for fit in row["fits"]] == [0.0, 0.01]
        assert row["fits"][0]["train_error"] == 0
        assert row["choice"]["by"] == "held-out"
        assert None not in row["errors"]
    text = kernels_markdown(record)
    for row in record["rows"]:
        assert f"| {row['what']} * |" in text  # the digits have no official files to compare with
        for fit in row["fits"]:
            assert f"{100 * fit['test_error']:.2f} %" in text
    left, right = draw_kernels(record).axes
    found = {line.get_label(): line.get_xydata().tolist() for line in left.lines}
    assert found["ridge 0"] == [
        [row["filters"], 100 * row["fits"][0]["test_error"]] for row in record["rows"][1:]
    ]
    assert found["the paper, ridge 0"] == [[32_000, 17.0]]
    assert {line.get_label() for line in right.lines} == {row["what"] for row in record["rows"]}


@pytest.mark.usefixtures("small")
def test_a_run_that_was_stopped_makes_only_what_is_missing(tmp_path: Path) -> None:
    config = KernelTableConfig(ridges=(0.0,))
    told: list[str] = []

    def stop_at_the_second_row(message: str) -> None:
        told.append(message)
        if len(told) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_kernel_table(config, keep=tmp_path, tell=stop_at_the_second_row)
    (first,) = tmp_path.iterdir()
    stamp = first.stat().st_mtime_ns
    whole = run_kernel_table(config, keep=tmp_path)
    assert first.stat().st_mtime_ns == stamp
    assert len(list(tmp_path.iterdir())) == 3
    assert run_kernel_table(config, keep=tmp_path) == whole  # the seconds of the rows too: nothing was made
    other = run_kernel_table(KernelTableConfig(ridges=(0.0, 0.1), rows=("digits-raw",)), keep=tmp_path)
    assert len(other["rows"][0]["fits"]) == 2


@pytest.mark.usefixtures("small")
def test_products_are_kept_where_asked(tmp_path: Path) -> None:
    config = KernelTableConfig(ridges=(0.0,), filters=(16,), products=str(tmp_path / "products"))
    one = run_kernel_table(config)
    (path,) = (tmp_path / "products").iterdir()
    assert path.name == "digits-randconv16-small.safetensors"
    stamp = path.stat().st_mtime_ns
    again = run_kernel_table(config)
    assert path.stat().st_mtime_ns == stamp
    assert [row["fits"][0]["certificate"] for row in one["rows"]] == [
        row["fits"][0]["certificate"] for row in again["rows"]
    ]


@pytest.mark.usefixtures("small")
def test_a_row_that_does_not_fit_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    failures = []
    record = run_kernel_table(
        KernelTableConfig(ridges=(0.0,), memory_budget="3.5MB"), keep=tmp_path, unsolved=failures.append
    )
    assert [row["name"] for row in record["rows"]] == ["digits-raw"]
    assert {each["name"] for each in record["failed"]} == {"digits-randconv16", "digits-randconv48"}
    assert {type(error) for error in failures} == {BudgetExceeded}
    assert len(list(tmp_path.iterdir())) == 1
    assert "Not solved" in kernels_markdown(record)
    draw_kernels(record)


@pytest.mark.usefixtures("small")
def test_an_engine_that_cannot_run_a_row_is_told_beside_the_plans_of_the_others() -> None:
    config, failures = KernelTableConfig(ridges=(0.0,), engine="portable"), []
    assert [row.name for row, _, _ in plan_kernel_table(config, failures.append)] == ["digits-raw"]
    assert len(failures) == 2
    with pytest.raises(EngineUnavailable):
        list(plan_kernel_table(config))


def test_a_norm_that_is_not_finite_is_said_so() -> None:
    certificate = {"rkhs_norm": None, "relative_residual": None}
    fit = {"ridge": 0.0, "bandwidth": None, "test_error": 0.5, "train_error": 0.0, "certificate": certificate}
    fit |= {
        "n_train": 9,
        "n_features": 2,
        "seconds": {"total": 1.0},
        "engine": "native",
        "precision": "float32",
    }
    row = {"what": "a row", "official": True, "paper": "", "fits": [fit], "errors": [None], "unsolved": []}
    record = {"rows": [{**row, "chosen": None}], "failed": [], "scale": "small", "command": "", "seconds": 1}
    assert kernels_markdown(record).count("not finite") == 3


@pytest.mark.usefixtures("small")
def test_a_row_that_failed_leaves_nothing_in_memory() -> None:
    """Its error is kept until the end: without the frames, which hold features and factors."""
    failures: list[Exception] = []
    record = run_kernel_table(KernelTableConfig(ridges=(0.0,), memory_budget="1kB"), unsolved=failures.append)
    draw_kernels(record)  # an empty picture, and no warning
    assert [error.__traceback__ for error in failures] == [None] * 3


@pytest.mark.usefixtures("small")
def test_the_plan_of_a_row_counts_its_fits() -> None:
    one, more = (
        list(plan_kernel_table(KernelTableConfig(ridges=ridges))) for ridges in ((0.0,), (0.0, 0.1, 1.0))
    )
    assert [sweep.n_fits for _, _, sweep in more] == [3, 3, 3]
    for (_, problem, sweep), (_, _, sweep_of_one) in zip(more, one, strict=True):
        assert planned_seconds(problem, sweep_of_one) < planned_seconds(problem, sweep)
        assert planned_seconds(problem, sweep) < 3.001 * planned_seconds(problem, sweep_of_one)


def test_the_rows_of_the_paper() -> None:
    names = [row.name for row in KernelTableConfig(scale="full").table_rows()]
    assert names == [row.name for row in ROWS] + [
        f"cifar10-randconv{size}" for size in ("256", "1k", "2k", "4k")
    ]
    for row in KernelTableConfig(scale="full", filters=(32_000,)).table_rows():
        make_features(row.solve.features)
        assert row.solve.command().startswith("kernelgen solve --dataset ")


def test_missing_data_are_told_before_any_work(tmp_path: Path) -> None:
    told: list[str] = []
    with pytest.raises(DataMissing):
        run_kernel_table(KernelTableConfig(data_dir=str(tmp_path), offline=True), tell=told.append)
    assert told == []


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"scale": "huge"}, "scale"),
        ({"rows": ("mnist",)}, "there are mnist-raw"),
        ({"ridges": (0.0, 0.0)}, "twice"),
        ({"filters": (0,)}, "filters must be at least 1"),
        ({"filters": (16, 16)}, "twice"),
    ],
)
def test_refusals(choice: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        KernelTableConfig(**choice)


def test_the_command_says_what_was_asked() -> None:
    config = KernelTableConfig(
        rows=("mnist-raw",), ridges=(0.0, 0.1234567), filters=(256, 2000), precision="mixed"
    )
    assert config.command() == (
        "kernelgen reproduce kernels --scale small --row mnist-raw --ridge 0,0.1234567 --filters 256,2k "
        "--precision mixed --seed 0"
    )
