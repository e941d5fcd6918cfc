"""``kernelgen memorize``: its panel, its JSON object, its files, its errors and its sweep."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from command_line import Run


def test_without_arguments_random_points_are_memorized(run: Run) -> None:
    done = run("memorize")
    for text in ("n = 1,000, d = 50", "memorized", "2,050 tied", "2n + d = 2,050", "label errors", "exact"):
        assert text in done.stdout, text


def test_json_is_one_object(run: Run) -> None:
    done = run(
        "memorize", "--n", 200, "--d", 20, "--depth", 12, "--labels", "classes:7", "--seed", 3, "--json", "-q"
    )
    found = json.loads(done.stdout)
    assert done.stderr == ""
    assert (found["n_samples"], found["n_features"], found["depth"], found["width"]) == (200, 20, 12, 22)
    assert found["n_weights"]["nonzero"] <= found["n_weights"]["formula"] == 20 + 3 * 200 + 3 * 10 - 1
    assert (found["label_errors"], found["max_residual"], found["exact"]) == (0, 0.0, True)


@pytest.mark.parametrize("builder", ["bubeck", "yun", "vardi"])
def test_other_builders(run: Run, builder: str) -> None:
    found = json.loads(run("memorize", "--n", 100, "--builder", builder, "--json", "-q").stdout)
    assert (found["label_errors"], found["holds"]) == (0, True)


def test_a_data_set_with_its_own_labels(run: Run) -> None:
    done = run("memorize", "--dataset", "digits", "--labels", "true", "--direction", "best")
    assert "digits: n = 1,437, d = 64" in done.stdout


def test_the_onnx_file_has_every_label_right(run: Run, tmp_path: Path) -> None:
    import onnxruntime

    from kernelgen.experiments.memorize import MemorizeConfig, draw_sample

    run("memorize", "--n", 300, "--d", 6, "--seed", 1, "--save", "net.onnx")
    sample = draw_sample(MemorizeConfig(n=300, d=6, seed=1))
    session = onnxruntime.InferenceSession(str(tmp_path / "net.onnx"), providers=["CPUExecutionProvider"])
    found = session.run(["f"], {"z": sample.X.astype(np.float64)})[0]
    assert np.array_equal(np.rint(found[:, 0]), sample.y)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--n", "0"], 2, "--n"),
        (["--d", "0"], 2, "--d"),
        (["--depth", "1"], 2, "--depth"),
        (["--n", "5", "--depth", "6"], 2, "from 3 to the 5"),
        (["--json", "sweep", "--n", "10"], 2, "options of sweep go after it"),
        (["sweep", "--n", "10", "--d", "3", "--depth", "2,11"], 2, "no n of (10,) allows 11"),
        (["--labels", "lots"], 2, "classes:C"),
        (["--labels", "true"], 2, "data set"),
        (["--builder", "nobody"], 2, "nobody"),
        (["--knots", "midpoint", "--depth", "5"], 2, "depth 2"),
        (["--direction", "integer", "--dataset", "floats.npz"], 2, "uint8"),
        (["--dataset", "digits", "--d", "3"], 2, "its own"),
        (["--dataset", "nowhere.npz"], 4, "nowhere.npz"),
        (["--dataset", "bad.npz"], 4, "NaN"),
        (["--dataset", "twice.npz", "--labels", "true"], 4, "rows 1 and 2"),
        (["--save", "net.txt"], 2, ".safetensors"),
        (["--save", "no/net.onnx"], 4, "no folder"),
        (["--builder", "vardi", "--n", "50", "--save", "net.onnx"], 2, "hundreds of bits"),
        (["sweep", "--n", "ten"], 2, "ten"),
        (["sweep", "--n", "0"], 2, "positive"),
    ],
)
def test_errors_name_the_cause(run: Run, tmp_path: Path, arguments: list[str], code: int, words: str) -> None:
    X = np.arange(12.0).reshape(6, 2)
    common = {"X_test": X, "y_test": np.zeros(6, dtype=int)}
    np.savez(tmp_path / "floats.npz", X_train=X, y_train=np.arange(6), **common)
    np.savez(tmp_path / "bad.npz", X_train=np.where(X == 3, np.nan, X), y_train=np.arange(6), **common)
    np.savez(tmp_path / "twice.npz", X_train=X[[0, 1, 1]], y_train=[0, 1, 2], **common)
    before = sorted(tmp_path.iterdir())
    done = run("memorize", *arguments, code=code)
    assert words in done.stderr, done.stderr
    assert done.stdout == ""
    assert [path for path in sorted(tmp_path.iterdir()) if path.name != "cache"] == before


def test_a_sweep_prints_a_table_and_writes_plots(run: Run, tmp_path: Path) -> None:
    done = run("memorize", "sweep", "--n", "10,60", "--d", "3", "--draws", 1, "--output", "report")
    assert "holds for all 9 networks" in done.stdout
    names = {
        "sweep.json",
        "memorize-size.svg",
        "memorize-size.png",
        "memorize-error.svg",
        "memorize-error.png",
    }
    assert {path.name for path in (tmp_path / "report").iterdir()} == names
    assert (tmp_path / "report" / "memorize-size.png").read_bytes().startswith(b"\x89PNG")
    record = json.loads((tmp_path / "report" / "sweep.json").read_text())
    assert record["all_hold"]


def test_a_sweep_as_json(run: Run) -> None:
    done = run("memorize", "sweep", "--n", "12", "--d", "2", "--depth", "2,5", "--draws", 1, "--json", "-q")
    assert json.loads(done.stdout)["n_networks"] == 2


def test_help_has_examples(run: Run) -> None:
    assert "kernelgen memorize --n 2000 --d 784 --depth 42" in run("memorize", "--help").stdout
    assert "kernelgen memorize sweep --n 100" in run("memorize", "sweep", "--help").stdout
