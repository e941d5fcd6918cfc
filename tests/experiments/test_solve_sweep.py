"""Many ridges and bandwidths from one pass are the single solves; the choice is made without the test set."""

from __future__ import annotations

import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kernelgen.datasets.registry import load_dataset
from kernelgen.errors import BudgetExceeded, NotConverged, NotPositiveDefinite, UsageError
from kernelgen.estimators.targets import decode_scores, encode_labels, error_rate
from kernelgen.experiments import held_out_rows, solve, solve_streamed
from kernelgen.experiments.feature_points import layout_of
from kernelgen.experiments.held_out_rows import draw_split
from kernelgen.experiments.solve import SolveConfig, prepare_solve, run_solve
from kernelgen.experiments.solve_sweep import Sweep, SweepRecord, plan_sweep, solve_sweep
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


def test_held_out_errors_are_those_of_rows_that_are_not_fitted() -> None:
    record = run(Sweep((0.0, 0.01), (1.0, 2.5)), n_train=500, seed=3)
    data = load_dataset("digits")
    X, (classes, Y) = data.X_train[:500] / data.maximum, encode_labels(data.y_train[:500])
    split = draw_split(500, 3)
    assert (record.choice["n_train"], record.choice["n_held_out"]) == (400, 100)
    for each in record.choice["tried"]:
        kernel = Gaussian(each["bandwidth"])
        alpha = np.linalg.solve(kernel(X[split.fitted]) + each["ridge"] * np.eye(400), Y[split.fitted])
        scores = kernel(X[split.held_out], X[split.fitted]) @ alpha
        assert each["error"] == error_rate(decode_scores(scores, classes), data.y_train[split.held_out])
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
    split = draw_split(300, 0)
    for each in record.choice["tried"]:
        kernel = Gaussian(each["bandwidth"])
        alpha = np.linalg.solve(kernel(Phi[split.fitted]) + each["ridge"] * np.eye(240), Y[split.fitted])
        scores = kernel(Phi[split.held_out], Phi[split.fitted]) @ alpha
        assert each["error"] == error_rate(decode_scores(scores, classes), data.y_train[split.held_out])


@pytest.mark.parametrize("features", FEATURES)
@pytest.mark.parametrize("choose", ["held-out", "leave-one-out", "none"])
def test_the_test_set_is_read_once_after_the_last_fit(features: str, choose: str) -> None:
    problem, phases = prepare_solve(SolveConfig(features=features, n_train=200)), []
    sweep = Sweep((0.0, 0.1), ("auto", "auto:2"), choose)
    record = solve_sweep(problem, sweep, progress=lambda where: phases.append(where.phase))
    first = phases.index("predict")
    assert set(phases[first:]) == {"predict"}
    assert "factor" in phases[:first]
    assert record.choice["test_set"] == "read once, after the last fit"
    assert all(fit.seconds["predict"] > 0 for fit in record.fits)


@pytest.mark.parametrize("n", [10, 11, 999, 50_000])
def test_a_split_is_drawn_from_all_rows(n: int) -> None:
    one, again, other = draw_split(n, 0), draw_split(n, 0), draw_split(n, 1)
    rows = np.concatenate([one.fitted, one.held_out])
    assert len(np.unique(rows)) == len(rows) == min(n, 15_000)
    assert (np.diff(one.fitted) > 0).all()
    assert one.fitted[-1] > n * 0.7
    assert np.array_equal(one.held_out, again.held_out)
    assert not np.array_equal(one.held_out, other.held_out)


@pytest.mark.parametrize("n", [30, 300, 50_000])
def test_equal_rows_are_on_one_side_of_a_split(n: int) -> None:
    first = np.arange(n) % (n // 3)
    split, sizes = draw_split(n, 0, first), held_out_rows.split_sizes(n)
    assert len(split.fitted) == sizes[0]
    assert sizes[1] - 4 < len(split.held_out) <= sizes[1]  # those beside the cut are left out
    assert not np.intersect1d(first[split.fitted], first[split.held_out]).size
    assert (np.diff(split.held_out) > 0).all()
    distinct = first[split.fitted][split.distinct]
    assert np.array_equal(np.sort(distinct), np.unique(first[split.fitted]))


def test_one_row_repeated_holds_nothing_out() -> None:
    with pytest.raises(UsageError, match="too few different ones"):
        draw_split(50, 0, np.zeros(50, dtype=np.int64))


def repeated_digits(path: Path, times: int) -> str:
    """Every training image so many times."""
    data = load_dataset("digits")
    X, y = np.tile(data.X_train[:200], (times, 1)), np.tile(data.y_train[:200], times)
    X, X_test = X.reshape(-1, 8, 8), data.X_test.reshape(-1, 8, 8)
    np.savez(path, X_train=X, y_train=y, X_test=X_test, y_test=data.y_test, maximum=data.maximum)
    return str(path)


@pytest.mark.parametrize("features", FEATURES)
def test_a_held_out_image_has_no_copy_among_the_fitted(features: str, tmp_path: Path) -> None:
    """A copy is known by heart: with a narrow kernel no held-out row was missed, and that kernel was chosen."""
    record = run(
        Sweep((1e-3, 1e-2), (0.01, "auto", "auto:2")),
        dataset=repeated_digits(tmp_path / "repeated.npz", 3),
        features=features,
    )
    narrow = [each["error"] for each in record.choice["tried"] if each["bandwidth"] == 0.01]
    assert min(narrow) > 0.5
    assert all(fit.bandwidth > 0.1 for fit in record.fits)


@pytest.mark.parametrize("features", FEATURES)
def test_repeated_images_do_not_make_the_bandwidth_narrow(features: str, tmp_path: Path) -> None:
    """The rule measures distances between distinct images: with a ridge, too, where they are not merged."""
    repeated = repeated_digits(tmp_path / "repeated.npz", 3)
    one, three = (
        run_solve(SolveConfig(dataset=name, features=features, ridge=ridge))
        for name, ridge in ((repeated_digits(tmp_path / "once.npz", 1), 0.1), (repeated, 0.3))
    )
    if features == "pixels":  # filters are patches of other rows
        assert three.bandwidth == one.bandwidth
        assert three.test_error == one.test_error
    assert three.bandwidth == pytest.approx(one.bandwidth, rel=0.3)


@pytest.mark.parametrize("features", FEATURES)
def test_rows_sorted_by_class_choose_as_well(features: str, tmp_path: Path) -> None:
    """The first four fifths of such rows never show the last two digits."""
    data = load_dataset("digits")
    order = np.argsort(data.y_train[:600], kind="stable")
    X, y = data.X_train[:600].reshape(-1, 8, 8)[order], data.y_train[:600][order]
    np.savez(tmp_path / "sorted.npz", X_train=X, y_train=y, X_test=X[:5], y_test=y[:5])
    record = run(
        Sweep((0.0, 0.1), ("auto", "auto:2")), dataset=str(tmp_path / "sorted.npz"), features=features
    )
    assert max(record.errors) < 0.1


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
    phases = set()
    problem = prepare_solve(SolveConfig(dataset=twins, features=STREAMED))
    with pytest.raises(UsageError, match="images are equal"):
        solve_sweep(problem, Sweep((0.1, 0.0)), progress=lambda now: phases.add(now.phase))
    assert not phases  # told before any work
    assert len(run(Sweep((0.1, 1.0)), dataset=twins, features=STREAMED).fits) == 2


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


def test_a_ridge_that_no_bandwidth_solves_is_told() -> None:
    record = run(Sweep((0.0, 0.1), (1e6, 2e6)), n_train=300)
    assert [fit.ridge for fit in record.fits] == [0.1]
    ((each),) = record.unsolved
    assert (each["ridge"], each["bandwidth"]) == (0.0, 2e6)
    assert each["message"].startswith("on the rows of the choice: K is not positive definite")


@pytest.mark.parametrize("choose", ["held-out", "none"])
def test_equal_rows_with_other_labels_cost_the_ridge_0_only(choose: str, tmp_path: Path) -> None:
    data = load_dataset("digits")
    X = np.concatenate([data.X_train[:200], data.X_train[:20]])
    y = np.concatenate([data.y_train[:200], (data.y_train[:20] + 1) % 10])
    np.savez(tmp_path / "twins.npz", X_train=X, y_train=y, X_test=X[:4], y_test=y[:4])
    record = run(Sweep((0.1, 0.0), choose=choose), dataset=str(tmp_path / "twins.npz"))
    assert [fit.ridge for fit in record.fits] == [0.1]
    assert [each["ridge"] for each in record.unsolved] == [0.0]
    assert "different target" in record.unsolved[0]["message"]


def test_what_is_unsolved_has_a_bandwidth_where_the_kernel_has_one() -> None:
    record = run(Sweep((0.0, 1.0)), n_train=200, kernel="linear")  # 64 pixels: ridge 0 has no factor
    assert [(each["ridge"], each["bandwidth"]) for each in record.unsolved] == [(0.0, None)]


def test_a_kernel_without_a_bandwidth_measures_no_distances(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_out_rows.StoredHeldOut, "neighbour_distance", None)
    record = run(Sweep((0.1, 1.0)), n_train=100, kernel="linear")
    assert len(record.fits) == 2


@pytest.mark.parametrize("features", FEATURES)
@pytest.mark.parametrize("failing", [False, True])
def test_no_factor_stays_beside_the_next(
    features: str, failing: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a fit fails, too: the error that is kept must not hold the frames it went through."""
    made: list[weakref.ref] = []
    alive: list[int] = []

    def spy(module: object, name: str) -> None:
        real = getattr(module, name)

        def factorized(*args: object, **kwargs: object) -> object:
            alive.append(sum(each() is not None for each in made))
            factor = real(*args, **kwargs)
            made.append(weakref.ref(factor.tiles.storage))
            return factor

        monkeypatch.setattr(module, name, factorized)

    def refuse(solution: object) -> object:
        raise NotConverged("not this one")

    for module in (held_out_rows, solve, solve_streamed):
        for name in ("factorize", "factorize_products"):
            if hasattr(module, name):
                spy(module, name)
    if failing:
        for module in (solve, solve_streamed):
            monkeypatch.setattr(module, "check_solved", refuse)
    problem = prepare_solve(SolveConfig(features=features, n_train=200))
    sweep = Sweep((0.0, 0.1), ("auto", "auto:2"))
    if failing:
        with pytest.raises(NotConverged):
            solve_sweep(problem, sweep)
    else:
        solve_sweep(problem, sweep)
    assert alive == [0] * 6


@pytest.mark.parametrize("features", FEATURES)
def test_the_choice_is_part_of_the_plan(features: str) -> None:
    problem = prepare_solve(SolveConfig(features=features, n_train=1000))
    sweep = Sweep((0.0, 0.1))
    whole = plan_sweep(problem, sweep)
    assert [phase.name for phase in whole.phases].count("choose") == 1
    assert whole.seconds > problem.plan.seconds
    assert plan_sweep(problem, Sweep((0.1,), choose="none")) == problem.plan
    both = plan_sweep(problem, replace(sweep, choose="none"))
    assert both.peak_bytes - problem.plan.peak_bytes == 2 * 8 * 1000 * 10  # of a fit that waits
    more = plan_sweep(problem, Sweep((0.0, 0.1), ("auto", "auto:2")))
    assert (
        more.peak_bytes == whole.peak_bytes > problem.plan.peak_bytes
    )  # the rows and their factor are held twice
    budget = whole.peak_bytes - 1
    tight = prepare_solve(SolveConfig(features=features, n_train=1000, memory_budget=budget))
    with pytest.raises(BudgetExceeded, match="leave-one-out"):
        solve_sweep(tight, sweep)
    record = solve_sweep(
        prepare_solve(SolveConfig(features=features, n_train=1000, memory_budget=budget + 1)), sweep
    )
    assert {fit.planned_bytes for fit in record.fits} == {whole.peak_bytes}


@pytest.mark.parametrize("features", FEATURES)
def test_the_total_is_that_of_a_single_solve(features: str) -> None:
    """Neither the choice nor the other fits are part of it."""
    record = run(Sweep((0.0, 0.1, 1.0), ("auto", "auto:2")), features=features, n_train=400)
    for fit in record.fits:
        parts = sum(value for name, value in fit.seconds.items() if name not in ("total", "load"))
        assert parts <= fit.seconds["total"] <= parts + 0.3
