"""Every interpolant interpolates, and its norm says nothing about its test error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kernelgen.datasets.registry import load_dataset
from kernelgen.errors import DataError, UsageError
from kernelgen.experiments.norms import NormsConfig, run_norms
from kernelgen.kernels.gaussian import Gaussian
from kernelgen.report.norm_tables import norms_markdown
from kernelgen.solvers.cholesky import factorize


@pytest.fixture(scope="module")
def record() -> dict:
    return run_norms(NormsConfig())


def test_everything_interpolates(record: dict) -> None:
    for row in [*record["interpolants"], *record["features"], *record["bandwidths"]]:
        assert row["train_error"] == 0.0, row
        assert row["relative_residual"] < 1e-6, row


def test_norms_and_errors_are_in_no_order(record: dict) -> None:
    rows = {row["what"]: row for row in record["interpolants"]}
    true = rows["true labels"]
    assert true["test_error"] < 0.1
    assert rows["random labels"]["test_error"] > 0.8
    assert rows["wrong labels forced on the test set"]["test_error"] == 1.0
    assert min(rows[name]["norm"] for name in rows if name != "true labels") > true["norm"]
    near = rows["centers 1 bandwidth from the training points"]
    far = rows["centers 2 bandwidths from the training points"]
    assert near["norm"] > 1.5 * true["norm"]
    assert near["test_error"] < true["test_error"] + 0.03  # twice the norm, about the same error
    assert far["norm"] > 50 * true["norm"]
    assert far["test_error"] > 0.5
    assert near["norm"] < rows["random labels"]["norm"] < far["norm"]  # whose errors are in another order
    sweep = record["bandwidths"]
    norms = [row["norm"] for row in sweep]
    errors = [row["test_error"] for row in sweep]
    assert max(norms) > 3 * min(norms)
    best = min(errors)
    near = [norm for norm, error in zip(norms, errors, strict=True) if error < best + 0.02]
    assert max(near) > 2 * min(near)


def test_a_larger_norm_and_a_smaller_error_by_scattering(record: dict) -> None:
    rows = {row["what"]: row for row in record["features"]}
    assert set(rows) == {"pixels", "wavelet", "scattering"}
    assert rows["scattering"]["norm"] > 2 * rows["pixels"]["norm"]
    assert rows["scattering"]["test_error"] < rows["pixels"]["test_error"]


def test_the_norm_is_that_of_the_definition(record: dict) -> None:
    data = load_dataset("digits")
    X, y = data.X_train[:1000] / 16, data.y_train[:1000]
    K = Gaussian(record["bandwidth"])(X)
    Y = np.eye(10)[y]
    expected = np.sqrt(np.sum(Y * np.linalg.solve(K, Y)))
    assert record["interpolants"][0]["norm"] == pytest.approx(expected, rel=1e-6)


def test_markdown_has_every_row(record: dict) -> None:
    text = norms_markdown(record)
    for row in record["interpolants"]:
        assert f"| {row['what']} | {row['norm']:.5g} |" in text
    assert "converged" not in text


def test_markdown_tells_a_row_that_is_not_solved(record: dict) -> None:
    first, *others = record["interpolants"]
    lost = {**first, "relative_residual": 4e-3, "status": "not_converged"}
    text = norms_markdown({**record, "interpolants": [lost, *others]})
    line = next(line for line in text.splitlines() if line.startswith(f"| {first['what']} |"))
    assert line.endswith("| 4e-03 (not_converged) |")


def test_a_saved_factor_is_used_and_checked(tmp_path: Path, record: dict) -> None:
    data = load_dataset("digits")
    path = tmp_path / "factor.safetensors"
    factorize(data.X_train[:1000], Gaussian(record["bandwidth"]), scale=1 / 16).save(path)
    again = run_norms(NormsConfig(factor=str(path)))
    assert again["interpolants"][0]["norm"] == pytest.approx(record["interpolants"][0]["norm"], rel=1e-9)
    with pytest.raises(DataError, match="factor of 1000 points"):
        run_norms(NormsConfig(factor=str(path), bandwidth=9.0))


def test_refusals() -> None:
    for choice in ({"scale": "huge"}, {"bandwidth": -1.0}, {"features": "none"}, {"precision": "half"}):
        with pytest.raises(UsageError):
            NormsConfig(**choice)
