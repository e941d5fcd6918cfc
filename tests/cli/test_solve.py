"""``kernelgen solve``: its output, its JSON object and its files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from command_line import Run
from kernelgen.arrays.tensor_file import open_tensors
from kernelgen.cli.summary import print_record, print_sweep
from kernelgen.experiments.solve import SolveConfig, run_solve
from kernelgen.experiments.sweep_record import SweepRecord

KEYS = {
    *("dataset", "kernel", "bandwidth", "n_train", "n_test", "n_features", "test_error", "train_error"),
    *(
        "certificate",
        "seconds",
        "planned_bytes",
        "peak_bytes",
        "engine",
        "precision",
        "threads",
        "seed",
        "versions",
    ),
}
CERTIFICATE = {
    *("max_residual", "relative_residual", "min_pivot", "min_pivot_row", "condition_estimate", "rkhs_norm"),
}
SECONDS = {"gram", "factor", "solve", "refine", "predict", "total"}


def record(done) -> dict:
    return json.loads(done.stdout)  # one object and nothing else, or this fails


def test_without_arguments_the_digits_are_interpolated(run: Run) -> None:
    done = run("solve")
    for text in (
        "digits: n = 1,437",
        "phase",
        "test error",
        "train error      0.00 %",
        "residual",
        "peak memory",
    ):
        assert text in done.stdout, text


def test_json_is_one_object_with_the_fixed_keys(run: Run) -> None:
    done = run("solve", "--json")
    found = record(done)
    assert set(found) >= KEYS
    assert set(found["certificate"]) >= CERTIFICATE
    assert set(found["seconds"]) >= SECONDS
    assert found["train_error"] == 0.0
    assert 0.0 < found["test_error"] < 0.05
    assert found["certificate"]["relative_residual"] < 1e-10
    assert (found["dataset"], found["n_train"], found["n_test"], found["n_features"]) == (
        "digits",
        1437,
        360,
        64,
    )
    assert "digits" in done.stderr  # the plan is still shown to a person
    assert run("solve", "--json", "--quiet").stderr == ""


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--kernel", "laplacian", "--bandwidth", "2"], {"kernel": "laplacian", "bandwidth": 2.0}),
        (
            ["--kernel", "polynomial", "--degree", "4", "--normalize"],
            {"kernel": "polynomial", "bandwidth": None},
        ),
        (["--precision", "mixed", "--threads", "1"], {"precision": "mixed", "threads": 1}),
        (["--precision", "float32"], {"precision": "float32"}),
        (
            ["--engine", "portable", "--n-train", "300", "--n-test", "50"],
            {"engine": "portable", "n_test": 50},
        ),
        (["--labels", "random", "--seed", "3"], {"labels": "random", "seed": 3}),
        (["--labels", "corrupted:0.3"], {"labels": "corrupted:0.3", "train_error": 0.0}),
        (["--features", "pixels", "--memory-budget", "1GB", "--offline"], {"features": "pixels"}),
    ],
)
def test_options_are_heard(run: Run, arguments: list[str], expected: dict) -> None:
    found = record(run("solve", "--json", *arguments))
    assert {key: found[key] for key in expected} == expected


def test_random_labels_are_fitted_and_do_not_generalize(run: Run) -> None:
    found = record(run("solve", "--json", "--labels", "random"))
    assert found["train_error"] == 0.0
    assert found["test_error"] > 0.8


def test_a_ridge_is_another_problem_and_says_so(run: Run) -> None:
    assert "solved with ridge 0.5" in run("solve", "--ridge", "0.5").stdout


def test_the_same_seed_gives_the_same_numbers(run: Run) -> None:
    first, second = (
        record(run("solve", "--json", "--labels", "corrupted:0.5", "--seed", "5")) for _ in range(2)
    )
    assert first["certificate"] == second["certificate"]


def test_plan_solves_nothing(run: Run, slow_data: Path) -> None:
    done = run("solve", "--dataset", slow_data, "--plan")
    assert "factor" in done.stdout
    assert "test error" not in done.stdout
    plan = json.loads(run("solve", "--dataset", slow_data, "--plan", "--json").stdout)
    assert plan["n_samples"] == 9000
    assert plan["peak_bytes"] > 9000**2 / 2 * 4


def test_save_and_predict_agree(run: Run, tmp_path: Path) -> None:
    found = record(run("solve", "--json", "--save", "digits.safetensors"))
    tensors, metadata = open_tensors(tmp_path / "digits.safetensors")
    assert tensors["points"].dtype == np.uint8
    assert "solve" in metadata["command"]
    predicted = json.loads(run("predict", "digits.safetensors", "digits", "--json").stdout)
    assert predicted["error"] == pytest.approx(found["test_error"])
    assert len(predicted["predictions"]) == 360


def test_features_are_planned_solved_saved_and_predicted(run: Run, tmp_path: Path) -> None:
    spec = "gabor:pool=3,stride=1+standardize"
    plan = json.loads(run("solve", "--features", spec, "--plan", "--json").stdout)
    assert plan["phases"][0]["name"] == "features"
    assert plan["bandwidth"] is None
    done = run("solve", "--features", spec, "--bandwidth", "auto:2", "--save", "digits.safetensors")
    for text in (f"({spec})", "bandwidth auto:2 (from the features)", f"{spec}: {plan['n_features']:,}"):
        assert text in done.stdout, text
    found = record(run("solve", "--json", "--features", spec, "--bandwidth", "auto:2"))
    assert (found["features"], found["n_features"]) == (spec, plan["n_features"])
    predicted = json.loads(run("predict", "digits.safetensors", "digits", "--json").stdout)
    assert predicted["error"] == pytest.approx(found["test_error"])
    from sklearn.datasets import load_digits

    rows = load_digits().data[1437:1440]
    np.save(tmp_path / "rows.npy", rows)
    lines = run("predict", "digits.safetensors", "rows.npy", "--quiet").stdout.split()
    assert lines == [str(label) for label in predicted["predictions"][:3]]


def test_predict_reads_arrays_and_folders_and_writes_tables(run: Run, tmp_path: Path) -> None:
    from PIL import Image
    from sklearn.datasets import load_digits

    images = load_digits().images[1500:1503].astype(np.uint8)
    run("solve", "--quiet", "--save", "digits.safetensors")
    np.save(tmp_path / "rows.npy", images.reshape(3, 64))
    from_array = run("predict", "digits.safetensors", "rows.npy", "--quiet").stdout.split()
    (tmp_path / "scans").mkdir()
    for k, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / "scans" / f"{k}.png")
    assert run("predict", "digits.safetensors", "scans", "--quiet").stdout.split() == from_array
    run("predict", "digits.safetensors", "rows.npy", "--output", "labels.csv")
    lines = (tmp_path / "labels.csv").read_text().split()
    assert [line.split(",")[1] for line in lines[1:]] == from_array


def test_info_tells_what_is_used(run: Run) -> None:
    found = json.loads(run("info", "--json").stdout)
    assert found["engines"].keys() >= {"native", "portable", "cuda"}
    assert found["simd"]
    assert found["blas"]
    assert "engine cuda" in run("info").stdout


def test_help_has_examples(run: Run) -> None:
    assert "kernelgen solve" in run("--help").stdout
    assert "--dataset mnist" in run("solve", "--help").stdout
    assert run("--version").stdout.startswith("kernelgen ")


def test_a_list_of_ridges_is_one_table_and_one_object(run: Run) -> None:
    arguments = ["solve", "--n-train", "400", "--ridge", "0,0.1", "--bandwidth", "auto, auto:2"]
    found = record(run(*arguments, "--json", "--quiet"))
    assert [fit["ridge"] for fit in found["fits"]] == [0.0, 0.1]
    assert set(found["fits"][0]) >= KEYS
    assert found["choice"]["by"] == "held-out"
    assert len(found["choice"]["tried"]) == 4
    assert found["errors"][found["chosen"]] == min(found["errors"])
    shown = run(*arguments)
    assert "2 fits, each with a factor of its own" in shown.stdout
    assert "chosen by the training set alone (80 of its rows held out):" in " ".join(shown.stdout.split())
    assert shown.stdout.splitlines()[-1] == found["fits"][found["chosen"]]["command"]  # in one line
    every = record(run(*arguments, "--choose", "none", "--json"))
    assert len(every["fits"]) == 4
    assert every["chosen"] is None


def test_leave_one_out_errors(run: Run) -> None:
    found = record(run("solve", "--n-train", "300", "--leave-one-out", "--json"))
    assert 0 < found["leave_one_out_error"] < 0.1
    assert 0 <= found["inverse_error"] < 1e-6  # 300 rows are factored in float64
    assert "(K^-1)_ii within" in run("solve", "--n-train", "300", "--leave-one-out").stdout
    single = record(run("solve", "--n-train", "300", "--leave-one-out", "--precision", "float32", "--json"))
    assert single["inverse_error"] is None
    assert single["leave_one_out_error"] is not None
    names = [phase["name"] for phase in record(run("solve", "--leave-one-out", "--plan", "--json"))["phases"]]
    assert names == ["factor", "solve", "refine", "left out", "predict"]
    among = record(
        run("solve", "--n-train", "300", "--ridge", "0,1", "--choose", "leave-one-out", "--json", "--quiet")
    )
    assert among["errors"][0] == found["leave_one_out_error"]
    shown = run("solve", "--n-train", "300", "--ridge", "0,1", "--choose", "leave-one-out", "--quiet").stdout
    assert "off by: largest relative error found of (K^-1)_ii" in " ".join(shown.split())
    chosen = record(run("solve", "--n-train", "300", "--choose", "leave-one-out", "--json"))
    assert chosen["leave_one_out_error"] == found["leave_one_out_error"]  # with nothing to choose, too


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--ridge", "0,x"], "not a number, nor several with commas"),
        (["--ridge", "0,-1"], "ridge must be"),
        (["--ridge", ""], "not a number"),
        (["--ridge", "0,0"], "names a value twice"),
        (["--ridge", "0,-0"], "names a value twice: 0.0, 0.0"),
        (["--bandwidth", "auto,-2"], "bandwidth"),
        (["--ridge", "0,1", "--save", "model"], "choose first"),
        (["--ridge", "0,1", "--leave-one-out"], "--choose leave-one-out"),
        (["--kernel", "linear", "--ridge", "1,2", "--bandwidth", "1,2"], "has no bandwidth"),
        (["--choose", "test-set"], "test-set"),
    ],
)
def test_lists_that_make_no_sense(run: Run, arguments: list[str], message: str) -> None:
    said = run("solve", *arguments, code=2).stderr
    assert message in " ".join(said.replace("│", " ").split())


def test_a_tolerance_that_cannot_be_met_says_what_was_reached_and_a_larger_one_solves(run: Run) -> None:
    arguments = ["solve", "--n-train", "300", "--bandwidth", "3", "--precision", "mixed"]
    assert "tolerance 1.00e-18" in run(*arguments, "--tol", "1e-18", code=3).stderr
    loose = record(run(*arguments, "--tol", "1e-4", "--json"))
    tight = record(run(*arguments, "--json"))
    assert tight["certificate"]["relative_residual"] < 1e-10
    assert loose["certificate"]["relative_residual"] < 1e-4
    assert loose["iterations"] < tight["iterations"]
    assert "--tol 0.0001" in loose["command"]
    assert "tol must be" in run("solve", "--tol", "0", code=2).stderr


def test_a_copy_of_a_data_set_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Numbers are pasted without the warning that went to stderr."""
    record = run_solve(SolveConfig(n_train=100))
    print_record(record)
    assert "official" not in capsys.readouterr().out
    copy = replace(record, data={**record.data, "official": False})
    print_record(copy)
    print_sweep(SweepRecord((copy,), (None,), None, {"by": "none"}, ()))
    assert capsys.readouterr().out.count("digits (not the official files)") == 2
