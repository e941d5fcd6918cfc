"""Many ridges and bandwidths from one pass are the single solves; the choice is made without the test set."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kernelgen.datasets.registry import load_dataset
from kernelgen.errors import NotPositiveDefinite, UsageError
from kernelgen.estimators.targets import decode_scores, encode_labels, error_rate
from kernelgen.experiments.feature_points import layout_of
from kernelgen.experiments.held_out import split_sizes
from kernelgen.experiments.solve import SolveConfig, prepare_solve, run_solve
from kernelgen.experiments.solve_sweep import Sweep, SweepRecord, solve_sweep
from kernelgen.features.base import FeatureValues
from kernelgen.features.registry import make_features
from kernelgen.kernels.gaussian import Gaussian

STREAMED = "randconv:filters=48,patch=3,pool=3,stride=2,bias=0.1"
FEATURES = ["pixels", STREAMED]


def run(sweep: Sweep, **config: object) -> SweepRecord:
    return solve_sweep(prepare_solve(SolveConfig(ridge=min(sweep.ridges), **config)), sweep)


@pytest.mark.parametrize("features", FEATURES)
@pytest.mark.parametrize("kernel", ["gaussian", "linear"])
def test_every_fit_is_the_single_solve(features: str, kernel: str) -> None:
    ridges = (0.1, 1.0) if kernel == "linear" else (0.0, 0.1)
    bandwidths = ("auto",) if kernel == "linear" else ("auto", 3.0)
    record = run(Sweep(ridges, bandwidths, "none"), features=features, kernel=kernel, n_train=400)
    pairs = [(ridge, bandwidth) for ridge in ridges for bandwidth in bandwidths]
    assert [fit.ridge for fit in record.fits] == [ridge for ridge, _ in pairs]
    assert record.chosen is None
    for fit, (ridge, bandwidth) in zip(record.fits, pairs, strict=True):
        alone = run_solve(
            SolveConfig(features=features, kernel=kernel, n_train=400, ridge=ridge, bandwidth=bandwidth)
        )
        assert fit.certificate == alone.certificate
        assert fit.command == alone.command
        assert (fit.bandwidth, fit.test_error, fit.train_error) == (
            alone.bandwidth,
            alone.test_error,
            alone.train_error,
        )


def test_held_out_errors_are_those_of_the_first_rows() -> None:
    record = run(Sweep((0.0, 0.01), (1.0, 2.5)), n_train=500)
    data = load_dataset("digits")
    X, (classes, Y) = data.X_train[:500] / data.maximum, encode_labels(data.y_train[:500])
    n, m = split_sizes(500)
    assert (record.choice["n_train"], record.choice["n_held_out"]) == (n, m) == (400, 100)
    for each in record.choice["tried"]:
        kernel = Gaussian(each["bandwidth"])
        alpha = np.linalg.solve(kernel(X[:n]) + each["ridge"] * np.eye(n), Y[:n])
        scores = kernel(X[n : n + m], X[:n]) @ alpha
        assert each["error"] == error_rate(decode_scores(scores, classes), data.y_train[n : n + m])
    for k, ridge in enumerate((0.0, 0.01)):
        best = min((t for t in record.choice["tried"] if t["ridge"] == ridge), key=lambda t: t["error"])
        assert (record.fits[k].bandwidth, record.errors[k]) == (best["bandwidth"], best["error"])
    assert record.errors[record.chosen] == min(record.errors)


def test_streamed_rows_are_held_out_like_stored_ones() -> None:
    """Errors of the streamed choice, from features that are made and stored in the test."""
    record = run(Sweep((0.0, 0.01), (5.0, 15.0)), features=STREAMED, n_train=300)
    data = load_dataset("digits")
    layout = layout_of(data)
    X = FeatureValues(data.X_train[:300], 1 / data.maximum)
    Phi = make_features(STREAMED).fit(X, layout).apply(X).values.astype(np.float64)
    classes, Y = encode_labels(data.y_train[:300])
    n, m = split_sizes(300)
    for each in record.choice["tried"]:
        kernel = Gaussian(each["bandwidth"])
        alpha = np.linalg.solve(kernel(Phi[:n]) + each["ridge"] * np.eye(n), Y[:n])
        scores = kernel(Phi[n : n + m], Phi[:n]) @ alpha
        assert each["error"] == error_rate(decode_scores(scores, classes), data.y_train[n : n + m])


@pytest.mark.parametrize("features", FEATURES)
def test_leave_one_out_is_that_of_models_without_the_row(features: str) -> None:
    record = run(Sweep((0.0, 0.5), ("auto:2",), "leave-one-out"), features=features, n_train=60, n_test=5)
    for fit in record.fits:
        assert fit.leave_one_out_error is not None
        assert fit.command.endswith("--leave-one-out")
    assert record.errors == tuple(fit.leave_one_out_error for fit in record.fits)
    if features == "pixels":
        data = load_dataset("digits")
        X, y = data.X_train[:60] / data.maximum, data.y_train[:60]
        classes, Y = encode_labels(y)
        for fit in record.fits:
            missed = 0
            K = Gaussian(fit.bandwidth)(X)
            for i in range(60):
                others = np.delete(np.arange(60), i)
                alpha = np.linalg.solve(K[np.ix_(others, others)] + fit.ridge * np.eye(59), Y[others])
                missed += decode_scores(K[i : i + 1, others] @ alpha, classes)[0] != y[i]
            assert fit.leave_one_out_error == missed / 60


@pytest.mark.parametrize("features", FEATURES)
@pytest.mark.parametrize("choose", ["held-out", "leave-one-out"])
def test_the_test_labels_have_no_say(features: str, choose: str) -> None:
    problem = prepare_solve(SolveConfig(features=features, n_train=300))
    data = problem.data
    lied = replace(data, y_test=(data.y_test + 1) % 10)
    sweep = Sweep((0.0, 0.1, 3.0), ("auto", "auto:3"), choose)
    one, other = solve_sweep(problem, sweep), solve_sweep(replace(problem, data=lied), sweep)
    assert (one.chosen, one.errors, one.choice) == (other.chosen, other.errors, other.choice)
    assert [fit.test_error for fit in one.fits] != [fit.test_error for fit in other.fits]


@pytest.mark.parametrize("features", FEATURES)
def test_a_fit_without_a_factor_is_told_and_the_others_go_on(features: str) -> None:
    record = run(Sweep((0.0, 0.1), (1e6,), "none"), features=features, n_train=300)
    assert [fit.ridge for fit in record.fits] == [0.1]
    assert [each["ridge"] for each in record.unsolved] == [0.0]
    assert record.unsolved[0]["message"]


def test_nothing_solved_is_an_error() -> None:
    with pytest.raises(NotPositiveDefinite):
        run(Sweep((0.0,), (1e6, 2e6), "none"), n_train=300)
    with pytest.raises(ArithmeticError, match="held-out rows"):
        run(Sweep((0.0,), (1e6, 2e6)), n_train=300)


def test_a_ridge_wins_where_labels_are_noise() -> None:
    """Held-out rows have corrupted labels too, and still see that fitting them exactly costs."""
    record = run(Sweep((0.0, 1.0), ("auto:3",)), labels="corrupted:0.4")
    assert record.fits[record.chosen].ridge == 1.0
    assert record.fits[1].test_error < record.fits[0].test_error


def test_merged_images_and_a_ridge_do_not_go_together(tmp_path) -> None:
    rng = np.random.default_rng(0)
    X = rng.integers(0, 17, (80, 8, 8)).astype(np.uint8)
    X[7] = X[3]
    y = np.arange(80) % 4
    y[7] = y[3]
    np.savez(tmp_path / "twins.npz", X_train=X, y_train=y, X_test=X[:4], y_test=y[:4])
    twins = str(tmp_path / "twins.npz")
    alone = run(Sweep((0.0,), ("auto", "auto:2"), "none"), dataset=twins, features=STREAMED)
    assert len(alone.fits) == 2
    with pytest.raises(UsageError, match="equal images were merged"):
        run(Sweep((0.0, 0.1), ("auto",), "none"), dataset=twins, features=STREAMED)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"ridges": ()}, "ridges is empty"),
        ({"bandwidths": (1.0, 1.0)}, "twice"),
        ({"choose": "test"}, "choose"),
    ],
)
def test_refusals(choice: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Sweep(**choice)


def test_too_few_rows_to_hold_some_out() -> None:
    with pytest.raises(UsageError, match="too few to hold some out"):
        run(Sweep((0.0, 1.0)), n_train=9)
    assert len(run(Sweep((0.0, 1.0), choose="none"), n_train=9).fits) == 2


def test_a_kernel_without_a_bandwidth_takes_no_list() -> None:
    with pytest.raises(UsageError, match="has no bandwidth"):
        run(Sweep((0.1,), (1.0, 2.0)), kernel="polynomial", n_train=50)
