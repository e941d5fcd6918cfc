"""What goes wrong is told in one block on stderr, with its own exit code and nothing half-written."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from command_line import Run
from kernelgen.estimators.model_file import VERSION


def save(path: Path, **arrays: object) -> Path:
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--bandwidth", "-1"], "bandwidth"),
        (["--bandwidth", "auto:0"], "auto:X"),
        (["--features", "gabr"], "pixels, gabor, wavelet"),
        (["--features", "gabor:pool=two"], "whole number"),
        (["--features", "scattering:scales=4"], "too small for scales=4"),
        (["--bandwidth", "wide"], "bandwidth"),
        (["--ridge", "-0.1"], "ridge"),
        (["--threads", "4096"], "4096"),
        (["--engine", "cuda"], "CUDA"),
        (["--n-train", "5000"], "1437|1,437"),
        (["--labels", "noisy"], "labels"),
        (["--labels", "corrupted:1.5"], "1.5"),
        (["--precision", "float16"], "float16"),
        (["--memory-budget", "much"], "much"),
        (["--kernel", "linear", "--bandwidth", "2"], "linear"),
        (["--no-such-flag"], "no-such-flag"),
    ],
)
def test_wrong_usage_is_2(run: Run, arguments: list[str], words: str) -> None:
    done = run("solve", *arguments, code=2)
    assert any(word in done.stderr for word in words.split("|")), done.stderr
    assert done.stdout == ""


def test_not_positive_definite_is_3_and_names_the_rows(run: Run, tmp_path: Path) -> None:
    X = np.random.default_rng(0).standard_normal((60, 3))
    X[30:] = X[7] + 1e-9 * X[30:]
    y = np.arange(60) % 2
    data = save(tmp_path / "near.npz", X_train=X, y_train=y, X_test=X[:4], y_test=y[:4])
    done = run("solve", "--dataset", data, "--bandwidth", "1", code=3)
    assert "the pivot of row" in done.stderr
    assert "nearest to it is row" in done.stderr
    assert "Try" in done.stderr


def test_more_rows_than_rank_is_3(run: Run) -> None:
    assert "rank at most" in run("solve", "--kernel", "linear", code=3).stderr


@pytest.mark.parametrize("command", [["--dataset", "mnist", "--offline"], ["--dataset", "nowhere.npz"]])
def test_missing_data_is_4(run: Run, command: list[str]) -> None:
    run("solve", *command, code=4)


def test_an_unknown_data_set_is_2(run: Run) -> None:
    assert "mnist" in run("solve", "--dataset", "minst", code=2).stderr


def test_damaged_mnist_is_4_and_names_the_file(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "mnist"
    folder.mkdir()
    for name, dims in (("train-images-idx3-ubyte", (5, 2, 2)), ("t10k-images-idx3-ubyte", (5, 2, 2))):
        (folder / name).write_bytes(bytes([0, 0, 8, 3]) + struct.pack(">3I", *dims) + bytes(7))
    for name in ("train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte"):
        (folder / name).write_bytes(bytes([0, 0, 8, 1]) + struct.pack(">I", 5) + bytes(5))
    assert "images-idx3-ubyte" in run("solve", "--dataset", "mnist", "--data-dir", folder, code=4).stderr


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_4_and_named(run: Run, tmp_path: Path, value: float) -> None:
    X = np.random.default_rng(0).standard_normal((20, 3))
    X[5, 2] = value
    data = save(
        tmp_path / "bad.npz", X_train=X, y_train=np.arange(20) % 2, X_test=X[:4], y_test=np.zeros(4, int)
    )
    assert "5" in run("solve", "--dataset", data, "--bandwidth", "1", code=4).stderr


def test_conflicting_labels_are_4_and_name_the_rows(run: Run, tmp_path: Path) -> None:
    X = np.random.default_rng(0).standard_normal((20, 3))
    X[9] = X[4]
    y = np.arange(20) % 2
    data = save(tmp_path / "same.npz", X_train=X, y_train=y, X_test=X[:4], y_test=y[:4])
    done = run("solve", "--dataset", data, "--bandwidth", "1", code=4)
    assert "4" in done.stderr
    assert "9" in done.stderr


def test_one_row_and_one_class_are_refused_clearly(run: Run, tmp_path: Path) -> None:
    X = np.eye(3)
    data = save(tmp_path / "one.npz", X_train=X, y_train=np.zeros(3, int), X_test=X, y_test=np.zeros(3, int))
    assert "class" in run("solve", "--dataset", data, "--bandwidth", "1", code=4).stderr
    assert "only one" in run("solve", "--n-train", "1", code=2).stderr


def test_over_budget_is_5_before_allocating_and_says_what_fits(run: Run, slow_data: Path) -> None:
    done = run("solve", "--dataset", slow_data, "--precision", "float64", "--memory-budget", "250MB", code=5)
    assert 'precision="mixed"' in done.stderr or "--precision mixed" in done.stderr
    done = run("solve", "--dataset", slow_data, "--memory-budget", "20MB", "--plan", code=5)
    assert "at most" in done.stderr


def test_a_model_of_another_version_and_a_damaged_one_are_4(run: Run, tmp_path: Path) -> None:
    run("solve", "--quiet", "--save", "model.safetensors")
    whole = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "short.safetensors").write_bytes(whole[:-100])
    assert "short.safetensors" in run("predict", "short.safetensors", "digits", code=4).stderr
    newer = whole.replace(f'"format_version": "{VERSION}"'.encode(), b'"format_version": "9"')
    assert newer != whole
    (tmp_path / "newer.safetensors").write_bytes(newer)
    assert "9" in run("predict", "newer.safetensors", "digits", code=4).stderr
    np.save(tmp_path / "narrow.npy", np.zeros((2, 63), np.uint8))
    assert "63" in run("predict", "model.safetensors", "narrow.npy", code=4).stderr


def test_a_model_that_cannot_be_written_is_refused_before_the_work(run: Run) -> None:
    run("solve", "--save", "no/such/folder/model.safetensors", code=4)
