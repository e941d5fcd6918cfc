"""The records of ``kernelgen sgd``, and SGD on MNIST's random Fourier features."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kernelgen.errors import UsageError
from kernelgen.experiments.double_descent import DoubleDescentConfig, random_feature_curve
from kernelgen.experiments.sgd import SGDRunConfig, run_sgd
from kernelgen.experiments.sgd_curves import SGDCurvesConfig, run_sgd_curves
from kernelgen.linear.config import SGDConfig


def test_digits_on_random_fourier_features(mnist_dir: Path) -> None:
    record = run_sgd(
        SGDRunConfig(
            dataset="mnist",
            data_dir=str(mnist_dir),
            n_train=500,
            n_test=500,
            features="random-fourier:2048",
            bandwidth=3.0,
            optimizer=SGDConfig(epochs=500, tol=1e-12),
        ),
        exact_span=True,
    )
    assert record.status == "converged"
    assert record.relative_distance_to_min_norm <= 1e-8
    assert record.span_distance <= 1e-12
    assert record.train_error == 0.0
    assert record.test_error < 0.5  # chance is 0.9; 2,048 features are a noisy picture of this kernel


def test_targets_that_cannot_be_fitted_are_said_so() -> None:
    record = run_sgd(SGDRunConfig(dataset="digits", n_train=200, optimizer=SGDConfig(epochs=3)))
    assert "no w fits all targets" in record.message
    assert f"{record.least_squares_residual:.3e}" in record.message
    assert record.rank < 64  # some pixels are always 0


def test_a_diverged_record_is_still_json() -> None:
    record = run_sgd(SGDRunConfig(n=20, d=50, optimizer=SGDConfig(step=1e30, epochs=3)))
    assert record.status == "diverged"
    json.dumps(record.as_dict(trace=True), allow_nan=False)


def test_the_same_seed_is_the_same_record() -> None:
    one, two = (run_sgd(SGDRunConfig(n=20, d=50, optimizer=SGDConfig(seed=5, epochs=20))) for _ in range(2))
    assert one.relative_distance_to_min_norm == two.relative_distance_to_min_norm
    assert one.norm == two.norm


def test_curves_all_go_down() -> None:
    record = run_sgd_curves(SGDCurvesConfig(epochs=30))
    for run in record["runs"]:
        assert run["distance"][-1] < 0.5 * run["distance"][0], run["name"]
        assert run["span_distance"] < 1e-13


def test_error_and_norm_peak_where_features_are_as_many_as_rows() -> None:
    points = random_feature_curve(DoubleDescentConfig(), 150)
    errors = [point["test_error"] for point in points]
    norms = [point["norm"] for point in points]
    ratios = np.array([point["n_features"] for point in points]) / 150
    assert 0.8 <= ratios[int(np.argmax(errors))] <= 1.2
    assert 0.8 <= ratios[int(np.argmax(norms))] <= 1.2
    assert errors[-1] < min(errors[:6])


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"features": "gabor"}, "those of a data set"),
        ({"n_train": 20}, "those of a data set"),
        ({"dataset": "digits", "n": 20}, "those of Gaussian rows"),
        ({"dataset": "digits", "d": 20}, "those of Gaussian rows"),
        ({"dataset": "digits", "bandwidth": 3.0}, "random-fourier:P"),
    ],
)
def test_what_would_be_ignored_is_refused(choice: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        SGDRunConfig(**choice)


def test_refusals() -> None:
    for choice, words in (
        ({"init": "one"}, "init"),
        ({"features": "random-fourier:x"}, "number of features"),
        ({"n": 0}, "n must be at least 1"),
        ({"bandwidth": 0.0}, "bandwidth must be"),
    ):
        with pytest.raises(UsageError, match=words):
            SGDRunConfig(**choice)
    with pytest.raises(UsageError, match="n_train is 5000"):
        run_sgd(SGDRunConfig(dataset="digits", n_train=5000))
    with pytest.raises(UsageError, match="scale"):
        SGDCurvesConfig(scale="huge")
