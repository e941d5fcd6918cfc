"""``kernelgen sgd`` and ``kernelgen reproduce``: JSON, files, exit codes."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from command_line import Run

KEYS = {
    *(
        "status",
        "epochs",
        "relative_residual",
        "relative_distance_to_min_norm",
        "relative_distance_to_projection",
    ),
    *("span_distance", "norm", "min_norm", "train_error", "test_error", "seconds"),
}
needs_matplotlib = pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None, reason="needs matplotlib, the plot extra"
)


def test_json_has_the_fixed_keys_and_the_distance_is_small(run: Run) -> None:
    found = json.loads(run("sgd", "--n", 50, "--d", 200, "--json").stdout)
    assert set(found) >= KEYS
    assert found["status"] == "converged"
    assert found["relative_distance_to_min_norm"] <= 1e-8
    assert found["relative_distance_to_projection"] is None
    assert found["span_distance"] <= 1e-13
    assert found["norm"] == pytest.approx(found["min_norm"], rel=1e-8)


def test_from_a_random_start_it_is_the_projection(run: Run) -> None:
    found = json.loads(
        run("sgd", "--n", 50, "--d", 200, "--init", "random", "--batch", 5, "--step", "1/L", "--momentum", 0.5,
            "--tol", "1e-12", "--json").stdout
    )  # fmt: skip
    assert found["relative_distance_to_projection"] <= 1e-8
    assert found["relative_distance_to_min_norm"] > 0.5
    assert found["norm"] > found["min_norm"]


def test_a_data_set_and_its_trace(run: Run, tmp_path: Path) -> None:
    done = run(
        "sgd", "--dataset", "digits", "--features", "random-fourier:600", "--bandwidth", 2, "--n-train", 100,
        "--trace", "out.jsonl", "--epochs", 30, "--exact-span",
    )  # fmt: skip
    assert "to minimum norm" in done.stdout
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == list(range(31))
    assert max(line["span_distance"] for line in lines) <= 1e-13
    assert lines[-1]["test_error"] < 0.3


def test_quiet_has_no_progress(run: Run) -> None:
    words = ("sgd", "--n", 500, "--d", 2000, "--epochs", 1500, "--tol", 0)
    told, silent = run(*words), run(*words, "--quiet")
    assert "epochs       100 %" in told.stderr
    assert silent.stderr == ""
    assert "to minimum norm" in silent.stdout


def test_divergence_is_an_exit_code_and_names_a_step(run: Run) -> None:
    done = run("sgd", "--n", 20, "--d", 50, "--step", 5, "--json", code=3)
    assert json.loads(done.stdout)["status"] == "diverged"
    assert "converges (1/L of these rows)" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("--step", "huge"),
        ("--momentum", "2"),
        ("--features", "random-fourier"),
        ("--plot", "x.pdf"),
        ("--init", "one"),
    ],
)
def test_wrong_usage(run: Run, words: tuple[str, str]) -> None:
    run("sgd", "--n", 5, "--d", 9, *words, code=2)


@needs_matplotlib
@pytest.mark.parametrize(
    "words", [("--trace", "none/out.jsonl"), ("--plot", "none/run.svg"), ("--trace", ".")]
)
def test_what_cannot_be_written_is_said_before_the_work(run: Run, words: tuple[str, str]) -> None:
    done = run("sgd", "--n", 100_000, "--d", 100_000, *words, code=4)  # far more than any memory
    assert f"cannot write {words[1]}" in done.stderr


@needs_matplotlib
def test_a_plot(run: Run, tmp_path: Path) -> None:
    run("sgd", "--n", 10, "--d", 30, "--plot", "run.svg")
    assert "<svg" in (tmp_path / "run.svg").read_text()


@needs_matplotlib
@pytest.mark.parametrize("what", ["norms", "sgd", "double-descent"])
def test_reproduce_writes_json_markdown_and_both_plots(run: Run, tmp_path: Path, what: str) -> None:
    extra = ["--epochs", "5"] if what == "sgd" else []
    done = run("reproduce", what, "--output", "out", *extra)
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert files - {"rows"} == {f"{what}.{suffix}" for suffix in ("json", "md", "svg", "png")}
    assert f"out/{what}.svg" in done.stdout
    record = json.loads((tmp_path / "out" / f"{what}.json").read_text())
    assert record["command"].startswith(f"kernelgen reproduce {what} --scale small")
    assert record["command"] in (tmp_path / "out" / f"{what}.md").read_text()
    assert (tmp_path / "out" / f"{what}.png").read_bytes()[:4] == b"\x89PNG"
