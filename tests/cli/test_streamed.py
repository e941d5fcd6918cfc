"""``kernelgen solve --features randconv...``: streamed, planned, resumed; what it cannot do is said first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command_line import Run

SPEC = "randconv:filters=60,patch=3,pool=3,stride=2,bias=0.1"


def record(done) -> dict:
    return json.loads(done.stdout)


def test_random_convolutions_interpolate_the_digits(run: Run) -> None:
    found = record(run("solve", "--features", SPEC, "--bandwidth", "auto:2", "--json"))
    assert found["train_error"] == 0.0
    assert found["test_error"] < 0.05
    assert found["n_features"] == 60 * 2 * 9
    assert found["feature_parameters"]["recipe"] == "coates_ng"
    assert found["certificate"]["relative_residual"] < 1e-10
    assert found["peak_bytes"] <= found["planned_bytes"] + 2e7  # libraries loaded on the way
    assert set(found["seconds"]) >= {"features", "gram", "factor", "refine", "predict", "bandwidth", "total"}


def test_the_linear_kernel_predicts_in_the_primal(run: Run) -> None:
    found = record(run("solve", "--features", SPEC, "--kernel", "linear", "--ridge", "0.1", "--json"))
    assert found["test_error"] < 0.05
    assert found["ridge"] == 0.1
    assert "rank at most" in run("solve", "--features", SPEC, "--kernel", "linear", code=3).stderr


def test_the_plan_streams(run: Run) -> None:
    plan = json.loads(
        run("solve", "--features", "randconv32k:patch=3,pool=3,stride=2", "--plan", "--json").stdout
    )
    assert [phase["name"] for phase in plan["phases"]] == ["features", "gram", "factor", "refine", "predict"]
    assert plan["n_features"] == 32_000 * 18
    assert plan["peak_bytes"] < 0.7e9  # one block of features at a time; stored, they would take 3.3 GB
    filters = "randconv:filters={},patch=3,pool=3,stride=2"
    for count in (4, 32_000):
        told = run("solve", "--features", filters.format(count), "--plan").stdout
        assert ("1 block of 4 filters" if count == 4 else f"{plan['phases'][1]['blocks']} blocks of ") in told
    assert "block" not in run("solve", "--plan").stdout
    assert (
        "over the memory budget" in run("solve", "--features", SPEC, "--memory-budget", "5MB", code=5).stderr
    )


def test_a_run_can_go_on_from_its_file(run: Run, tmp_path: Path) -> None:
    arguments = ["solve", "--features", SPEC, "--json", "--resume", "products.safetensors"]
    first, second = record(run(*arguments)), record(run(*arguments))
    assert (tmp_path / "products.safetensors").exists()
    assert first["certificate"] == second["certificate"]
    assert "not a checkpoint of this problem" in run(*arguments, "--n-train", "500", code=2).stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--features", SPEC, "--save", "model"], "streamed features is not saved"),
        (["--features", SPEC, "--engine", "portable"], 'not in "portable"'),
        (["--resume", "x"], "not streamed"),
        (["--features", "randconv256:patch=9"], "patch of side 9 does not fit in images of 8 x 8"),
        (["--features", "randconv0"], "filters must be at least 1"),
    ],
)
def test_what_cannot_be_is_said_first(run: Run, arguments: list[str], message: str) -> None:
    said = run("solve", *arguments, code=2).stderr
    assert message in " ".join(said.replace("│", " ").split())
