"""``kernelgen reproduce kernels``: one row on MNIST where it is there, and what is said without data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command_line import Run
from kernelgen.cli.reproduce_kernels import print_plans
from kernelgen.experiments.kernel_table import random_conv_row
from kernelgen.experiments.solve import SolveConfig, prepare_solve
from kernelgen.experiments.solve_sweep import Sweep


def test_missing_data_are_named(run: Run) -> None:
    said = run("reproduce", "kernels", "--offline", "--no-plot", "--data-dir", ".", code=4).stderr
    assert "mnist" in said.lower()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--row", "imagenet"], "there are mnist-raw, mnist-gabor"),
        (["--filters", "1m"], "not a list of filters such as 256,1k,32k"),
        (["--filters", "1\N{SUPERSCRIPT TWO}"], "not a list of filters such as 256,1k,32k"),
        (["--ridge", "-1"], "ridge must be"),
        (["--scale", "huge"], "huge"),
    ],
)
def test_wrong_usage(run: Run, arguments: list[str], message: str) -> None:
    said = run("reproduce", "kernels", *arguments, code=2).stderr
    assert message in " ".join(said.replace("│", " ").split())


def test_a_row_on_mnist_is_kept_and_written(run: Run, tmp_path: Path, mnist_dir: Path) -> None:
    arguments = ["reproduce", "kernels", "--row", "mnist-raw", "--ridge", "0,0.01", "--offline", "--no-plot"]
    arguments += ["--data-dir", str(mnist_dir), "--output", "out"]
    plan = run(*arguments, "--plan").stdout
    assert "mnist-raw" in plan
    assert not (tmp_path / "out").exists()
    done = run(*arguments)
    assert "row 1 of 1: mnist-raw" in done.stderr
    (row,) = json.loads((tmp_path / "out" / "kernels.json").read_text())["rows"]
    assert [fit["ridge"] for fit in row["fits"]] == [0.0, 0.01]
    assert all(fit["test_error"] < 0.1 for fit in row["fits"])
    assert f"{100 * row['fits'][0]['test_error']:.2f} %" in (tmp_path / "out" / "kernels.md").read_text()
    (kept,) = (tmp_path / "out" / "rows").iterdir()
    stamp = kept.stat().st_mtime_ns
    run(*arguments)
    assert kept.stat().st_mtime_ns == stamp


def test_a_line_of_the_plan_fits_into_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    problem = prepare_solve(SolveConfig(features="randconv:filters=2000,patch=3,pool=3,stride=2"))
    print_plans([(random_conv_row(2560), problem, Sweep((0.0, 1.0), ("auto", "auto:2")))])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["row", "cifar10-randconv2560", "about"]
    assert lines[1].endswith("yes")
